"""Indexed chunks, /v1/chunked-uploads: what may be asked and what is answered."""
import base64
import collections
import concurrent.futures
import hashlib
import random

import audio
import pytest
from chunked import AT, CHUNK, KIB, Line, Upload, content, digest_field, numbers, sha256
from http_raw import chunked
from people import make_workspace, member
from server import Server, expect_problem

pytestmark = pytest.mark.databases("sqlite", "postgres")

DATA = content()
MIB = 1 << 20
NOBODY = "01936a1c-2b7e-7c4d-9a10-3f5e6d7c8b9a"
_seeds = iter(range(1000, 10_000))


@pytest.fixture(scope="module")
def server(tmp_path_factory, database):
    with Server(tmp_path_factory.mktemp("chunked") / "data") as running:
        yield running
        check_nothing_left(running)


@pytest.fixture
def api(server):
    """In a workspace of its own, so that quotas and lists are the test's alone."""
    operator = server.api()
    api = member(server, "writer", make_workspace(operator)["id"])
    api.workspace_id = operator.get_json("/v1/workspaces?limit=1000")["items"][-1]["id"]
    return api


def check_nothing_left(server):
    """All that is reserved is an open session's, and every byte is explained."""
    operator = server.api()
    for workspace in operator.get_json("/v1/workspaces?limit=1000")["items"]:
        sessions = operator.get_json(AT, params={"workspace_id": workspace["id"], "limit": 1000})
        held = [s["file_size"] for s in sessions["items"] if s["status"] == "initiated"]
        assert reserved(operator, workspace["id"]) == (sum(held), len(held))
    server.verify()


def reserved(api, workspace_id):
    quota = api.get_json(f"/v1/workspaces/{workspace_id}/quota")
    return quota["reserved_bytes"], quota["reserved_files"]


def fresh():
    """Content that nobody has sent before."""
    return content(seed=next(_seeds))


# ---- beginning ----

def test_begin(api):
    upload = Upload(api, DATA, metadata={"speaker": "Ada"}, mime_type="audio/wav; x=1")
    state = upload.check_state([])
    assert state == upload.begun
    assert (state["protocol"], state["filename"], state["offset"]) == ("chunked", "concert.wav", 0)
    assert (state["upload_id"], state["error_code"], state["error_message"]) == (None, None, None)
    record = upload.put_all()["upload"]
    assert record["metadata"]["upload_metadata"] == {"speaker": "Ada"}
    assert record["original_filename"] == "concert.wav"


def test_usual_chunk_size(api):
    answer = api.post(AT, json={"filename": "a.wav", "file_size": 5 * MIB + 1})
    assert (answer.json()["chunk_size"], answer.json()["total_chunks"]) == (5 * MIB, 2)
    assert answer.json()["missing_chunks"] == [[0, 1]]


@pytest.mark.parametrize("chunk_size, chunks, good", [
    (256 * KIB - 1, 1, False), (256 * KIB, 1, True), (5 << 30, 1, True), ((5 << 30) + 1, 1, False),
    (256 * KIB, 10_000, True), (256 * KIB, 10_001, False), (0, 1, False), (-1, 1, False),
    (1.5, 1, False), ("1048576", 1, False), (1 << 62, 1, False)])
def test_bounds_of_chunks(api, chunk_size, chunks, good):
    size = chunks * chunk_size if chunks > 1 else 1000
    answer = api.post(AT, json={"filename": "a.wav", "file_size": size, "chunk_size": chunk_size})
    if not good:
        expect_problem(answer, 400, "invalid_request")
        return
    assert answer.status_code == 201 and answer.json()["total_chunks"] == chunks
    assert api.delete(f"{AT}/{answer.json()['id']}").status_code == 204


def test_too_many_by_a_byte(api):
    wish = {"filename": "a.wav", "file_size": 10_000 * CHUNK + 1, "chunk_size": CHUNK}
    problem = expect_problem(api.post(AT, json=wish), 400, "invalid_request")
    assert str(CHUNK + 1) in problem["detail"]  # what it must be at least


