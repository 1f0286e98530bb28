"""Media processes that hang: an upload whose bytes have all come is not finished meanwhile."""
import os
import signal
import subprocess


class HungMedia:
    """Use it as a context; the processes go on behind it, or are killed if the server is gone."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        pids = subprocess.run(["pgrep", "-P", str(self.server.process.pid)], check=True,
                              capture_output=True, text=True).stdout.split()
        self.pids = [int(pid) for pid in pids]
        self._send(signal.SIGSTOP)
        return self

    def kill_server(self):
        self.server.kill()
        self._send(signal.SIGKILL)

    def __exit__(self, *_):
        self._send(signal.SIGCONT)

    def _send(self, signal_number):
        for pid in self.pids:
            try:
                os.kill(pid, signal_number)
            except ProcessLookupError:
                pass
