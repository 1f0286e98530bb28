"""What was cut once is not cut again: uploads of one content share the files of a cut."""
import pytest

from audio import wav
from jobs import configuration
from processing import chunks_of, content_of, cut, joined, jobs_of, processed
from server import Server, expect_problem
from test_processing_files import put_in_place

pytestmark = pytest.mark.databases("sqlite", "postgres")

SHORT = ("--uploads-chunk-threshold", "5s", "--uploads-max-chunk-duration", "4s", "--jobs-retry-delay", "10ms")


@pytest.fixture(scope="module")
def server(tmp_path_factory, database):
    with Server(tmp_path_factory.mktemp("again") / "data", *SHORT, jobs=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    return server.api()


def path_of(server, chunk):
    return server.data / "store" / chunk["chunk_path"]


def places(chunks):
    return [chunk["chunk_path"] for chunk in chunks]


def purge(api, record):
    answer = api.delete(f"/v1/uploads/{record['id']}", params={"permanent": "true"})
    assert answer.status_code == 204, answer.text


def derived_bytes(server):
    return server.verify()["totals"]["derived_bytes"]


def was_cached(job):
    assert job["status"] == "completed" and job["from_cache"] == job["result"]["from_cache"], job
    return job["from_cache"]


def cut_of(api, record):
    return was_cached(jobs_of(api, record)["chunk"])


def test_a_duplicate_shares_the_chunks_and_keeps_them(server, api):
    content = wav(9, seed=101)
    first = processed(api, content, "one.wav")
    before = api.get_json(f"/v1/cache/{first['checksum_sha256']}/chunk", 404)
    assert before["code"] == "cache_miss"  # it is kept under all that the cut is, not under what was said of it
    second = processed(api, content, "two.wav")
    jobs = jobs_of(api, second)
    assert {kind: job["from_cache"] for kind, job in jobs.items()} == dict.fromkeys(("validate", "chunk", "analyze"), True)
    assert not cut_of(api, first)
    assert {**jobs["chunk"]["result"], "from_cache": False} == jobs_of(api, first)["chunk"]["result"]
    ones, twos = chunks_of(api, first), chunks_of(api, second)
    said = ("chunk_index", "start_time", "end_time", "chunk_size", "chunk_path", "checksum_md5", "checksum_sha256")
    assert [[chunk[name] for name in said] for chunk in ones] == [[chunk[name] for name in said] for chunk in twos]
    assert len(ones) == 3 and {chunk["status"] for chunk in twos} == {"completed"}
    assert not {chunk["id"] for chunk in ones} & {chunk["id"] for chunk in twos}
    bytes_of = [content_of(api, chunk).content for chunk in ones]
    assert [content_of(api, chunk).content for chunk in twos] == bytes_of
    assert content_of(api, twos[0]).headers["Last-Modified"] == content_of(api, ones[0]).headers["Last-Modified"]
    both = derived_bytes(server)
    purge(api, first)
    assert [content_of(api, chunk).content for chunk in twos] == bytes_of
    chunk_bytes = sum(chunk["chunk_size"] for chunk in ones)
    one = derived_bytes(server)
    assert chunk_bytes < one < both < 2 * chunk_bytes  # the chunks once, and each its own waveforms
    purge(api, second)
    assert derived_bytes(server) < one - chunk_bytes


def test_the_same_cut_is_made_once(server, api):
    record = processed(api, wav(9, seed=102), "same.wav")
    chunks = chunks_of(api, record)
    assert was_cached(cut(api, record)) and was_cached(cut(api, record, max_duration=4, format="wav"))
    assert [(c["id"], c["chunk_path"]) for c in chunks_of(api, record)] == [(c["id"], c["chunk_path"]) for c in chunks]
    assert not was_cached(cut(api, record, max_duration=3))
    assert places(chunks_of(api, record)) != places(chunks)
    # The files of the first cut went with it.
    assert not was_cached(cut(api, record))
    assert [c["checksum_sha256"] for c in chunks_of(api, record)] == [c["checksum_sha256"] for c in chunks]
    server.verify()


def test_another_upload_still_has_the_files_of_an_earlier_cut(server, api):
    content = wav(9, seed=103)
    first, second = processed(api, content, "one.wav"), processed(api, content, "two.wav")
    places_before = places(chunks_of(api, first))
    assert not was_cached(cut(api, first, max_duration=3))
    assert [content_of(api, chunk).status_code for chunk in chunks_of(api, second)] == [200] * 3
    assert was_cached(cut(api, first))
    assert places(chunks_of(api, first)) == places_before
    server.verify()


@pytest.mark.parametrize("damage", [
    lambda path: path.unlink(), lambda path: put_in_place(path, path.read_bytes()[:-1]),
    lambda path: put_in_place(path, path.read_bytes()[:-1] + b"\x55")], ids=["gone", "short", "other"])
def test_files_that_are_not_there_any_more_are_cut_again(tmp_path, damage):
    content = wav(9, seed=104)
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        api = server.api()
        first = processed(api, content, "one.wav")
        chunks = chunks_of(api, first)
        whole = joined(api, chunks)
        damage(path_of(server, chunks[1]))
        second = processed(api, content, "two.wav")
        assert not cut_of(api, second)
        assert joined(api, chunks_of(api, second)) == whole
        # And there is somebody to take them from again.
        assert was_cached(cut(api, first))
        assert joined(api, chunks_of(api, first)) == whole
        server.verify()


def test_files_that_several_share_are_looked_at_once(tmp_path):
    """A link to itself stands in the place of a file, and whoever looks at it says so in the log."""
    content = wav(9, seed=110)
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        api = server.api()
        records = [processed(api, content, name) for name in ("one.wav", "two.wav", "three.wav")]
        lost = path_of(server, chunks_of(api, records[0])[0])
        assert [path_of(server, chunks_of(api, record)[0]) for record in records] == [lost] * 3
        kept = lost.read_bytes()
        lost.unlink()
        lost.symlink_to(lost)
        assert not cut_of(api, processed(api, content, "four.wav"))
        assert server.log_text().count("could not be read") == 1
        lost.unlink()
        lost.write_bytes(kept)
        server.verify()


def test_a_file_that_two_have_lost_is_cut_once(server, api):
    content = wav(9, seed=105)
    records = [processed(api, content, name) for name in ("one.wav", "two.wav")]
    lost = [chunks_of(api, record)[0] for record in records]
    kept = content_of(api, lost[0]).content
    path_of(server, lost[0]).unlink()
    assert [content_of(api, chunk).content for chunk in lost] == [kept, kept]
    now = [chunks_of(api, record)[0]["chunk_path"] for record in records]
    assert now[0] == now[1] != lost[0]["chunk_path"]
    server.verify()


def test_what_is_configured_is_part_of_what_is_known(tmp_path):
    content = wav(9, rate=22050, seed=106)
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        first = processed(server.api(), content, "one.wav")
        chunks = chunks_of(server.api(), first)
    with Server(tmp_path / "data", *SHORT, "--chunks-sample-rate", "22050", jobs=True) as server:
        api = server.api()
        second = processed(api, content, "two.wav")
        assert not cut_of(api, second)
        assert jobs_of(api, second)["chunk"]["result"]["sample_rate"] == 22050
        assert was_cached(cut(api, second, sample_rate=16000))
        assert places(chunks_of(api, second)) == places(chunks)


def test_processors_take_the_results_of_shared_chunks(tmp_path):
    text = '[processor "length"]\nper = chunk\nafter = chunk\nshell = true\n' \
           'command = wc -c < "$JOB_INPUT" | sed "s/.*/{\\"text\\":\\"&\\"}/"\n'
    with Server(tmp_path / "data", *SHORT, *configuration(tmp_path, text), jobs=True) as server:
        api, content = server.api(), wav(9, seed=107)
        first, second = processed(api, content, "one.wav"), processed(api, content, "two.wav")
        assert (first["status"], second["status"]) == ("completed", "completed")
        results = [api.get_json(f"/v1/uploads/{record['id']}/results/length") for record in (first, second)]
        assert results[0]["text"] == results[1]["text"] == "128044 128044 32044"
        assert jobs_of(api, second)["length"]["from_cache"]
        server.verify()


def test_a_request_that_is_repeated_cuts_once(api):
    record, other = processed(api, wav(6, seed=108), "one.wav"), processed(api, wav(6, seed=109), "other.wav")
    key = {"Idempotency-Key": "cut-once"}

    def ask(upload, options, **more):
        return api.post(f"/v1/uploads/{upload['id']}/chunks", json=options, **more)
    first, second = ask(record, {"max_duration": 3}, headers=key), ask(record, {"max_duration": 3}, headers=key)
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    expect_problem(ask(record, {"max_duration": 2}, headers=key), 422, "idempotency_key_reused")
    expect_problem(ask(other, {"max_duration": 3}, headers=key), 422, "idempotency_key_reused")
    assert ask(record, {"max_duration": 3}).json()["id"] != first.json()["id"]
    bare = [api.post(f"/v1/uploads/{record['id']}/chunks", headers={"Idempotency-Key": "bare"}) for _ in range(2)]
    assert bare[0].status_code == 202 and bare[0].json()["id"] == bare[1].json()["id"]
