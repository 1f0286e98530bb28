"""A proxy that loses one answer: the request arrives, and then the connection ends."""
import socket
import threading


class LossyProxy:
    """Stands before a server; loses the answer to the first request whose head has MARK in it."""

    def __init__(self, server, mark):
        self.server = server
        self.token = server.token
        self.mark = mark.lower()
        self.lost = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            upstream = socket.create_connection(("127.0.0.1", self.server.port))
            loses = threading.Event()  # of this connection
            for each in ((client, upstream, self._there), (upstream, client, self._back)):
                threading.Thread(target=self._pump, args=(*each, loses), daemon=True).start()

    def _there(self, data, loses):
        if self.mark in data.lower() and not self.lost.is_set():
            self.lost.set()
            loses.set()
        return True

    @staticmethod
    def _back(_data, loses):
        return not loses.is_set()

    @staticmethod
    def _pump(source, target, passes, loses):
        try:
            while (data := source.recv(1 << 16)) and passes(data, loses):
                target.sendall(data)
        except OSError:
            pass
        for each in (source, target):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
