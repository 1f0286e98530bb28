"""Every MUST of tus 1.0.x (https://tus.io/protocols/resumable-upload) that binds a server, core and
extensions, over raw HTTP: a table of the section, what it says there, and the check."""
import email.utils
import hashlib
import json
import re
import time
import zlib

import pytest

from audio import wav, wav_of_bytes
from catalog import catalog_of
from server import Server, wait_until
from tus import TYPE, Tus, b64, problem_of

SOUND = wav(0.2)
MAX_SIZE = 1 << 20
NOBODY = "/v1/tus/00000000-0000-7000-8000-000000000000"
DATE = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
TABLE = []


def must(section, requirement):
    """Puts a check into the table."""
    def add(check):
        TABLE.append(pytest.param(check, id=f"{section}: {requirement}".replace("/", "-")))
        return check
    return add


@pytest.fixture(scope="module")
def tus(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("tus") / "data", "--uploads-max-file-size",
                str(MAX_SIZE)) as running:
        yield Tus(running)
        running.verify()


def extensions(tus):
    return tus.options()["Tus-Extension"].split(",")


def session_count(tus):
    return len(tus.server.api().get_json("/v1/chunked-uploads?limit=1000")["items"])


def sent(tus, content=SOUND, **headers):
    """The path of an upload that is complete."""
    path = tus.begin(len(content), **headers)
    assert tus.patch(path, 0, content).status == 204
    return path


def partial(tus, content, **headers):
    path = tus.begin(len(content), Upload_Concat="partial", **headers)
    assert tus.patch(path, 0, content).status == 204
    return path


def shown(tus, path):
    return json.loads(tus.ask("GET", path).body)


def content_of(tus, answer):
    """The bytes of the upload that an answer names."""
    found = tus.server.api().get(answer["Content-Location"] + "/content")
    assert found.status_code == 200
    return found.content


# ---- core: headers ----

@must("Core, Upload-Offset", "the value is a non-negative integer")
def _(tus):
    path = tus.begin(len(SOUND))
    for value in ("-1", "+1", "1.5", "a", "0x1", "", "99999999999999999999", None):
        problem_of(tus.patch(path, value, SOUND[:5]), 400, "invalid_request")
    assert tus.look(path)["Upload-Offset"] == "0"


@must("Core, Upload-Length", "the value is a non-negative integer")
def _(tus):
    before = session_count(tus)
    for value in ("-1", "+1", "1.5", "a", "0x10", ""):
        problem_of(tus.create(value), 400, "invalid_request")
    assert session_count(tus) == before


@must("Core, Tus-Version", "a comma-separated list of versions, the preferred one first")
def _(tus):
    assert tus.options()["Tus-Version"] == "1.0.0"


@must("Core, Tus-Resumable", "is in every response, refusals of all kinds included")
def _(tus):
    path = tus.begin(len(SOUND))
    done = sent(tus)
    for answer in (tus.create(10), tus.create(), tus.look(path), tus.look(NOBODY),
                   tus.ask("GET", path), tus.ask("GET", NOBODY), tus.patch(path, 5, b"a"),
                   tus.patch(path, 0, SOUND[:5]), tus.ask("PUT", path, b""),
                   tus.ask("GET", "/v1/tus"), tus.ask("GET", "/v1/tus/a/b"),
                   tus.ask("HEAD", path, Authorization=None), tus.create(10, Tus_Resumable=None),
                   tus.ask("GET", path + "?nonsense=1"), tus.delete(path), tus.delete(NOBODY),
                   tus.look(done)):
        assert answer["Tus-Resumable"] == "1.0.0", (answer.status, answer.headers)


@must("Core, Tus-Resumable", "another version is 412 with Tus-Version, and nothing is done")
def _(tus):
    path = tus.begin(len(SOUND))
    before = session_count(tus)
    for version in ("0.2.2", "1.0.1", "2.0.0", "1", "", "1.0.0,1.0.0", None):
        wrong = {"Tus_Resumable": version}
        for answer in (tus.create(10, **wrong), tus.patch(path, 0, SOUND, **wrong),
                       tus.delete(path, **wrong), tus.look(path, **wrong)):
            assert answer.status == 412 and answer["Tus-Version"] == "1.0.0", version
        problem_of(tus.create(10, **wrong), 412, "tus_version_not_supported")
    assert tus.ask("GET", path, Tus_Resumable="0.2.2").status == 412
    assert session_count(tus) == before and tus.offset(path) == 0


