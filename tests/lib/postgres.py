#!/usr/bin/python3
"""A PostgreSQL server of the tests' own: on a unix socket and a port of 127.0.0.1, in a folder of its
own, without fsync. Run as a program, it runs a command beside one:

    postgres.py [--pooled] COMMAND…   sets TEST_POSTGRES_URL; --pooled: to that of a PgBouncer before it,
                                      which gives each transaction another connection

Exit status 77 where PostgreSQL, or PgBouncer, is not installed.
"""
import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid

from ports import free_port

NOT_INSTALLED = 77
OWNER = "postgres"  # the server refuses to run as root
# Nothing here is to survive a crash of the machine; what survives one of the server does all the same.
SETTINGS = ("fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=100",
            "log_min_messages=fatal")


def binaries():
    """The folder of the newest server that is installed, or None."""
    found = glob.glob("/usr/lib/postgresql/*/bin/initdb")
    newest = max(found, key=lambda path: int(path.split("/")[4]), default=None)
    return pathlib.Path(newest).parent if newest else None


class Postgres:
    """Use it as a context. Its folder is not below a test's: another user must be able to enter. It lies in
    memory where there is room for that, or in PARENT."""

    def __init__(self, settings=SETTINGS, parent=None):
        self.bin = binaries()
        self.settings = settings
        assert self.bin, "PostgreSQL is not installed"
        shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-", dir=parent or shared))
        self.port = free_port()

    def url(self, database="postgres"):
        return f"postgresql://test@127.0.0.1:{self.port}/{database}"

    @staticmethod
    def owner():
        """How a process becomes the server's user."""
        return {"user": OWNER, "group": OWNER, "extra_groups": ()} if os.geteuid() == 0 else {}

    def run(self, *command, check=True):
        """As the server's user, who owns the folder."""
        done = subprocess.run(list(map(str, command)), cwd="/", capture_output=True, text=True,
                              timeout=1800, check=False, **self.owner())
        assert done.returncode == 0 or not check, f"{command}: {done.stdout}{done.stderr}"
        return done

    def make(self):
        if os.geteuid() == 0:
            owner = pwd.getpwnam(OWNER)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        self.run(self.bin / "initdb", "-D", self.folder / "data", "-U", "test", "-E", "UTF8",
                 "--locale=C.UTF-8", "--no-sync", "--auth=trust")

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} " + " ".join(
            f"-c {setting}" for setting in self.settings)
        # The server keeps what it inherits open: no pipe of ours.
        self.run(self.bin / "pg_ctl", "start", "-D", self.folder / "data", "-w", "-t", "60",
                 "-l", self.folder / "log", "-o", options)

    def stop(self, mode="immediate"):
        """Ends the process that pg_ctl finds in the folder."""
        self.run(self.bin / "pg_ctl", "stop", "-D", self.folder / "data", "-w", "-m", mode,
                 check=False)

    def psql(self, text, database="postgres"):
        """Runs statements; gives what they print, without headers."""
        return self.run(self.bin / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
                        "-d", self.url(database), "-c", text).stdout.strip()

    def create_database(self, name):
        """An empty database; gives its URL."""
        self.psql(f'CREATE DATABASE "{name}" TEMPLATE template0')
        return self.url(name)

    def __enter__(self):
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.make()
            self.start()
            undo.pop_all()
        return self

    def __exit__(self, kind, value, trace):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Pooler:
    """PgBouncer in front of a server, pooling by transactions. Use it as a context."""

    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")

    def __init__(self, server):
        self.server = server
        self.port = free_port()
        self.process = None

    def url(self, database="postgres"):
        return f"postgresql://test@127.0.0.1:{self.port}/{database}"

    def __enter__(self):
        self.start()
        return self

    def start(self):
        settings = self.server.folder / f"pgbouncer-{self.port}.ini"
        settings.write_text(f"""[databases]
* = host=127.0.0.1 port={self.server.port} user=test
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
server_round_robin = 1
default_pool_size = 10
max_client_conn = 200
logfile = {settings}.log
""")
        settings.chmod(0o644)
        self.process = subprocess.Popen([self.program, "-q", settings], cwd="/",
                                        **self.server.owner())
        deadline = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, "no PgBouncer"
            time.sleep(0.01)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def __exit__(self, kind, value, trace):
        self.stop()


class Databases:
    """An empty database for each data folder that asks."""

    def __init__(self, server):
        self.server = server
        self.urls = {}

    def url_of(self, data):
        if str(data) not in self.urls:
            self.urls[str(data)] = self.server.create_database(f"test_{uuid.uuid4().hex}")
        return self.urls[str(data)]


def main():
    command = sys.argv[1:]
    pooled = command[0] == "--pooled"
    if not binaries() or (pooled and not Pooler.program):
        print("PostgreSQL or PgBouncer is not installed")
        return NOT_INSTALLED
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(Postgres())
        seen = stack.enter_context(Pooler(server)) if pooled else server
        return subprocess.run(command[1:] if pooled else command, check=False,
                              env={**os.environ, "TEST_POSTGRES_URL": seen.url()}).returncode


if __name__ == "__main__":
    sys.exit(main())
