"""A small S3 server in memory, for what no real one here does: archives that are restored, keys that
expire, encryption by the provider. It checks each signature with botocore, and keeps what it was asked.

As a program, `small_s3.py COMMAND…` starts one and tells COMMAND of it by the environment, as
ceph_gateway.py does."""
import base64
import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from email.utils import formatdate
from xml.sax.saxutils import escape

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

BUCKET, REGION = "small-bucket", "us-east-1"
KEY, SECRET = "SMALLACCESSKEY", "small/secret+key"
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
KEPT = re.compile(r"content-type|x-amz-meta-.*|x-amz-server-side-encryption.*")
NEVER_COPIED = "/never-copied"  # copies to such a key are never completed
RESTORE_LOOKS = 2  # HEADs that find a restore still going on


class Refusal(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


class Stored:
    def __init__(self, body, headers):
        self.body = body
        self.etag = f'"{hashlib.md5(body).hexdigest()}"'
        self.kept = {k: v for k, v in headers.items() if KEPT.fullmatch(k)}
        self.storage_class = headers.get("x-amz-storage-class", "STANDARD")
        self.time = time.time()
        self.restore = None  # looks left, or the day until which it is there


class SmallS3:
    """Use it as a context. KEYS are those that it takes: access key to (secret, session token)."""

    def __init__(self, keys=None, honours_conditions=True):
        self.keys = dict(keys or {KEY: (SECRET, None)})
        self.honours_conditions = honours_conditions
        self.equal_parts = False  # all parts but the last must be of one length, as R2 wants it
        self.objects, self.uploads, self.seen = {}, {}, []
        self.kept_from = {}  # access key to the prefix that it may not look at
        self.lifecycle, self.amend = b"", lambda rules: rules  # what is kept of rules that are put
        self.lock = threading.RLock()
        outer = self

        class Handler(_Handler):
            server_of = outer
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def section(self, name="main", **more):
        options = {"provider": "s3", "endpoint": self.endpoint, "bucket": BUCKET, "access_key": KEY,
                   "secret_key": SECRET, **more}
        return f'[store "{name}"]\n' + "".join(f"{k} = {v}\n" for k, v in options.items()
                                               if v is not None)

    def requests(self, method, mark):
        """The headers of those of METHOD that have MARK in their target."""
        with self.lock:
            return [headers for m, target, headers in self.seen if m == method and mark in target]

    # ---- signatures ----

    def check_access(self, headers, key):
        access = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
        if access and access[1] in self.kept_from and key.startswith(self.kept_from[access[1]]):
            raise Refusal(403, "AccessDenied")

    def check_signature(self, method, target, headers):
        path, _, query = target.partition("?")
        fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        if "X-Amz-Signature" in fields:
            self._check_link(method, path, fields, headers)
            return
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d+/([^/]+)/s3/aws4_request, "
                             r"SignedHeaders=(\S+), Signature=(\w+)", headers.get("authorization", ""))
        if not found:
            raise Refusal(403, "AccessDenied")
        access, region, names, signature = found.groups()
        secret = self._secret(access, headers.get("x-amz-security-token"))
        signed = {name: headers[name] for name in names.split(";")}
        if any(name.startswith("x-amz-") and name not in signed for name in headers):
            raise Refusal(403, "AccessDenied")
        self._compare(S3SigV4Auth, access, secret, region, method, path, query, signed,
                      headers["x-amz-date"], signature)

    def _secret(self, access, token):
        if access not in self.keys:
            raise Refusal(403, "InvalidAccessKeyId")
        secret, wanted = self.keys[access]
        if token != wanted:
            raise Refusal(403, "InvalidToken")
        return secret

    def _check_link(self, method, path, fields, headers):
        if "authorization" in headers:
            raise Refusal(400, "InvalidArgument")
        signature = fields.pop("X-Amz-Signature")
        access, _, region = fields["X-Amz-Credential"].split("/")[:3]
        secret = self._secret(access, fields.get("X-Amz-Security-Token"))
        begun = time.strptime(fields["X-Amz-Date"] + "UTC", "%Y%m%dT%H%M%SZ%Z")
        if time.time() > time.mktime(begun) - time.timezone + int(fields["X-Amz-Expires"]):
            raise Refusal(403, "AccessDenied")
        query = "&".join(f"{urllib.parse.quote(k, safe='')}={urllib.parse.quote(v, safe='')}"
                         for k, v in fields.items())
        self._compare(S3SigV4QueryAuth, access, secret, region, method, path, query,
                      {"host": headers["host"]}, fields["X-Amz-Date"], signature)

    @staticmethod
    def _compare(kind, access, secret, region, method, path, query, signed, stamp, signature):
        auth = kind(Credentials(access, secret), "s3", region)
        request = AWSRequest(method, f"http://{signed['host']}{path}?{query}", headers=signed)
        request.context["timestamp"] = stamp
        text = auth.string_to_sign(request, auth.canonical_request(request))
        if auth.signature(text, request) != signature:
            raise Refusal(403, "SignatureDoesNotMatch")

    # ---- requests ----

    def find(self, key):
        if key not in self.objects:
            raise Refusal(404, "NoSuchKey")
        return self.objects[key]

    def put(self, key, body, headers):
        with self.lock:
            if headers.get("if-none-match") == "*" and self.honours_conditions and key in self.objects:
                raise Refusal(412, "PreconditionFailed")
            self.objects[key] = Stored(body, headers)
            return self.objects[key]

    def source(self, headers):
        name = urllib.parse.unquote(headers["x-amz-copy-source"])
        bucket, _, key = name.lstrip("/").partition("/")
        if bucket != BUCKET:
            raise Refusal(404, "NoSuchBucket")
        found = self.find(key)
        if headers.get("x-amz-copy-source-if-match", found.etag) != found.etag:
            raise Refusal(412, "PreconditionFailed")
        if not self.is_readable(found):
            raise Refusal(403, "InvalidObjectState")
        return key, found

    @staticmethod
    def is_readable(found):
        return found.storage_class not in ARCHIVES or isinstance(found.restore, str)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of = None
    disable_nagle_algorithm = True
    wbufsize = 1 << 16

    def log_message(self, *_):
        pass

    def _any(self):
        s3 = self.server_of
        headers = {k.lower(): v for k, v in self.headers.items()}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        with s3.lock:
            s3.seen.append((self.command, self.path, headers))
        try:
            s3.check_signature(self.command, self.path, headers)
            self._check_body(body, headers)
            path, _, query = self.path.partition("?")
            host = headers["host"]
            if not host.startswith(BUCKET + "."):
                bucket, _, path = path[1:].partition("/")
                if bucket != BUCKET:
                    raise Refusal(404, "NoSuchBucket")
            key = urllib.parse.unquote(path.lstrip("/"))
            fields = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
            s3.check_access(headers, key)
            with s3.lock:
                getattr(self, ("object_" if key else "bucket_") + self.command.lower())(
                    s3, key, fields, headers, body)
        except Refusal as refusal:
            self._answer(refusal.status, f"<Error><Code>{refusal.code}</Code></Error>".encode())

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _any

    @staticmethod
    def _check_body(body, headers):
        sha256 = headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        if sha256 not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            raise Refusal(400, "XAmzContentSHA256Mismatch")
        md5 = headers.get("content-md5")
        if md5 and base64.b64decode(md5) != hashlib.md5(body).digest():
            raise Refusal(400, "BadDigest")

    def _answer(self, status, body=b"", headers=None):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    # ---- objects ----

    @staticmethod
    def _facts(found):
        facts = {**found.kept, "ETag": found.etag, "Last-Modified": formatdate(found.time, usegmt=True)}
        if found.storage_class != "STANDARD":
            facts["x-amz-storage-class"] = found.storage_class
        if isinstance(found.restore, int):
            facts["x-amz-restore"] = 'ongoing-request="true"'
        elif found.restore:
            facts["x-amz-restore"] = f'ongoing-request="false", expiry-date="{found.restore}"'
        return facts

    def object_head(self, s3, key, fields, headers, body):
        found = s3.find(key)
        facts = self._facts(found)
        if isinstance(found.restore, int):
            found.restore -= 1
            if found.restore == 0:
                found.restore = formatdate(time.time() + 86400 * found.days, usegmt=True)
        self._answer(200, b"", {**facts, "Content-Length": str(len(found.body))})

    def object_get(self, s3, key, fields, headers, body):
        found = s3.find(key)
        if not s3.is_readable(found):
            raise Refusal(403, "InvalidObjectState")
        if headers.get("if-match", found.etag) != found.etag:
            raise Refusal(412, "PreconditionFailed")
        facts, content, status = self._facts(found), found.body, 200
        for name in ("content-type", "content-disposition", "cache-control"):
            if f"response-{name}" in fields:
                facts[name] = fields[f"response-{name}"]
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", headers.get("range", ""))
        if span:
            start, end = int(span[1]), int(span[2] or len(content) - 1)
            if start >= len(content):
                raise Refusal(416, "InvalidRange")
            end = min(end, len(content) - 1)
            facts["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
            content, status = content[start:end + 1], 206
        self._answer(status, content, facts)

    def object_put(self, s3, key, fields, headers, body):
        source = "x-amz-copy-source" in headers
        if "uploadId" in fields:
            upload = s3.uploads.get(fields["uploadId"])
            if not upload:
                raise Refusal(404, "NoSuchUpload")
            if source:
                upload["is_copy"] = True
                body = s3.source(headers)[1].body
                start, end = re.fullmatch(r"bytes=(\d+)-(\d+)",
                                          headers["x-amz-copy-source-range"]).groups()
                body = body[int(start):int(end) + 1]
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            upload["parts"][int(fields["partNumber"])] = (etag, body)
            if source:
                self._answer(200, f"<CopyPartResult><ETag>{escape(etag)}</ETag></CopyPartResult>".encode())
            else:
                self._answer(200, b"", {"ETag": etag})
            return
        if source:
            name, found = s3.source(headers)
            if name == key and headers.get("x-amz-metadata-directive") != "REPLACE":
                raise Refusal(400, "InvalidRequest")
            copied = s3.put(key, found.body, headers)
            self._answer(200, f"<CopyObjectResult><ETag>{escape(copied.etag)}</ETag>"
                              f"</CopyObjectResult>".encode())
            return
        self._answer(200, b"", {"ETag": s3.put(key, body, headers).etag})

    def object_post(self, s3, key, fields, headers, body):
        if "uploads" in fields:
            upload = uuid.uuid4().hex
            s3.uploads[upload] = {"key": key, "headers": headers, "parts": {}}
            self._answer(200, f"<InitiateMultipartUploadResult><UploadId>{upload}</UploadId>"
                              f"</InitiateMultipartUploadResult>".encode())
        elif "uploadId" in fields:
            upload = s3.uploads.get(fields["uploadId"])
            if not upload:
                raise Refusal(404, "NoSuchUpload")
            if upload.get("is_copy") and key.endswith(NEVER_COPIED):
                self._answer(200, b"<Error><Code>InvalidPart</Code></Error>")
                return
            wanted = re.findall(rb"<PartNumber>(\d+)</PartNumber><ETag>([^<]+)</ETag>", body)
            parts = [upload["parts"][int(number)] for number, _ in wanted]
            if [etag.encode() for etag, _ in parts] != [etag for _, etag in wanted]:
                raise Refusal(400, "InvalidPart")
            if any(len(part) < 5 << 20 for _, part in parts[:-1]):
                raise Refusal(400, "EntityTooSmall")
            if s3.equal_parts and len({len(part) for _, part in parts[:-1]}) > 1:
                raise Refusal(400, "InvalidPart")
            conditions = {k: v for k, v in headers.items() if k == "if-none-match"}
            s3.put(key, b"".join(part for _, part in parts), {**upload["headers"], **conditions})
            del s3.uploads[fields["uploadId"]]
            self._answer(200, b"<CompleteMultipartUploadResult/>")
        elif "restore" in fields:
            found = s3.find(key)
            if found.storage_class not in ARCHIVES:
                raise Refusal(403, "InvalidObjectState")
            if isinstance(found.restore, int):
                raise Refusal(409, "RestoreAlreadyInProgress")
            found.days = int(re.search(rb"<Days>(\d+)</Days>", body)[1])
            again, found.restore = found.restore, RESTORE_LOOKS
            self._answer(200 if again else 202)
        else:
            raise Refusal(405, "MethodNotAllowed")

    def object_delete(self, s3, key, fields, headers, body):
        if "uploadId" in fields:
            s3.uploads.pop(fields["uploadId"], None)
        else:
            s3.objects.pop(key, None)
        self._answer(204)

    # ---- the bucket ----

    @staticmethod
    def _stamp(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))

    def bucket_get(self, s3, key, fields, headers, body):
        quote = urllib.parse.quote
        prefix, after = fields.get("prefix", ""), fields.get("start-after", "")
        if "lifecycle" in fields:
            if not s3.lifecycle:
                raise Refusal(404, "NoSuchLifecycleConfiguration")
            self._answer(200, s3.lifecycle)
            return
        if "uploads" in fields:
            rows = "".join(f"<Upload><Key>{quote(each['key'])}</Key><UploadId>{name}</UploadId></Upload>"
                           for name, each in s3.uploads.items() if each["key"].startswith(prefix))
            self._answer(200, f"<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>{rows}"
                              f"</ListMultipartUploadsResult>".encode())
            return
        names = sorted((name for name in s3.objects if name.startswith(prefix)
                        and name.encode() > after.encode()), key=str.encode)
        rows = "".join(f"<Contents><Key>{quote(name)}</Key><Size>{len(found.body)}</Size>"
                       f"<LastModified>{self._stamp(found.time)}</LastModified></Contents>"
                       for name, found in ((each, s3.objects[each]) for each in names[:1000]))
        self._answer(200, f"<ListBucketResult><IsTruncated>{str(len(names) > 1000).lower()}</IsTruncated>"
                          f"{rows}</ListBucketResult>".encode())

    def bucket_put(self, s3, key, fields, headers, body):
        if "lifecycle" not in fields or "content-md5" not in headers:
            raise Refusal(400, "InvalidRequest")
        s3.lifecycle = s3.amend(body)
        self._answer(200)

    def bucket_delete(self, s3, key, fields, headers, body):
        if "lifecycle" not in fields:
            raise Refusal(405, "MethodNotAllowed")
        s3.lifecycle = b""
        self._answer(204)


def main(command):
    with SmallS3() as s3:
        env = {"S3_ENDPOINT": s3.endpoint, "S3_BUCKET": BUCKET, "S3_ACCESS_KEY": KEY,
               "S3_SECRET_KEY": SECRET, "S3_REGION": REGION, "S3_HAS_ARCHIVES": "1",
               "S3_PROFILE": "aws", "S3_STYLE": "path"}
        return subprocess.run(command, env={**os.environ, **env}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