@must("Core, Tus-Extension", "a comma-separated list of the extensions")
def _(tus):
    assert set(extensions(tus)) == {
        "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum",
        "checksum-trailer", "termination", "concatenation", "concatenation-unfinished"}


@must("Core, Tus-Max-Size", "a non-negative integer, the most that an upload may have")
def _(tus):
    assert tus.options()["Tus-Max-Size"] == str(MAX_SIZE)


@must("Core, X-HTTP-Method-Override", "is the request's method; the actual one is ignored")
def _(tus):
    path = tus.begin(len(SOUND))
    for method, offset in (("POST", 0), ("GET", 5), ("PUT", 10), ("DELETE", 15)):
        answer = tus.ask(method, path, SOUND[offset:offset + 5], X_HTTP_Method_Override="PATCH",
                         Content_Type=TYPE, Upload_Offset=offset)
        assert answer.status == 204 and answer["Upload-Offset"] == str(offset + 5)
    looked = tus.ask("GET", path, X_HTTP_Method_Override="HEAD")
    assert (looked.status, looked["Upload-Offset"], looked.body) == (200, "20", b"")
    assert tus.ask("POST", path, X_HTTP_Method_Override="BREW").status == 405
    assert tus.offset(path) == 20
    assert tus.ask("POST", path, b"", X_HTTP_Method_Override="DELETE").status == 204
    assert tus.look(path).status == 404


# ---- core: requests ----

@must("Core, HEAD", "Upload-Offset is always there: at 0, under way, and when it is complete")
def _(tus):
    path = tus.begin(len(SOUND))
    assert tus.look(path)["Upload-Offset"] == "0"
    tus.patch(path, 0, SOUND[:7])
    assert tus.look(path)["Upload-Offset"] == "7"
    tus.patch(path, 7, SOUND[7:])
    assert tus.look(path)["Upload-Offset"] == str(len(SOUND))


@must("Core, HEAD", "Upload-Length is there when it is known")
def _(tus):
    path = tus.begin(len(SOUND))
    assert tus.look(path)["Upload-Length"] == str(len(SOUND))
    assert tus.look(sent(tus))["Upload-Length"] == str(len(SOUND))
    assert tus.look(tus.begin(Upload_Defer_Length=1))["Upload-Length"] is None


@must("Core, HEAD", "200 or 204; what is not found is 404 without Upload-Offset")
def _(tus):
    assert tus.look(tus.begin(5)).status in (200, 204)
    for path in (NOBODY, "/v1/tus/x"):
        answer = tus.look(path)
        assert answer.status == 404 and answer["Upload-Offset"] is None


@must("Core, HEAD", "Cache-Control: no-store")
def _(tus):
    for path in (tus.begin(5), sent(tus), NOBODY):
        assert tus.look(path)["Cache-Control"] == "no-store"


@must("Core, PATCH", "another Content-Type is 415")
def _(tus):
    path = tus.begin(len(SOUND))
    for kind in ("application/octet-stream", "audio/wav", TYPE + "x", None):
        problem_of(tus.patch(path, 0, SOUND, Content_Type=kind), 415, "unsupported_media_type")
    assert tus.offset(path) == 0


@must("Core, PATCH", "another offset is 409, and the upload is not modified")
def _(tus):
    path = tus.begin(len(SOUND))
    for offset in (1, 10, len(SOUND), len(SOUND) + 1):
        problem_of(tus.patch(path, offset, SOUND[:5]), 409, "offset_mismatch")
    tus.patch(path, 0, SOUND[:10])
    for offset in (0, 9, 11):
        problem_of(tus.patch(path, offset, SOUND[:5]), 409, "offset_mismatch")
    assert tus.offset(path) == 10
    done = tus.patch(path, 10, SOUND[10:])
    problem_of(tus.patch(path, 0, SOUND), 409, "offset_mismatch")
    assert content_of(tus, done) == SOUND


@must("Core, PATCH", "success is 204 with the sum of the offset before and the bytes received")
def _(tus):
    path = tus.begin(len(SOUND))
    at = 0
    for size in (1, 0, 100, 0, 999, len(SOUND) - 1100):
        answer = tus.patch(path, at, SOUND[at:at + size])
        at += size
        assert answer.status == 204 and answer["Upload-Offset"] == str(at)
    assert content_of(tus, answer) == SOUND


