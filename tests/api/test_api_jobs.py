"""Jobs over HTTP: asking, leasing, ending; what they make of an upload."""
import threading
import time

import audio
import pytest
import requests
from jobs import ask, configuration, lease, lease_of, tell
from people import default_workspace, make_workspace, member
from server import Server, expect_problem, wait_until

pytestmark = pytest.mark.databases("sqlite", "postgres")

CHUNKED = ["--uploads-chunk-threshold", "1s", "--uploads-max-chunk-duration", "1s"]


@pytest.fixture(scope="module")
def world(tmp_path_factory, database):
    folder = tmp_path_factory.mktemp("jobs")
    with Server(folder / "data", *configuration(folder), *CHUNKED) as server:
        yield server, server.api()


@pytest.fixture
def record(world):
    return world[1].upload(audio.wav(seconds=0.05))


def job_of(api, job):
    return api.get_json(f"/v1/jobs/{job['id']}")


# ---- one job ----

@pytest.mark.parametrize("verb, more", [("heartbeat", {}), ("complete", {"result": {}}),
                                        ("fail", {"error_code": "x"})])
def test_the_servers_own_jobs_are_ended_by_nobody_else(world, record, verb, more):
    _, api = world
    job = next(job for job in api.get_json("/v1/jobs", params={"upload_id": record["id"]})["items"]
               if job["kind"] == "validate")
    problem = tell(api, {**job, "lease_token": 1}, verb, expect=409, **more)
    assert "the server itself" in problem["detail"]
    assert job_of(api, job) == job


def test_a_job_from_asking_to_its_result(world, record):
    _, api = world
    job, = ask(api, "transcription", record["id"], options={"language": "de"}, priority=3)
    assert (job["status"], job["progress"], job["options"]) == ("pending", 0, {"language": "de"})
    assert job["chunk_id"] is None and "lease_token" not in job
    leased, = lease(api, "transcription", worker="whisper", lease_s=30)
    assert leased["id"] == job["id"] and leased["leased_by"] == "whisper"
    assert leased["content_url"] == f"/v1/uploads/{record['id']}/content"
    assert api.get(leased["content_url"]).status_code == 200
    assert lease(api, "transcription") == []
    assert tell(api, leased, "heartbeat", progress=0.25)["progress"] == 0.25
    done = tell(api, leased, "complete", result={"text": "so it begins"})
    assert (done["status"], done["result"]) == ("completed", {"text": "so it begins"})
    assert done["processing_time_ms"] >= 0 and done["completed_at"]
    assert tell(api, leased, "complete", result={"text": "so it begins"}) == done  # once more
    assert job_of(api, job) == done


def test_failures_are_retried_until_they_are_final(world, record):
    _, api = world
    job, = ask(api, "flaky", record["id"], max_retries=1)
    leased, = lease(api, "flaky")
    after = tell(api, leased, "fail", error_code="too_busy", error_message="come\nagain")
    assert (after["status"], after["error_code"], after["attempts"]) == ("pending", "too_busy", 1)
    again, = wait_until(lambda: lease(api, "flaky"), what="the retry")
    assert again["id"] == job["id"] and again["lease_token"] > leased["lease_token"]
    answer = api.post(f"/v1/jobs/{job['id']}/complete", json={"lease_token": leased["lease_token"]})
    expect_problem(answer, 409, "lease_lost")
    assert tell(api, again, "fail", error_code="too_busy")["status"] == "failed"
    assert api.post(f"/v1/jobs/{job['id']}/retry").json()["status"] == "pending"
    expect_problem(api.post(f"/v1/jobs/{job['id']}/retry"), 409, "conflict")
    last, = lease(api, "flaky")
    assert tell(api, last, "fail", error_code="never", retryable=False)["status"] == "failed"


def test_a_silent_worker_loses_its_job(world, record):
    _, api = world
    job, = ask(api, "silent", record["id"])
    first, = lease(api, "silent", lease_s=1)
    second, = wait_until(lambda: lease(api, "silent"), what="the lease to run out")
    assert second["id"] == job["id"]
    for verb in ("heartbeat", "complete"):
        expect_problem(api.post(f"/v1/jobs/{job['id']}/{verb}",
                                json={"lease_token": first["lease_token"]}), 409, "lease_lost")
    assert job_of(api, job)["error_code"] == "lease_expired"
    tell(api, second, "complete")


def test_a_worker_learns_that_its_job_was_cancelled(world, record):
    _, api = world
    job, = ask(api, "unwanted", record["id"])
    leased, = lease(api, "unwanted")
    for _ in range(2):
        assert api.post(f"/v1/jobs/{job['id']}/cancel").json()["status"] == "cancelled"
    for verb in ("heartbeat", "complete"):
        expect_problem(api.post(f"/v1/jobs/{job['id']}/{verb}",
                                json={"lease_token": leased["lease_token"]}), 409, "job_cancelled")


