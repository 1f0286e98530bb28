"""What the server makes of uploads by itself: validation, chunks, waveforms."""
import hashlib
import json
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from audio import ffmpeg, wav
from processing import (DONE, adds_up, chunks_of, content_of, cut, decoded, jobs_made, jobs_of, joined, processed,
                        samples)
from server import Server, wait_until

SHORT = ("--uploads-chunk-threshold", "5s", "--uploads-max-chunk-duration", "4s")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("processing") / "data", *SHORT, jobs=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    return server.api()


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


# ---- chunk ----

@pytest.mark.parametrize("name, arguments", [
    ("c.mp3", ("-c:a", "libmp3lame", "-ar", "44100")), ("c.flac", ("-c:a", "flac", "-ar", "48000", "-ac", "2")),
    ("c.opus", ("-c:a", "libopus")), ("c.ogg", ("-c:a", "libvorbis", "-ar", "32000")),
    ("c.wav", ("-ar", "16000"))])
def test_joined_chunks_are_the_whole(api, name, arguments):
    path = ffmpeg(name, *arguments, seconds=9.5, source="anoisesrc=color=pink:seed=7")
    record = processed(api, path.read_bytes(), name)
    assert record["status"] == "completed", record
    chunks = chunks_of(api, record)
    assert [c["chunk_index"] for c in chunks] == [0, 1, 2]
    assert {c["total_chunks"] for c in chunks} == {3} and {c["status"] for c in chunks} == {"completed"}
    assert [c["start_time"] for c in chunks] == [0, 4, 8]
    form, whole = joined(api, chunks)
    assert form == (1, 2, 16000)
    assert whole == decoded(path, "-ar", "16000", "-ac", "1")


def test_a_chunk_is_a_file_with_digests(api):
    record = processed(api, wav(6, seed=11), "digests.wav")
    chunks = chunks_of(api, record)
    assert len(chunks) == 2
    for chunk in chunks:
        answer = content_of(api, chunk)
        content = answer.content
        assert len(content) == chunk["chunk_size"]
        assert hashlib.md5(content).hexdigest() == chunk["checksum_md5"]
        assert hashlib.sha256(content).hexdigest() == chunk["checksum_sha256"]
        assert answer.headers["ETag"] == f'"sha256-{chunk["checksum_sha256"]}"'
        assert answer.headers["Content-Type"] == "audio/wav"
        assert chunk["chunk_path"].endswith("/" + chunk["chunk_filename"])
        assert chunk["processing_job_id"] == jobs_of(api, record)["chunk"]["id"]
        assert chunk["processing_time_ms"] >= 0 and chunk["processing_completed_at"] is not None
    part = content_of(api, chunks[0], 206, headers={"Range": "bytes=100-199"})
    assert part.content == content_of(api, chunks[0]).content[100:200]
    content_of(api, chunks[0], 304, headers={"If-None-Match": f'"sha256-{chunks[0]["checksum_sha256"]}"'})


def test_short_files_are_not_cut(api):
    record = processed(api, wav(3, seed=12), "short.wav")
    assert chunks_of(api, record) == [] and "chunk" not in jobs_of(api, record)
    answer = api.get(f"/v1/uploads/{record['id']}/chunks/0/content")
    assert answer.status_code == 404
    assert api.get(f"/v1/uploads/{record['id']}/chunks/x/content").status_code == 404


def test_a_planned_chunk_has_no_content_yet(tmp_path):
    with Server(tmp_path / "data", *SHORT) as server:
        record = server.api().upload(wav(6, seed=13), "planned.wav")
        problem = content_of(server.api(), chunks_of(server.api(), record)[0], 409).json()
        assert problem["code"] == "conflict" and "not been cut" in problem["detail"]


def test_validation_and_cutting_take_one_decode(api):
    record = processed(api, wav(7, seed=14), "together.wav")
    made = jobs_of(api, record)
    assert sorted(made) == ["analyze", "chunk", "validate"]
    assert len({job["started_at"] for job in made.values()}) == 1
    assert made["chunk"]["result"] == {"from_cache": False, "chunks": 2, "format": "wav",
                                       "sample_rate": 16000, "channels": 1, "bits": 16}
    events = [h for h in history(api, record)]
    assert events == ["uploaded", "validating", "processing", "completed"]


