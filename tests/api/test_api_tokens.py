"""Tokens and users."""
import concurrent.futures
import datetime
import stat

import audio
import pytest
from catalog import catalog_of
from people import default_workspace, make_token, make_user, make_workspace, member
from server import expect_problem, wait_until

pytestmark = pytest.mark.databases("sqlite", "postgres")


def whoami(server, token):
    return server.api(token).get("/v1/uploads").status_code


def test_operator_token_of_a_new_server(server):
    path = server.data / "operator-token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.token.startswith("at_")
    assert str(path) in server.log_text() and server.token not in server.log_text()


def test_token_is_shown_once_and_kept_hashed(server, api):
    made = make_token(api, "writer", name="studio")
    listed = next(t for t in api.get_json("/v1/tokens")["items"] if t["id"] == made["id"])
    assert "token" not in listed and listed == {k: v for k, v in made.items() if k != "token"}
    assert made["token"].startswith(made["prefix"]) and len(made["token"]) == 46
    assert listed["name"] == "studio" and listed["role"] == "writer"
    with catalog_of(server) as catalog:
        dump = catalog.dump()
    assert made["prefix"] in dump and made["token"] not in dump


def test_use_is_noted(server, api):
    made = make_token(api, "reader")
    assert made["last_used_at"] is None
    assert whoami(server, made["token"]) == 200
    wait_until(lambda: next(t for t in api.get_json("/v1/tokens")["items"]
                            if t["id"] == made["id"])["last_used_at"], what="last_used_at")


def test_revoked(server, api):
    made = make_token(api, "reader")
    assert whoami(server, made["token"]) == 200
    for _ in range(2):
        assert api.delete(f"/v1/tokens/{made['id']}").status_code == 204
    assert whoami(server, made["token"]) == 401
    assert next(t for t in api.get_json("/v1/tokens")["items"]
                if t["id"] == made["id"])["revoked_at"]


def test_expiry(server, api):
    soon = make_token(api, "reader", expires_in_s=1)
    later = make_token(api, "reader", expires_in_s=3600)
    at = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat()
    assert make_token(api, "reader", expires_at=at)["expires_at"]
    wait_until(lambda: whoami(server, soon["token"]) == 401, 10, "the token to expire")
    assert whoami(server, later["token"]) == 200


@pytest.mark.parametrize("body", [
    {}, {"role": "king"}, {"role": None}, {"role": 1}, {"role": "reader", "user_id": "x"},
    {"role": "reader", "expires_in_s": 0}, {"role": "reader", "expires_in_s": 1.5},
    {"role": "reader", "expires_at": "2001-01-01T00:00:00Z"}, {"role": "reader", "expires_at": "x"},
    {"role": "reader", "expires_in_s": 9, "expires_at": "2099-01-01T00:00:00Z"},
    {"role": "reader", "token": "at_x"}, {"role": "reader", "name": "a\nb"},
    {"role": "reader", "name": "x" * 101},
])
def test_bad_tokens(api, body):
    expect_problem(api.post("/v1/tokens", json=body), 400, "invalid_request")


def test_user_of_another_workspace(api):
    other = make_workspace(api)
    default = default_workspace(api)["id"]
    stranger = api.post("/v1/users", params={"workspace_id": other["id"]},
                        json={"name": "eve"}).json()
    answer = api.post("/v1/tokens", params={"workspace_id": default},
                      json={"role": "reader", "user_id": stranger["id"]})
    expect_problem(answer, 404, "not_found")


def test_role_above_ones_own(server, api):
    admin = member(server, "admin")
    assert make_token(admin, "admin")["role"] == "admin"
    expect_problem(admin.post("/v1/tokens", json={"role": "operator"}), 403, "forbidden")


def test_operator_makes_operators(server, api):
    made = make_token(api, "operator", name="second")
    assert made["workspace_id"] is None and made["user_id"] is None
    assert server.api(made["token"]).get("/v1/workspaces").status_code == 200


def test_token_belongs_to_its_user(server, api):
    workspace = default_workspace(api)["id"]
    ada = api.post("/v1/users", params={"workspace_id": workspace}, json={"name": "ada"}).json()
    made = make_token(api, "writer", workspace, user_id=ada["id"])
    assert made["user_id"] == ada["id"]
    mine = make_token(server.api(make_token(api, "admin", user_id=ada["id"])["token"]), "reader")
    assert mine["user_id"] == ada["id"]


