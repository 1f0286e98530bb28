"""Two servers on one database: what one does the other hears of, and no job is leased by both."""
import concurrent.futures
import contextlib
import datetime
import os
import subprocess
import time

import audio
import pytest
from catalog import catalog_of
from event_stream import Stream
from jobs import ask, configuration, lease, tell
from server import BINARY, ROOT, Server, wait_until
from small_s3 import SmallS3

pytestmark = pytest.mark.databases("postgres")
JOBS = 40
SHIFTED_CLOCK = ROOT / "build/test/tests/unit/base/libshifted-clock.so"
SHIFT_S = 600


@contextlib.contextmanager
def two(tmp_path, **of_second):
    """With one store."""
    flags = configuration(tmp_path, f"""[jobs]
retry_delay = 10ms
[store "main"]
provider = local
path = {tmp_path}/store
""")
    first = Server(tmp_path / "first/data", *flags)
    second = Server(tmp_path / "second/data", *flags, "--database", first.database_url, **of_second)
    with contextlib.ExitStack() as stack:
        for node in (first, second):
            node.data.parent.mkdir()
            stack.enter_context(node)
        # The first node made the operator's token; tokens are the database's.
        yield first, first.api(), Server.api(second, first.token)


@pytest.fixture
def nodes(tmp_path, database):
    with two(tmp_path) as both:
        yield both


def test_a_stream_tells_what_another_node_did(nodes):
    first, api, other = nodes
    with Stream(first, first.token, "?types=upload.created,upload.deleted").begun() as stream:
        record = other.upload(audio.wav(seconds=0.05))
        event = stream.next()
        assert (event.kind, event.data["data"]["upload_id"]) == ("upload.created", record["id"])
        assert api.delete(f"/v1/uploads/{record['id']}").status_code == 204
        assert stream.next().kind == "upload.deleted"


def test_a_worker_that_waits_at_one_node_gets_what_another_was_asked_for(nodes):
    _, api, other = nodes
    record = api.upload(audio.wav(seconds=0.05))
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lease, api, "asked", wait_s=30)
        job, = ask(other, "asked", record["id"])
        leased, = waiting.result(60)
    assert leased["id"] == job["id"]
    assert tell(other, leased, "complete", result={})["status"] == "completed"


def test_no_job_is_leased_twice(nodes):
    _, api, other = nodes
    records = [api.upload(audio.wav(seconds=0.05, seed=seed)) for seed in range(JOBS)]
    jobs = {ask(api, "once", record["id"])[0]["id"] for record in records}

    def lease_all(node):
        mine = []
        while True:
            found = lease(node, "once", count=3)
            if not found:
                return mine
            mine += [job["id"] for job in found]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        leased = [one for mine in pool.map(lease_all, [api, other] * 4) for one in mine]
    assert sorted(leased) == sorted(jobs)


def test_what_somebody_holds_is_left_to_them(nodes):
    """A person's open transaction on a job does not keep the others from being leased."""
    first, api, other = nodes
    jobs = [ask(api, "held", api.upload(audio.wav(seconds=0.05, seed=seed))["id"])[0]["id"]
            for seed in range(4)]
    with catalog_of(first) as catalog:
        catalog.execute("SELECT id FROM processing_jobs WHERE id = ? FOR UPDATE", [jobs[0]])
        taken = [job["id"] for node in (api, other) for job in lease(node, "held", count=2)]
        assert sorted(taken) == sorted(jobs[1:])
        assert lease(api, "held") == []
        catalog.rollback()
    assert [job["id"] for job in lease(other, "held")] == [jobs[0]]


def refused(data, first, *flags):
    """What a server says that does not start beside FIRST."""
    done = subprocess.run([BINARY, "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--database",
                           first.database_url, *flags], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 6, f"{done.returncode} {done.stderr}"
    return done.stderr


def test_a_node_with_a_store_of_its_own_is_refused(nodes, tmp_path):
    """Under the same name, in a folder that is not there, is empty, or holds another store."""
    first, api, _ = nodes
    assert "same" in refused(tmp_path / "third", first)
    assert not (tmp_path / "third/store").exists()
    (tmp_path / "third/store").mkdir()
    assert "same" in refused(tmp_path / "third", first)
    assert list((tmp_path / "third/store").iterdir()) == []
    with Server(tmp_path / "apart", "--database", f"sqlite:{tmp_path}/apart.db"):
        pass
    own = configuration(tmp_path / "third", f'[store "main"]\nprovider = local\npath = {tmp_path}/apart/store\n')
    assert "all servers of a database must have the same stores" in refused(tmp_path / "fourth", first, *own)

    assert api.get("/readyz").json()["checks"]["store"]["ok"]
    first.cli("store", "adopt", "main", "--data", first.data)
    assert api.get("/readyz").json()["checks"]["store"]["ok"]  # until another has it
    with Server(tmp_path / "fourth", *own, "--database", first.database_url):
        check = api.get("/readyz").json()["checks"]["store"]
        assert (check["ok"], check["code"]) == (False, "store_differs")


def test_a_node_that_was_refused_starts_when_its_bucket_is_corrected(tmp_path, database):
    """What the attempt left in the staging folder does not decide, and no bucket is marked by it."""
    for name in ("other", "wrong"):
        (tmp_path / name).mkdir()
    with contextlib.ExitStack() as stack:
        s3 = stack.enter_context(SmallS3())
        right = configuration(tmp_path, s3.section(prefix="right/"))
        first = stack.enter_context(Server(tmp_path / "first", *right))
        with Server(tmp_path / "apart", *configuration(tmp_path / "other", s3.section(prefix="other/")),
                    "--database", f"sqlite:{tmp_path}/apart.db"):
            pass
        for prefix, said in (("wrong/", "the bucket has no"), ("other/", "must have the same stores")):
            wrong = configuration(tmp_path / "wrong", s3.section(prefix=prefix))
            assert said in refused(tmp_path / "second", first, *wrong)
        assert not [key for key in s3.objects if key.startswith("wrong/")]
        with Server(tmp_path / "second", *right, "--database", first.database_url) as second:
            Server.api(second, first.token).upload(audio.wav(seconds=0.05))


def clock_of(log):
    """When, as the server has it, its log's last line was written."""
    said = log.read_text().splitlines()[-1].split()[0].removeprefix("time=")
    return datetime.datetime.fromisoformat(said).timestamp()


def test_nodes_whose_clocks_differ_agree_on_leases(tmp_path):
    """One of them is ten minutes ahead of the other, and of the database."""
    env = {"LD_PRELOAD": str(SHIFTED_CLOCK), "CLOCK_SHIFT_S": str(SHIFT_S),
           "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    with two(tmp_path, env=env) as (first, api, other):
        assert abs(clock_of(tmp_path / "second/data.log") - time.time() - SHIFT_S) < SHIFT_S / 2
        for seed, (one, another) in enumerate(((api, other), (other, api))):
            record = other.upload(audio.wav(seconds=0.05, seed=seed))
            ask(api, "long", record["id"])
            ask(api, "short", record["id"])
            held, = lease(one, "long", lease_s=SHIFT_S // 2)
            assert lease(another, "long") == []
            assert tell(another, held, "heartbeat", lease_s=SHIFT_S // 2)["id"] == held["id"]
            tell(another, held, "complete", result={})
            lost, = lease(one, "short", lease_s=1)
            found, = wait_until(lambda: lease(another, "short", lease_s=60), 60, "the lease to run out")
            assert found["id"] == lost["id"]
            tell(one, lost, "complete", 409, result={})
            tell(one, found, "complete", result={})
