"""Records: what an upload says of itself, changing it, the trash."""
import hashlib
import socket
import uuid

import audio
import pytest
from server import expect_problem

pytestmark = pytest.mark.databases("sqlite", "postgres")


def history(api, record):
    return [e["action"] for e in api.get_json(f"/v1/uploads/{record['id']}/history")["items"]]


def test_record_of_a_wav(api):
    content = audio.wav(seconds=1.0, rate=8000)
    record = api.upload(content, "Tön für zwei.wav")
    assert record["original_filename"] == "Tön für zwei.wav"
    assert record["file_size"] == record["original_size"] == len(content)
    assert record["compressed_size"] is None and record["compression_type"] == "none"
    assert record["checksum_md5"] == hashlib.md5(content).hexdigest()
    assert record["checksum_sha256"] == hashlib.sha256(content).hexdigest()
    assert (record["file_type"], record["codec"]) == ("wav", "pcm_s16le")
    assert (record["sample_rate"], record["channels"], record["duration"]) == (8000, 1, 1.0)
    assert record["metadata"]["bits_per_sample"] == 16
    assert record["metadata"]["duration_source"] in ("declared", "scanned", "decoded")
    assert record["status"] == "uploaded" and record["duplicate_of"] is None
    assert record["storage_url"] == "/files/" + record["storage_path"]
    assert record["storage_path"].startswith(f"uploads/{record['user_id']}/")
    assert record["storage_provider"] == "local" and record["storage_name"] == "main"
    assert record["uploaded_at"].endswith("Z") and record["deleted_at"] is None
    assert uuid.UUID(record["id"]).version == 7


def test_answer_names_the_record(api):
    answer = api.post("/v1/uploads?filename=a.wav", data=audio.wav())
    assert answer.status_code == 201
    path = answer.headers["Location"]
    assert path == f"/v1/uploads/{answer.json()['id']}"
    again = api.get(path)
    assert again.json() == answer.json()
    assert again.headers["ETag"] == answer.headers["ETag"]


def test_duration_has_three_decimals(api):
    record = api.upload(audio.wav(seconds=0.25))
    text = api.get(f"/v1/uploads/{record['id']}").text
    assert '"duration":0.250' in text


@pytest.mark.parametrize("disposition, name", [
    ('attachment; filename="plain.wav"', "plain.wav"),
    ("attachment; filename=\"x.wav\"; filename*=UTF-8''n%C3%A4me.wav", "näme.wav"),
    ('attachment; filename="C:\\\\music\\\\deep.wav"', "deep.wav"),
])
def test_name_from_disposition(api, disposition, name):
    answer = api.post("/v1/uploads", data=audio.wav(), headers={"Content-Disposition": disposition})
    assert answer.status_code == 201, answer.text
    assert answer.json()["original_filename"] == name


def test_query_name_wins(api):
    answer = api.post("/v1/uploads?filename=query.wav", data=audio.wav(),
                      headers={"Content-Disposition": 'attachment; filename="header.wav"'})
    assert answer.json()["original_filename"] == "query.wav"


def test_nameless_is_refused(api):
    expect_problem(api.post("/v1/uploads", data=audio.wav()), 400, "invalid_filename")


def test_unknown_query_is_refused(api):
    problem = expect_problem(api.post("/v1/uploads?filename=a.wav&on_dup=link", data=b"x"), 400,
                             "invalid_request")
    assert "on_dup" in problem["detail"]


def test_conditional_read_of_a_record(api):
    record = api.upload(audio.wav())
    path = f"/v1/uploads/{record['id']}"
    etag = api.get(path).headers["ETag"]
    assert api.get(path, headers={"If-None-Match": etag}).status_code == 304
    assert api.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_rename(api):
    record = api.upload(audio.wav())
    changed = api.patch(f"/v1/uploads/{record['id']}", json={"original_filename": "b.wav"})
    assert changed.status_code == 200
    assert changed.json() == {**record, "original_filename": "b.wav",
                              "updated_at": changed.json()["updated_at"]}
    assert changed.json()["updated_at"] > record["updated_at"]
    assert api.get_json(f"/v1/uploads/{record['id']}") == changed.json()
    assert history(api, record) == ["uploaded", "renamed"]


