"""Processors of the configuration that are commands: small Python programs, for tests."""
import sys

from jobs import ask
from server import wait_until

ENDED = ("completed", "failed", "cancelled")
LIMIT_S = 120  # generous: a loaded machine starts an interpreter slowly


def section(folder, name, program, *lines, words="{input}"):
    """A [processor "NAME"] that runs PROGRAM, Python text, with WORDS behind it."""
    path = folder / f"{name}.py"
    path.write_text("import json, os, sys, time\n" + program)
    text = "".join(line + "\n" for line in lines)
    return f'[processor "{name}"]\ncommand = {sys.executable} -I {path} {words}\n{text}'


def job_of(api, job):
    return api.get_json(f"/v1/jobs/{job['id']}")


def ended(api, job, limit_s=LIMIT_S):
    """The job once it has ended."""
    wait_until(lambda: job_of(api, job)["status"] in ENDED, limit_s, f"the end of {job['kind']}")
    return job_of(api, job)


def done(api, kind, record, **more):
    """Asks for a job of KIND and waits for its end."""
    job, = ask(api, kind, record["id"], **more)
    return ended(api, job)
