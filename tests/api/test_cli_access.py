"""`quota`, `usage`, `workspace`, `user`, `token`, and who a command speaks as."""
import json
import re
import subprocess

import audio
from catalog import catalog_of
from server import BINARY, Server


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def one(done):
    line, = lines(done)
    return line


def test_quota(server):
    before = one(server.cli("quota", "--json"))
    assert before["max_storage_bytes"] is None
    after = one(server.cli("quota", "set", "--json", "--storage", "10GiB", "--files", "5000",
                           "--file-size", "1.5G", "--monthly-uploads", "7",
                           "--retention-days", "30"))
    assert (after["max_storage_bytes"], after["max_file_count"], after["max_file_size"],
            after["max_monthly_uploads"], after["retention_days"]) == (
        10 << 30, 5000, 3 << 29, 7, 30)
    server.cli("quota", "set", "--files", "none")
    now = one(server.cli("quota", "show", "--json"))
    assert now["max_file_count"] is None and now["max_storage_bytes"] == 10 << 30
    text = server.cli("quota").stdout
    assert re.search(r"^storage +0 B of 10\.0 GiB$", text, re.M)
    assert re.search(r"^files +0 of unlimited$", text, re.M)
    assert re.search(r"^uploads this month +0 of 7, 0 B$", text, re.M)


def test_usage(server):
    server.api().upload(audio.wav_of_bytes(100_000), "a.wav")
    server.api().upload(audio.wav_of_bytes(100_000, 2), "b.wav")
    row = one(server.cli("usage", "--json"))
    assert (row["workspace_name"], row["file_count"], row["total_bytes"]) == ("default", 2, 200_000)
    heading, line = server.cli("usage").stdout.splitlines()
    assert heading.split()[-1] == "WORKSPACE" and line.split()[-1] == "default"


def test_usage_of_many_workspaces(server):
    with catalog_of(server) as catalog:
        catalog.copy_rows("workspaces", 1200, id=catalog.made_id("n.i"), name="'many ' || n.i")
        catalog.copy_rows("storage_quotas", 1200, workspace_id=catalog.made_id("n.i"))
    assert len(lines(server.cli("usage", "--json"))) == 1201
    assert len(server.cli("usage").stdout.splitlines()) == 1202


def test_workspaces(server):
    assert [row["name"] for row in lines(server.cli("workspace", "--json"))] == ["default"]
    added = server.cli("workspace", "add", "podcasts").stdout.strip()
    assert re.fullmatch(r"[0-9a-f-]{36}", added)
    assert server.cli("workspace", "add", "PODCASTS", check=False).returncode == 6
    server.cli("workspace", "rename", "podcasts", "shows")
    names = {row["name"]: row["id"] for row in lines(server.cli("workspace", "ls", "--json"))}
    assert names["shows"] == added
    assert "shows" in server.cli("workspace").stdout
    assert server.cli("workspace", "rm", "podcasts", check=False).returncode == 5
    assert server.cli("workspace", "rm", "shows").stdout == f"{added}  removed\n"


def test_a_full_workspace_is_removed_by_force_only(server, tmp_path):
    server.cli("workspace", "add", "podcasts")
    (tmp_path / "a.wav").write_bytes(audio.wav())
    server.cli("upload", "--workspace", "podcasts", tmp_path / "a.wav")
    assert server.cli("workspace", "rm", "podcasts", check=False).returncode == 6
    server.cli("workspace", "rm", "--force", "podcasts")
    assert server.cli("ls", "-w", "podcasts", check=False).returncode == 5


def test_commands_keep_to_their_workspace(server, tmp_path):
    other = server.cli("workspace", "add", "podcasts").stdout.strip()
    (tmp_path / "a.wav").write_bytes(audio.wav())
    done = server.cli("upload", tmp_path / "a.wav", check=False)
    assert done.returncode == 2 and "workspace" in done.stderr  # which one?
    by_name = one(server.cli("upload", "--json", "-w", "Podcasts", tmp_path / "a.wav"))
    assert by_name["workspace_id"] == other
    assert one(server.cli("ls", "--json", "-w", other))["id"] == by_name["id"]
    assert server.cli("ls", "-w", "default").stdout == ""
    assert server.cli("info", "-w", "default", by_name["id"], check=False).returncode == 5
    assert server.cli("quota", check=False).returncode == 2
    assert one(server.cli("quota", "--json", "-w", "podcasts"))["workspace_id"] == other
    assert server.cli("ls", "-w", "nowhere", check=False).returncode == 5
    assert len(lines(server.cli("usage", "--json"))) == 2
    assert len(lines(server.cli("usage", "--json", "-w", "podcasts"))) == 1


