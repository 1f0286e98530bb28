"""Results of external jobs are kept, and are the results of jobs that would make them again."""
import audio
import pytest
from jobs import ask, configuration, lease, tell
from people import make_workspace, member
from processors import LIMIT_S, ended, job_of, section
from server import Server, wait_until

pytestmark = pytest.mark.databases("sqlite", "postgres")

CONFIGURATION = """[jobs]
retry_delay = 10ms
[processor "fresh"]
cache = false
[processor "summary"]
"""
CHUNKED = ("--uploads-chunk-threshold", "2s", "--uploads-max-chunk-duration", "1s")


@pytest.fixture(scope="module")
def world(tmp_path_factory, database):
    folder = tmp_path_factory.mktemp("reuse")
    with Server(folder / "data", *configuration(folder, CONFIGURATION), *CHUNKED) as server:
        yield server, member(server, "admin")


@pytest.fixture
def twins(world, request):
    """Two uploads of one content, which is no other test's."""
    content = audio.wav(seconds=0.05, seed=hash(request.node.name) % 1000000)
    return [world[1].upload(content, name) for name in ("one.wav", "two.wav")]


def work(api, kind, record, result, **more):
    """Somebody does a job of KIND; gives it as it is then."""
    job, = ask(api, kind, record["id"], **more)
    leased, = lease(api, kind)
    assert leased["id"] == job["id"]
    return tell(api, leased, "complete", result=result)


def is_known(api, kind, record, **more):
    """The job, if it was completed without anybody; else None, and it is cancelled."""
    job, = ask(api, kind, record["id"], **more)
    leased = lease(api, kind)
    job = job_of(api, job)
    if leased:
        assert leased[0]["id"] == job["id"] and job["status"] == "leased"
        assert api.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
        return None
    assert (job["status"], job["from_cache"]) == ("completed", True)
    return job


def figures(api, kind):
    types = api.get_json("/v1/cache")["types"]
    return next((t for t in types if t["cache_type"] == kind), None)


def test_the_same_content_is_not_worked_on_twice(world, twins):
    _, api = world
    first = work(api, "words", twins[0], {"text": "so it begins"}, options={"language": "de"})
    assert first["from_cache"] is False
    before = figures(api, "words")
    again = is_known(api, "words", twins[1], options={"language": "de"})
    assert again["result"] == {"text": "so it begins"} and again["completed_at"]
    after = figures(api, "words")
    assert (before["hits"], before["misses"]) == (0, 1)
    assert (after["hits"], after["misses"]) == (1, 1)
    assert after["time_saved_ms"] == first["processing_time_ms"]
    # It can be read, and taken away, as everything in the cache.
    path = f"/v1/cache/{twins[0]['checksum_sha256']}/words"
    kept = api.get_json(path, params={"options": '{"language":"de"}'})
    assert kept["cache_data"] == again["result"]
    assert api.delete(path, params={"options": '{"language":"de"}'}).status_code == 204
    assert not is_known(api, "words", twins[1], options={"language": "de"})


def test_options_that_say_the_same_are_the_same(world, twins):
    _, api = world
    work(api, "numbers", twins[0], {"n": 1}, options={"a": 1, "b": {"c": [1.5], "d": "ä"}})
    for options in ({"b": {"d": "ä", "c": [1.50]}, "a": 1.0},
                    {"a": 1, "b": {"c": [1.5], "d": "ä"}, "cache": True}):
        assert is_known(api, "numbers", twins[0], options=options)["result"] == {"n": 1}
    for options in ({"a": 2, "b": {"c": [1.5], "d": "ä"}}, {"a": 1}, {}):
        assert not is_known(api, "numbers", twins[0], options=options)
    assert not is_known(api, "others", twins[0], options={"a": 1, "b": {"c": [1.5], "d": "ä"}})


def test_it_can_be_switched_off(world, twins):
    _, api = world
    work(api, "off", twins[0], {"n": 1}, options={"cache": False})
    assert not is_known(api, "off", twins[1])  # it was not kept
    work(api, "off", twins[0], {"n": 2})
    assert not is_known(api, "off", twins[1], options={"cache": False})  # it is not looked for
    assert is_known(api, "off", twins[1])["result"] == {"n": 2}
    work(api, "fresh", twins[0], {"n": 3})
    assert not is_known(api, "fresh", twins[1])
    assert figures(api, "fresh") is None


def test_what_has_no_result_is_done_each_time(world, twins):
    """Whoever only does something, such as sending a message, has nothing to be kept."""
    _, api = world
    for result in ({}, {"result": None}):
        job, = ask(api, "message", twins[0]["id"])
        leased, = lease(api, "message")
        tell(api, leased, "complete", **result)
        assert not is_known(api, "message", twins[1])


def test_what_somebody_else_put_there_is_only_taken_if_it_is_a_result(world, twins):
    _, api = world
    path = f"/v1/cache/{twins[0]['checksum_sha256']}/put"
    assert api.put(path, json=["a", "list"]).status_code in (200, 201)
    assert not is_known(api, "put", twins[0])
    assert api.put(path, json={"text": "by hand"}).status_code in (200, 201)
    assert is_known(api, "put", twins[0])["result"] == {"text": "by hand"}


