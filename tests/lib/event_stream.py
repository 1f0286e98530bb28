"""Reads streams of server-sent events (the WHATWG's EventSource format) over a socket."""
import json
import re
import socket


class Event:
    def __init__(self, kind, data, last_id):
        self.kind, self.data, self.id = kind, data, last_id

    def __repr__(self):
        return f"{self.id} {self.kind} {self.data}"


class Stream:
    """One GET /v1/events. Use it as a context."""

    def __init__(self, server, token, query="", last_event_id=None, receive_buffer=None, version="1.1"):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", server.port))
        head = f"GET /v1/events{query} HTTP/{version}\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
        if last_event_id is not None:
            head += f"Last-Event-ID: {last_event_id}\r\n"
        self.socket.sendall(head.encode() + b"\r\n")
        self.raw = self.text = b""
        self.last_id, self.retry_ms, self.ended = None, None, False
        head = self._until(b"\r\n\r\n")
        self.status = int(head.split(b" ")[1])
        self.headers = dict(re.findall(r"(?im)^([\w-]+): (.*?)\r?$", head.decode()))
        self.chunked = self.headers.get("Transfer-Encoding") == "chunked"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def fileno(self):
        return self.socket.fileno()

    def _until(self, mark):
        while mark not in self.raw:
            more = self.socket.recv(65536)
            assert more, f"closed after {self.raw[-200:]}"
            self.raw += more
        found, self.raw = self.raw.split(mark, 1)
        return found

    def _more(self):
        """Takes the next piece of the body; at its end says so in `ended`."""
        if not self.chunked:
            piece = self.raw or self.socket.recv(65536)
            self.raw, self.ended = b"", not piece
            self.text += piece
            return
        size = int(self._until(b"\r\n"), 16)
        while len(self.raw) < size + 2:
            more = self.socket.recv(65536)
            assert more, "closed in a chunk"
            self.raw += more
        assert self.raw[size:size + 2] == b"\r\n"
        self.text += self.raw[:size]
        self.raw, self.ended = self.raw[size + 2:], size == 0

    def block(self):
        """The fields of the next block, as they stand in it; None at the end."""
        while b"\n\n" not in self.text and not self.ended:
            self._more()
        if b"\n\n" not in self.text:
            return None
        block, self.text = self.text.split(b"\n\n", 1)
        return block.decode().split("\n")

    def next(self):
        """The next event, as a browser would dispatch it; None at the end."""
        while (lines := self.block()) is not None:
            kind, data = "message", []
            for line in lines:
                name, _, value = line.partition(":")
                value = value.removeprefix(" ")
                if name == "id":
                    self.last_id = int(value)
                elif name == "event":
                    kind = value
                elif name == "data":
                    data.append(value)
                elif name == "retry":
                    self.retry_ms = int(value)
            if data:
                return Event(kind, json.loads("\n".join(data)), self.last_id)
        return None

    def take(self, count):
        events = [self.next() for _ in range(count)]
        assert None not in events, f"the stream ended: {events}"
        return events

    def until(self, wanted):
        """Events up to the first that WANTED says yes to."""
        found = []
        while not found or not wanted(found[-1]):
            found.append(self.next())
            assert found[-1] is not None, "the stream ended"
        return found

    def begun(self):
        """Waits for the greeting, with which it stands at its place in the log."""
        lines = self.block()
        self.last_id = int(next(line[4:] for line in lines if line.startswith("id: ")))
        self.retry_ms = int(next(line[7:] for line in lines if line.startswith("retry: ")))
        return self
