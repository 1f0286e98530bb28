"""Several servers on one database and one S3 store, with haproxy or nginx in front: their configurations are the
lines of docs/examples."""
import contextlib
import os
import re
import shutil
import subprocess

import requests

from catalog import catalog_of
from server import ROOT, Server, free_port, wait_until

EXAMPLES = ROOT / "docs/examples"
HAPROXY, NGINX = (shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("haproxy", "nginx"))
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
        self.front = None

    @property
    def token(self):
        return self.nodes[0].token

    def api(self, node=None):
        """At a node, or through what is in front."""
        return Server.api(self.nodes[node] if node is not None else self, self.token)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def catalog(self):
        return catalog_of(self.nodes[0])

    def id_of(self, node):
        return (self.nodes[node].data / "node-id").read_text().strip()

    def start_haproxy(self):
        text = (EXAMPLES / "haproxy.cfg").read_text()
        for old, new in ((r"bind :443 .*", f"bind 127.0.0.1:{self.port}"),
                         (r"inter 2s", "inter 200ms"), (r"( *server node\d .*\n)+", "".join(
                             f"    server node{number} 127.0.0.1:{node.port}\n"
                             for number, node in enumerate(self.nodes)))):
            text, count = re.subn(old, new, text)
            assert count == 1, old
        (self.folder / "haproxy.cfg").write_text(text)
        self.start_front([HAPROXY, "-f", str(self.folder / "haproxy.cfg"), "-db"])

    def start_nginx(self):
        """The upstream and the first location of the example, without TLS."""
        text = (EXAMPLES / "nginx.conf").read_text()
        upstream, location = (re.search(rf"^( *){name} {{$.*?^\1}}$", text, re.M | re.S).group()
                              for name in ("upstream audiotricks", "location /"))
        upstream, count = re.subn(r" *server unix:.*\n", "".join(
            f"    server 127.0.0.1:{node.port};\n" for node in self.nodes), upstream)
        assert count == 1
        paths = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in
                        ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "nginx.conf").write_text(f"""
            {"user root;" if os.geteuid() == 0 else ""}
            daemon off;
            pid {self.folder}/nginx.pid;
            error_log stderr;
            events {{}}
            http {{
                access_log off;
                {paths}
                {upstream}
                server {{
                    listen 127.0.0.1:{self.port};
                    client_max_body_size 0;
                    {location}
                }}
            }}
            """)
        self.start_front([NGINX, "-c", str(self.folder / "nginx.conf")])

    def start_front(self, command):
        with open(self.folder / "front.log", "ab") as output:
            self.front = subprocess.Popen(command, stdout=output, stderr=output)
        self.stack.callback(self.stop_front)
        wait_until(self.answers, 60, f"{command[0]} to have a node")

    def stop_front(self):
        self.front.terminate()
        self.front.wait(60)

    def answers(self):
        assert self.front.poll() is None, (self.folder / "front.log").read_text()
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
