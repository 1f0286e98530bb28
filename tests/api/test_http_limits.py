"""Slow, many, large: what each client may take of the server."""
import resource
import socket
import time

from http_fixtures import toy, start  # noqa: F401
from http_raw import CONTENT, Raw, post, request


FEW_THREADS = ("--threads_min=2", "--threads_max=8", "--bodies_max=3", "--answers_max=3")


def test_dribbled_heads_are_cut_and_hold_no_thread(start):
    server = start("--head_timeout_ms=1500", *FEW_THREADS)
    raws = [server.connect() for _ in range(200)]
    for raw in raws:
        raw.send("GET /hello HTTP/1.1\r\n")
    begun, beat = time.monotonic(), 0
    while time.monotonic() - begun < 2.5:
        for raw in raws:
            raw.try_send("X-Header: a\r\n"[beat % 13])
        beat += 1
        assert server.ask(request()).status == 200
        time.sleep(0.25)
    assert server.wait_for(lambda now: now["open"] == 1)["timed_out"] == 200
    for raw in raws:
        if raw.fill():
            assert raw.answer().status == 408
        raw.close()


def test_dribbled_small_bodies_are_cut_and_hold_no_thread(start):
    server = start("--head_timeout_ms=1500", *FEW_THREADS)
    raws = [server.connect() for _ in range(200)]
    for raw in raws:
        raw.send(request("POST", "/small", "Content-Length: 100\r\n") + "x")
    server.wait_for(lambda now: now["open"] == 201 and now["active"] == 1)
    server.wait_for(lambda now: now["open"] == 1)
    for raw in raws:
        assert raw.answer().status == 408
        raw.close()


def test_idle_connections_are_closed(start):
    server = start("--idle_timeout_ms=400")
    fresh, used = server.connect(), server.connect()
    assert used.ask(request()).status == 200
    assert fresh.is_closed() and used.is_closed()


def test_connection_stays_while_it_is_used(start):
    server = start("--idle_timeout_ms=800", "--head_timeout_ms=800")
    with server.connect() as raw:
        for _ in range(8):
            assert raw.ask(request()).status == 200
            time.sleep(0.2)


def test_slow_body_is_cut(start):
    server = start("--rate_window_ms=400", "--rate_grace_ms=400", "--body_min_rate=1000")
    with server.connect() as raw:
        raw.send(request("POST", "/sum", "Content-Length: 100000\r\n"))
        answer = raw.answer()
        assert answer.status == 408 and answer.json["code"] == "too_slow"
        assert answer["Connection"] == "close"
    with server.connect() as raw:  # slow, but fast enough
        raw.send(request("POST", "/sum", "Content-Length: 20000\r\n"))
        for _ in range(20):
            raw.send("x" * 1000)
            time.sleep(0.05)
        assert raw.answer().text.startswith("20000 ")
    with server.connect() as raw:  # dribbling does not count as moving
        raw.send(request("POST", "/sum", "Content-Length: 100000\r\n"))
        begun = time.monotonic()
        raw.socket.settimeout(0.05)
        while time.monotonic() - begun < 8:
            raw.try_send("x")
            try:
                raw.fill()
            except socket.timeout:
                continue
            break
        raw.socket.settimeout(5)
        assert raw.answer().status == 408


def test_slow_reader_is_cut(start):
    server = start("--rate_window_ms=400", "--rate_grace_ms=400", "--send_min_rate=1000000")
    for target in ("/content/fd", "/content/callback", "/stream?count=100&size=100000"):
        before = server.metrics()["gone"]
        with server.connect(receive_buffer=4096) as raw:
            raw.send(request(target=target))
            server.wait_for(lambda now: now["gone"] == before + 1 and now["active"] == 1)
            assert not raw.answer().complete
    server.wait_for(lambda now: now["answers"] == 0)


def test_reader_that_is_fast_enough(start):
    server = start("--rate_window_ms=400", "--rate_grace_ms=400", "--send_min_rate=10000")
    with server.connect(receive_buffer=65536) as raw:
        raw.send(request(target="/content/fd"))
        got = b""
        while len(got) < len(CONTENT):
            got += raw.socket.recv(200_000)
            time.sleep(0.005)
            if got.startswith(b"HTTP") and b"\r\n\r\n" in got:
                got = got.split(b"\r\n\r\n", 1)[1]
        assert got == CONTENT


def test_connections_in_all(start):
    server = start("--connections_max=10")
    raws = [server.connect() for _ in range(10)]
    for raw in raws:
        assert raw.ask(request()).status == 200
    with server.connect() as extra:
        answer = extra.answer()
        assert answer.status == 503 and answer["Retry-After"] and answer["Connection"] == "close"
        assert extra.is_closed()
    raws.pop().close()
    for raw in raws[1:]:
        raw.close()
    assert raws[0].ask(request(target="/metrics")).json["refused"] == 1
    raws[0].close()
    server.wait_for(lambda now: now["open"] == 1)


