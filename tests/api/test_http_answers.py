"""Answers: ranges, conditions, streams, problems, interim ones, headers that cannot be broken out
of."""
import re

import pytest

from http_fixtures import toy, start  # noqa: F401
from http_raw import CONTENT, request

SIZE = len(CONTENT)
KINDS = ("fd", "callback")


def get(toy, kind, headers="", method="GET", query=""):
    return toy.ask(request(method, f"/content/{kind}{query}", headers), head_only=method == "HEAD")


@pytest.mark.parametrize("kind", KINDS)
def test_whole(toy, kind):
    answer = get(toy, kind)
    assert answer.status == 200 and answer.body == CONTENT
    assert answer["ETag"] == '"abc"' and answer["Accept-Ranges"] == "bytes"
    assert answer["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    assert answer["Content-Type"] == "audio/wav" and answer["Cache-Control"] == "private"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("target", ["/content/fd", "/hello", "/stream", "/nowhere", "/headers"])
def test_head_equals_get(toy, kind, target):
    target = target.replace("fd", kind)
    varying = ("Date", "X-Request-Id")
    with toy.connect() as raw:
        got = raw.ask(request("GET", target))
        head = raw.ask(request("HEAD", target), head_only=True)
        assert head.status == got.status
        assert ([one for one in head.headers if one[0] not in varying]
                == [one for one in got.headers if one[0] not in varying])
        assert raw.ask(request()).json == {"hello": "world"}  # nothing of a body was sent


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("header,start,end", [
    ("0-0", 0, 1), ("0-499", 0, 500), ("500-", 500, SIZE), ("-7", SIZE - 7, SIZE),
    (f"{SIZE - 1}-", SIZE - 1, SIZE), (f"100-{SIZE * 2}", 100, SIZE), ("0-", 0, SIZE),
    ("0-9,5-19", 0, 20)])
def test_one_range(toy, kind, header, start, end):
    answer = get(toy, kind, f"Range: bytes={header}\r\n")
    assert answer.status == 206
    assert answer["Content-Range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.body == CONTENT[start:end] and answer["Content-Type"] == "audio/wav"


@pytest.mark.parametrize("kind", KINDS)
def test_several_ranges(toy, kind):
    wanted = [(0, 10), (1000, 101_000), (SIZE - 5, SIZE)]
    header = ",".join(f"{start}-{end - 1}" for start, end in wanted)
    answer = get(toy, kind, f"Range: bytes={header}\r\n")
    assert answer.status == 206 and answer["Content-Range"] is None and answer.complete
    boundary = re.fullmatch("multipart/byteranges; boundary=(.+)", answer["Content-Type"])[1]
    parts = answer.body.split(b"\r\n--" + boundary.encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 5
    for part, (start, end) in zip(parts[1:-1], wanted):
        head, body = part.split(b"\r\n\r\n", 1)
        assert f"Content-Range: bytes {start}-{end - 1}/{SIZE}".encode() in head
        assert b"Content-Type: audio/wav" in head
        assert body == CONTENT[start:end]


@pytest.mark.parametrize("kind", KINDS)
def test_ranges_that_do_not_count(toy, kind):
    for header in ("bytes=5-1", "bytes=x", "items=0-5", "bytes=" + ",".join(["1-2"] * 100)):
        assert get(toy, kind, f"Range: {header}\r\n").status == 200, header
    assert get(toy, kind, "Range: bytes=0-5\r\n", "HEAD").status == 200
    for header in (f"bytes={SIZE}-", "bytes=-0"):
        answer = get(toy, kind, f"Range: {header}\r\n")
        assert answer.status == 416 and answer["Content-Range"] == f"bytes */{SIZE}"
        assert answer.json["code"] == "range_not_satisfiable" and answer["ETag"] is None


@pytest.mark.parametrize("kind", KINDS)
def test_empty_content(toy, kind):
    assert get(toy, kind, query="?size=0").body == b""
    answer = get(toy, kind, "Range: bytes=0-\r\n", query="?size=0")
    assert answer.status == 416 and answer["Content-Range"] == "bytes */0"


@pytest.mark.parametrize("headers,status", [
    ('If-None-Match: "abc"', 304), ('If-None-Match: W/"abc"', 304), ("If-None-Match: *", 304),
    ('If-None-Match: "x"', 200), ('If-None-Match: "x", "abc"', 304),
    ('If-Match: "abc"', 200), ('If-Match: "x"', 412), ('If-Match: W/"abc"', 412),
    ("If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT", 304),
    ("If-Modified-Since: Tue, 14 Nov 2023 22:13:19 GMT", 200),
    ("If-Unmodified-Since: Tue, 14 Nov 2023 22:13:19 GMT", 412),
    ('Range: bytes=0-9\r\nIf-Range: "abc"', 206), ('Range: bytes=0-9\r\nIf-Range: "x"', 200),
    ('Range: bytes=0-9\r\nIf-Range: W/"abc"', 200),
    ("Range: bytes=0-9\r\nIf-Range: Tue, 14 Nov 2023 22:13:20 GMT", 206),
    ('Range: bytes=0-9\r\nIf-None-Match: "abc"', 304),
    ('Range: bytes=99999999-\r\nIf-Match: "x"', 412),
    ('Range: bytes=99999999-\r\nIf-Range: "x"', 200)])
def test_conditions(toy, headers, status):
    answer = get(toy, "fd", headers + "\r\n")
    assert answer.status == status
    if status == 304:
        assert answer["ETag"] == '"abc"' and answer["Content-Length"] is None
        assert answer["Cache-Control"] == "private" and answer["Content-Type"] is None


@pytest.mark.parametrize("count,size", [(0, 1), (1, 1), (10, 10), (3, 16384), (5, 50_000),
                                        (100_000, 3)])
def test_streams(toy, count, size):
    with toy.connect() as raw:
        answer = raw.ask(request(target=f"/stream?count={count}&size={size}"))
        assert answer["Transfer-Encoding"] == "chunked" and answer["Content-Length"] is None
        assert answer.complete and answer.body == b"x" * (count * size)
        answer = raw.ask(request(target=f"/stream?count={count}&size={size}&length={count * size}"))
        assert answer["Content-Length"] == str(count * size) and answer["Transfer-Encoding"] is None
        assert answer.body == b"x" * (count * size)


def test_stream_that_is_short_is_cut(toy):
    with toy.connect() as raw:
        answer = raw.ask(request(target="/stream?count=1&size=10&length=20"))
        assert answer.status == 200 and not answer.complete


def test_failure_after_the_head_cuts_the_connection(toy):
    with toy.connect() as raw:
        answer = raw.ask(request(target="/broken"))
        assert answer.status == 200 and not answer.complete
        assert raw.pending == b""
    assert "a secret path /etc/shadow" in toy.log_text()


def test_problems(toy):
    seen = {}
    for number in range(200):
        with toy.connect() as raw:
            try:
                answer = raw.ask(request(target=f"/error?kind={number}"))
            except EOFError:  # the client is said to be gone: nothing is sent
                continue
        problem = answer.json
        assert answer["Content-Type"] == "application/problem+json"
        assert problem["status"] == answer.status
        assert set(problem) == {"type", "title", "status", "code", "detail", "request_id"}
        assert problem["request_id"] == answer["X-Request-Id"]
        assert "secret" not in answer.text
        assert answer["X-Dropped"] is None and answer["X-Kept"] == "1"
        assert (answer["WWW-Authenticate"] is not None) == (answer.status == 401)
        assert (answer["Retry-After"] is not None) == (answer.status in (429, 503))
        seen[problem["code"]] = answer.status
    assert seen["quota_storage_exceeded"] == 403 and seen["storage_full"] == 507
    assert len(seen) > 30


def test_headers_cannot_be_broken_out_of(toy):
    answer = toy.ask(request(target="/headers?value=a%0D%0ASet-Cookie:%20evil=1%0D%0A%0D%0Ab%01"))
    assert answer.status == 204
    assert answer["X-Value"] == "a  Set-Cookie: evil=1    b "
    assert answer["Set-Cookie"] == "a=1, b=2"


def test_every_answer_has_a_date_and_an_id(toy):
    for data in (request(), request(target="/nowhere"), "BAD\r\n\r\n"):
        answer = toy.ask(data)
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", answer["Date"])
        assert answer["X-Request-Id"]


def test_requests_are_logged_once_without_the_query(toy):
    answer = toy.ask(request(target="/echo/log?q=secret-token"))
    line = [one for one in toy.log_text().splitlines() if answer["X-Request-Id"] in one]
    assert len(line) == 1
    assert "path=/echo/log" in line[0] and "secret-token" not in line[0]
    assert "status=200" in line[0] and "method=GET" in line[0]


# ---- interim answers ----

def test_interim_answers_come_first(toy):
    with toy.connect() as raw:
        raw.send(request("POST", "/interim?count=3", "Content-Length: 2\r\nUpload-Complete: ?1\r\n"))
        for number in range(3):
            interim = raw.answer()
            assert (interim.status, interim["Number"]) == (104, str(number))
            assert interim["Unsafe"] == "a  b: c" and interim["b"] is None
            assert interim["Date"] is None and interim["Content-Length"] is None
        answer = raw.send("ab").answer()
        assert answer.status == 200
        assert raw.ask(request()).json == {"hello": "world"}


def test_interim_answers_do_not_stand_for_continue(toy):
    with toy.connect() as raw:
        raw.send(request("POST", "/interim", "Content-Length: 2\r\nExpect: 100-continue\r\n"))
        assert [raw.answer().status, raw.answer().status] == [104, 100]
        assert raw.send("ab").answer().status == 200


def test_http_1_0_knows_no_interim_answers(toy):
    answer = toy.ask(request("POST", "/interim?count=3", "Content-Length: 2\r\n", "ab", "1.0"))
    assert answer.status == 200


def test_nobody_waits_for_a_client_that_does_not_read(toy):
    """It gets those that found room, each of them whole, and its answer."""
    target = "/interim?count=20000&size=1000&droppable=true"  # 20 MB
    with toy.connect(receive_buffer=4096) as raw:
        raw.send(request("POST", target, "Content-Length: 2\r\n", "ab"))
        toy.wait_for(lambda metrics: metrics["active"] == 1)  # the question itself
        numbers = []
        while (answer := raw.answer()).status == 104:
            assert answer["Value"] == "x" * 1000
            numbers.append(int(answer["Number"]))
        assert answer.status == 200
        assert 0 < len(numbers) < 20000 and numbers == sorted(set(numbers))


def test_options_of_a_route_that_answers_them(toy):
    answer = toy.ask(request("OPTIONS", "/interim"))
    assert (answer.status, answer["Allow"], answer["Accept-Patch"]) == (
        204, "POST, OPTIONS", "a/b")
