"""Bodies that come in: streamed, chunked, awaited, refused, cut off."""
import pytest

from http_fixtures import toy, start  # noqa: F401
from http_raw import checksum, chunked, post, request

CHUNKED = "Transfer-Encoding: chunked\r\n"
BYTES = bytes(i * 31 % 256 for i in range(300_000))


@pytest.mark.parametrize("length", [0, 1, 1000, 16 * 1024, 16 * 1024 + 1, 100_000, 300_000])
@pytest.mark.parametrize("block", [1000, 262144])
def test_by_length(toy, length, block):
    answer = toy.ask(post(f"/sum?block={block}", BYTES[:length]))
    assert answer.text == checksum(BYTES[:length]) + " -\n"


@pytest.mark.parametrize("sizes", [[], [1], [1, 2, 3], [65536, 1, 65536], [100_000] * 3])
@pytest.mark.parametrize("block", [7, 1000, 262144])
def test_chunked(toy, sizes, block):
    pieces, at = [], 0
    for size in sizes:
        pieces.append(BYTES[at:at + size])
        at += size
    body = chunked(*pieces, trailer="X-Check: yes\r\n")
    answer = toy.ask(request("POST", f"/sum?block={block}", CHUNKED).encode() + body)
    assert answer.text == checksum(BYTES[:at]) + " yes\n"


def test_chunked_in_all_splits(toy):
    head = request("POST", "/sum", CHUNKED).encode()
    body = b"3;ext=1\r\nabc\r\n000a\r\n0123456789\r\n1\r\n\r\r\n0\r\nX-Check: t\r\n\r\n"
    with toy.connect() as raw:
        for cut in range(len(body) + 1):
            raw.send(head + body[:cut])
            answer = raw.ask(body[cut:] + head + body)
            assert answer.text == checksum(b"abc0123456789\r") + " t\n", cut
            assert raw.answer().text == answer.text


def test_chunked_byte_by_byte(toy):
    with toy.connect() as raw:
        for byte in request("POST", "/sum", CHUNKED).encode() + chunked(b"abc", b"defg"):
            raw.send(bytes([byte]))
        assert raw.answer().text == checksum(b"abcdefg") + " -\n"


def test_continue_is_sent_on_the_first_read(toy):
    with toy.connect() as raw:
        raw.send(request("POST", "/sum", "Content-Length: 5\r\nExpect: 100-continue\r\n"))
        assert raw.answer().status == 100
        assert raw.ask("hello").text == checksum(b"hello") + " -\n"
        raw.send(request("POST", "/sum", CHUNKED + "Expect: 100-continue\r\n"))
        assert raw.answer().status == 100
        assert raw.ask(chunked(b"hello")).text == checksum(b"hello") + " -\n"


def test_continue_is_never_sent_when_the_handler_refuses(toy):
    for target, status in (("/refuse", 403), ("/ignore", 204), ("/nowhere", 404), ("/hello", 405)):
        with toy.connect() as raw:
            answer = raw.ask(request("POST", target, "Content-Length: 5\r\nExpect: 100-continue\r\n"))
            assert answer.status == status
            assert answer["Connection"] == "close"
            assert raw.is_closed()


def test_continue_is_not_sent_without_a_body(toy):
    with toy.connect() as raw:
        assert raw.ask(request("POST", "/sum", "Expect: 100-continue\r\n")).text.startswith("0 ")
        assert raw.ask(request()).status == 200


