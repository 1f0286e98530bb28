"""Speaks HTTP over raw sockets with the toy server of tests/lib/http_test_server.c."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("AUDIOTRICKS_HTTP_TEST_SERVER",
                        str(ROOT / "build/test/tests/unit/http/http-test-server"))
CONTENT = bytes((i * 7 + i // 256) % 256 for i in range(65536)) * 64
SANITIZER_WORDS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                   "WARNING: ThreadSanitizer", "Assertion")


class Answer:
    """One answer, read to its end."""

    def __init__(self, status, headers, body, complete=True):
        self.status, self.headers, self.body, self.complete = status, headers, body, complete

    def __getitem__(self, name):
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Raw:
    """A socket with a reader of answers."""

    def __init__(self, address, timeout=10, receive_buffer=None):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.pending = b""

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def try_send(self, data):
        """Sends as much as the server takes."""
        try:
            self.send(data)
        except OSError:
            pass
        return self

    def fill(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.pending += data
        return bool(data)

    def until(self, mark):
        while mark not in self.pending:
            if not self.fill():
                raise EOFError(f"closed before {mark!r}: {self.pending[:200]!r}")
        found, self.pending = self.pending.split(mark, 1)
        return found

    def exactly(self, length):
        while len(self.pending) < length and self.fill():
            pass
        found, self.pending = self.pending[:length], self.pending[length:]
        return found

    def chunks(self):
        body = b""
        while True:
            size = int(self.until(b"\r\n"), 16)
            if size == 0:
                self.until(b"\r\n")
                return body
            body += self.exactly(size)
            if self.exactly(2) != b"\r\n":
                raise EOFError("a chunk was cut short")

    def answer(self, head_only=False):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, _ = lines[0].split(" ", 2)
        assert version == "HTTP/1.1"
        answer = Answer(int(status), [tuple(line.split(": ", 1)) for line in lines[1:]], b"")
        if head_only or answer.status < 200 or answer.status in (204, 304):
            return answer
        if answer["Transfer-Encoding"] == "chunked":
            try:
                answer.body = self.chunks()
            except (EOFError, ValueError):
                answer.complete = False
        elif answer["Content-Length"] is not None:
            answer.body = self.exactly(int(answer["Content-Length"]))
            answer.complete = len(answer.body) == int(answer["Content-Length"])
        else:
            while self.fill():
                pass
            answer.body, self.pending = self.pending, b""
        return answer

    def ask(self, data, head_only=False):
        return self.send(data).answer(head_only)

    def is_closed(self):
        """Whether the server closes, with nothing more to read. Waits for it."""
        assert self.pending == b"", self.pending[:200]
        return not self.fill()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(method="GET", target="/hello", headers="", body="", version="1.1", host="a"):
    """The bytes of a request; HEADERS are lines with their CR LF."""
    host_line = f"Host: {host}\r\n" if host is not None else ""
    return f"{method} {target} HTTP/{version}\r\n{host_line}{headers}\r\n{body}"


def post(target, body, headers=""):
    body = body.encode("latin-1") if isinstance(body, str) else body
    head = request("POST", target, f"Content-Length: {len(body)}\r\n{headers}")
    return head.encode("latin-1") + body


def chunked(*pieces, trailer=""):
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return body + b"0\r\n" + trailer.encode() + b"\r\n"


def checksum(data):
    """What the toy server answers for a body: its length and FNV-1a."""
    value = 14695981039346656037
    for byte in data:
        value = (value ^ byte) * 1099511628211 % 2**64
    return f"{len(data)} {value:016x}"


class ToyServer:
    def __init__(self, log_path, *flags, listen="127.0.0.1:0", env=None, pass_fds=()):
        self.log_path = log_path
        listens = [listen] if isinstance(listen, str) else list(listen)
        self.log = open(log_path, "wb")
        self.process = subprocess.Popen([BINARY, *listens, *flags], stdout=subprocess.PIPE,
                                        stderr=self.log, env={**os.environ, **(env or {})},
                                        pass_fds=pass_fds)
        self.addresses = []
        for line in self.process.stdout:
            words = line.decode().split()
            if words[0] == "ready":
                break
            self.addresses.append(self.parse(words[1]))
        else:
            self.process.wait(10)

    @staticmethod
    def parse(text):
        if text.startswith("unix:"):
            return text[5:]
        host, port = text.rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def address(self):
        return self.addresses[0]

    def connect(self, **options):
        return Raw(self.address, **options)

    def ask(self, data, head_only=False):
        with self.connect() as raw:
            return raw.ask(data, head_only)

    def metrics(self):
        return self.ask(request(target="/metrics")).json

    def wait_for(self, question, limit_s=15.0):
        """Waits until QUESTION of the metrics is true; gives them."""
        deadline = time.monotonic() + limit_s
        while True:
            metrics = self.metrics()
            if question(metrics):
                return metrics
            assert time.monotonic() < deadline, metrics
            time.sleep(0.02)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def wait(self, limit_s=30):
        status = self.process.wait(limit_s)
        self.log.close()
        text = self.log_path.read_text(errors="replace")
        for word in SANITIZER_WORDS:
            assert word not in text, text[text.index(word):][:4000]
        return status

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.terminate()
        try:
            status = self.wait()
        finally:
            self.process.kill()
        assert kind or status == 0, self.log_text()[-4000:]
