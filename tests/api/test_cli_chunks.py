"""`audiotricks upload` of large files in chunks, and `audiotricks sessions`: through interruptions of the
connection, of the server and of the program itself."""
import base64
import fcntl
import hashlib
import http.server
import json
import os
import pty
import re
import socket
import struct
import subprocess
import termios
import threading
import time

import audio
import pytest
from people import default_workspace, make_token, make_workspace
from proxy import Proxy
from server import BINARY, wait_until
from unsteady import BUSY, TROUBLE, Answer, Unsteady

SIZE = 48 * 1024 * 1024
CHUNK = 5 * 1024 * 1024
CHUNKS = -(-SIZE // CHUNK)


@pytest.fixture(scope="module")
def content():
    return audio.wav_of_bytes(SIZE)


@pytest.fixture
def take(tmp_path, content):
    path = tmp_path / "take.wav"
    path.write_bytes(content)
    return path


class Client:
    """The command, with a cache folder of its own."""

    def __init__(self, server, cache):
        self.server, self.cache, self.url, self.token = server, cache, server.url, server.token

    def environment(self):
        return {**os.environ, "AUDIOTRICKS_CLIENT_SERVER": self.url,
                "AUDIOTRICKS_CLIENT_TOKEN": self.token, "XDG_CACHE_HOME": str(self.cache)}

    def start(self, path, *options):
        return subprocess.Popen([BINARY, "upload", "--chunked-from", "1M", *options, str(path)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment())

    def upload(self, path, *options, code=0):
        process = self.start(path, *options)
        out, errors = process.communicate(timeout=120)
        assert process.returncode == code, f"{process.returncode}: {out}{errors}"
        return out + errors

    def states(self):
        return sorted((self.cache / "audiotricks").glob("*.json"))

    def left(self):
        """Whatever is in the cache folder."""
        folder = self.cache / "audiotricks"
        return sorted(folder.iterdir()) if folder.exists() else []


class CuttingProxy(Proxy):
    """Hands on LIMIT bytes of each connection, and then cuts it; or holds it until it is released, and
    hands on everything from then on."""

    def __init__(self, port, limit, holds):
        super().__init__()
        self.to, self.limit, self.cuts = port, limit, 0
        self.released = threading.Event() if holds else None

    def release(self):
        self.released.set()

    def serve(self, client):
        try:
            server = socket.create_connection(("127.0.0.1", self.to))
        except OSError:  # it is down
            client.close()
            return
        with client, server:
            back = threading.Thread(target=self.answer, args=(server, client), daemon=True)
            back.start()
            if self.copy(client, server, self.limit):
                self.cuts += 1
            self.shut(client, server)
            back.join(10)

    def answer(self, server, client):
        """A server that has died ends the client's connection, too."""
        self.copy(server, client, None)
        self.shut(client, server)

    @staticmethod
    def shut(*ends):
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def copy(self, source, target, limit):
        """True once LIMIT is reached and nothing releases."""
        moved = 0
        try:
            while data := source.recv(65536):
                target.sendall(data)
                moved += len(data)
                if limit is None or moved < limit:
                    continue
                if not self.released:
                    return True
                assert self.released.wait(120)
        except OSError:
            pass
        return False


@pytest.fixture
def client(server, tmp_path):
    return Client(server, tmp_path / "cache")


@pytest.fixture
def held(client):
    """The client's connections stop in the middle of the second chunk that each of them sends."""
    with CuttingProxy(client.server.port, CHUNK + CHUNK // 2, holds=True) as proxy:
        client.url = proxy.url
        yield proxy
        proxy.release()


def sessions(api):
    return api.get_json("/v1/chunked-uploads")["items"]


def body_bytes(api):
    text = api.get("/metrics").text
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith("audiotricks_http_body_bytes_received_total ")))


def check_stored(api, content):
    record = api.get_json("/v1/uploads")["items"][0]
    assert record["checksum_sha256"] == hashlib.sha256(content).hexdigest()
    assert record["original_filename"] == "take.wav"


def wait_for_chunks(api, count):
    wait_until(lambda: (sessions(api) or [{"completed": 0}])[0]["completed"] == count, 60,
               f"{count} chunks")


def killed_half_way(client, api, take, held):
    """Runs the command until some chunks are there, and no longer."""
    process = client.start(take)
    wait_for_chunks(api, 4)
    process.kill()
    process.communicate()
    held.release()
    (session,) = sessions(api)
    assert session["status"] == "initiated"
    return session


def test_a_large_file_goes_in_chunks(client, take, content):
    api = client.server.api()
    out = client.upload(take)
    assert "uploaded" in out
    check_stored(api, content)
    (session,) = sessions(api)
    assert (session["protocol"], session["status"]) == ("chunked", "completed")
    assert session["total_chunks"] == CHUNKS
    assert not client.left()
    assert "skipped" in client.upload(take)


def test_a_small_file_does_not(client, tmp_path):
    path = tmp_path / "small.wav"
    path.write_bytes(audio.wav(seconds=1))
    client.upload(path)
    assert not sessions(client.server.api())


def test_goes_on_after_being_killed(client, take, content, held):
    api = client.server.api()
    before = killed_half_way(client, api, take, held)
    (state,) = client.states()
    assert state.stat().st_mode & 0o777 == 0o600
    there = sessions(api)[0]["received_bytes"]
    received = body_bytes(api)
    client.upload(take)
    # The rest, and what of four halves of chunks was still on its way to the server.
    assert body_bytes(api) - received < SIZE - there + 3 * CHUNK < SIZE
    (after,) = sessions(api)
    assert (after["id"], after["status"]) == (before["id"], "completed")
    check_stored(api, content)
    assert not client.left()


def test_a_changed_file_begins_anew(client, take, content, held):
    api = client.server.api()
    before = killed_half_way(client, api, take, held)
    changed = bytearray(content)
    changed[SIZE // 2] ^= 1
    take.write_bytes(changed)
    client.upload(take)
    (after,) = sessions(api)
    assert after["id"] != before["id"], "the old session is gone"
    check_stored(api, changed)


def test_an_expired_session_begins_anew(client, take, content, held):
    api = client.server.api()
    before = killed_half_way(client, api, take, held)
    assert client.server.cli("sessions", "rm", before["id"]).stdout == f"{before['id']}  removed\n"
    client.upload(take)
    check_stored(api, content)


def test_the_server_dies_meanwhile(client, take, content, held):
    server = client.server
    process = client.start(take)
    wait_for_chunks(server.api(), 4)
    server.kill()
    held.release()
    server.start()
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, out + errors
    check_stored(server.api(), content)
    server.verify()


def test_connections_that_break(client, take, content):
    with CuttingProxy(client.server.port, 2 * CHUNK + CHUNK // 2, holds=False) as proxy:
        client.url = proxy.url
        client.upload(take)
    assert proxy.cuts >= 2
    check_stored(client.server.api(), content)
    client.server.verify()


class Flipping(CuttingProxy):
    """Changes one bit of one chunk's bytes on their way."""

    def __init__(self, port):
        self.flips = 0
        super().__init__(port, None, holds=False)

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.to)) as server:
            threading.Thread(target=self.answer, args=(server, client), daemon=True).start()
            is_chunk = False
            try:
                while data := client.recv(65536):
                    if b"/chunks/5?" in data or b"/chunks/5 " in data:
                        is_chunk = True
                    elif is_chunk and not self.flips and len(data) > 500:
                        self.flips = 1
                        data = data[:250] + bytes([data[250] ^ 1]) + data[251:]
                    server.sendall(data)
            except OSError:
                pass
            self.shut(client, server)


def test_a_bit_that_flips_on_its_way(client, take, content):
    with Flipping(client.server.port) as proxy:
        client.url = proxy.url
        client.upload(take)
    assert proxy.flips == 1
    check_stored(client.server.api(), content)
    (session,) = sessions(client.server.api())
    assert session["status"] == "completed"


@pytest.mark.parametrize("spoil, code", [("not audio", "not_audio"),
                                         ("over quota", "quota_storage_exceeded")])
def test_refusals(client, take, spoil, code):
    api = client.server.api()
    if spoil == "not audio":
        take.write_bytes(b"%PDF-1.4\n" + bytes(SIZE))
    else:
        workspace = api.get_json("/v1/workspaces")["items"][0]["id"]
        quota = f"/v1/workspaces/{workspace}/quota"
        assert api.put(quota, json={"max_storage_bytes": SIZE - 1}).status_code == 200
    told = json.loads(client.upload(take, "--json", code=6).splitlines()[0])["error"]
    assert told["code"] == code and told["detail"]
    assert not client.left()
    assert sessions(api) == []
    assert api.get_json("/v1/uploads")["items"] == []


def test_the_usual_threshold_is_64_mib(client, tmp_path):
    size = 64 << 20
    paths = {"below.wav": size - 2, "from.wav": size}
    for name, length in paths.items():
        with open(tmp_path / name, "wb") as file:
            file.write(audio.wav_of_bytes(1044)[:40] + (length - 44).to_bytes(4, "little"))
            file.truncate(length)  # silence, and a sparse file
        run = subprocess.run([BINARY, "upload", str(tmp_path / name)], capture_output=True, text=True,
                             timeout=120, env=client.environment())
        assert run.returncode == 0, run.stderr
    (session,) = sessions(client.server.api())
    assert (session["filename"], session["status"]) == ("from.wav", "completed")


def test_duplicates(client, take, content):
    api = client.server.api()
    first = json.loads(client.upload(take, "--json"))
    shared = json.loads(client.upload(take, "--json", "--no-skip"))
    assert shared["duplicate_of"] == first["id"]
    assert "  skipped  " in client.upload(take, "--on-duplicate", "return")
    assert "(duplicate_content)" in client.upload(take, "--on-duplicate", "reject", code=6)
    assert {one["status"] for one in sessions(api)} == {"completed"}
    assert not client.left()
    assert len(api.get_json("/v1/uploads")["items"]) == 2


def test_each_workspace_goes_on_with_its_own(client, take, content, held):
    """A token implies the workspace, which nobody names."""
    operator = client.server.api()
    workspaces = [default_workspace(operator)["id"], make_workspace(operator)["id"]]
    mine, other = [make_token(operator, "writer", id)["token"] for id in workspaces]
    api = client.server.api(mine)
    client.token = mine
    before = killed_half_way(client, api, take, held)
    client.token = other
    client.upload(take)
    assert [one["status"] for one in sessions(api)] == ["initiated"]
    client.token = mine
    client.upload(take)
    (after,) = sessions(api)
    assert (after["id"], after["status"]) == (before["id"], "completed")
    assert len(sessions(client.server.api(other))) == 1
    assert not client.left()


def test_another_name_begins_anew(client, take, held):
    api = client.server.api()
    before = killed_half_way(client, api, take, held)
    record = json.loads(client.upload(take, "--json", "--name", "other.wav"))
    assert record["original_filename"] == "other.wav"
    (after,) = sessions(api)
    assert after["id"] != before["id"]


def test_what_is_left_is_removed_when_the_server_has_the_content(client, take, held):
    """Killed between the server's last answer and forgetting."""
    api = client.server.api()
    killed_half_way(client, api, take, held)
    (state,) = client.states()
    text = state.read_text()
    client.upload(take)
    state.write_text(text)
    assert "skipped" in client.upload(take)
    assert not client.left() and sessions(api) == []
    assert len(api.get_json("/v1/uploads")["items"]) == 1


def test_what_is_left_is_removed_when_the_file_became_small(client, take, held):
    api = client.server.api()
    killed_half_way(client, api, take, held)
    take.write_bytes(audio.wav(seconds=1))
    client.upload(take)
    assert not client.left() and sessions(api) == []


def test_one_run_at_a_time(client, take, content, held):
    api = client.server.api()
    first = client.start(take)
    wait_for_chunks(api, 4)
    assert "it is being sent by another audiotricks" in client.upload(take, code=6)
    held.release()
    out, errors = first.communicate(timeout=120)
    assert first.returncode == 0, out + errors
    check_stored(api, content)
    assert not client.left()


def test_does_without_a_cache_folder(server, take, content):
    client = Client(server, "/dev/null/cache")
    assert "cannot be gone on with" in client.upload(take)
    check_stored(server.api(), content)


def test_progress_begins_with_what_is_there(client, take, held):
    api = client.server.api()
    there = int(killed_half_way(client, api, take, held)["received_bytes"] * 100 / SIZE)
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen([BINARY, "upload", "--chunked-from", "1M", str(take)], stderr=inner,
                               stdout=subprocess.DEVNULL, env=client.environment())
    os.close(inner)
    shown = b""
    try:
        while data := os.read(terminal, 65536):
            shown += data
    except OSError:  # the other end is closed
        pass
    os.close(terminal)
    assert process.wait(60) == 0
    percents = [int(number) for number in re.findall(rb"(\d+)%", shown)]
    assert percents and percents[0] >= there and percents[-1] <= 100, percents


# ---- against canned answers: what a sound server does not do on demand ----

KEY = "01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13"
PATH = f"/v1/chunked-uploads/{KEY}"
SMALL = 1 << 20
GONE = Answer(404, {"code": "not_found", "detail": "there is no such thing"})


def canned(content, chunks=4, **replaced):
    """The answers of a server that takes CONTENT in so many chunks."""
    session = {"id": KEY, "status": "initiated", "chunk_size": len(content) // chunks,
               "received_bytes": 0, "missing_chunks": [[0, chunks - 1]]}
    record = {"id": KEY, "duplicate_of": None,
              "checksum_sha256": hashlib.sha256(content).hexdigest()}
    workspaces = {"items": [{"id": KEY, "name": "default"}], "next_cursor": None}
    return {("GET", "/v1/uploads"): [Answer(body={"items": [], "next_cursor": None})],
            ("GET", "/v1/workspaces"): [Answer(body=workspaces)],
            ("POST", "/v1/chunked-uploads"): [Answer(201, session)],
            ("GET", PATH): [Answer(200, session)],
            ("DELETE", PATH): [Answer(204, b"")],
            ("POST", f"{PATH}/complete"): [Answer(201, record)],
            **{("PUT", f"{PATH}/chunks/{index}"): [Answer()] for index in range(chunks)}, **replaced}


class Canned:
    """As much of a server as Client needs."""

    def __init__(self, url):
        self.url, self.token = url, "at_x"


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.wav"
    path.write_bytes(audio.wav_of_bytes(SMALL))
    return path


def run_canned(answers, tmp_path, path, *options, code=0):
    with Unsteady(answers) as server:
        Client(Canned(server.url), tmp_path / "cache").upload(path, *options, code=code)
        return server


@pytest.mark.parametrize("trouble", TROUBLE)
def test_chunks_are_repeated(tmp_path, small, trouble):
    content = small.read_bytes()
    answers = canned(content)
    answers["PUT", f"{PATH}/chunks/2"] = [TROUBLE[trouble], TROUBLE[trouble], Answer()]
    if trouble not in ("checksum", "taken over", "other bytes", "as before"):  # what befalls bytes
        answers["POST", f"{PATH}/complete"].insert(0, TROUBLE[trouble])
        answers["POST", "/v1/chunked-uploads"].insert(0, TROUBLE[trouble])
    server = run_canned(answers, tmp_path, small)
    puts = server.requests("PUT", f"{PATH}/chunks/2")
    assert len(puts) == 3 and len({body for *_, body in puts}) == 1
    for path in (f"{PATH}/complete", "/v1/chunked-uploads"):
        assert len(server.requests("POST", path)) == len(answers["POST", path])
    assert not server.requests("DELETE", PATH)
    begun = server.requests("POST", "/v1/chunked-uploads")[0]
    assert json.loads(begun[3]) == {"filename": "small.wav", "file_size": SMALL,
                                    "sha256": hashlib.sha256(content).hexdigest()}
    for index in range(4):
        _, _, headers, body = server.requests("PUT", f"{PATH}/chunks/{index}")[0]
        assert body == content[index * SMALL // 4:(index + 1) * SMALL // 4]
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert headers["Content-Digest"] == f"sha-256=:{digest}:"


@pytest.mark.parametrize("trouble, code", [
    ("HTML 404", 3), ("302", 3), ("HTML 200", 3), ("507", 1), ("checksum", 1), ("taken over", 6)])
def test_when_patience_ends_the_next_run_goes_on(tmp_path, small, trouble, code):
    """Only a refusal is final: whatever else lasts too long leaves the session and what is known of it."""
    answers = canned(small.read_bytes())
    answers["PUT", f"{PATH}/chunks/2"] = [TROUBLE[trouble]]
    with Unsteady(answers) as server:
        client = Client(Canned(server.url), tmp_path / "cache")
        said = client.upload(small, "--retries", "1", code=code)
        assert "the same command goes on with it" in said
        assert len(server.requests("PUT", f"{PATH}/chunks/2")) == 2
        assert not server.requests("DELETE", PATH)
        server.answers["PUT", f"{PATH}/chunks/2"] = [Answer()]
        client.upload(small)
        assert len(server.requests("POST", "/v1/chunked-uploads")) == 1
        assert not server.requests("DELETE", PATH)
    assert not client.left()


def test_what_the_network_says_of_a_remembered_session_is_not_believed(tmp_path, small):
    answers = canned(small.read_bytes())
    answers["PUT", f"{PATH}/chunks/2"] = [Answer(503, BUSY)]
    with Unsteady(answers) as server:
        client = Client(Canned(server.url), tmp_path / "cache")
        client.upload(small, "--retries", "0", code=3)
        (there,) = server.answers["GET", PATH]
        server.answers["GET", PATH] = [TROUBLE["HTML 404"]]
        client.upload(small, "--retries", "0", code=3)
        server.answers["GET", PATH] = [there]
        server.answers["PUT", f"{PATH}/chunks/2"] = [Answer()]
        client.upload(small)
        assert len(server.requests("POST", "/v1/chunked-uploads")) == 1
    assert not client.left()


def test_a_session_that_the_server_gave_up_is_removed(tmp_path, small):
    """The digest that does not match is the whole file's."""
    answers = canned(small.read_bytes())
    answers["POST", f"{PATH}/complete"] = [TROUBLE["checksum"]]
    answers["GET", PATH] = [Answer(200, {"id": KEY, "status": "failed"})]
    server = run_canned(answers, tmp_path, small, code=1)
    assert len(server.requests("POST", f"{PATH}/complete")) == 1
    assert len(server.requests("DELETE", PATH)) == 1
    assert os.listdir(tmp_path / "cache" / "audiotricks") == []


def test_a_session_that_cannot_be_remembered_is_not_left_behind(small):
    answers = canned(small.read_bytes())
    answers["PUT", f"{PATH}/chunks/2"] = [Answer(503, BUSY)]
    with Unsteady(answers) as server:
        Client(Canned(server.url), "/dev/null").upload(small, "--retries", "0", code=3)
    assert len(server.requests("DELETE", PATH)) == 1


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setenv("AUDIOTRICKS_CLIENT_SILENCE_S", "1")


@pytest.fixture
def never():
    """An event that comes when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_silent_connection_is_given_up(tmp_path, small, impatient, never):
    answers = canned(small.read_bytes())
    answers["PUT", f"{PATH}/chunks/1"] = [Answer(after=never), Answer()]
    server = run_canned(answers, tmp_path, small)
    assert len(server.requests("PUT", f"{PATH}/chunks/1")) == 2


def test_a_server_that_finishes_is_waited_for(tmp_path, small, impatient):
    answers = canned(small.read_bytes())
    answers["PUT", f"{PATH}/chunks/3"] = [Answer(after=2.5)]
    answers["POST", f"{PATH}/complete"][0].after = 2.5
    server = run_canned(answers, tmp_path, small, "--connections", "1")
    assert len(server.requests("PUT", f"{PATH}/chunks/3")) == 1
    assert len(server.requests("POST", f"{PATH}/complete")) == 1


def test_chunks_wait_as_long_as_they_are_asked_to(tmp_path, small):
    answers = canned(small.read_bytes())
    answers["PUT", f"{PATH}/chunks/1"] = [Answer(503, BUSY, {"Retry-After": "2"}), Answer()]
    began = time.monotonic()
    run_canned(answers, tmp_path, small)
    assert time.monotonic() - began >= 2


def test_a_session_that_expires_is_begun_anew_once(tmp_path, small):
    answers = canned(small.read_bytes())
    answers["PUT", f"{PATH}/chunks/3"] = [GONE, Answer()]
    server = run_canned(answers, tmp_path, small)
    keys = {headers["Idempotency-Key"]
            for _, _, headers, _ in server.requests("POST", "/v1/chunked-uploads")}
    assert len(keys) == 2
    answers["PUT", f"{PATH}/chunks/3"] = [GONE]
    server = run_canned(answers, tmp_path, small, code=5)
    assert len(server.requests("POST", "/v1/chunked-uploads")) == 2


def test_an_answer_that_got_lost_leaves_no_session_behind(tmp_path, small):
    """The key is remembered before it is used."""
    answers = canned(small.read_bytes())
    begin = answers["POST", "/v1/chunked-uploads"]
    answers["POST", "/v1/chunked-uploads"] = [Answer(201, {"id": KEY}, cut_after=4), *begin]
    with Unsteady(answers) as server:
        client = Client(Canned(server.url), tmp_path / "cache")
        client.upload(small, "--retries", "0", code=3)
        (state,) = client.states()
        assert "session" not in json.loads(state.read_text())
        client.upload(small)
        begun = server.requests("POST", "/v1/chunked-uploads")
    assert len(begun) == 2
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in begun}) == 1
    assert not client.left()


def test_a_file_that_shrinks_meanwhile_leaves_no_session(tmp_path, small):
    """Once the server has seen the first chunk, the last one is not there any more."""
    answers = canned(small.read_bytes())
    held = threading.Event()

    class Shrinking(Answer):
        @property
        def hang_up(self):  # looked at when the request has been read
            os.truncate(small, SMALL // 2)
            held.set()
            return False

        @hang_up.setter
        def hang_up(self, _):
            pass

    answers["PUT", f"{PATH}/chunks/0"] = [Shrinking()]
    with Unsteady(answers) as server:
        client = Client(Canned(server.url), tmp_path / "cache")
        said = client.upload(small, "--connections", "1", code=6)
    assert held.is_set() and "it became shorter while it was sent" in said
    assert len(server.requests("DELETE", PATH)) == 1
    assert not client.left()


class Together(http.server.BaseHTTPRequestHandler):
    """Takes a chunk only once three are being received at the same time."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, answer):
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def do_GET(self):
        self.answer(self.server.answers["GET", self.path.split("?")[0]][0])

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(self.server.answers["POST", self.path][0])

    def do_PUT(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.server.barrier.wait()
        except threading.BrokenBarrierError:
            return self.answer(Answer(500, {"code": "internal_error", "detail": "alone"}))
        return self.answer(Answer())


def test_several_chunks_are_sent_at_once(tmp_path, small):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Together) as server:
        server.answers = canned(small.read_bytes(), chunks=6)
        server.barrier = threading.Barrier(3, timeout=30)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}"
            Client(Canned(url), tmp_path / "cache").upload(small, "--connections", "3")
        finally:
            server.shutdown()
            thread.join()


# ---- sessions ----

def test_sessions(server):
    api = server.api()
    made = [api.post("/v1/chunked-uploads", json={"filename": f"{n}.wav", "file_size": 10_000_000}).json()
            for n in range(2)]
    chunk = audio.wav_of_bytes(10_000_000)[:CHUNK]
    assert api.put(f"/v1/chunked-uploads/{made[0]['id']}/chunks/0", data=chunk).status_code == 200
    lines = server.cli("sessions", "ls").stdout.splitlines()
    assert lines[0].split()[0] == "ID" and len(lines) == 3
    assert "52 %" in lines[1] and "0.wav" in lines[1] and "initiated" in lines[1]
    assert "0 %" in lines[2]
    shown = [json.loads(line) for line in server.cli("sessions", "ls", "--json").stdout.splitlines()]
    assert [one["id"] for one in shown] == [one["id"] for one in made]
    server.cli("sessions", "rm", *[one["id"] for one in made])
    assert sessions(api) == []
    assert server.cli("sessions", "rm", made[0]["id"], check=False).returncode == 5


@pytest.mark.parametrize("options", [("--chunked-from", "much"), ("--connections", "0")])
def test_wrong_usage(client, take, options):
    process = client.start(take, *options)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 2 and options[0].strip("-") in errors, out + errors
