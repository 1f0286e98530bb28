"""Every route over tables that are full: no statement reads a table from end to end.

PostgreSQL itself says how it ran each statement (auto_explain): the plan that the server's prepared
statement had, with the rows that each step saw. SEED rows of each table come from the API; the test makes
many like them."""
import base64
import datetime
import json
import os
import re
import uuid

import audio
import jobs
import postgres
import pytest
from people import make_workspace
from server import SETTINGS, Server, wait_until
from test_api_access import GUARDED, Side, is_let_through

# Of few rows PostgreSQL rather reads all. In the short run it does so only where there is no other way.
LONG = SETTINGS["LONG"] == "1"
ROWS = 1_000_000 if LONG else 10_000
# What belongs to an installation, or to people, is few where uploads are many.
FEW = {"workspaces", "storage_quotas", "users", "api_tokens"}
FEW_ROWS = ROWS // 20
# A page of a list has 50 rows, and asks for little more than that.
ROWS_OF_A_REQUEST = 2_000

EXPLAIN = ("session_preload_libraries=auto_explain", "auto_explain.log_min_duration=0",
           "auto_explain.log_analyze=on", "auto_explain.log_timing=off",
           "auto_explain.log_nested_statements=on", "log_min_messages=log", "work_mem=16MB",
           "shared_buffers=128MB", "fsync=off", "full_page_writes=off", "max_connections=100",
           "wal_level=minimal", "max_wal_senders=0", "max_wal_size=4GB", "maintenance_work_mem=256MB",
           f"enable_seqscan={'on' if LONG else 'off'}")

# How row `n` of a table differs from row `r`, which came over the API. An upload, its chunk, its job and the
# rest of what hangs on it have the same n.
UPLOAD, CHUNK, JOB, SESSION, ELSEWHERE = (f"md5('{word}' || n)::uuid" for word in (
    "upload", "chunk", "job", "session", "workspace"))
ANY, PAST = "gen_random_uuid()", "now() - n * interval '1 second'"
TABLES = {
    "workspaces": {"id": ELSEWHERE, "name": "'one of many ' || n"},
    "storage_quotas": {"workspace_id": ELSEWHERE},
    "users": {"id": ANY, "name": "'one of many ' || n"},
    "api_tokens": {"id": ANY, "token_hash": "sha256(('token ' || n)::bytea)", "created_at": PAST},
    "audio_uploads": {
        "id": UPLOAD, "storage_path": "'audio/' || n", "original_filename": "'file ' || n", "file_size": "n",
        "duration": "n / 1000.0", "checksum_sha256": "md5('content ' || n) || md5('more ' || n)",
        "uploaded_at": PAST, "duplicate_of": f"CASE WHEN n % 20 = 0 THEN {UPLOAD} END",
        "status": "CASE WHEN n % 50 = 0 THEN 'deleted' ELSE 'uploaded' END",
        "deleted_status": "CASE WHEN n % 50 = 0 THEN 'uploaded' END",
        "deleted_at": "CASE WHEN n % 50 = 0 THEN now() END"},
    "audio_chunks": {"id": CHUNK, "upload_id": UPLOAD, "processing_job_id": JOB,
                     "chunk_path": "'chunks/' || n"},
    "audio_history": {"id": ANY, "upload_id": UPLOAD, "created_at": PAST},
    "storage_events": {"id": ANY, "upload_id": UPLOAD, "created_at": PAST},
    "idempotency_keys": {"key": "'key ' || n", "created_at": PAST},
    "chunked_uploads": {"id": SESSION, "upload_id": ANY, "storage_path": "'session/' || n",
                        "idempotency_key": "NULL", "status": "'completed'", "reserved_bytes": "0",
                        "completed_at": "now()", "expires_at": "now() + interval '1 day'"},
    "chunked_upload_parts": {"session_id": SESSION},
    "staged_pieces": {"id": ANY, "session_id": SESSION, "storage_path": "'piece/' || n", "counts": "1"},
    "file_processing_cache": {"id": ANY, "workspace_id": ELSEWHERE, "file_hash": "md5('content ' || n)",
                              "accessed_at": PAST},
    "processing_jobs": {"id": JOB, "upload_id": UPLOAD, "chunk_id": "NULL", "created_at": PAST,
                        "status": "CASE WHEN n % 20 = 0 THEN 'pending' ELSE 'completed' END",
                        "kind": "CASE WHEN n % 20 = 0 THEN 'of-others' ELSE kind END",
                        "lease_until": "NULL", "completed_at": "CASE WHEN n % 20 > 0 THEN now() END"},
    "processing_job_needs": {"needed_id": JOB, "job_id": ANY},
    "processing_results": {"id": ANY, "upload_id": UPLOAD, "chunk_id": "NULL", "job_id": JOB},
    "derived_files": {"storage_path": "'derived/' || n", "upload_id": UPLOAD, "job_id": JOB},
    "derived_recipes": {"upload_id": UPLOAD},
    "events": {"sequence": "-n", "upload_id": UPLOAD, "subject_id": UPLOAD, "created_at": PAST},
    "webhook_deliveries": {"id": ANY, "upload_id": UPLOAD, "lane": UPLOAD, "status": "'delivered'",
                           "next_attempt_at": "NULL", "created_at": PAST},
}
# A row for each migration, kind, task, analyst, or object about to be removed, and the webhooks, all of
# which their sender has in mind: these stay small.
SMALL = {"webhooks", "nodes", "duties", "storage_garbage", "schema_migrations", "database_probe", "server_secrets", "event_positions", "analysts",
         "processing_cache_figures", "processing_job_pauses"}

