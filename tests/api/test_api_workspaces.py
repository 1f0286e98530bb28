"""Workspaces and quotas."""
import threading

import audio
import pytest
from catalog import catalog_of
from people import default_workspace, make_workspace
from server import Server, expect_problem

pytestmark = pytest.mark.databases("sqlite", "postgres")


def quota_of(api, workspace):
    return api.get_json(f"/v1/workspaces/{workspace['id']}/quota")


def upload_to(api, workspace, content, expect=201, **query):
    return api.upload(content, expect=expect, workspace_id=workspace["id"], **query)


def test_make_rename_remove(api):
    made = make_workspace(api, "Studio")
    path = f"/v1/workspaces/{made['id']}"
    assert set(made) == {"id", "name", "created_at"}
    assert api.get_json(path) == made
    expect_problem(api.post("/v1/workspaces", json={"name": "sTUDIO"}), 409, "already_exists")
    assert api.patch(path, json={"name": "Halle"}).json() == {**made, "name": "Halle"}
    expect_problem(api.patch(path, json={"name": "DEFAULT"}), 409, "already_exists")
    assert api.patch(path, json={"name": "halle"}).status_code == 200
    assert api.delete(path).status_code == 204
    expect_problem(api.get(path), 404, "not_found")
    expect_problem(api.delete(path), 404, "not_found")
    assert [w["name"] for w in api.get_json("/v1/workspaces")["items"]] == ["default"]
    make_workspace(api, "Halle")


def test_repeated_workspace_is_one_workspace(api):
    body, key = {"name": "Studio", "quota": {"max_file_count": 3}}, {"Idempotency-Key": "a"}
    made = [api.post("/v1/workspaces", json=body, headers=key) for _ in range(2)]
    assert [m.status_code for m in made] == [201, 201] and made[0].json() == made[1].json()
    assert made[0].headers["Location"] == made[1].headers["Location"]
    assert len(api.get_json("/v1/workspaces")["items"]) == 2
    other = api.post("/v1/workspaces", json={**body, "name": "Halle"}, headers=key)
    expect_problem(other, 422, "idempotency_key_reused")
    api.delete(made[0].headers["Location"])
    expect_problem(api.post("/v1/workspaces", json=body, headers=key), 404, "not_found")


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"name": "x" * 101},
                                  {"name": "a\tb"}, {"name": "a", "quota": 1},
                                  {"name": "a", "quota": {"max": 1}}, {"name": "a", "id": "x"}])
def test_bad_workspaces(api, body):
    expect_problem(api.post("/v1/workspaces", json=body), 400, "invalid_request")


def test_workspace_with_uploads_needs_force(server, api):
    made = make_workspace(api)
    record = upload_to(api, made, audio.wav())
    path = f"/v1/workspaces/{made['id']}"
    expect_problem(api.delete(path), 409, "conflict")
    api.delete(f"/v1/uploads/{record['id']}", params={"workspace_id": made["id"]})
    expect_problem(api.delete(path), 409, "conflict")
    assert api.delete(path + "?force=true").status_code == 204
    expect_problem(api.get(path), 404, "not_found")
    assert not list(server.data.rglob("*.wav"))
    server.verify()


def test_tokens_end_with_their_workspace(server, api):
    made = make_workspace(api)
    token = api.post("/v1/tokens", params={"workspace_id": made["id"]},
                     json={"role": "admin"}).json()["token"]
    assert server.api(token).get("/v1/uploads").status_code == 200
    api.delete(f"/v1/workspaces/{made['id']}")
    assert server.api(token).get("/v1/uploads").status_code == 401


def test_new_quota_is_the_configured_one(tmp_path):
    flags = ("--quota-max-storage-bytes", "1M", "--quota-max-file-count", "7")
    with Server(tmp_path / "data", *flags) as server:
        api = server.api()
        quota = quota_of(api, default_workspace(api))
        assert (quota["max_storage_bytes"], quota["max_file_count"]) == (1 << 20, 7)
        assert quota["max_file_size"] is None and quota["max_monthly_uploads"] is None
        other = quota_of(api, make_workspace(api, max_file_count=None, max_file_size=5))
        assert (other["max_storage_bytes"], other["max_file_count"]) == (1 << 20, None)
        assert other["max_file_size"] == 5


