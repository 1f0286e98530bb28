"""What client commands do when a server fails for a while. The answers are canned; that the commands
understand the real server is shown in the other files."""
import base64
import hashlib
import http.server
import json
import os
import socket
import subprocess
import threading
import time

import pytest

import audio
from ports import free_port
from server import BINARY
from unsteady import TROUBLE, Answer, Unsteady

EMPTY = Answer(body={"items": [], "next_cursor": None})
BUSY = {"code": "unavailable", "detail": "try again later", "status": 503}


def run(server, *arguments, cwd=None, **options):
    url = server if isinstance(server, str) else server.url
    return subprocess.run(
        [BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd,
        env={**os.environ, "AUDIOTRICKS_CLIENT_SERVER": url, "AUDIOTRICKS_CLIENT_TOKEN": "at_x"},
        **options)


def record_of(content, **more):
    return {"id": "01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13", "original_filename": "take.wav",
            "file_size": len(content), "duplicate_of": None,
            "checksum_sha256": hashlib.sha256(content).hexdigest(), **more}


@pytest.fixture
def take(tmp_path):
    path = tmp_path / "take.wav"
    path.write_bytes(audio.wav(seed=1))
    return path


@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
def test_uploads_are_repeated_with_the_same_key(take, trouble):
    content = take.read_bytes()
    with Unsteady({("GET", "/v1/uploads"): [EMPTY],
                   ("POST", "/v1/uploads"): [trouble, trouble, Answer(201, record_of(content))],
                   }) as server:
        done = run(server, "upload", take)
        posts = server.requests("POST", "/v1/uploads")
    assert done.returncode == 0, done.stderr
    assert len(posts) == 3
    assert len({headers["Idempotency-Key"] for _, _, headers, _ in posts}) == 1
    assert all(body == content for _, _, _, body in posts)
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    assert posts[0][2]["Repr-Digest"] == f"sha-256=:{digest}:"
    assert posts[0][2]["Authorization"] == "Bearer at_x"


class Together(http.server.BaseHTTPRequestHandler):
    """Stores an upload only once three are being received at the same time."""
    barrier = threading.Barrier(3, timeout=30)

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.answer(200, {"items": [], "next_cursor": None})

    def do_POST(self):
        content = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            return self.answer(500, {"code": "internal_error", "detail": "alone"})
        return self.answer(201, record_of(content))


def test_several_files_are_sent_at_once(tmp_path):
    for number in range(3):
        (tmp_path / f"{number}.wav").write_bytes(audio.wav(seed=number))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Together) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            done = run(f"http://127.0.0.1:{server.server_port}", "upload", "--parallel", "3",
                       tmp_path)
        finally:
            server.shutdown()
            thread.join()
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3


def test_patience_ends(take):
    with Unsteady({("GET", "/v1/uploads"): [Answer(503, BUSY)]}) as server:
        done = run(server, "upload", "--retries", "2", take)
        assert len(server.seen) == 3
    assert done.returncode == 3
    assert "try again later (unavailable)" in done.stderr


def test_retry_after_is_honoured():
    with Unsteady({("GET", "/v1/uploads"): [
            Answer(503, BUSY, {"Retry-After": "2"}), EMPTY]}) as server:
        began = time.monotonic()
        assert run(server, "ls").returncode == 0
        assert time.monotonic() - began >= 2


@pytest.mark.parametrize("status, code, expected", [
    (400, "invalid_request", 2), (401, "unauthorized", 4), (403, "forbidden", 4),
    (403, "quota_storage_exceeded", 6), (404, "not_found", 5), (409, "already_exists", 6),
    (415, "not_audio", 6), (413, "file_too_large", 6), (409, "duplicate_content", 6),
])
def test_refusals_are_not_repeated(take, status, code, expected):
    with Unsteady({("POST", "/v1/uploads"): [
            Answer(status, {"code": code, "detail": "because"})]}) as server:
        done = run(server, "upload", "--no-skip", take)
        assert len(server.seen) == 1
    assert done.returncode == expected
    assert f"take.wav: because ({code})" in done.stderr