def test_cutting_anew_takes_the_place_of_what_there_was(server, api):
    content = wav(9, rate=22050, channels=2, seed=15)
    record = processed(api, content, "anew.wav")
    before = chunks_of(api, record)
    assert cut(api, record, max_duration=2.5, overlap=0.5, sample_rate="source", channels="source",
               bits="source")["result"]["channels"] == 2
    after = chunks_of(api, record)
    assert [(c["start_time"], c["end_time"]) for c in after] == [
        (0, 2.5), (2, 4.5), (4, 6.5), (6, 8.5), (8, 9)]
    assert not {c["id"] for c in after} & {c["id"] for c in before}  # none is of the same audio
    cut(api, record, max_duration=2.5, overlap=0.5, format="flac")
    assert [c["id"] for c in chunks_of(api, record)] == [c["id"] for c in after]  # they are the same chunks
    cut(api, record, max_duration=2.5, overlap=0.5, sample_rate="source", channels="source", bits="source")
    after = chunks_of(api, record)
    form, first = samples(content_of(api, after[0]).content)
    assert form == (2, 2, 22050)
    whole = samples(content)[1]
    rest = [samples(content_of(api, c).content)[1][int(0.5 * 22050) * 4:] for c in after[1:]]
    assert first + b"".join(rest) == whole
    assert cut(api, record, max_duration=8)["result"]["chunks"] == 2
    assert len(chunks_of(api, record)) == 2
    content_of(api, {**after[3]}, 404)
    adds_up(server)


def test_flac_chunks_and_a_ceiling_in_bytes(api):
    path = ffmpeg("ceiling.wav", "-ar", "16000", seconds=9.0, source="anoisesrc=color=pink:seed=3")
    record = processed(api, path.read_bytes(), "ceiling.wav")
    cut(api, record, max_bytes=100_000)
    chunks = chunks_of(api, record)
    assert max(c["chunk_size"] for c in chunks) <= 100_000 and len(chunks) >= 3
    assert joined(api, chunks)[1] == decoded(path)
    cut(api, record, format="flac")
    chunks = chunks_of(api, record)
    assert all(c["chunk_filename"].endswith(".flac") for c in chunks)
    parts = []
    for chunk in chunks:
        answer = content_of(api, chunk)
        assert answer.headers["Content-Type"] == "audio/flac" and answer.content[:4] == b"fLaC"
        parts.append(subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", "s16le", "-"], check=True,
                                    input=answer.content, capture_output=True).stdout)
    assert b"".join(parts) == decoded(path)


def test_a_short_file_is_cut_if_somebody_asks(api):
    record = processed(api, wav(2, seed=16), "asked.wav")
    cut(api, record, max_duration=1)
    assert [c["duration"] for c in chunks_of(api, record)] == [1, 1]


@pytest.mark.parametrize("options, word", [
    ({"format": "mp3"}, "format"), ({"sample_rate": 10}, "sample_rate"), ({"channels": 0}, "channels"),
    ({"bits": 20}, "bits"), ({"max_duration": 0.5}, "max_duration"), ({"max_duration": "1"}, "max_duration"),
    ({"max_duration": 2, "overlap": 1.5}, "overlap"), ({"max_bytes": 65535}, "max_bytes"),
    ({"boundaries": "word"}, "boundaries"), ({"speed": 2}, "speed")])
def test_options_are_checked(api, options, word):
    record = processed(api, wav(1, seed=17), "checked.wav")
    answer = api.post(f"/v1/uploads/{record['id']}/chunks", json=options)
    assert answer.status_code == 400 and word in answer.json()["detail"], answer.text


def test_chunks_go_with_their_upload(tmp_path):
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        api = server.api()
        record = processed(api, wav(9, seed=18), "gone.wav")
        sizes = [c["chunk_size"] for c in chunks_of(api, record)]
        assert len(sizes) == 3
        sizes += [p.stat().st_size for p in (server.data / "store/waveforms").rglob("*.dat")]
        assert len(sizes) == 3 + 4 and adds_up(server)["derived_bytes"] == sum(sizes)
        assert api.delete(f"/v1/uploads/{record['id']}").status_code in (200, 204)
        assert api.delete(f"/v1/uploads/{record['id']}", params={"permanent": "1"}).status_code in (200, 204)
        totals = adds_up(server)
        assert totals["derived_bytes"] == 0 and totals["garbage_bytes"] == sum(sizes)