def test_metadata_is_merged(api):
    record = api.upload(audio.wav())
    path = f"/v1/uploads/{record['id']}"
    api.patch(path, json={"metadata": {"note": {"a": 1, "b": [1, 2]}, "mood": "calm"}})
    changed = api.patch(path, json={"metadata": {"note": {"a": None, "c": "é"}, "mood": None}})
    assert changed.status_code == 200
    assert changed.json()["metadata"] == {**record["metadata"], "note": {"b": [1, 2], "c": "é"}}
    assert history(api, record) == ["uploaded", "metadata_changed", "metadata_changed"]


@pytest.mark.parametrize("name", ["duration_source", "container", "bits_per_sample", "chapters",
                                  "cover", "report"])
def test_facts_cannot_be_patched(api, name):
    record = api.upload(audio.wav())
    for value in ("x", None):
        answer = api.patch(f"/v1/uploads/{record['id']}", json={"metadata": {name: value}})
        assert name in expect_problem(answer, 400, "invalid_request")["detail"]
    assert api.get_json(f"/v1/uploads/{record['id']}") == record


@pytest.mark.parametrize("body, code", [
    ({"status": "completed"}, "invalid_request"),
    ({"original_filename": 7}, "invalid_request"),
    ({"original_filename": None}, "invalid_request"),
    ({"original_filename": ""}, "invalid_request"),
    ({"original_filename": ".."}, "invalid_filename"),
    ({"original_filename": "a\nb"}, "invalid_filename"),
    ({"original_filename": "x" * 501}, "invalid_request"),
    ({"metadata": []}, "invalid_request"),
    ({"metadata": None}, "invalid_request"),
    ([], "invalid_request"),
    ("text", "invalid_request"),
])
def test_patch_is_strict(api, body, code):
    record = api.upload(audio.wav())
    expect_problem(api.patch(f"/v1/uploads/{record['id']}", json=body), 400, code)
    assert api.get_json(f"/v1/uploads/{record['id']}") == record


@pytest.mark.parametrize("body", [b"{", b"", b'{"metadata":{},"metadata":{}}', b"\xff\xfe",
                                  b'{"metadata":' * 200, b'{"original_filename":"\xff.wav"}',
                                  b'{"original_filename":"a\\u0000.wav"}'],
                         ids=["cut", "empty", "twice", "bytes", "deep", "not utf-8", "nul"])
def test_bad_json(api, body):
    record = api.upload(audio.wav())
    answer = api.patch(f"/v1/uploads/{record['id']}", data=body,
                       headers={"Content-Type": "application/json"})
    expect_problem(answer, 400, "invalid_json")


def test_json_of_another_type(api):
    record = api.upload(audio.wav())
    answer = api.patch(f"/v1/uploads/{record['id']}", data=b"{}",
                       headers={"Content-Type": "text/plain"})
    expect_problem(answer, 415, "unsupported_media_type")


def test_if_match(api):
    record = api.upload(audio.wav())
    path = f"/v1/uploads/{record['id']}"
    etag = api.get(path).headers["ETag"]
    first = api.patch(path, json={"original_filename": "1.wav"}, headers={"If-Match": etag})
    assert first.status_code == 200 and first.headers["ETag"] != etag
    lost = api.patch(path, json={"original_filename": "2.wav"}, headers={"If-Match": etag})
    expect_problem(lost, 412, "precondition_failed")
    assert api.get_json(path)["original_filename"] == "1.wav"


def test_trash_and_back(api):
    record = api.upload(audio.wav())
    path = f"/v1/uploads/{record['id']}"
    for _ in range(2):
        assert api.delete(path).status_code == 204
    gone = api.get_json(path)
    assert gone["status"] == "deleted" and gone["deleted_at"]
    expect_problem(api.get(path + "/content"), 404, "not_found")
    assert api.get_json("/v1/uploads")["items"] == []
    assert [r["id"] for r in api.get_json("/v1/uploads?status=deleted")["items"]] == [record["id"]]
    back = api.post(path + "/undelete")
    assert back.status_code == 200
    assert back.json()["status"] == record["status"] and back.json()["deleted_at"] is None
    assert api.post(path + "/undelete").json() == back.json()
    assert api.get(path + "/content").content == audio.wav()
    assert history(api, record) == ["uploaded", "deleted", "undeleted"]


def test_permanent_delete(server, api):
    record = api.upload(audio.wav())
    path = f"/v1/uploads/{record['id']}"
    assert api.delete(path + "?permanent=true").status_code == 204
    expect_problem(api.get(path), 404, "not_found")
    expect_problem(api.get(path + "/content"), 404, "not_found")
    expect_problem(api.get(record["storage_url"]), 404, "not_found")
    assert not list(server.data.rglob("*.wav"))


