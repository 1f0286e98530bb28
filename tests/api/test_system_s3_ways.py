"""The ways in which an S3 store can be set up: addresses, TLS, classes, encryption, links, credentials,
lifecycle. Over a Ceph RADOS Gateway where it can show it, else over a small S3 server of the tests'."""
import hashlib
import http.server
import json
import subprocess
import threading
import time
import urllib.parse

import pytest
import requests

import audio
from ceph_gateway import BUCKET, Rgw, is_there
from chunked import digest_field
from fault_proxy import FaultProxy
from names import EVERY_SCRIPT
from server import Server, expect_problem, wait_until
from small_s3 import BUCKET as SMALL_BUCKET, SmallS3

on_ceph = pytest.mark.skipif(not is_there(), reason="no Ceph RADOS Gateway here")
CLEAN = {name: "" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
                               "AWS_PROFILE", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
                               "AWS_SHARED_CREDENTIALS_FILE")}


@pytest.fixture(scope="module")
def rgw():
    with Rgw(tls=True) as running:
        yield running


@pytest.fixture
def small():
    with SmallS3() as running:
        yield running


def configured(folder, section, *more):
    path = folder / "conf"
    path.write_text(section + "[log]\nlevel = debug\n" + "".join(more))
    return ["--config", str(path)]


def ceph_flags(folder, rgw, **more):
    options = {"prefix": f"{folder.name}/", "part_size": "5MiB", **more}
    return configured(folder, rgw.section(**options))


def noise(size, seed):
    return audio.wav_of_bytes(size, seed)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def digest_headers(content):
    return {"Repr-Digest": digest_field("sha-256", content)}


# ---- addresses, TLS, headers ----

@on_ceph
@pytest.mark.parametrize("tls,style,checksum", [
    (True, "path", "signed"), (True, "path", "none"), (False, "host", "md5"), (False, "host", "none")])
def test_addresses_and_checksums(tmp_path, rgw, tls, style, checksum):
    address = {"endpoint": rgw.tls_endpoint, "ca_file": rgw.ca_file} if tls else {
        "endpoint": f"http://localhost:{rgw.port}"}  # the gateway knows names below it for buckets
    flags = ceph_flags(tmp_path, rgw, style=style, checksum=checksum, profile="ceph", **address)
    with Server(tmp_path / "data", *flags) as server:
        for size in (30_000, 11 * 1024 * 1024):
            content = noise(size, size)
            record = server.api().upload(content, EVERY_SCRIPT[0], headers=digest_headers(content))
            assert server.api().get(f"/v1/uploads/{record['id']}/content").content == content
            body = rgw.client().get_object(Bucket=BUCKET, Key=f"{tmp_path.name}/{record['storage_path']}")
            assert body["Body"].read() == content and body["Metadata"]["sha256"] == digest(content)
        server.verify()


@on_ceph
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path, rgw):
    flags = ceph_flags(tmp_path, rgw, endpoint=rgw.tls_endpoint, attempts="1")
    done = subprocess.run([Server(tmp_path / "x").binary, "serve", "--data", str(tmp_path / "data"),
                           "--listen", "127.0.0.1:0", *flags], capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and "certificate" in done.stderr, done.stderr


@on_ceph
def test_class_and_key_of_the_provider(tmp_path, rgw):
    """What the gateway keeps, seen by boto3: of one PUT, and of one in parts."""
    flags = ceph_flags(tmp_path, rgw, storage_class="STANDARD_IA", encryption="aws:kms",
                       encryption_key="testkey")
    with Server(tmp_path / "data", *flags) as server:
        for size in (30_001, 11 * 1024 * 1024):
            content = noise(size, size)
            record = server.api().upload(content, headers=digest_headers(content))
            seen = rgw.client().head_object(Bucket=BUCKET,
                                            Key=f"{tmp_path.name}/{record['storage_path']}")
            assert seen["StorageClass"] == "STANDARD_IA" and seen["ServerSideEncryption"] == "aws:kms"
            assert seen["SSEKMSKeyId"] == "testkey" and seen["Metadata"]["sha256"] == digest(content)
            assert server.api().get(f"/v1/uploads/{record['id']}/content").content == content


@pytest.mark.parametrize("more,wanted", [
    ({"storage_class": "GLACIER_IR", "encryption": "AES256"},
     {"x-amz-storage-class": "GLACIER_IR", "x-amz-server-side-encryption": "AES256"}),
    ({"encryption": "aws:kms", "encryption_key": "k/1"},
     {"x-amz-server-side-encryption": "aws:kms", "x-amz-server-side-encryption-aws-kms-key-id": "k/1"}),
    ({"encryption": "none", "checksum": "none"}, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}),
    ({"checksum": "md5", "conditional_writes": "false"}, {}),
    ({"profile": "b2", "region": "us-west-004"}, {})])
