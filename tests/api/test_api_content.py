"""Content: whole, in ranges, under conditions (RFC 9110 sections 13 and 14)."""
import base64
import email.parser
import email.policy
import email.utils
import hashlib

import audio
import pytest
from server import Server, expect_problem

pytestmark = pytest.mark.databases("sqlite", "postgres")

CONTENT = audio.wav(seconds=2.0, rate=8000)
SIZE = len(CONTENT)
NAME = "Grüße \"an\" alle.wav"


@pytest.fixture(scope="module")
def stored(tmp_path_factory, database):
    with Server(tmp_path_factory.mktemp("content") / "data") as server:
        api = server.api()
        yield api, api.upload(CONTENT, NAME)


@pytest.fixture(params=["content", "files"])
def path(stored, request):
    _, record = stored
    if request.param == "files":
        return record["storage_url"]
    return f"/v1/uploads/{record['id']}/content"


@pytest.fixture
def api(stored):
    return stored[0]


ETAG = f'"sha256-{hashlib.sha256(CONTENT).hexdigest()}"'


def test_whole(api, path, stored):
    answer = api.get(path)
    assert answer.status_code == 200 and answer.content == CONTENT
    headers = answer.headers
    assert headers["ETag"] == ETAG
    digest = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    assert headers["Repr-Digest"] == f"sha-256=:{digest}:"
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Content-Type"] == stored[1]["mime_type"]
    assert headers["Content-Length"] == str(SIZE)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "sandbox"
    assert headers["Cache-Control"] == "private"
    assert email.utils.parsedate_to_datetime(headers["Last-Modified"])
    disposition = headers["Content-Disposition"]
    assert disposition.startswith("inline;")
    assert "filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22an%22%20alle.wav" in disposition


def test_download(api, path):
    for value in ("1", "true"):
        answer = api.get(path, params={"download": value})
        assert answer.headers["Content-Disposition"].startswith("attachment;")
    expect_problem(api.get(path, params={"download": "x"}), 400, "invalid_request")


@pytest.mark.parametrize("headers", [
    {}, {"Range": "bytes=0-9"}, {"If-None-Match": ETAG}, {"If-Match": '"other"'}])
def test_head_is_get_without_content(api, path, headers):
    get, head = api.get(path, headers=headers), api.head(path, headers=headers)
    assert head.content == b""
    volatile = ("Date", "X-Request-Id")
    if "Range" in headers:  # RFC 9110 section 14.2: Range is for GET alone
        get = api.get(path)
    assert head.status_code == get.status_code
    if get.status_code != 412:  # its problem holds the request's id
        assert {k: v for k, v in head.headers.items() if k not in volatile} == {
            k: v for k, v in get.headers.items() if k not in volatile}


@pytest.mark.parametrize("ranges, first, last", [
    ("0-0", 0, 0), ("0-99", 0, 99), ("100-", 100, SIZE - 1), ("-1", SIZE - 1, SIZE - 1),
    ("-100", SIZE - 100, SIZE - 1), (f"-{SIZE * 2}", 0, SIZE - 1),
    (f"10-{SIZE * 2}", 10, SIZE - 1), (f"{SIZE - 1}-{SIZE - 1}", SIZE - 1, SIZE - 1),
])
def test_one_range(api, path, ranges, first, last):
    answer = api.get(path, headers={"Range": f"bytes={ranges}"})
    assert answer.status_code == 206
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert answer.headers["Content-Length"] == str(last - first + 1)
    assert answer.content == CONTENT[first:last + 1]
    assert answer.headers["ETag"] == ETAG


def test_several_ranges(api, path, stored):
    wanted = [(0, 9), (1000, 1999), (SIZE - 5, SIZE - 1)]
    answer = api.get(path, headers={"Range": "bytes=0-9, 1000-1999,-5"})
    assert answer.status_code == 206
    assert answer.headers["Content-Length"] == str(len(answer.content))
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + answer.headers["Content-Type"].encode() + b"\r\n\r\n" + answer.content)
    assert message.get_content_type() == "multipart/byteranges"
    parts = list(message.iter_parts())
    assert [p["Content-Range"] for p in parts] == [f"bytes {a}-{b}/{SIZE}" for a, b in wanted]
    assert all(p["Content-Type"] == stored[1]["mime_type"] for p in parts)
    for first, last in wanted:
        assert CONTENT[first:last + 1] in answer.content


