"""Random interleavings of uploads in several requests against a simple model, with kill -9 in between.

Clients (threads) begin sessions by indexed chunks and by tus, and write to the same ones by either: chunks
in any order, appends, retries of the same bytes and of others, requests that break off in mid-body,
completions, cancellations. The model knows of each session what was acknowledged and what may be there:

- what was acknowledged stays, over every crash; what is reported was sent;
- an offset never goes back;
- the upload that a session becomes has the source's SHA-256;
- in the end the quota is the sum of the uploads, nothing is reserved, and `audiotricks verify` adds up.

AUDIOTRICKS_LONG=1 takes many more steps, AUDIOTRICKS_SEED repeats a run's choices.
"""
import base64
import collections
import hashlib
import random
import socket
import threading
import time

import audio
import requests
from chunked import AT, CHUNK, digest_field
from people import default_workspace
from server import SETTINGS, Server, wait_until

LONG = SETTINGS["LONG"] == "1"
STEPS = 60_000 if LONG else 3_000
KILLS = 60 if LONG else 4
THREADS = 6
ALIVE = 8  # sessions at once
TUS = {"Tus-Resumable": "1.0.0"}


class Session:
    """What the model knows of one. Under its lock: sets of chunks, and offsets in bytes."""

    def __init__(self, number, rng):
        self.protocol = rng.choice(("chunked", "tus"))
        self.data = audio.wav_of_bytes(rng.randrange(CHUNK // 2, 5 * CHUNK), seed=number)
        self.sha256 = hashlib.sha256(self.data).hexdigest()
        self.id = None
        self.lock = threading.Lock()
        self.acked, self.sent = set(), set()  # chunks
        self.offset, self.reach = 0, 0        # acknowledged, and sent at most, by appends
        self.aborted = self.complete = False  # aborted: perhaps

    @property
    def size(self):
        return len(self.data)

    @property
    def total(self):
        return -(-self.size // CHUNK)

    def chunk(self, index):
        return self.data[index * CHUNK:(index + 1) * CHUNK]

    def chunks_below(self, offset):
        return set(range(self.total if offset == self.size else offset // CHUNK))

    def most(self):
        """The largest offset that there may be: the appends' reach, and sent chunks behind it."""
        offset = self.reach
        while offset < self.size and offset // CHUNK in self.sent:
            offset = min((offset // CHUNK + 1) * CHUNK, self.size)
        return offset

    def may_have(self):
        """The chunks that may be there whole."""
        return self.sent | self.chunks_below(self.most())

    def must_have(self):
        return self.acked | self.chunks_below(self.offset)


class Model:
    def __init__(self, server, seed):
        self.server, self.rng = server, random.Random(seed)
        self.lock = threading.Lock()
        self.sessions, self.number, self.steps = [], 0, 0
        self.done = collections.Counter()
        self.faults, self.made, self.ended = [], set(), False
        self.up = threading.Event()
        self.up.set()

    # ---- running

    def run(self):
        threads = [threading.Thread(target=self.work, args=(self.rng.random(),)) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for kill in range(KILLS):
            goal = STEPS * (kill + 1) // (KILLS + 1)
            wait_until(lambda: self.steps >= goal or self.faults or self.idle(threads), 600, "steps")
            time.sleep(self.rng.uniform(0, 0.05))  # anywhere in a request
            self.up.clear()
            self.server.kill()
            self.server.start()
            self.up.set()
        for thread in threads:
            thread.join(600)
        self.ended = True
        assert not self.faults, "\n".join(self.faults[:3])

    @staticmethod
    def idle(threads):
        return not any(thread.is_alive() for thread in threads)

    def work(self, seed):
        rng = random.Random(seed)
        api = self.server.api()
        while self.steps < STEPS and not self.faults:
            self.up.wait(60)
            session = self.choose(rng)
            name, step = rng.choices(ACTIONS, WEIGHTS)[0]
            try:
                step(self, api, session, rng)
                self.done[name] += 1
            except (requests.RequestException, OSError):
                self.done["unanswered"] += 1  # killed; each step has noted before what may be there
                api = self.server.api()
            except Exception as fault:  # pylint: disable=broad-except
                self.faults.append(f"{name} {session.protocol} {session.id}: {fault!r}")
            with self.lock:
                self.steps += 1

    def choose(self, rng):
        with self.lock:
            self.sessions = [s for s in self.sessions if not (s.aborted or s.complete) or rng.random() < 0.9]
            while len(self.sessions) < ALIVE:
                self.number += 1
                self.sessions.append(Session(self.number, rng))
            return rng.choice(self.sessions)

    # ---- steps; each looks first at what must be, then asks, then checks

    def begin(self, api, session, rng):
        with session.lock:
            if session.id:
                return
            if session.protocol == "tus":
                name = base64.b64encode(b"take.wav").decode()
                answer = api.post("/v1/tus", headers={**TUS, "Upload-Length": str(session.size),
                                                      "Upload-Metadata": f"filename {name}"})
                assert answer.status_code == 201, answer.text
                session.id = answer.headers["Location"].rsplit("/", 1)[1]
                return
            wish = {"filename": "take.wav", "file_size": session.size, "chunk_size": CHUNK}
            answer = api.post(AT, json=wish)
            assert answer.status_code == 201, answer.text
            session.id = answer.json()["id"]

    def chunks_apply(self, session):
        """tus sessions have chunks of the usual size, of which small files have one."""
        return session.protocol == "chunked"

    def put(self, api, session, rng):
        if not session.id or not self.chunks_apply(session):
            return self.begin(api, session, rng)
        index = rng.randrange(session.total)
        with session.lock:
            session.sent.add(index)
        answer = api.put(f"{AT}/{session.id}/chunks/{index}", data=session.chunk(index),
                         headers=self.perhaps_digest(session.chunk(index), rng))
        self.check_part(session, answer, index)

    @staticmethod
    def perhaps_digest(data, rng):
        return {"Content-Digest": digest_field("sha-256", data)} if rng.random() < 0.3 else {}

    def check_part(self, session, answer, index):
        if self.is_gone(session, answer):
            return
        if answer.status_code == 409:  # cut by a newer request for the same bytes
            assert "took over" in answer.json()["detail"], answer.text
            return
        assert answer.status_code == 200, answer.text
        told = answer.json()
        with session.lock:
            session.acked.add(index)
        if "upload" in told:
            self.check_upload(session, told["upload"])
        else:
            assert told["completed"] >= 1 and told["total"] == session.total

    def put_other_bytes(self, api, session, rng):
        """Where right bytes are, others are refused; their digest is refused anywhere."""
        if not session.id or not self.chunks_apply(session):
            return self.begin(api, session, rng)
        index = rng.randrange(session.total)
        other = bytes(byte ^ 0x55 for byte in session.chunk(index))
        answer = api.put(f"{AT}/{session.id}/chunks/{index}", data=other,
                         headers={"Content-Digest": digest_field("sha-256", session.chunk(index))})
        if self.is_gone(session, answer):
            return
        if answer.status_code == 200:
            # Nothing was judged: the upload is complete, or whoever brought the right bytes took over.
            assert index in session.sent | session.chunks_below(session.most())
            if "upload" in answer.json():
                self.check_upload(session, answer.json()["upload"])
        else:
            assert answer.json()["code"] in ("checksum_mismatch", "conflict"), answer.text

    def offset_of(self, api, session):
        with session.lock:
            known = session.offset
        answer = api.head(f"/v1/tus/{session.id}", headers=TUS)
        if self.is_gone(session, answer):
            return None
        assert answer.status_code == 200, answer.headers
        offset = int(answer.headers["Upload-Offset"])
        assert known <= offset, f"the offset went back from {known} to {offset}"
        with session.lock:
            assert offset <= session.most(), f"{offset} is reported, {session.most()} was sent"
            session.offset = max(session.offset, offset)
        return offset

    def append(self, api, session, rng):
        if not session.id:
            return self.begin(api, session, rng)
        offset = self.offset_of(api, session)
        if offset is None or session.complete:
            return
        length = min(rng.randrange(1, 2 * CHUNK), session.size - offset)
        with session.lock:
            session.reach = max(session.reach, offset + length)
        answer = api.patch(f"/v1/tus/{session.id}", data=session.data[offset:offset + length],
                           headers={**TUS, "Upload-Offset": str(offset),
                                    "Content-Type": "application/offset+octet-stream"})
        if self.is_gone(session, answer):
            return
        if answer.status_code == 409:  # another append, or look, was faster
            return
        assert answer.status_code in (200, 204), answer.text
        told = int(answer.headers["Upload-Offset"])
        assert told >= offset + length
        with session.lock:
            session.offset = max(session.offset, told)
        if told == session.size:
            self.check_upload(session, api.get_json(f"/v1/uploads/{answer.headers['Upload-Id']}"))

    def append_wrongly(self, api, session, rng):
        if not session.id:
            return self.begin(api, session, rng)
        answer = api.patch(f"/v1/tus/{session.id}", data=b"x" * 10,
                           headers={**TUS, "Upload-Offset": str(session.size + 1),
                                    "Content-Type": "application/offset+octet-stream"})
        if not self.is_gone(session, answer):
            assert answer.status_code in (400, 409), f"{answer.status_code} {answer.text}"

    def break_off(self, api, session, rng):
        """A request whose connection breaks, or is left to hang, in mid-body."""
        if not session.id:
            return self.begin(api, session, rng)
        if self.chunks_apply(session) and rng.random() < 0.5:
            index = rng.randrange(session.total)
            data, more = session.chunk(index), ""
            path = f"PUT {AT}/{session.id}/chunks/{index}"
        else:
            offset = self.offset_of(api, session)
            if offset is None or offset == session.size:
                return
            data = session.data[offset:offset + 2 * CHUNK]
            path = f"PATCH /v1/tus/{session.id}"
            more = (f"Tus-Resumable: 1.0.0\r\nUpload-Offset: {offset}\r\n"
                    "Content-Type: application/offset+octet-stream\r\n")
            with session.lock:
                session.reach = max(session.reach, offset + len(data) - 1)
        head = (f"{path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.server.token}\r\n{more}"
                f"Content-Length: {len(data)}\r\n\r\n")
        raw = socket.create_connection(("127.0.0.1", self.server.port), timeout=20)
        raw.sendall(head.encode() + data[:rng.randrange(len(data))])
        if rng.random() < 0.5:
            raw.close()
        else:
            HANGING.append(raw)
            if len(HANGING) > 20:
                HANGING.pop(0).close()

    def look(self, api, session, rng):
        if not session.id:
            return self.begin(api, session, rng)
        with session.lock:
            must, known = session.must_have(), session.offset
        answer = api.get(f"{AT}/{session.id}")
        if self.is_gone(session, answer):
            return
        assert answer.status_code == 200, answer.text
        told = answer.json()
        if told["status"] == "completed":
            with session.lock:
                assert session.may_have() == set(range(session.total))
            self.check_upload(session, api.get_json(f"/v1/uploads/{told['upload_id']}"))
            return
        assert told["status"] == "initiated", told
        assert known <= told["offset"] <= told["received_bytes"]
        if not self.chunks_apply(session):
            return
        there = {i for first, last in told["received_chunks"] for i in range(first, last + 1)}
        missing = {i for first, last in told["missing_chunks"] for i in range(first, last + 1)}
        assert there | missing == set(range(session.total)) and not there & missing
        with session.lock:
            assert must <= there, f"acknowledged {must - there} are not there"
            assert there <= session.may_have(), f"{there - session.may_have()} were never sent"

    def finish(self, api, session, rng):
        if not session.id:
            return self.begin(api, session, rng)
        with session.lock:
            whole = session.must_have() == set(range(session.total))
        answer = api.post(f"{AT}/{session.id}/complete")
        if self.is_gone(session, answer):
            return
        if answer.status_code == 409:
            assert not whole or "not come yet" not in answer.json()["detail"], answer.text
            return
        assert answer.status_code == 201, answer.text
        self.check_upload(session, answer.json())

    def abort(self, api, session, rng):
        if not session.id or session.complete:
            return self.begin(api, session, rng)
        with session.lock:
            session.aborted = True
        answer = api.delete(f"{AT}/{session.id}")
        assert answer.status_code in (204, 404), answer.text
        assert api.get(f"{AT}/{session.id}").status_code == 404

    # ---- checks

    @staticmethod
    def is_gone(session, answer):
        if answer.status_code != 404:
            return False
        assert session.aborted, f"it is gone: {answer.text}"
        return True

    def check_upload(self, session, record):
        assert record["checksum_sha256"] == session.sha256, "the upload is not what was sent"
        assert record["file_size"] == session.size
        with session.lock:
            session.complete = True
        with self.lock:
            self.made.add(record["id"])


HANGING = []
STEPS_OF = {"put": (Model.put, 30), "put other bytes": (Model.put_other_bytes, 6),
            "append": (Model.append, 25), "append wrongly": (Model.append_wrongly, 4),
            "break off": (Model.break_off, 10), "look": (Model.look, 15), "finish": (Model.finish, 6),
            "abort": (Model.abort, 1)}
ACTIONS = [(name, step) for name, (step, _) in STEPS_OF.items()]
WEIGHTS = [weight for _, weight in STEPS_OF.values()]


def test_model(tmp_path):
    seed = int(SETTINGS["SEED"] or time.time_ns() % 1_000_000)
    print(f"AUDIOTRICKS_SEED={seed}")
    with Server(tmp_path / "data", "--log-level", "warn") as server:
        model = Model(server, seed)
        try:
            model.run()
        finally:
            while HANGING:
                HANGING.pop().close()
        print(dict(model.done), f"{len(model.made)} uploads, {model.number} sessions")
        assert model.done["append"] > STEPS / 20 and model.done["put"] > STEPS / 20
        assert len(model.made) > STEPS / 100
        api = server.api()
        while items := api.get_json(AT)["items"]:
            for item in items:
                assert api.delete(f"{AT}/{item['id']}").status_code == 204
        quota = api.get_json(f"/v1/workspaces/{default_workspace(api)['id']}/quota")
        assert (quota["reserved_bytes"], quota["reserved_files"]) == (0, 0)
        # What was finished while nobody was told counts, too.
        assert quota["current_file_count"] >= len(model.made)
        assert server.verify()["totals"]["staged_bytes"] == 0
