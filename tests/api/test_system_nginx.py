"""Behind nginx, configured by the very lines of docs/examples/nginx.conf: TLS and HTTP/2 in front, a unix
socket behind, uploads streamed through, downloads sent by nginx (X-Accel-Redirect).
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import audio
import pytest
from people import default_workspace
from ports import free_port
from server import ROOT, Server, wait_until

EXAMPLE = ROOT / "docs/examples/nginx.conf"
HOST = "audio.example.org"
CONTENT = audio.wav(seconds=3)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class UnixServer(Server):
    """Listens on TCP for the tests' own questions, and on a unix socket for nginx."""

    def __init__(self, data, socket_path):
        super().__init__(data, "--server-trusted-proxies", "unix", "--server-accel-prefix",
                         "/internal/", "--server-socket-mode", "0666")
        self.socket_path = socket_path

    def start(self, wait=True):
        self.flags += ["--listen", f"127.0.0.1:{self.port},unix:{self.socket_path}"]
        return super().start(wait)


def configuration(folder, server, port):
    """The example with its four paths, its name's certificate and its port put in place."""
    text = EXAMPLE.read_text()
    for old, new in (("/run/audiotricks.sock", str(server.socket_path)),
                     ("listen 443 ", f"listen 127.0.0.1:{port} "),
                     ("/etc/ssl/audio.example.org.pem", f"{folder}/cert.pem"),
                     ("/etc/ssl/audio.example.org.key", f"{folder}/key.pem"),
                     ("/srv/audiotricks/store/", f"{server.data}/store/")):
        assert old in text, old
        text = text.replace(old, new)
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(f"""
        {user}
        daemon off;
        pid {folder}/nginx.pid;
        error_log {folder}/error.log info;
        events {{}}
        http {{
            access_log {folder}/access.log;
            client_body_temp_path {folder}/spool;
            proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi;
            {text}
        }}
        """)
    return folder / "nginx.conf"


class Front:
    """nginx, and curl that speaks to it."""

    def __init__(self, folder, server):
        self.folder, self.server, self.port = folder, server, free_port()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout",
                        str(folder / "key.pem"), "-out", str(folder / "cert.pem")],
                       check=True, capture_output=True)
        self.config = configuration(folder, server, self.port)

    def __enter__(self):
        checked = subprocess.run(["nginx", "-t", "-c", str(self.config)], capture_output=True,
                                 text=True, check=False)
        assert checked.returncode == 0, checked.stderr
        self.process = subprocess.Popen(["nginx", "-c", str(self.config)], stderr=subprocess.DEVNULL)
        wait_until((self.folder / "nginx.pid").exists, 20, "nginx")
        wait_until(lambda: self.curl("/healthz", check=False).status == 200, 20, "nginx to answer")
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(20)

    def command(self, path, *arguments, token=True):
        if token:
            arguments = ("-H", f"Authorization: Bearer {self.server.token}", *arguments)
        return ["curl", "--silent", "--show-error", "--http2", "--cacert",
                str(self.folder / "cert.pem"), "--connect-to",
                f"{HOST}:443:127.0.0.1:{self.port}", "--max-time", "60", *arguments,
                f"https://{HOST}{path}"]

    def curl(self, path, *arguments, check=True, stdin=None, token=True):
        done = subprocess.run(self.command(path, "--include", *arguments, token=token), input=stdin,
                              capture_output=True, check=False)
        assert not check or done.returncode == 0, done.stderr
        return Reply(done.stdout)


class Reply:
    def __init__(self, text):
        self.headers, self.status, self.version = {}, 0, ""
        while text.startswith(b"HTTP/"):
            head, text = text.split(b"\r\n\r\n", 1)
            lines = head.decode().split("\r\n")
            self.version, status = lines[0].split()[:2]
            self.status = int(status)
            self.headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:])}
        self.body = text

    @property
    def json(self):
        return json.loads(self.body)