def test_usage_is_the_sum(api):
    made = make_workspace(api, max_storage_bytes=10_000_000, max_file_count=5,
                          max_monthly_uploads=9)
    sizes = []
    for i in range(3):
        record = upload_to(api, made, audio.wav(seconds=0.2, seed=min(i, 1)))
        sizes.append(record["file_size"])
    quota = quota_of(api, made)
    assert quota["current_storage_bytes"] == quota["monthly_upload_bytes"] == sum(sizes)
    assert quota["current_file_count"] == quota["monthly_uploads"] == 3
    assert (quota["reserved_bytes"], quota["reserved_files"]) == (0, 0)
    assert quota["remaining_bytes"] == 10_000_000 - sum(sizes)
    assert (quota["remaining_files"], quota["remaining_uploads"]) == (2, 6)
    path = f"/v1/uploads/{record['id']}?workspace_id={made['id']}"
    api.delete(path)
    assert quota_of(api, made)["current_file_count"] == 3
    api.delete(path + "&permanent=true")
    after = quota_of(api, made)
    assert (after["current_file_count"], after["current_storage_bytes"]) == (2, sum(sizes[:2]))
    assert (after["monthly_uploads"], after["remaining_uploads"]) == (3, 6)


def test_put_changes_what_is_given(api):
    made = make_workspace(api, max_storage_bytes=1000, max_file_count=3)
    before = quota_of(api, made)
    answer = api.put(f"/v1/workspaces/{made['id']}/quota",
                     json={"max_file_count": None, "retention_days": 30, "auto_cleanup": True})
    assert answer.status_code == 200
    assert answer.json() == {**before, "max_file_count": None, "remaining_files": None,
                             "retention_days": 30, "auto_cleanup": True}
    assert quota_of(api, made) == answer.json()


@pytest.mark.parametrize("body", [
    {"max_storage_bytes": -1}, {"max_storage_bytes": 1.5}, {"max_storage_bytes": "1G"},
    {"max_file_count": True}, {"auto_cleanup": 1},
    {"auto_cleanup": None}, {"retention_days": 0}, {"current_storage_bytes": 0},
    {"archive_storage_class": 5},
])
def test_bad_quotas(api, body):
    made = default_workspace(api)
    before = quota_of(api, made)
    answer = api.put(f"/v1/workspaces/{made['id']}/quota", json=body)
    expect_problem(answer, 400, "invalid_request")
    assert quota_of(api, made) == before


SIZE = len(audio.wav())
LIMITS = [
    ({"max_storage_bytes": 2 * SIZE - 1}, 403, "quota_storage_exceeded", 2 * SIZE - 1, SIZE - 1),
    ({"max_file_count": 1}, 403, "quota_files_exceeded", 1, 0),
    ({"max_monthly_uploads": 1}, 403, "quota_monthly_exceeded", 1, 0),
]


@pytest.mark.parametrize("limits, status, code, limit, remaining", LIMITS)
@pytest.mark.parametrize("known_size", [True, False])
def test_limits(server, api, limits, status, code, limit, remaining, known_size):
    made = make_workspace(api, **limits)
    upload_to(api, made, audio.wav(seed=1))
    content = audio.wav(seed=2)
    answer = api.post("/v1/uploads", params={"filename": "b.wav", "workspace_id": made["id"]},
                      data=content if known_size else iter([content]))
    problem = expect_problem(answer, status, code)
    assert (problem["limit"], problem["remaining"]) == (limit, remaining)
    quota = quota_of(api, made)
    assert quota["current_file_count"] == 1 and quota["reserved_bytes"] == 0
    server.verify()


@pytest.mark.parametrize("known_size", [True, False])
def test_file_size_limit(api, known_size):
    made = make_workspace(api, max_file_size=SIZE - 1)
    content = audio.wav()
    answer = api.post("/v1/uploads", params={"filename": "b.wav", "workspace_id": made["id"]},
                      data=content if known_size else iter([content]))
    assert expect_problem(answer, 413, "file_too_large")["limit"] == SIZE - 1


def test_exactly_full(api):
    made = make_workspace(api, max_storage_bytes=SIZE, max_file_size=SIZE, max_file_count=1)
    upload_to(api, made, audio.wav())
    quota = quota_of(api, made)
    assert (quota["remaining_bytes"], quota["remaining_files"]) == (0, 0)


def test_limit_below_use_only_stops_new_uploads(api):
    made = make_workspace(api)
    record = upload_to(api, made, audio.wav())
    quota = api.put(f"/v1/workspaces/{made['id']}/quota", json={"max_storage_bytes": 1}).json()
    assert quota["remaining_bytes"] == 0
    query = {"workspace_id": made["id"]}
    upload_to(api, made, audio.wav(seed=5), expect=403)
    assert api.get(f"/v1/uploads/{record['id']}/content", params=query).status_code == 200
    api.delete(f"/v1/uploads/{record['id']}", params=query)
    assert api.post(f"/v1/uploads/{record['id']}/undelete", params=query).status_code == 200


