"""`operator`: operators' tokens by the data folder alone, beside a running server or without one."""
import json
import os
import stat
import subprocess

import server as servers
from people import make_token
from server import BINARY, Server, wait_until


def run(data, *words, check=True):
    """Without a token or a server's address: the data folder is all that it needs, and the database where that
    is not in it."""
    database = {"AUDIOTRICKS_SERVER_DATABASE": servers.databases.url_of(data)} if servers.databases else {}
    done = subprocess.run([BINARY, "operator", words[0], "--data", str(data), *words[1:]],
                          capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
                          env={**os.environ, **database})
    if check:
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def rows(data):
    return [json.loads(line) for line in run(data, "ls", "--json").stdout.splitlines()]


def status(server, token):
    return server.api(token).get("/v1/workspaces").status_code


def test_list_is_that_of_the_api(server, api):
    make_token(api, "operator", name="second")
    make_token(api, "admin", name="of a workspace")
    api.get("/v1/workspaces")
    listed = rows(server.data)
    assert [t["name"] for t in listed] == ["first start", "second"]
    wait_until(lambda: rows(server.data) == api.get_json("/v1/tokens?role=operator")["items"], 30,
               "the same in both lists")
    text = run(server.data, "ls").stdout
    assert "first start" in text and server.token[:9] in text and server.token not in text


def test_added_and_revoked_beside_a_running_server(server):
    token = run(server.data, "add", "--name", "backup").stdout.strip()
    assert status(server, token) == 200
    made = json.loads(run(server.data, "add", "--expires", "1h", "--json").stdout)
    assert made["expires_at"] and made["token"].startswith(made["prefix"])
    first, backup, last = rows(server.data)
    assert (backup["name"], last["id"]) == ("backup", made["id"])
    assert run(server.data, "revoke", backup["id"]).stdout == f"{backup['id']}  revoked\n"
    assert status(server, token) == 401 and status(server, made["token"]) == 200
    assert run(server.data, "revoke", "nothing", check=False).returncode == 5
    unknown = "01936a1c-2b7e-7c4d-9a10-3f5e6d7c8b9a"
    done = run(server.data, "revoke", unknown, first["id"], "--json", check=False)
    assert (done.returncode, json.loads(done.stdout)["id"]) == (5, first["id"])


def test_tokens_of_workspaces_are_not_its_business(server, api):
    writer = make_token(api, "writer")
    assert run(server.data, "revoke", writer["id"], check=False).returncode == 5
    run(server.data, "replace", "--all")
    assert server.api(writer["token"]).get("/v1/uploads").status_code == 200


def test_leaked_one_is_replaced(server, api):
    other, leaked = make_token(api, "operator")["token"], server.token
    said = run(server.data, "replace").stdout
    path = server.data / "operator-token"
    assert str(path) in said and "1 revoked" in said
    assert leaked != server.token and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_uid == server.data.stat().st_uid
    assert [status(server, t) for t in (leaked, server.token, other)] == [401, 200, 200]
    made = json.loads(run(server.data, "replace", "--all", "--json").stdout)
    assert made["revoked"] == 2 and "token" not in made
    assert [status(server, t) for t in (server.token, other)] == [200, 401]
    server.cli("workspace", "ls", "--data", server.data, env={"AUDIOTRICKS_CLIENT_TOKEN": ""})


def test_lost_one_is_replaced_without_a_server(tmp_path):
    with Server(tmp_path / "data") as server:
        lost = server.token
    os.unlink(server.data / "operator-token")
    assert "0 revoked" in run(server.data, "replace").stdout
    with server:
        assert status(server, server.token) == 200 and status(server, lost) == 200
        old = rows(server.data)[0]["id"]
        run(server.data, "revoke", old)
        assert status(server, lost) == 401


def test_store_that_is_away_locks_nobody_out(tmp_path):
    with Server(tmp_path / "data") as server:
        pass
    (server.data / "store").rename(server.data / "elsewhere")
    run(server.data, "replace")
    (server.data / "elsewhere").rename(server.data / "store")
    with server:
        assert status(server, server.token) == 200


def test_no_data(tmp_path):
    assert run(tmp_path / "nothing", "ls", check=False).returncode == 5
    assert run(tmp_path / "nothing", "replace", check=False).returncode == 5
    assert not (tmp_path / "nothing").exists()
