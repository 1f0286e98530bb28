"""What PostgreSQL does that a file does not: it goes away and comes back, has a pooler before it, and
serves several nodes."""
import concurrent.futures
import contextlib
import threading

import audio
import jobs
import postgres
import pytest
from event_stream import Stream
from server import Server, expect_problem, wait_until

pytestmark = pytest.mark.databases("postgres")
CONTENTS = [audio.wav(seconds=0.2, seed=seed) for seed in range(40)]


@pytest.fixture
def own_postgres():
    """A server of the test's own, to be stopped and started."""
    if not postgres.binaries():
        pytest.skip("PostgreSQL is not installed")
    with postgres.Postgres() as running:
        yield running


@pytest.fixture
def on_own(own_postgres, tmp_path):
    with Server(tmp_path / "data", "--database", own_postgres.url()) as running:
        yield running


def shared_store(folder):
    """Flags of nodes that keep their objects in one store."""
    return jobs.configuration(folder, f'[store "main"]\nprovider = local\npath = {folder}/store\n')


def expect_unavailable(answer):
    expect_problem(answer, 503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0


def works_again(api):
    return wait_until(lambda: api.get("/v1/uploads").status_code == 200, 60, "the database")


def test_while_it_is_away_requests_are_told_when_to_come_again(own_postgres, on_own):
    api = on_own.api()
    kept = api.upload(CONTENTS[0])
    own_postgres.stop("fast")
    expect_unavailable(api.get("/v1/uploads"))
    expect_unavailable(api.get(f"/v1/uploads/{kept['id']}/content"))
    expect_unavailable(api.delete(f"/v1/uploads/{kept['id']}"))
    expect_unavailable(api.post("/v1/uploads?filename=a.wav", data=CONTENTS[1]))
    assert api.get("/readyz").status_code == 503
    assert api.get("/healthz").status_code == 200
    own_postgres.start()
    works_again(api)
    assert api.get(f"/v1/uploads/{kept['id']}/content").content == CONTENTS[0]
    api.upload(CONTENTS[1])
    wait_until(lambda: api.get("/readyz").status_code == 200, 60, "the server to be ready")
    on_own.verify()


def test_an_idle_server_does_not_notice_a_restart(own_postgres, on_own):
    """Every connection that lies in the pool is dead: not one request may find that out."""
    api = on_own.api()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: api.get("/v1/uploads").status_code == 200, range(40)))
    own_postgres.stop("fast")
    own_postgres.start()
    api.upload(CONTENTS[0])
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda _: api.get("/v1/uploads").status_code == 200, range(40)))


def test_uploads_go_on_through_restarts(own_postgres, on_own):
    """What was acknowledged is there, what was refused was told why, and nothing is left over."""
    api, stored, faults = on_own.api(), [], []
    over = threading.Event()

    def upload_until_stored(content):
        while True:
            answer = api.post("/v1/uploads?filename=a.wav", data=content)
            if answer.status_code == 201:
                stored.append(answer.json()["id"])
                return
            if answer.status_code != 503 or "Retry-After" not in answer.headers:
                faults.append((answer.status_code, answer.text))
                return

    def restart_again_and_again():
        while not over.is_set():
            before = len(stored)
            own_postgres.stop("immediate" if before % 2 else "fast")
            own_postgres.start()
            # At least one comes through before the next one.
            wait_until(lambda: len(stored) > before or over.is_set(), 60, "an upload")

    restarts = threading.Thread(target=restart_again_and_again)
    restarts.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(upload_until_stored, CONTENTS))
    finally:
        over.set()
        restarts.join()
    assert not faults
    works_again(api)
    listed = {item["id"] for item in api.get_json("/v1/uploads?limit=1000")["items"]}
    assert set(stored) <= listed and len(stored) == len(CONTENTS)
    api.post("/v1/uploads?filename=b.wav", data=CONTENTS[0])
    wait_until(lambda: is_sound(on_own), 120, "the sweep")


def is_sound(running):
    try:
        running.verify()
        return True
    except AssertionError:
        return False


