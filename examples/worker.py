#!/usr/bin/python3
"""A worker: leases jobs of one kind, does them, and says how it went. Python's own library is all it needs.

    AUDIOTRICKS_URL=http://127.0.0.1:8080 AUDIOTRICKS_TOKEN=… python3 worker.py transcription

Any number may run, anywhere. One that dies loses its job to another when the lease has run out.
"""
import hashlib
import json
import os
import sys
import threading
import urllib.error
import urllib.request

URL, TOKEN = os.environ["AUDIOTRICKS_URL"].rstrip("/"), os.environ["AUDIOTRICKS_TOKEN"]
LEASE_S = 60
WAIT_S = 30


def call(path, body=None):
    """The answer: parsed if something was posted, else the open response."""
    request = urllib.request.Request(URL + path, headers={"Authorization": f"Bearer {TOKEN}"})
    if body is None:
        return urllib.request.urlopen(request, timeout=60)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, json.dumps(body).encode(), timeout=WAIT_S + 60) as answer:
        return json.load(answer)


def work(audio, job, is_wanted):
    """What this worker is for: put yours here. AUDIO is read as a file; JOB has "options", and for a chunk
    "start_time" and "end_time". The result is a JSON object, or None. ValueError: never to be tried again."""
    digest = hashlib.sha256()
    while is_wanted() and (piece := audio.read(1 << 20)):
        digest.update(piece)
    return {"text": f"speech of {job['options'].get('speaker', 'somebody')}", "sha256": digest.hexdigest()}


def do(job):
    """The job is held by heartbeats from beside, until it has ended."""
    ended, lost = threading.Event(), threading.Event()
    path, token = f"/v1/jobs/{job['id']}", {"lease_token": job["lease_token"]}

    def keep_alive():
        while not ended.wait(LEASE_S / 3):
            try:
                call(path + "/heartbeat", {**token, "lease_s": LEASE_S})
            except urllib.error.HTTPError as error:
                if error.code in (404, 409):  # cancelled, or somebody else's by now
                    return lost.set()
            except OSError:
                pass  # the server is away: the next one may get through

    threading.Thread(target=keep_alive, daemon=True).start()
    try:
        with call(job["content_url"]) as audio:
            verb, said = "complete", {"result": work(audio, job, lambda: not lost.is_set())}
    except ValueError as error:
        verb, said = "fail", {"error_code": "bad_input", "error_message": str(error)[:1000] or "?", "retryable": False}
    except Exception as error:  # whatever it was: another time, or another worker, may do better
        verb, said = "fail", {"error_code": "worker_failed", "error_message": repr(error)[:1000], "retryable": True}
    ended.set()
    if not lost.is_set():
        call(f"{path}/{verb}", {**token, **said})


def main(kind):
    wish = {"kinds": [kind], "wait_s": WAIT_S, "lease_s": LEASE_S, "worker": f"worker.py {os.getpid()}"}
    away = threading.Event()  # never set: something to wait on
    while True:
        try:
            for job in call("/v1/jobs/lease", wish)["items"]:
                do(job)
        except OSError as error:  # HTTP errors too
            print(f"worker: {error}", file=sys.stderr)
            away.wait(5)


if __name__ == "__main__":
    main(sys.argv[1])