@pytest.mark.parametrize("change, status, code", [
    ({"filename": None}, 400, "invalid_request"),
    ({"filename": "../.."}, 400, "invalid_filename"),
    ({"filename": ""}, 400, "invalid_filename"),
    ({"filename": "a\tb.wav"}, 400, "invalid_filename"),
    ({"filename": "a\x7f.wav"}, 400, "invalid_filename"),
    ({"file_size": None}, 400, "invalid_request"),
    ({"file_size": 0}, 400, "empty_file"),
    ({"file_size": -1}, 400, "invalid_request"),
    ({"file_size": 2.5}, 400, "invalid_request"),
    ({"file_size": 1 << 53}, 413, "file_too_large"),
    ({"file_size": (1 << 63) - 1}, 413, "file_too_large"),
    ({"file_size": 1 << 63}, 400, "invalid_json"),
    ({"mime_type": "text/html"}, 415, "not_audio"),
    ({"sha256": "ab"}, 400, "invalid_request"),
    ({"sha256": "g" * 64}, 400, "invalid_request"),
    ({"on_duplicate": "ask"}, 400, "invalid_request"),
    ({"metadata": [1]}, 400, "invalid_request"),
    ({"chunks": 3}, 400, "invalid_request")])
def test_refused_beginnings(api, change, status, code):
    answer = api.post(AT, json={"filename": "a.wav", "file_size": 300_000, **change})
    expect_problem(answer, status, code)
    assert api.get_json(AT)["items"] == []
    assert reserved(api, api.workspace_id) == (0, 0)


def test_a_digest_of_another_length(api):
    wish = {"filename": "a.wav", "file_size": 300_000, "sha256": "ab"}
    problem = expect_problem(api.post(AT, json=wish), 400, "invalid_request")
    assert problem["detail"] == "sha256 must have 64 bytes"


# ---- chunks ----

