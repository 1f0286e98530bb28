"""What a person with psql finds in PostgreSQL: the specification's views and functions, the queries and the
analyst of docs/postgresql.md."""
import json
import re
import subprocess
import uuid

import audio
import psycopg2
import psycopg2.errors
import pytest
from catalog import catalog_of
from people import make_workspace
from server import ROOT

pytestmark = pytest.mark.databases("postgres")
NOBODY = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def catalog(server):
    with catalog_of(server) as opened:
        yield opened


def documented(name):
    """The statements under `-- NAME` in the page."""
    return re.search(rf"```sql\n-- {name}\n(.*?)```", (ROOT / "docs/postgresql.md").read_text(), re.S)[1]


def rows_of(cursor):
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row)) for row in cursor.fetchall()]


def psql(server, text):
    """What psql prints, as rows of columns."""
    done = subprocess.run(["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d",
                           server.database_url, "-c", text], capture_output=True, text=True, timeout=60,
                          check=False)
    assert done.returncode == 0, done.stderr
    return [line.split("|") for line in done.stdout.splitlines()]


def test_types_are_those_of_the_specification(catalog):
    types = dict(catalog.rows("SELECT column_name, data_type FROM information_schema.columns "
                              "WHERE table_name = 'audio_uploads'"))
    assert types["id"] == types["encryption_key_id"] == "uuid"
    assert types["metadata"] == "jsonb" and types["duration"] == "numeric"
    assert types["file_size"] == types["original_size"] == types["compressed_size"] == "bigint"
    assert {kind for name, kind in types.items() if name.endswith("_at")} == {"timestamp with time zone"}
    assert catalog.rows("SELECT numeric_precision, numeric_scale FROM information_schema.columns WHERE "
                        "column_name IN ('duration', 'start_time', 'end_time') AND "
                        "table_name IN ('audio_uploads', 'audio_chunks')") == [(10, 3)] * 4


def test_usage_and_candidates(server, api):
    old = api.upload(audio.wav(seconds=0.2), "old.wav")
    api.upload(audio.wav(seconds=0.1, seed=2), "new.wav")
    api.patch(f"/v1/uploads/{old['id']}", json={"original_filename": "older.wav"})  # a row of history more
    with catalog_of(server) as catalog:
        catalog.execute("UPDATE audio_uploads SET status = 'completed'")
        catalog.execute("UPDATE audio_uploads SET uploaded_at = now() - interval '40 days', "
                        "processing_completed_at = now() - interval '39 days' WHERE id = ?", [old["id"]])
    empty = make_workspace(api, "empty")
    assert psql(server, "SELECT id, days_old, processing_status FROM archival_candidates") == \
        [[old["id"], "40", "recent_processed"]]
    found = {row[0]: row[1:] for row in psql(
        server, "SELECT workspace_id, file_count, total_bytes, remaining_bytes FROM "
        "storage_usage_by_workspace")}
    assert found[empty["id"]] == ["0", "0", ""]
    assert found[old["workspace_id"]][0] == "2"


@pytest.mark.parametrize("duration, longest, expected", [
    ("700", "300", [(0, 300), (300, 600), (600, 700)]), ("600", "300", [(0, 300), (300, 600)]),
    ("0.001", "300", [(0, 0.001)]), ("1.0005", "0.4", [(0, 0.4), (0.4, 0.8), (0.8, 1.001)])])
def test_chunks_are_planned(api, catalog, duration, longest, expected):
    record = api.upload(audio.wav(seconds=0.2))
    ask = f"SELECT create_audio_chunks(?, {duration}, {longest})"
    assert catalog.value(ask, [record["id"]]) == catalog.value(ask, [record["id"]]) == len(expected)
    found = rows_of(catalog.execute("SELECT * FROM audio_chunks ORDER BY chunk_index"))
    assert [(float(c["start_time"]), float(c["end_time"])) for c in found] == expected
    assert [c["chunk_index"] for c in found] == list(range(len(expected)))
    assert {c["total_chunks"] for c in found} == {len(expected)}
    assert all(c["duration"] == c["end_time"] - c["start_time"] for c in found)
    assert found[0]["chunk_filename"] == f"chunk_{record['id']}_000000.wav"
    assert all(uuid.UUID(c["id"]).version == 7 for c in found)
    with pytest.raises(psycopg2.errors.UniqueViolation):
        catalog.value("SELECT create_audio_chunks(?, 5, 1)", [record["id"]])


