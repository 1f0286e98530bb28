"""`audiotricks migrate`: a server's catalog goes from SQLite to PostgreSQL, and all that was there is."""
import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import time

import audio
import postgres
import pytest
from catalog import catalog_of
from jobs import ask, configuration, lease, tell
from people import default_workspace, make_token, make_workspace
from server import BINARY, Server, wait_until

MANY = 3000  # rows of history, so that the copy takes pages


@pytest.fixture(scope="module")
def databases(postgres_server):
    return postgres.Databases(postgres_server)


@pytest.fixture
def url(databases, tmp_path):
    return databases.url_of(tmp_path)


def command(data, url, *more):
    return [BINARY, "migrate", "--from", str(data), "--database", url, "--json", *more]


def migrate(data, url, check=True):
    done = subprocess.run(command(data, url), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 or not check, f"{done.returncode}\n{done.stdout}{done.stderr}"
    return done


def fill(server, folder):
    """Something of everything; gives what the API says of it."""
    api = server.api()
    workspace = default_workspace(api)["id"]
    other = make_workspace(api, "other", max_storage_bytes=10_000_000)["id"]
    query = f"?workspace_id={workspace}"
    content = audio.wav(seconds=0.2)
    records = [api.upload(audio_of, name, workspace_id=where) for audio_of, name, where in (
        (content, "a ä 🎵.wav", workspace), (content, "copy.wav", workspace),
        (audio.wav(seconds=700, rate=200), "long.wav", workspace),
        (audio.wav(seconds=0.1, seed=2), "trash.wav", workspace),
        (audio.wav(seconds=0.1, seed=3), "gone.wav", workspace),
        (audio.wav(seconds=0.1, seed=4), "theirs.wav", other))]
    api.patch(f"/v1/uploads/{records[0]['id']}{query}",
              json={"metadata": {"b": [1.0, 1e5, 0.1, None, "\n"], "a": {"ü": True}}})
    api.delete(f"/v1/uploads/{records[3]['id']}{query}")
    api.delete(f"/v1/uploads/{records[4]['id']}{query}&permanent=true")
    api.put(f"/v1/cache/{records[0]['checksum_sha256']}/transcription{query}", json={"text": "x" * 5000})
    api.post(f"/v1/webhooks{query}", json={"url": "https://hooks.example.org/a", "enabled": False})
    ask(api, "notes", records[0]["id"], workspace_id=workspace, options={"language": "de"})
    tell(api, lease(api, "notes")[0], "complete", result={"text": "kept"})
    ask(api, "later", records[0]["id"], workspace_id=workspace)
    session = api.post(f"/v1/chunked-uploads{query}",
                       json={"filename": "half.wav", "file_size": 300_000, "chunk_size": 262144}).json()
    answer = api.put(f"/v1/chunked-uploads/{session['id']}/chunks/0{query}", data=audio.wav_of_bytes(
        300_000)[:262144])
    assert answer.status_code == 200, answer.text
    token = make_token(api, "reader", workspace_id=workspace)["token"]
    return token, session, query


def shown(server, query):
    """All that the API shows of the default workspace, and of all workspaces."""
    api = server.api()
    paths = [f"/v1/uploads{query}", f"/v1/uploads{query}&status=deleted", f"/v1/jobs{query}",
             f"/v1/webhooks{query}", f"/v1/tokens{query}", f"/v1/cache{query}", "/v1/workspaces",
             "/v1/analytics/usage"]
    all_of_it = [api.get_json(path) for path in paths]
    for record in all_of_it[0]["items"]:
        for part in ("history", "chunks"):
            all_of_it.append(api.get_json(f"/v1/uploads/{record['id']}/{part}{query}"))
    return all_of_it


def test_a_whole_installation(tmp_path, url):
    flags = configuration(tmp_path)
    server = Server(tmp_path / "data", *flags)
    with server:
        token, session, query = fill(server, tmp_path)
        with catalog_of(server) as catalog:
            catalog.execute(
                f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) "
                f"INSERT INTO audio_history (id, workspace_id, upload_id, action, detail, created_at) "
                f"SELECT {catalog.made_id('n.i')}, workspace_id, id, 'renamed', '{{\"from\": 1.50}}', "
                "uploaded_at + n.i FROM (SELECT * FROM audio_uploads ORDER BY id LIMIT 1), n")
        before = shown(server, query)
    with sqlite3.connect(server.data / "catalog.db") as source:
        last_event, = source.execute("SELECT max(sequence) FROM events").fetchone()
    tables = {one["table"]: one["rows"] for one in json.loads(migrate(server.data, url).stdout)["tables"]}
    assert tables["audio_uploads"] == 5 and tables["audio_history"] > MANY
    assert tables["chunked_upload_parts"] == 1 and tables["webhooks"] == 1
    assert not (server.data / "catalog.db").exists() and (server.data / "catalog.db.moved").exists()

    server.flags += ["--database", url]
    with server:
        assert shown(server, query) == before
        api = server.api()
        assert server.api(token).get("/v1/uploads").status_code == 200
        for record in before[0]["items"]:
            assert api.get(f"/v1/uploads/{record['id']}/content{query}").status_code == 200
        rest = api.put(f"/v1/chunked-uploads/{session['id']}/chunks/1{query}",
                       data=audio.wav_of_bytes(300_000)[262144:])
        assert rest.status_code in (200, 201), rest.text
        assert lease(api, "later")[0]["options"] == {}
        trash, = before[1]["items"]
        assert api.post(f"/v1/uploads/{trash['id']}/undelete{query}").status_code == 200
        with catalog_of(server) as catalog:  # triggers, keys and numbers are in place again
            assert catalog.value("SELECT min(sequence) FROM events WHERE sequence > ?", [last_event]) \
                == last_event + 1
            assert catalog.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f'") > 10
            assert catalog.value("SELECT to_regclass('transfer_progress')") is None
        server.verify()