def test_a_new_user_is_not_made_twice():
    with Unsteady({("POST", "/v1/users"): [Answer(hang_up=True)]}) as server:
        assert run(server, "user", "add", "anna").returncode == 3
        assert len(server.seen) == 1


def test_standard_input_is_sent_once(take):
    with Unsteady({("POST", "/v1/uploads"): [Answer(503, BUSY)]}) as server:
        with open(take, "rb") as content:
            done = run(server, "upload", "-", "--name", "a.wav", stdin=content)
        (_, _, headers, body), = server.seen
    assert done.returncode == 3
    assert headers["Transfer-Encoding"] == "chunked" and body == take.read_bytes()


def test_a_server_that_starts_late_is_waited_for():
    port = free_port()
    listener = socket.socket()

    def answer_late():
        time.sleep(0.6)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        connection, _ = listener.accept()
        connection.recv(65536)
        body = b'{"items":[],"next_cursor":null}'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
                           % (len(body), body))
        connection.close()

    thread = threading.Thread(target=answer_late)
    thread.start()
    done = run(f"http://127.0.0.1:{port}", "ls")
    thread.join()
    listener.close()
    assert done.returncode == 0, done.stderr


def test_a_server_that_stored_something_else_is_told_on(take):
    with Unsteady({("POST", "/v1/uploads"): [Answer(201, record_of(b"other"))]}) as server:
        done = run(server, "upload", "--no-skip", take)
    assert done.returncode == 1 and "stored something else" in done.stderr


def test_the_detail_does_not_repeat_the_code(take):
    problem = {"code": "not_audio", "detail": "it is a letter"}
    with Unsteady({("POST", "/v1/uploads"): [Answer(415, problem)]}) as server:
        done = run(server, "upload", "--no-skip", "--json", take)
    assert json.loads(done.stdout) == {"file": str(take), "error": problem}
    assert f"{take}: it is a letter (not_audio)" in done.stderr


@pytest.mark.parametrize("answer, words", [
    (Answer(200, b"<html>hello"), "is it an AudioTricks server?"),
    (Answer(404, b"<html>none"), "is a proxy or a sign-in page in between?"),
    (Answer(302, b"", {"Location": "http://127.0.0.1:1/"}), "is a proxy or a sign-in page in between?"),
    (Answer(403, {"code": "unheard_of", "detail": "because"}), "because (unheard_of)"),
], ids=["200", "404", "302", "code"])
def test_answers_of_strangers_are_explained(answer, words):
    with Unsteady({("GET", "/v1/uploads"): [answer]}) as server:
        done = run(server, "ls", "--retries", "1")
        assert len(server.seen) == 2
    assert done.returncode == 3 and words in done.stderr


def test_accidents_are_made_up_for_only_so_often(take):
    with Unsteady({("POST", "/v1/uploads"): [
            Answer(400, {"code": "checksum_mismatch", "detail": "other bytes"})]}) as server:
        done = run(server, "upload", "--no-skip", "--retries", "20", take)
        assert len(server.seen) == 6
    assert done.returncode == 1 and "other bytes (checksum_mismatch)" in done.stderr


def test_a_conflict_without_bytes_is_a_refusal():
    with Unsteady({("DELETE", "/v1/uploads/x"): [
            Answer(409, {"code": "conflict", "detail": "because"})]}) as server:
        done = run(server, "rm", "x")
        assert len(server.seen) == 1
    assert done.returncode == 6


@pytest.mark.parametrize("command", [("ls",), ("user", "add", "anna")], ids=["ls", "user"])
@pytest.mark.parametrize("server", ["http://nowhere.invalid", "https://127.0.0.1:{port}"],
                         ids=["name", "TLS"])
