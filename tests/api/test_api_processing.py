"""What the server makes of uploads by itself: validation, chunks, waveforms."""
import pytest

from audio import ffmpeg, wav
from server import Server, wait_until

DONE = ("completed", "failed")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("processing") / "data", jobs=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    return server.api()


def jobs_of(api, record):
    """Its jobs by kind."""
    answer = api.get("/v1/jobs", params={"upload_id": record["id"], "limit": 100})
    assert answer.status_code == 200, answer.text
    return {job["kind"]: job for job in answer.json()["items"]}


def processed(api, content, name):
    """The record once its processing has ended."""
    answer = api.post("/v1/uploads", params={"filename": name}, data=content)
    assert answer.status_code == 201, answer.text
    path = f"/v1/uploads/{answer.json()['id']}"
    wait_until(lambda: api.get(path).json()["status"] in DONE, 60, "the end of processing")
    return api.get(path).json()


def history(api, record):
    items = api.get(f"/v1/uploads/{record['id']}/history").json()["items"]
    return [item["action"] for item in items]


# ---- validate ----

def test_validation_reports_what_is_there(api):
    record = processed(api, wav(2.5, rate=16000, channels=2, seed=1), "whole.wav")
    assert record["status"] == "completed" and record["error_code"] is None
    report = record["metadata"]["report"]
    assert report["verdict"] == "whole" and not report["truncated"]
    assert (report["samples"], report["sample_rate"], report["channels"]) == (40000, 16000, 2)
    assert report["damage"] == [] and report["silent_channels"] == []
    assert record["metadata"]["container"] == "wav"  # what was known before is still there
    for time in ("validation_started_at", "validation_completed_at", "processing_completed_at"):
        assert record[time] is not None, time
    assert history(api, record) == ["uploaded", "validating", "processing", "completed"]


def test_validation_is_a_job_with_a_result(api):
    record = processed(api, wav(1, seed=2), "job.wav")
    job = jobs_of(api, record)["validate"]
    assert (job["status"], job["progress"], job["attempts"]) == ("completed", 1, 1)
    assert job["result"] == {"from_cache": False, "report": record["metadata"]["report"]}


@pytest.mark.parametrize("name, codec", [("v.mp3", "libmp3lame"), ("v.flac", "flac"), ("v.opus", "libopus"),
                                         ("v.ogg", "libvorbis"), ("v.m4a", "aac")])
def test_every_codec_is_decoded(api, name, codec):
    record = processed(api, ffmpeg(name, "-c:a", codec, "-ar", "48000", seconds=3.0).read_bytes(), name)
    report = record["metadata"]["report"]
    assert (record["status"], report["verdict"]) == ("completed", "whole")
    assert abs(report["samples"] - 3 * 48000) <= 2500, report


def test_a_truncated_file_is_completed_and_says_so(api):
    content = wav(4, rate=16000, seed=3)
    record = processed(api, content[:len(content) // 2], "cut.wav")
    assert record["status"] == "completed"
    report = record["metadata"]["report"]
    assert report["truncated"] and report["verdict"] == "truncated"
    assert report["truncated_by"] == pytest.approx(2, abs=0.01)


def corrupt_flac():
    """Its head is whole, and no frame behind it."""
    content = ffmpeg("corrupt.flac", "-c:a", "flac", seconds=20.0).read_bytes()
    head = content.index(b"\xff\xf8", 4)
    return content[:head] + bytes(range(1, 128)) * ((len(content) - head) // 127)


def test_corrupt_audio_fails_the_processing_and_keeps_the_file(api):
    content = corrupt_flac()
    answer = api.post("/v1/uploads", params={"filename": "corrupt.flac"}, data=content)
    assert answer.status_code == 201, answer.text
    path = f"/v1/uploads/{answer.json()['id']}"
    wait_until(lambda: api.get(path).json()["status"] in DONE, 60, "the end of processing")
    record = api.get(path).json()
    assert (record["status"], record["error_code"]) == ("failed", "audio_corrupt")
    assert record["retry_count"] == 0 and record["metadata"]["report"]["verdict"] == "corrupt"
    assert jobs_of(api, record)["validate"]["error_code"] == "audio_corrupt"
    assert api.get(path + "/content").content == content
    after = processed(api, wav(1, seed=4), "after.wav")
    assert after["status"] == "completed"


def test_a_duplicate_takes_its_report_from_the_cache(api):
    content = wav(2, seed=5)
    first, second = processed(api, content, "one.wav"), processed(api, content, "two.wav")
    assert second["duplicate_of"] == first["id"] and second["status"] == "completed"
    assert second["metadata"]["report"] == first["metadata"]["report"]
    assert jobs_of(api, first)["validate"]["result"]["from_cache"] is False
    assert jobs_of(api, second)["validate"]["result"]["from_cache"] is True


def test_validation_has_no_options(api):
    record = processed(api, wav(1, seed=6), "options.wav")
    answer = api.post("/v1/jobs", json={"kind": "validate", "upload_id": record["id"],
                                        "options": {"deep": True}})
    assert answer.status_code == 400 and "options" in answer.json()["detail"]


def test_what_is_no_audio_is_completed_without_a_report(tmp_path):
    with Server(tmp_path / "data", "--uploads-accept", "any", jobs=True) as server:
        record = processed(server.api(), b"words " * 100, "words.txt")
        assert record["status"] == "completed" and "report" not in (record["metadata"] or {})
        job = jobs_of(server.api(), record)["validate"]
        assert job["result"] == {"from_cache": False, "report": None}
