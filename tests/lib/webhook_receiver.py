"""A receiver of webhooks whose answers the test chooses, and a check of signatures of its own."""
import base64
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time


class Message:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.at = time.monotonic()
        self.json = json.loads(body)
        self.upload_id = self.json["data"].get("upload_id")


class Receiver:
    """answer(message) gives a status, or does something to the handler itself and gives None."""

    def __init__(self, answer=lambda message: 204):
        self.answer, self.lock, self.messages = answer, threading.Lock(), []
        self.released = threading.Event()  # what hangs goes on when this is set
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                message = Message(self.path, dict(self.headers), body)
                message.handler = self
                with receiver.lock:
                    receiver.messages.append(message)
                status = receiver.answer(message)
                if status is None:
                    self.close_connection = True
                    return
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", receiver.url + "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                pass

        class Http(http.server.ThreadingHTTPServer):
            request_queue_size = 128
            daemon_threads = True

            def handle_error(self, *_):  # the client went away: that is its business
                pass

        self.server = Http(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def hang(self, message):
        self.released.wait(60)
        return None

    def close(self, message):
        message.handler.connection.shutdown(socket.SHUT_RDWR)

    def large(self, message):
        """A good answer with more behind it than anybody should read."""
        message.handler.send_response(200)
        message.handler.end_headers()
        try:
            for _ in range(1000):
                message.handler.wfile.write(b"x" * 65536)
        except OSError:
            message.cut = True

    def of(self, path):
        with self.lock:
            return [m for m in self.messages if m.path == path]


def verify(message, secret):
    """Standard Webhooks, from its text alone: raises unless SECRET signed the message just now."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    headers = {k.lower(): v for k, v in message.headers.items()}
    at = int(headers["webhook-timestamp"])
    assert abs(time.time() - at) < 300
    text = f"{headers['webhook-id']}.{at}.".encode() + message.body
    expected = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    given = [s.partition(",") for s in headers["webhook-signature"].split(" ")]
    assert any(v == "v1" and hmac.compare_digest(s, expected) for v, _, s in given), headers
