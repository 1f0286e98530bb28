"""Media processes that die or hang over a file while the server works on it: one file's failure, no more."""
import pytest

from audio import wav
from processing import DONE, adds_up, jobs_of
from server import Server, wait_until

SECONDS = 20
QUICK = ("--jobs-workers", "1", "--jobs-retry-delay", "10ms")


def time_limit(trick):
    """Short for what never ends, and the usual one for what ends by itself."""
    return ("--media-work-timeout", "2s") if trick.startswith("HANG") else ()


# With MEDIA_WORKER_TEST a process does what a file asks for that ends like this.
TRICK_BYTES = 32


def tricky(trick, seed):
    return wav(SECONDS, seed=seed) + f"AUDIOTRICKS-TEST-{trick}".encode().ljust(TRICK_BYTES, b"\0")


@pytest.mark.parametrize("trick, code, least_ms", [
    ("CRASH", "media_unreadable", 0), ("ALLOC", "media_unreadable", 0),
    # Two seconds, and a tenth of the duration.
    ("HANG", "processing_timeout", 2000 + 100 * SECONDS)])
def test_a_process_that_dies_or_hangs_fails_its_jobs_alone(tmp_path, trick, code, least_ms):
    content = tricky(trick, 1)
    with Server(tmp_path / "data", *QUICK, *time_limit(trick), env={"MEDIA_WORKER_TEST": "1"}, jobs=True) as server:
        api = server.api()
        bad = api.upload(content, "bad.wav")
        good = api.upload(wav(1, seed=2), "good.wav")
        wait_until(lambda: all(job["status"] in DONE for job in jobs_of(api, bad).values()), 300, "the bad file's end")
        wait_until(lambda: api.get(f"/v1/uploads/{good['id']}").json()["status"] in DONE, 60, "the good file's end")
        record = api.get(f"/v1/uploads/{bad['id']}").json()
        assert (record["status"], record["error_code"]) == ("failed", code)
        assert record["error_message"] and record["processing_completed_at"] is not None
        assert record["retry_count"] == record["max_retries"] == 3
        made = jobs_of(api, bad)
        assert sorted(made) == ["analyze", "validate"]
        for job in made.values():
            assert (job["status"], job["error_code"], job["attempts"]) == ("failed", code, 4)
            assert job["processing_time_ms"] >= least_ms
        assert api.get(f"/v1/uploads/{good['id']}").json()["status"] == "completed"
        assert api.get(f"/v1/uploads/{bad['id']}/content").content == content
        assert list((server.data / "store/.staging").iterdir()) == []
        adds_up(server)


@pytest.mark.parametrize("trick, code", [("CRASH-CUT", "media_unreadable"), ("HANG-CUT", "processing_timeout")])
def test_what_fails_with_another_is_done_by_itself(tmp_path, trick, code):
    """All begin together; what goes wrong over the chunks is nothing to the rest, which is tried again alone."""
    content = wav(6, seed=3) + f"AUDIOTRICKS-TEST-{trick}".encode().ljust(TRICK_BYTES, b"\0")
    with Server(tmp_path / "data", *QUICK, *time_limit(trick), "--uploads-chunk-threshold", "5s",
                env={"MEDIA_WORKER_TEST": "1"}, jobs=True) as server:
        api = server.api()
        record = api.upload(content, "cut.wav")
        wait_until(lambda: all(job["status"] in DONE for job in jobs_of(api, record).values()), 300, "the end")
        assert {kind: (job["status"], job["attempts"]) for kind, job in jobs_of(api, record).items()} == {
            "validate": ("completed", 2), "analyze": ("completed", 2), "chunk": ("failed", 4)}
        assert jobs_of(api, record)["chunk"]["error_code"] == code
        record = api.get_json(f"/v1/uploads/{record['id']}")
        assert (record["status"], record["error_code"]) == ("failed", code)
        assert record["metadata"]["report"]["verdict"] and record["metadata"]["analysis"]["waveforms"]
        adds_up(server)