# What is counted is as long as what waits, or as the trash, and is found by an index; a page with a filter may
# look over many entries of one, as long as UPLOAD_PAGE_LOOKS says.
COUNTED = ("SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'",
           "SELECT kind, status, count(*) FROM processing_jobs", "SELECT kind, 'waiting' AS status, count(*)",
           "SELECT id, name, files, bytes, CASE WHEN files > 0")
# PostgreSQL's own look whether a row is referred to walks over what was just deleted.
OWN = "SELECT 1 FROM ONLY"


def columns(database, table):
    """Those that can be inserted."""
    return database.psql(f"""SELECT attname FROM pg_attribute WHERE attrelid = '{table}'::regclass
        AND attnum > 0 AND NOT attisdropped AND attgenerated = ''""").split()


def keep_seeds(database, workspace):
    """One row of each table, before the server clears it away."""
    database.psql("CREATE SCHEMA seeds")
    for table in TABLES:
        of_it = f"WHERE workspace_id = '{workspace}'" if "workspace_id" in columns(database, table) else ""
        database.psql(f"CREATE TABLE seeds.{table} AS SELECT * FROM {table} {of_it} LIMIT 1")


def loose_indexes(database, table):
    """Those that no constraint needs, with what makes them again."""
    rows = database.psql(f"""SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = '{table}'::regclass AND NOT EXISTS (
            SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid)""")
    return [row.split("|", 1) for row in rows.splitlines()]


def fill(database, table):
    """Indexes are made of the full table, which takes a fraction of what keeping them would."""
    names = columns(database, table)
    indexes = loose_indexes(database, table)
    changed = TABLES[table]
    assert set(changed) <= set(names), f"{table}: {set(changed) - set(names)}"
    values = ", ".join(changed.get(name, f"r.{name}") for name in names)
    rows = FEW_ROWS if table in FEW else ROWS
    made = database.psql(f"""SET session_replication_role = replica;
        SET auto_explain.log_min_duration = -1;
        {"".join(f"DROP INDEX {name};" for name, _ in indexes)}
        WITH made AS (INSERT INTO {table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE
            SELECT {values} FROM (SELECT * FROM seeds.{table}) r,
                generate_series(1, {rows}) n
            RETURNING 1) SELECT count(*) FROM made;
        {"".join(f"{made_by};" for _, made_by in indexes)}
        ANALYZE {table}""")
    assert int(made) == rows, f"{table} has no row to begin with"


def sizes(database):
    """Bytes a row of each table, and of its indexes (docs/scale.md)."""
    of_row = [f"SELECT '{table}', count(*), pg_table_size('{table}') / count(*), pg_indexes_size('{table}') / count(*) "
              f"FROM {table}" for table in TABLES]
    return "table|rows|bytes a row|of its indexes\n" + database.psql(" UNION ALL ".join(of_row))


def every_route(side):
    for method, path, operation in GUARDED.values():
        who = side.operator if operation["x-role"] == "operator" else side.people[operation["x-role"]]
        answer = side.request(who, method, path, operation)
        assert is_let_through(answer, operation), f"{method} {path}: {answer.status_code} {answer.text}"
        answer.close()