def test_results_are_bounded(world, record):
    _, api = world
    ask(api, "wordy", record["id"])
    leased, = lease(api, "wordy")
    tell(api, leased, "complete", expect=413, result={"text": "x" * (1 << 21)})
    text = "x" * 1_000_000
    assert tell(api, leased, "complete", result={"text": text})["result"]["text"] == text


# ---- chunks, order ----

def test_one_job_for_each_chunk(world):
    _, api = world
    record = api.upload(audio.wav(seconds=2.5))
    jobs = ask(api, "spoken", record["id"], per="chunk")
    assert sorted(j["chunk_index"] for j in jobs) == [0, 1, 2]
    summary, = ask(api, "summary", record["id"], after="spoken")
    assert summary["status"] == "waiting"
    leased = lease(api, "spoken", count=10)
    assert [(j["start_time"], j["end_time"]) for j in sorted(leased, key=lambda j: j["chunk_index"])
            ] == [(0, 1), (1, 2), (2, 2.5)]
    assert leased[0]["content_url"].endswith(f"/chunks/{leased[0]['chunk_index']}/content")
    for job in leased:
        assert lease(api, "summary") == []
        tell(api, job, "complete")
    assert [j["id"] for j in lease(api, "summary")] == [summary["id"]]


def test_processors_of_every_upload(world):
    _, api = world
    record = api.upload(audio.wav(seconds=2.5))
    made = api.get_json(f"/v1/jobs?upload_id={record['id']}")["items"]
    assert sorted(j["kind"] for j in made) == ["analyze", "chunk"] + ["each-chunk"] * 3 + ["every", "validate"]
    leased = lease_of(api, "each-chunk", record["id"])
    now = api.get_json(f"/v1/uploads/{record['id']}")
    assert now["status"] == "processing" and now["processing_started_at"]
    chunk = api.get_json(f"/v1/uploads/{record['id']}/chunks")["items"][leased["chunk_index"]]
    assert (chunk["status"], chunk["processing_job_id"]) == ("processing", leased["id"])
    tell(api, leased, "complete")
    chunk = api.get_json(f"/v1/uploads/{record['id']}/chunks")["items"][leased["chunk_index"]]
    assert chunk["status"] == "completed" and chunk["processing_time_ms"] >= 0


def test_a_failed_upload_is_retried(world, record):
    _, api = world
    path = f"/v1/uploads/{record['id']}"
    expect_problem(api.post(path + "/retry"), 409, "conflict")
    leased = lease_of(api, "every", record["id"])
    tell(api, leased, "fail", error_code="no_speech", error_message="nobody says anything")
    failed = api.get_json(path)
    assert (failed["status"], failed["error_code"]) == ("failed", "no_speech")
    assert failed["error_message"] == "nobody says anything"
    assert api.get(path + "/content").status_code == 200
    retried = api.post(path + "/retry").json()
    assert (retried["status"], retried["error_code"], retried["retry_count"]) == (
        "processing", None, 1)
    actions = [e["action"] for e in api.get_json(path + "/history")["items"]]
    assert actions == ["uploaded", "processing", "failed", "job_retried"]


def test_deleting_cancels_and_undeleting_brings_back(world, record):
    _, api = world
    job, = ask(api, "late", record["id"])
    assert api.delete(f"/v1/uploads/{record['id']}").status_code == 204
    assert job_of(api, job)["status"] == "cancelled"
    assert lease(api, "late") == []
    ask(api, "late", record["id"], expect=409)
    assert api.post(f"/v1/uploads/{record['id']}/undelete").status_code == 200
    assert [j["id"] for j in lease(api, "late")] == [job["id"]]


# ---- lists, kinds ----