def test_shared_bytes_survive_the_first_owner(api):
    first = api.upload(audio.wav(), "first.wav")
    second = api.upload(audio.wav(), "second.wav")
    assert second["duplicate_of"] == first["id"]
    assert second["storage_path"] == first["storage_path"]
    assert api.delete(f"/v1/uploads/{first['id']}?permanent=true").status_code == 204
    left = api.get_json(f"/v1/uploads/{second['id']}")
    assert left["duplicate_of"] is None
    assert api.get(f"/v1/uploads/{second['id']}/content").content == audio.wav()


def test_on_duplicate(api):
    first = api.upload(audio.wav())
    assert api.upload(audio.wav(), "b.wav", expect=200, on_duplicate="return") == first
    refused = api.post("/v1/uploads?filename=c.wav&on_duplicate=reject", data=audio.wav())
    assert expect_problem(refused, 409, "duplicate_content")["upload_id"] == first["id"]
    assert len(api.get_json("/v1/uploads")["items"]) == 1
    answer = api.post("/v1/uploads?filename=c.wav&on_duplicate=no", data=audio.wav())
    expect_problem(answer, 400, "invalid_request")


def test_chunk_plan(api):
    record = api.upload(audio.wav(seconds=650.5, rate=1000))
    plan = api.get_json(f"/v1/uploads/{record['id']}/chunks")["items"]
    assert [(c["chunk_index"], c["start_time"], c["end_time"]) for c in plan] == [
        (0, 0, 300), (1, 300, 600), (2, 600, 650.5)]
    for chunk in plan:
        assert chunk["upload_id"] == record["id"] and chunk["total_chunks"] == 3
        assert chunk["status"] == "pending"
        assert chunk["duration"] == chunk["end_time"] - chunk["start_time"]


def test_short_files_have_no_chunks(api):
    record = api.upload(audio.wav())
    assert api.get_json(f"/v1/uploads/{record['id']}/chunks") == {"items": [], "next_cursor": None}


def test_unknown_ids(api):
    for name in ("01936a1c-2b7e-7c4d-9a10-3f5e6d7c8b9a", "nonsense", "%20", "1'--"):
        for path in ("", "/content", "/history", "/chunks"):
            expect_problem(api.get(f"/v1/uploads/{name}{path}"), 404, "not_found")
        expect_problem(api.delete(f"/v1/uploads/{name}"), 404, "not_found")
        expect_problem(api.post(f"/v1/uploads/{name}/undelete"), 404, "not_found")


@pytest.mark.parametrize("content, name, status, code", [
    (b"", "a.wav", 400, "empty_file"),
    (b"\x89PNG\r\n\x1a\n" + b"x" * 5000, "a.mp3", 415, "not_audio"),
    (b"<!doctype html><html>" + b" " * 5000, "a.mp3", 415, "not_audio"),
], ids=["empty", "png", "html"])
def test_refusals_leave_nothing(server, api, content, name, status, code):
    answer = api.post(f"/v1/uploads?filename={name}", data=content)
    expect_problem(answer, status, code)
    assert api.get_json("/v1/uploads")["items"] == []
    server.verify()


def test_refusal_comes_before_100_continue(server):
    """Type, name, size and quota are judged by the head alone."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall((f"POST /v1/uploads?filename=a.png HTTP/1.1\r\nHost: x\r\n"
                      f"Authorization: Bearer {server.token}\r\nContent-Type: image/png\r\n"
                      "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n").encode())
        assert line.recv(65536).startswith(b"HTTP/1.1 415 ")


def test_coded_bodies_are_refused(api):
    answer = api.post("/v1/uploads?filename=a.wav", data=audio.wav(),
                      headers={"Content-Encoding": "gzip"})
    expect_problem(answer, 415, "unsupported_media_type")


def test_chunked_transfer(api):
    content = audio.wav(seconds=3)

    def pieces():
        for at in range(0, len(content), 1000):
            yield content[at:at + 1000]

    answer = api.post("/v1/uploads?filename=a.wav", data=pieces())
    assert answer.status_code == 201, answer.text
    assert answer.json()["checksum_sha256"] == hashlib.sha256(content).hexdigest()
