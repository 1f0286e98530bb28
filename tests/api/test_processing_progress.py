"""What uploads and chunks say of their processing as it goes on: status, times, retries, errors."""
import pytest

from audio import wav
from jobs import ask, configuration, lease, tell
from processing import adds_up, chunks_of, cut, jobs_made, jobs_of, processed
from server import Server, wait_until

SHORT = ("--uploads-chunk-threshold", "5s", "--uploads-max-chunk-duration", "4s", "--jobs-retry-delay", "10ms")
HANGS = b"AUDIOTRICKS-TEST-HANG".ljust(32, b"\0")
EACH = """[processor "each"]
per = chunk
max_retries = 1
"""


def upload_of(api, record):
    return api.get_json(f"/v1/uploads/{record['id']}")


def is_now(api, record, status):
    wait_until(lambda: upload_of(api, record)["status"] == status, 60, f"it to be {status}")
    return upload_of(api, record)


def is_cut(api, record):
    wait_until(lambda: jobs_of(api, record)["chunk"]["status"] == "completed", 60, "the chunks")
    return chunks_of(api, record)


def times(thing, *names):
    assert all(thing[name] for name in names), thing
    assert sorted(thing[name] for name in names) == [thing[name] for name in names]


# ---- built-in kinds ----

def test_what_went_well(tmp_path):
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        api = server.api()
        record = processed(api, wav(9, seed=51), "well.wav")
        assert (record["status"], record["retry_count"]) == ("completed", 0)
        assert record["error_code"] is None and record["error_message"] is None
        times(record, "uploaded_at", "validation_started_at", "validation_completed_at", "processing_completed_at")
        times(record, "validation_started_at", "processing_started_at", "processing_completed_at")
        job = jobs_of(api, record)["chunk"]
        for chunk in chunks_of(api, record):
            assert (chunk["status"], chunk["processing_job_id"]) == ("completed", job["id"])
            times(chunk, "processing_started_at", "processing_completed_at")
            assert chunk["processing_started_at"] == job["started_at"]
            assert 0 <= chunk["processing_time_ms"] <= job["processing_time_ms"] + 1


def test_what_failed_at_last(tmp_path):
    """Its media process hangs, is stopped each time, and the upload says why in the end."""
    with Server(tmp_path / "data", *SHORT, "--media-work-timeout", "2s", env={"MEDIA_WORKER_TEST": "1"},
                jobs=True) as server:
        api = server.api()
        record = api.upload(wav(9, seed=52) + HANGS, "hangs.wav")

        def begun_chunks():
            chunks = chunks_of(api, record)
            return {c["status"] for c in chunks} == {"processing"} and chunks

        begun = wait_until(begun_chunks, 60, "a run")[1]
        assert begun["processing_started_at"] and not begun["processing_completed_at"]
        assert begun["processing_job_id"] == jobs_of(api, record)["chunk"]["id"]
        wait_until(lambda: upload_of(api, record)["retry_count"] > 0, 60, "the first retry")
        wait_until(lambda: all(job["status"] == "failed" for job in jobs_of(api, record).values()), 300, "the end")
        record = upload_of(api, record)
        assert (record["status"], record["error_code"]) == ("failed", "processing_timeout")
        assert record["error_message"] and record["retry_count"] == record["max_retries"] == 3
        times(record, "uploaded_at", "validation_started_at", "processing_completed_at")
        job = jobs_of(api, record)["chunk"]
        assert (job["attempts"], job["error_code"]) == (4, "processing_timeout")
        for chunk in chunks_of(api, record):
            assert (chunk["status"], chunk["chunk_path"]) == ("failed", None)
            assert chunk["processing_job_id"] == job["id"] and chunk["processing_time_ms"] >= 2000
            times(chunk, "processing_started_at", "processing_completed_at")
        again = api.post(f"/v1/uploads/{record['id']}/retry").json()
        assert again["error_code"] is None and again["retry_count"] == 4
        assert {c["status"] for c in chunks_of(api, record)} <= {"pending", "processing"}


# ---- a processor of every chunk ----

@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("progress")
    with Server(folder / "data", *SHORT, *configuration(folder, EACH), jobs=True) as server:
        yield server, server.api()


def do_each(api, verb="complete", **more):
    done = 0
    while True:
        leased = lease(api, "each", count=10)
        if not leased:
            return done
        for job in leased:
            tell(api, job, verb, **more)
        done += len(leased)


