"""What of a session is acknowledged has reached stable storage, in the order that makes it true.

As test_power_loss: the system calls before each answer tell. A chunk's bytes are synced, then its row
is written, then that is synced, then it is answered: a row may never speak of bytes that are not there.
So it is with offsets: those that an append is answered with, those that somebody is told who asks after
one that broke off, and those that come while the content is still on its way.
"""
import dataclasses
import re

import audio
import draft
import pytest
from chunked import Upload, content
from server import wait_until
from test_power_loss import SYNCS, WRITES, Trace, TracedServer, read_trace, wait_for_tracer
from tus import TYPE, Tus

ORDER = (3, 0, 1, 2, 4)
SENDS = ("sendmsg", "sendto", "write", "writev")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The trace of one session, whose requests followed one another, and its id and record."""
    folder = tmp_path_factory.mktemp("power-sessions")
    with TracedServer(folder / "data", folder / "trace") as server:
        upload = Upload(server.api(), content())
        record = upload.put_all(ORDER)["upload"]
    wait_for_tracer(folder / "trace")
    return Trace(read_trace(folder / "trace"), folder / "data"), upload.id, record


def stage_of(trace, session_id):
    return f"{trace.store}/.staging/{session_id}"


def answers(trace, mark):
    return [call for call in trace.calls
            if call.name in SENDS
            and "HTTP/1.1 20" in call.arguments and mark in call.arguments]


def syncs(calls, path, after):
    """Where the syncs of PATH end that have seen all that ended at AFTER."""
    return [call.ended for call in calls
            if call.name in SYNCS and call.worked and call.path == path and call.begun > after]


def written_by(calls, stage, wanted):
    """Where the writes to STAGE had ended of which the first WANTED bytes are; None: all of them."""
    ends, count = [], 0
    for call in calls:
        if call.name in WRITES and call.path == stage and (wanted is None or count < wanted):
            ends.append(call.ended)
            count += int(call.result)
    assert ends and (wanted is None or count >= wanted), f"{count} of {wanted} bytes were written"
    return max(ends)


def report_faults(trace, stage, last, answer, what, bytes_reported=None):
    """What is missing between LAST and ANSWER, which is the first to report WHAT. More than
    BYTES_REPORTED may have been written by then."""
    calls = [call for call in trace.calls if last < call.begun and call.ended < answer.begun]
    durable = syncs(calls, stage, written_by(calls, stage, bytes_reported))
    rows = [call.ended for call in calls if call.name in WRITES and call.path == trace.wal
            and durable and call.begun > min(durable)]
    if not durable:
        return [f"{what}: content not synced after its last write"]
    if not rows:
        return [f"{what}: its row was not written after its content was synced"]
    if not syncs(calls, trace.wal, min(rows)):
        return [f"{what}: the log not synced after its row was written"]
    return []


def chunk_faults(trace, session_id):
    found = []
    last = answers(trace, f"Location: /v1/chunked-uploads/{session_id}")[0].begun
    told = answers(trace, "chunk_index")
    assert len(told) == len(ORDER)
    for index, answer in zip(ORDER, told):
        found += report_faults(trace, stage_of(trace, session_id), last, answer, f"chunk {index}")
        last = answer.begun
    return found


def test_chunks_are_durable_before_the_answer(world):
    trace, session_id, _ = world
    assert chunk_faults(trace, session_id) == []


def test_the_stage_is_there_before_the_answer(world):
    """Its name, too: chunks of a file that nobody finds again are lost."""
    trace, session_id, _ = world
    folder, name = stage_of(trace, session_id).rsplit("/", 1)
    birth = next(call for call in trace.calls if call.name == "openat" and call.worked
                 and f'"{name}"' in call.arguments and "O_CREAT" in call.arguments)
    first = answers(trace, "chunk_index")[0].begun
    assert trace.synced(folder, birth.ended, first), f"{folder} not synced after {name} was made"


def test_the_whole_is_durable_before_the_answer(world):
    trace, session_id, record = world
    before = answers(trace, f"Content-Location: /v1/uploads/{record['id']}")[0].begun
    key = record["storage_path"]
    assert trace.content_faults(key, before) + trace.folder_faults(key, before) == []
    assert trace.row_faults(record["id"], trace.naming(key)[0].ended, before) == []


def test_finishing_writes_no_content(world):
    """Bytes are written once: nothing but their chunks' requests wrote any of them."""
    trace, session_id, record = world
    stage, end = stage_of(trace, session_id), f"{trace.store}/{record['storage_path']}"
    written = sum(int(call.result) for call in trace.calls
                  if call.name in WRITES and call.name != "ftruncate" and call.worked
                  and call.path in (stage, end))
    assert written == record["file_size"]