def test_unread_small_body_is_skipped(toy):
    with toy.connect() as raw:
        for length in (10, 20_000, 200_000):
            answer = raw.ask(post("/ignore", b"GET " * (length // 4)))
            assert answer.status == 204 and answer["Connection"] is None
            assert raw.ask(request()).status == 200


def test_unread_large_body_closes(toy):
    with toy.connect() as raw:
        raw.try_send(post("/ignore", b"x" * 1_000_000))
        answer = raw.answer()
        assert answer.status == 204 and answer["Connection"] == "close"
        assert raw.is_closed()


def test_unread_chunked_body_closes(toy):
    with toy.connect() as raw:
        raw.try_send(request("POST", "/ignore", CHUNKED).encode() + chunked(b"x" * 10))
        assert raw.answer()["Connection"] == "close"
        assert raw.is_closed()


def test_refusal_reaches_a_client_that_goes_on_sending(toy):
    with toy.connect() as raw:
        raw.try_send(request("POST", "/refuse", "Content-Length: 100000000\r\n"))
        for _ in range(50):
            raw.try_send(b"x" * 100_000)
        answer = raw.answer()
        assert answer.status == 403
        assert answer.json["limit"] == 1000 and answer.json["remaining"] == 10


def test_small_bodies(toy):
    assert toy.ask(post("/small", "x" * 1000)).body == b"x" * 1000
    assert toy.ask(post("/small", "x" * 1001)).json["code"] == "body_too_large"
    assert toy.ask(post("/small", "")).body == b""
    body = chunked(b"x" * 500, b"y" * 500)
    assert toy.ask(request("POST", "/small", CHUNKED).encode() + body).body == b"x" * 500 + b"y" * 500
    body = chunked(b"x" * 500, b"y" * 501)
    assert toy.ask(request("POST", "/small", CHUNKED).encode() + body).status == 413


def test_routes_without_streaming_have_a_limit(start):
    server = start("--json_body_max_bytes=50000")
    assert server.ask(post("/limited", "x" * 50000)).text.startswith("50000 ")
    assert server.ask(post("/limited", "x" * 50001)).status == 413
    assert server.ask(post("/sum", "x" * 50001)).text.startswith("50001 ")
    head = request("POST", "/limited", CHUNKED).encode()
    assert server.ask(head + chunked(b"x" * 50000)).text.startswith("50000 ")
    assert server.ask(head + chunked(b"x" * 50001)).status == 413
    expecting = request("POST", "/limited", "Content-Length: 50001\r\nExpect: 100-continue\r\n")
    assert server.ask(expecting).status == 413


def test_body_that_ends_early(toy):
    for head, body in ((request("POST", "/sum", "Content-Length: 100000\r\n"), b"x" * 50000),
                       (request("POST", "/sum", CHUNKED), b"5\r\nhel"),
                       (request("POST", "/sum", CHUNKED), b"5\r\nhello\r\n")):
        with toy.connect() as raw:
            raw.send(head.encode() + body)
            raw.socket.shutdown(1)
            answer = raw.answer()
            assert answer.status == 400 and answer.json["code"] == "incomplete_body"
            assert raw.is_closed()


def test_client_that_vanishes(toy):
    before = toy.metrics()
    for _ in range(20):
        with toy.connect() as raw:
            raw.send(request("POST", "/sum", "Content-Length: 100000\r\n") + "x" * 1000)
    toy.wait_for(lambda now: now["open"] == 1 and now["bodies"] == 0)
    assert toy.metrics()["accepted"] > before["accepted"]


FORM = (b'--XX\r\nContent-Disposition: form-data; name="tag"\r\n\r\nplain\r\n'
        b'--XX\r\nContent-Disposition: form-data; name="f"; filename="a.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n" + BYTES + b"\r\n--XX--\r\n")
FORM_ANSWER = ("tag|-|-|" + checksum(b"plain").replace(" ", "|") + "\n"
               "f|a.wav|audio/wav|" + checksum(BYTES).replace(" ", "|") + "\n")
FORM_TYPE = "Content-Type: multipart/form-data; boundary=XX\r\n"


def test_form(toy):
    assert toy.ask(post("/form", FORM, FORM_TYPE)).text == FORM_ANSWER
    pieces = [FORM[i:i + 9973] for i in range(0, len(FORM), 9973)]
    head = request("POST", "/form", CHUNKED + FORM_TYPE).encode()
    assert toy.ask(head + chunked(*pieces)).text == FORM_ANSWER


def test_bad_forms(toy):
    assert toy.ask(post("/form", FORM, "Content-Type: text/plain\r\n")).status == 415
    assert toy.ask(post("/form", FORM, "Content-Type: multipart/form-data\r\n")).status == 400
    assert toy.ask(post("/form", FORM[:-10], FORM_TYPE)).json["code"] == "incomplete_body"
