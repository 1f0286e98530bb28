"""kill -9 of server and workers at random while jobs run: each job's effect takes place exactly once.

Uploads bring jobs of the built-in kinds, which two `audiotricks worker`s run, and of two others. "effect", for
each chunk, is run by crash-worker processes (tests/lib), whose commits leave a row of history each; "outside" over
HTTP by threads, whose result says which lease it is of. The server and all workers are killed in turn, in an order
by chance. Some hang first until their jobs are somebody else's, and then go on as if nothing had happened.

AUDIOTRICKS_LONG=1 kills 50 times, AUDIOTRICKS_SEED repeats a run's choices.
"""
import collections
import contextlib
import hashlib
import json
import random
import signal
import sqlite3
import subprocess
import threading
import time

import audio
import pytest
import requests
from server import ROOT, SETTINGS, Server, wait_until

KILLS = 50 if SETTINGS["LONG"] == "1" else 5
CRASH_WORKER = ROOT / "build/test/tests/unit/jobs/crash-worker"
BETWEEN_KILLS_S = (0.1, 1.5)
CHUNKS = 10  # of each upload
BACKLOG = 120  # jobs that wait: for longer than the server takes to come back
UNFINISHED = ("waiting", "pending", "leased")
BUILT_IN = ("analyze", "chunk", "validate")
WAVEFORMS = 4  # of each upload
CONFIGURATION = """[jobs]
lease = 1s
retry_delay = 10ms
[uploads]
chunk_threshold = 1s
max_chunk_duration = 1s
[processor "effect"]
per = chunk
max_retries = 100
[processor "outside"]
per = upload
max_retries = 100
"""


class Worker:
    """A process that runs jobs, until it is killed or its standard input ends. As a context it does not
    outlive a test that fails."""

    def __init__(self, command, log):
        self.command, self.log = [str(word) for word in command], log
        self.process = None

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=log,
                                            stderr=log)
        return self

    def kill(self):
        assert self.process.poll() is None, self.log.read_text(errors="replace")
        self.end()

    def end(self):
        self.process.kill()
        self.process.wait(30)
        self.process.stdin.close()

    def __enter__(self):
        return self.start()

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.end()

    def hang(self, is_long_enough):
        """Stands still for as long as it takes; but if that was while it wrote to the catalog, in
        which nobody else can write meanwhile, it goes on."""
        deadline = time.monotonic() + 5
        self.process.send_signal(signal.SIGSTOP)
        try:
            while not is_long_enough() and time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.stdin.close()
        self.process.terminate()
        status = self.process.wait(60)
        assert status in (0, -15), f"{status}: {self.log.read_text(errors='replace')[-4000:]}"


def accepted(answer):
    """What the server has decided; nothing was where it says to come again."""
    if answer.status_code == 503:
        raise requests.RequestException(answer.text)
    return answer


class Clients:
    """Threads that upload and that work over HTTP, whatever becomes of the server."""

    def __init__(self, server):
        self.server = server
        self.uploads, self.told = [], collections.defaultdict(set)
        self.faults = []
        self.enough, self.over = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=self.go_round, args=(what, until))
                        for what, until in ((self.upload, self.enough), (self.work, self.over),
                                            (self.work, self.over))]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind, value, trace):
        self.enough.set()
        self.over.set()
        for thread in self.threads:
            thread.join(60)

    def go_round(self, what, until):
        api = self.server.api()
        while not until.is_set():
            try:
                what(api, until)
            except requests.RequestException:
                until.wait(0.05)  # killed, or who writes to the catalog hangs; it comes back
            except Exception as fault:  # pylint: disable=broad-except
                self.faults.append(repr(fault))
                return

    def upload(self, api, until):
        if backlog(self.server) > BACKLOG:
            until.wait(0.02)
            return
        content = audio.wav(seconds=CHUNKS, seed=len(self.uploads))
        answer = accepted(api.post("/v1/uploads", params={"filename": "a.wav"}, data=content))
        assert answer.status_code == 201, answer.text
        self.uploads.append(answer.json()["id"])

    def work(self, api, _):
        answer = accepted(api.post("/v1/jobs/lease", json={"kinds": ["outside"], "count": 3, "wait_s": 1}))
        assert answer.status_code == 200, answer.text
        for job in answer.json()["items"]:
            token = job["lease_token"]
            answer = accepted(api.post(f"/v1/jobs/{job['id']}/complete",
                                       json={"lease_token": token, "result": {"token": token}}))
            assert answer.status_code == 200 or answer.json()["code"] == "lease_lost", answer.text
            if answer.status_code == 200:
                self.told[job["id"]].add(token)


def ask(server, text):
    """Rows of the catalog, by our own eyes."""
    with contextlib.closing(sqlite3.connect(f"file:{server.data}/catalog.db?mode=ro", uri=True,
                                            timeout=30)) as catalog:
        return catalog.execute(text).fetchall()


def backlog(server):
    return ask(server, "SELECT count(*) FROM processing_jobs"
                       " WHERE kind = 'effect' AND status = 'pending'")[0][0]


def holds_a_job(server, worker):
    return ask(server, "SELECT count(*) FROM processing_jobs WHERE status = 'leased'"
                       f" AND leased_by LIKE '%/{worker.process.pid}'")[0][0] > 0


def kill_and_start(server, rng, workers, victim):
    time.sleep(rng.uniform(*BETWEEN_KILLS_S))
    if victim is server:
        assert server.process.poll() is None, server.log_text()[-4000:]
    elif victim in workers:
        wait_until(lambda: holds_a_job(server, victim), 60, "the worker to be at work")
        if rng.random() < 0.5:
            victim.hang(lambda: not holds_a_job(server, victim))
            wait_until(lambda: holds_a_job(server, victim), 60, "it to go on")
    victim.kill()
    victim.start()


