"""What of a session is acknowledged has reached stable storage, in the order that makes it true.

As test_power_loss: the system calls before each answer tell. A chunk's bytes are synced, then its row
is written, then that is synced, then it is answered: a row may never speak of bytes that are not there.
"""
import dataclasses

import pytest
from chunked import Upload, content
from test_power_loss import SYNCS, WRITES, Trace, TracedServer, read_trace, wait_for_tracer

ORDER = (3, 0, 1, 2, 4)


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
            if call.name in ("sendmsg", "sendto", "write", "writev")
            and "HTTP/1.1 20" in call.arguments and mark in call.arguments]


def syncs(calls, path, after):
    """Where the syncs of PATH end that have seen all that ended at AFTER."""
    return [call.ended for call in calls
            if call.name in SYNCS and call.worked and call.path == path and call.begun > after]


def chunk_faults(trace, session_id):
    found = []
    stage = stage_of(trace, session_id)
    last = answers(trace, f"Location: /v1/chunked-uploads/{session_id}")[0].begun
    told = answers(trace, "chunk_index")
    assert len(told) == len(ORDER)
    for index, answer in zip(ORDER, told):
        calls = [call for call in trace.calls if last < call.begun and call.ended < answer.begun]
        written = [call.ended for call in calls if call.name in WRITES and call.path == stage]
        assert written, f"chunk {index}: no writes seen"
        durable = syncs(calls, stage, max(written))
        rows = [call.ended for call in calls if call.name in WRITES and call.path == trace.wal
                and durable and call.begun > min(durable)]
        if not durable:
            found.append(f"chunk {index}: content not synced after its last write")
        elif not rows:
            found.append(f"chunk {index}: its row was not written after its content was synced")
        elif not syncs(calls, trace.wal, min(rows)):
            found.append(f"chunk {index}: the log not synced after its row was written")
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