def test_who_cannot_be_spoken_to_is_tried_again(command, server):
    """Without a name, or without TLS, nothing has been sent: even what is not repeatable is safe."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        calls = []

        def hang_up():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                calls.append(connection.recv(1))
                connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        began = time.monotonic()
        done = run(server.format(port=listener.getsockname()[1]), *command, "--retries", "2")
        waited = time.monotonic() - began
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert done.returncode == 3, done.stderr
    assert waited > 0.375, "two waits, of 250 and 500 ms less a half"
    assert len(calls) == (0 if "nowhere" in server else 3)


def test_answers_cannot_act_on_the_terminal():
    item = {"id": "\x1b[2J", "original_filename": "a\x1b]0;x\x07", "status": "\u202e",
            "file_type": "wav\n", "uploaded_at": "\x1b", "file_size": 1, "duration": 1}
    with Unsteady({("GET", "/v1/uploads"): [Answer(body={"items": [item], "next_cursor": None})],
                   ("GET", "/v1/uploads/x"): [Answer(body={**item, "metadata": {"\x1b[1m": "\x1b"}})],
                   ("DELETE", "/v1/uploads/x"): [
                       Answer(403, {"code": "\x1b", "detail": "\x1b[2J"})]}) as server:
        for arguments in (["ls"], ["info", "x"], ["rm", "x"]):
            done = run(server, *arguments)
            assert not set("\x1b\x07\u202e") & set(done.stdout + done.stderr), arguments


def test_complaints_cannot_act_on_the_terminal(take, tmp_path):
    record = record_of(take.read_bytes(), checksum_sha256="\x1b[2J")
    os.mkfifo(tmp_path / "\x1b[2J")
    with Unsteady({("POST", "/v1/uploads"): [Answer(201, record)],
                   ("GET", "/v1/uploads/x"): [Answer(body=record)],
                   ("GET", "/v1/uploads/x/content"): [Answer(200, take.read_bytes())]}) as server:
        for arguments in (["upload", "--no-skip", take], ["get", "x"], ["upload", "\x1b[2J"]):
            done = run(server, *arguments, cwd=tmp_path)
            assert done.returncode != 0 and done.stderr
            assert "\x1b" not in done.stderr + done.stdout, arguments


# Connections on which nothing moves

@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setenv("AUDIOTRICKS_CLIENT_SILENCE_S", "1")


@pytest.fixture
def never():
    """An event that comes when the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_silent_answer_is_given_up(impatient, never):
    with Unsteady({("GET", "/v1/uploads"): [Answer(after=never), EMPTY]}) as server:
        done = run(server, "ls")
        assert len(server.seen) == 2
    assert done.returncode == 0, done.stderr


def test_who_does_not_take_the_body_is_given_up(tmp_path, impatient):
    path = tmp_path / "large.wav"
    path.write_bytes(audio.wav_of_bytes(32 << 20))  # more than sockets hold
    with socket.create_server(("127.0.0.1", 0)) as listener:  # nobody accepts
        done = run(f"http://127.0.0.1:{listener.getsockname()[1]}", "upload", "--no-skip",
                   "--retries", "0", path)
    assert done.returncode == 3 and "nothing has moved for 1 s" in done.stderr


def test_a_server_that_stores_is_waited_for(take, impatient, never):
    stored = Answer(201, record_of(take.read_bytes()), after=2.5)
    with Unsteady({("POST", "/v1/uploads"): [stored]}) as server:
        assert run(server, "upload", "--no-skip", "--retries", "0", take).returncode == 0
    with Unsteady({("POST", "/v1/uploads"): [Answer(after=never)]}) as server:
        done = run(server, "upload", "--no-skip", "--retries", "0", take)
    assert done.returncode == 3 and "nothing has moved for 5 s" in done.stderr


@pytest.mark.parametrize("seconds", ["0", "long", "3601"])
def test_a_silence_that_is_no_number(monkeypatch, seconds):
    monkeypatch.setenv("AUDIOTRICKS_CLIENT_SILENCE_S", seconds)
    done = run("http://127.0.0.1:1", "ls")
    assert done.returncode == 2 and "AUDIOTRICKS_CLIENT_SILENCE_S" in done.stderr


# Downloads that break

