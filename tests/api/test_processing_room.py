"""How much room the chunks of an upload may take: its own form, the quota, the disk."""
import contextlib
import os

import pytest

from audio import ffmpeg, tone, wav
from processing import DONE, adds_up, chunks_of, cut, jobs_of, processed
from server import Server, expect_problem, wait_until
from test_system_faults import MIB, fill, kept_free, mounted

SHORT = ("--uploads-chunk-threshold", "5s", "--uploads-max-chunk-duration", "4s", "--jobs-retry-delay", "10ms")
WHOLE = {"max_duration": 900}  # 28.8 MB


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("room") / "data", *SHORT, jobs=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    return server.api()


def limit(api, record, size):
    answer = api.put(f"/v1/workspaces/{record['workspace_id']}/quota", json={"max_storage_bytes": size})
    assert answer.status_code == 200, answer.text


def used(api, record):
    return api.get_json(f"/v1/workspaces/{record['workspace_id']}/quota")["current_storage_bytes"]


def small(seconds):
    """Little of a file, and much of chunks."""
    return ffmpeg(f"room-{seconds}.flac", "-ar", "48000", "-ac", "2", seconds=float(seconds)).read_bytes()


# ---- the file's own form ----

@pytest.mark.parametrize("wanted, is_made", [
    ({"sample_rate": 384000, "channels": 8, "bits": 24}, (44100, 2, 16)),
    ({"sample_rate": 44101, "channels": 3, "bits": 16}, (44100, 2, 16)),
    ({"sample_rate": 22050, "channels": 2, "bits": 16}, (22050, 2, 16)),
    ({"sample_rate": "source", "channels": "source", "bits": "source"}, (44100, 2, 16))])
def test_chunks_are_at_most_of_the_files_own_form(api, wanted, is_made):
    record = processed(api, wav(6, rate=44100, channels=2, seed=81), "own.wav")
    result = cut(api, record, **wanted)["result"]
    assert (result["sample_rate"], result["channels"], result["bits"]) == is_made


def test_configuration_may_say_more(tmp_path):
    with Server(tmp_path / "data", *SHORT, "--chunks-sample-rate", "48000", "--chunks-channels", "2", "--chunks-bits",
                "24", jobs=True) as server:
        api = server.api()
        record = processed(api, wav(6, seed=82), "more.wav")
        result = jobs_of(api, record)["chunk"]["result"]
        assert (result["sample_rate"], result["channels"], result["bits"]) == (48000, 2, 24)
        result = cut(api, record, sample_rate=192000, channels=8, bits=24)["result"]
        assert (result["sample_rate"], result["channels"], result["bits"]) == (48000, 2, 24)


# ---- the quota ----

def test_a_cut_takes_no_more_than_the_quota_has_left(server, api):
    record = processed(api, small(6), "quota.flac")
    before, usage = chunks_of(api, record), used(api, record)
    assert len(before) == 2
    limit(api, record, usage + 500_000)
    try:
        job = cut(api, record, expect="failed", sample_rate=48000, channels=2)
        assert job["error_code"] == "quota_storage_exceeded" and job["attempts"] == 1
        assert chunks_of(api, record) == before and used(api, record) == usage
        assert api.get_json(f"/v1/uploads/{record['id']}")["status"] == "completed"
        cut(api, record, sample_rate=16000, channels=1, max_duration=3)
        assert used(api, record) == usage
    finally:
        limit(api, record, None)
    cut(api, record, sample_rate=48000, channels=2)
    assert sum(c["chunk_size"] for c in chunks_of(api, record)) > 6 * 48000 * 4
    wait_until(lambda: not list((server.data / "store/.staging").iterdir()), 60, "stages to go")
    adds_up(server)


def test_an_upload_whose_chunks_have_no_room_says_so(tmp_path):
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        api = server.api()
        content = small(9)
        first = processed(api, wav(1, seed=83), "first.wav")
        limit(api, first, used(api, first) + len(content) + 1000)
        record = processed(api, content, "full.flac")
        assert (record["status"], record["error_code"]) == ("failed", "quota_storage_exceeded")
        wait_until(lambda: {k: j["status"] for k, j in jobs_of(api, record).items()} == {
            "validate": "completed", "analyze": "completed", "chunk": "failed"}, 60, "the others to be completed")
        limit(api, first, None)
        assert api.post(f"/v1/uploads/{record['id']}/retry").status_code == 200
        path = f"/v1/uploads/{record['id']}"
        wait_until(lambda: api.get_json(path)["status"] in DONE, 60, "the end")
        assert api.get_json(path)["status"] == "completed" and len(chunks_of(api, record)) == 3


