"""kill -9 at random points under load: what was acknowledged is there, and all adds up.

Threads upload (distinct and identical contents, small and some MiB, with and without a known length),
trash, undelete and remove for good. Each knows what it was told; an answer that never came leaves
open which of two states a thing is in. After each kill the server starts again on what is left.

AUDIOTRICKS_LONG=1 kills 50 times, AUDIOTRICKS_SEED repeats a run's choices.
"""
import collections
import hashlib
import random
import sqlite3
import subprocess
import threading
import time

import audio
import pytest
import requests
import urllib3
from people import default_workspace
from server import SETTINGS, Server

KILLS = 50 if SETTINGS["LONG"] == "1" else 5
THREADS = 8
LOAD_S = (0.05, 2.5)
LIVE, TRASHED, GONE = "live", "trashed", "gone"
SHARED_CONTENTS = [audio.wav_of_bytes(size, seed=1000 + size)
                   for size in (4096, 20_000, 65_536, 300_000, 1_500_000)]


class Thing:
    """One upload: what was sent, what was answered, and the states it may be in."""

    def __init__(self, name, content, key, chunked):
        self.name, self.content, self.key, self.chunked = name, content, key, chunked
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.id = None
        self.states = {GONE}

    @property
    def is_sure(self):
        return len(self.states) == 1

    def settle(self, state):
        self.states = {state}