def test_it_goes_on_where_it_broke_off(tmp_path, url, postgres_server):
    server = Server(tmp_path / "data")
    with server:
        _, _, query = fill(server, tmp_path)
        with catalog_of(server) as catalog:
            catalog.execute("UPDATE audio_history SET detail = '{}'")
            for _ in range(6):  # doubles
                catalog.execute(
                    "INSERT INTO audio_history SELECT lower(hex(randomblob(4))) || '-0000-7000-8000-' || "
                    "lower(hex(randomblob(6))), workspace_id, upload_id, user_id, action, detail, "
                    "created_at FROM audio_history")
            count = catalog.value("SELECT count(*) FROM audio_history")
        before = shown(server, query)
    name = url.rsplit("/", 1)[1]
    killed = 0
    while killed < 4:
        running = subprocess.Popen(command(server.data, url), stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)
        try:
            if killed == 0:  # somewhere at its very start
                time.sleep(0.05)
            else:  # when it has noted some tables more
                noted = 3 * killed
                wait_until(lambda: running.poll() is not None or (
                    "transfer_progress" in postgres_server.psql("SELECT relname FROM pg_class", name)
                    and int(postgres_server.psql("SELECT count(*) FROM transfer_progress", name)) > noted),
                    60, "the copy")
            running.send_signal(signal.SIGKILL)
        finally:
            running.communicate()
        killed += 1
        if killed == 2:  # meanwhile no server takes it for a catalog
            refused = subprocess.run([BINARY, "serve", "--data", str(tmp_path / "other"), "--listen",
                                      "127.0.0.1:0", "--database", url], capture_output=True, text=True,
                                     timeout=60, check=False)
            assert refused.returncode != 0 and "newer than this program" in refused.stderr
    if (server.data / "catalog.db").exists():
        tables = {one["table"]: one["rows"]
                  for one in json.loads(migrate(server.data, url).stdout)["tables"]}
        assert tables["audio_history"] == count
    server.flags += ["--database", url]
    with server:
        assert shown(server, query) == before
        server.verify()


