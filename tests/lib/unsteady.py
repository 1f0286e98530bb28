"""A server of canned answers, for what a sound server does not do on demand: fail and recover."""
import http.server
import json
import threading
import time


class Answer:
    """One answer: JSON or bytes, or a connection that breaks."""

    def __init__(self, status=200, body=None, headers=None, cut_after=None, hang_up=False,
                 raw=None, after=None):
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        self.headers = headers or {}
        self.cut_after = cut_after  # send so many bytes of the body, then close
        self.hang_up = hang_up      # close without a word, once the request has been read
        self.after = after          # so many seconds; an event: say nothing until then, and close
        self.raw = raw              # these bytes instead of an answer, then close


BUSY = {"code": "unavailable", "detail": "try again later"}
HTML = b"<html>sign in here"
# Answers to bytes that are worth another attempt.
TROUBLE = {
    "408": Answer(408, b""), "429": Answer(429, BUSY), "502": Answer(502, b"<html>"),
    "503": Answer(503, BUSY), "504": Answer(504, b""), "hang up": Answer(hang_up=True),
    "in progress": Answer(409, {"code": "idempotency_in_progress", "detail": "wait"}),
    "500": Answer(500, {"code": "internal_error", "detail": "oh"}),
    "507": Answer(507, {"code": "storage_full", "detail": "later"}),
    "checksum": Answer(400, {"code": "checksum_mismatch", "detail": "other bytes"}),
    "taken over": Answer(409, {"code": "superseded", "detail": "a newer request took over"}),
    "other bytes": Answer(409, {"code": "bytes_differ", "detail": "other bytes were there"}),
    "as before": Answer(409, {"code": "conflict", "detail": "a newer request took over"}),
    "incomplete": Answer(400, {"code": "incomplete_body", "detail": "the rest is missing"}),
    "HTML 200": Answer(200, HTML), "empty 200": Answer(200, b""), "HTML 400": Answer(400, HTML),
    "HTML 404": Answer(404, HTML), "HTML 405": Answer(405, HTML), "HTML 413": Answer(413, HTML),
    "HTML 500": Answer(500, HTML), "511": Answer(511, HTML),
    "302": Answer(302, HTML, {"Location": "http://127.0.0.1:1/"}),
    "no HTTP": Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
    "code": Answer(409, {"code": "unheard_of", "detail": "a newer server"}),
}


class Unsteady:
    """Answers each (method, path) with its list of answers, one after the other; the last stays.

    What was asked stands in `seen`: (method, path with query, headers, body).
    """

    def __init__(self, answers):
        self.answers = {key: list(value) for key, value in answers.items()}
        self.seen = []

    def __enter__(self):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def read_body(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while size := int(self.rfile.readline(), 16):
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                    return body
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def handle_any(self):
                body = self.read_body()
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                queue = outer.answers[self.command, self.path.split("?")[0]]
                answer = queue.pop(0) if len(queue) > 1 else queue[0]
                if isinstance(answer.after, threading.Event):
                    answer.after.wait(120)
                    self.close_connection = True
                    return
                if answer.after:
                    time.sleep(answer.after)  # a server that has work to do
                if answer.hang_up or answer.raw:
                    self.wfile.write(answer.raw or b"")
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body[:answer.cut_after])
                self.close_connection = answer.cut_after is not None

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *unused):
        self.server.shutdown()
        self.server.server_close()

    def requests(self, method, path):
        return [one for one in self.seen if one[0] == method and one[1].split("?")[0] == path]
