"""Our signatures against botocore's, for keys and queries that are easily got wrong. The argument is the
program that signs lines."""
import datetime
import subprocess
import sys
from unittest import mock

import boto3
import botocore.auth
from botocore.awsrequest import AWSResponse
from botocore.config import Config

KEYS = ["a", "a b", "a+b", "a%20b", "a%2Fb", "%", "100%", "a//b", "/a", "a/", "a/../b", "./a", "a/.",
        "Übung – 日本語.wav", "שלום/مرحبا", "Ж/ж", "नमस्ते", "🎵", "e\u0301", "a?b=c&d#e", "'\"\\^`{}|<>",
        "~-._", "!*()", "a;b:c@d,e$f=g", "[x]", " ", " a ", "A" * 900]
PREFIXES = ["", "a", "a b+c", "%", "é/日本", "a&b=c", "x/y/", "+", "~", "a%2B"]
NAMES = ["a.wav", "Übung – 日本語.wav", "a\"b;c.wav", "100% + more.wav", "🎵"]
BUCKET, REGION = "some-bucket", "eu-central-1"
NOW = datetime.datetime(2015, 8, 30, 12, 36, 0)


class Clock(datetime.datetime):
    @classmethod
    def utcnow(cls):
        return NOW

    @classmethod
    def now(cls, tz=None):
        return NOW.replace(tzinfo=tz)


def client(style):
    return boto3.client("s3", region_name=REGION, aws_access_key_id="AKIDEXAMPLE",
                        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                        endpoint_url="https://s3.example.org",
                        config=Config(s3={"addressing_style": style}, signature_version="s3v4"))


def catch(s3, seen):
    """Instead of being sent, requests land in SEEN."""
    def before_send(request, **_):
        seen.append(request)
        return AWSResponse(request.url, 200, {}, mock.Mock(stream=lambda: iter([b""]), read=lambda *_: b""))
    s3.meta.events.register("before-send.s3", before_send)


def cases():
    """(line for the signer, what botocore makes of it)"""
    for style in ("path", "virtual"):
        s3, seen = client(style), []
        catch(s3, seen)
        host = "s3.example.org" if style == "path" else f"{BUCKET}.s3.example.org"
        base = f"/{BUCKET}/" if style == "path" else "/"

        def last():
            request = seen.pop()
            value = request.headers["Authorization"]
            value = value.decode() if isinstance(value, bytes) else value
            return request.url.removeprefix(f"https://{host}"), value
        for key in KEYS:
            s3.head_object(Bucket=BUCKET, Key=key)
            yield ["sign", "HEAD", host, base + key], last()
            for name in NAMES[:2 if style == "path" else 5]:
                wish = {"ResponseContentDisposition": f"attachment; filename*=UTF-8''{name}",
                        "ResponseContentType": "audio/x-wav"}
                url = s3.generate_presigned_url("get_object", ExpiresIn=3600,
                                                Params={"Bucket": BUCKET, "Key": key, **wish})
                yield (["link", "GET", host, base + key,
                        f"response-content-type={wish['ResponseContentType']}",
                        f"response-content-disposition={wish['ResponseContentDisposition']}"],
                       (url.removeprefix(f"https://{host}"),))
        for prefix in PREFIXES:
            s3.list_multipart_uploads(Bucket=BUCKET, Prefix=prefix, KeyMarker="é +%", UploadIdMarker="2~u")
            yield (["sign", "GET", host, base.rstrip("/") if style == "path" else base, "uploads=",
                    f"prefix={prefix}", "key-marker=é +%", "upload-id-marker=2~u"], last())


def comparable(target, *rest):
    """The order in which parameters are sent is the sender's; a bare name is one with nothing."""
    path, _, query = target.partition("?")
    return (path, sorted(x if "=" in x else x + "=" for x in query.split("&"))) + rest


def main(program):
    with mock.patch.object(botocore.auth.datetime, "datetime", Clock):
        table = list(cases())
    text = "".join("\t".join(line) + "\n" for line, _ in table)
    done = subprocess.run([program], input=text.encode(), capture_output=True, check=True)
    answers = done.stdout.decode().splitlines()
    assert len(answers) == len(table), (len(answers), len(table))
    wrong = [(line, ours, theirs) for (line, theirs), ours in zip(table, answers)
             if comparable(*ours.split("\t")) != comparable(*theirs)]
    for line, ours, theirs in wrong[:10]:
        print(f"{line}\n  ours:   {ours}\n  theirs: {theirs}")
    print(f"{len(table)} compared, {len(wrong)} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
