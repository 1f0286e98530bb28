"""What a client can rely on: digests it sends are checked, retries are harmless, links hold."""
import base64
import hashlib
import http.client
import threading
import time

import audio
import pytest
from people import default_workspace, make_workspace, member
from server import expect_problem, wait_until

pytestmark = pytest.mark.databases("sqlite", "postgres")

CONTENT = audio.wav()
MD5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
SHA = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
WRONG_MD5 = base64.b64encode(bytes(16)).decode()
WRONG_SHA = base64.b64encode(bytes(32)).decode()


def post(api, headers, content=CONTENT, name="a.wav", **query):
    return api.post("/v1/uploads", params={"filename": name, **query}, data=content,
                    headers=headers)


@pytest.mark.parametrize("headers", [
    {"Content-MD5": MD5}, {"Repr-Digest": f"sha-256=:{SHA}:"}, {"Content-Digest": f"md5=:{MD5}:"},
    {"Repr-Digest": f"sha-256=:{SHA}:, md5=:{MD5}:", "Content-MD5": MD5},
    {"Repr-Digest": "unixsum=:AAA=:"},
])
def test_right_digests(api, headers):
    assert post(api, headers).status_code == 201


@pytest.mark.parametrize("headers", [
    {"Content-MD5": WRONG_MD5}, {"Repr-Digest": f"sha-256=:{WRONG_SHA}:"},
    {"Content-Digest": f"md5=:{WRONG_MD5}:"},
    {"Repr-Digest": f"sha-256=:{SHA}:, md5=:{WRONG_MD5}:"},
])
def test_wrong_digests_keep_nothing(server, api, headers):
    expect_problem(post(api, headers), 400, "checksum_mismatch")
    assert api.get_json("/v1/uploads")["items"] == []
    assert not list(server.data.rglob("*.wav"))
    server.verify()


@pytest.mark.parametrize("headers", [
    {"Content-MD5": "x"}, {"Content-MD5": SHA}, {"Repr-Digest": "sha-256=x"},
    {"Repr-Digest": f"sha-256=:{MD5}:"},
    {"Repr-Digest": f"sha-256=:{SHA}:", "Content-Digest": f"sha-256=:{WRONG_SHA}:"},
])
def test_malformed_digests(api, headers):
    expect_problem(post(api, headers), 400, "invalid_request")


@pytest.mark.parametrize("digest, status", [(SHA, 201), (WRONG_SHA, 400)])
def test_digests_in_trailers(server, digest, status):
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    line.putrequest("POST", "/v1/uploads?filename=a.wav")
    line.putheader("Authorization", f"Bearer {server.token}")
    line.putheader("Transfer-Encoding", "chunked")
    line.putheader("Trailer", "Repr-Digest")
    line.endheaders()
    line.send(f"{len(CONTENT):x}\r\n".encode() + CONTENT + b"\r\n0\r\n"
              + f"Repr-Digest: sha-256=:{digest}:\r\n\r\n".encode())
    answer = line.getresponse()
    text = answer.read()
    assert answer.status == status, text
    assert status == 201 or b"checksum_mismatch" in text


def test_same_key_answers_the_same(api):
    first = post(api, {"Idempotency-Key": "k1"})
    again = post(api, {"Idempotency-Key": "k1"})
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["Location"] == first.headers["Location"]
    assert len(api.get_json("/v1/uploads")["items"]) == 1
    assert post(api, {"Idempotency-Key": "k2"}).json()["id"] != first.json()["id"]


def test_key_for_something_else(api):
    assert post(api, {"Idempotency-Key": "k"}).status_code == 201
    other = post(api, {"Idempotency-Key": "k"}, name="other.wav")
    expect_problem(other, 422, "idempotency_key_reused")


def test_refused_upload_does_not_use_up_its_key(api):
    key = {"Idempotency-Key": "k"}
    expect_problem(post(api, {**key, "Content-MD5": WRONG_MD5}), 400, "checksum_mismatch")
    assert post(api, {**key, "Content-MD5": MD5}).status_code == 201


def test_key_of_another_workspace(server, api):
    default, other = default_workspace(api)["id"], make_workspace(api)["id"]
    key = {"Idempotency-Key": "k"}
    first = post(member(server, "writer", default), key).json()
    second = post(member(server, "writer", other), key).json()
    assert first["id"] != second["id"] and second["workspace_id"] == other


@pytest.mark.parametrize("key", ["x" * 201, "a b", "ä"])
def test_bad_keys(api, key):
    answer = post(api, {"Idempotency-Key": key.encode()})
    expect_problem(answer, 400, "invalid_request")


