"""Starts and stops the real server for tests, and talks to it over real HTTP."""
import json
import os
import pathlib
import signal
import subprocess
import time
import weakref

import requests

import openapi
from ports import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Taken out of the environment, where the server knows every AUDIOTRICKS_ name for an option.
SETTINGS = {name: os.environ.pop(f"AUDIOTRICKS_{name}", None) for name in ("LONG", "SEED", "CORPUS")}
BINARY = os.environ.pop("AUDIOTRICKS_BINARY", str(ROOT / "build/test/src/audiotricks"))
START_LIMIT_S = 30
STOP_LIMIT_S = 40


databases = None  # postgres.Databases, while a test's servers are to have one of those
started = weakref.WeakSet()


def wait_until(question, limit_s=20.0, what="a condition"):
    """Asks until the answer is true; fails after limit_s. The answer is given back."""
    deadline = time.monotonic() + limit_s
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {limit_s} s for {what}"
        time.sleep(0.01)


class Server:
    """One `audiotricks serve` on a data folder. Use it as a context.

    It runs no jobs unless JOBS: uploads stay as they came, while a test looks at them."""

    def __init__(self, data, *flags, env=None, binary=BINARY, wrapper=(), jobs=False):
        self.data = pathlib.Path(data)
        self.flags = list(flags) if jobs else ["--no-jobs", *flags]
        self.database = databases.url_of(data) if databases and "--database" not in flags else None
        self.env = dict(env or {})
        self.binary = binary
        self.wrapper = list(wrapper)
        self.port = free_port()
        self.process = None
        self.log_path = self.data.with_name(self.data.name + ".log")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self):
        """None: a file in the data folder."""
        return next((self.flags[at + 1] for at, flag in enumerate(self.flags) if flag == "--database"),
                    self.database)

    @property
    def same_catalog(self):
        """Flags of another command on the same data."""
        flags = [word for at, flag in enumerate(self.flags) if flag == "--config"
                 for word in self.flags[at:at + 2]]
        return flags + (["--database", self.database_url] if self.database_url else [])

    @property
    def token(self):
        return (self.data / "operator-token").read_text().strip()

    def start(self, wait=True):
        command = self.wrapper + [self.binary, "serve", "--data", str(self.data), "--listen",
                                  f"127.0.0.1:{self.port}"] + self.flags
        if self.database:
            command += ["--database", self.database]
        started.add(self)
        self.log = open(self.log_path, "ab")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log,
                                        env={**os.environ, **self.env})
        if wait:
            wait_until(self.is_ready, START_LIMIT_S, "the server to be ready")
        return self

    def is_ready(self):
        assert self.process.poll() is None, (
            f"the server ended with {self.process.returncode}:\n{self.log_text()[-4000:]}")
        try:
            return requests.get(self.url + "/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def stop(self):
        """Stops it as an operator would; gives its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOP_LIMIT_S)
        self.process = None
        self.log.close()
        return status

    def kill(self):
        """kill -9, of the server alone: its media processes must notice by themselves."""
        self.process.kill()
        self.process.wait(STOP_LIMIT_S)
        self.process = None
        self.log.close()

    def log_text(self):
        return self.log_path.read_text(errors="replace")

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        status = self.stop()
        if kind is None and status is not None:
            assert status == 0, f"exit status {status}:\n{self.log_text()[-4000:]}"
            text = self.log_text()
            for word in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:",
                         "WARNING: ThreadSanitizer"):
                assert word not in text, text[text.index(word):][:4000]

    def api(self, token=None):
        return Api(self.url, token or self.token)

    def cli(self, *arguments, env=None, check=True, **options):
        """Runs a client command against this server, or one on its data; gives the finished process."""
        database = {"AUDIOTRICKS_SERVER_DATABASE": self.database_url} if self.database_url else {}
        done = subprocess.run(
            [self.binary, *map(str, arguments)], capture_output=True, text=True, timeout=120,
            env={**os.environ, "AUDIOTRICKS_CLIENT_SERVER": self.url,
                 "AUDIOTRICKS_CLIENT_TOKEN": self.token, **database, **(env or {})}, **options)
        if check:
            assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def verify(self):
        """`audiotricks verify`: fails unless all adds up."""
        done = subprocess.run([self.binary, "verify", "--data", str(self.data), "--json",
                               *self.same_catalog], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"verify: {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)


class Api(requests.Session):
    """A requests session with a token, whose paths are relative to the server."""

    def __init__(self, url, token):
        super().__init__()
        self.url = url
        self.trust_env = False
        self.headers["Authorization"] = f"Bearer {token}"

    def request(self, method, path, **options):
        options.setdefault("timeout", 60)
        answer = super().request(method, self.url + path if path.startswith("/") else path,
                                 **options)
        if path.startswith("/"):
            openapi.assert_documented(method, path, answer)
        return answer

    def upload(self, content, filename="a.wav", expect=201, headers=None, **query):
        """POSTs content; gives the record, or the problem where another status is expected."""
        answer = self.post("/v1/uploads", data=content, params={"filename": filename, **query},
                           headers={"Content-Type": "application/octet-stream", **(headers or {})})
        assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
        return answer.json()

    def get_json(self, path, expect=200, **options):
        answer = self.get(path, **options)
        assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
        return answer.json()


def expect_problem(answer, status, code):
    """Checks that an answer is the problem (RFC 9457) it should be; gives it."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert problem["request_id"] and problem["detail"] and problem["title"]
    return problem


def peak_kib(server):
    """The most memory that the server has had resident."""
    status = (pathlib.Path("/proc") / str(server.process.pid) / "status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))


def largest_file(server):
    """The most bytes that one file may have on the disk of the server's store (16 TiB on ext4)."""
    with open(server.data / "store/.audiotricks-store", "rb") as file:
        least, most = 0, 2 ** 63 - 1
        while least < most:
            middle = (least + most + 1) // 2
            try:
                os.lseek(file.fileno(), middle, os.SEEK_SET)
                least = middle
            except OSError:
                most = middle - 1
    return least
