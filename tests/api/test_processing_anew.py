"""Processors of chunks, where an upload is too short for any, or is cut anew while they are at work."""
import pytest

from audio import wav
from jobs import configuration, lease, tell
from processing import DONE, adds_up, chunks_of, cut, jobs_made
from server import Server, wait_until

SHORT = ("--uploads-chunk-threshold", "5s", "--uploads-max-chunk-duration", "4s", "--jobs-retry-delay", "10ms")
SPEECH = """[processor "transcription"]
per = {per}
after = chunk
max_retries = 0
[processor "summary"]
per = upload
after = transcription
"""


def upload_of(api, record):
    return api.get_json(f"/v1/uploads/{record['id']}")


def is_now(api, record, status):
    wait_until(lambda: upload_of(api, record)["status"] == status, 60, f"it to be {status}")
    return upload_of(api, record)


def leased(api, kind, count):
    """COUNT jobs of KIND, once there are so many; by their chunk."""
    jobs = []

    def all_there():
        jobs.extend(lease(api, kind, count=count - len(jobs)))
        return len(jobs) == count
    wait_until(all_there, 60, f"{count} of {kind}")
    return sorted(jobs, key=lambda job: job["chunk_index"] or 0)


def complete(api, jobs):
    """Each says of which time it was."""
    for job in jobs:
        tell(api, job, "complete", result={"text": f"{job['start_time']}-{job['end_time']}"})


# ---- too short ----

@pytest.mark.parametrize("per", ["chunk", "upload"])
def test_what_is_too_short_for_chunks_is_transcribed_as_a_whole(tmp_path, per):
    with Server(tmp_path / "data", *SHORT, *configuration(tmp_path, SPEECH.format(per=per)), jobs=True) as server:
        api = server.api()
        record = api.upload(wav(2, seed=71), "brief.wav")
        job, = leased(api, "transcription", 1)
        assert (job["upload_id"], job["chunk_index"]) == (record["id"], None)
        assert upload_of(api, record)["status"] not in DONE and jobs_made(api, record, "summary") == []
        tell(api, job, "complete", result={"text": "brief"})
        assert upload_of(api, record)["status"] not in DONE
        summary, = leased(api, "summary", 1)
        tell(api, summary, "complete", result={"text": "short"})
        is_now(api, record, "completed")
        assert len(jobs_made(api, record, "transcription")) == len(jobs_made(api, record, "summary")) == 1


def test_what_is_no_audio_does_not_wait_for_the_analysis(tmp_path):
    text = '[processor "words"]\nper = upload\nafter = analyze\n'
    with Server(tmp_path / "data", "--uploads-accept", "any", *configuration(tmp_path, text), jobs=True) as server:
        api = server.api()
        record = api.upload(b"no audio at all", "notes.txt")
        job, = leased(api, "words", 1)
        tell(api, job, "complete", result={"words": 4})
        is_now(api, record, "completed")


# ---- cut anew ----

@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("anew")
    text = SPEECH.format(per="chunk")
    with Server(folder / "data", *SHORT, *configuration(folder, text), jobs=True) as server:
        yield server, server.api()


def test_a_text_is_of_the_time_that_its_chunk_has(world):
    server, api = world
    record = api.upload(wav(18, seed=72), "times.wav")
    complete(api, leased(api, "transcription", 5))
    complete(api, leased(api, "summary", 1))
    is_now(api, record, "completed")
    cut(api, record, max_duration=3)
    assert is_now(api, record, "processing")["processing_completed_at"] is None
    jobs = leased(api, "transcription", 6)
    assert [(job["start_time"], job["end_time"]) for job in jobs] == [(3 * i, 3 * i + 3) for i in range(6)]
    complete(api, jobs)
    complete(api, leased(api, "summary", 1))
    is_now(api, record, "completed")
    texts = jobs_made(api, record, "transcription")
    assert len(texts) == 6
    assert all(job["result"]["text"] == f"{job['start_time']}-{job['end_time']}" for job in texts)
    assert {job["chunk_id"] for job in texts} == {chunk["id"] for chunk in chunks_of(api, record)}
    adds_up(server)


def test_chunks_of_the_same_time_keep_their_texts(world):
    _, api = world
    record = api.upload(wav(9, seed=73), "same.wav")
    complete(api, leased(api, "transcription", 3))
    complete(api, leased(api, "summary", 1))
    is_now(api, record, "completed")
    before = jobs_made(api, record, "transcription")
    cut(api, record, format="flac")
    assert jobs_made(api, record, "transcription") == before
    assert is_now(api, record, "completed")["processing_completed_at"]