@pytest.mark.parametrize("arguments, fault", [
    (f"'{NOBODY}', 10", psycopg2.errors.ForeignKeyViolation),
    (f"'{NOBODY}', 0", psycopg2.errors.InvalidParameterValue),
    (f"'{NOBODY}', NULL", psycopg2.errors.InvalidParameterValue),
    (f"'{NOBODY}', 10, -1", psycopg2.errors.InvalidParameterValue),
    (f"'{NOBODY}', 1000000, 1", psycopg2.errors.InvalidParameterValue)])
def test_plans_that_make_no_sense(catalog, arguments, fault):
    with pytest.raises(fault):
        catalog.execute(f"SELECT create_audio_chunks({arguments})")
    catalog.rollback()


def test_quota_is_that_of_the_api(server, api):
    limits = {"max_storage_bytes": 100_000, "max_file_size": 60_000, "max_file_count": 3,
              "max_monthly_uploads": 4}
    made = make_workspace(api, "small", **limits)

    def both(size):
        """What the function says; the API says the same."""
        answer = api.post(f"/v1/workspaces/{made['id']}/quota/check", json={"file_size": size}).json()
        (found,), = psql(server, f"SELECT check_storage_quota('{made['id']}', {size})")
        assert answer["can_upload"] is (found == "t"), answer
        return found == "t"

    assert both(60_000) and not both(60_001)
    records = [api.upload(audio.wav_of_bytes(40_000, seed), workspace_id=made["id"]) for seed in (1, 2)]
    assert both(20_000) and not both(20_001)
    session = api.post("/v1/chunked-uploads", params={"workspace_id": made["id"]},
                       json={"filename": "a.wav", "file_size": 10_000}).json()
    assert not both(1)  # it is the third file
    api.delete(f"/v1/chunked-uploads/{session['id']}", params={"workspace_id": made["id"]})
    assert both(1)
    for record in records:
        api.delete(f"/v1/uploads/{record['id']}",
                   params={"workspace_id": made["id"], "permanent": "true"})
    for seed in (3, 4):
        api.upload(audio.wav_of_bytes(1000, seed), workspace_id=made["id"])
    assert not both(1)  # four this month
    with catalog_of(server) as catalog:
        catalog.execute("UPDATE storage_quotas SET monthly_period = '2020-01'")
    assert both(1)
    free = make_workspace(api, "free")["id"]
    assert psql(server, f"SELECT check_storage_quota('{free}', 1 << 60)") == [["t"]]
    assert psql(server, f"SELECT check_storage_quota('{free}', -1)") == [["f"]]
    assert psql(server, f"SELECT check_storage_quota('{NOBODY}', 1)") == [["f"]]


def test_trends_count_what_went_and_what_was_before(server, api):
    records = [api.upload(audio.wav_of_bytes(size, size)) for size in (10_000, 20_000, 30_000)]
    api.delete(f"/v1/uploads/{records[1]['id']}?permanent=true")
    with catalog_of(server) as catalog:
        catalog.execute("UPDATE storage_events SET created_at = now() - interval '50 days' "
                        "WHERE upload_id = ?", [records[0]["id"]])
        found = rows_of(catalog.execute(documented("trends")))
    assert [(int(r["daily_bytes"]), r["daily_files"], int(r["cumulative_bytes"])) for r in found] == \
        [(30_000, 2, 40_000)]