@must("Core, PATCH", "the new offset counts the bytes of a chunked transfer too")
def _(tus):
    path = tus.begin(len(SOUND))
    answer = tus.patch_chunked(path, 0, SOUND[:1000])
    assert answer.status == 204 and answer["Upload-Offset"] == "1000"


@must("Core, PATCH", "more bytes than the upload has are refused, and it is not modified")
def _(tus):
    path = tus.begin(10)
    problem_of(tus.patch(path, 0, SOUND[:11]), 400, "invalid_request")
    assert tus.offset(path) == 0


@must("Core, PATCH", "bytes behind a complete upload are refused, whatever carries them")
def _(tus):
    path = sent(tus)
    problem_of(tus.patch(path, len(SOUND), b"x"), 400, "invalid_request")
    problem_of(tus.patch_chunked(path, len(SOUND), b"x" * 5000), 400, "invalid_request")
    done = tus.patch(path, len(SOUND), b"")
    assert done.status == 204 and content_of(tus, done) == SOUND


@must("Core, PATCH", "a resource that is not there is 404")
def _(tus):
    problem_of(tus.patch(NOBODY, 0, b"abc"), 404, "not_found")


@must("Core, PATCH", "as much as possible of what was received is stored")
def _(tus):
    sound = wav_of_bytes(400_000)
    path = tus.begin(len(sound))
    head = tus.head("PATCH", path, Content_Type=TYPE, Upload_Offset=0, Content_Length=len(sound))
    with tus.connect() as raw:
        raw.send(head + sound[:300_001])
    # A HEAD would take over before all that is on its way has been read.
    wait_until(lambda: shown(tus, path)["offset"] == 300_001, what="the bytes of a broken PATCH")
    assert tus.offset(path) == 300_001
    assert content_of(tus, tus.patch(path, 300_001, sound[300_001:])) == sound


@must("Core, OPTIONS", "200 or 204 with Tus-Version, for anybody")
def _(tus):
    for path in ("/v1/tus", "/v1/tus?workspace_id=x", tus.begin(5)):
        answer = tus.options(path)
        assert answer.status in (200, 204) and answer["Tus-Version"] == "1.0.0"


@must("Core, OPTIONS", "Tus-Resumable is ignored")
def _(tus):
    for version in ("0.0.1", "nonsense"):
        answer = tus.ask("OPTIONS", "/v1/tus", Authorization=None, Tus_Resumable=version)
        assert answer.status == 204 and answer["Tus-Version"] == "1.0.0"


# ---- creation ----

@must("Creation", "the extension is announced")
def _(tus):
    assert "creation" in extensions(tus)


@must("Creation, Upload-Defer-Length", "the value is 1; another is 400")
def _(tus):
    for value in ("0", "2", "true", ""):
        problem_of(tus.create(Upload_Defer_Length=value), 400, "invalid_request")


@must("Creation, Upload-Defer-Length", "is omitted where the length is not deferred")
def _(tus):
    assert tus.look(tus.begin(5))["Upload-Defer-Length"] is None


@must("Creation, Upload-Metadata", "keys and Base64 values, divided by a space; values may be empty")
def _(tus):
    for value in (f"filename {b64('a.wav')},empty,also ", f"a {b64('b')} , c {b64('d')}", "x"):
        assert tus.create(5, Upload_Metadata=value).status == 201, value


@must("Creation, Upload-Metadata", "an empty key, one twice, a value that is no Base64: refused")
def _(tus):
    before = session_count(tus)
    for value in (f"a {b64('b')},,c {b64('d')}", f",a {b64('b')}", f"a {b64('b')},a {b64('c')}",
                  "a !!!", "a YQ", "a YQ==YQ==", f"a {b64('b')} {b64('c')}", "ä YQ=="):
        problem_of(tus.create(5, Upload_Metadata=value), 400, "invalid_request")
    assert session_count(tus) == before


@must("Creation, POST", "Upload-Length or Upload-Defer-Length: 1, one of them")
def _(tus):
    problem_of(tus.create(), 400, "invalid_request")
    problem_of(tus.create(5, Upload_Defer_Length=1), 400, "invalid_request")
    assert tus.create(5).status == 201 and tus.create(Upload_Defer_Length=1).status == 201


@must("Creation, POST", "Upload-Defer-Length: 1 in all HEAD answers while the length is not known")
def _(tus):
    path = tus.begin(Upload_Defer_Length=1)
    assert tus.look(path)["Upload-Defer-Length"] == "1"
    assert tus.patch(path, 0, SOUND[:100]).status == 204
    looked = tus.look(path)
    assert (looked["Upload-Defer-Length"], looked["Upload-Offset"]) == ("1", "100")


