"""A proxy that loses one answer: the request arrives, and then the connection ends."""
import socket
import threading

from proxy import Proxy


class LossyProxy(Proxy):
    """Stands before a server; loses the answer to the first request whose head has MARK in it."""

    def __init__(self, server, mark):
        super().__init__()
        self.server = server
        self.token = server.token
        self.mark = mark.lower()
        self.lost = threading.Event()

    def serve(self, client):
        upstream = socket.create_connection(("127.0.0.1", self.server.port))
        loses = threading.Event()  # of this connection
        threading.Thread(target=self._pump, args=(upstream, client, self._back, loses), daemon=True).start()
        self._pump(client, upstream, self._there, loses)

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