def test_connections_of_one_address(start):
    server = start("--connections_per_address_max=5", listen=["127.0.0.1:0", "[::1]:0"])
    raws = [server.connect() for _ in range(5)]
    for raw in raws:
        assert raw.ask(request()).status == 200
    with server.connect() as extra:
        assert extra.answer().status == 429
    with Raw(server.addresses[1]) as other:  # another address has its own count
        assert other.ask(request()).status == 200
    for raw in raws:
        raw.close()
    with Raw(server.addresses[1]) as other:
        deadline = time.monotonic() + 10
        while other.ask(request(target="/metrics")).json["open"] > 1:
            assert time.monotonic() < deadline
    assert server.ask(request()).status == 200


def test_concurrent_bodies(start):
    server = start("--bodies_max=3", "--threads_max=300")
    raws = [server.connect() for _ in range(3)]
    for raw in raws:
        raw.send(request("POST", "/sum", "Content-Length: 100000\r\n") + "x" * 1000)
    server.wait_for(lambda now: now["bodies"] == 3)
    with server.connect() as extra:
        extra.send(request("POST", "/sum", "Content-Length: 100000\r\nExpect: 100-continue\r\n"))
        answer = extra.answer()  # never 100
        assert answer.status == 503 and answer["Retry-After"]
    assert server.ask(post("/small", "x" * 100)).status == 200  # small ones do not count
    for raw in raws:
        assert raw.ask("x" * 99000).text.startswith("100000 ")
        raw.close()
    server.wait_for(lambda now: now["bodies"] == 0)
    assert server.ask(post("/sum", "x" * 100_000)).status == 200


def test_concurrent_answers(start):
    server = start("--answers_max=2")
    raws = [server.connect(receive_buffer=4096) for _ in range(2)]
    for raw in raws:
        raw.send(request(target="/content/fd"))
    server.wait_for(lambda now: now["answers"] == 2)
    assert server.ask(request(target="/content/fd")).status == 503
    assert server.ask(request(target="/content/fd", headers="Range: bytes=0-99\r\n")).status == 206
    for raw in raws:
        assert raw.answer().body == CONTENT
        raw.close()
    server.wait_for(lambda now: now["answers"] == 0)
    assert server.ask(request(target="/content/fd")).status == 200


def test_threads_grow_and_shrink(start):
    server = start("--threads_min=2", "--thread_idle_ms=300")
    raws = [server.connect() for _ in range(40)]
    for raw in raws:
        raw.send(request(target="/sleep?ms=1500"))
    grown = server.wait_for(lambda now: now["active"] == 41)
    assert 41 <= grown["threads"] <= 100
    for raw in raws:
        assert raw.answer().status == 200
    server.wait_for(lambda now: now["threads"] <= 3)
    for raw in raws:
        assert raw.ask(request()).status == 200
        raw.close()


def test_quick_requests_while_threads_block(start):
    server = start("--threads_min=2")
    raws = [server.connect() for _ in range(30)]
    for raw in raws:
        raw.send(request(target="/sleep?ms=2000"))
    begun = time.monotonic()
    for _ in range(20):
        assert server.ask(request()).status == 200
    assert time.monotonic() - begun < 1.5
    for raw in raws:
        assert raw.answer().status == 200


def test_idle_connections_cost_little(start):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(5000, hard // 2 - 200)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        server = start("--quiet")
        server.ask(request())
        before = resident_bytes(server.process.pid)
        raws = [Raw(server.address) for _ in range(count)]
        for raw in raws:
            assert raw.ask(request()).status == 200
        server.wait_for(lambda now: now["open"] == count + 1)
        grown = resident_bytes(server.process.pid) - before
        for raw in raws:
            raw.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # Sanitizers keep freed memory and pad what is in use.
    assert grown < 8 * 2**20 * (8 if is_sanitized(server) else 1), grown


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096


def is_sanitized(server):
    with open(f"/proc/{server.process.pid}/maps") as maps:
        return "libasan" in (text := maps.read()) or "libtsan" in text


def test_out_of_descriptors_does_not_spin(start, tmp_path):
    server = start()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (30, 30))
    raws = []
    for _ in range(60):
        raws.append(server.connect())
    cpu_before = cpu_seconds(server.process.pid)
    time.sleep(1)
    assert cpu_seconds(server.process.pid) - cpu_before < 0.3
    for raw in raws:
        raw.close()
    assert server.wait_for(lambda now: now["open"] == 1)


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


def test_readers_of_small_answers_leave_threads(start):
    """Who asks much and reads nothing holds a thread, but never the last ones."""
    server = start(*FEW_THREADS)
    stuck = [server.connect(receive_buffer=4096, timeout=0.2) for _ in range(20)]
    for number, raw in enumerate(stuck):
        target = ("/hello", "/stream?count=100&size=1000", "/content/fd?size=200000")[number % 3]
        raw.try_send(request(target=target) * 20000)
        assert server.ask(request()).status == 200
    assert server.wait_for(lambda now: now["gone"] >= 17)["answers"] == 3
    for raw in stuck:
        raw.close()
    assert server.wait_for(lambda now: now["active"] == 1)["answers"] == 0