def test_verify_misses_a_chunk_that_is_gone(tmp_path):
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        api = server.api()
        first, second = chunks_of(api, processed(api, wav(6, seed=19), "lost.wav"))
        store = server.data / "store"
        (store / first["chunk_path"]).unlink()
        path = store / second["chunk_path"]
        path.chmod(0o600)
        path.write_bytes(bytes(second["chunk_size"]))
        done = server.cli("verify", "--data", server.data, "--content", "--json", check=False)
        found = {f["key"]: f["problem"] for f in json.loads(done.stdout)["findings"]}
        assert found == {first["chunk_path"]: "missing", second["chunk_path"]: "wrong_bytes"}


def test_the_configuration_says_how_chunks_are_cut(tmp_path):
    settings = ("--chunks-format", "flac", "--chunks-sample-rate", "source", "--chunks-channels", "2",
                "--chunks-overlap", "1s", "--chunks-max-bytes", "1M")
    with Server(tmp_path / "data", *SHORT, *settings, jobs=True) as server:
        api = server.api()
        answer = api.post("/v1/uploads", params={"filename": "c.wav"}, data=wav(9, rate=22050, seed=21))
        planned = chunks_of(api, answer.json())
        wait_until(lambda: api.get(f"/v1/uploads/{answer.json()['id']}").json()["status"] in DONE, 60, "the end")
        record = api.get(f"/v1/uploads/{answer.json()['id']}").json()
        assert jobs_of(api, record)["chunk"]["result"] == {
            "from_cache": False, "chunks": 3, "format": "flac", "sample_rate": 22050, "channels": 2, "bits": 16}
        chunks = chunks_of(api, record)
        assert [(c["start_time"], c["end_time"]) for c in chunks] == [(0, 4), (3, 7), (6, 9)]
        assert {c["chunk_filename"] for c in planned} == {c["chunk_filename"] for c in chunks}
        # What a request says comes before; what it leaves out does not change.
        assert cut(api, record, format="wav", overlap=0)["result"] == {
            "from_cache": False, "chunks": 3, "format": "wav", "sample_rate": 22050, "channels": 2, "bits": 16}
        assert cut(api, record, max_bytes=65_536, overlap=0)["result"]["chunks"] > 10
        answer = api.post(f"/v1/uploads/{record['id']}/chunks", json={"max_duration": 1.5})
        assert answer.status_code == 400 and "overlap" in answer.json()["detail"]
        adds_up(server)


# ---- made again ----

def test_a_chunk_that_is_gone_is_cut_again(server, api):
    record = processed(api, wav(9, seed=41), "again.wav")
    cut(api, record, max_duration=2, format="flac", overlap=0.5)
    chunks = chunks_of(api, record)
    contents = [content_of(api, chunk).content for chunk in chunks]
    for chunk in chunks:
        (server.data / "store" / chunk["chunk_path"]).unlink()
    before = len(jobs_made(api, record, "chunk"))
    assert content_of(api, chunks[2]).content == contents[2]
    after = chunks_of(api, record)
    same = ("id", "chunk_index", "total_chunks", "start_time", "end_time", "chunk_size", "checksum_sha256",
            "chunk_filename", "status")
    assert [[c[name] for name in same] for c in after] == [[c[name] for name in same] for c in chunks]
    assert [content_of(api, chunk).content for chunk in after] == contents
    # One job made all of them, with the options of the last time.
    assert len(jobs_made(api, record, "chunk")) == before + 1
    assert api.get(f"/v1/uploads/{record['id']}").json()["status"] == "completed"
    adds_up(server)


def test_many_who_miss_a_chunk_wait_for_one_job(server, api):
    record = processed(api, wav(9, seed=42), "many.wav")
    chunks = chunks_of(api, record)
    contents = [content_of(api, chunk).content for chunk in chunks]
    for chunk in chunks:
        (server.data / "store" / chunk["chunk_path"]).unlink()
    with ThreadPoolExecutor(9) as pool:
        found = list(pool.map(lambda i: content_of(server.api(), chunks[i % 3]).content, range(18)))
    assert found == [contents[i % 3] for i in range(18)]
    # Who came too late to wait for a job may have asked for one more, never for one each.
    assert len(jobs_made(api, record, "chunk")) <= 3
    adds_up(server)