def test_users_and_tokens(server, tmp_path):
    anna = server.cli("user", "add", "anna").stdout.strip()
    assert {row["name"] for row in lines(server.cli("user", "--json"))} == {"admin", "anna"}
    assert "anna" in server.cli("user", "ls").stdout
    token = server.cli("token", "add", "--user", "anna", "--role", "writer", "--name", "laptop",
                       "--expires", "90d").stdout.strip()
    assert re.fullmatch(r"at_[A-Za-z0-9_-]{43}", token)
    row, = [row for row in lines(server.cli("token", "--json")) if row["user_id"] == anna]
    assert (row["role"], row["name"]) == ("writer", "laptop") and row["expires_at"]
    assert token not in server.cli("token", "ls").stdout

    as_anna = {"AUDIOTRICKS_CLIENT_TOKEN": token}
    (tmp_path / "a.wav").write_bytes(audio.wav())
    record = one(server.cli("upload", "--json", tmp_path / "a.wav", env=as_anna))
    assert record["user_id"] == anna
    assert server.cli("quota", env=as_anna).returncode == 0
    assert server.cli("quota", "set", "--files", "1", env=as_anna, check=False).returncode == 4
    assert server.cli("workspace", "add", "x", env=as_anna, check=False).returncode == 4
    assert server.cli("token", "revoke", row["id"]).stdout == f"{row['id']}  revoked\n"
    done = server.cli("ls", env=as_anna, check=False)
    assert done.returncode == 4 and "unauthorized" in done.stderr


def test_token_add_refuses_nonsense(server):
    assert server.cli("token", "add", "--user", "nobody", check=False).returncode == 5
    assert server.cli("token", "add", "--expires", "soon", check=False).returncode == 2


def run(*arguments, **options):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, **options)


def test_where_the_token_comes_from(server, tmp_path):
    env = {"PATH": "/usr/bin:/bin"}
    wrong = {**env, "AUDIOTRICKS_CLIENT_TOKEN": "at_wrong"}
    arguments = ["ls", "--server", server.url]
    assert run(*arguments, env=env, cwd=tmp_path / "data").returncode == 4
    assert run(*arguments, env=env, cwd=tmp_path).returncode == 0  # ./data/operator-token
    assert run(*arguments, env=wrong, cwd=tmp_path).returncode == 4
    assert run(*arguments, "--data", server.data, env=wrong).returncode == 0
    assert run(*arguments, "--token-file", server.data / "operator-token", env=wrong).returncode == 0
    assert run("ls", env={**env, "AUDIOTRICKS_CLIENT_SERVER": server.url,
                          "AUDIOTRICKS_CLIENT_TOKEN": server.token}).returncode == 0


def test_a_unix_socket(tmp_path):
    socket = tmp_path / "s"
    server = Server(tmp_path / "data")
    server.flags = ["--listen", f"127.0.0.1:{server.port},unix:{socket}"]
    with server:
        assert run("ls", "--server", f"unix:{socket}", "--retries", "0",
                   env={"AUDIOTRICKS_CLIENT_TOKEN": server.token}).returncode == 0


def test_users_are_disabled_and_removed(server):
    def whoami(token):
        return server.cli("ls", env={"AUDIOTRICKS_CLIENT_TOKEN": token}, check=False).returncode

    anna = server.cli("user", "add", "anna").stdout.strip()
    token = server.cli("token", "add", "--user", "anna").stdout.strip()
    assert whoami(token) == 0
    assert server.cli("user", "disable", "anna").stdout == f"{anna}  disabled\n"
    assert whoami(token) == 4
    assert server.cli("token", "add", "--user", "anna", check=False).returncode == 6
    assert one(server.cli("user", "enable", anna, "--json")) == {"id": anna, "done": "enabled"}
    assert whoami(token) == 4
    assert whoami(server.cli("token", "add", "--user", "anna").stdout.strip()) == 0
    done = server.cli("user", "rm", "nobody", "anna", check=False)
    assert (done.returncode, done.stdout) == (5, f"{anna}  removed\n") and "nobody" in done.stderr
    assert [row["name"] for row in lines(server.cli("user", "ls", "--json"))] == ["admin"]
    assert server.cli("user", "rm", "admin", check=False).returncode == 6