@must("Creation, POST", "a deferred length comes with a PATCH, and ends the upload there")
def _(tus):
    path = tus.begin(Upload_Defer_Length=1)
    assert tus.patch(path, 0, SOUND[:100])["Upload-Id"] is None
    assert tus.patch(path, 100, SOUND[100:200], Upload_Length=len(SOUND))["Upload-Id"] is None
    looked = tus.look(path)
    assert looked["Upload-Length"] == str(len(SOUND)) and looked["Upload-Defer-Length"] is None
    assert content_of(tus, tus.patch(path, 200, SOUND[200:])) == SOUND


@must("Creation, POST", "a deferred length may come when all bytes are there")
def _(tus):
    path = tus.begin(Upload_Defer_Length=1)
    tus.patch(path, 0, SOUND)
    assert content_of(tus, tus.patch(path, len(SOUND), b"", Upload_Length=len(SOUND))) == SOUND


@must("Creation, POST", "a length that is set is not changed")
def _(tus):
    known = tus.begin(50)
    deferred = tus.begin(Upload_Defer_Length=1)
    assert tus.patch(deferred, 0, SOUND[:10], Upload_Length=50).status == 204
    for path, offset in ((known, 0), (deferred, 10)):
        problem_of(tus.patch(path, offset, b"", Upload_Length=60), 400, "invalid_request")
        assert tus.look(path)["Upload-Length"] == "50"
        assert tus.patch(path, offset, b"", Upload_Length=50).status == 204


@must("Creation, POST", "a length with a wrong offset, or that is too small, changes nothing")
def _(tus):
    path = tus.begin(Upload_Defer_Length=1)
    tus.patch(path, 0, SOUND[:10])
    problem_of(tus.patch(path, 5, b"", Upload_Length=50), 409, "offset_mismatch")
    problem_of(tus.patch(path, 10, b"", Upload_Length=9), 409, "conflict")
    assert tus.look(path)["Upload-Defer-Length"] == "1"


@must("Creation, POST", "creation-defer-length is announced")
def _(tus):
    assert "creation-defer-length" in extensions(tus)


@must("Creation, POST", "HEAD repeats Upload-Metadata as it was sent")
def _(tus):
    said = f"name {b64('x.wav')},filename {b64('ü.wav')},odd,z {b64(bytes(range(256)))},b {b64('1')}"
    path = tus.begin(len(SOUND), Upload_Metadata=said)
    assert tus.look(path)["Upload-Metadata"] == said
    tus.patch(path, 0, SOUND)
    assert tus.look(path)["Upload-Metadata"] == said
    assert tus.look(tus.begin(5))["Upload-Metadata"] is None


@must("Creation, POST", "more than the maximum is 413")
def _(tus):
    problem_of(tus.create(MAX_SIZE + 1), 413, "file_too_large")
    path = tus.begin(Upload_Defer_Length=1)
    problem_of(tus.patch(path, 0, b"", Upload_Length=MAX_SIZE + 1), 413, "file_too_large")
    problem_of(tus.patch_chunked(path, 0, SOUND + bytes(MAX_SIZE)), 413, "file_too_large")


@must("Creation, POST", "201 with Location")
def _(tus):
    answer = tus.create(5)
    assert answer.status == 201
    assert re.fullmatch(r"/v1/tus/[0-9a-f-]{36}", answer["Location"])
    assert tus.look(answer["Location"])["Upload-Offset"] == "0"


# ---- creation with upload ----

@must("Creation With Upload", "the extension is announced, and creation with it")
def _(tus):
    assert {"creation", "creation-with-upload"} <= set(extensions(tus))


@must("Creation With Upload", "Upload-Offset tells what was accepted")
def _(tus):
    answer = tus.ask("POST", "/v1/tus", SOUND[:99], Upload_Length=len(SOUND), Content_Type=TYPE)
    assert (answer.status, answer["Upload-Offset"]) == (201, "99")
    assert tus.offset(answer["Location"]) == 99
    assert content_of(tus, tus.patch(answer["Location"], 99, SOUND[99:])) == SOUND