def test_lists(world, record):
    _, api = world
    made = [ask(api, "listed", record["id"])[0]["id"] for _ in range(5)]
    tell(api, lease(api, "listed")[0], "complete")
    seen, cursor = [], None
    while True:
        page = api.get_json("/v1/jobs", params={"kind": "listed", "limit": 2,
                                                **({"cursor": cursor} if cursor else {})})
        seen += [j["id"] for j in page["items"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == made[::-1]
    for query, count in (("status=completed", 1), ("status=pending", 4), ("status=failed", 0),
                         (f"upload_id={record['id']}", 5),
                         (f"upload_id={record['id']}&status=pending", 4)):
        items = api.get_json(f"/v1/jobs?kind=listed&{query}")["items"]
        assert len(items) == count, query
    expect_problem(api.get("/v1/jobs?status=lost"), 400, "invalid_request")
    expect_problem(api.get("/v1/jobs?upload_id=x"), 400, "invalid_request")


def test_pause_and_resume(world, record):
    server, operator = world
    admin = member(server, "admin")
    ask(operator, "paused", record["id"])

    def shown(api):
        return next(k for k in api.get_json("/v1/job-kinds")["items"] if k["kind"] == "paused")

    assert shown(admin) == {"kind": "paused", "built_in": False, "paused": False, "waiting": 0,
                            "pending": 1, "leased": 0, "failed": 0}
    for who in (admin, operator):  # in the workspace, then everywhere
        assert who.post("/v1/job-kinds/paused/pause").status_code == 204
        assert shown(who)["paused"] and lease(operator, "paused") == []
        assert who.post("/v1/job-kinds/paused/resume").status_code == 204
        assert not shown(who)["paused"]
    assert len(lease(operator, "paused")) == 1
    expect_problem(admin.post("/v1/job-kinds/No such/pause"), 404, "not_found")


def test_the_servers_own_kinds_are_not_for_others(world, record):
    _, api = world
    for kinds in (["validate"], ["transcription", "chunk"], ["transcription"] * 2, [1], ["A"]):
        answer = api.post("/v1/jobs/lease", json={"kinds": kinds})
        expect_problem(answer, 400, "invalid_request")
    ask(api, "analyze", record["id"], expect=400, options={"pitch": True})


@pytest.mark.parametrize("kind", ["validate", "chunk", "analyze"])
def test_the_servers_own_kinds_are_of_uploads(world, kind):
    _, api = world
    record = api.upload(audio.wav(seconds=2.5))
    before = api.get_json(f"/v1/jobs?upload_id={record['id']}")["items"]
    problem = ask(api, kind, record["id"], per="chunk", expect=400)
    assert problem["code"] == "invalid_request" and kind in problem["detail"]
    assert api.get_json(f"/v1/jobs?upload_id={record['id']}")["items"] == before
    job, = ask(api, kind, record["id"], per="upload")
    assert job["chunk_id"] is None


def test_jobs_that_are_asked_for_have_what_their_section_says(tmp_path):
    text = '[processor "urgent"]\npriority = 7\nmax_retries = 0\noptions = {"language": "de"}\n'
    with Server(tmp_path / "data", *configuration(tmp_path, text)) as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.05))
        for kind, more, priority, retries in (("urgent", {}, 7, 0), ("other", {}, 0, 3),
                                              ("urgent", {"priority": 0, "max_retries": 2}, 0, 2)):
            job, = ask(api, kind, record["id"], **more)
            assert (job["priority"], job["max_retries"]) == (priority, retries), (kind, more)
        assert job["options"] == {"language": "de"}


def test_a_repeated_request_makes_no_more_jobs(world):
    _, api = world
    record = api.upload(audio.wav(seconds=2.5))
    wish = {"kind": "once", "upload_id": record["id"], "per": "chunk", "priority": 2}
    key = {"Idempotency-Key": "once-1"}
    made = [api.post("/v1/jobs", json=wish, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201]
    assert made[0].json() == made[1].json()
    assert [job["chunk_index"] for job in made[0].json()["items"]] == [0, 1, 2]
    expect_problem(api.post("/v1/jobs", json={**wish, "per": "upload"}, headers=key), 422,
                   "idempotency_key_reused")
    more = api.post("/v1/jobs", json=wish, headers={"Idempotency-Key": "once-2"}).json()["items"]
    jobs = api.get_json("/v1/jobs", params={"kind": "once", "upload_id": record["id"]})["items"]
    assert len(more) == 3 and len(jobs) == 6
    # A refusal has not used its key up.
    key = {"Idempotency-Key": "once-3"}
    gone = "01936a1c-2b7e-7c4d-9a10-3f5e6d7c8b9a"
    expect_problem(api.post("/v1/jobs", json={**wish, "upload_id": gone}, headers=key), 404, "not_found")
    one = {"kind": "once", "upload_id": record["id"]}
    first, again = (api.post("/v1/jobs", json=one, headers=key).json() for _ in range(2))
    assert first == again and len(first["items"]) == 1


# ---- waiting ----

def test_a_lease_waits_for_what_comes(world, record):
    _, api = world
    got = []

    def wait():
        got.extend(lease(api, "awaited", wait_s=30))

    waiter = threading.Thread(target=wait)
    waiter.start()
    job, = ask(api, "awaited", record["id"])
    waiter.join(20)
    assert [j["id"] for j in got] == [job["id"]]


def test_a_lease_waits_no_longer_than_it_was_told(world):
    _, api = world
    begun = time.monotonic()
    assert lease(api, "never", wait_s=1) == []
    assert 0.9 <= time.monotonic() - begun < 20


def test_too_many_waiting_are_sent_away(tmp_path):
    with Server(tmp_path / "data", "--jobs-waiting-max", "2") as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.05))
        got = []

        def wait():  # again, where somebody else's waiting left no room
            mine = server.api()
            while not (jobs := lease(mine, "crowded", wait_s=60)):
                pass
            got.extend(jobs)

        waiters = [threading.Thread(target=wait) for _ in range(2)]
        for waiter in waiters:
            waiter.start()

        def is_full():
            answer = api.post("/v1/jobs/lease", json={"kinds": ["crowded"], "wait_s": 1})
            return answer.headers.get("Retry-After")

        wait_until(is_full, what="the waiting to be too many")
        ask(api, "crowded", record["id"])
        ask(api, "crowded", record["id"])
        for waiter in waiters:
            waiter.join(30)
        assert len({job["id"] for job in got}) == 2