def test_key_while_the_first_runs(server, api):
    go_on = threading.Event()
    outcome = []

    def slowly():
        yield CONTENT[:5000]
        assert go_on.wait(30)
        yield CONTENT[5000:]

    key = {"Idempotency-Key": "k"}
    first = threading.Thread(
        target=lambda: outcome.append(post(server.api(), key, slowly()).status_code))
    first.start()
    quota = f"/v1/workspaces/{default_workspace(api)['id']}/quota"
    wait_until(lambda: api.get_json(quota)["reserved_files"] == 1, what="the first to have begun")
    second = post(api, key, iter([CONTENT]))
    go_on.set()
    first.join()
    expect_problem(second, 409, "idempotency_in_progress")
    assert outcome == [201]
    assert post(api, key, iter([CONTENT])).status_code == 201
    assert len(api.get_json("/v1/uploads")["items"]) == 1


def test_form_with_a_key(api):
    files = [("file", ("1.wav", audio.wav(seed=1))), ("file", ("2.wav", audio.wav(seed=2)))]
    key = {"Idempotency-Key": "form"}
    first = api.post("/v1/uploads", files=files, headers=key).json()["items"]
    again = api.post("/v1/uploads", files=files, headers=key).json()["items"]
    assert first == again and [i["status"] for i in first] == [201, 201]
    assert len(api.get_json("/v1/uploads")["items"]) == 2


# ---- links ----

def make_link(api, record, **body):
    answer = api.post(f"/v1/uploads/{record['id']}/links", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def anonymous(server):
    session = server.api("-")
    del session.headers["Authorization"]
    return session


def test_link_reads_without_a_token(api, anonymous):
    record = api.upload(CONTENT)
    link = make_link(api, record)
    assert link["url"].startswith(record["storage_url"] + "?expires=")
    answer = anonymous.get(link["url"])
    assert answer.status_code == 200 and answer.content == CONTENT
    assert anonymous.get(link["url"], headers={"Range": "bytes=0-9"}).content == CONTENT[:10]
    assert anonymous.head(link["url"]).headers["Content-Length"] == str(len(CONTENT))
    attached = anonymous.get(link["url"] + "&download=1").headers["Content-Disposition"]
    assert attached.startswith("attachment")


def test_link_without_body_lasts_an_hour(api):
    record = api.upload(CONTENT)
    answer = api.post(f"/v1/uploads/{record['id']}/links")
    assert answer.status_code == 201
    expires = int(answer.json()["url"].split("expires=")[1].split("&")[0])
    assert 3590 < expires - time.time() < 3610


def test_spoilt_links(api, anonymous):
    first, second = api.upload(CONTENT), api.upload(audio.wav(seed=2))
    url = make_link(api, first)["url"]
    path, query = url.split("?")
    expires, signature = (p.split("=")[1] for p in query.split("&"))
    for bad in (
        f"{second['storage_url']}?{query}",
        f"{path}?expires={int(expires) + 1}&signature={signature}",
        f"{path}?expires={expires}&signature={'A' * len(signature)}",
        f"{path}?expires={expires}&signature=", f"{path}?expires=&signature={signature}",
        f"{path}?expires=99999999999999999999&signature={signature}",
        f"{path}?expires={expires}", f"{path}?signature={signature}",
    ):
        expect_problem(anonymous.get(bad), 403, "invalid_link")
    expect_problem(anonymous.get(path), 401, "unauthorized")


def test_link_of_a_deleted_upload(api, anonymous):
    record = api.upload(CONTENT)
    url = make_link(api, record)["url"]
    api.delete(f"/v1/uploads/{record['id']}")
    expect_problem(anonymous.get(url), 404, "not_found")
    expect_problem(api.post(f"/v1/uploads/{record['id']}/links", json={}), 404, "not_found")
    api.post(f"/v1/uploads/{record['id']}/undelete")
    assert anonymous.get(url).status_code == 200


@pytest.mark.parametrize("body", [{"expires_in_s": 59}, {"expires_in_s": 604801},
                                  {"expires_in_s": "60"}, {"expires_in_s": None}, {"x": 1}])
def test_bad_link_requests(api, body):
    record = api.upload(CONTENT)
    answer = api.post(f"/v1/uploads/{record['id']}/links", json=body)
    expect_problem(answer, 400, "invalid_request")


def test_path_of_another_workspace_with_a_token(server, api):
    other = make_workspace(api)["id"]
    record = member(server, "writer").upload(CONTENT)
    stranger = member(server, "admin", other)
    expect_problem(stranger.get(record["storage_url"]), 404, "not_found")
    expect_problem(stranger.get("/files/uploads/x"), 404, "not_found")