@must("Creation With Upload", "all of it at once; with a deferred length too")
def _(tus):
    answer = tus.ask("POST", "/v1/tus", SOUND, Upload_Length=len(SOUND), Content_Type=TYPE)
    assert answer["Upload-Offset"] == str(len(SOUND)) and content_of(tus, answer) == SOUND
    answer = tus.ask("POST", "/v1/tus", SOUND, Upload_Defer_Length=1, Content_Type=TYPE)
    assert answer["Upload-Offset"] == str(len(SOUND)) and answer["Upload-Id"] is None


@must("Creation With Upload", "the rules of PATCH apply: type, length, checksum; nothing stays")
def _(tus):
    before = session_count(tus)
    wanted = {"Upload_Length": len(SOUND), "Content_Type": TYPE}
    problem_of(tus.ask("POST", "/v1/tus", SOUND, Upload_Length=len(SOUND),
                       Content_Type="audio/wav"), 415, "unsupported_media_type")
    problem_of(tus.ask("POST", "/v1/tus", SOUND, **{**wanted, "Upload_Length": 9}), 400,
               "invalid_request")
    problem_of(tus.ask("POST", "/v1/tus", SOUND, **wanted,
                       Upload_Checksum=f"md5 {b64(bytes(16))}"), 460, "checksum_mismatch")
    assert session_count(tus) == before


@must("Creation With Upload", "Expect: 100-continue: a refusal comes before the bytes")
def _(tus):
    asked = {"Content_Type": TYPE, "Content_Length": 500, "Expect": "100-continue"}
    with tus.connect() as raw:
        answer = raw.ask(tus.head("POST", "/v1/tus", Upload_Length=MAX_SIZE + 1, **asked))
        assert answer.status == 413
    with tus.connect() as raw:
        raw.send(tus.head("POST", "/v1/tus", Upload_Length=len(SOUND), **asked))
        assert raw.answer().status == 100
        assert raw.ask(SOUND[:500])["Upload-Offset"] == "500"


# ---- expiration ----

@must("Expiration", "the extension is announced")
def _(tus):
    assert "expiration" in extensions(tus)


@must("Expiration, Upload-Expires", "is in the POST's and every PATCH's answer, as RFC 7231 writes it")
def _(tus):
    answer = tus.create(len(SOUND))
    for answer in (answer, tus.patch(answer["Location"], 0, SOUND[:5]),
                   tus.patch(answer["Location"], 5, b""), tus.look(answer["Location"])):
        assert DATE.fullmatch(answer["Upload-Expires"])
        ends = email.utils.parsedate_to_datetime(answer["Upload-Expires"]).timestamp()
        assert abs(ends - time.time() - 86400) < 600


@must("Expiration, Upload-Expires", "is of unfinished uploads")
def _(tus):
    path = tus.begin(len(SOUND))
    assert tus.patch(path, 0, SOUND)["Upload-Expires"] is None
    assert tus.look(path)["Upload-Expires"] is None


@must("Expiration", "an upload that has expired is not found, whether or not it was removed yet")
def _(tus):
    paths = [tus.begin(len(SOUND)), tus.begin(len(SOUND), Upload_Concat="partial"), sent(tus)]
    for path in paths:
        with catalog_of(tus.server) as catalog:
            catalog.execute(f"UPDATE chunked_uploads SET expires_at = {catalog.earlier('created_at', 1)} "
                            "WHERE id = ?", [path.split("/")[-1]])
        assert tus.look(path).status == 404
        for answer in (tus.ask("GET", path), tus.patch(path, 0, SOUND[:5]),
                       tus.patch(path, 0, SOUND[:5], Upload_Checksum=checksum("sha1", SOUND[:5])),
                       tus.delete(path)):
            problem_of(answer, 404, "not_found")


# ---- checksum ----

ALGORITHMS = {"md5": lambda data: hashlib.md5(data).digest(),
              "sha1": lambda data: hashlib.sha1(data).digest(),
              "sha256": lambda data: hashlib.sha256(data).digest(),
              "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big")}


def checksum(name, data):
    return f"{name} {b64(ALGORITHMS[name](data))}"


@must("Checksum", "the extension is announced")
def _(tus):
    assert "checksum" in extensions(tus)


@must("Checksum", "Tus-Checksum-Algorithm is in the answer to OPTIONS, lower case, with sha1")
def _(tus):
    names = tus.options()["Tus-Checksum-Algorithm"].split(",")
    assert names == ["md5", "sha1", "sha256", "crc32"]


