"""A proxy between the server and a provider that makes chosen requests go wrong."""
import socket
import threading
import time

from proxy import Proxy


class FaultProxy(Proxy):
    """Passes connections on to PORT. `faults` maps a part of a request's first line to what becomes of
    the next requests that have it: a list, used up from the front, of
      ("cut", N)     the connection ends after N bytes of the answer,
      ("drop",)      it ends before the request is passed on,
      ("lose",)      the request is carried out, its answer is lost,
      ("answer", B)  B is answered in the provider's place,
      ("delay", S)   the request waits for S seconds,
      ("late", S)    the connection ends, and the request is carried out S seconds later.
    `done` holds the faults that have struck, with the request's first line."""

    def __init__(self, port):
        super().__init__()
        self.target = port
        self.faults = {}
        self.done = []
        self.seen = []
        self.lock = threading.Lock()

    @property
    def endpoint(self):
        return self.url

    def _take(self, line):
        with self.lock:
            self.seen.append(line)
            for mark, faults in self.faults.items():
                if mark in line and faults:
                    fault = faults.pop(0)
                    self.done.append((fault, line))
                    return fault
        return ("pass",)

    def serve(self, client):
        try:
            with client, client.makefile("rb") as reader:
                while self._one(client, reader):
                    pass
        except OSError:
            pass

    def _one(self, client, reader):
        head = self._head(reader)
        if not head:
            return False
        line = head[0].decode("latin-1").strip()
        length = next((int(x.split(b":")[1]) for x in head if x.lower().startswith(b"content-length:")), 0)
        body = reader.read(length)
        fault = self._take(line)
        if fault[0] == "drop":
            return False
        if fault[0] == "answer":
            client.sendall(fault[1])
            return True
        if fault[0] == "late":
            client.shutdown(socket.SHUT_RDWR)
        if fault[0] in ("delay", "late"):
            time.sleep(fault[1])
        with socket.create_connection(("127.0.0.1", self.target)) as upstream:
            kept = [x for x in head if not x.lower().startswith(b"connection:")]
            upstream.sendall(b"".join(kept[:-1]) + b"Connection: close\r\n\r\n" + body)
            left = fault[1] if fault[0] == "cut" else None
            while data := upstream.recv(1 << 16):
                if fault[0] in ("lose", "late"):
                    continue
                client.sendall(data if left is None else data[:left])
                if left is not None and (left := left - len(data)) <= 0:
                    break
        return False  # the answer said so

    @staticmethod
    def _head(reader):
        lines = []
        while line := reader.readline():
            lines.append(line)
            if line == b"\r\n":
                return lines
        return None
