"""What is no request is refused, and nothing of it is taken for another request."""
import socket
import threading

import pytest

from http_fixtures import toy, start  # noqa: F401
from http_raw import Raw, chunked, post, request

HELLO = request()

# Each is followed by a valid request, which must not be answered: a front end may have taken it for
# part of the first one's body, or the other way round.
SMUGGLING = {
    "two lengths": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                         "Content-Length: 6\r\n\r\nhello"),
    "two equal lengths": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                               "Content-Length: 5\r\n\r\nhello"),
    "length list": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello"),
    "length and chunked": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunked and length": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                                "Content-Length: 5\r\n\r\n0\r\n\r\n"),
    "plus sign": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello"),
    "length overflow": (400, "POST /sum HTTP/1.1\r\nHost: a\r\n"
                             "Content-Length: 18446744073709551621\r\n\r\nhello"),
    "chunked twice": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
                           "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "chunked not last": (400, "POST /sum HTTP/1.1\r\nHost: a\r\n"
                              "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    "unknown coding": (501, "POST /sum HTTP/1.1\r\nHost: a\r\n"
                            "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "gzip coding": (501, "POST /sum HTTP/1.1\r\nHost: a\r\n"
                         "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "vertical tab": (400, "POST /sum HTTP/1.1\r\nHost: a\r\n"
                          "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "chunked in 1.0": (400, "POST /sum HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "space before colon": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello"),
    "fold": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nX: a\r\n Content-Length: 5\r\n\r\nhello"),
    "folded coding": (400, "POST /sum HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"
                           "0\r\n\r\n"),
    "nul in value": (400, "GET /hello HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    "nul in name": (400, "GET /hello HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n"),
    "bare lf": (400, "GET /hello HTTP/1.1\nHost: a\n\n"),
    "one bare lf": (400, "GET /hello HTTP/1.1\r\nHost: a\r\nX: b\nY: c\r\n\r\n"),
    "bare cr": (400, "GET /hello HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n"),
    "no host": (400, "GET /hello HTTP/1.1\r\n\r\n"),
    "two hosts": (400, "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "bad host": (400, "GET /hello HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "absolute form": (400, "GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n"),
    "asterisk": (400, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    "connect": (501, "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
    "unknown method": (501, "BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
    "control in target": (400, "GET /he\x01llo HTTP/1.1\r\nHost: a\r\n\r\n"),
    "two spaces": (400, "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n"),
    "http 2 preface": (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "http 1.2": (505, "GET /hello HTTP/1.2\r\nHost: a\r\n\r\n"),
    "http 0.9": (400, "GET /hello\r\n\r\n"),
    "tls": (400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "bad expectation": (417, "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: a-miracle\r\n\r\n"),
    "long target": (414, f"GET /{'a' * 9000} HTTP/1.1\r\nHost: a\r\n\r\n"),
    "endless target": (414, f"GET /{'a' * 20000}"),
    "large head": (431, f"GET /hello HTTP/1.1\r\nHost: a\r\nX: {'a' * 17000}\r\n\r\n"),
    "many headers": (431, "GET /hello HTTP/1.1\r\nHost: a\r\n" + "X: a\r\n" * 101 + "\r\n"),
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_is_refused_and_closed(toy, name):
    status, data = SMUGGLING[name]
    with toy.connect() as raw:
        raw.try_send(data + HELLO)
        answer = raw.answer()
        assert answer.status == status, answer.text
        assert answer["Connection"] == "close"
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == status and answer.json["request_id"]
        assert raw.is_closed()


CHUNK_SMUGGLING = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "size with sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "size in 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size overflow": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "longer than said": b"5\r\nhello!\r\n0\r\n\r\n",
    "shorter than said": b"6\r\nhello\r\n0\r\n\r\n",
    "bare lf after size": b"5\nhello\r\n0\r\n\r\n",
    "bare lf after data": b"5\r\nhello\n0\r\n\r\n",
    "cr in extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "endless extension": b"5;" + b"a" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
    "folded trailer": b"5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n",
    "bad trailer": b"5\r\nhello\r\n0\r\nX a\r\n\r\n",
    "endless trailers": b"5\r\nhello\r\n0\r\n" + b"X: a\r\n" * 1000 + b"\r\n",
}


@pytest.mark.parametrize("name", CHUNK_SMUGGLING)
def test_bad_chunks_are_refused_and_closed(toy, name):
    with toy.connect() as raw:
        raw.try_send(request("POST", "/sum", "Transfer-Encoding: chunked\r\n"))
        raw.try_send(CHUNK_SMUGGLING[name]).try_send(HELLO)
        answer = raw.answer()
        assert answer.status == 400, answer.text
        assert answer["Connection"] == "close"
        assert raw.is_closed()


def test_head_byte_by_byte(toy):
    with toy.connect() as raw:
        raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post("/sum", "hello"):
            raw.send(bytes([byte]))
        assert raw.answer().text.startswith("5 ")


def test_head_in_every_split(toy):
    data = request(target="/echo/x?q=%41", headers="X-A: 1\r\nX-B:2\r\n").encode()
    with toy.connect() as raw:
        for cut in range(1, len(data)):
            answer = raw.send(data[:cut]).ask(data[cut:])
            assert answer.status == 200
            assert "q=A\n" in answer.text and "header:X-B=2\n" in answer.text


def test_empty_lines_before_a_request_are_ignored(toy):
    with toy.connect() as raw:
        assert raw.ask("\r\n\r\n" + HELLO).status == 200
        assert raw.ask("\r\n" + HELLO).status == 200


def test_pipelining(toy):
    with toy.connect() as raw:
        raw.send("".join(request(target=f"/echo/{i}") for i in range(100)))
        for i in range(100):
            assert f"id={i}\n" in raw.answer().text


def test_pipelining_with_bodies(toy):
    with toy.connect() as raw:
        raw.send(b"".join([
            post("/sum", b"x" * 1000),
            request("POST", "/sum", "Transfer-Encoding: chunked\r\n").encode(),
            chunked(b"y" * 10, b"z" * 20),
            post("/ignore", b"w" * 5000),
            request().encode(),
            post("/sum", b"v" * 100_000),
            request(target="/echo/last").encode()]))
        assert raw.answer().text.startswith("1000 ")
        assert raw.answer().text.startswith("30 ")
        assert raw.answer().status == 204
        assert raw.answer().json == {"hello": "world"}
        assert raw.answer().text.startswith("100000 ")
        assert "id=last\n" in raw.answer().text


def test_pipelining_that_fills_every_read(start):
    """The server reads to the brim of its buffer, again and again: what is left is not forgotten."""
    server = start("--head_max_bytes=1024", "--small_body_bytes=1024")
    one = request(target="/echo/aaaa")
    one = request(target="/echo/aaaa", headers=f"X-Pad: {'x' * (512 - len(one) - 9)}\r\n")
    assert len(one) == 512
    for count in (4, 8, 5000):
        with server.connect() as raw:
            sender = threading.Thread(target=raw.send, args=(one * count,))
            sender.start()
            for _ in range(count):
                assert raw.answer().status == 200
            sender.join()
            assert raw.ask(request()).status == 200


def test_request_and_end_of_sending_at_once(toy):
    """The end that came with the request is seen after its answer, not when the idle time is over."""
    for tail in (request(), request(target="/sleep?ms=50"), post("/sum", b"abc"), request() * 3):
        with toy.connect() as raw:
            raw.send(tail)
            raw.socket.shutdown(socket.SHUT_WR)
            for _ in range(3 if tail == request() * 3 else 1):
                assert raw.answer().status == 200
            assert raw.is_closed()


def test_next_request_during_a_handler(toy):
    """What comes while a thread has the connection is served when it is done."""
    with toy.connect() as raw:
        for _ in range(5):
            raw.send(request(target="/sleep?ms=30"))
            toy.wait_for(lambda now: now["active"] == 2)
            raw.send(request(target="/echo/next"))
            assert raw.answer().status == 200
            assert "id=next\n" in raw.answer().text


def test_http_1_0(toy):
    with toy.connect() as raw:
        answer = raw.ask(request(version="1.0", host=None))
        assert answer.status == 200 and answer["Connection"] == "close"
        assert raw.is_closed()
    with toy.connect() as raw:
        for _ in range(3):
            answer = raw.ask(request(version="1.0", headers="Connection: keep-alive\r\n"))
            assert answer["Connection"] == "keep-alive"
    with toy.connect() as raw:  # chunks are not for it
        answer = raw.ask(request(target="/stream", version="1.0", headers="Connection: keep-alive\r\n"))
        assert answer["Transfer-Encoding"] is None and answer.body == b"x" * 100
        assert answer["Connection"] == "close"


def test_connection_close(toy):
    with toy.connect() as raw:
        answer = raw.ask(request(headers="Connection: close\r\n"))
        assert answer.status == 200 and answer["Connection"] == "close"
        assert raw.is_closed()


def test_methods_and_paths(toy):
    assert toy.ask(request("DELETE")).status == 405
    assert toy.ask(request("DELETE"))["Allow"] == "GET, HEAD, OPTIONS"
    assert toy.ask(request("MKCOL")).status == 405
    assert toy.ask(request(target="/nowhere")).status == 404
    assert toy.ask(request("BREW")).status == 501
    options = toy.ask(request("OPTIONS", "/echo/1"))
    assert options.status == 204 and options["Allow"] == "GET, HEAD, PUT, OPTIONS"
    assert toy.ask(request("OPTIONS", "/nowhere")).status == 404
    assert toy.ask(request(target="/files/a/b%20c")).text == "a/b c"
    for bad in ("/echo/%", "/echo/%zz", "/echo/%00", "/echo/..", "/files/a/%2e%2e/b", "/files/a%2Fb"):
        assert toy.ask(request(target=bad)).status == 400, bad
    assert "id=a/b\n" in toy.ask(request(target="/echo/a%2Fb")).text
    for bad in ("q=%", "q=1&q=2", "q=%ff", "q=%00", "=1"):
        assert toy.ask(request(target=f"/echo/1?{bad}")).status == 400, bad


def test_proxies_are_believed_only_if_trusted(start):
    claims = ("X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n"
              "X-Forwarded-Host: audio.example\r\nX-Request-Id: given-1\r\n")
    text = start().ask(request(target="/echo/1", headers=claims)).text
    assert "client=127.0.0.1\n" in text and "scheme=http\n" in text and "host=a\n" in text
    assert "request_id=given-1" not in text
    trusting = start("--trust=127.0.0.0/8")
    answer = trusting.ask(request(target="/echo/1", headers=claims))
    assert "client=192.0.2.9\n" in answer.text and "url=https://audio.example/x\n" in answer.text
    assert answer["X-Request-Id"] == "given-1"
    for bad in ("a b", "a;b", "x" * 129, "\xe9"):
        answer = trusting.ask(request(headers=f"X-Request-Id: {bad}\r\n"))
        assert len(answer["X-Request-Id"]) == 36


def test_request_ids_differ(toy):
    with toy.connect() as raw:
        ids = {raw.ask(HELLO)["X-Request-Id"] for _ in range(200)}
    assert len(ids) == 200


def test_many_connections_at_once(toy):
    raws = [Raw(toy.address) for _ in range(300)]
    for round_number in range(3):
        for i, raw in enumerate(raws):
            raw.send(request(target=f"/echo/{i}-{round_number}"))
        for i, raw in enumerate(raws):
            assert f"id={i}-{round_number}\n" in raw.answer().text
    for raw in raws:
        raw.close()