def test_users(api):
    made = api.post("/v1/users", json={"name": "ada"})
    assert made.status_code == 201
    assert set(made.json()) == {"id", "workspace_id", "name", "created_at", "disabled_at"}
    expect_problem(api.post("/v1/users", json={"name": "ada"}), 409, "already_exists")
    assert [u["name"] for u in api.get_json("/v1/users")["items"]] == ["admin", "ada"]
    for body in ({}, {"name": ""}, {"name": 1}, {"name": "x" * 101}, {"name": "a", "x": 1}):
        expect_problem(api.post("/v1/users", json=body), 400, "invalid_request")


@pytest.mark.parametrize("path", ["/v1/users", "/v1/tokens"])
def test_pages(api, path):
    for i in range(5):
        api.post("/v1/users", json={"name": f"user {i}"})
        make_token(api, "reader")
    whole = api.get_json(path)["items"]
    seen, cursor = [], None
    while True:
        page = api.get_json(path, params={"limit": 2, **({"cursor": cursor} if cursor else {})})
        seen += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert [i["id"] for i in seen] == [i["id"] for i in whole] and len(seen) >= 5


def keyed(key):
    return {"Idempotency-Key": key}


def tokens_named(api, name):
    return [t for t in api.get_json("/v1/tokens")["items"] if t["name"] == name]


def test_repeated_token_is_one_token_and_its_secret_is_not_shown_again(server, api):
    body = {"role": "writer", "name": "studio", "expires_in_s": 3600}
    first = api.post("/v1/tokens", json=body, headers=keyed("a"))
    again = api.post("/v1/tokens", json=dict(reversed(body.items())), headers=keyed("a"))
    assert (first.status_code, again.status_code) == (201, 200)
    secret = first.json()["token"]
    assert again.json() == {k: v for k, v in first.json().items() if k != "token"}
    assert secret not in again.text and len(tokens_named(api, "studio")) == 1
    assert whoami(server, secret) == 200
    with catalog_of(server) as catalog:
        dump = catalog.dump()
    assert first.json()["prefix"] in dump and secret not in dump
    other = api.post("/v1/tokens", json={**body, "role": "reader"}, headers=keyed("a"))
    expect_problem(other, 422, "idempotency_key_reused")
    assert api.post("/v1/tokens", json=body, headers=keyed("b")).status_code == 201
    assert len(tokens_named(api, "studio")) == 2


def test_repeated_user_is_one_user(server, api):
    made = [api.post("/v1/users", json={"name": "ada"}, headers=keyed("a")) for _ in range(2)]
    assert [m.status_code for m in made] == [201, 201] and made[0].json() == made[1].json()
    expect_problem(api.post("/v1/users", json={"name": "bob"}, headers=keyed("a")), 422,
                   "idempotency_key_reused")
    expect_problem(api.post("/v1/users", json={"name": "ada"}, headers=keyed("b")), 409,
                   "already_exists")
    assert [u["name"] for u in api.get_json("/v1/users")["items"]] == ["admin", "ada"]
    # The failure has not used its key up.
    assert api.post("/v1/users", json={"name": "eve"}, headers=keyed("b")).status_code == 201
    for bad in ("", "x" * 201, "a b"):
        expect_problem(api.post("/v1/users", json={"name": "x"}, headers=keyed(bad)), 400,
                       "invalid_request")


def test_key_is_of_one_route_and_one_caller(server, api):
    body = {"role": "reader", "name": "one"}
    assert api.post("/v1/tokens", json=body, headers=keyed("a")).status_code == 201
    expect_problem(api.post("/v1/users", json=body | {"name": "ada"}, headers=keyed("a")), 400,
                   "invalid_request")
    expect_problem(api.post("/v1/users", json={"name": "ada"}, headers=keyed("a")), 422,
                   "idempotency_key_reused")
    ada = api.post("/v1/users", json={"name": "ada"}).json()
    admin = server.api(make_token(api, "admin", user_id=ada["id"])["token"])
    assert admin.post("/v1/tokens", json=body, headers=keyed("a")).status_code == 201
    session = api.post("/v1/chunked-uploads", json={"filename": "a.wav", "file_size": 1 << 20},
                       headers=keyed("s"))
    assert session.status_code == 201
    expect_problem(api.post("/v1/users", json={"name": "eve"}, headers=keyed("s")), 422,
                   "idempotency_key_reused")


