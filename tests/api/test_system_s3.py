"""The server on an S3 store: a real one, a Ceph RADOS Gateway."""
import hashlib
import subprocess
import urllib.parse

import pytest

import audio
from ceph_gateway import BUCKET, Rgw, is_there
from chunked import digest_field
from fault_proxy import FaultProxy
from names import EVERY_SCRIPT
from ports import free_port
from server import Server, expect_problem, wait_until

pytestmark = pytest.mark.skipif(not is_there(), reason="no Ceph RADOS Gateway here")



@pytest.fixture(scope="module")
def rgw():
    with Rgw() as running:
        yield running


def make_config(folder, rgw, name="main", **more):
    path = folder / "conf"
    options = {"prefix": f"{folder.name}/", "part_size": "5MiB", "attempts": "3", **more}
    path.write_text(rgw.section(name, **options) + "[log]\nlevel = debug\n[server]\nsweep_every = 500ms\n")
    return ["--config", str(path)]


@pytest.fixture
def s3_server(tmp_path, rgw):
    with Server(tmp_path / "data", *make_config(tmp_path, rgw)) as running:
        yield running


def noise(size, seed):
    """A WAV of SIZE bytes that cannot be shared with another."""
    return audio.wav_of_bytes(size, seed)


def objects(rgw, tmp_path):
    """What boto3 sees under the test's prefix, but for the marker."""
    pages = rgw.client().get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix=f"{tmp_path.name}/")
    found = {each["Key"][len(tmp_path.name) + 1:]: each["Size"]
             for page in pages for each in page.get("Contents", [])}
    assert found.pop(".audiotricks-store") > 0
    return found


@pytest.mark.parametrize("size,says_digest", [
    (64 * 1024, False), (9 * 1024 * 1024, False), (12 * 1024 * 1024 + 1, True), (12 * 1024 * 1024, False)])
