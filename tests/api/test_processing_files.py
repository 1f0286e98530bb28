"""The files that processing made: made again as they were, and never served or copied when damaged."""
import json
import time

import pytest

from audio import wav
from jobs import configuration, lease, tell
from processing import adds_up, chunks_of, content_of, jobs_of, processed
from server import Server, wait_until

SHORT = ("--uploads-chunk-threshold", "5s", "--uploads-max-chunk-duration", "4s", "--jobs-retry-delay", "10ms")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("files") / "data", *SHORT, jobs=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    return server.api()


def put_in_place(path, content):
    """Other bytes, as a damaged disk would have them."""
    path.chmod(0o600)
    path.write_bytes(content)


def waveform(api, record, **query):
    answer = api.get(f"/v1/uploads/{record['id']}/waveform", params=query)
    assert answer.status_code == 200, answer.text
    return answer


def test_chunks_without_a_ceiling_are_made_again_without_one(tmp_path):
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        record = processed(server.api(), wav(9, rate=16000, seed=91), "free.wav")
        chunks = chunks_of(server.api(), record)
        content = content_of(server.api(), chunks[1]).content
        (server.data / "store" / chunks[1]["chunk_path"]).unlink()
    with Server(tmp_path / "data", *SHORT, "--chunks-max-bytes", "70000", jobs=True) as server:
        api = server.api()
        assert content_of(api, chunks[1]).content == content
        spans = [(c["start_time"], c["end_time"], c["id"]) for c in chunks_of(api, record)]
        assert spans == [(c["start_time"], c["end_time"], c["id"]) for c in chunks]
        adds_up(server)


@pytest.mark.parametrize("seed, damage", [
    (192, lambda content: content[:1000]), (292, lambda content: content + b"more"), (392, lambda _: b"")])
def test_a_chunk_of_another_length_is_cut_again(server, api, seed, damage):
    record = processed(api, wav(9, seed=seed), "short.wav")
    chunk = chunks_of(api, record)[1]
    content = content_of(api, chunk).content
    put_in_place(server.data / "store" / chunk["chunk_path"], damage(content))
    answer = content_of(api, chunk)
    assert answer.content == content and answer.headers["ETag"] == f'"sha256-{chunk["checksum_sha256"]}"'
    assert chunks_of(api, record)[1]["chunk_path"] != chunk["chunk_path"]
    adds_up(server)


def test_a_waveform_of_another_length_is_drawn_again(server, api):
    record = processed(api, wav(3, seed=93), "short.wav")
    drawn = waveform(api, record, zoom=256).content
    path, = (server.data / "store/waveforms" / record["id"]).rglob("waveform_256.dat")
    put_in_place(path, drawn[:100])
    assert waveform(api, record, zoom=256).content == drawn
    adds_up(server)


def test_a_damaged_waveform_is_not_taken_over(tmp_path):
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        api, content = server.api(), wav(3, seed=94)
        first = processed(api, content, "one.wav")
        drawn = waveform(api, first, zoom=256).content
        path, = (server.data / "store/waveforms" / first["id"]).rglob("waveform_256.dat")
        put_in_place(path, drawn[:-1] + bytes([drawn[-1] ^ 1]))
        second = processed(api, content, "two.wav")
        assert jobs_of(api, second)["analyze"]["result"]["from_cache"] is False
        assert waveform(api, second, zoom=256).content == drawn
        done = server.cli("verify", "--data", server.data, "--content", "--json", check=False)
        found = [finding["key"] for finding in json.loads(done.stdout)["findings"]]
        assert found == [str(path.relative_to(server.data / "store"))]


def test_a_chunk_was_modified_when_it_was_cut(tmp_path):
    """And not when a processor was done with it: its bytes are the same."""
    text = '[processor "each"]\nper = chunk\nafter = chunk\n'
    with Server(tmp_path / "data", *SHORT, *configuration(tmp_path, text), jobs=True) as server:
        api = server.api()
        record = api.upload(wav(9, seed=95), "when.wav")
        jobs = []
        wait_until(lambda: jobs.extend(lease(api, "each", count=3)) or len(jobs) == 3, 60, "the jobs")
        chunk = chunks_of(api, record)[0]
        assert chunk["processing_completed_at"] is None
        cut_at = content_of(api, chunk).headers["Last-Modified"]
        since = time.time()
        wait_until(lambda: time.time() - since > 2, 60, "another second")
        for job in jobs:
            tell(api, job, "complete")
        assert chunks_of(api, record)[0]["processing_completed_at"]
        assert content_of(api, chunk).headers["Last-Modified"] == cut_at
        content_of(api, chunk, 304, headers={"If-Modified-Since": cut_at})