def test_repeated_at_once_makes_one(server, api):
    def ask(_):
        return server.api().post("/v1/users", json={"name": "ada"}, headers=keyed("a"))

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.json()["id"] for a in answers}) == 1


# Disabling and removing

def names(api):
    return [u["name"] for u in api.get_json("/v1/users")["items"]]


def test_disabled_user(server, api):
    ada = make_user(api, name="ada")
    at = f"/v1/users/{ada['id']}"
    tokens = [make_token(api, role, user_id=ada["id"]) for role in ("reader", "admin")]
    stays = make_token(api, "reader")
    disabled = api.patch(at, json={"disabled": True})
    assert disabled.status_code == 200 and disabled.json()["disabled_at"]
    assert [whoami(server, t["token"]) for t in tokens] == [401, 401]
    assert whoami(server, stays["token"]) == 200
    assert api.patch(at, json={"disabled": True}).json() == disabled.json() == api.get_json(at)
    revoked = {t["id"]: t["revoked_at"] for t in api.get_json("/v1/tokens")["items"]}
    assert all(revoked[t["id"]] for t in tokens) and not revoked[stays["id"]]
    expect_problem(api.post("/v1/tokens", json={"role": "reader", "user_id": ada["id"]}), 409,
                   "conflict")
    assert api.patch(at, json={}).json() == disabled.json()
    assert api.patch(at, json={"disabled": False}).json() == ada
    assert [whoami(server, t["token"]) for t in tokens] == [401, 401]
    assert whoami(server, make_token(api, "reader", user_id=ada["id"])["token"]) == 200
    for body in ({"disabled": None}, {"disabled": 1}, {"name": "x"}):
        expect_problem(api.patch(at, json=body), 400, "invalid_request")


def test_removed_user(server, api):
    ada = make_user(api, name="ada")
    at = f"/v1/users/{ada['id']}"
    token = make_token(api, "writer", user_id=ada["id"])["token"]
    record = server.api(token).upload(audio.wav())
    for _ in range(2):
        assert api.delete(at).status_code == 204
    assert whoami(server, token) == 401 and names(api) == ["admin"]
    expect_problem(api.get(at), 404, "not_found")
    expect_problem(api.patch(at, json={"disabled": False}), 404, "not_found")
    expect_problem(api.post("/v1/tokens", json={"role": "reader", "user_id": ada["id"]}), 404,
                   "not_found")
    assert api.get_json(f"/v1/uploads/{record['id']}")["user_id"] == ada["id"]
    other = make_user(api, name="ada")
    assert other["id"] != ada["id"] and names(api) == ["admin", "ada"]
    entry = api.get_json(f"/v1/uploads/{record['id']}/history")["items"][0]
    assert (entry["action"], entry["user_id"], entry["user_name"]) == ("uploaded", ada["id"], "ada")
    server.verify()


def test_what_must_stay(server, api):
    first = api.get_json("/v1/users")["items"][0]
    expect_problem(api.delete(f"/v1/users/{first['id']}"), 409, "conflict")
    ada = make_user(api)
    admin = server.api(make_token(api, "admin", user_id=ada["id"])["token"])
    at = f"/v1/users/{ada['id']}"
    expect_problem(admin.delete(at), 409, "conflict")
    expect_problem(admin.patch(at, json={"disabled": True}), 409, "conflict")
    # An operator may, and what operators do goes on to belong to the first user.
    assert api.patch(f"/v1/users/{first['id']}", json={"disabled": True}).status_code == 200
    assert api.upload(audio.wav())["user_id"] == first["id"]
    assert admin.patch(f"/v1/users/{first['id']}", json={"disabled": False}).status_code == 200


def test_token_of_who_is_being_disabled(server, api):
    """However the two meet, no token of the user is good afterwards."""
    ada = make_user(api)

    def make(_):
        server.api().post("/v1/tokens", json={"role": "reader", "user_id": ada["id"]})

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = [pool.submit(make, i) for i in range(12)]
        api.patch(f"/v1/users/{ada['id']}", json={"disabled": True})
        for one in made:
            one.result()
    mine = [t for t in api.get_json("/v1/tokens")["items"] if t["user_id"] == ada["id"]]
    assert all(t["revoked_at"] for t in mine)
