"""multipart/form-data: several files in one request, each answered on its own."""
import base64
import hashlib

import audio
import pytest
from server import expect_problem, peak_kib

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 300_000


def send(api, files, **options):
    return api.post("/v1/uploads", files=[("file", f) for f in files], **options)


def test_one_file_answers_as_a_raw_body(api):
    answer = send(api, [("ä b.wav", audio.wav(), "audio/wav")])
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v1/uploads/{answer.json()['id']}"
    assert answer.json()["original_filename"] == "ä b.wav"
    assert api.get(answer.headers["Location"] + "/content").content == audio.wav()


def test_one_refused_file_answers_as_a_raw_body(api):
    expect_problem(send(api, [("a.mp3", PNG)]), 415, "not_audio")


def test_each_file_has_its_outcome(server, api):
    files = [("1.wav", audio.wav(seed=1)), ("2.png", PNG), ("3.wav", audio.wav(seed=3)),
             ("4.wav", b""), ("5.wav", audio.wav(seed=1)), ("..", audio.wav(seed=6)),
             ("7.html", b"<html>", "text/html"), ("8.wav", audio.wav(seconds=5, seed=8))]
    answer = send(api, files)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [i["status"] for i in items] == [201, 415, 201, 400, 201, 400, 415, 201]
    assert [i["problem"]["code"] for i in items if "problem" in i] == [
        "not_audio", "empty_file", "invalid_filename", "not_audio"]
    assert all(i["problem"]["status"] == i["status"] for i in items if "problem" in i)
    stored = [i["upload"] for i in items if "upload" in i]
    assert stored[2]["duplicate_of"] == stored[0]["id"]
    for index, record in zip((0, 2, 4, 7), stored):
        assert record == api.get_json(f"/v1/uploads/{record['id']}")
        assert api.get(record["storage_url"]).content == files[index][1]
    server.verify()


def test_fields_between_files(api):
    answer = api.post("/v1/uploads", files=[
        ("note", (None, "hello")), ("file", ("a.wav", audio.wav())), ("more", (None, "x" * 60000))])
    assert answer.status_code == 201, answer.text


def test_fields_are_bounded(api):
    answer = api.post("/v1/uploads", files=[("note", (None, "x" * 100_000))])
    expect_problem(answer, 413, "body_too_large")


def test_many_small_fields_take_little_memory(server):
    api = server.api()
    fields = [(f"note{i}", (None, "x")) for i in range(990)]
    api.post("/v1/uploads", files=fields[:2])
    before = peak_kib(server)
    answer = api.post("/v1/uploads", files=[*fields, ("file", ("a.wav", audio.wav()))])
    assert answer.status_code == 201, answer.text
    assert peak_kib(server) - before < 24 * 1024


def test_form_without_files(api):
    expect_problem(api.post("/v1/uploads", files=[("note", (None, "x"))]), 400, "invalid_request")


def test_on_duplicate_holds_for_all(api):
    files = [("1.wav", audio.wav()), ("2.wav", audio.wav())]
    items = send(api, files, params={"on_duplicate": "return"}).json()["items"]
    assert [i["status"] for i in items] == [201, 200]
    assert items[1]["upload"] == items[0]["upload"]
    items = send(api, files, params={"on_duplicate": "reject"}).json()["items"]
    assert [i["status"] for i in items] == [409, 409]
    assert all(i["problem"]["upload_id"] for i in items)


def test_quota_counts_each_file(api):
    workspace = api.get_json("/v1/workspaces")["items"][0]
    api.put(f"/v1/workspaces/{workspace['id']}/quota", json={"max_file_count": 2})
    items = send(api, [(f"{i}.wav", audio.wav(seed=i)) for i in range(4)]).json()["items"]
    assert [i["status"] for i in items] == [201, 201, 403, 403]
    assert {i["problem"]["code"] for i in items[2:]} == {"quota_files_exceeded"}


def body(*parts, end=b"--b--\r\n"):
    return b"".join(b"--b\r\n" + p + b"\r\n" for p in parts) + end


def part(content, name=b"a.wav", headers=b""):
    return (b'Content-Disposition: form-data; name="f"; filename="' + name + b'"\r\n' + headers +
            b"\r\n" + content)


def post_raw(api, content, **headers):
    return api.post("/v1/uploads", data=content, headers={
        "Content-Type": "multipart/form-data; boundary=b", **headers})


def test_broken_off_form_answers_for_what_was_judged(server, api):
    answer = post_raw(api, body(part(audio.wav(seed=1)), part(audio.wav(seed=2)), end=b""))
    items = answer.json()["items"]
    assert items[0]["status"] == 201
    assert items[-1]["problem"]["code"] == "incomplete_body"
    assert len(api.get_json("/v1/uploads")["items"]) == sum(i["status"] == 201 for i in items)
    server.verify()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"--b", b"--b\r\n", b"--b\r\nX"],
                         ids=range(5))
def test_malformed_forms(api, content):
    answer = post_raw(api, content)
    assert answer.status_code == 400
    assert answer.json()["code"] in ("invalid_request", "incomplete_body")


def test_form_without_boundary(api):
    answer = api.post("/v1/uploads", data=b"x", headers={"Content-Type": "multipart/form-data"})
    expect_problem(answer, 400, "invalid_request")


def test_digests_of_parts(api):
    good = b"Content-MD5: " + base64.b64encode(
        hashlib.md5(audio.wav()).digest()) + b"\r\n"
    bad = b"Content-MD5: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    items = post_raw(api, body(part(audio.wav(), headers=good),
                               part(audio.wav(seed=2), headers=bad))).json()["items"]
    assert items[0]["status"] == 201
    assert items[1]["problem"]["code"] == "checksum_mismatch"


def test_digest_of_the_whole_form_is_refused(api):
    answer = post_raw(api, body(part(audio.wav())), **{"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    expect_problem(answer, 400, "invalid_request")
