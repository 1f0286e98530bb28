"""Clients of a cluster that do not give up: whatever fails is tried again as a good client would, and what was
acknowledged is remembered."""
import collections
import hashlib
import random
import secrets
import threading
import time
import traceback
import uuid

import requests
import urllib3

import audio
import draft
from chunked import AT, CHUNK
from server import wait_until

THREADS = 5
PATIENCE_S = 180
LOST = (requests.RequestException, urllib3.exceptions.HTTPError)
# What a client is to try again. 409: an earlier try of its own still runs, or got farther than was heard.
AGAIN = {409, 429, 500, 502, 503, 504}
TUS = {"Tus-Resumable": "1.0.0"}
KIND = "cluster-test"


class Load:
    """Use it as a context: its clients work until it ends."""

    def __init__(self, cluster, seed=None):
        self.cluster = cluster
        self.seed = seed or secrets.token_hex(4)
        self.rng = random.Random(self.seed)
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.done = collections.Counter()
        self.live = {}  # what must be there: id of the upload: digest
        self.gone = set()
        self.faults = []
        self.threads = [threading.Thread(target=self.work, args=(random.Random(self.rng.random()),))
                        for _ in range(THREADS)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(PATIENCE_S + 60)
            assert not thread.is_alive()
        assert not self.faults, "\n".join(self.faults)

    def rest(self, most_s):
        time.sleep(self.rng.random() * most_s)

    def wait_for_progress(self):
        """A few things more have been done, whatever was killed."""
        before = sum(self.done.values())
        wait_until(lambda: self.faults or sum(self.done.values()) >= before + THREADS, PATIENCE_S,
                   f"progress (seed {self.seed})")
        assert not self.faults, "\n".join(self.faults)

    def work(self, rng):
        try:
            client = Client(self, rng)
            while not self.over.is_set():
                client.act()
        except Exception:  # pylint: disable=broad-except
            self.faults.append(f"seed {self.seed}: {traceback.format_exc()}")

    def check(self):
        """What was acknowledged is there, at every node."""
        api = self.cluster.api(0)
        for upload_id, digest in self.live.items():
            record = api.get_json(f"/v1/uploads/{upload_id}")
            assert record["checksum_sha256"] == digest
            content = api.get(f"/v1/uploads/{upload_id}/content").content
            assert hashlib.sha256(content).hexdigest() == digest, upload_id
        for upload_id in self.gone:
            assert api.get(f"/v1/uploads/{upload_id}").status_code == 404


class Client:
    def __init__(self, load, rng):
        self.load, self.rng, self.mine = load, rng, []
        self.contents = [audio.wav_of_bytes(size, seed=rng.randrange(1 << 30))
                         for size in (5_000, 40_000)]

    def ask(self, method, path, good, again=AGAIN, **options):
        """Until the answer is a good one; a lost connection says nothing."""
        end = time.monotonic() + PATIENCE_S
        while True:
            assert time.monotonic() < end, f"{method} {path} does not go through"
            try:
                with requests.Session() as session:
                    session.trust_env = False
                    session.headers["Authorization"] = f"Bearer {self.load.cluster.token}"
                    answer = session.request(method, self.load.cluster.url + path, timeout=30, **options)
            except LOST:
                time.sleep(0.05)
                continue
            if answer.status_code in good:
                return answer
            assert answer.status_code in again, f"{method} {path}: {answer.status_code} {answer.text}"
            time.sleep(0.05)

    def act(self):
        act, = self.rng.choices(*zip(*ACTS.items())) if self.mine else (Client.upload,)
        act(self)

    def content(self):
        if self.rng.random() < 0.3:
            return self.rng.choice(self.contents)
        return audio.wav_of_bytes(self.rng.choice([3_000, 30_000, 300_000, 700_000]),
                                  seed=self.rng.randrange(1 << 30))

    def note(self, what, upload_id=None, content=None):
        with self.load.lock:
            self.load.done[what] += 1
            if upload_id:
                self.load.live[upload_id] = hashlib.sha256(content).hexdigest()
        if upload_id:
            self.mine.append(upload_id)

    def upload(self):
        content, key = self.content(), str(uuid.uuid4())
        answer = self.ask("POST", "/v1/uploads?filename=a.wav", {200, 201}, data=content,
                          headers={"Content-Type": "audio/wav", "Idempotency-Key": key})
        self.note("upload", answer.json()["id"], content)

    def upload_form(self):
        content = self.content()
        body, kind = urllib3.encode_multipart_formdata({"file": ("a.wav", content, "audio/wav")})
        answer = self.ask("POST", "/v1/uploads", {200, 201}, data=body, headers={
            "Content-Type": kind, "Idempotency-Key": str(uuid.uuid4())})
        self.note("form", answer.json()["id"], content)

    def try_draft(self, act):
        """What ACT is answered, if that is no reason to try again."""
        try:
            answer = act(draft.Client(self.load.cluster, token=self.load.cluster.token))
        except (OSError, EOFError):
            return None
        assert answer.status < 300 or answer.status in AGAIN, f"{answer.status} {answer.text}"
        return answer if answer.status < 300 else None

    def ask_draft(self, act):
        end = time.monotonic() + PATIENCE_S
        while not (answer := self.try_draft(act)):
            assert time.monotonic() < end, "a resumable upload does not go through"
            time.sleep(0.05)
        return answer

    def upload_draft(self):
        """As upload_tus, by the IETF's draft: the last append says that it is the last."""
        content = self.content()
        at = self.rng.randrange(len(content))
        url = self.ask_draft(lambda client: client.create(
            content[:at], target="/v1/uploads?filename=a.wav"))["Location"]
        url = url[url.index(draft.AT):]
        end = time.monotonic() + PATIENCE_S
        while (state := self.ask_draft(lambda client: client.head(url)))["Upload-Complete"] != "?1":
            assert time.monotonic() < end, f"{url} is not completed"
            at = int(state["Upload-Offset"])
            piece = content[at:at + self.rng.randrange(1, 250_000)]
            last = at + len(piece) == len(content)
            self.try_draft(lambda client: client.patch(url, at, piece, "?1" if last else "?0"))
        session_id = url.split("/")[-1]
        self.finished("draft", session_id, self.ask("GET", f"{AT}/{session_id}", {200}), content)

    def upload_tus(self):
        """PATCHes of any length; after a failure the server is asked where it stands."""
        content = self.content()
        path = self.ask("POST", "/v1/tus", {201}, headers={
            **TUS, "Upload-Length": str(len(content)), "Idempotency-Key": str(uuid.uuid4())}
        ).headers["Location"]
        path = "/" + path.split("/", 3)[3] if path.startswith("http") else path
        offset = 0
        while offset < len(content):
            end = min(len(content), offset + self.rng.randrange(1, 250_000))
            self.ask("PATCH", path, {204, *AGAIN, 404}, data=content[offset:end], headers={
                **TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"})
            now = int(self.ask("HEAD", path, {200}, headers=TUS).headers["Upload-Offset"])
            assert now >= offset, f"{path} stood at {offset} and stands at {now}"
            offset = now
        record = self.ask("GET", f"/v1/chunked-uploads/{path.split('/')[-1]}", {200})
        self.finished("tus", path.split("/")[-1], record, content)

    def finished(self, what, session_id, state, content):
        """All has come: somebody makes the upload of it, if only after a while."""
        end = time.monotonic() + PATIENCE_S
        while state.json()["status"] != "completed":
            assert state.json()["status"] == "initiated" and time.monotonic() < end, state.text
            self.ask("POST", f"{AT}/{session_id}/complete", {200, 201})
            state = self.ask("GET", f"{AT}/{session_id}", {200})
        self.note(what, state.json()["upload_id"], content)

    def upload_chunked(self):
        content = audio.wav_of_bytes(self.rng.choice([1, 2, 3]) * CHUNK + 500,
                                     seed=self.rng.randrange(1 << 30))
        begun = self.ask("POST", AT, {201}, headers={"Idempotency-Key": str(uuid.uuid4())}, json={
            "filename": "a.wav", "file_size": len(content), "chunk_size": CHUNK}).json()
        indexes = list(range(-(-len(content) // CHUNK)))
        self.rng.shuffle(indexes)
        for index in indexes:
            self.ask("PUT", f"{AT}/{begun['id']}/chunks/{index}", {200},
                     data=content[index * CHUNK:(index + 1) * CHUNK])
        self.finished("chunked", begun["id"], self.ask("GET", f"{AT}/{begun['id']}", {200}), content)

    def job(self):
        """One is made, and some are done: maybe another client's."""
        self.ask("POST", "/v1/jobs", {201, 404}, json={"kind": KIND, "upload_id": self.rng.choice(self.mine)},
                 headers={"Idempotency-Key": str(uuid.uuid4())})
        for job in self.ask("POST", "/v1/jobs/lease", {200}, json={
                "kinds": [KIND], "count": 2, "lease_s": 5}).json()["items"]:
            self.ask("POST", f"/v1/jobs/{job['id']}/complete", {200, 404, 409},
                     json={"lease_token": job["lease_token"], "result": {}})
        self.note("job")

    def remove(self):
        upload_id = self.mine.pop(self.rng.randrange(len(self.mine)))
        with self.load.lock:
            del self.load.live[upload_id]
        self.ask("DELETE", f"/v1/uploads/{upload_id}?permanent=true", {204, 404})
        with self.load.lock:
            self.load.gone.add(upload_id)
            self.load.done["removed"] += 1


ACTS = {Client.upload: 25, Client.upload_form: 10, Client.upload_tus: 15, Client.upload_draft: 15,
        Client.upload_chunked: 10, Client.job: 10, Client.remove: 15}  # how often, in a hundred
