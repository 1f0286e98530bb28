"""What processors have made of an upload, joined and kept with it."""
import json

import audio
import pytest
from jobs import ask, configuration, lease, tell
from processors import LIMIT_S, ended
from server import Server, expect_problem, wait_until

pytestmark = pytest.mark.databases("sqlite", "postgres")

CHUNKED = ("--uploads-chunk-threshold", "2s", "--uploads-max-chunk-duration", "1s")
CONFIGURATION = """[jobs]
retry_delay = 10ms
[processor "transcription"]
per = chunk
after = chunk
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory, database):
    folder = tmp_path_factory.mktemp("results")
    with Server(folder / "data", *configuration(folder, CONFIGURATION), *CHUNKED,
                jobs=True) as server:
        yield server, server.api()


def results(api, record, kind=None, expect=200, **query):
    path = f"/v1/uploads/{record['id']}/results" + (f"/{kind}" if kind else "")
    return api.get_json(path, expect=expect, params=query)


def chunks_of(api, record):
    return api.get_json(f"/v1/uploads/{record['id']}/chunks")["items"]


def leased_parts(api, record, kind="transcription", count=3):
    """The leased jobs of its chunks, in order."""
    held = []
    wait_until(lambda: held.extend(lease(api, kind, count=10)) or len(held) == count, LIMIT_S,
               "the jobs of its chunks")
    assert {job["upload_id"] for job in held} == {record["id"]}
    return sorted(held, key=lambda job: job["chunk_index"])


def heard(word):
    return {"text": word, "segments": [{"start": 0.25, "end": 0.75, "text": word}]}


def test_chunks_are_joined_in_their_order(world):
    _, api = world
    record = api.upload(audio.wav(seconds=2.5, seed=11), "long.wav")
    results(api, record, "transcription", expect=404)
    assert results(api, record)["items"] == []
    parts = leased_parts(api, record)
    done = {}
    for number in (2, 0, 1):  # whichever ends first
        done[number] = tell(api, parts[number], "complete", result=heard("abc"[number]))
        joined = results(api, record, "transcription")
        assert joined["complete"] is (len(done) == 3)
        assert (joined["parts"], joined["parts_total"]) == (len(done), 3)
        assert [item["chunk_index"] for item in joined["items"]] == sorted(done)
    assert joined["text"] == "a b c" and joined["next_cursor"] is None
    assert joined["segments"] == [{"start": n + 0.25, "end": n + 0.75, "text": "abc"[n],
                                   "chunk_index": n} for n in range(3)]
    wait_until(lambda: api.get_json(f"/v1/uploads/{record['id']}")["status"] == "completed",
               LIMIT_S, "the upload's end")
    for chunk, item in zip(chunks_of(api, record), joined["items"]):
        number = chunk["chunk_index"]
        assert chunk["transcription_result_id"] == item["id"] and chunk["status"] == "completed"
        assert chunk["processing_job_id"] == item["job_id"] == done[number]["id"]
        assert (item["start_time"], item["end_time"]) == (chunk["start_time"], chunk["end_time"])
        assert item["result"] == done[number]["result"] == heard("abc"[number])
        assert item["processing_time_ms"] == done[number]["processing_time_ms"]
        assert item["from_cache"] is False and item["chunk_id"] == chunk["id"]
    kind, = results(api, record)["items"]
    assert kind == {name: joined[name] for name in
                    ("kind", "complete", "parts", "parts_total", "completed_at")}
    # Page by page.
    pages, query = [], {}
    while True:
        page = results(api, record, "transcription", limit=1, **query)
        pages.append((page["text"], [item["chunk_index"] for item in page["items"]]))
        if page["next_cursor"] is None:
            break
        query = {"cursor": page["next_cursor"]}
    assert pages == [("a", [0]), ("b", [1]), ("c", [2])]
    # The same content again: all of it is known.
    twin = api.upload(audio.wav(seconds=2.5, seed=11), "again.wav")
    wait_until(lambda: api.get_json(f"/v1/uploads/{twin['id']}")["status"] == "completed"
               or lease(api, "transcription"), LIMIT_S, "the twin's end")
    again = results(api, twin, "transcription")
    assert again["segments"] == joined["segments"] and again["complete"]
    assert all(item["from_cache"] for item in again["items"])


def test_what_was_made_last_counts(world):
    """Of the whole, or of its chunks."""
    _, api = world
    record = api.upload(audio.wav(seconds=2.5, seed=12), "long.wav")
    for part in leased_parts(api, record):
        tell(api, part, "complete", result=heard("part"))
    ask(api, "transcription", record["id"])
    whole, = lease(api, "transcription")
    tell(api, whole, "complete", result={"segments": [{"start": 2, "end": 2.5, "text": "whole"}]})
    joined = results(api, record, "transcription")
    assert (joined["text"], joined["complete"], joined["parts_total"]) == ("whole", True, 1)
    item, = joined["items"]
    assert (item["chunk_index"], item["start_time"], item["end_time"]) == (None, 0, 2.5)
    assert joined["segments"] == [{"start": 2, "end": 2.5, "text": "whole"}]
    first, *_ = ask(api, "transcription", record["id"], per="chunk", options={"anew": 1})
    leased = next(job for job in lease(api, "transcription", count=10) if job["id"] == first["id"])
    tell(api, leased, "complete", result=heard("anew"))
    joined = results(api, record, "transcription")
    assert (joined["text"], joined["complete"], joined["parts_total"]) == ("anew", False, 3)


def test_chunks_that_are_cut_otherwise_have_no_results_yet(world):
    _, api = world
    record = api.upload(audio.wav(seconds=2.5, seed=13), "long.wav")
    for part in leased_parts(api, record):
        tell(api, part, "complete", result=heard("part"))

    def cut(**options):
        answer = api.post(f"/v1/uploads/{record['id']}/chunks", json=options)
        assert answer.status_code == 202, answer.text
        assert ended(api, answer.json())["status"] == "completed"

    cut(max_duration=1, format="flac")  # the same spans
    assert results(api, record, "transcription")["complete"]
    cut(max_duration=2)
    results(api, record, "transcription", expect=404)
    assert results(api, record)["items"] == []
    assert [c["transcription_result_id"] for c in chunks_of(api, record)] == [None, None]


def test_results_outlive_their_jobs_and_go_with_the_upload(tmp_path):
    text = "[jobs]\nkeep = 1s\n[server]\nsweep_every = 200ms\n"
    with Server(tmp_path / "data", *configuration(tmp_path, text)) as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.5))
        job, = ask(api, "notes", record["id"], options={"a": 1})
        tell(api, lease(api, "notes")[0], "complete", result={"text": "kept"})
        wait_until(lambda: api.get(f"/v1/jobs/{job['id']}").status_code == 404, LIMIT_S,
                   "the job to be forgotten")
        joined = results(api, record, "notes")
        assert joined["text"] == "kept" and joined["items"][0]["job_id"] == job["id"]
        assert joined["items"][0]["options"] == {"a": 1}
        assert api.delete(f"/v1/uploads/{record['id']}",
                          params={"permanent": "true"}).status_code == 204
        results(api, record, "notes", expect=404)
        server.verify()


def test_numbers_keep_their_digits(world):
    _, api = world
    record = api.upload(audio.wav(seconds=0.5, seed=15))
    ask(api, "measured", record["id"], options={"gain": -18.06})
    leased, = lease(api, "measured")
    text = '{"lease_token":%d,"result":{"a":1.10,"b":-18.06,"c":0.30000000000000004,"d":"1.1000000000000001"}}'
    answer = api.post(f"/v1/jobs/{leased['id']}/complete", data=text % leased["lease_token"],
                      headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    job = json.loads(answer.text, parse_float=str)
    kept = {"a": "1.1", "b": "-18.06", "c": "0.30000000000000004", "d": "1.1000000000000001"}
    assert (job["result"], job["options"]) == (kept, {"gain": "-18.06"})
    joined = api.get(f"/v1/uploads/{record['id']}/results/measured").text
    assert json.loads(joined, parse_float=str)["items"][0]["result"] == kept


def test_pages_that_make_no_sense(world):
    _, api = world
    record = api.upload(audio.wav(seconds=0.5, seed=14))
    ask(api, "notes", record["id"])
    tell(api, lease(api, "notes")[0], "complete", result={})
    assert results(api, record, "notes")["text"] is None
    path = f"/v1/uploads/{record['id']}/results/notes"
    expect_problem(api.get(path, params={"cursor": "x"}), 400, "invalid_cursor")
    expect_problem(api.get(path, params={"limit": 0}), 400, "invalid_request")
