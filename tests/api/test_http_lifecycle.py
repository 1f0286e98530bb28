"""Listening, socket activation, and a stop that loses nothing."""
import os
import socket
import stat
import subprocess
import time

import pytest

from http_fixtures import toy, start  # noqa: F401
from http_raw import BINARY, Raw, checksum, request


def test_several_listeners(start, tmp_path):
    path = tmp_path / "x.sock"
    server = start(listen=["127.0.0.1:0", "[::1]:0", f"unix:{path}?mode=0600"])
    assert len(server.addresses) == 3
    for address in server.addresses:
        with Raw(address) as raw:
            assert raw.ask(request()).status == 200
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with Raw(str(path)) as raw:
        assert "client=unix\n" in raw.ask(request(target="/echo/1")).text
        assert raw.ask(request(target="/content/fd")).status == 200
    server.terminate()
    assert server.wait() == 0
    assert not path.exists()


def test_localhost_listens_on_both_families(start):
    server = start(listen="localhost:0")
    ports = {address[1] for address in server.addresses}
    assert len(ports) == 1
    for address in server.addresses:
        with Raw(address) as raw:
            assert raw.ask(request()).status == 200


def test_all_addresses(start):
    server = start(listen=":0")
    with Raw(("127.0.0.1", server.address[1])) as raw:
        assert "client=127.0.0.1\n" in raw.ask(request(target="/echo/1")).text


def test_stale_unix_socket_is_replaced(start, tmp_path):
    path = tmp_path / "x.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    server = start(listen=f"unix:{path}")
    with Raw(str(path)) as raw:
        assert raw.ask(request()).status == 200
    refused = subprocess.run([BINARY, f"unix:{path}"], capture_output=True, timeout=20)
    assert refused.returncode == 2
    with Raw(str(path)) as raw:  # and the first one still listens
        assert raw.ask(request()).status == 200
    assert server.address == str(path)


@pytest.mark.parametrize("where", ["nonsense", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "1.2.3.4.5:80",
                                   "::1:80", "[::1:80", "unix:", "unix:/x?mode=9", "127.0.0.1:70000"])
def test_bad_addresses(where):
    done = subprocess.run([BINARY, where], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and done.stderr.strip()


def test_taken_address_and_file_in_the_way(toy, tmp_path):
    taken = f"127.0.0.1:{toy.address[1]}"
    assert subprocess.run([BINARY, taken], capture_output=True, timeout=20).returncode == 2
    (tmp_path / "file").write_text("x")
    done = subprocess.run([BINARY, f"unix:{tmp_path}/file"], capture_output=True, timeout=20)
    assert done.returncode == 2 and (tmp_path / "file").read_text() == "x"


def test_socket_activation(tmp_path):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        process = os.fork()
        if process == 0:
            log = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY, 0o600)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.dup2(listening.fileno(), 3)
            os.set_inheritable(3, True)
            os.execve(BINARY, [BINARY, "--inherit"],
                      {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})
    with Raw(("127.0.0.1", port)) as raw:
        assert raw.ask(request()).status == 200
    os.kill(process, 15)
    assert os.waitpid(process, 0)[1] == 0


def test_stop_when_idle_is_prompt(start):
    server = start()
    raws = [server.connect() for _ in range(50)]
    for raw in raws[:25]:
        assert raw.ask(request()).status == 200
    begun = time.monotonic()
    server.terminate()
    assert server.wait() == 0
    assert time.monotonic() - begun < 3
    for raw in raws:
        assert raw.is_closed()


def test_stop_lets_requests_finish(start):
    server = start("--grace_ms=20000")
    slow, uploading, idle = server.connect(), server.connect(), server.connect()
    slow.send(request(target="/sleep?ms=1500"))
    uploading.send(request("POST", "/sum", "Content-Length: 100000\r\n") + "x" * 1000)
    idle.ask(request())
    server.wait_for(lambda now: now["active"] == 3)
    server.terminate()
    assert idle.is_closed()
    with pytest.raises(OSError):
        server.connect()
    answer = slow.answer()
    assert answer.status == 200 and answer["Connection"] == "close"
    assert server.process.poll() is None
    answer = uploading.ask("x" * 99000)
    assert answer.text == checksum(b"x" * 100_000) + " -\n" and answer["Connection"] == "close"
    assert server.wait() == 0


def test_stop_cuts_off_after_the_grace(start):
    server = start("--grace_ms=500")
    raw = server.connect()
    raw.send(request("POST", "/sum", "Content-Length: 100000\r\n") + "x" * 1000)
    server.wait_for(lambda now: now["bodies"] == 1)
    begun = time.monotonic()
    server.terminate()
    assert server.wait() == 0
    assert 0.4 < time.monotonic() - begun < 5


def test_events_end_with_the_server_and_with_the_client(start):
    server = start()
    with server.connect() as raw:
        raw.send(request(target="/events"))
        raw.until(b"data: x")
        server.wait_for(lambda now: now["active"] == 2)
    server.wait_for(lambda now: now["active"] == 1)
    raw = server.connect()
    raw.send(request(target="/events"))
    raw.until(b"data: x")
    server.terminate()
    assert server.wait() == 0
