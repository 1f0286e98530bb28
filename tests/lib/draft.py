"""Speaks draft-ietf-httpbis-resumable-upload by hand, for tests: every answer, interim ones too."""
import base64
import hashlib

from http_raw import Raw

AT = "/v1/resumable-uploads/"
PARTIAL = "application/partial-upload"
PROBLEMS = "https://iana.org/assignments/http-problem-types#"


def digest(data, kind="sha-256"):
    """RFC 9530."""
    raw = hashlib.new(kind.replace("-", ""), data).digest()
    return f"{kind}=:{base64.b64encode(raw).decode()}:"


def limits(answer):
    """Upload-Limit as a dict of numbers."""
    return {key: int(value) for key, value in
            (member.split("=") for member in answer["Upload-Limit"].split(", "))}


class Exchange(Raw):
    """One request on a connection of its own. Interim answers are kept as they come."""

    def __init__(self, client, method, target, headers, timeout=60):
        super().__init__(("127.0.0.1", client.server.port), timeout=timeout)
        self.interim, self.is_head = [], method == "HEAD"
        lines = [f"{method} {target} HTTP/{client.http}", "Host: x"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()
                  if value is not None]
        self.send("\r\n".join(lines) + "\r\n\r\n")

    def next_interim(self, status):
        """Waits for the next answer, which is an interim one."""
        answer = self.answer()
        assert answer.status == status, f"{answer.status} {answer.headers} {answer.body}"
        self.interim.append(answer)
        return answer

    def finish(self):
        """The final answer."""
        while (answer := self.answer(self.is_head)).status < 200:
            self.interim.append(answer)
        self.close()
        answer.interim = self.interim
        return answer


class Client:
    """Who speaks one interop version of it; None sends none."""

    def __init__(self, server, version=8, token=None, http="1.1"):
        self.server, self.version, self.http = server, version, http
        self.token = token or server.token

    def begin(self, method, target, length=None, **headers):
        """Sends the head alone."""
        return Exchange(self, method, target, {
            "Authorization": f"Bearer {self.token}", "Upload_Draft_Interop_Version": self.version,
            "Content_Length": length, **headers})

    def ask(self, method, target, body=None, **headers):
        exchange = self.begin(method, target, None if body is None else len(body), **headers)
        if body:
            exchange.try_send(body)
        return exchange.finish()

    def create(self, body=b"", complete="?0", target="/v1/uploads", **headers):
        return self.ask("POST", target, body, Upload_Complete=complete, **headers)

    def begin_patch(self, url, offset, length, complete, **headers):
        return self.begin("PATCH", url, length, **{
            "Upload_Offset": offset, "Upload_Complete": complete, "Content_Type": PARTIAL,
            **headers})

    def patch(self, url, offset, body=b"", complete="?0", **headers):
        exchange = self.begin_patch(url, offset, len(body), complete, **headers)
        if body:
            exchange.try_send(body)
        return exchange.finish()

    def head(self, url, **headers):
        return self.ask("HEAD", url, **headers)

    def offset(self, url):
        """Where the upload stands, and whether it is complete."""
        answer = self.head(url)
        assert answer.status == 204, answer.headers
        return int(answer["Upload-Offset"]), answer["Upload-Complete"] == "?1"


def check_problem(answer, status, code, kind=None):
    """Checks that ANSWER is this problem, of the draft's type KIND if it has one; gives it."""
    assert answer.status == status, f"{answer.status} {answer.body}"
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json
    assert (problem["code"], problem["status"]) == (code, status), problem
    assert problem["type"] == (PROBLEMS + kind if kind else "about:blank")
    return problem