def finish(server, clients):
    """Killed more often than it is retried, a built-in job waits for somebody to have it tried again."""
    def is_done():
        assert not clients.faults, clients.faults
        return ask(server, f"SELECT count(*) FROM processing_jobs WHERE status IN {UNFINISHED}")[0][0] == 0
    wait_until(is_done, 300, "all jobs to be done")
    for upload, in ask(server, "SELECT DISTINCT upload_id FROM processing_jobs WHERE status = 'failed'"
                               f" AND kind IN {BUILT_IN} AND error_code = 'lease_expired'"):
        assert server.api().post(f"/v1/uploads/{upload}/retry").status_code == 200
    wait_until(is_done, 300, "what was tried again")


def check_effects(server, clients):
    jobs = ask(server, "SELECT id, upload_id, kind, status, attempts, result, error_message"
                       " FROM processing_jobs WHERE kind IN ('effect', 'outside')")
    assert [job for job in jobs if job[3] != "completed"] == []
    of_uploads = collections.Counter((upload, kind) for _, upload, kind, *_ in jobs)
    for upload in {upload for upload, _ in of_uploads} | set(clients.uploads):
        assert (of_uploads[upload, "effect"], of_uploads[upload, "outside"]) == (CHUNKS, 1)
    effects = collections.Counter(
        json.loads(detail)["job_id"] for detail, in
        ask(server, "SELECT detail FROM audio_history WHERE action = 'effect'"))
    assert effects == {job[0]: 1 for job in jobs if job[2] == "effect"}
    for job, _, kind, _, _, result, _ in jobs:
        if kind == "outside":  # who was told that it is done, did it
            assert clients.told[job] <= {json.loads(result)["token"]}
    return jobs


def check_built_in(server, uploads):
    """Each upload is validated, cut and analyzed as if nobody had died; gives how often that was begun."""
    jobs = ask(server, "SELECT upload_id, kind, status, attempts, error_code FROM processing_jobs"
                       f" WHERE kind IN {BUILT_IN}")
    assert [job for job in jobs if job[2] != "completed"] == []
    of_uploads = collections.Counter((upload, kind) for upload, kind, *_ in jobs)
    assert of_uploads == {(upload, kind): 1 for upload in uploads for kind in BUILT_IN}
    assert ask(server, "SELECT DISTINCT status FROM audio_uploads") == [("completed",)]
    assert ask(server, "SELECT count(*) FROM audio_uploads WHERE json_extract(metadata, '$.report.verdict') = 'whole'"
                       " AND json_array_length(metadata, '$.analysis.waveforms') > 0") == [(len(uploads),)]
    files = ask(server, "SELECT upload_id, kind, kept, count(*) FROM derived_files GROUP BY 1, 2, 3")
    assert sorted(files) == sorted((upload, kind, 1, count) for upload in uploads
                                   for kind, count in (("chunk", CHUNKS), ("waveform", WAVEFORMS)))
    chunks = ask(server, "SELECT upload_id, chunk_index, chunk_path, checksum_sha256 FROM audio_chunks"
                         " WHERE status = 'completed'")
    assert sorted(chunk[:2] for chunk in chunks) == sorted((upload, i) for upload in uploads for i in range(CHUNKS))
    for _, _, path, digest in chunks:
        assert hashlib.sha256((server.data / "store" / path).read_bytes()).hexdigest() == digest
    return [job[3] for job in jobs]


def test_a_worker_does_not_outlive_a_test_that_fails(tmp_path):
    with pytest.raises(AssertionError, match="failed"):
        with Worker(["sleep", "600"], tmp_path / "log") as worker:
            worker.process.send_signal(signal.SIGSTOP)  # as one that hangs
            raise AssertionError("failed")
    assert worker.process.poll() == -signal.SIGKILL


def test_each_effect_takes_place_once(tmp_path):
    seed = SETTINGS["SEED"] or str(random.SystemRandom().randrange(1 << 32))
    print(f"AUDIOTRICKS_SEED={seed}")
    rng = random.Random(int(seed))
    config = tmp_path / "jobs.conf"
    config.write_text(CONFIGURATION)
    with Server(tmp_path / "data", "--config", str(config)) as server, contextlib.ExitStack() as running:
        commands = [("media", [server.binary, "worker", "--data", server.data, "--config", config]),
                    ("worker", [CRASH_WORKER, server.data, config])]
        workers = [running.enter_context(Worker(command, tmp_path / f"{name}-{i}.log"))
                   for name, command in commands for i in range(2)]
        with Clients(server) as clients:
            victims = []
            for _ in range(KILLS):
                victims = victims or rng.sample([server, *workers], 5)
                kill_and_start(server, rng, workers, victims.pop())
            clients.enough.set()
            clients.threads[0].join(60)  # what it asked for last is there, or never will be
            finish(server, clients)
        assert not clients.faults, clients.faults
        for worker in workers:
            worker.stop()
        jobs = check_effects(server, clients)
        assert server.stop() == 0
        server.start()  # which sweeps what the dead have left
        assert list((server.data / "store/.staging").iterdir()) == []
        begun = check_built_in(server, [upload for upload, in ask(server, "SELECT id FROM audio_uploads")])
        server.verify()
        again = sum(job[4] > 1 for job in jobs)
        print(f"{KILLS} kills, {len(jobs)} jobs, {again} of them begun more than once; of {len(begun)} built-in ones"
              f" {sum(attempts > 1 for attempts in begun)}")
    assert again > 0