def test_what_is_refused(tmp_path, url, databases):
    with Server(tmp_path / "data") as server:
        server.api().upload(audio.wav(seconds=0.1))
        done = migrate(server.data, url, check=False)
        assert done.returncode == 6 and "in use" in done.stderr
    with Server(tmp_path / "taken", "--database", url):
        pass
    done = migrate(server.data, url, check=False)
    assert done.returncode == 6 and "holds a catalog already" in done.stderr
    assert migrate(tmp_path / "nothing", url, check=False).returncode == 5
    assert migrate(server.data, "sqlite:/tmp/x", check=False).returncode == 2
    other = databases.url_of(tmp_path / "other")
    with sqlite3.connect(server.data / "catalog.db") as source:
        last, = source.execute("SELECT max(number) FROM schema_migrations").fetchone()
        source.execute("DELETE FROM schema_migrations WHERE number = ?", [last])
    assert migrate(server.data, other, check=False).returncode == 2
    assert (server.data / "catalog.db").exists()


def test_nobody_else_has_the_catalog_meanwhile(tmp_path, url):
    """Whatever works on the file: a worker, a server with another data folder, and commands."""
    with Server(tmp_path / "data") as server:
        server.api().upload(audio.wav(seconds=0.1))
        worker = subprocess.Popen([BINARY, "worker", "--data", str(server.data)], stdout=subprocess.PIPE)
        assert worker.stdout.readline().startswith(b"working on")
    with worker:
        done = migrate(server.data, url, check=False)
        assert done.returncode == 6 and "in use by a server, a worker" in done.stderr
        worker.terminate()
    same_store = configuration(tmp_path, f'[store "main"]\nprovider = local\npath = {server.data}/store\n')
    with Server(tmp_path / "elsewhere", *same_store, "--database", f"sqlite:{server.data}/catalog.db"):
        assert migrate(server.data, url, check=False).returncode == 6
    folder = os.open(server.data, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)  # as while it is moved
    some_id = "01936a1c-2b7e-7c4d-8e9f-0a1b2c3d4e5f"
    for line in (["serve", "--listen", "127.0.0.1:0"], ["worker"], ["operator", "ls"], ["verify"],
                 ["store", "lifecycle"], ["store", "adopt", "main"], ["store", "restore", some_id],
                 ["store", "class", "GLACIER", some_id]):
        refused = subprocess.run([BINARY, *line, "--data", str(server.data)], capture_output=True, text=True,
                                 timeout=60, check=False)
        code = 1 if line == ["verify"] else 6  # it could not be verified, for whatever reason
        assert refused.returncode == code and "being moved" in refused.stderr, refused.stderr
    os.close(folder)
    migrate(server.data, url)


def test_a_difference_is_found(tmp_path, url, postgres_server):
    """What was changed in the target behind its back is not taken for the source."""
    with Server(tmp_path / "data") as server:
        server.api().upload(audio.wav(seconds=0.1))
    name = url.rsplit("/", 1)[1]
    with sqlite3.connect(server.data / "catalog.db") as source:  # the last table cannot be copied
        source.execute("UPDATE workspaces SET name = CAST(x'ff' AS TEXT)")
    done = migrate(server.data, url, check=False)
    assert done.returncode != 0 and "copy workspaces: row 1" in done.stderr
    assert int(postgres_server.psql("SELECT count(*) FROM audio_uploads", name)) == 1
    with sqlite3.connect(server.data / "catalog.db") as source:
        source.execute("UPDATE workspaces SET name = 'default'")
    postgres_server.psql("UPDATE audio_uploads SET file_size = file_size + 1", name)
    done = migrate(server.data, url, check=False)
    assert done.returncode == 6 and "compare audio_uploads" in done.stderr
    assert (server.data / "catalog.db").exists()