class Load:
    """Threads that change things until the server dies."""

    def __init__(self, server, rng, start_number):
        self.server = server
        self.rng = rng
        self.number = start_number
        self.lock = threading.Lock()
        self.things = []
        self.faults = []
        self.done = collections.Counter()
        self.over = threading.Event()

    def run_for(self, seconds, old, before_kill=lambda: None):
        """Works with the OLD things too; each thing belongs to one thread."""
        shares = [old[i::THREADS] for i in range(THREADS)]
        threads = [threading.Thread(target=self.work, args=(self.rng.random(), shares[i]))
                   for i in range(THREADS)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        before_kill()
        ended = self.server.process.poll()
        self.server.kill()
        self.over.set()
        assert ended is None, f"the server ended by itself with {ended}"
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()

    def work(self, seed, mine):
        rng = random.Random(seed)
        api = self.server.api()
        mine = [thing for thing in mine if thing.is_sure and thing.id]
        try:
            while not self.over.is_set():
                self.act(api, rng, mine)
        except (requests.RequestException, urllib3.exceptions.HTTPError):
            pass  # killed; bodies sent in chunks get urllib3's own errors
        except Exception as fault:  # pylint: disable=broad-except
            self.faults.append(repr(fault))

    def act(self, api, rng, mine):
        candidates = [thing for thing in mine if thing.is_sure and thing.states != {GONE}]
        choice = rng.random()
        if choice < 0.6 or not candidates:
            self.upload(api, rng, mine)
            return
        thing = rng.choice(candidates)
        if thing.states == {TRASHED} and choice < 0.8:
            self.change(api.post, thing, f"/v1/uploads/{thing.id}/undelete", LIVE, 200)
        elif choice < 0.85:
            self.change(api.delete, thing, f"/v1/uploads/{thing.id}", TRASHED, 204)
        else:
            self.change(api.delete, thing, f"/v1/uploads/{thing.id}?permanent=true", GONE, 204)

    def change(self, method, thing, path, state, status):
        thing.states |= {state}
        answer = method(path)
        assert answer.status_code == status, f"{path}: {answer.status_code} {answer.text}"
        thing.settle(state)
        self.done[state] += 1

    def new_thing(self, rng):
        kind = rng.random()
        if kind < 0.4:
            content = rng.choice(SHARED_CONTENTS)
        else:
            size = rng.randrange(1 << 20, 5 << 20) if kind < 0.5 else rng.randrange(1024, 65536)
            content = audio.wav_of_bytes(size & ~3, seed=rng.random())
        with self.lock:
            self.number += 1
            number = self.number
        return Thing(f"thing-{number}.wav", content, f"key-{number}" if rng.random() < 0.7 else None,
                     rng.random() < 0.4)

    def upload(self, api, rng, mine):
        thing = self.new_thing(rng)
        with self.lock:
            self.things.append(thing)
        thing.states = {GONE, LIVE}
        accept(thing, post(api, thing))
        mine.append(thing)
        self.done["uploaded"] += 1


def post(api, thing):
    body = thing.content
    if thing.chunked:
        body = (thing.content[i:i + 50_000] for i in range(0, len(thing.content), 50_000))
    return api.post("/v1/uploads", params={"filename": thing.name}, data=body,
                    headers={"Idempotency-Key": thing.key} if thing.key else {})


def accept(thing, answer):
    assert answer.status_code == 201, f"{thing.name}: {answer.status_code} {answer.text}"
    record = answer.json()
    assert record["checksum_sha256"] == thing.sha256 and record["original_filename"] == thing.name
    assert thing.id in (None, record["id"])
    thing.id = record["id"]
    thing.settle(LIVE)


# ---- what must hold after a start ----

def list_all(api, **query):
    items, cursor = [], None
    while True:
        page = api.get_json("/v1/uploads", params={
            "limit": 1000, **query, **({"cursor": cursor} if cursor else {})})
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return items


def check_states(api, things):
    """Every thing is in a state that it may be in; afterwards that state is sure."""
    rows = {LIVE: list_all(api), TRASHED: list_all(api, status="deleted")}
    by_name = collections.defaultdict(list)
    for state, items in rows.items():
        for item in items:
            by_name[item["original_filename"]].append((state, item))
    for thing in things:
        found = by_name.pop(thing.name, [])
        assert len(found) <= 1, f"{thing.name} stands there {len(found)} times"
        state, item = found[0] if found else (GONE, None)
        assert state in thing.states, f"{thing.name} is {state}, not {thing.states}"
        thing.settle(state)
        if item:
            assert item["checksum_sha256"] == thing.sha256
            assert thing.id in (None, item["id"])
            thing.id = item["id"]
    assert not by_name, f"nobody uploaded {list(by_name)[:5]}"
    return rows


def check_quota(api, rows):
    quota = api.get_json(f"/v1/workspaces/{default_workspace(api)['id']}/quota")
    items = rows[LIVE] + rows[TRASHED]
    assert quota["current_storage_bytes"] == sum(item["file_size"] for item in items)
    assert quota["current_file_count"] == len(items)
    assert (quota["reserved_bytes"], quota["reserved_files"]) == (0, 0)


def check_content(api, things):
    for thing in things:
        if thing.states == {LIVE}:
            got = api.get(f"/v1/uploads/{thing.id}/content")
            assert got.status_code == 200
            assert hashlib.sha256(got.content).hexdigest() == thing.sha256, thing.name


def check_retries(api, things):
    """A request is repeated with its key, whatever became of it: one record, the same answer."""
    for thing in things:
        if not thing.key or thing.states == {TRASHED} or (thing.states == {GONE} and thing.id):
            continue
        accept(thing, post(api, thing))
        accept(thing, post(api, thing))
        assert len(list_all(api, q=f"{thing.name}")) == 1


def check_store(server):
    """The store by our own eyes, beside what verify says: every file is some record's, every record
    has its file."""
    with sqlite3.connect(server.data / "catalog.db") as catalog:
        wanted = dict(catalog.execute("SELECT storage_path, file_size FROM audio_uploads"))
        assert catalog.execute("SELECT count(*) FROM chunked_uploads").fetchone() == (0,)
    store = server.data / "store"
    found = {str(path.relative_to(store)): path.stat().st_size for path in store.rglob("*")
             if path.is_file() and path.name != ".audiotricks-store"}
    assert found == wanted


def verify(server, *flags):
    done = subprocess.run([server.binary, "verify", "--data", str(server.data), "--json", *flags],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.returncode}\n{done.stdout}{done.stderr}"


def start_again(server, rng):
    """Some starts are killed too: what they mend must stand being cut short."""
    while rng.random() < 0.3:
        server.start(wait=False)
        time.sleep(rng.uniform(0, 0.5))
        server.kill()
    server.start()


def test_nothing_acknowledged_is_lost(tmp_path):
    seed = SETTINGS["SEED"] or str(random.SystemRandom().randrange(1 << 32))
    print(f"AUDIOTRICKS_SEED={seed}")
    rng = random.Random(int(seed))
    server = Server(tmp_path / "data")
    things, done = [], collections.Counter()
    with server:
        for _ in range(KILLS):
            load = Load(server, rng, len(things))
            load.run_for(rng.uniform(*LOAD_S), things)
            assert not load.faults, load.faults
            done += load.done
            uncertain = [thing for thing in things if not thing.is_sure] + load.things
            things += load.things
            start_again(server, rng)
            api = server.api()
            verify(server)
            check_quota(api, check_states(api, things))
            check_content(api, uncertain)
            check_retries(api, rng.sample(uncertain, min(20, len(uncertain))))
            check_quota(api, check_states(api, things))
            check_store(server)
        check_content(server.api(), things)
        verify(server, "--quota", "--content")
        print(f"{KILLS} kills, {dict(done)}")
    assert done["uploaded"] >= 5 * KILLS
    assert all(done[state] for state in (LIVE, TRASHED, GONE))


def test_verify_beside_load(tmp_path):
    """What is under way is never taken for a fault."""
    rng = random.Random(7)
    with Server(tmp_path / "data") as server:
        load = Load(server, rng, 0)
        beside, enough = [], threading.Event()

        def verify_again_and_again():
            while not enough.wait(0.1):
                beside.append(subprocess.run(
                    [server.binary, "verify", "--data", str(server.data), "--json", "--quota",
                     "--content"], capture_output=True, text=True, timeout=120))

        def end_watch():  # what a kill leaves is explained by the next start, not before
            enough.set()
            watcher.join()

        watcher = threading.Thread(target=verify_again_and_again)
        watcher.start()
        load.run_for(4, [], end_watch)
        server.start()
    assert not load.faults, load.faults
    assert len(beside) >= 2
    for done in beside:
        assert done.returncode == 0, f"{done.returncode}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("damage", ["missing", "longer", "stranger", "usage"])
def test_verify_finds_what_is_wrong(tmp_path, damage):
    """So that the checks above can fail."""
    server = Server(tmp_path / "data")
    with server:
        record = server.api().upload(audio.wav())
    path = server.data / "store" / record["storage_path"]
    if damage == "missing":
        path.unlink()
    elif damage == "longer":
        with open(path, "ab") as file:
            file.write(b"x")
    elif damage == "stranger":
        path.with_name("stranger.wav").write_bytes(b"x")
    else:
        with sqlite3.connect(server.data / "catalog.db") as catalog:
            catalog.execute("UPDATE storage_quotas SET current_storage_bytes = 1")
    done = subprocess.run([server.binary, "verify", "--data", str(server.data), "--json"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 7, f"{done.returncode}\n{done.stdout}{done.stderr}"
