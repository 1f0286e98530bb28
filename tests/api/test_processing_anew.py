"""Processors of chunks, where an upload is too short for any, or is cut anew while they are at work."""
import pytest

from audio import wav
from jobs import configuration, lease, tell
from processing import DONE, jobs_made
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
