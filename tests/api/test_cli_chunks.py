"""`audiotricks upload` of large files in chunks, and `audiotricks sessions`: through interruptions of the
connection, of the server and of the program itself."""
import hashlib
import json
import os
import socket
import subprocess
import threading

import audio
import pytest
from server import BINARY, free_port, wait_until

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
        self.server, self.cache = server, cache

    def environment(self, url=None):
        return {**os.environ, "AUDIOTRICKS_CLIENT_SERVER": url or self.server.url,
                "AUDIOTRICKS_CLIENT_TOKEN": self.server.token, "XDG_CACHE_HOME": str(self.cache)}

    def start(self, path, *options, url=None):
        return subprocess.Popen([BINARY, "upload", "--chunked-from", "1M", *options, str(path)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment(url))

    def upload(self, path, *options, url=None, code=0):
        process = self.start(path, *options, url=url)
        out, errors = process.communicate(timeout=120)
        assert process.returncode == code, f"{process.returncode}: {out}{errors}"
        return out + errors

    def states(self):
        return sorted((self.cache / "audiotricks").glob("*.json"))


@pytest.fixture
def client(server, tmp_path):
    return Client(server, tmp_path / "cache")


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


def killed_half_way(client, api, take):
    """Runs the command until some chunks are there, and no longer."""
    process = client.start(take, "--connections", "1")
    wait_until(lambda: (sessions(api) or [{"completed": 0}])[0]["completed"] >= 2, 60, "two chunks")
    process.kill()
    process.communicate()
    (session,) = sessions(api)
    assert session["status"] == "initiated", "it was too fast to be killed"
    return session


def test_a_large_file_goes_in_chunks(client, take, content):
    api = client.server.api()
    out = client.upload(take)
    assert "uploaded" in out
    check_stored(api, content)
    (session,) = sessions(api)
    assert (session["protocol"], session["status"]) == ("chunked", "completed")
    assert session["total_chunks"] == CHUNKS
    assert not client.states()
    assert "skipped" in client.upload(take)


def test_a_small_file_does_not(client, tmp_path):
    path = tmp_path / "small.wav"
    path.write_bytes(audio.wav(seconds=1))
    client.upload(path)
    assert not sessions(client.server.api())


def test_goes_on_after_being_killed(client, take, content):
    api = client.server.api()
    before = killed_half_way(client, api, take)
    (state,) = client.states()
    assert state.stat().st_mode & 0o777 == 0o600
    there = sessions(api)[0]["received_bytes"]
    received = body_bytes(api)
    client.upload(take)
    assert body_bytes(api) - received < SIZE - there + CHUNK
    (after,) = sessions(api)
    assert (after["id"], after["status"]) == (before["id"], "completed")
    check_stored(api, content)
    assert not client.states()


def test_a_changed_file_begins_anew(client, take, content):
    api = client.server.api()
    before = killed_half_way(client, api, take)
    changed = bytearray(content)
    changed[SIZE // 2] ^= 1
    take.write_bytes(changed)
    client.upload(take)
    (after,) = sessions(api)
    assert after["id"] != before["id"], "the old session is gone"
    check_stored(api, changed)


def test_two_at_once_send_the_file_one_after_the_other(client, take, content):
    both = [client.start(take, "--no-skip") for _ in range(2)]
    for process in both:
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, out + errors
    check_stored(client.server.api(), content)
    client.server.verify()


def test_an_expired_session_begins_anew(client, take, content):
    api = client.server.api()
    before = killed_half_way(client, api, take)
    assert client.server.cli("sessions", "rm", before["id"]).stdout == f"{before['id']}  removed\n"
    client.upload(take)
    check_stored(api, content)


def test_the_server_dies_meanwhile(client, take, content):
    server = client.server
    process = client.start(take, "--retries", "60")
    wait_until(lambda: (sessions(server.api()) or [{"completed": 0}])[0]["completed"] >= 1, 60,
               "a chunk")
    server.kill()
    server.start()
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, out + errors
    check_stored(server.api(), content)
    server.verify()


class Cutting:
    """A proxy that cuts each connection after so many bytes."""

    def __init__(self, port, limit):
        self.port, self.to, self.limit, self.cuts = free_port(), port, limit, 0
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.to)) as server:
            back = threading.Thread(target=self.copy, args=(server, client, None), daemon=True)
            back.start()
            if self.copy(client, server, self.limit):
                self.cuts += 1
            for end in (client, server):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            back.join(10)

    @staticmethod
    def copy(source, target, limit):
        moved = 0
        try:
            while limit is None or moved < limit:
                data = source.recv(65536)
                if not data:
                    return False
                target.sendall(data)
                moved += len(data)
        except OSError:
            return False
        return True


def test_connections_that_break(client, take, content):
    proxy = Cutting(client.server.port, 2 * CHUNK + CHUNK // 2)
    client.upload(take, "--retries", "20", url=f"http://127.0.0.1:{proxy.port}")
    proxy.listener.close()
    assert proxy.cuts >= 2
    check_stored(client.server.api(), content)
    client.server.verify()


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
    assert code in client.upload(take, code=6)
    assert not client.states()
    assert not [one for one in sessions(api) if one["status"] == "initiated"]
    assert api.get_json("/v1/uploads")["items"] == []


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
