"""What is acknowledged has reached stable storage: shown by the system calls, not by trust.

The server runs under strace from its first start on an empty folder. For every answer that promises
something, the calls before it must hold: the content's sync after its last write, the rename after
that, a sync of every new folder's parent up to the store's root, and the sync of the catalog's log
after the row was written to it. Calls run in parallel, so each has a beginning and an end: a sync
counts from its end, and only for what had ended before it began.

The last test takes syncs out of a real trace: each time the checker must miss them.
"""
import dataclasses
import os
import re
import threading

import audio
import pytest
from server import Server, wait_until

CALLS = ("write,writev,pwrite64,pwritev,pwritev2,ftruncate,fallocate,copy_file_range,splice,sendto,"
         "sendmsg,fsync,fdatasync,rename,renameat,renameat2,link,linkat,mkdir,mkdirat,openat,unlinkat")
SHOWN_BYTES = 4200  # a page of the catalog, or a whole answer
WRITES = ("write", "writev", "pwrite64", "pwritev", "pwritev2", "ftruncate", "copy_file_range",
          "splice")
SYNCS = ("fsync", "fdatasync")


@dataclasses.dataclass
class Call:
    """One system call: its line's numbers at the beginning and the end."""

    name: str
    arguments: str
    begun: int
    ended: int = 0
    result: str = ""

    @property
    def worked(self):
        return not self.result.startswith("-") and self.result != "?"

    @property
    def path(self):
        """Of the descriptor that the call begins with."""
        match = re.match(r"\d+<([^>]*)>", self.arguments)
        return match[1] if match else None


LINE = re.compile(r"(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)")
RESULT = re.compile(r"(.*)\) += (-?\w+|\?).*", re.S)


def read_trace(path):
    calls, waiting = [], {}
    with open(path, encoding="latin-1") as lines:
        for number, line in enumerate(lines):
            match = LINE.match(line)
            if not match:
                continue
            thread, resumed, name, rest = match.groups()
            if resumed:
                call = waiting.pop((thread, resumed))
            else:
                call = Call(name, "", number)
                calls.append(call)
            if rest.endswith("<unfinished ...>"):
                waiting[thread, call.name] = call
                call.arguments = rest.removesuffix("<unfinished ...>")
                continue
            done = RESULT.match(rest)
            call.arguments += done[1] if done else rest
            call.result = done[2] if done else "?"
            call.ended = number
    return [call for call in calls if call.ended]