def test_a_stop_does_not_wait_for_those_who_wait(tmp_path):
    with Server(tmp_path / "data") as server:
        api = server.api()
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(lease(api, "never", wait_s=60)))
        waiter.start()
        wait_until(lambda: "http_requests_active 2" in requests.get(
            server.url + "/metrics", timeout=10).text, what="the request to wait")
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 20
        waiter.join(10)
        assert answers == [[]]


# ---- workspaces ----

def test_another_workspace_neither_sees_nor_leases(world, record):
    server, operator = world
    other = make_workspace(operator)
    mine, theirs = (member(server, "writer", w["id"]) for w in (default_workspace(operator), other))
    job, = ask(mine, "private", record["id"])
    assert lease(theirs, "private") == []
    assert theirs.get_json("/v1/jobs")["items"] == []
    ask(theirs, "private", record["id"], expect=404)
    leased, = lease(mine, "private")
    for verb in ("heartbeat", "complete", "cancel", "retry"):
        body = {"lease_token": leased["lease_token"]} if verb in ("heartbeat", "complete") else None
        expect_problem(theirs.post(f"/v1/jobs/{job['id']}/{verb}", json=body), 404, "not_found")
    assert tell(operator, leased, "complete")["status"] == "completed"


def test_metrics_show_the_queue(tmp_path):
    with Server(tmp_path / "data", *configuration(tmp_path)) as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.05))
        ask(api, "measured", record["id"])
        tell(api, lease_of(api, "every", record["id"]), "complete")
        text = requests.get(server.url + "/metrics", timeout=10).text
    assert 'audiotricks_jobs{kind="measured",status="pending"} 1' in text
    done = next(line for line in text.splitlines()
                if line.startswith('audiotricks_jobs_completed_total{kind="every"}'))
    assert int(done.split()[1]) >= 1


# ---- configuration ----

@pytest.mark.parametrize("text, word", [
    ('[processor "Loud"]\nper = upload\n', "small letters"),
    ('[processor "x"]\nper = week\n', "per"),
    ('[processor "x"]\nafter = nothing\n', "after"),
    ('[processor "x"]\noptions = [1]\n', "options"),
    ('[processor "x"]\npriority = 5000\n', "priority"),
    ('[processor "chunk"]\nper = upload\n', "of that name"),
    ("".join(f'[processor "p{i}"]\n' + "per = request\n" for i in range(33)), "more than 32"),
])
def test_a_processor_that_makes_no_sense_is_refused(tmp_path, text, word):
    server = Server(tmp_path / "data", *configuration(tmp_path, text))
    server.start(wait=False)
    assert server.process.wait(30) == 2
    assert word in server.log_text()
    server.process = None
    server.log.close()


def test_as_many_processors_as_there_may_be(tmp_path):
    text = "".join(f'[processor "p{i}"]\npriority = {i}\n' for i in range(32))
    with Server(tmp_path / "data", *configuration(tmp_path, text)) as server:
        kinds = {kind["kind"] for kind in server.api().get_json("/v1/job-kinds")["items"]}
        assert kinds == {f"p{i}" for i in range(32)} | {"validate", "chunk", "analyze"}


def test_a_worker_shares_the_data_with_the_server(tmp_path):
    """It runs nothing yet that is built in, but it takes back what others have let run out."""
    import signal
    import subprocess
    with Server(tmp_path / "data", "--no-jobs") as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.05))
        job, = ask(api, "shared", record["id"])
        leased, = lease(api, "shared", lease_s=1)
        assert leased["id"] == job["id"]
        worker = subprocess.Popen([server.binary, "worker", "--data", str(server.data),
                                   *server.same_catalog], stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, text=True)
        try:
            assert worker.stdout.readline().startswith("working on ")
            wait_until(lambda: job_of(api, job)["error_code"] == "lease_expired",
                       what="the worker to look after the leases")
        finally:
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0, worker.stderr.read()
    done = subprocess.run([server.binary, "worker", "--data", str(tmp_path / "none")],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