@pytest.fixture(scope="module")
def front():
    if not shutil.which("nginx"):
        pytest.skip("no nginx")
    # Not pytest's folder: the path of a unix socket is short.

    with tempfile.TemporaryDirectory(prefix="audiotricks-nginx-") as name:
        folder = pathlib.Path(name)
        with UnixServer(folder / "data", folder / "s.sock") as server:
            with Front(folder, server) as running:
                yield running
            server.verify()


@pytest.fixture(scope="module")
def record(front):
    path = front.folder / "a.wav"
    path.write_bytes(CONTENT)
    reply = front.curl("/v1/uploads?filename=T%C3%B6n.wav", "--data-binary", f"@{path}", "-H",
                       "Content-Type: audio/wav")
    assert reply.status == 201, reply.body
    assert reply.version == "HTTP/2"
    assert reply.headers["location"] == f"/v1/uploads/{reply.json['id']}"
    assert reply.json["checksum_sha256"] == SHA256
    return reply.json


def test_upload(front, record):
    assert record["duration"] == 3
    assert front.curl(f"/v1/uploads/{record['id']}").json == record


def test_upload_of_unknown_length(front):
    content = audio.wav(seconds=2, seed=3)
    reply = front.curl("/v1/uploads?filename=a.wav", "-T", "-", "-X", "POST", stdin=content)
    assert reply.status == 201, reply.body
    assert reply.json["file_size"] == len(content)


def test_upload_of_a_form(front):
    (front.folder / "b.wav").write_bytes(audio.wav(seed=4))
    reply = front.curl("/v1/uploads", "-F", f"file=@{front.folder}/a.wav", "-F",
                       f"file=@{front.folder}/b.wav")
    assert [item["status"] for item in reply.json["items"]] == [201, 201]