def test_all_chunks_of_a_workspace_take_no_more_than_its_quota(tmp_path):
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        api, whole = server.api(), {"sample_rate": "source", "channels": "source"}
        one, two = processed(api, small(9), "one.flac"), processed(api, small(8), "two.flac")
        size = 9 * 48000 * 4
        limit(api, one, used(api, one) + size + 100_000)  # for the one or the other
        assert used(api, one) < size / 2
        cut(api, one, **whole)
        cut(api, one, **whole, overlap=0, max_duration=3)  # which takes the place of it
        job = cut(api, two, expect="failed", **whole)
        assert job["error_code"] == "quota_storage_exceeded"
        again = processed(api, small(9), "again.flac")
        assert again["error_code"] == "quota_storage_exceeded"  # of its chunks, which nobody has
        assert cut(api, again, **whole, max_duration=3)["from_cache"]  # what is shared takes nothing
        limit(api, one, used(api, one) + size + 100_000)
        assert used(api, one) + 100_000 < size  # so that it is not that which leaves too little
        job = cut(api, one, expect="failed", **whole, max_duration=2)  # the other keeps what it shares
        assert job["error_code"] == "quota_storage_exceeded"
        for record in (one, again):
            assert api.delete(f"/v1/uploads/{record['id']}", params={"permanent": "true"}).status_code == 204
        cut(api, two, **whole)
        adds_up(server)


# ---- the disk ----

@contextlib.contextmanager
def on_a_small_disk(folder, *flags):
    """A server that has its store there, and the disk."""
    with mounted(folder / "disk", 100) as disk:
        config = folder / "audiotricks.conf"
        config.write_text(f'[store "main"]\nprovider = local\npath = {disk}/store\n')
        with Server(folder / "data", "--config", str(config), "--jobs-retry-delay", "10ms", *flags,
                    jobs=True) as server:
            yield server, disk


def test_a_cut_leaves_free_what_is_kept_free(tmp_path):
    """One chunk of more than there is room for: the disk fills up no further than to the reserve."""
    with on_a_small_disk(tmp_path, "--uploads-chunk-threshold", "1h") as (server, disk):
        api = server.api()
        record = processed(api, tone("room.wav", 900, 2000).read_bytes(), "room.wav")
        assert record["status"] == "completed"
        fill(disk, kept_free(disk) + 12 * MIB)
        answer = api.post(f"/v1/uploads/{record['id']}/chunks", json=WHOLE)
        path = f"/v1/jobs/{answer.json()['id']}"
        free = []
        wait_until(lambda: free.append(os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize)
                   or api.get(path).json()["status"] in DONE, 120, "the end of cutting")
        job = api.get(path).json()
        assert (job["status"], job["error_code"]) == ("failed", "storage_full")
        assert min(free) >= kept_free(disk) - 4 * MIB
        assert api.get_json(f"/v1/uploads/{record['id']}")["status"] == "completed"


def test_what_has_no_room_for_chunks_is_validated_and_analyzed(tmp_path):
    with on_a_small_disk(tmp_path) as (server, disk):
        api = server.api()
        fill(disk, kept_free(disk) + 12 * MIB)
        record = processed(api, tone("room.wav", 900, 2000).read_bytes(), "room.wav")
        assert (record["status"], record["error_code"]) == ("failed", "storage_full")
        found = {kind: (job["status"], job["attempts"]) for kind, job in jobs_of(api, record).items()}
        assert found == {"validate": ("completed", 1), "analyze": ("completed", 1), "chunk": ("failed", 4)}
        assert record["metadata"]["report"]["verdict"] == "whole" and record["metadata"]["analysis"]


# ---- the number ----

@pytest.fixture(scope="module")
def many():
    return tone("room-many.wav", 10001, 1000).read_bytes()


def test_a_cut_makes_ten_thousand_chunks_at_most(tmp_path, many):
    with Server(tmp_path / "data", "--chunks-sample-rate", "source", jobs=True) as server:
        api = server.api()
        record = processed(api, many, "many.wav")
        before, jobs = chunks_of(api, record), jobs_of(api, record)
        path = f"/v1/uploads/{record['id']}/chunks"
        # 2000 bytes each second; 32.768 s in 65,536 bytes, of which 31.768 are new
        for options in ({"max_duration": 1}, {"max_bytes": 65536, "overlap": 31.9, "max_duration": 64}):
            expect_problem(api.post(path, json=options), 422, "too_many_chunks")
            expect_problem(api.post("/v1/jobs", json={"kind": "chunk", "upload_id": record["id"], "options": options}),
                           422, "too_many_chunks")
        assert chunks_of(api, record) == before and jobs_of(api, record) == jobs and len(before) == 34
        assert cut(api, record, max_duration=100)["result"]["chunks"] == 101


@pytest.mark.parametrize("flags", [("--uploads-max-chunk-duration", "1s"),
                                   ("--uploads-max-chunk-duration", "1900ms", "--chunks-overlap", "950ms")])
def test_an_upload_that_would_be_cut_into_more_is_refused(tmp_path, many, flags):
    with Server(tmp_path / "data", *flags) as server:
        api = server.api()
        problem = expect_problem(api.post("/v1/uploads", params={"filename": "many.wav"}, data=many), 422,
                                 "too_many_chunks")
        assert "10000" in problem["detail"]
        assert api.get_json("/v1/uploads")["items"] == []
        assert api.upload(wav(301), "few.wav")["status"] == "uploaded"
        assert server.verify()["totals"]["objects"] == 1
