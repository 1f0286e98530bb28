"""How often an upload waits for a database that is elsewhere: what is between the two, and the lock of all
writers, is paid for each time."""
import contextlib
import hashlib
import io
import random
import socket
import threading
import wave

import audio
import postgres
import pytest
from people import make_token, member
from proxy import Proxy
from server import Server, expect_problem, wait_until
from tus import Tus

pytestmark = pytest.mark.databases("postgres")
TRIPS = 3
TRIES = 6  # each on connections that know its statements, but for the first ones


class Turns(Proxy):
    """Stands before a database; counts how often somebody waited for its answer, and can lose one."""

    def __init__(self, port):
        super().__init__()
        self.target, self.count = port, 0
        self.lose(b"", 0)

    def lose(self, words, nth):
        """The NTH message that holds WORDS arrives, but not its answer: the connection ends."""
        self.words, self.left = words, nth

    def serve(self, client):
        upstream = socket.create_connection(("127.0.0.1", self.target))
        asked, lost = threading.Event(), threading.Event()
        threading.Thread(target=self._pump, daemon=True, args=(
            upstream, client, lambda _: self._answer(asked, lost))).start()
        self._pump(client, upstream, lambda data: self._ask(data, asked, lost))

    def _ask(self, data, asked, lost):
        if self.left > 0 and self.words in data:
            self.left -= 1
            if self.left == 0:
                lost.set()
        asked.set()

    def _answer(self, asked, lost):
        self.count += asked.is_set()
        asked.clear()
        if lost.is_set():
            raise ConnectionError("as if the network was gone")

    @staticmethod
    def _pump(source, target, note):
        try:
            while data := source.recv(1 << 16):
                note(data)
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # the other direction's thread waits for it
            each.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server, and what stands between it and its database."""
    if not postgres.binaries():
        pytest.skip("PostgreSQL is not installed")
    with postgres.Postgres() as running, Turns(running.port) as between, Server(
            tmp_path_factory.mktemp("far") / "data", "--database",
            f"postgresql://test@127.0.0.1:{between.port}/postgres") as server:
        yield server, between, running


@pytest.fixture(scope="module")
def writer(world):
    return member(world[0], "writer")


def fewest(between, action):
    """The server does something by itself now and then, and each connection has its first time."""
    turns = []
    for number in range(TRIES):
        before = between.count
        action(number)
        turns.append(between.count - before)
    return min(turns)


def in_pieces(content):
    yield content[:1000]
    yield content[1000:]


def test_a_small_upload(world, writer):
    server, between, _ = world
    contents = [audio.wav(0.2, seed=seed) for seed in range(TRIES)]
    assert fewest(between, lambda n: writer.upload(contents[n])) <= TRIPS
    server.verify()


@pytest.mark.parametrize("wish, status", [("link", 201), ("return", 200)])
def test_a_duplicate(world, writer, wish, status):
    server, between, _ = world
    content = audio.wav(0.2, seed=100)
    writer.upload(content)
    assert fewest(between, lambda _: writer.upload(content, expect=status, on_duplicate=wish)) <= TRIPS
    server.verify()


def test_an_upload_whose_length_shows_in_the_end(world, writer):
    server, between, _ = world
    contents = [audio.wav(0.2, seed=seed) for seed in range(200, 200 + TRIES)]

    def upload(number):
        answer = writer.post("/v1/uploads?filename=a.wav", data=in_pieces(contents[number]))
        assert answer.status_code == 201, answer.text

    assert fewest(between, upload) <= TRIPS
    server.verify()


def long_wav(seed):
    """Longer than a chunk: the noise of telephones."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8000)
        file.writeframes(random.Random(seed).randbytes(8000 * 301))
    return out.getvalue()


def test_an_upload_that_is_to_be_cut(world, writer):
    server, between, _ = world
    made = []
    contents = [long_wav(seed) for seed in range(TRIES)]
    assert fewest(between, lambda n: made.append(writer.upload(contents[n])["id"])) <= TRIPS
    for upload in made:
        assert len(writer.get_json(f"/v1/uploads/{upload}/chunks")["items"]) == 2
    server.verify()


@pytest.mark.parametrize("turn, nth, is_lost", [("begin", 1, True), ("look", 1, False), ("commit", 2, True)])
def test_an_answer_that_is_lost(world, writer, turn, nth, is_lost):
    """Nobody knows whether it was committed: the client is told to come again, and nothing is left over."""
    server, between, database = world
    content, before = (audio.wav(0.2, seed=f"{turn} {when}") for when in ("now", "before"))
    writer.upload(before)
    words = hashlib.sha256(content).hexdigest() if turn == "look" else f"{turn}.wav"
    between.lose(words.encode(), nth)
    answer = writer.post("/v1/uploads", params={"filename": f"{turn}.wav"}, data=content)
    assert between.left == 0
    if is_lost:
        expect_problem(answer, 503, "unavailable")
    else:
        assert answer.status_code == 201  # who only reads asks again
    open_sessions = "SELECT count(*) FROM chunked_uploads WHERE kind = 'post'"
    wait_until(lambda: database.psql(open_sessions) == "0", 30, "the session to be ended")
    record = writer.upload(content)
    assert (record["duplicate_of"] is not None) == (turn != "begin")
    server.verify()


def test_a_session_of_several_requests(world, writer):
    """Each of its requests; the last one makes the upload."""
    server, between, _ = world
    tus = Tus(server, token=writer.headers["Authorization"].split()[1])
    contents = [audio.wav(0.2, seed=seed) for seed in range(400, 400 + TRIES)]
    paths = []
    begun = fewest(between, lambda n: paths.append(tus.begin(len(contents[n]))))
    first = fewest(between, lambda n: tus.patch(paths[n], 0, contents[n][:1000]))
    last = fewest(between, lambda n: tus.patch(paths[n], 1000, contents[n][1000:]))
    assert begun <= TRIPS
    # It is looked at before, and again when it is its turn; nobody waits for the end of a look, which counts here.
    assert first <= 16 and last <= 26
    server.verify()


def test_a_token_that_is_known_is_looked_at_all_the_same(world):
    """No upload begins with one that was revoked, nor is its caller told what is wrong with the request."""
    server, _, database = world
    operator = server.api()
    workspace = operator.get_json("/v1/workspaces")["items"][0]["id"]
    made = make_token(operator, "writer", workspace)
    known = server.api(made["token"])
    for seed in (500, 501):
        known.upload(audio.wav(0.2, seed=seed))
    sessions = "SELECT count(*) FROM chunked_uploads WHERE kind = 'post'"
    assert operator.delete(f"/v1/tokens/{made['id']}?workspace_id={workspace}").status_code == 204
    for query in ("filename=a.wav", "filename=a.wav&on_duplicate=nonsense", "nonsense=1", ""):
        answer = known.post(f"/v1/uploads?{query}", data=audio.wav(0.2, seed=502))
        expect_problem(answer, 401, "unauthorized")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert database.psql(sessions) == "0"
    assert len(operator.get_json("/v1/uploads?limit=1000")["items"]) >= 2
    server.verify()