def test_a_lease_over_a_cut_stores_no_text_of_other_audio(world):
    _, api = world
    record = api.upload(wav(9, seed=74), "held.wav")
    held = leased(api, "transcription", 3)
    cut(api, record, max_duration=3)
    for job in held:
        tell(api, job, "complete", expect=404, result={"text": "of before"})
    complete(api, leased(api, "transcription", 3))
    texts = [job["result"]["text"] for job in jobs_made(api, record, "transcription")]
    assert sorted(texts) == ["0-3", "3-6", "6-9"] or sorted(texts) == ["0.0-3.0", "3.0-6.0", "6.0-9.0"]
    complete(api, leased(api, "summary", 1))
    is_now(api, record, "completed")


def summary_of(api, record):
    return api.get_json(f"/v1/uploads/{record['id']}/results/summary")["items"][0]["result"]["text"]


def summarize(api, text):
    job, = leased(api, "summary", 1)
    tell(api, job, "complete", result={"text": text})
    return job


def test_what_was_made_of_all_chunks_is_made_of_the_new_ones(world):
    _, api = world
    record = api.upload(wav(9, seed=77), "summary.wav")
    complete(api, leased(api, "transcription", 3))
    summarize(api, "of three of 4 s")
    is_now(api, record, "completed")
    cut(api, record, max_duration=3)
    jobs = leased(api, "transcription", 3)
    assert [job["status"] for job in jobs_made(api, record, "summary")] == ["waiting", "completed"]
    complete(api, jobs)
    summarize(api, "of three of 3 s")
    is_now(api, record, "completed")
    assert summary_of(api, record) == "of three of 3 s"
    # As it was: nobody need do anything, and the summary is that of those chunks.
    cut(api, record, max_duration=4)
    assert lease(api, "transcription", "summary") == []
    is_now(api, record, "completed")
    assert summary_of(api, record) == "of three of 4 s"
    assert jobs_made(api, record, "summary")[0]["from_cache"]
    # Nor for another upload of the same content.
    twin = api.upload(wav(9, seed=77), "twin.wav")
    wait_until(lambda: lease(api, "transcription", "summary") == [] and
               upload_of(api, twin)["status"] == "completed", 60, "the twin")
    assert summary_of(api, twin) == "of three of 4 s"


@pytest.mark.parametrize("is_leased", [False, True])
def test_what_is_about_to_be_made_of_all_chunks_waits_for_the_new_ones(world, is_leased):
    _, api = world
    record = api.upload(wav(9, seed=78 + is_leased), "waits.wav")
    complete(api, leased(api, "transcription", 3))
    wait_until(lambda: jobs_made(api, record, "summary"), 60, "the summary")
    if is_leased:
        held, = leased(api, "summary", 1)
    cut(api, record, max_duration=3)
    jobs = leased(api, "transcription", 3)
    assert lease(api, "summary") == []
    if is_leased:
        tell(api, held, "complete", expect=409, result={"text": "of before"})
    complete(api, jobs)
    summarize(api, "of now")
    is_now(api, record, "completed")
    assert summary_of(api, record) == "of now" and len(jobs_made(api, record, "summary")) == 1


def test_what_failed_and_is_cut_anew_has_not_failed_for_good(world):
    server, api = world
    record = api.upload(wav(18, seed=75), "again.wav")
    *well, bad = leased(api, "transcription", 5)
    complete(api, well)
    tell(api, bad, "fail", error_code="no_speech", error_message="nobody speaks", retryable=False)
    assert is_now(api, record, "failed")["error_code"] == "no_speech"
    cut(api, record, max_duration=9)
    again = is_now(api, record, "processing")
    assert again["error_code"] is None and again["error_message"] is None
    complete(api, leased(api, "transcription", 2))
    complete(api, leased(api, "summary", 1))
    is_now(api, record, "completed")
    adds_up(server)


def test_what_is_cut_anew_while_something_is_failed_stays_failed(world):
    _, api = world
    record = api.upload(wav(9, seed=76), "stays.wav")
    *well, bad = leased(api, "transcription", 3)
    complete(api, well)
    tell(api, bad, "fail", error_code="no_speech", error_message="nobody speaks", retryable=False)
    is_now(api, record, "failed")
    cut(api, record, format="flac")
    assert upload_of(api, record)["status"] == "failed"
    assert api.post(f"/v1/uploads/{record['id']}/retry").status_code == 200
    complete(api, leased(api, "transcription", 1))
    complete(api, leased(api, "summary", 1))
    is_now(api, record, "completed")
