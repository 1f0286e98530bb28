"""Several servers on one database and one S3 store, with haproxy in front: its configuration is the lines of
docs/examples/haproxy.cfg."""
import contextlib
import re
import shutil
import subprocess

import requests

from catalog import catalog_of
from server import ROOT, Server, free_port, wait_until

EXAMPLE = ROOT / "docs/examples/haproxy.cfg"
HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
# Short, so that a node is given up soon.
QUICK = ["--server-node-lease=2s", "--server-sweep-every=500ms"]


class Cluster:
    """Use it as a context. Its nodes are started."""

    def __init__(self, folder, rgw, count=3, flags=(), section=None, jobs=False):
        self.folder, self.stack = folder, contextlib.ExitStack()
        store = rgw.section(prefix=f"{folder.name}/", attempts="4", **(section or {}))
        (folder / "conf").write_text(store)
        self.nodes = []
        for number in range(count):
            (folder / f"node{number}").mkdir()
            more = ["--database", self.nodes[0].database_url] if self.nodes else []
            self.nodes.append(Server(folder / f"node{number}/data", "--config", str(folder / "conf"),
                                     *QUICK, *flags, *more, jobs=jobs))
        self.port = free_port()
        self.haproxy = None

    @property
    def token(self):
        return self.nodes[0].token

    def api(self, node=None):
        """At a node, or through haproxy."""
        return Server.api(self.nodes[node] if node is not None else self, self.token)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def catalog(self):
        return catalog_of(self.nodes[0])

    def id_of(self, node):
        return (self.nodes[node].data / "node-id").read_text().strip()

    def start_haproxy(self):
        text = EXAMPLE.read_text()
        for old, new in ((r"bind :443 .*", f"bind 127.0.0.1:{self.port}"),
                         (r"inter 2s", "inter 200ms"), (r"( *server node\d .*\n)+", "".join(
                             f"    server node{number} 127.0.0.1:{node.port}\n"
                             for number, node in enumerate(self.nodes)))):
            text, count = re.subn(old, new, text)
            assert count == 1, old
        (self.folder / "haproxy.cfg").write_text(text)
        log = self.folder / "haproxy.log"
        with open(log, "wb") as output:
            self.haproxy = subprocess.Popen([HAPROXY, "-f", str(self.folder / "haproxy.cfg"), "-db"],
                                            stdout=output, stderr=output)
        self.stack.callback(self.haproxy.wait, 60)
        self.stack.callback(self.haproxy.kill)
        wait_until(self.answers, 60, "haproxy to have a node")

    def answers(self):
        assert self.haproxy.poll() is None, (self.folder / "haproxy.log").read_text()
        try:
            return requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def __enter__(self):
        with self.stack:
            for node in self.nodes:
                self.stack.enter_context(node)
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *problem):
        return self.stack.__exit__(*problem)
