"""Answers that go on without a worker: what is sent, who is cut off, how they end."""
import contextlib
import threading
import time

import pytest

from http_fixtures import toy, start  # noqa: F401
from http_raw import Raw, request
from server import wait_until

ENDLESS = "/feed?size=65000&count=100000"


@pytest.mark.parametrize("count, size", [(1, 1), (3, 10), (500, 7), (300, 65536)])
def test_a_feed_is_sent_whole(toy, count, size):
    with Raw(toy.address) as raw:
        answer = raw.ask(request(target=f"/feed?count={count}&size={size}"))
        assert answer.status == 200 and answer.complete
        assert answer["Connection"] == "close" and answer["Transfer-Encoding"] == "chunked"
        assert answer.body == b"x" * (count * size)
        assert raw.is_closed()


def test_for_http_1_0_it_ends_with_the_connection(toy):
    with Raw(toy.address) as raw:
        raw.send("GET /feed?count=20&size=5000 HTTP/1.0\r\n\r\n")
        answer = raw.answer()
        assert answer["Transfer-Encoding"] is None
        assert answer.body == b"x" * 100_000


def test_head_has_no_feed(toy):
    with Raw(toy.address) as raw:
        answer = raw.ask(request("HEAD", "/feed"), head_only=True)
        assert answer.status == 200 and answer["Content-Type"] == "text/plain"
        assert raw.is_closed()


def test_what_a_client_sends_meanwhile_is_dropped(toy):
    with Raw(toy.address) as raw:
        raw.send(request(target="/silence"))
        raw.answer(head_only=True)
        assert raw.until(b"here\r\n") is not None
        raw.send(b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n" * 1000)
    wait_until(lambda: toy.metrics()["feeds"] == 0, what="the feed to be freed")


def test_feeds_hold_no_threads(start):
    server = start("--threads_min=2", "--thread_idle_ms=50")
    with contextlib.ExitStack() as stack:
        for _ in range(200):
            raw = stack.enter_context(Raw(server.address))
            raw.send(request(target="/silence")).answer(head_only=True)
        during = server.wait_for(lambda now: now["feeds"] == 200 and now["threads"] <= 4
                                 and now["answers"] == 0)
        assert during["open"] >= 200
    wait_until(lambda: server.metrics()["feeds"] == 0, what="the feeds to be freed")


def test_a_reader_that_takes_nothing_is_cut_off_and_others_go_on(start):
    server = start("--feed_stall_ms=500")
    with Raw(server.address, receive_buffer=4096) as stuck, Raw(server.address) as good:
        stuck.send(request(target=ENDLESS)).answer(head_only=True)
        good.send(request(target=ENDLESS)).answer(head_only=True)
        wait_until(lambda: server.metrics()["feeds"] == 2, what="both to be feeds")
        deadline = time.monotonic() + 20
        while server.metrics()["feeds"] == 2:
            good.exactly(100_000)
            assert time.monotonic() < deadline, "the stuck reader was not cut off"
        assert good.exactly(1_000_000)
        assert server.metrics()["feeds"] == 1


def test_a_slow_reader_that_takes_something_is_not_cut_off(start):
    """At this pace the kernel has room for more of it only every few seconds."""
    server = start("--feed_stall_ms=2500")
    with Raw(server.address, receive_buffer=4096) as slow:
        slow.send(request(target=ENDLESS)).answer(head_only=True)
        for _ in range(30):
            assert len(slow.exactly(2_000)) == 2_000
            time.sleep(0.2)
        assert server.metrics()["feeds"] == 1


def test_a_reader_that_takes_nothing_of_little_is_cut_off(start, tmp_path):
    """Over TCP the other side's kernel takes it, unless that machine has vanished; here nobody does."""
    server = start("--feed_stall_ms=500", listen=f"unix:{tmp_path}/socket")
    with Raw(server.address) as stuck, Raw(server.address) as good:
        for raw in (stuck, good):
            raw.send(request(target="/silence"))
        good.answer(head_only=True)
        assert good.until(b"here\r\n") is not None
        wait_until(lambda: server.metrics()["feeds"] == 1, what="the stuck reader to be cut off")
        server.terminate()
        assert server.wait() == 0
        assert good.until(b"0\r\n\r\n") == b""


def test_a_stop_ends_feeds_and_cuts_nothing_short(start):
    server = start("--grace_ms=20000")
    with Raw(server.address) as silent, Raw(server.address, receive_buffer=4096) as stuck:
        silent.send(request(target="/silence")).answer(head_only=True)
        assert silent.until(b"here\r\n") is not None
        stuck.send(request(target=ENDLESS)).answer(head_only=True)
        wait_until(lambda: server.metrics()["feeds"] == 2)
        began = time.monotonic()
        server.terminate()
        assert server.wait() == 0
        assert time.monotonic() - began < 10
        assert silent.until(b"0\r\n\r\n") == b""  # the last chunk


def drain(raw):
    with contextlib.suppress(ConnectionResetError):
        while raw.socket.recv(65536):
            pass


def test_a_stop_while_others_read_cuts_nothing_short(start):
    """The thread is awake for those who read, between two rounds, when it hears of the stop."""
    for _ in range(5):
        server = start("--grace_ms=20000")
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(Raw(server.address)) for _ in range(20)]
            for raw in silent:
                raw.send(request(target="/silence")).answer(head_only=True)
                raw.until(b"here\r\n")
            busy = [stack.enter_context(Raw(server.address)) for _ in range(4)]
            for raw in busy:
                raw.send(request(target=ENDLESS)).answer(head_only=True)
            readers = [threading.Thread(target=drain, args=(raw,)) for raw in busy]
            for reader in readers:
                reader.start()
            server.terminate()
            assert server.wait() == 0
            for reader in readers:
                reader.join()
            for raw in silent:
                assert raw.until(b"0\r\n\r\n") == b""
