"""Random interleavings of uploads in several requests against a simple model, with kill -9 in between.

Clients (threads) begin sessions by indexed chunks, by tus and by the IETF draft, and write to the same
ones by any of them: chunks in any order, appends, retries of the same bytes and of others, requests that
break off in mid-body, completions, cancellations. Some join partial uploads, whatever happens meanwhile.
The model knows of each session what was acknowledged and what may be there:

- what was acknowledged stays, over every crash; what is reported was sent;
- an offset never goes back;
- the upload that a session becomes has the source's SHA-256;
- after each crash, and in the end, the quota is the sum of the uploads, the open sessions' sizes are what
  is reserved, no session makes two uploads, and `audiotricks verify` adds up.

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
from test_crash import list_all

LONG = SETTINGS["LONG"] == "1"
STEPS = 60_000 if LONG else 3_000
KILLS = 60 if LONG else 4
THREADS = 6
ALIVE = 8  # sessions at once
TUS = {"Tus-Resumable": "1.0.0"}
NAME = "filename " + base64.b64encode(b"take.wav").decode()


class Chunks:
    @staticmethod
    def create(api, size):
        return api.post(AT, json={"filename": "take.wav", "file_size": size, "chunk_size": CHUNK})


class Tus:
    at, fields = "/v1/tus", TUS

    @staticmethod
    def create(api, size):
        return api.post("/v1/tus", headers={**TUS, "Upload-Length": str(size),
                                            "Upload-Metadata": NAME})

    @staticmethod
    def append_fields(offset, _):
        return {**TUS, "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream"}

    @staticmethod
    def upload_of(answer):
        return answer.headers["Content-Location"]


class Draft:
    """Without a version, so that no interim answers come."""

    at, fields = "/v1/resumable-uploads", {}

    @staticmethod
    def create(api, size):
        return api.post("/v1/uploads", headers={
            "Upload-Complete": "?0", "Upload-Length": str(size),
            "Content-Disposition": 'attachment; filename="take.wav"'})

    @staticmethod
    def append_fields(offset, is_last):
        return {"Upload-Offset": str(offset), "Upload-Complete": "?1" if is_last else "?0",
                "Content-Type": "application/partial-upload"}

    @staticmethod
    def upload_of(answer):
        return answer.headers["Location"]


APPENDING = (Tus, Draft)


class Session:
    """What the model knows of one. Under its lock: sets of chunks, and offsets in bytes."""

    def __init__(self, number, rng):
        self.protocol = rng.choice((Chunks, Chunks, Tus, Draft))
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
        self.faults, self.made, self.sources, self.ids = [], {}, set(), set()
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
            self.check_books()
            self.up.set()
        for thread in threads:
            thread.join(600)
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
                self.faults.append(f"{name} {session.protocol.__name__} {session.id}: {fault!r}")
            with self.lock:
                self.steps += 1

    def choose(self, rng):
        with self.lock:
            self.sessions = [s for s in self.sessions if not (s.aborted or s.complete) or rng.random() < 0.9]
            while len(self.sessions) < ALIVE:
                self.number += 1
                self.sessions.append(Session(self.number, rng))
                self.sources.add(self.sessions[-1].sha256)
            return rng.choice(self.sessions)

    # ---- steps; each looks first at what must be, then asks, then checks

    def begin(self, api, session, rng):
        with session.lock:
            if session.id:
                return
            answer = session.protocol.create(api, session.size)
            assert answer.status_code == 201, answer.text
            session.id = answer.headers["Location"].rsplit("/", 1)[1]
        with self.lock:
            self.ids.add(session.id)

    def chunks_apply(self, session):
        """The others have chunks of the usual size, of which small files have one."""
        return session.protocol is Chunks

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
            # Nothing was judged: whoever brought the right bytes took over.
            assert index in session.sent | session.chunks_below(session.most())
            if "upload" in answer.json():
                self.check_upload(session, answer.json()["upload"])
        else:
            assert answer.json()["code"] in ("checksum_mismatch", "bytes_differ", "superseded"), answer.text

    def offset_of(self, api, session, protocol):
        with session.lock:
            known = session.offset
        answer = api.head(f"{protocol.at}/{session.id}", headers=protocol.fields)
        if self.is_gone(session, answer):
            return None
        assert answer.status_code in (200, 204), answer.headers
        offset = int(answer.headers["Upload-Offset"])
        assert known <= offset, f"the offset went back from {known} to {offset}"
        with session.lock:
            assert offset <= session.most(), f"{offset} is reported, {session.most()} was sent"
            session.offset = max(session.offset, offset)
        return offset

    def append(self, api, session, rng):
        if not session.id:
            return self.begin(api, session, rng)
        protocol = rng.choice(APPENDING)
        offset = self.offset_of(api, session, protocol)
        if offset is None or session.complete:
            return
        end = min(offset + rng.randrange(1, 2 * CHUNK), session.size)
        with session.lock:
            session.reach = max(session.reach, end)
        answer = api.patch(f"{protocol.at}/{session.id}", data=session.data[offset:end],
                           headers=protocol.append_fields(offset, end == session.size))
        if self.is_gone(session, answer):
            return
        if answer.status_code == 409:  # another append, or look, was faster
            return
        if answer.status_code == 400:  # another was faster, and has completed it
            assert answer.json()["code"] == "upload_completed", answer.text
            with session.lock:
                assert session.may_have() == set(range(session.total))
            return
        assert answer.status_code in (200, 201, 204), f"{answer.status_code} {answer.text}"
        told = end
        if protocol is Tus:
            told = int(answer.headers["Upload-Offset"])
            assert told >= end
        with session.lock:
            session.offset = max(session.offset, told)
        if told == session.size:
            self.check_upload(session, api.get_json(protocol.upload_of(answer)))

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
            protocol = rng.choice(APPENDING)
            offset = self.offset_of(api, session, protocol)
            if offset is None or offset == session.size:
                return
            data = session.data[offset:offset + 2 * CHUNK]
            path = f"PATCH {protocol.at}/{session.id}"
            fields = protocol.append_fields(offset, offset + len(data) == session.size)
            more = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
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

    # ---- partial uploads that become one

    def persist(self, question):
        """Asks until there is an answer, over crashes."""
        while True:
            self.up.wait(60)
            try:
                return question(self.server.api())
            except (requests.RequestException, OSError):
                self.done["asked again"] += 1

    def create_joined(self, fields, key):
        answer = self.persist(lambda api: api.post(
            "/v1/tus", headers={**TUS, **fields, "Upload-Metadata": NAME, "Idempotency-Key": key}))
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        with self.lock:
            self.ids.add(answer.headers["Location"].rsplit("/", 1)[1])
        return answer.headers["Location"]

    def offset_at(self, url):
        """None if it is gone."""
        answer = self.persist(lambda api: api.head(url, headers=TUS))
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, f"{url}: {answer.status_code}"
        return int(answer.headers.get("Upload-Offset", 0))

    def send_partial(self, url, data, rng):
        """A partial that is gone has been joined, by an append whose answer was lost: the caller sees."""
        offset = 0
        while offset < len(data):
            told = self.offset_at(url)
            if told is None:
                return
            assert offset <= told <= len(data), f"{url} went from {offset} to {told}"
            offset, end = told, min(told + rng.randrange(1, CHUNK), len(data))
            if offset == len(data):
                return
            answer = self.persist(lambda api: api.patch(
                url, data=data[offset:end], headers=Tus.append_fields(offset, False)))
            if answer.status_code in (404, 409):  # it was brought, and the answer was lost
                continue
            assert answer.status_code == 204, f"{answer.status_code} {answer.text}"
            offset = end

    def join(self, _api, _session, rng):
        """All alone with its partials: whatever crashes, the final comes."""
        with self.lock:
            self.number += 1
            number = self.number
            source = Session(number, rng)
            self.sources.add(source.sha256)
        cuts = sorted({0, source.size, *(rng.randrange(1, source.size) for _ in range(2))})
        pieces = [source.data[a:b] for a, b in zip(cuts, cuts[1:])]
        urls = [self.create_joined({"Upload-Concat": "partial", "Upload-Length": str(len(piece))},
                                   f"partial-{number}-{i}") for i, piece in enumerate(pieces)]
        wish = {"Upload-Concat": "final;" + " ".join(urls)}
        final = self.create_joined(wish, f"final-{number}") if rng.random() < 0.5 else None
        for url, piece in rng.sample(list(zip(urls, pieces)), len(urls)):
            self.send_partial(url, piece, rng)
            if rng.random() < 0.1:
                return self.drop(urls, final)
        final = final or self.create_joined(wish, f"final-{number}")
        assert self.offset_at(final) == source.size
        answer = self.persist(lambda api: api.head(final, headers=TUS))
        url = answer.headers["Content-Location"]
        self.check_upload(source, self.persist(lambda api: api.get_json(url)))

    def drop(self, urls, final):
        """The client has thought better of it."""
        for url in urls + [final] * bool(final):
            answer = self.persist(lambda api: api.delete(url, headers=TUS))
            assert answer.status_code in (204, 404), answer.text

    # ---- checks

    def check_books(self):
        """All adds up; what others do meanwhile is waited for."""
        api = self.server.api()
        workspace = default_workspace(api)["id"]

        def add_up():
            quota = api.get_json(f"/v1/workspaces/{workspace}/quota")
            uploads = list_all(api)
            sessions = [s for s in list_sessions(api) if s["status"] == "initiated"]
            return (quota["current_file_count"] == len(uploads)
                    and quota["current_storage_bytes"] == sum(u["file_size"] for u in uploads)
                    and quota["reserved_bytes"] == sum(s["file_size"] or 0 for s in sessions)
                    and (uploads, sessions))

        uploads, sessions = wait_until(add_up, 20, "the quota to be the sum of what is there")
        made = collections.Counter(upload["checksum_sha256"] for upload in uploads)
        assert made.keys() <= self.sources, "there is an upload that nobody sent"
        assert not made or max(made.values()) == 1, "a session has made two uploads"
        with self.lock:
            assert self.made.keys() <= {upload["id"] for upload in uploads}
            strangers = {s["id"] for s in sessions} - self.ids
            assert len(strangers) <= self.done["unanswered"] + self.done["asked again"] + THREADS
        self.server.verify()

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
            self.made[record["id"]] = session.sha256


HANGING = []
STEPS_OF = {"put": (Model.put, 30), "put other bytes": (Model.put_other_bytes, 6),
            "append": (Model.append, 25), "append wrongly": (Model.append_wrongly, 4),
            "break off": (Model.break_off, 10), "look": (Model.look, 15), "finish": (Model.finish, 6),
            "abort": (Model.abort, 1), "join": (Model.join, 2)}
ACTIONS = [(name, step) for name, (step, _) in STEPS_OF.items()]
WEIGHTS = [weight for _, weight in STEPS_OF.values()]


def list_sessions(api):
    items, cursor = [], None
    while True:
        page = api.get_json(AT, params={"cursor": cursor} if cursor else {})
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return items


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
        model.check_books()
        assert model.done["join"] > STEPS / 1000
        api = server.api()
        for item in list_sessions(api):
            assert api.delete(f"{AT}/{item['id']}").status_code == 204
        model.check_books()
        quota = api.get_json(f"/v1/workspaces/{default_workspace(api)['id']}/quota")
        assert (quota["reserved_bytes"], quota["reserved_files"]) == (0, 0)
        assert server.verify()["totals"]["staged_bytes"] == 0