@pytest.mark.parametrize("ranges", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 10}", "bytes=-0"])
def test_no_such_range(api, path, ranges):
    answer = api.get(path, headers={"Range": ranges})
    expect_problem(answer, 416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("ranges", ["bytes=5-2", "bytes=a-b", "bytes=", "lines=1-2", "bytes 1-2"])
def test_senseless_ranges_are_ignored(api, path, ranges):
    answer = api.get(path, headers={"Range": ranges})
    assert answer.status_code == 200 and answer.content == CONTENT


def dates(api, path):
    return api.get(path).headers["Last-Modified"]


def test_if_range(api, path):
    def ask(value):
        return api.get(path, headers={"Range": "bytes=0-9", "If-Range": value}).status_code

    assert ask(ETAG) == 206
    assert ask('"other"') == 200
    assert ask("W/" + ETAG) == 200
    assert ask("Mon, 01 Jan 2001 00:00:00 GMT") == 200


def test_if_none_match(api, path):
    for value in (ETAG, "*", f'"x", W/{ETAG}'):
        answer = api.get(path, headers={"If-None-Match": value})
        assert answer.status_code == 304 and answer.content == b""
        assert answer.headers["ETag"] == ETAG
    assert api.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_if_match(api, path):
    for value in (ETAG, "*", f'"x", {ETAG}'):
        assert api.get(path, headers={"If-Match": value}).status_code == 200
    for value in ('"x"', "W/" + ETAG):
        answer = api.get(path, headers={"If-Match": value})
        expect_problem(answer, 412, "precondition_failed")


def test_dates(api, path):
    stamp = dates(api, path)
    old = "Mon, 01 Jan 2001 00:00:00 GMT"
    assert api.get(path, headers={"If-Modified-Since": stamp}).status_code == 304
    assert api.get(path, headers={"If-Modified-Since": old}).status_code == 200
    assert api.get(path, headers={"If-Modified-Since": "nonsense"}).status_code == 200
    assert api.get(path, headers={"If-Unmodified-Since": stamp}).status_code == 200
    answer = api.get(path, headers={"If-Unmodified-Since": old})
    expect_problem(answer, 412, "precondition_failed")
    # an entity tag makes the date irrelevant (section 13.2.2)
    both = {"If-None-Match": '"x"', "If-Modified-Since": stamp}
    assert api.get(path, headers=both).status_code == 200


def test_lost_object_is_an_error_of_the_server(server):
    api = server.api()
    record = api.upload(audio.wav())
    objects = list(server.data.rglob("*.wav"))
    assert len(objects) == 1
    objects[0].unlink()
    answer = api.get(f"/v1/uploads/{record['id']}/content")
    assert "missing" in expect_problem(answer, 500, "internal_error")["detail"]


def test_accel_redirect(tmp_path):
    flags = ("--server-accel-prefix", "/internal")
    with Server(tmp_path / "data", *flags) as server:
        api = server.api()
        record = api.upload(CONTENT, NAME)
        path = f"/v1/uploads/{record['id']}/content"
        answer = api.get(path)
        assert answer.status_code == 200 and answer.content == b""
        assert answer.headers["X-Accel-Redirect"] == "/internal/" + record["storage_path"]
        assert answer.headers["Content-Type"] == record["mime_type"]
        assert api.get(path, headers={"If-None-Match": ETAG}).status_code == 304
        expect_problem(api.get(path, headers={"If-Match": '"x"'}), 412, "precondition_failed")


def test_the_front_server_sends_only_what_it_can_reach(tmp_path):
    """The prefix is the first store's: contents of another come from here."""
    sections = {name: f'[store "{name}"]\nprovider = local\npath = {tmp_path / name}\n'
                for name in ("new", "old")}
    config = tmp_path / "config"
    config.write_text(sections["old"])
    flags = ("--config", str(config), "--server-accel-prefix", "/internal")
    with Server(tmp_path / "data", *flags) as server:
        record = server.api().upload(CONTENT, NAME)
    config.write_text(sections["new"] + sections["old"])
    with Server(tmp_path / "data", *flags) as server:
        api = server.api()
        answer = api.get(f"/v1/uploads/{record['id']}/content")
        assert answer.content == CONTENT and "X-Accel-Redirect" not in answer.headers
        fresh = api.upload(audio.wav(seed=7))
        assert "X-Accel-Redirect" in api.get(f"/v1/uploads/{fresh['id']}/content").headers