def test_nodes_that_start_at_once_migrate_once(own_postgres, tmp_path):
    nodes = [Server(tmp_path / f"node{i}", *shared_store(tmp_path), "--database", own_postgres.url())
             for i in range(4)]
    try:
        for node in nodes:
            node.start(wait=False)
        for node in nodes:
            wait_until(node.is_ready, 60, "the node to be ready")
    finally:
        statuses = [node.stop() for node in nodes]
    assert statuses == [0] * len(nodes)
    assert own_postgres.psql("SELECT count(*) = max(number) FROM schema_migrations") == "t"
    assert own_postgres.psql("SELECT count(*) FROM workspaces WHERE name = 'default'") == "1"


def test_a_pooler_may_stand_in_between(own_postgres, tmp_path):
    if not postgres.Pooler.program:
        pytest.skip("PgBouncer is not installed")
    with postgres.Pooler(own_postgres) as pooler, \
            Server(tmp_path / "data", "--database", pooler.url()) as server:
        api = server.api()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            records = list(pool.map(lambda content: api.upload(content), CONTENTS))
        for record in records[::2]:
            assert api.delete(f"/v1/uploads/{record['id']}?permanent=true").status_code == 204
        left = {item["id"] for item in api.get_json("/v1/uploads?limit=1000")["items"]}
        assert left == {record["id"] for record in records[1::2]}
        server.verify()


@pytest.fixture
def behind_a_pooler(own_postgres, tmp_path):
    """Three nodes that were started at once on an empty database, and what is between."""
    if not postgres.Pooler.program:
        pytest.skip("PgBouncer is not installed")
    with postgres.Pooler(own_postgres) as pooler, contextlib.ExitStack() as stack:
        nodes = [Server(tmp_path / f"node{number}", *shared_store(tmp_path), "--database", pooler.url(), jobs=True)
                 for number in range(3)]
        for node in nodes:
            node.start(wait=False)
            stack.push(node.__exit__)
        for node in nodes:
            wait_until(node.is_ready, 60, "the node to be ready")
        yield pooler, nodes


def test_nodes_work_together_behind_a_pooler(behind_a_pooler, own_postgres):
    """Migrations and leases of duties want locks, and events and jobs are not heard of but looked for."""
    pooler, nodes = behind_a_pooler
    token = next(node for node in nodes if (node.data / "operator-token").exists()).token
    first, second, third = apis = [node.api(token) for node in nodes]
    assert own_postgres.psql("SELECT count(*) = max(number) FROM schema_migrations") == "t"
    assert own_postgres.psql("SELECT count(*) FROM workspaces WHERE name = 'default'") == "1"

    with Stream(nodes[1], token, "?types=upload.created,upload.status").begun() as stream:
        record = first.upload(CONTENTS[0])
        assert stream.next().kind == "upload.created"
        while stream.next().data["data"]["status"] != "completed":
            pass
    assert third.get_json(f"/v1/uploads/{record['id']}")["status"] == "completed"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(jobs.lease, second, "asked", wait_s=30)
        asked, = jobs.ask(third, "asked", record["id"])
        leased, = waiting.result(60)
    assert leased["id"] == asked["id"]
    assert jobs.tell(first, leased, "complete", result={})["status"] == "completed"

    pooler.stop()
    expect_unavailable(first.get("/v1/uploads"))
    pooler.start()
    for api in apis:
        works_again(api)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        records = list(pool.map(lambda number: apis[number % 3].upload(CONTENTS[number]), range(1, 13)))
    for number, one in enumerate(records):
        assert apis[number % 3].delete(f"/v1/uploads/{one['id']}?permanent=true").status_code == 204
    assert [one["id"] for one in second.get_json("/v1/uploads")["items"]] == [record["id"]]
    assert own_postgres.psql("SELECT count(*) FROM duties WHERE lease_until > now()") == "2"
    nodes[2].verify()


def test_passwords_are_not_logged(tmp_path):
    server = Server(tmp_path / "data", "--database", "postgresql://u:pa55word@127.0.0.1:1/x")
    server.start(wait=False)
    assert server.process.wait(60) != 0
    server.log.close()
    assert "pa55word" not in server.log_text()
    assert "database" in server.log_text()