@must("Checksum", "a checksum that holds is 204, of every algorithm")
def _(tus):
    path = tus.begin(len(SOUND))
    for at, name in enumerate(ALGORITHMS):
        piece = SOUND[at * 50:at * 50 + 50]
        assert tus.patch(path, at * 50, piece, Upload_Checksum=checksum(name, piece)).status == 204
    assert content_of(tus, tus.patch(path, 200, SOUND[200:])) == SOUND


@must("Checksum", "one that does not hold is 460; the chunk is discarded, the offset stays")
def _(tus):
    path = tus.begin(len(SOUND))
    tus.patch(path, 0, SOUND[:50])
    for name in ALGORITHMS:
        problem_of(tus.patch(path, 50, SOUND[50:90], Upload_Checksum=checksum(name, b"other")),
                   460, "checksum_mismatch")
        assert tus.offset(path) == 50
    # Other bytes than those that were discarded may come in their place.
    assert content_of(tus, tus.patch(path, 50, SOUND[50:])) == SOUND


@must("Checksum", "the whole rest with a wrong checksum neither counts nor finishes the upload")
def _(tus):
    path = tus.begin(len(SOUND))
    problem_of(tus.patch(path, 0, SOUND, Upload_Checksum=checksum("sha1", b"")), 460,
               "checksum_mismatch")
    looked = tus.look(path)
    assert (looked["Upload-Offset"], looked["Upload-Id"]) == ("0", None)


@must("Checksum", "what was garbled on its way is discarded, whatever it looks like")
def _(tus):
    garbled = b"\x89PNG\r\n\x1a\n" + bytes(len(SOUND) - 8)
    for name in ALGORITHMS:
        path = tus.begin(len(SOUND))
        right = checksum(name, SOUND)
        problem_of(tus.patch(path, 0, garbled, Upload_Checksum=right), 460, "checksum_mismatch")
        problem_of(tus.patch_chunked(path, 0, garbled, Trailer="Upload-Checksum",
                                     trailers=f"Upload-Checksum: {right}\r\n"),
                   460, "checksum_mismatch")
        assert tus.offset(path) == 0
        assert content_of(tus, tus.patch(path, 0, SOUND, Upload_Checksum=right)) == SOUND
    # What was meant to be sent is looked into as ever.
    path = tus.begin(len(SOUND))
    problem_of(tus.patch(path, 0, garbled, Upload_Checksum=checksum("sha1", garbled)), 415,
               "not_audio")


@must("Checksum", "an algorithm that is not supported is 400; the chunk is discarded")
def _(tus):
    path = tus.begin(len(SOUND))
    for name in ("sha512", "sha-1", "adler32", ""):
        answer = tus.patch(path, 0, SOUND, Upload_Checksum=f"{name} {b64(bytes(20))}")
        problem_of(answer, 400, "invalid_request")
    assert tus.offset(path) == 0


@must("Checksum, Upload-Checksum", "an algorithm, a space, Base64 of its whole checksum")
def _(tus):
    path = tus.begin(len(SOUND))
    for value in ("sha1", "sha1 ", "sha1 !!!", f"sha1 {b64(bytes(19))}", f"sha1 {b64(bytes(21))}",
                  f"sha1,{b64(bytes(20))}", "sha1 " + hashlib.sha1(SOUND).hexdigest(), ""):
        problem_of(tus.patch(path, 0, SOUND, Upload_Checksum=value), 400, "invalid_request")
    assert tus.offset(path) == 0


@must("Checksum", "what is refused for it changes nothing, not even the length")
def _(tus):
    path = tus.begin(Upload_Defer_Length=1)
    for value in ("sha1 !!!", f"sha512 {b64(bytes(64))}"):
        problem_of(tus.patch(path, 0, SOUND, Upload_Length=len(SOUND), Upload_Checksum=value), 400,
                   "invalid_request")
    looked = tus.look(path)
    assert (looked["Upload-Length"], looked["Upload-Defer-Length"]) == (None, "1")


@must("Checksum", "checksum-trailer is announced")
def _(tus):
    assert "checksum-trailer" in extensions(tus)