class Trace:
    """Questions about a list of calls."""

    def __init__(self, calls, data):
        self.calls = calls
        self.data = str(data)
        self.store = f"{data}/store"
        self.wal = f"{data}/catalog.db-wal"

    def synced(self, path, after, before):
        """Whether PATH was synced by a call that lies between two lines."""
        return any(call.name in SYNCS and call.worked and call.path == path
                   and call.begun > after and call.ended < before for call in self.calls)

    def answer(self, upload_id):
        """The line at which the answer that promises the upload began to be sent."""
        mark = f"Location: /v1/uploads/{upload_id}"
        for call in self.calls:
            if call.name in ("sendmsg", "sendto", "write", "writev") and mark in call.arguments:
                assert "HTTP/1.1 201" in call.arguments
                return call.begun
        raise AssertionError(f"no answer names {upload_id}")

    def naming(self, key):
        """The call that gave the object its name, and the name it had before."""
        folder, name = f"{self.store}/{key}".rsplit("/", 1)
        pattern = re.compile(r'\d+<([^>]*)>, "([^"]*)", \d+<([^>]*)>, "([^"]*)"')
        for call in self.calls:
            if call.name in ("renameat", "renameat2", "linkat") and call.worked:
                old_folder, old, new_folder, new = pattern.match(call.arguments).groups()
                if (new_folder, new) == (folder, name):
                    return call, f"{old_folder}/{old}"
        raise AssertionError(f"nothing gave {key} its name")

    def made_folders(self):
        """(path, parent, call) of every folder that was made below the data folder, and itself."""
        for call in self.calls:
            match = re.match(r'(?:\w+(?:<([^>]*)>)?, )?"([^"]*)"', call.arguments)
            if call.name in ("mkdir", "mkdirat") and call.worked and match:
                path = os.path.join(match[1] or "/", match[2])
                yield path, os.path.dirname(path), call

    # ---- the checks: each names what is missing ----

    def content_faults(self, key, before):
        naming, staged = self.naming(key)
        writes = [call for call in self.calls if call.name in WRITES and call.path == staged]
        if not writes:
            return [f"{key}: no writes seen"]
        faults = []
        last = max(call.ended for call in writes)
        if not naming.ended < before:
            faults.append(f"{key}: answered before it had its name")
        if not self.synced(staged, last, naming.begun):
            faults.append(f"{key}: content not synced after its last write")
        if not self.synced(os.path.dirname(f"{self.store}/{key}"), naming.ended, before):
            faults.append(f"{key}: its folder not synced after the rename")
        return faults

    def folder_faults(self, key, before):
        way = f"{self.store}/{key}"
        return [f"{key}: {parent} not synced after {path} was made"
                for path, parent, call in self.made_folders()
                if way.startswith(path + "/") and not self.synced(parent, call.ended, before)]

    def row_faults(self, upload_id, after, before):
        rows = [call for call in self.calls if call.name in WRITES and call.path == self.wal
                and call.begun > after and upload_id in call.arguments]
        if not rows:
            return [f"{upload_id}: its row was not written to the log"]
        # The writer's frames and their sync follow each other: the next sync is the commit's.
        if not self.synced(self.wal, rows[0].ended, before):
            return [f"{upload_id}: the log not synced after its row was written"]
        return []

    def faults(self, records):
        found = []
        for record in records:
            before = self.answer(record["id"])
            key = record["storage_path"]
            found += self.content_faults(key, before) + self.folder_faults(key, before)
            # Of a duplicate only the row is new.
            own = record["id"] in key
            after = self.naming(key)[0].ended if own else 0
            found += self.row_faults(record["id"], after, before)
        return found

    def change_faults(self):
        """Requests that were made one after the other: between two answers, whatever went to the
        log was synced before the answer."""
        found, last = [], None
        for call in self.calls:
            if call.name in ("sendmsg", "sendto", "write", "writev") and "HTTP/1.1 2" in call.arguments:
                if last is not None:
                    writes = [c for c in self.calls if c.name in WRITES and c.path == self.wal
                              and last < c.begun and c.ended < call.begun]
                    if not writes:
                        found.append(f"nothing was written before {call.arguments[:60]}")
                    elif not self.synced(self.wal, writes[-1].ended, call.begun):
                        found.append(f"the log not synced before {call.arguments[:60]}")
                last = call.begun
        return found


class TracedServer(Server):
    def __init__(self, data, trace):
        options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # it would trace too
        super().__init__(data, env={"ASAN_OPTIONS": options.lstrip(":")},
                         wrapper=["strace", "-D", "-f", "-y", "-s", str(SHOWN_BYTES), "-e",
                                  f"trace={CALLS}", "-e", "signal=none", "-o", str(trace)])


def wait_for_tracer(trace):
    """The tracer outlives the server by a moment: the server's end is the last that we need."""
    def has_ended():
        text = trace.read_text("latin-1")
        return re.search(rf"^{text.split()[0]} +\+\+\+ exited", text, re.M)  # short ids are padded

    wait_until(has_ended, 20, "the end of the trace")


def send_all(server):
    """Uploads of every kind in parallel: (records of raw uploads)."""
    shared = audio.wav(seed=999)
    jobs = [[(audio.wav(seed=100 * thread + i), i % 2 == 1) for i in range(4)]
            + [(shared, False), (audio.wav_of_bytes(3_000_000, seed=thread), thread % 2 == 0)]
            for thread in range(4)]
    records, faults = [], []

    def work(mine):
        api = server.api()
        try:
            for content, chunked in mine:
                body = iter([content[:1000], content[1000:]]) if chunked else content
                records.append(api.upload(body))
        except Exception as fault:  # pylint: disable=broad-except
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not faults, faults
    assert len(records) == 24
    return records


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    """The trace of a server's life from its first start, and the records of what it took."""
    folder = tmp_path_factory.mktemp("power")
    with TracedServer(folder / "data", folder / "trace") as server:
        records = send_all(server)
    wait_for_tracer(folder / "trace")
    return Trace(read_trace(folder / "trace"), folder / "data"), records