def test_duplicates_waste_what_is_stored_twice(server, api):
    content = audio.wav_of_bytes(10_000)
    records = [api.upload(content, f"{name}.wav") for name in "abc"]
    api.upload(audio.wav_of_bytes(10_000, 7))
    gone = api.upload(content, "d.wav")
    api.delete(f"/v1/uploads/{gone['id']}")
    with catalog_of(server) as catalog:
        found, = rows_of(catalog.execute(documented("duplicates")))
        assert found["filenames"] == ["a.wav", "b.wav", "c.wav"] and found["duplicate_count"] == 3
        assert found["total_wasted_bytes"] == 0
        catalog.execute("UPDATE audio_uploads SET storage_path = storage_path || '-of-its-own' "
                        "WHERE id = ?", [records[2]["id"]])
        found, = rows_of(catalog.execute(documented("duplicates")))
        assert found["total_wasted_bytes"] == 10_000 and float(found["wasted_mb"]) == 10_000 / 2 ** 20
        catalog.rollback()


# ---- analysts ----

@pytest.fixture(scope="module")
def analyst(shared_server, database):
    """A role of the database's that may read the workspace "seen", and the records it may see."""
    api = shared_server.api()
    seen, hidden = make_workspace(api, "seen"), make_workspace(api, "hidden")
    records = [api.upload(audio.wav(seconds=0.1, seed=i), workspace_id=w["id"])
               for w in (seen, hidden) for i in range(2)]
    role = f"analyst_{uuid.uuid4().hex[:12]}"
    with catalog_of(shared_server) as catalog:
        catalog.execute(documented("analyst").replace("ada", role).replace(
            "01936f4e-8f5a-7c3e-9b1d-2a4b6c8d0e1f", seen["id"]))
        for record in records:
            catalog.execute("SELECT create_audio_chunks(?, 1, 0.5)", [record["id"]])
    yield shared_server.database_url.replace("//test@", f"//{role}@"), seen, records[:2]
    with catalog_of(shared_server) as catalog:
        catalog.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_an_analyst_reads_one_workspace(analyst):
    url, seen, records = analyst
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        def ask(text):
            cursor.execute(text)
            return cursor.fetchall()

        assert sorted(ask("SELECT id FROM audio_uploads")) == sorted((r["id"],) for r in records)
        assert ask("SELECT id FROM workspaces") == [(seen["id"],)]
        assert ask("SELECT workspace_id, file_count FROM storage_usage_by_workspace") == [(seen["id"], 2)]
        assert ask("SELECT DISTINCT upload_id IN (SELECT id FROM audio_uploads), count(*) FROM "
                   "audio_chunks GROUP BY 1") == [(True, 4)]
        for table in ("users", "storage_quotas", "audio_history", "storage_events", "events",
                      "chunked_uploads", "processing_jobs"):
            assert ask(f"SELECT count(*) FROM {table} WHERE workspace_id <> '{seen['id']}'") == [(0,)]
        assert ask("SELECT count(*) > 0 FROM events") == [(True,)]


@pytest.mark.parametrize("text", [
    "SELECT * FROM api_tokens", "SELECT * FROM server_secrets", "SELECT * FROM webhooks",
    "SELECT * FROM idempotency_keys", "UPDATE audio_uploads SET status = 'failed'",
    "DELETE FROM audio_uploads", "INSERT INTO analysts SELECT current_user, workspace_id FROM analysts",
    f"SELECT admit_analyst(current_user, '{NOBODY}')", f"SELECT create_audio_chunks('{NOBODY}', 1)"])
def test_an_analyst_can_do_no_more(analyst, text):
    url, _, _ = analyst
    with psycopg2.connect(url) as connection, connection.cursor() as cursor:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(text)


def test_the_server_sees_all(analyst, shared_server):
    _, _, records = analyst
    api = shared_server.api()
    assert api.get_json(f"/v1/uploads/{records[0]['id']}",
                        params={"workspace_id": records[0]["workspace_id"]})["id"] == records[0]["id"]
    assert json.dumps(api.get_json("/v1/workspaces")["items"]).count("hidden") == 1
    shared_server.verify()