@must("Checksum", "in a trailer: it holds, 204; it does not, 460 and nothing has come")
def _(tus):
    path = tus.begin(len(SOUND))
    for name in ALGORITHMS:
        answer = tus.patch_chunked(path, 0, SOUND[:60], Trailer="Upload-Checksum",
                                   trailers=f"Upload-Checksum: {checksum(name, b'other')}\r\n")
        problem_of(answer, 460, "checksum_mismatch")
        assert tus.offset(path) == 0
    for at, name in enumerate(ALGORITHMS):
        piece = SOUND[at * 50:at * 50 + 50]
        answer = tus.patch_chunked(path, at * 50, piece, Trailer="X-Other, upload-checksum",
                                   trailers=f"upload-checksum: {checksum(name, piece)}\r\n")
        assert (answer.status, answer["Upload-Offset"]) == (204, str(at * 50 + 50))


@must("Checksum", "in a trailer: unknown, malformed or missing after all is 400")
def _(tus):
    path = tus.begin(len(SOUND))
    for trailers in ("Upload-Checksum: sha512 AAAA\r\n", "Upload-Checksum: sha1\r\n", ""):
        problem_of(tus.patch_chunked(path, 0, SOUND, Trailer="Upload-Checksum", trailers=trailers),
                   400, "invalid_request")
    problem_of(tus.patch(path, 0, SOUND, Trailer="Upload-Checksum"), 400, "invalid_request")
    assert tus.offset(path) == 0


@must("Checksum", "a trailer that was not announced with Trailer does not count")
def _(tus):
    path = tus.begin(len(SOUND))
    answer = tus.patch_chunked(path, 0, SOUND[:60],
                               trailers=f"Upload-Checksum: {checksum('sha1', b'other')}\r\n")
    assert answer.status == 204


# ---- termination ----

@must("Termination", "the extension is announced")
def _(tus):
    assert "termination" in extensions(tus)


@must("Termination, DELETE", "204, and 404 afterwards, of what was begun, under way or complete")
def _(tus):
    begun, under_way, done = tus.begin(5), tus.begin(len(SOUND)), sent(tus)
    tus.patch(under_way, 0, SOUND[:50])
    for path in (begun, under_way, done):
        assert tus.delete(path).status == 204
        problem_of(tus.ask("GET", path), 404, "not_found")
        assert tus.look(path).status == 404
        problem_of(tus.patch(path, 0, b"a"), 404, "not_found")
        problem_of(tus.delete(path), 404, "not_found")


# ---- concatenation ----

@must("Concatenation", "the extension is announced, and that partials may be unfinished")
def _(tus):
    assert {"concatenation", "concatenation-unfinished"} <= set(extensions(tus))


def halves(tus, **headers):
    middle = len(SOUND) // 2
    return (partial(tus, SOUND[:middle], **headers), partial(tus, SOUND[middle:], **headers))


@must("Concatenation", "partials are joined in the order of the list; the length is their sum")
def _(tus):
    first, second = halves(tus)
    answer = tus.create(Upload_Concat=f"final;{first} {second}")
    assert answer.status == 201 and content_of(tus, answer) == SOUND
    looked = tus.look(answer["Location"])
    assert looked["Upload-Length"] == looked["Upload-Offset"] == str(len(SOUND))


@must("Concatenation", "the URLs may be absolute or relative")
def _(tus):
    first, second = halves(tus)
    answer = tus.create(
        Upload_Concat=f"final;https://proxy.example:8443/prefix{first} {second}?a=b")
    assert answer.status == 201 and content_of(tus, answer) == SOUND


@must("Concatenation", "a partial alone is no upload")
def _(tus):
    answer = tus.ask("POST", "/v1/tus", SOUND, Upload_Length=len(SOUND), Content_Type=TYPE,
                     Upload_Concat="partial")
    assert answer.status == 201 and answer["Upload-Id"] is None
    assert tus.look(answer["Location"])["Upload-Id"] is None


@must("Concatenation", "a final has no Upload-Length, and no content")
def _(tus):
    first, second = halves(tus)
    concat = f"final;{first} {second}"
    problem_of(tus.create(len(SOUND), Upload_Concat=concat), 400, "invalid_request")
    problem_of(tus.create(Upload_Defer_Length=1, Upload_Concat=concat), 400, "invalid_request")
    problem_of(tus.ask("POST", "/v1/tus", b"abc", Content_Type=TYPE, Upload_Concat=concat), 400,
               "invalid_request")
    assert tus.offset(first) == len(SOUND) // 2