def test_uploads_are_durable_before_the_answer(uploads):
    trace, records = uploads
    assert trace.faults(records) == []
    assert sum(record["id"] not in record["storage_path"] for record in records) == 3
    assert len({record["storage_path"] for record in records}) == 21


def test_first_start_is_durable(uploads):
    """The data folder, the store, its marker and the catalog cannot vanish under what came later."""
    trace, records = uploads
    first = min(trace.answer(record["id"]) for record in records)
    made = {path: (parent, call) for path, parent, call in trace.made_folders()}
    for path in (trace.data, trace.store):
        parent, call = made[path]
        assert trace.synced(parent, call.ended, first), f"{parent} not synced after {path}"
    assert trace.content_faults(".audiotricks-store", first) == []
    for path in (f"{trace.data}/catalog.db", trace.wal):
        birth = next(call for call in trace.calls if call.name == "openat" and call.worked
                     and f'"{path}"' in call.arguments and "O_CREAT" in call.arguments)
        assert trace.synced(path, birth.ended, first), f"{path} not synced"
        assert trace.synced(trace.data, birth.ended, first), f"{path}'s folder not synced"


def test_changes_are_durable_before_the_answer(tmp_path):
    trace = tmp_path / "trace"
    with Server(tmp_path / "data") as server:
        pass
    with TracedServer(tmp_path / "data", trace) as server:
        api = server.api()
        record = api.upload(audio.wav())
        path = f"/v1/uploads/{record['id']}"
        workspace = f"/v1/workspaces/{record['workspace_id']}"
        for method, target, body in (
                ("POST", "/v1/uploads?filename=first.wav", audio.wav(seed=2)),
                ("PATCH", path, b'{"original_filename": "b.wav"}'), ("DELETE", path, None),
                ("POST", path + "/undelete", None),
                ("PUT", workspace + "/quota", b'{"max_file_count": 100}'),
                ("POST", "/v1/users", b'{"name": "somebody"}'),
                ("POST", "/v1/tokens", b'{"role": "reader"}'),
                ("DELETE", path + "?permanent=true", None),
                ("POST", "/v1/workspaces", b'{"name": "another"}')):
            kind = "application/octet-stream" if method == "POST" and "?" in target else (
                "application/merge-patch+json" if method == "PATCH" else "application/json")
            answer = api.request(method, target, data=body, headers={"Content-Type": kind})
            assert 200 <= answer.status_code < 300, f"{method} {target}: {answer.text}"
    wait_for_tracer(trace)
    calls = read_trace(trace)
    start = next(i for i, call in enumerate(calls) if "HTTP/1.1 201" in call.arguments)
    assert Trace(calls[start:], tmp_path / "data").change_faults() == []


# ---- the checker can fail ----

@pytest.mark.parametrize("what, lost", [
    ("content", lambda t, c: "/.staging/" in (c.path or "") and c.name in SYNCS),
    ("its folder", lambda t, c: c.name in SYNCS and re.search(r"/\d\d$", c.path or "")),
    ("was made", lambda t, c: c.name in SYNCS and c.path == t.store),
    ("was made", lambda t, c: c.name in SYNCS and re.search(r"/20\d\d$", c.path or "")),
    ("the log", lambda t, c: c.name in SYNCS and c.path == t.wal),
])
def test_checker_misses_a_sync(uploads, what, lost):
    trace, records = uploads
    kept = [call for call in trace.calls if not lost(trace, call)]
    assert len(kept) < len(trace.calls)
    assert any(what in fault for fault in Trace(kept, trace.data).faults(records))


def test_checker_misses_a_late_sync(uploads):
    """A sync that ends after the answer has begun, or began before the last write had ended."""
    trace, records = uploads
    end = trace.calls[-1].ended
    late = [dataclasses.replace(call, ended=end) if call.name in SYNCS else call
            for call in trace.calls]
    assert len(Trace(late, trace.data).faults(records)) >= 2 * len(records)
    early = [dataclasses.replace(call, begun=0) if call.name in SYNCS else call
             for call in trace.calls]
    assert len(Trace(early, trace.data).faults(records)) >= 2 * len(records)
