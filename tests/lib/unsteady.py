"""A server of canned answers, for what a sound server does not do on demand: fail and recover."""
import http.server
import json
import threading


class Answer:
    """One answer: JSON or bytes, or a connection that breaks."""

    def __init__(self, status=200, body=None, headers=None, cut_after=None, hang_up=False,
                 raw=None):
        self.status = status
        self.body = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        self.headers = headers or {}
        self.cut_after = cut_after  # send so many bytes of the body, then close
        self.hang_up = hang_up      # close without a word, once the request has been read
        self.raw = raw              # these bytes instead of an answer, then close


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