def test_what_is_sent_is_kept_and_given_back(s3_server, rgw, tmp_path, size, says_digest):
    api, content = s3_server.api(), noise(size, size)
    digest = hashlib.sha256(content).hexdigest()
    headers = {"Repr-Digest": digest_field("sha-256", content)} if says_digest else {}
    record = api.upload(content, EVERY_SCRIPT[0], headers=headers)
    assert record["storage_provider"] == "s3" and record["checksum_sha256"] == digest
    assert objects(rgw, tmp_path) == {record["storage_path"]: size}

    seen = rgw.client().head_object(Bucket=BUCKET, Key=f"{tmp_path.name}/{record['storage_path']}")
    assert seen["ContentLength"] == size and seen["ContentType"] == record["mime_type"]
    assert urllib.parse.unquote(seen["Metadata"]["original-filename"]) == EVERY_SCRIPT[0]
    # of what went while it arrived the digest was not known when its transfer began, unless it was told
    assert seen["Metadata"].get("sha256") == (digest if says_digest or size < 10 * 1024 * 1024 else None)
    assert seen["Metadata"]["upload-timestamp"][:13] == record["uploaded_at"][:13]

    path = f"/v1/uploads/{record['id']}/content"
    whole = api.get(path)
    assert whole.content == content and whole.headers["ETag"] == f'"sha256-{digest}"'
    for text, start, end in (("0-0", 0, 1), ("100-299", 100, 300), ("-7", size - 7, size),
                             (f"{size - 1}-", size - 1, size)):
        part = api.get(path, headers={"Range": f"bytes={text}"})
        assert part.status_code == 206 and part.content == content[start:end]
    several = api.get(path, headers={"Range": "bytes=0-1,10-11"})
    assert several.status_code == 206 and content[10:12] in several.content
    assert api.get(path, headers={"Range": f"bytes={size}-"}).status_code == 416
    assert api.get(path, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
    assert api.head(path).headers["Content-Length"] == str(size)
    s3_server.verify()


def test_names_in_every_script(s3_server, rgw, tmp_path):
    api, client = s3_server.api(), rgw.client()
    for i, name in enumerate(EVERY_SCRIPT):
        record = api.upload(noise(2000, i), name)
        assert record["original_filename"] == name and record["storage_path"].isascii()
        seen = client.head_object(Bucket=BUCKET, Key=f"{tmp_path.name}/{record['storage_path']}")
        assert urllib.parse.unquote(seen["Metadata"]["original-filename"]) == name
        link = client.generate_presigned_url("get_object", Params={
            "Bucket": BUCKET, "Key": f"{tmp_path.name}/{record['storage_path']}"})
        done = subprocess.run(["curl", "-sSf", link], capture_output=True, timeout=60, check=True)
        assert done.stdout == noise(2000, i)


def test_a_duplicate_shares_the_object_and_the_last_delete_removes_it(s3_server, rgw, tmp_path):
    api, content = s3_server.api(), noise(100_000, 5)
    first, second = api.upload(content, "a.wav"), api.upload(content, "b.wav")
    assert second["duplicate_of"] == first["id"]
    assert list(objects(rgw, tmp_path)) == [first["storage_path"]]
    for record in (first, second):
        assert api.get(f"/v1/uploads/{record['id']}/content").content == content
    assert api.delete(f"/v1/uploads/{first['id']}?permanent=true").status_code == 204
    assert list(objects(rgw, tmp_path)) == [first["storage_path"]]
    assert api.delete(f"/v1/uploads/{second['id']}").status_code < 300  # into the trash
    assert list(objects(rgw, tmp_path)) == [first["storage_path"]]
    assert api.delete(f"/v1/uploads/{second['id']}?permanent=true").status_code == 204
    assert objects(rgw, tmp_path) == {}
    s3_server.verify()


def test_a_restart_finds_everything_and_another_bucket_is_none(s3_server, rgw, tmp_path):
    content = noise(50_000, 6)
    record = s3_server.api().upload(content)
    s3_server.stop()
    s3_server.start()
    assert s3_server.api().get(f"/v1/uploads/{record['id']}/content").content == content
    s3_server.stop()

    rgw.client().create_bucket(Bucket="another")
    flags = make_config(tmp_path, rgw, bucket="another")
    done = subprocess.run([s3_server.binary, "serve", "--data", str(s3_server.data), "--listen",
                           f"127.0.0.1:{free_port()}", *flags], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 3 and ".audiotricks-store" in done.stderr, done.stderr
    make_config(tmp_path, rgw)
    s3_server.start()


def test_a_marker_that_vanished_is_no_empty_store(s3_server, rgw, tmp_path):
    record = s3_server.api().upload(noise(50_000, 7))
    client, key = rgw.client(), f"{tmp_path.name}/.audiotricks-store"
    marker = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    client.delete_object(Bucket=BUCKET, Key=key)
    client.delete_object(Bucket=BUCKET, Key=f"{tmp_path.name}/{record['storage_path']}")
    answer = s3_server.api().get(f"/v1/uploads/{record['id']}/content")
    problem = expect_problem(answer, 503, "unavailable")
    for secret in (BUCKET, record["storage_path"], rgw.endpoint, "127.0.0.1"):
        assert secret not in str(problem)
    assert s3_server.api().get("/readyz").status_code == 503
    client.put_object(Bucket=BUCKET, Key=key, Body=marker)
    expect_problem(s3_server.api().get(f"/v1/uploads/{record['id']}/content"), 500, "internal_error")


def test_chunks_are_cut_from_and_to_the_bucket(tmp_path, rgw):
    flags = [*make_config(tmp_path, rgw), "--uploads-chunk-threshold", "2s",
             "--uploads-max-chunk-duration", "2s"]
    with Server(tmp_path / "data", *flags, jobs=True) as server:
        api = server.api()
        record = api.upload(audio.wav(5))
        wait_until(lambda: api.get_json(f"/v1/uploads/{record['id']}")["status"] == "completed", 120,
                   "processing")
        chunks = api.get_json(f"/v1/uploads/{record['id']}/chunks")["items"]
        assert len(chunks) == 3
        for chunk in chunks:
            answer = api.get(f"/v1/uploads/{record['id']}/chunks/{chunk['chunk_index']}/content")
            assert answer.status_code == 200 and len(answer.content) == chunk["chunk_size"]
            assert answer.content[:4] == b"RIFF"
        assert api.get(f"/v1/uploads/{record['id']}/waveform").status_code == 200
        assert set(objects(rgw, tmp_path)) > {record["storage_path"]}
        server.verify()
        assert api.delete(f"/v1/uploads/{record['id']}?permanent=true").status_code == 204
        wait_until(lambda: objects(rgw, tmp_path) == {}, 120, "the sweep to remove what was cut")


def test_faults_on_the_way_are_got_over(tmp_path, rgw):
    slow_down = (b"HTTP/1.1 503 Slow Down\r\nRetry-After: 1\r\nContent-Length: 39\r\n\r\n"
                 b"<Error><Code>SlowDown</Code>\n\n\n</Error>")
    late = (b"HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n"
            b"<Error><Code>InternalError</Code>\n</Error>")
    with FaultProxy(rgw.port) as proxy, \
            Server(tmp_path / "data", *make_config(tmp_path, rgw, endpoint=proxy.endpoint)) as server:
        api = server.api()
        small, large = noise(80_000, 8), noise(11 * 1024 * 1024, 9)
        proxy.faults = {"PUT": [("answer", slow_down), ("drop",), ("pass",), ("lose",)]}
        record = api.upload(small)  # its PUT is refused, dropped
        lost = api.upload(noise(90_000, 10))  # carried out, the answer lost: 412 the second time
        assert len(proxy.done) == 4
        proxy.faults = {"POST": [("drop",), ("pass",), ("answer", late), ("lose",)],
                        "partNumber=2": [("lose",), ("cut", 10)]}
        big = api.upload(large)
        assert not any(proxy.faults.values()), proxy.faults
        proxy.faults = {"GET": [("cut", 3_000_000), ("drop",), ("cut", 2_000_000)]}
        assert api.get(f"/v1/uploads/{big['id']}/content").content == large
        assert api.get(f"/v1/uploads/{record['id']}/content").content == small
        assert set(objects(rgw, tmp_path)) == {x["storage_path"] for x in (record, lost, big)}
        server.verify()


def test_the_sweep_gives_up_what_was_cut_off(s3_server, rgw, tmp_path):
    client = rgw.client()
    client.create_multipart_upload(Bucket=BUCKET, Key=f"{tmp_path.name}/uploads/x/y.wav")
    other = client.create_multipart_upload(Bucket=BUCKET, Key="elsewhere")["UploadId"]

    def left():
        listed = client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return [x["Key"] for x in listed]
    assert f"{tmp_path.name}/uploads/x/y.wav" in left()
    wait_until(lambda: left() == ["elsewhere"], 150, "the sweep")
    client.abort_multipart_upload(Bucket=BUCKET, Key="elsewhere", UploadId=other)


def test_an_outage_loses_nothing(tmp_path):
    with Rgw(durable=True) as rgw, \
            Server(tmp_path / "data", *make_config(tmp_path, rgw)) as server:
        api, kept, next_one = server.api(), noise(70_000, 11), noise(70_001, 12)
        record = api.upload(kept)
        rgw.kill()
        expect_problem(api.post("/v1/uploads", data=next_one, params={"filename": "a.wav"}), 503,
                       "unavailable")
        expect_problem(api.get(f"/v1/uploads/{record['id']}/content"), 503, "unavailable")
        rgw.start()
        assert api.get(f"/v1/uploads/{record['id']}/content").content == kept
        again = api.upload(next_one)
        assert api.get(f"/v1/uploads/{again['id']}/content").content == next_one
        assert set(objects(rgw, tmp_path)) == {record["storage_path"], again["storage_path"]}
        wait_until(lambda: api.get_json("/v1/uploads")["items"] and _adds_up(server), 150, "verify")


def _adds_up(server):
    try:
        return server.verify()
    except AssertionError:
        return None


def test_secrets_are_not_shown(tmp_path, rgw, s3_server):
    flags = make_config(tmp_path, rgw)
    for command in (["config", *flags], ["config", "--json", *flags],
                    ["doctor", "--data", str(s3_server.data), *s3_server.same_catalog]):
        done = subprocess.run([s3_server.binary, *command], capture_output=True, text=True, timeout=120)
        assert rgw.values["S3_SECRET_KEY"] not in done.stdout + done.stderr, command
    assert "s3, can be written to" in done.stdout, done.stdout + done.stderr
    assert rgw.values["S3_SECRET_KEY"] not in s3_server.log_text()


@pytest.mark.parametrize("change,key", [
    ({"bucket": None}, "bucket"), ({"endpoint": "s3.example.org"}, "endpoint"),
    ({"secret_key": None}, "secret_key"), ({"prefix": "/a"}, "prefix"), ({"style": "x"}, "style"),
    ({"checksum": "crc"}, "checksum"), ({"encryption": "aes"}, "encryption"),
    ({"part_size": "1MiB"}, "part_size"), ({"encryption_key": "k"}, "encryption_key")])
def test_a_store_that_cannot_be_is_refused(tmp_path, rgw, change, key):
    flags = make_config(tmp_path, rgw, **change)
    done = subprocess.run([Server(tmp_path / "data").binary, "config", *flags], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 2 and f'store "main": {key}' in done.stderr, done.stderr