def test_headers_are_those_of_the_configuration(tmp_path, small, more, wanted):
    flags = configured(tmp_path, small.section(part_size="5MiB", **more))
    with Server(tmp_path / "data", *flags) as server:
        record = server.api().upload(noise(40_000, 1))
        big = server.api().upload(noise(6 * 1024 * 1024, 2))
    put, = [x for x in small.requests("PUT", record["storage_path"])]
    create, = small.requests("POST", big["storage_path"] + "?uploads=")
    ours = {k: v for k, v in put.items() if k.startswith("x-amz-server-side") or k == "x-amz-storage-class"}
    assert {k: v for k, v in create.items() if k in ours} == ours
    assert {k: put.get(k) for k in wanted} == wanted
    assert len(ours) == sum(k in put for k in wanted if k != "x-amz-content-sha256")
    conditional = more.get("conditional_writes") != "false" and more.get("profile") != "b2"
    assert (put.get("if-none-match") == "*") == conditional
    assert ("content-md5" in put) == (more.get("checksum") == "md5")
    parts = small.requests("PUT", big["storage_path"] + "?partNumber=")
    assert len(parts) == 2 and all(("content-md5" in x) == ("content-md5" in put) for x in parts)


@pytest.mark.parametrize("prefix", ["", "a/", "a/b/"])
def test_stores_that_overlap_are_refused(tmp_path, small, prefix):
    sections = small.section("one", prefix="a/b/") + small.section("two", prefix=prefix or None)
    done = subprocess.run([Server(tmp_path / "x").binary, "config", *configured(tmp_path, sections)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and 'store "two": prefix' in done.stderr, done.stderr
    beside = small.section("one", prefix="a/b/") + small.section("two", prefix="a/c/")
    done = subprocess.run([Server(tmp_path / "x").binary, "config", *configured(tmp_path, beside)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("one,two,overlap", [
    ({"style": "path"}, {"style": "host"}, True),
    ({"style": "host"}, {"endpoint": "https://S3.Example.org"}, True),
    ({"style": "host"}, {"endpoint": "https://s3.example.org:443"}, True),
    ({}, {"endpoint": "http://s3.example.org"}, True),
    ({}, {"endpoint": "https://s3.example.org:8443"}, False),
    ({}, {"endpoint": "https://s3.example.net"}, False),
    ({"style": "host"}, {"style": "path", "bucket": "another"}, False)])
def test_one_bucket_is_known_by_whatever_address(tmp_path, small, one, two, overlap):
    sections = "".join(small.section(name, **{"endpoint": "https://s3.example.org", **more})
                       for name, more in (("one", one), ("two", two)))
    done = subprocess.run([Server(tmp_path / "x").binary, "config", *configured(tmp_path, sections)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == (2 if overlap else 0), done.stderr


# ---- links ----

@pytest.fixture(scope="module")
def linking(tmp_path_factory, rgw):
    folder = tmp_path_factory.mktemp("linking")
    with Server(folder / "data", *ceph_flags(folder, rgw, download="redirect", link_ttl="60s")) as server:
        server.rgw = rgw
        yield server


def curl(*arguments):
    return subprocess.run(["curl", "-sS", "-D", "-", *arguments], capture_output=True, timeout=60,
                          check=True).stdout.partition(b"\r\n\r\n")


@on_ceph
@pytest.mark.parametrize("name", EVERY_SCRIPT, ids=range(len(EVERY_SCRIPT)))
def test_a_download_goes_to_the_provider(linking, name):
    api, content = linking.api(), noise(40_000, 1000 + EVERY_SCRIPT.index(name))
    record = api.upload(content, name)
    answer = api.get(f"/v1/uploads/{record['id']}/content?download=1", allow_redirects=False)
    assert answer.status_code == 307 and answer.headers["Cache-Control"] == "private, no-store"
    link = answer.headers["Location"]
    assert link.startswith(linking.rgw.endpoint) and "X-Amz-Expires=60" in link

    head, _, body = curl(link)
    assert body == content
    fields = {k.lower(): v for k, _, v in
              (x.partition(": ") for x in head.decode().splitlines()[1:])}
    disposition = fields["content-disposition"]
    assert disposition.startswith("attachment;")
    assert disposition.endswith((f'; filename="{name}"',  # where that says all
                                 "; filename*=UTF-8''" + urllib.parse.quote(name, safe="")))
    assert fields["content-type"] == record["mime_type"]
    head, _, body = curl("-r", "100-299", link)
    assert b" 206 " in head and body == content[100:300]

    wrong = link.replace("X-Amz-Expires=60", "X-Amz-Expires=61")
    assert b" 403 " in curl(wrong)[0]


@on_ceph
def test_links_of_ours_lead_there_too(linking):
    api, content = linking.api(), noise(41_000, 77)
    record = api.upload(content)
    url = api.post(f"/v1/uploads/{record['id']}/links").json()["url"]
    head, _, body = curl("-L", linking.url + url)
    assert b" 307 " in head and body.endswith(content)
    # whoever follows with its token is not refused by the provider, and keeps the token
    done = subprocess.run(["curl", "-sS", "-L", "-H", f"Authorization: Bearer {linking.token}",
                           f"{linking.url}/v1/uploads/{record['id']}/content"],
                          capture_output=True, timeout=60, check=True)
    assert done.stdout == content


def test_access_is_checked_before_a_link_is_given(tmp_path, small):
    flags = configured(tmp_path, small.section(download="redirect"))
    with Server(tmp_path / "data", *flags) as server:
        api = server.api()
        record = api.upload(noise(42_000, 78))
        path = f"/v1/uploads/{record['id']}/content"
        assert api.get(path, allow_redirects=False).status_code == 307
        expect_problem(server.api("wrong").get(path, allow_redirects=False), 401, "unauthorized")
        other = api.post("/v1/workspaces", json={"name": "elsewhere"}).json()
        answer = api.get(path, params={"workspace_id": other["id"]}, allow_redirects=False)
        expect_problem(answer, 404, "not_found")
        own = {"workspace_id": record["workspace_id"]}
        assert api.delete(f"/v1/uploads/{record['id']}", params=own).status_code < 300
        expect_problem(api.get(path, params=own, allow_redirects=False), 404, "not_found")


@on_ceph
def test_what_the_provider_cannot_judge_stays_here(linking):
    api, content = linking.api(), noise(43_000, 79)
    record = api.upload(content)
    path = f"/v1/uploads/{record['id']}/content"
    head = api.head(path, allow_redirects=False)
    etag = head.headers["ETag"]
    assert head.status_code == 200 and head.headers["Content-Length"] == str(len(content))
    assert etag == f'"sha256-{digest(content)}"'

    def get(**headers):
        return api.get(path, headers={k.replace("_", "-"): v for k, v in headers.items()},
                       allow_redirects=False)
    assert get(If_Match=etag).content == content
    assert get(If_Match='"x"').status_code == 412
    assert get(If_None_Match=etag).status_code == 304
    assert get(If_None_Match='"x"').status_code == 307
    part = get(Range="bytes=5-9", If_Range=etag)
    assert part.status_code == 206 and part.content == content[5:10]
    assert get(Range="bytes=5-9").status_code == 307
    assert get(Range="bytes=0-1,5-9").status_code == 206
    followed = api.get(path, headers={"Range": "bytes=5-9"})
    assert followed.status_code == 206 and followed.content == content[5:10]


@on_ceph
def test_our_own_client_follows(linking, tmp_path):
    content = noise(44_000, 80)
    record = linking.api().upload(content, EVERY_SCRIPT[0])
    out = tmp_path / "out.wav"
    linking.cli("get", record["id"], "-o", out)
    assert out.read_bytes() == content
    # cut off, and gone on with
    part = tmp_path / "again.wav.part"
    part.write_bytes(content[:1000])
    linking.cli("get", record["id"], "-o", tmp_path / "again.wav")
    assert (tmp_path / "again.wav").read_bytes() == content


def life_of(link):
    return int(urllib.parse.parse_qs(urllib.parse.urlsplit(link).query)["X-Amz-Expires"][0])


def test_a_link_holds_no_longer_than_the_signed_link_that_led_to_it(tmp_path, small):
    flags = configured(tmp_path, small.section(download="redirect", link_ttl="1h"))
    with Server(tmp_path / "data", *flags) as server:
        api = server.api()
        record = api.upload(noise(45_000, 81))
        for wanted in (7200, 300):
            url = api.post(f"/v1/uploads/{record['id']}/links", json={"expires_in_s": wanted}).json()["url"]
            answer = requests.get(server.url + url, allow_redirects=False, timeout=60)
            assert answer.status_code == 307
            life = life_of(answer.headers["Location"])
            assert life == 3600 if wanted == 7200 else 0 < life <= 300
        answer = api.get(f"/v1/uploads/{record['id']}/content", allow_redirects=False)
        assert life_of(answer.headers["Location"]) == 3600


# ---- credentials ----

class Fake(http.server.ThreadingHTTPServer):
    """A service that gives keys: `answer(handler, body)` gives (status, text)."""
    daemon_threads = True

    def __init__(self, answer):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                outer.seen.append((self.command, self.path))
                status, text = answer(self, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())
            do_GET = do_PUT = do_POST = any
        self.seen = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Keys:
    """Keys that a provider takes for a while: a new pair with every call."""

    def __init__(self, small, life_s):
        self.small, self.life_s, self.made = small, life_s, 0
        small.keys.clear()

    def next(self):
        self.made += 1
        access = f"TEMP{self.made}"
        self.small.keys[access] = (f"secret{self.made}", f"token/{self.made}==")
        old = f"TEMP{self.made - 2}"  # those before the last have expired
        self.small.keys.pop(old, None)
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.life_s))
        return access, f"secret{self.made}", f"token/{self.made}==", until


def uploads_go_on(server, keys, at_least):
    """Until as many sets of keys were asked for as are wanted."""
    api, count = server.api(), 0

    def one():
        nonlocal count
        count += 1
        api.upload(noise(3000, 1000 + count))
        return keys.made >= at_least
    wait_until(one, 60, "new keys")


def test_web_identity(tmp_path, small):
    keys = Keys(small, 4)
    token = tmp_path / "token"
    token.write_text("the.web+token/=\n")
    forms = []

    def answer(handler, body):
        form = dict(urllib.parse.parse_qsl(body))
        forms.append(form)
        if form.get("WebIdentityToken") != "the.web+token/=":
            return 400, "<ErrorResponse/>"
        access, secret, session, until = keys.next()
        return 200, (f"<AssumeRoleWithWebIdentityResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'>"
                     f"<AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>{access}</AccessKeyId>"
                     f"<SecretAccessKey>{secret}</SecretAccessKey><SessionToken>{session}</SessionToken>"
                     f"<Expiration>{until}</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
                     f"</AssumeRoleWithWebIdentityResponse>")
    with Fake(answer) as sts:
        section = small.section(access_key=None, secret_key=None, credentials="web-identity",
                                web_identity_token_file=token, role_arn="arn:aws:iam::1:role/a b",
                                sts_endpoint=sts.url)
        with Server(tmp_path / "data", *configured(tmp_path, section), env=CLEAN) as server:
            uploads_go_on(server, keys, 2)
    assert forms[0]["RoleArn"] == "arn:aws:iam::1:role/a b" and forms[0]["Version"] == "2011-06-15"
    assert forms[0]["Action"] == "AssumeRoleWithWebIdentity" and forms[0]["RoleSessionName"]


def test_the_role_of_a_virtual_machine(tmp_path, small):
    keys = Keys(small, 4)

    def answer(handler, body):
        if handler.command == "PUT":
            if handler.headers["X-aws-ec2-metadata-token-ttl-seconds"] and handler.path == "/latest/api/token":
                return 200, "session-1"
            return 400, ""
        if handler.headers["X-aws-ec2-metadata-token"] != "session-1":
            return 401, ""
        base = "/latest/meta-data/iam/security-credentials/"
        if handler.path == base:
            return 200, "the-role\n"
        if handler.path != base + "the-role":
            return 404, ""
        access, secret, session, until = keys.next()
        return 200, json.dumps({"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": access,
                                "SecretAccessKey": secret, "Token": session, "Expiration": until})
    with Fake(answer) as metadata:
        section = small.section(access_key=None, secret_key=None, credentials="instance",
                                metadata_endpoint=metadata.url)
        with Server(tmp_path / "data", *configured(tmp_path, section), env=CLEAN) as server:
            uploads_go_on(server, keys, 2)
            record = server.api().upload(noise(5000, 9))
            assert server.api().get(f"/v1/uploads/{record['id']}/content").status_code == 200


def test_a_link_holds_no_longer_than_the_keys(tmp_path, small):
    keys = Keys(small, 200)

    def answer(handler, body):
        base = "/latest/meta-data/iam/security-credentials/"
        if handler.command == "PUT" or handler.path == base:
            return 200, "one"
        access, secret, session, until = keys.next()
        return 200, json.dumps({"Code": "Success", "AccessKeyId": access, "SecretAccessKey": secret,
                                "Token": session, "Expiration": until})

    def life(section, **env):
        folder = tmp_path / str(len(small.seen))
        folder.mkdir()
        with Server(folder / "data", *configured(folder, section), env={**CLEAN, **env}) as server:
            record = server.api().upload(noise(5000, len(small.seen)))
            answer = server.api().get(f"/v1/uploads/{record['id']}/content", allow_redirects=False)
            return life_of(answer.headers["Location"])
    options = {"access_key": None, "secret_key": None, "download": "redirect", "link_ttl": "1h"}
    with Fake(answer) as metadata:
        section = small.section(credentials="instance", metadata_endpoint=metadata.url, **options)
        assert 0 < life(section) <= 200
    # that a file is read again each minute says nothing of how long its keys hold
    small.keys["FILEKEY"] = ("file-secret", "file-token")
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = FILEKEY\naws_secret_access_key = file-secret\n"
                    "aws_session_token = file-token\n")
    section = small.section(credentials="file", credentials_file=file, **options)
    assert life(section) == 3600


def test_keys_of_the_environment_and_of_a_file(tmp_path, small):
    small.keys.update({"ENVKEY": ("env-secret", "env-token"), "FILEKEY": ("file-secret", None)})
    section = small.section(access_key=None, secret_key=None)
    env = {**CLEAN, "AWS_ACCESS_KEY_ID": "ENVKEY", "AWS_SECRET_ACCESS_KEY": "env-secret",
           "AWS_SESSION_TOKEN": "env-token"}
    with Server(tmp_path / "data", *configured(tmp_path, section), env=env) as server:
        server.api().upload(noise(3000, 1))
    assert small.seen[-1][2]["x-amz-security-token"] == "env-token"

    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = X\naws_secret_access_key = Y\n"
                    "[audio]\naws_access_key_id = FILEKEY\naws_secret_access_key = file-secret\n")
    env = {**CLEAN, "AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "audio"}
    with Server(tmp_path / "data", *configured(tmp_path, section), env=env) as server:
        api = server.api()
        api.upload(noise(3000, 2))
        assert "FILEKEY" in small.seen[-1][2]["authorization"]
        # changed at the provider and in the file: the next request that is refused looks again
        small.keys["NEWKEY"] = ("new-secret", None)
        file.write_text("[audio]\naws_access_key_id = NEWKEY\naws_secret_access_key = new-secret\n")
        del small.keys["FILEKEY"]
        api.upload(noise(3000, 3))
        assert "NEWKEY" in small.seen[-1][2]["authorization"]
        for secret in ("file-secret", "new-secret", "env-secret"):
            assert secret not in server.log_text()


# ---- the bucket's lifecycle ----

def lifecycle(server, *arguments, check=True):
    done = subprocess.run([server.binary, "store", "lifecycle", "--data", str(server.data), "--json",
                           *arguments, *server.same_catalog], capture_output=True, text=True, timeout=120)
    if not check:
        return done
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@on_ceph
def test_the_lifecycle_is_for_uploads_alone(tmp_path, rgw):
    client = rgw.client()
    client.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration={"Rules": [
        {"ID": "another's & own", "Filter": {"Prefix": "logs/"}, "Status": "Enabled",
         "Expiration": {"Days": 3}}]})
    with Server(tmp_path / "data", *ceph_flags(tmp_path, rgw)) as server:
        assert lifecycle(server)["transitions"] == []
        usual = [{"days": 30, "storage_class": "STANDARD_IA"}, {"days": 90, "storage_class": "GLACIER"},
                 {"days": 365, "storage_class": "DEEP_ARCHIVE"}]
        for _ in range(2):
            got = lifecycle(server, "--set")
            assert got == {"store": "main", "prefix": "uploads/", "transitions": usual, "is_default": True}
        rules = client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
        others = [x for x in rules if x["ID"] == "another's & own"]
        assert len(rules) == 2 and others[0]["Expiration"] == {"Days": 3}
        ours, = [x for x in rules if x["ID"].startswith("audiotricks-")]
        assert ours["Filter"] == {"Prefix": f"{tmp_path.name}/uploads/"} and ours["Status"] == "Enabled"
        assert sorted((x["Days"], x["StorageClass"]) for x in ours["Transitions"]) == [
            (30, "STANDARD_IA"), (90, "GLACIER"), (365, "DEEP_ARCHIVE")]
        assert lifecycle(server, "--set", "--transitions", "60:GLACIER")["transitions"] == [
            {"days": 60, "storage_class": "GLACIER"}]
        assert lifecycle(server)["is_default"] is False
        assert lifecycle(server, "--set", "--transitions", "60:GLACIER,30:X", check=False).returncode == 2
        assert lifecycle(server, "nowhere", check=False).returncode == 5

        ours["Status"] = "Disabled"
        client.put_bucket_lifecycle_configuration(Bucket=BUCKET,
                                                  LifecycleConfiguration={"Rules": [ours, *others]})
        assert lifecycle(server, check=False).returncode == 6  # a conflict, told
        assert lifecycle(server, "--remove")["transitions"] == []
    rules = client.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    assert [x["ID"] for x in rules] == ["another's & own"]


def test_a_rule_that_another_puts_meanwhile_is_told(tmp_path, small):
    def rule(name):
        return (f"<Rule><ID>{name}</ID><Prefix>{name}/</Prefix><Status>Enabled</Status>"
                f"<Expiration><Days>3</Days></Expiration></Rule>").encode()

    def lose_one(rules):
        return rules.replace(rule("logs"), rule("others"))
    small.lifecycle = b"<LifecycleConfiguration>" + rule("logs") + b"</LifecycleConfiguration>"
    with Server(tmp_path / "data", *configured(tmp_path, small.section())) as server:
        assert len(lifecycle(server, "--set")["transitions"]) == 3
        assert rule("logs") in small.lifecycle
        small.amend = lose_one
        done = lifecycle(server, "--set", "--transitions", "60:GLACIER", check=False)
        assert done.returncode == 3 and "others for the bucket changed" in done.stderr, done.stderr
        small.amend = lambda rules: rules
        assert lifecycle(server, "--remove")["transitions"] == []
    assert rule("others") in small.lifecycle and b"audiotricks" not in small.lifecycle


def test_a_folder_has_no_lifecycle(tmp_path):
    with Server(tmp_path / "data") as server:
        done = lifecycle(server, check=False)
        assert done.returncode != 0 and "has no lifecycle" in done.stderr, done.stderr


# ---- a write that was given up, and is carried out all the same ----

def test_what_is_written_late_is_explained_and_removed(tmp_path, small):
    """The provider gets the PUT only when it was given up here, and so was the upload."""
    with FaultProxy(small.port) as proxy:
        section = small.section(endpoint=proxy.endpoint, attempts="1", late_writes="4s")
        flags = configured(tmp_path, section, "[server]\nsweep_every = 200ms\n")
        with Server(tmp_path / "data", *flags) as server:
            proxy.faults = {"PUT": [("late", 1)]}
            answer = server.api().post("/v1/uploads", data=noise(50_000, 1), params={"filename": "a.wav"})
            expect_problem(answer, 503, "unavailable")

            def late():
                return [x for x in small.objects if x.startswith("uploads/")]
            assert late() == []
            wait_until(late, 30, "the late write")
            server.verify()  # it is explained, or gone
            # and one of an upload that was stored by a second attempt, and deleted soon after
            record = server.api().upload(noise(60_000, 2))
            content = small.objects[record["storage_path"]]
            assert server.api().delete(f"/v1/uploads/{record['id']}?permanent=true").status_code == 204
            assert record["storage_path"] not in small.objects
            small.objects[record["storage_path"]] = content
            wait_until(lambda: not late(), 60, "the sweep")
            wait_until(lambda: server.verify()["totals"]["stored_bytes"] == 0, 30, "all to add up")


@pytest.mark.parametrize("download", ["proxy", "redirect"])
def test_an_archived_upload_is_refused_with_its_code(tmp_path, small, download):
    section = small.section(profile="aws", style="path", download=download)
    with Server(tmp_path / "data", *configured(tmp_path, section)) as server:
        api, content = server.api(), noise(50_000, 3)
        record = api.upload(content)
        stored = small.objects[record["storage_path"]]
        stored.storage_class = "GLACIER"
        expect_problem(api.get(f"/v1/uploads/{record['id']}/content"), 409, "content_archived")
        stored.restore = "Fri, 21 Dec 2040 00:00:00 GMT"
        assert api.get(f"/v1/uploads/{record['id']}/content").content == content
    assert SMALL_BUCKET in small.seen[0][1]