def deep_pages(reader):
    """In the middle of each order, with filters that find nothing, or much."""
    record, = reader.get_json("/v1/uploads", params={
        "limit": 1, "sort": "file_size", "cursor": cursor("file_size", ROWS // 2, "0" * 32)})["items"]
    moment = datetime.datetime.fromisoformat(record["uploaded_at"].replace("Z", "+00:00"))
    values = {"uploaded_at": int(moment.timestamp() * 1_000_000), "file_size": record["file_size"],
              "duration": int(record["duration"] * 1000), "original_filename": record["original_filename"]}
    for name, value in values.items():
        for sort in (name, f"-{name}"):
            for more in ({}, {"status": "uploaded"}, {"file_type": record["file_type"]}, {"q": "file"}):
                page = reader.get_json("/v1/uploads", params={
                    "limit": 50, "sort": sort, "cursor": cursor(sort, value, record["id"]), **more})
                assert page["items"]
    for more in ({"status": "failed"}, {"status": "archived", "sort": "uploaded_at"}, {"status": "deleted"},
                 {"uploaded_after": record["uploaded_at"], "sort": "uploaded_at"}):
        reader.get("/v1/uploads", params={"limit": 50, **more}).raise_for_status()


def cursor(sort, value, last):
    text = json.dumps({"sort": sort, "value": value, "id": str(uuid.UUID(last))})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def plans(text):
    """Each statement that was explained in a log, with its plan."""
    for entry in re.split(r"^(?=\d{4}-)", text, flags=re.M):
        if " plan:\n" in entry:
            query, _, plan = entry.partition("Query Text: ")[2].partition("\n\t")
            # A statement of several lines goes on until the first step of the plan.
            start = re.search(r"^\t?(?=\S.*\(cost=)", plan, flags=re.M)
            yield query + "\n" + plan[:start.start()], plan[start.start():]


def counts_by_index(query, plan):
    if " LIMIT 1 OFFSET $6" in query:
        return "Index Only Scan" in plan and "Sort" not in plan
    return query.strip().startswith(COUNTED) and "Seq Scan" not in plan


def faults(plan):
    """What a plan should not have."""
    for table in re.findall(r"Seq Scan on (\w+)", plan):
        if table in TABLES:
            yield f"reads all of {table}"
    for rows, times in re.findall(r"actual rows=(\d+) loops=(\d+)", plan):
        if int(rows) * int(times) > ROWS_OF_A_REQUEST:
            yield f"a step gives {int(rows) * int(times)} rows"
    for rows in re.findall(r"Rows Removed by \S+: (\d+)", plan):
        if int(rows) > ROWS_OF_A_REQUEST:
            yield f"a step throws {rows} rows away"


@pytest.fixture(scope="module")
def own_postgres():
    if not postgres.binaries():
        pytest.skip("PostgreSQL is not installed")
    # Some gigabytes are more than memory is for.
    with postgres.Postgres(settings=EXPLAIN, parent="/var/tmp" if LONG else None) as running:
        yield running


def test_no_route_reads_a_table_from_end_to_end(own_postgres, tmp_path):
    tables = own_postgres.psql
    with Server(tmp_path / "data", *jobs.configuration(tmp_path), "--database", own_postgres.url(),
                jobs=True) as server:
        names = set(tables("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = "
                           "current_schema()::regnamespace").split())
        assert names == set(TABLES) | SMALL, "a table that this test does not know"
        side = Side(server, server.api(), make_workspace(server.api(), "full"))
        every_route(side)
        side.people["writer"].post("/v1/uploads?filename=a.wav", data=audio.wav(),
                                   headers={"Idempotency-Key": "first"}).raise_for_status()
        # What jobs wait for is forgotten when it is there: nothing waits any more.
        tables("INSERT INTO processing_job_needs SELECT id, id FROM processing_jobs LIMIT 1")
        # And a local store has no pieces.
        tables("INSERT INTO staged_pieces SELECT gen_random_uuid(), id, 0, 1, 'main', 'piece', 1, now(), now() "
               "FROM chunked_uploads LIMIT 1")
        keep_seeds(own_postgres, side.workspace["id"])
        for table in TABLES:
            fill(own_postgres, table)
        tables("VACUUM ANALYZE")
        print(sizes(own_postgres))
        begun = os.path.getsize(own_postgres.folder / "log")
        for _ in range(6):  # from the sixth on a prepared statement may have one plan for all values
            every_route(side)
        for _ in range(2):
            deep_pages(side.people["reader"])
        seen = list(plans((own_postgres.folder / "log").read_text()[begun:]))
    assert len({query for query, _ in seen}) > 100, "the log does not tell"
    wrong = {query: (set(faults(plan)), plan) for query, plan in seen
             if not counts_by_index(query, plan) and not query.startswith(OWN) and set(faults(plan))}
    for query, (what, plan) in wrong.items():
        print(f"--- {', '.join(what)}\n{query}\n{plan}")
    assert not wrong, f"{len(wrong)} statements"