def test_workspaces_do_not_share(world, twins):
    server, api = world
    work(api, "shared", twins[0], {"text": "secret"})
    other = make_workspace(server.api(), "others")
    theirs = member(server, "writer", other["id"])
    content = api.get(f"/v1/uploads/{twins[0]['id']}/content").content
    record = theirs.upload(content)
    assert record["checksum_sha256"] == twins[0]["checksum_sha256"]
    assert not is_known(theirs, "shared", record)
    assert is_known(api, "shared", twins[1])["result"] == {"text": "secret"}
    # An operator's worker, who takes the jobs of all, finds for each only what is theirs.
    job, = ask(theirs, "shared", record["id"])
    leased, = lease(server.api(), "shared", workspace_id=other["id"])
    assert leased["id"] == job["id"]


def test_one_lease_serves_some_and_gives_others(world, twins):
    _, api = world
    work(api, "mixed", twins[0], {"n": 1}, options={"n": 1})
    asked = [ask(api, "mixed", twins[1]["id"], options={"n": n})[0] for n in (1, 2, 1, 3)]
    leased = lease(api, "mixed", count=100)
    assert [job["id"] for job in leased] == [asked[1]["id"], asked[3]["id"]]
    assert [job_of(api, job)["status"] for job in asked] == [
        "completed", "leased", "completed", "leased"]


def test_what_waits_for_a_known_result_goes_on(world, twins):
    _, api = world
    work(api, "first", twins[0], {"n": 1})
    known, = ask(api, "first", twins[1]["id"])
    waits, = ask(api, "second", twins[1]["id"], after="first")
    assert waits["status"] == "waiting"
    assert lease(api, "first") == [] and job_of(api, known)["status"] == "completed"
    leased, = lease(api, "second")
    assert leased["id"] == waits["id"]


def test_what_was_begun_with_another_result_is_not_kept(tmp_path, database):
    """Who makes an outline reads the summary, which may be another before the outline is there."""
    text = '[processor "summary"]\nper = upload\n[processor "outline"]\nper = upload\nafter = summary\n'
    with Server(tmp_path / "data", *configuration(tmp_path, text)) as server:
        api, content, longer = member(server, "admin"), audio.wav(seconds=0.05, seed=53), {"words": 20}
        one = api.upload(content, "one.wav")
        leased, = lease(api, "summary")
        tell(api, leased, "complete", result={"text": "short"})
        outline, = lease(api, "outline")
        work(api, "summary", one, {"text": "rather longer"}, options=longer)
        tell(api, outline, "complete", result={"of": "short"})
        two = api.upload(content, "two.wav")
        assert lease(api, "summary") == []  # it is known, and what is made of it is not
        leased, = lease(api, "outline")
        tell(api, leased, "complete", result={"of": "short"})
        assert is_known(api, "summary", two, options=longer)["result"] == {"text": "rather longer"}
        assert not is_known(api, "outline", two)
        # What was begun with it is kept.
        work(api, "outline", one, {"of": "rather longer"})
        assert is_known(api, "outline", two)["result"] == {"of": "rather longer"}


def test_chunks_are_known_by_their_bytes(tmp_path):
    program = """
with open(os.environ["COUNTS"], "a") as file:
    file.write("x")
print(json.dumps({"index": os.environ["JOB_CHUNK_INDEX"]}))
"""
    counts = tmp_path / "counts"
    text = section(tmp_path, "words", program, "per = chunk", "after = chunk",
                   "pass_environment = COUNTS")
    with Server(tmp_path / "data", *configuration(tmp_path, text), *CHUNKED, jobs=True,
                env={"COUNTS": str(counts)}) as server:
        api = server.api()

        def completed(name):
            record = api.upload(audio.wav(seconds=2.5), name)
            path = f"/v1/uploads/{record['id']}"
            wait_until(lambda: api.get_json(path)["status"] == "completed", LIMIT_S, "the end")
            items = api.get_json("/v1/jobs", params={"upload_id": record["id"], "kind": "words"})
            return record, sorted(items["items"], key=lambda job: job["chunk_index"])

        record, first = completed("one.wav")
        assert [job["from_cache"] for job in first] == [False] * 3 and counts.read_text() == "xxx"
        _, second = completed("two.wav")
        assert [job["from_cache"] for job in second] == [True] * 3 and counts.read_text() == "xxx"
        assert [job["result"] for job in second] == [job["result"] for job in first]
        # Cut otherwise they are other chunks.
        answer = api.post(f"/v1/uploads/{record['id']}/chunks", json={"max_duration": 2})
        assert answer.status_code == 202, answer.text
        assert ended(api, answer.json())["status"] == "completed"
        wait_until(lambda: api.get_json(f"/v1/uploads/{record['id']}/results/words")["complete"]
                   if api.get(f"/v1/uploads/{record['id']}/results/words").status_code == 200
                   else False, LIMIT_S, "the new chunks' jobs")
        again = api.get_json(f"/v1/uploads/{record['id']}/results/words")["items"]
        # But for the last half second, which is the same bytes as before.
        assert [item["from_cache"] for item in again] == [False, True]
        assert again[1]["result"] == first[2]["result"] and counts.read_text() == "xxxx"
        server.verify()


def test_the_servers_own_kinds_say_so_too(tmp_path):
    with Server(tmp_path / "data", jobs=True) as server:
        api = server.api()
        known = []
        for name in ("one.wav", "two.wav"):
            record = api.upload(audio.wav(seconds=0.5), name)
            path = f"/v1/uploads/{record['id']}"
            wait_until(lambda: api.get_json(path)["status"] == "completed", LIMIT_S, "the end")
            jobs = api.get_json("/v1/jobs", params={"upload_id": record["id"]})["items"]
            known.append({job["kind"]: job["from_cache"] for job in jobs})
        assert known == [{"validate": False, "analyze": False}, {"validate": True, "analyze": True}]