@pytest.mark.parametrize("lost, fault", [("content", "content not synced"),
                                         ("log", "the log not synced")])
def test_checker_misses_a_sync(world, lost, fault):
    trace, session_id, _ = world
    path = stage_of(trace, session_id) if lost == "content" else trace.wal
    kept = [call for call in trace.calls if not (call.name in SYNCS and call.path == path)]
    found = chunk_faults(Trace(kept, trace.data), session_id)
    assert len(found) == len(ORDER) and all(fault in each for each in found)


def test_checker_misses_a_row_before_its_content(world):
    """Content that is synced only after the row was written."""
    trace, session_id, _ = world
    stage, told = stage_of(trace, session_id), answers(trace, "chunk_index")
    late = []
    for call in trace.calls:
        if call.name in SYNCS and call.path == stage:
            answer = next((a.begun for a in told if a.begun > call.ended), call.ended)
            call = dataclasses.replace(call, begun=answer - 0.2, ended=answer - 0.1)
        late.append(call)
    found = chunk_faults(Trace(late, trace.data), session_id)
    assert len(found) == len(ORDER) and all("row was not written" in each for each in found)


# ---- offsets ----

MIB = 1 << 20
FIRST = 300_000
LONG = audio.wav_of_bytes(80 * MIB, seed=7)  # longer than what is recorded at once, twice


def break_off(tus, path, data):
    """An append whose connection breaks when most has been sent; gives the offset afterwards."""
    with tus.connect(timeout=20) as raw:
        raw.send(tus.head("PATCH", path, Content_Type=TYPE, Upload_Offset=FIRST,
                          Content_Length=len(data) - FIRST))
        raw.send(data[FIRST:-1000])
    return wait_until(lambda: (offset := tus.offset(path)) > FIRST and offset, 20, "the rest")


@pytest.fixture(scope="module")
def appended(tmp_path_factory):
    """The trace of two sessions, and of each its id and the offsets that were told, in order."""
    folder = tmp_path_factory.mktemp("power-appends")
    with TracedServer(folder / "data", folder / "trace") as server:
        tus, data = Tus(server), audio.wav_of_bytes(2_000_000, seed=5)
        path = tus.begin(len(data), Upload_Metadata="filename dGFrZS53YXY=")
        assert tus.patch(path, 0, data[:FIRST]).status == 204
        middle = break_off(tus, path, data)
        assert tus.patch(path, middle, data[middle:]).status == 204
        client = draft.Client(server)
        done = client.create(LONG, complete="?1", Content_Type="audio/wav",
                             Content_Disposition='attachment; filename="long.wav"')
        assert done.status == 201
        url = done.interim[0]["Location"]
        told = [int(each["Upload-Offset"]) for each in done.interim[1:]]
    wait_for_tracer(folder / "trace")
    sessions = {path.rsplit("/", 1)[1]: [FIRST, middle, len(data)],
                url.rsplit("/", 1)[1]: told}
    return Trace(read_trace(folder / "trace"), folder / "data"), sessions


def told_first(trace, mark, after):
    """The answer, final or interim, that has this line first."""
    return next(call for call in trace.calls if call.begun > after and "HTTP/1.1 " in call.arguments
                and call.name in SENDS and mark + r"\r\n" in call.arguments)


def offset_faults(trace, session_id, offsets):
    location = next(call for call in trace.calls if call.name in SENDS
                    and re.search(rf"Location: /v1/[a-z-]+/{session_id}", call.arguments))
    found, last, before = [], location.begun, 0
    for offset in offsets:
        answer = told_first(trace, f"Upload-Offset: {offset}", location.begun)
        found += report_faults(trace, stage_of(trace, session_id), last, answer, f"offset {offset}",
                               offset - before)
        last, before = answer.begun, offset
    return found


def test_offsets_are_durable_before_they_are_told(appended):
    trace, sessions = appended
    for session_id, offsets in sessions.items():
        assert len(offsets) >= 2
        assert offset_faults(trace, session_id, offsets) == []


@pytest.mark.parametrize("lost, fault", [("content", "content not synced"),
                                         ("log", "the log not synced")])
def test_checker_of_offsets_misses_a_sync(appended, lost, fault):
    trace, sessions = appended
    for session_id, offsets in sessions.items():
        path = stage_of(trace, session_id) if lost == "content" else trace.wal
        kept = [call for call in trace.calls if not (call.name in SYNCS and call.path == path)]
        found = offset_faults(Trace(kept, trace.data), session_id, offsets)
        assert len(found) == len(offsets) and all(fault in each for each in found)