def test_upload_is_streamed(front):
    """The server has the first bytes while the client still holds back the last."""
    content = audio.wav_of_bytes(3_000_000)
    api = front.server.api()
    quota = f"/v1/workspaces/{default_workspace(api)['id']}/quota"
    curl = subprocess.Popen(front.command("/v1/uploads?filename=slow.wav", "-T", "-", "-X", "POST"),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    curl.stdin.write(content[:2_000_000])
    curl.stdin.flush()
    staging = front.server.data / "store/.staging"
    wait_until(lambda: sum(path.stat().st_size for path in staging.iterdir()) >= 1_500_000, 20,
               "the bytes to arrive")
    assert api.get_json(quota)["reserved_files"] == 1
    assert not [path for path in (front.folder / "spool").rglob("*") if path.is_file()]
    curl.stdin.write(content[2_000_000:])
    answer, _ = curl.communicate(timeout=60)
    assert json.loads(answer)["checksum_sha256"] == hashlib.sha256(content).hexdigest()


def test_refusals_come_through(front):
    reply = front.curl("/v1/uploads?filename=a.png", "--data-binary", "x" * 100, "-H",
                       "Content-Type: image/png")
    assert (reply.status, reply.json["code"]) == (415, "not_audio")
    assert reply.headers["content-type"] == "application/problem+json"


# ---- downloads: by nginx, yet as if by the server ----

def content_path(record):
    return f"/v1/uploads/{record['id']}/content"


def test_download(front, record):
    reply = front.curl(content_path(record))
    assert (reply.status, reply.version, reply.body) == (200, "HTTP/2", CONTENT)
    by_itself = Server.api(front.server).get(content_path(record))
    assert by_itself.headers["X-Accel-Redirect"], "the server left it to nginx"
    assert not by_itself.content
    assert "x-accel-redirect" not in reply.headers
    for name in ("Content-Type", "Content-Disposition", "ETag", "Repr-Digest",
                 "X-Content-Type-Options", "X-Request-Id"):
        assert name in by_itself.headers, name
        if name != "X-Request-Id":
            assert reply.headers.get(name.lower()) == by_itself.headers[name], name
    assert reply.headers["etag"].strip('"') and not reply.headers["etag"].startswith("W/")
    assert reply.headers["accept-ranges"] == "bytes"
    assert front.curl(record["storage_url"]).body == CONTENT


def test_head(front, record):
    reply = front.curl(content_path(record), "--head")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize("asked, wanted", [
    ("0-99", CONTENT[:100]), ("100-", CONTENT[100:]), ("-50", CONTENT[-50:]),
    (f"40-{len(CONTENT) + 5}", CONTENT[40:])], ids=("first", "from", "last", "beyond"))
def test_range(front, record, asked, wanted):
    reply = front.curl(content_path(record), "--range", asked)
    assert (reply.status, reply.body) == (206, wanted)
    assert reply.headers["content-range"].endswith(f"/{len(CONTENT)}")
    assert reply.headers["etag"] == front.curl(content_path(record)).headers["etag"]


def test_ranges(front, record):
    reply = front.curl(content_path(record), "--range", "0-9,100-109")
    assert reply.status == 206
    assert reply.headers["content-type"].startswith("multipart/byteranges")
    assert CONTENT[:10] in reply.body and CONTENT[100:110] in reply.body


def test_range_past_the_end(front, record):
    assert front.curl(content_path(record), "--range", f"{len(CONTENT)}-").status == 416


def test_conditions(front, record):
    etag = front.curl(content_path(record)).headers["etag"]

    def ask(*headers):
        words = [word for header in headers for word in ("-H", header)]
        return front.curl(content_path(record), *words)

    assert ask(f"If-None-Match: {etag}").status == 304
    assert ask('If-None-Match: "other"').body == CONTENT
    assert ask(f"If-Match: {etag}").body == CONTENT
    assert ask('If-Match: "other"').status == 412
    part = ask(f"If-Range: {etag}", "Range: bytes=0-9")
    assert (part.status, part.body) == (206, CONTENT[:10])
    whole = ask('If-Range: "other"', "Range: bytes=0-9")
    assert (whole.status, whole.body) == (200, CONTENT)


def test_store_cannot_be_reached_from_outside(front, record):
    assert front.curl(f"/internal/{record['storage_path']}").status == 404
    for path in ("/internal/.audiotricks-store", "/internal../operator-token",
                 "/internal/../operator-token"):
        assert front.curl(path, "--path-as-is").status in (400, 404)
    assert front.curl(content_path(record), token=False).status == 401


def test_links_name_the_outside(front, record):
    reply = front.curl(f"/v1/uploads/{record['id']}/links", "--json", "{}")
    assert reply.status == 201, reply.body
    url = reply.json["url"]
    path = url.removeprefix(f"https://{HOST}")
    assert path.startswith("/files/")
    got = front.curl(path, token=False)
    assert (got.status, got.body) == (200, CONTENT)


def line_of(front, reply):
    """The server's log line of a request; it is written after the answer."""
    def find():
        return [line for line in front.server.log_text().splitlines()
                if reply.headers["x-request-id"] in line]
    return wait_until(find, 20, "the log line")[0]


def test_client_address_in_the_log(front):
    assert "client=127.0.0.1" in line_of(front, front.curl("/v1/uploads?limit=7"))
    # What a client claims of itself is replaced.
    reply = front.curl("/v1/uploads?limit=8", "-H", "X-Forwarded-For: 192.0.2.66")
    assert "client=127.0.0.1" in line_of(front, reply)


def test_many_at_once(front):
    """Over nginx's kept connections to the server."""
    records, faults = [], []

    def work(number):
        try:
            path = front.folder / f"{number}.wav"
            path.write_bytes(audio.wav(seed=100 + number))
            uploaded = front.curl("/v1/uploads?filename=a.wav", "--data-binary", f"@{path}").json
            assert front.curl(content_path(uploaded)).body == path.read_bytes()
            records.append(uploaded["id"])
        except Exception as fault:  # pylint: disable=broad-except
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults, faults
    assert len(set(records)) == 12
    assert not re.search(r"\[(error|crit|alert|emerg)\]", "".join(
        line for line in (front.folder / "error.log").read_text().splitlines(True)
        if "/internal" not in line)), (front.folder / "error.log").read_text()[-3000:]