def test_a_waveform_that_is_gone_is_drawn_again(server, api):
    record = processed(api, wav(3, rate=16000, seed=43), "drawn.wav")
    answer = api.post("/v1/jobs", json={"kind": "analyze", "upload_id": record["id"],
                                        "options": {"zooms": [100, 400], "waveform_bits": 16}})
    path = f"/v1/jobs/{answer.json()['items'][0]['id']}"
    wait_until(lambda: api.get(path).json()["status"] == "completed", 60, "the analysis")
    drawn = {zoom: waveform(api, record, params={"zoom": zoom}).content for zoom in (100, 400)}
    found = api.get(f"/v1/uploads/{record['id']}").json()["metadata"]["analysis"]
    for file in (server.data / "store/waveforms" / record["id"]).rglob("*.dat"):
        file.unlink()
    assert waveform(api, record, params={"zoom": 400}).content == drawn[400]
    assert waveform(api, record, params={"zoom": 100}).content == drawn[100]
    assert api.get(f"/v1/uploads/{record['id']}").json()["metadata"]["analysis"] == found
    adds_up(server)


def test_what_cannot_be_made_again_says_so(tmp_path):
    with Server(tmp_path / "data", *SHORT, "--jobs-waiting-max", "0", jobs=True) as server:
        api = server.api()
        record = processed(api, wav(6, seed=44), "lost.wav")
        chunk = chunks_of(api, record)[0]
        (server.data / "store" / chunk["chunk_path"]).unlink()
        assert api.post("/v1/job-kinds/chunk/pause").status_code in (200, 204)
        answer = content_of(api, chunk, 503)  # nobody may wait here, and nobody cuts
        assert answer.json()["code"] == "unavailable" and "Retry-After" in answer.headers
        made = jobs_made(api, record, "chunk")
        content_of(api, chunk, 503)
        assert len(jobs_made(api, record, "chunk")) == len(made) == 2
        assert api.post(f"/v1/jobs/{made[0]['id']}/cancel").status_code == 200
        assert api.post("/v1/job-kinds/chunk/resume").status_code in (200, 204)
        wait_until(lambda: api.get(f"/v1/uploads/{record['id']}/chunks/0/content").status_code == 200, 60,
                   "the chunk")
        adds_up(server)


def test_without_its_source_a_chunk_is_not_cut_again(tmp_path):
    with Server(tmp_path / "data", *SHORT, "--jobs-retry-delay", "10ms", jobs=True) as server:
        api = server.api()
        record = processed(api, wav(6, seed=45), "lost.wav")
        chunk = chunks_of(api, record)[0]
        for path in (chunk["chunk_path"], record["storage_path"]):
            (server.data / "store" / path).unlink()
        answer = content_of(api, chunk, 409)
        assert "could not be made again" in answer.json()["detail"]
        assert jobs_made(api, record, "chunk")[0]["status"] == "failed"
        assert api.get(f"/v1/uploads/{record['id']}").json()["status"] == "completed"


# ---- analyze ----

def waveform(api, record, expect=200, **options):
    answer = api.get(f"/v1/uploads/{record['id']}/waveform", **options)
    assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
    return answer