CONTENT = audio.wav_of_bytes(1 << 20, 7)
PATH = "/v1/uploads/x/content"
ETAG = {"ETag": '"sha256-1"'}


def tail(offset):
    return Answer(206, CONTENT[offset:],
                  {"Content-Range": f"bytes {offset}-{len(CONTENT) - 1}/{len(CONTENT)}", **ETAG})


def downloads(*answers, record=None):
    return Unsteady({("GET", "/v1/uploads/x"): [Answer(body=record or record_of(CONTENT))],
                     ("HEAD", PATH): [Answer(200, b"", ETAG)], ("GET", PATH): answers})


def test_a_broken_download_goes_on_where_it_was(tmp_path):
    with downloads(Answer(200, CONTENT, ETAG, cut_after=300_000), tail(300_000)) as server:
        done = run(server, "get", "x", cwd=tmp_path)
        first, second = server.requests("GET", PATH)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "take.wav").read_bytes() == CONTENT
    assert "Range" not in first[2]
    assert second[2]["Range"] == "bytes=300000-"
    assert second[2]["If-Range"] == ETAG["ETag"]


def test_a_download_of_a_stranger_is_refused_and_gone(tmp_path):
    with downloads(Answer(200, CONTENT[::-1], ETAG)) as server:
        done = run(server, "get", "x", cwd=tmp_path)
    assert done.returncode == 1 and "SHA-256" in done.stderr
    assert os.listdir(tmp_path) == []


def test_a_server_that_ignores_ranges_is_understood(tmp_path):
    (tmp_path / "take.wav.part").write_bytes(CONTENT[:1000])
    with downloads(Answer(200, CONTENT, ETAG)) as server:
        assert run(server, "get", "x", cwd=tmp_path).returncode == 0
    assert (tmp_path / "take.wav").read_bytes() == CONTENT


def test_a_broken_download_is_kept_for_the_next_run(tmp_path):
    with downloads(Answer(200, CONTENT, ETAG, cut_after=300_000), Answer(503, BUSY)) as server:
        assert run(server, "get", "x", "--retries", "1", cwd=tmp_path).returncode == 3
    assert os.listdir(tmp_path) == ["take.wav.part"]
    with downloads(tail(300_000)) as server:
        assert run(server, "get", "x", cwd=tmp_path).returncode == 0
    assert (tmp_path / "take.wav").read_bytes() == CONTENT


def test_more_bytes_than_the_record_says_are_refused(tmp_path):
    record = {**record_of(CONTENT), "file_size": 1000}
    with downloads(Answer(200, CONTENT, ETAG), record=record) as server:
        done = run(server, "get", "x", cwd=tmp_path)
    assert done.returncode == 1
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1000


def test_json_of_a_download_into_a_folder_of_any_name(tmp_path):
    folder = os.fsencode(tmp_path) + b"/\xe9"
    os.mkdir(folder)
    with downloads(Answer(200, CONTENT, ETAG)) as server:
        done = run(server, "get", "--json", "x", "-o", os.fsdecode(folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] == len(CONTENT)
    assert os.listdir(folder) == [b"take.wav"]


def test_names_from_the_server_stay_in_the_folder(tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    record = record_of(CONTENT, original_filename="../../escaped/../name.wav")
    with downloads(Answer(200, CONTENT, ETAG), record=record) as server:
        assert run(server, "get", "x", cwd=here).returncode == 0
    assert os.listdir(tmp_path) == ["here"]
    assert os.listdir(here) == ["_._.._escaped_.._name.wav"]


def test_json_lines_of_a_listing_are_the_servers(tmp_path):
    pages = [Answer(body={"items": [{"id": str(n)}], "next_cursor": "c" if n < 2 else None})
             for n in range(3)]
    with Unsteady({("GET", "/v1/uploads"): pages}) as server:
        done = run(server, "ls", "--all", "--json")
        assert ["cursor=c" in path for _, path, _, _ in server.seen] == [False, True, True]
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {"id": "0"}, {"id": "1"}, {"id": "2"}]