@must("Concatenation", "a final may come before its partials; the last of them makes it")
def _(tus):
    middle = len(SOUND) // 2
    first = tus.begin(middle, Upload_Concat="partial")
    second = tus.begin(len(SOUND) - middle, Upload_Concat="partial")
    answer = tus.create(Upload_Concat=f"final;{first} {second}")
    assert answer.status == 201 and answer["Upload-Id"] is None
    tus.patch(second, 0, SOUND[middle:])
    tus.patch(first, 0, SOUND[:9])
    assert tus.look(answer["Location"])["Upload-Id"] is None
    assert tus.patch(first, 9, SOUND[9:middle]).status == 204
    assert content_of(tus, tus.look(answer["Location"])) == SOUND


@must("Concatenation", "the partials' metadata does not become the final's")
def _(tus):
    first, second = halves(tus, Upload_Metadata=f"filename {b64('part')},secret {b64('x')}")
    said = f"filename {b64('whole.wav')}"
    answer = tus.create(Upload_Concat=f"final;{first} {second}", Upload_Metadata=said)
    record = tus.server.api().get_json(answer["Content-Location"])
    assert record["original_filename"] == "whole.wav"
    assert "secret" not in str(record["metadata"])
    assert tus.look(answer["Location"])["Upload-Metadata"] == said


@must("Concatenation", "a PATCH of a final is 403 and modifies neither it nor its partials")
def _(tus):
    first = tus.begin(5, Upload_Concat="partial")
    waiting = tus.begin(Upload_Concat=f"final;{first}")
    problem_of(tus.patch(waiting, 0, b"abc"), 403, "forbidden")
    assert tus.offset(first) == 0
    done = tus.create(Upload_Concat="final;" + " ".join(halves(tus)))
    problem_of(tus.patch(done["Location"], len(SOUND), b""), 403, "forbidden")
    problem_of(tus.patch(done["Location"], 0, SOUND), 403, "forbidden")
    assert content_of(tus, done) == SOUND


@must("Concatenation", "HEAD of a final has no Upload-Offset before it is whole; then Length = Offset")
def _(tus):
    first = tus.begin(len(SOUND), Upload_Concat="partial")
    path = tus.begin(Upload_Concat=f"final;{first}")
    assert tus.look(path).status == 200 and tus.look(path)["Upload-Offset"] is None
    tus.patch(first, 0, SOUND)
    looked = tus.look(path)
    assert looked["Upload-Offset"] == looked["Upload-Length"] == str(len(SOUND))


@must("Concatenation", "HEAD of a partial has Upload-Offset")
def _(tus):
    path = tus.begin(len(SOUND), Upload_Concat="partial")
    tus.patch(path, 0, SOUND[:5])
    assert tus.offset(path) == 5


@must("Concatenation", "Upload-Length is there as soon as it can be calculated")
def _(tus):
    known = tus.begin(7, Upload_Concat="partial")
    deferred = tus.begin(Upload_Defer_Length=1, Upload_Concat="partial")
    path = tus.begin(Upload_Concat=f"final;{known} {deferred}")
    assert tus.look(path)["Upload-Length"] is None
    tus.patch(deferred, 0, b"", Upload_Length=30)
    assert tus.look(path)["Upload-Length"] == "37"


@must("Concatenation", "HEAD repeats Upload-Concat as it was sent, of partials and finals")
def _(tus):
    first, second = halves(tus)
    assert tus.look(first)["Upload-Concat"] == "partial"
    said = f"final;http://elsewhere.example{first} {second}"
    waiting = tus.begin(5, Upload_Concat="partial")
    for said in (said, f"final;{waiting}"):
        path = tus.create(Upload_Concat=said)["Location"]
        assert tus.look(path)["Upload-Concat"] == said
    assert tus.look(tus.begin(5))["Upload-Concat"] is None


@must("Concatenation, Upload-Concat", "partial, or final; and the URLs of partials: else refused")
def _(tus):
    before = session_count(tus)
    for value in ("", "Partial", "final", "final;", "final; ", "final;/v1/tus/x", "final;/v1/uploads",
                  f"part;{NOBODY}", "final;/v1/tus/" + "0" * 36):
        problem_of(tus.create(Upload_Concat=value, Upload_Length=5 if value in ("", "Partial")
                              else None), 400, "invalid_request")
    problem_of(tus.create(Upload_Concat=f"final;{NOBODY}"), 404, "not_found")
    whole = tus.begin(5)
    problem_of(tus.create(Upload_Concat=f"final;{whole}"), 409, "conflict")
    assert session_count(tus) == before + 1


@pytest.mark.parametrize("check", TABLE)
def test_must(tus, check):
    check(tus)
