"""Runs the scripts of tests/js in Node.js, and talks with them: a JSON object a line."""
import json
import os
import pathlib
import queue
import subprocess
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "tests/js"
MODULES = ROOT / "build/js/node_modules"
ENVIRONMENT = {**os.environ, "NODE_PATH": str(MODULES)}
LIMIT_S = 40


def check_installed():
    """A test without its packages has failed, not been skipped."""
    assert (MODULES / "tus-js-client").is_dir(), "npm packages are missing: run script/test once"


def bundle(script, out):
    """Makes the script and what it imports into one file for a browser."""
    check_installed()
    subprocess.run(["node", str(SCRIPTS / "bundle.js"), str(SCRIPTS / script), str(out)],
                   env=ENVIRONMENT, check=True, timeout=LIMIT_S)


class Node:
    """A script that runs. Use it as a context; what is still running at its end is killed."""

    def __init__(self, script, *arguments):
        check_installed()
        self.process = subprocess.Popen(
            ["node", str(SCRIPTS / script), *map(str, arguments)], env=ENVIRONMENT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.heard = queue.Queue()
        self.events = []
        self.errors = []
        self.readers = [threading.Thread(target=self._read), threading.Thread(target=self._drain)]
        for reader in self.readers:
            reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.heard.put(json.loads(line))
        self.heard.put(None)

    def _drain(self):
        self.errors.extend(self.process.stderr)

    def tell(self, do, value=None):
        self.process.stdin.write(json.dumps({"do": do, "with": value}) + "\n")
        self.process.stdin.flush()

    def wait_for(self, wanted, which=lambda event: True):
        """The next event of that name for which WHICH is true. A failure that is not wanted ends it."""
        while True:
            event = self.heard.get(timeout=LIMIT_S)
            assert event is not None, f"ended before {wanted}: {self.events[-5:]} {self.errors}"
            self.events.append(event)
            if event["event"] == wanted and which(event):
                return event
            assert event["event"] not in ("error", "failed"), f"instead of {wanted}: {event}"

    def kill(self):
        self.process.kill()
        self.process.wait(LIMIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        for reader in self.readers:
            reader.join(LIMIT_S)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