@pytest.mark.parametrize("order", ["forwards", "backwards", "shuffled", "odd first"])
def test_any_order(api, order):
    upload = Upload(api, content(chunks=9, seed=next(_seeds)))
    indexes = list(range(upload.total))
    if order == "backwards":
        indexes.reverse()
    elif order == "shuffled":
        random.Random(7).shuffle(indexes)
    elif order == "odd first":
        indexes = indexes[1::2] + indexes[::2]
    for number, index in enumerate(indexes[:-1], 1):
        answer = upload.put(index).json()
        assert answer == {"chunk_index": index, "completed": number, "total": upload.total,
                          "progress": number * 1000 // upload.total / 1000}
        state = upload.check_state(indexes[:number])
        gap = next(i for i in range(upload.total) if i not in indexes[:number])
        assert state["offset"] == min(gap * CHUNK, len(upload.data))
    last = upload.put(indexes[-1])
    answer = last.json()
    assert (answer["completed"], answer["progress"]) == (upload.total, 1)
    record = upload.check_record(answer["upload"])
    assert last.headers["Content-Location"] == f"/v1/uploads/{record['id']}"
    assert api.get_json(f"/v1/uploads/{record['id']}") == record


def test_in_parallel(server, api):
    upload = Upload(api, content(chunks=40, seed=next(_seeds)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(upload.put, random.Random(3).sample(range(41), 41)))
    assert {answer.status_code for answer in answers} == {200}
    whole = [answer.json()["upload"] for answer in answers if "upload" in answer.json()]
    # Those that come while the last is finishing have the record as well: the same one.
    assert whole and all(record["id"] == whole[0]["id"] for record in whole)
    upload.check_record(whole[0])


def test_one_chunk_is_a_whole_file(api):
    data = audio.wav(seed=next(_seeds))
    upload = Upload(api, data, chunk_size=CHUNK)
    assert upload.total == 1
    upload.check_record(upload.put_all()["upload"])


def test_chunk_of_unknown_length(api):
    """Transfer-Encoding: chunked is as good, as long as the length comes out right."""
    upload = Upload(api, fresh())

    def pieces(index):
        yield from (upload.chunk(index)[at:at + 50_000] for at in range(0, len(upload.chunk(index)), 50_000))

    for index in (4, 0, 1, 2):
        assert upload.put(index, pieces(index)).status_code == 200
    upload.check_record(upload.put(3, pieces(3)).json()["upload"])


@pytest.mark.parametrize("index", ["-1", "5", "10000", "18446744073709551616", "1.5", "1e0", "+1",
                                   "0x1", "x", "%20", "1%20", "1,2"])
def test_wrong_index(api, index):
    upload = Upload(api, DATA)
    upload.put_all([1])
    problem = expect_problem(upload.put(index, upload.chunk(0)), 400, "invalid_chunk_index")
    assert "0 to 4" in problem["detail"]
    upload.check_state([1])
    upload.abort()


@pytest.mark.parametrize("framing", ["known", "unknown"])
@pytest.mark.parametrize("index", [0, 4])
@pytest.mark.parametrize("by", [-1, 1, -1000, 70_000, "nothing"])
def test_wrong_length(api, index, by, framing):
    upload = Upload(api, DATA)
    upload.put_all([1])
    right = upload.chunk(index)
    body = b"" if by == "nothing" else right[:by] if by < 0 else right + bytes(by)
    answer = upload.put(index, iter([body]) if framing == "unknown" and body else body)
    problem = expect_problem(answer, 400, "invalid_chunk_size")
    assert framing == "unknown" or str(len(right)) in problem["detail"]
    upload.check_state([1])
    assert upload.put(index).status_code == 200
    upload.check_state([1, index])
    upload.abort()


def test_chunk_that_breaks_off(server, api):
    """The client goes away in the middle: nothing of the chunk counts, and it can come again."""
    upload = Upload(api, fresh())
    upload.put_all([1, 2])
    for headers, start in (([f"Content-Length: {CHUNK}"], upload.chunk(0)[:-1]),
                           (["Transfer-Encoding: chunked"], b"40000\r\n" + upload.chunk(0)[:9000])):
        with Line(server, upload, 0, *headers, token=api.headers["Authorization"][7:]) as line:
            line.send(start)
            upload.check_state([1, 2])
    upload.check_state([1, 2])
    upload.check_record(upload.put_all([0, 3, 4])["upload"])


# ---- digests of chunks ----

def content_md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


DIGESTS = {
    "Content-MD5": content_md5,
    "Content-Digest": lambda data: digest_field("sha-256", data),
    "Repr-Digest": lambda data: digest_field("sha-256", data),
    "Content-Digest md5": lambda data: digest_field("md5", data),
    "Content-Digest both": lambda data: f"{digest_field('md5', data)}, "
                                        f"{digest_field('sha-256', data)}",
}


@pytest.mark.parametrize("where", ["head", "trailers"])
@pytest.mark.parametrize("field", DIGESTS)
def test_digest_of_a_chunk(server, api, field, where):
    upload = Upload(api, DATA, on_duplicate="return")
    name = field.split()[0]

    def put(index, of, body):
        header = f"{name}: {DIGESTS[field](of)}"
        if where == "head":
            return upload.put(index, body, headers=dict([header.split(": ", 1)]))
        with Line(server, upload, index, "Transfer-Encoding: chunked", f"Trailer: {name}",
                  token=api.headers["Authorization"][7:]) as line:
            answer = line.ask(chunked(body, trailer=header + "\r\n"))
        answer.status_code, answer.json_body = answer.status, answer.json
        return answer

    assert put(1, upload.chunk(1), upload.chunk(1)).status_code == 200
    bad = bytes(b ^ 1 for b in upload.chunk(2))
    answer = put(2, upload.chunk(2), bad)
    assert answer.status_code == 400, answer.text
    assert '"checksum_mismatch"' in answer.text
    upload.check_state([1])  # unharmed
    assert put(2, upload.chunk(2), upload.chunk(2)).status_code == 200
    # What is there is not undone by a wrong digest of it.
    answer = put(1, bad, upload.chunk(1))
    assert (answer.status_code, '"checksum_mismatch"' in answer.text) == (400, True)
    upload.check_state([1, 2])
    upload.check_record(upload.put_all([4, 0, 3])["upload"])


IMAGE = b"\x89PNG\r\n\x1a\n"  # what it is not; as many bytes of it as are needed


@pytest.mark.parametrize("where", ["head", "trailers"])
def test_a_chunk_that_was_garbled_on_its_way(server, api, where):
    """Is no reason to refuse the content, whatever it looks like."""
    upload = Upload(api, fresh())
    header = f"Content-Digest: {digest_field('sha-256', upload.chunk(0))}"
    garbled = IMAGE + upload.chunk(0)[len(IMAGE):]
    if where == "head":
        answer = upload.put(0, garbled, headers=dict([header.split(": ", 1)]))
    else:
        with Line(server, upload, 0, "Transfer-Encoding: chunked", "Trailer: Content-Digest",
                  token=api.headers["Authorization"][7:]) as line:
            answer = line.ask(chunked(garbled, trailer=header + "\r\n"))
    assert '"checksum_mismatch"' in answer.text
    upload.check_state([])
    upload.check_record(upload.put_all()["upload"])


@pytest.mark.parametrize("length", [5000, CHUNK + 1])
def test_a_chunk_of_the_wrong_length_is_not_looked_into(api, length):
    upload = Upload(api, fresh())
    answer = upload.put(0, iter([IMAGE + bytes(length - len(IMAGE))]))
    expect_problem(answer, 400, "invalid_chunk_size")
    upload.check_state([])
    upload.check_record(upload.put_all()["upload"])


@pytest.mark.parametrize("both_wrong", ["Content-MD5", "Content-Digest"])
def test_two_digests_must_both_hold(api, both_wrong):
    upload = Upload(api, DATA)
    headers = {"Content-MD5": content_md5(upload.chunk(0)),
               "Content-Digest": digest_field("sha-256", upload.chunk(0))}
    headers[both_wrong] = {"Content-MD5": content_md5, "Content-Digest": DIGESTS["Content-Digest"]}[
        both_wrong](b"else")
    expect_problem(upload.put(0, headers=headers), 400, "checksum_mismatch")
    upload.check_state([])
    upload.abort()


def test_coded_chunk(api):
    upload = Upload(api, DATA)
    answer = upload.put(0, headers={"Content-Encoding": "gzip"})
    expect_problem(answer, 415, "unsupported_media_type")
    upload.check_state([])
    upload.abort()


def test_malformed_digest(api):
    upload = Upload(api, DATA)
    for headers in ({"Content-MD5": "abc"}, {"Content-Digest": "sha-256=abc"}):
        expect_problem(upload.put(0, headers=headers), 400, "invalid_request")
    upload.check_state([])
    upload.abort()


# ---- retries ----

def test_retry_changes_nothing(api):
    upload = Upload(api, fresh())
    for _ in range(3):
        answer = upload.put(3).json()
        assert (answer["completed"], answer["progress"]) == (1, 0.2)
    upload.check_state([3])
    other = bytes(b ^ 1 for b in upload.chunk(3))
    expect_problem(upload.put(3, other), 409, "bytes_differ")
    upload.check_state([3])
    upload.check_record(upload.put_all([0, 1, 2, 4])["upload"])


def test_after_completion(api):
    """Every chunk again, the completion again: the record again."""
    upload = Upload(api, fresh())
    record = upload.put_all()["upload"]
    for index in range(upload.total):
        answer = upload.put(index)
        assert answer.status_code == 200 and answer.json()["upload"] == record
    for _ in range(2):
        answer = upload.complete()
        assert answer.status_code == 201 and answer.json() == record
        assert answer.headers["Location"] == f"/v1/uploads/{record['id']}"
    expect_problem(upload.put(99, b"x"), 400, "invalid_chunk_index")
    expect_problem(upload.put(0, b"x"), 400, "invalid_chunk_size")
    state = upload.state()
    assert (state["status"], state["upload_id"]) == ("completed", record["id"])
    assert (state["completed"], state["progress"], state["missing_chunks"]) == (5, 1, [])
    assert (state["received_chunks"], state["offset"]) == ([[0, 4]], len(upload.data))
    assert len(api.get_json("/v1/uploads")["items"]) == 1
    assert reserved(api, api.workspace_id) == (0, 0)


def test_other_bytes_after_completion(server, api):
    """They are no retry, and must not be taken for one."""
    upload = Upload(api, fresh(), on_duplicate="reject")
    record = upload.put_all()["upload"]
    other = bytes(b ^ 1 for b in upload.chunk(4))
    last = upload.chunk(4)[:-1] + other[-1:]
    for body in (other, last, iter([last[:10], last[10:]])):
        expect_problem(upload.put(4, body), 409, "bytes_differ")
    for field in ("Content-Digest", "Repr-Digest"):
        wrong = {field: digest_field("sha-256", other)}
        expect_problem(upload.put(4, headers=wrong), 400, "checksum_mismatch")
        expect_problem(upload.put(4, other, headers=wrong), 409, "bytes_differ")
        right = {field: digest_field("md5", upload.chunk(4))}
        assert upload.put(4, headers=right).json()["upload"] == record
    for of, status in ((other, 400), (upload.chunk(4), 200)):
        trailer = f"Content-Digest: {digest_field('sha-256', of)}\r\n"
        with Line(server, upload, 4, "Transfer-Encoding: chunked", "Trailer: Content-Digest",
                  token=api.headers["Authorization"][7:]) as line:
            assert line.ask(chunked(upload.chunk(4), trailer=trailer)).status == status
    expect_problem(upload.put(4, iter([upload.chunk(4), b"x"])), 400, "invalid_chunk_size")
    expect_problem(upload.put(4, iter([upload.chunk(4)[:-1]])), 400, "invalid_chunk_size")
    assert upload.put(0).json()["upload"] == upload.check_record(record)


def test_a_retry_of_what_is_stored_with_another_upload(api):
    """The bytes stand where the first one's are."""
    first = Upload(api, fresh())
    first.put_all()
    again = Upload(api, first.data)
    record = again.put_all()["upload"]
    assert record["duplicate_of"]
    assert again.put(2).json()["upload"] == record
    expect_problem(again.put(2, again.chunk(1)), 409, "bytes_differ")


def test_a_retry_after_the_content_has_gone(api):
    upload = Upload(api, fresh())
    record = upload.put_all()["upload"]
    assert api.delete(f"/v1/uploads/{record['id']}").status_code == 204
    answer = upload.put(2)
    assert answer.status_code == 200 and answer.json()["upload"]["id"] == record["id"]
    wrong = {"Content-Digest": digest_field("md5", b"")}
    expect_problem(upload.put(2, headers=wrong), 400, "checksum_mismatch")


def test_completion_while_chunks_are_missing(api):
    upload = Upload(api, fresh())
    expect_problem(upload.complete(), 409, "conflict")
    upload.put_all([0, 1, 3, 4])
    problem = expect_problem(upload.complete(), 409, "conflict")
    assert str(CHUNK) in problem["detail"]
    upload.check_state([0, 1, 3, 4])
    upload.check_record(upload.put_all([2])["upload"])


def test_the_same_chunk_at_once(api):
    """A newer one may cut an older one off; one of them is there in the end, and only once."""
    upload = Upload(api, fresh())
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for index in range(upload.total):
            answers = list(pool.map(upload.put, [index] * 8))
            kinds = collections.Counter(answer.status_code for answer in answers)
            assert kinds[200] >= 1 and set(kinds) <= {200, 409}, kinds
            if index < upload.total - 1:
                upload.check_state(range(index + 1))
    record = upload.complete().json()
    upload.check_record(record)
    assert len(api.get_json("/v1/uploads")["items"]) == 1


def test_completions_at_once(api):
    """The last chunk and many completions: one record, one charge."""
    for _ in range(3):
        upload = Upload(api, fresh())
        upload.put_all([0, 1, 2, 3])
        with concurrent.futures.ThreadPoolExecutor(9) as pool:
            last = pool.submit(upload.put, 4)
            others = [pool.submit(upload.complete) for _ in range(8)]
        assert last.result().status_code == 200
        records = [last.result().json()["upload"]]
        for other in (future.result() for future in others):
            if other.status_code == 409:  # came before the chunk
                expect_problem(other, 409, "conflict")
            else:
                assert other.status_code == 201, other.text
                records.append(other.json())
        assert len({record["id"] for record in records}) == 1
        upload.check_record(records[0])
    quota = api.get_json(f"/v1/workspaces/{api.workspace_id}/quota")
    assert (quota["current_file_count"], quota["current_storage_bytes"]) == (3, 3 * len(DATA))


# ---- the whole ----

def test_sha256_of_the_whole(api):
    data = fresh()
    upload = Upload(api, data, sha256=sha256(data).upper())
    upload.check_record(upload.put_all([4, 3, 2, 1, 0])["upload"])


def check_failed(api, upload, status, code):
    """The session says for good why, to every request, and holds nothing any more."""
    for answer in (upload.put(0), upload.put(1, b"short"), upload.complete()):
        expect_problem(answer, status, code)
    state = upload.state()
    assert (state["status"], state["error_code"]) == ("failed", code)
    assert state["error_message"] and state["upload_id"] is None
    assert (state["received_bytes"], state["completed"]) == (0, 0)
    assert reserved(api, api.workspace_id) == (0, 0)
    assert api.get_json("/v1/uploads")["items"] == []
    assert upload.abort().status_code == 204
    expect_problem(api.get(upload.url), 404, "not_found")


def test_wrong_sha256_of_the_whole(api):
    upload = Upload(api, fresh(), sha256=sha256(b"else"))
    upload.put_all([1, 2, 3, 4])
    expect_problem(upload.put(0), 400, "checksum_mismatch")
    check_failed(api, upload, 400, "checksum_mismatch")


@pytest.mark.parametrize("order", ["first", "last"])
def test_not_audio(api, order):
    """Refused with the first chunk, whenever that comes: not after the whole."""
    upload = Upload(api, b"<html>" + bytes(4 * CHUNK))
    if order == "last":
        upload.put_all([1, 2, 3, 4])
    expect_problem(upload.put(0), 415, "not_audio")
    check_failed(api, upload, 415, "not_audio")


def test_audio_that_cannot_be_read(api):
    """It looks like audio from its first bytes; the finishing request says that it is none."""
    upload = Upload(api, b"fLaC" + random.Random(1).randbytes(CHUNK + 4000))
    upload.put_all([1])
    answer = upload.put(0)
    problem = expect_problem(answer, answer.status_code, answer.json()["code"])
    assert (problem["status"], problem["code"]) in ((415, "not_audio"), (422, "media_unreadable"))
    check_failed(api, upload, problem["status"], problem["code"])


# ---- duplicates ----

def test_duplicates(api):
    first = Upload(api, fresh())
    record = first.put_all()["upload"]
    linked = Upload(api, first.data).put_all()["upload"]
    assert linked["duplicate_of"] == record["id"]
    assert linked["storage_path"] == record["storage_path"]
    again = Upload(api, first.data, on_duplicate="return")
    assert again.put_all()["upload"]["id"] == record["id"]
    assert again.state()["upload_id"] == record["id"]
    assert again.complete().json()["id"] == record["id"]
    assert (first.complete().status_code, again.complete().status_code) == (201, 200)
    assert len(api.get_json("/v1/uploads")["items"]) == 2
    assert reserved(api, api.workspace_id) == (0, 0)


def test_rejected_duplicate(api):
    first = Upload(api, fresh())
    record = first.put_all()["upload"]
    again = Upload(api, first.data, on_duplicate="reject")
    again.put_all(range(1, 5))
    problem = expect_problem(again.put(0), 409, "duplicate_content")
    assert problem["upload_id"] == record["id"]
    for answer in (again.complete(), again.put(0)):
        assert expect_problem(answer, 409, "duplicate_content")["upload_id"] == record["id"]
    state = again.state()
    assert (state["error_code"], state["upload_id"]) == ("duplicate_content", record["id"])
    assert reserved(api, api.workspace_id) == (0, 0)
    first.check_record(record)


# ---- quota ----

def test_quota_is_reserved_at_the_beginning(server, api):
    operator = server.api()
    quota = f"/v1/workspaces/{api.workspace_id}/quota"
    size = len(DATA)
    assert operator.put(quota, json={"max_storage_bytes": 2 * size + 1}).status_code == 200
    first, second = Upload(api, fresh()), Upload(api, fresh())
    assert reserved(api, api.workspace_id) == (2 * size, 2)
    wish = {"filename": "a.wav", "file_size": 2}
    problem = expect_problem(api.post(AT, json=wish), 403, "quota_storage_exceeded")
    assert (problem["limit"], problem["remaining"]) == (2 * size + 1, 1)
    assert api.upload(DATA, expect=403)["code"] == "quota_storage_exceeded"
    first.put_all([0, 1])
    assert first.abort().status_code == 204
    assert reserved(api, api.workspace_id) == (size, 1)
    second.put_all()
    assert reserved(api, api.workspace_id) == (0, 0)
    third = Upload(api, b"<html>" + bytes(size - 6))
    expect_problem(third.put(0), 415, "not_audio")
    Upload(api, fresh()).put_all()
    expect_problem(api.post(AT, json={**wish, "file_size": 2}), 403, "quota_storage_exceeded")


@pytest.mark.parametrize("limits, status, code", [
    ({"max_file_count": 1}, 403, "quota_files_exceeded"),
    ({"max_monthly_uploads": 1}, 403, "quota_monthly_exceeded"),
    ({"max_file_size": len(DATA) - 1}, 413, "file_too_large")])
def test_other_limits(server, api, limits, status, code):
    quota = f"/v1/workspaces/{api.workspace_id}/quota"
    assert server.api().put(quota, json=limits).status_code == 200
    wish = {"filename": "a.wav", "file_size": len(DATA)}
    if status == 403:
        Upload(api, DATA)  # a session holds a place
    expect_problem(api.post(AT, json=wish), status, code)


# ---- sessions ----

def test_list(api):
    uploads = [Upload(api, DATA, on_duplicate="return") for _ in range(5)]
    uploads[1].put_all([2])
    record = uploads[2].put_all()["upload"]
    uploads[3].abort()
    uploads.pop(3)
    found, cursor = [], None
    while True:
        page = api.get_json(AT, params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        found += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
        assert len(page["items"]) == 2
    assert [item["id"] for item in found] == [upload.id for upload in uploads]
    assert [item["status"] for item in found] == ["initiated", "initiated", "completed", "initiated"]
    assert found[1]["received_chunks"] == [[2, 2]]
    assert found[2]["upload_id"] == record["id"]
    assert found == [upload.state() for upload in uploads]
    expect_problem(api.get(AT, params={"cursor": "x"}), 400, "invalid_cursor")
    for upload in uploads:
        assert upload.abort().status_code == 204
    assert api.get_json(AT)["items"] == []
    assert api.get_json(f"/v1/uploads/{record['id']}") == record  # the session only


def test_abort(api):
    upload = Upload(api, DATA)
    upload.put_all([0, 3])
    assert upload.abort().status_code == 204
    for answer in (upload.abort(), upload.put(1), upload.complete(), api.get(upload.url)):
        expect_problem(answer, 404, "not_found")
    expect_problem(api.get(f"{AT}/{NOBODY}"), 404, "not_found")
    expect_problem(api.get(f"{AT}/x"), 404, "not_found")


def test_another_workspace(server, api):
    """To others the session does not exist, and nothing that they try harms it."""
    upload = Upload(api, fresh())
    upload.put_all([0])
    stranger = member(server, "admin", make_workspace(server.api())["id"])
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/complete"), ("PUT", "/chunks/1")):
        answer = stranger.request(method, upload.url + path, data=b"x" if path else None)
        expect_problem(answer, 404, "not_found")
    assert stranger.get_json(AT)["items"] == []
    upload.check_state([0])
    upload.check_record(upload.put_all([1, 2, 3, 4])["upload"])


def test_readers_only_read(server, api):
    reader = member(server, "reader", api.workspace_id)
    upload = Upload(api, DATA)
    assert reader.get_json(upload.url) == upload.state()
    assert reader.get_json(AT)["items"] == [upload.state()]
    wish = {"filename": "a.wav", "file_size": 10}
    for answer in (reader.post(AT, json=wish), reader.delete(upload.url),
                   reader.put(f"{upload.url}/chunks/0", data=upload.chunk(0)),
                   reader.post(f"{upload.url}/complete")):
        expect_problem(answer, 403, "forbidden")
    upload.check_state([])
    upload.abort()


def test_operator_names_the_workspace(server, api):
    operator = server.api()
    wish = {"filename": "a.wav", "file_size": 10}
    assert operator.post(AT, json=wish).status_code in (400, 404)  # there are several
    upload = Upload(operator, fresh(), query={"workspace_id": api.workspace_id})
    record = upload.put_all()["upload"]
    assert record["workspace_id"] == api.workspace_id
    assert api.get_json(f"/v1/uploads/{record['id']}") == record


def test_idempotency_key(api):
    """Begun twice, also at once: one session, as it stands."""
    data = fresh()
    headers = {"Idempotency-Key": "concert-1"}
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        uploads = list(pool.map(lambda _: Upload(api, data, headers=headers), range(8)))
    assert len({upload.id for upload in uploads}) == 1
    assert reserved(api, api.workspace_id) == (len(data), 1)
    uploads[0].put_all([2])
    again = Upload(api, data, headers=headers)
    assert again.id == uploads[0].id and again.begun["received_chunks"] == [[2, 2]]
    for change in ({"file_size": 400_000}, {"chunk_size": MIB}, {"sha256": sha256(data)},
                   {"filename": "b.wav"}, {"on_duplicate": "reject"}):
        wish = {"filename": "concert.wav", "file_size": len(data), "chunk_size": CHUNK, **change}
        expect_problem(api.post(AT, json=wish, headers=headers), 422, "idempotency_key_reused")
    record = again.put_all([0, 1, 3, 4])["upload"]
    after = Upload(api, data, headers=headers).begun
    assert (after["status"], after["upload_id"]) == ("completed", record["id"])
    again.check_record(record)


def test_missing_as_ranges(api):
    """10,000 chunks are told in a few numbers."""
    wish = {"filename": "a.wav", "file_size": 10_000 * CHUNK, "chunk_size": CHUNK}
    state = api.post(AT, json=wish).json()
    url, chunk = f"{AT}/{state['id']}", audio.wav_of_bytes(CHUNK)
    assert (state["missing_chunks"], state["received_chunks"]) == ([[0, 9999]], [])
    for index in (9999, 0, 5000, 5001, 4999):
        answer = api.put(f"{url}/chunks/{index}", data=chunk)
        assert answer.status_code == 200, answer.text
    expect_problem(api.put(f"{url}/chunks/10000", data=chunk), 400, "invalid_chunk_index")
    state = api.get_json(url)
    assert state["received_chunks"] == [[0, 0], [4999, 5001], [9999, 9999]]
    assert state["missing_chunks"] == [[1, 4998], [5002, 9998]]
    assert (state["completed"], state["progress"]) == (5, 0)
    assert len(numbers(state["missing_chunks"])) == 9995
    assert api.delete(url).status_code == 204