def test_a_chunk_that_is_cut_still_waits_for_its_processor(world):
    server, api = world
    record = api.upload(wav(9, seed=53), "each.wav")
    chunks = is_cut(api, record)
    assert {c["status"] for c in chunks} == {"pending"} and all(c["chunk_path"] for c in chunks)
    assert all(c["processing_completed_at"] is None for c in chunks)
    first, *_ = lease(api, "each", count=1)
    chunk = chunks_of(api, record)[first["chunk_index"]]
    assert (chunk["status"], chunk["processing_job_id"]) == ("processing", first["id"])
    tell(api, first, "complete")
    assert do_each(api) == 2
    before = [c["processing_time_ms"] for c in chunks]
    after = chunks_of(api, record)
    assert {c["status"] for c in after} == {"completed"}
    assert all(c["processing_time_ms"] >= ms for c, ms in zip(after, before))
    is_now(api, record, "completed")
    adds_up(server)


def test_a_processor_that_fails_fails_its_chunk(world):
    _, api = world
    record = api.upload(wav(9, seed=54), "fails.wav")
    is_cut(api, record)
    wait_until(lambda: do_each(api, "fail", error_code="no_speech", error_message="nobody speaks", retryable=True) == 0
               and all(c["status"] == "failed" for c in chunks_of(api, record)), 60, "all to fail")
    record = upload_of(api, record)
    assert (record["status"], record["error_code"], record["error_message"]) == ("failed", "no_speech",
                                                                                "nobody speaks")
    assert record["retry_count"] == 1  # though three jobs were retried: each of them once
    for chunk in chunks_of(api, record):
        assert chunk["chunk_path"] and chunk["processing_time_ms"] is not None
        times(chunk, "processing_started_at", "processing_completed_at")


def test_chunks_of_another_cut_have_jobs_of_their_own(world):
    server, api = world
    record = api.upload(wav(9, seed=55), "more.wav")
    is_cut(api, record)
    assert do_each(api) == 3
    is_now(api, record, "completed")
    cut(api, record, max_duration=1)
    now = upload_of(api, record)
    assert (now["status"], now["processing_completed_at"]) == ("processing", None)
    chunks = chunks_of(api, record)
    assert [c["status"] for c in chunks] == ["pending"] * 9
    pending = [j for j in jobs_made(api, record, "each") if j["status"] == "pending"]
    assert sorted(j["chunk_index"] for j in pending) == list(range(9))
    assert do_each(api) == 9
    assert is_now(api, record, "completed")["processing_completed_at"]
    assert {c["status"] for c in chunks_of(api, record)} == {"completed"}
    adds_up(server)


def test_who_waits_for_chunks_that_are_no_more_waits_for_those_there_are(world):
    server, api = world
    record = api.upload(wav(9, seed=56), "fewer.wav")
    is_cut(api, record)
    assert do_each(api) == 3
    is_now(api, record, "completed")
    cut(api, record, max_duration=1)
    summary, = ask(api, "summary", record["id"], after="each")
    assert summary["status"] == "waiting"
    cut(api, record, max_duration=4)
    assert api.get_json(f"/v1/jobs/{summary['id']}")["status"] == "waiting"
    first, *others = lease(api, "each", count=10)
    assert sorted(job["chunk_index"] for job in [first, *others]) == [0, 1, 2]
    for job in others:
        tell(api, job, "complete")
    assert api.get_json(f"/v1/jobs/{summary['id']}")["status"] == "waiting"
    tell(api, first, "complete")
    assert api.get_json(f"/v1/jobs/{summary['id']}")["status"] == "pending"
    assert [c["status"] for c in chunks_of(api, record)] == ["completed"] * 3
    assert is_now(api, record, "completed")["processing_completed_at"]
    assert len(jobs_made(api, record, "each")) == 3
    adds_up(server)


def test_more_chunks_than_planned_have_jobs_at_once(world):
    """The plan knows only how long chunks may be; the cut may need more of them."""
    server, _ = world
    folder = server.data.parent
    with Server(folder / "more", *SHORT, "--chunks-max-bytes", "65536", *configuration(folder, EACH),
                jobs=True) as other:
        api = other.api()
        record = api.upload(wav(9, seed=57), "planned.wav")
        assert len(chunks_of(api, record)) == 3
        chunks = is_cut(api, record)
        assert len(chunks) == 5 and upload_of(api, record)["status"] == "processing"
        assert sorted(j["chunk_index"] for j in jobs_made(api, record, "each")) == list(range(5))
        assert do_each(api) == 5
        is_now(api, record, "completed")
        assert {c["status"] for c in chunks_of(api, record)} == {"completed"}
