"""Speaks tus 1.0 over raw sockets, so that a test says each header that goes and sees each that comes."""
import base64
import json

from http_raw import Raw

TYPE = "application/offset+octet-stream"


def b64(value):
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


class Tus:
    """One client with a token. Its headers say the version unless they are given as None."""

    def __init__(self, server, token=None, query=""):
        self.server = server
        self.token = token or server.token
        self.query = query

    def connect(self, **options):
        return Raw(("127.0.0.1", self.server.port), **options)

    def head(self, method, path, **headers):
        """The bytes of a request's head. Names of headers are given with _ for -."""
        lines = {"Host": "tus.test", "Authorization": f"Bearer {self.token}",
                 "Tus-Resumable": "1.0.0"}
        for name, value in headers.items():
            lines[name.replace("_", "-")] = value
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items()
                       if value is not None)
        return f"{method} {path} HTTP/1.1\r\n{text}\r\n".encode()

    def ask(self, method, path, body=None, **headers):
        if body is not None:
            headers.setdefault("Content_Length", len(body))
        with self.connect(timeout=60) as raw:
            return raw.ask(self.head(method, path, **headers) + (body or b""), method == "HEAD")

    # ---- the protocol's requests ----

    def create(self, length=None, **headers):
        if length is not None:
            headers["Upload_Length"] = length
        return self.ask("POST", "/v1/tus" + self.query, **{"Content_Length": 0, **headers})

    def begin(self, length=None, **headers):
        """The path of a new upload."""
        answer = self.create(length, **headers)
        assert answer.status == 201, answer.text
        return answer["Location"]

    def patch(self, path, offset, body, **headers):
        return self.ask("PATCH", path, body,
                        **{"Content_Type": TYPE, "Upload_Offset": offset, **headers})

    def patch_chunked(self, path, offset, body, trailers="", **headers):
        """The body in chunked transfer, with TRAILERS (lines with their CR LF)."""
        head = self.head("PATCH", path, **{"Content_Type": TYPE, "Upload_Offset": offset,
                                           "Transfer_Encoding": "chunked", **headers})
        with self.connect(timeout=60) as raw:
            return raw.ask(head + b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body,
                                                              trailers.encode()))

    def look(self, path, **headers):
        return self.ask("HEAD", path, **headers)

    def offset(self, path):
        answer = self.look(path)
        assert answer.status == 200, answer.status
        return int(answer["Upload-Offset"])

    def delete(self, path, **headers):
        return self.ask("DELETE", path, **headers)

    def options(self, path="/v1/tus", **headers):
        return self.ask("OPTIONS", path, Authorization=None, Tus_Resumable=None, **headers)


def problem_of(answer, status, code):
    """Checks that a raw answer is that problem; gives it."""
    assert answer.status == status, f"{answer.status} {answer.body!r}"
    assert answer["Content-Type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert problem["code"] == code, problem
    return problem