def peaks(content, per_pixel):
    """What audiowaveform's .dat of 8 bits holds for mono samples of 16."""
    frames = struct.unpack(f"<{len(samples(content)[1]) // 2}h", samples(content)[1])
    spans = [frames[at:at + per_pixel] for at in range(0, len(frames), per_pixel)]
    return [value for span in spans for value in (min(span) // 256, max(span) // 256)]


def test_the_analysis_is_in_the_metadata(api):
    record = processed(api, ffmpeg("loud.wav", "-ar", "48000", seconds=4.0).read_bytes(), "loud.wav")
    found = record["metadata"]["analysis"]
    assert found["loudness"]["integrated_lufs"] == pytest.approx(-21.7, abs=1)
    assert found["fingerprint"]["algorithm"] == "chromaprint" and found["fingerprint"]["text"]
    assert [w["samples_per_pixel"] for w in found["waveforms"]] == [256, 1024, 4096, 16384]
    assert found["silence_spans"] == 0 and "silence" not in found
    job = jobs_of(api, record)["analyze"]
    assert job["result"]["from_cache"] is False and job["result"]["analysis"]["silence"] == []
    assert record["metadata"]["report"]["verdict"] == "whole"


def test_waveforms_of_several_zooms(api):
    content = wav(3, rate=16000, seed=31)
    record = processed(api, content, "drawn.wav")
    for zoom, per_pixel in ((256, 256), (300, 256), (1, 256), (1024, 1024), (99999, 16384), (None, 16384)):
        query = {"zoom": zoom} if zoom else {}
        answer = waveform(api, record, params=query)
        assert answer.headers["Content-Type"] == "application/octet-stream"
        head = struct.unpack("<iIiiIi", answer.content[:24])
        pixels = -(-48000 // per_pixel)
        assert head == (2, 1, 16000, per_pixel, pixels, 1)
        told = waveform(api, record, params=query, headers={"Accept": "application/json"}).json()
        data = list(struct.unpack(f"{2 * pixels}b", answer.content[24:]))
        assert told == {"version": 2, "channels": 1, "sample_rate": 16000, "samples_per_pixel": per_pixel,
                        "bits": 8, "length": pixels, "data": data}
        assert all(abs(a - b) <= 1 for a, b in zip(data, peaks(content, per_pixel)))
    part = waveform(api, record, 206, params={"zoom": 256}, headers={"Range": "bytes=24-33"})
    assert len(part.content) == 10
    assert waveform(api, record, params={"format": "json"}).json()["version"] == 2
    for query in ({"zoom": 0}, {"zoom": "x"}, {"format": "png"}):
        waveform(api, record, 400, params=query)


@pytest.mark.parametrize("rate", [1, 1000])
def test_an_upload_of_a_very_low_rate_is_processed(api, rate):
    """What cannot be measured is null, the waveform is drawn."""
    record = processed(api, wav(400 if rate == 1 else 3, rate=rate, seed=34), f"low-{rate}.wav")
    assert record["status"] == "completed", jobs_of(api, record)
    analysis = record["metadata"]["analysis"]
    assert analysis["fingerprint"] is None and analysis["loudness"]["integrated_lufs"] is None
    head = struct.unpack("<iIiiIi", waveform(api, record, params={"zoom": 256}).content[:24])
    assert head[2] == rate and head[4] == (2 if rate == 1 else 12)


def test_there_is_no_waveform_before_the_analysis(tmp_path):
    with Server(tmp_path / "data") as server:
        record = server.api().upload(wav(1, seed=32), "early.wav")
        assert waveform(server.api(), record, 404).json()["code"] == "not_found"


def test_an_analysis_with_options(api):
    record = processed(api, wav(2, rate=8000, channels=2, seed=33), "options.wav")
    before = waveform(api, record).content
    answer = api.post("/v1/jobs", json={"kind": "analyze", "upload_id": record["id"], "options": {
        "zooms": [100, 400], "waveform_bits": 16, "waveform_split": True}})
    path = f"/v1/jobs/{answer.json()['items'][0]['id']}"
    wait_until(lambda: api.get(path).json()["status"] in DONE, 60, "the analysis")
    assert api.get(path).json()["status"] == "completed"
    after = waveform(api, record).content
    assert struct.unpack("<iIiiIi", after[:24]) == (2, 0, 8000, 400, 40, 2) and after != before
    for options in ({"zooms": []}, {"zooms": [100, 150]}, {"waveform_bits": 9}, {"waveform_split": 1},
                    {"silence_threshold": 3}, {"silence_min": 0}, {"pitch": 1}):
        answer = api.post("/v1/jobs", json={"kind": "analyze", "upload_id": record["id"], "options": options})
        assert answer.status_code == 400 and list(options)[0] in answer.json()["detail"], answer.text


def test_a_duplicate_takes_its_analysis_and_waveforms_from_the_cache(server, api):
    content = wav(3, rate=16000, seed=34)
    first, second = processed(api, content, "one.wav"), processed(api, content, "two.wav")
    assert jobs_of(api, second)["analyze"]["result"]["from_cache"] is True
    assert second["metadata"]["analysis"] == first["metadata"]["analysis"]
    drawn = waveform(api, first, params={"zoom": 256}).content
    for record in (first, second):  # each has files of its own
        assert waveform(api, record, params={"zoom": 256}).content == drawn
    api.delete(f"/v1/uploads/{first['id']}")
    api.delete(f"/v1/uploads/{first['id']}", params={"permanent": "1"})
    assert waveform(api, second, params={"zoom": 256}).content == drawn
    adds_up(server)


def test_a_result_without_its_waveforms_is_made_again(server, api):
    content = wav(3, rate=16000, seed=35)
    first = processed(api, content, "one.wav")
    found = first["metadata"]["analysis"]
    for path in (server.data / "store/waveforms" / first["id"]).rglob("*.dat"):
        path.unlink()
    second = processed(api, content, "two.wav")
    assert jobs_of(api, second)["analyze"]["result"]["from_cache"] is False
    assert second["metadata"]["analysis"] == found and waveform(api, second).content
    api.delete(f"/v1/uploads/{first['id']}")
    api.delete(f"/v1/uploads/{first['id']}", params={"permanent": "1"})
    adds_up(server)