def check(api, made, size):
    answer = api.post(f"/v1/workspaces/{made['id']}/quota/check", json={"file_size": size})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_check(api):
    made = make_workspace(api, max_storage_bytes=100, max_file_size=60)
    assert check(api, made, 60) == {"can_upload": True, "code": None, "remaining_bytes": 100}
    assert check(api, made, 61)["code"] == "file_too_large"
    api.put(f"/v1/workspaces/{made['id']}/quota", json={"max_storage_bytes": 50})
    assert check(api, made, 51) == {"can_upload": False, "code": "quota_storage_exceeded",
                                    "remaining_bytes": 50}
    api.put(f"/v1/workspaces/{made['id']}/quota", json={"max_file_count": 0})
    assert check(api, made, 1)["code"] == "quota_files_exceeded"
    api.put(f"/v1/workspaces/{made['id']}/quota",
            json={"max_file_count": None, "max_monthly_uploads": 0})
    assert check(api, made, 1)["code"] == "quota_monthly_exceeded"
    assert check(api, make_workspace(api), 1 << 43) == {  # ext4 holds files of twice that
        "can_upload": True, "code": None, "remaining_bytes": None}
    for body in ({}, {"file_size": -1}, {"file_size": None}, {"file_size": 1, "x": 2}):
        answer = api.post(f"/v1/workspaces/{made['id']}/quota/check", json=body)
        expect_problem(answer, 400, "invalid_request")


def test_parallel_uploads_fill_exactly(server, api):
    made = make_workspace(api, max_storage_bytes=10 * SIZE + SIZE // 2)
    codes = []

    def one(seed):
        answer = server.api().post(
            "/v1/uploads", params={"filename": "a.wav", "workspace_id": made["id"]},
            data=audio.wav(seed=seed) if seed % 2 else iter([audio.wav(seed=seed)]))
        codes.append(answer.status_code)

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(201) <= 10 and codes.count(201) + codes.count(403) == 64
    while quota_of(api, made)["remaining_bytes"] >= SIZE:  # reservations may have kept some out
        one(1000 + len(codes))
    assert codes.count(201) == 10
    server.verify()


def test_usage_view(api):
    made = make_workspace(api, "empty one", max_storage_bytes=500)
    record = upload_to(api, default_workspace(api), audio.wav())
    rows = {r["workspace_name"]: r for r in api.get_json("/v1/analytics/usage")["items"]}
    assert set(rows) == {"default", "empty one"}
    assert rows["default"]["total_bytes"] == rows["default"]["avg_file_size"] == SIZE
    assert rows["default"]["file_count"] == 1
    assert rows["default"]["oldest_file"] == record["uploaded_at"]
    assert rows["default"]["remaining_bytes"] is None
    empty = rows["empty one"]
    assert (empty["file_count"], empty["total_bytes"], empty["remaining_bytes"]) == (0, 0, 500)
    assert empty["avg_file_size"] is None and empty["oldest_file"] is None
    one = api.get_json(f"/v1/analytics/usage?workspace_id={made['id']}")["items"]
    assert one == [empty]


def test_usage_is_that_of_the_view(server, api):
    """Trash counts for the quota, and not here; nor does what was removed."""
    made = make_workspace(api, "busy", max_storage_bytes=10_000_000)
    records = [upload_to(api, made, audio.wav(seconds=0.1 * (i + 1), seed=i)) for i in range(6)]
    query = f"?workspace_id={made['id']}"
    for record in (records[0], records[3], records[5]):
        api.delete(f"/v1/uploads/{record['id']}{query}")
    api.delete(f"/v1/uploads/{records[4]['id']}{query}&permanent=true")
    row, = api.get_json("/v1/analytics/usage" + query)["items"]
    live = [records[1], records[2]]
    assert row["file_count"] == 2 and row["total_bytes"] == sum(r["file_size"] for r in live)
    assert (row["oldest_file"], row["newest_file"]) == tuple(r["uploaded_at"] for r in live)
    with catalog_of(server) as catalog:
        view, = catalog.rows("SELECT file_count, total_bytes, avg_file_size, remaining_bytes FROM "
                             "storage_usage_by_workspace WHERE workspace_id = ?", [made["id"]])
    assert (row["file_count"], row["total_bytes"], row["avg_file_size"], row["remaining_bytes"]) == view
