"""`--json` everywhere: each command, run for real, prints JSON lines and nothing else."""
import json

import audio
import pytest
from server import Server


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """{command: its lines}, each run once in an order in which it makes sense."""
    folder = tmp_path_factory.mktemp("json")
    found = {}
    with Server(folder / "data") as server:
        def run(name, *arguments):
            done = server.cli(*name.split(), "--json", *arguments, cwd=folder)
            found[name] = [json.loads(line) for line in done.stdout.splitlines()]
            return found[name][0]

        (folder / "take.wav").write_bytes(audio.wav())
        record = run("upload", "take.wav")
        run("ls")
        run("info", record["id"])
        run("get", "-o", "again.wav", record["id"])
        run("rm", record["id"])
        run("undelete", record["id"])
        workspace = run("workspace add", "second")
        run("workspace ls")
        run("workspace rename", "second", "renamed")
        run("quota show", "-w", "renamed")
        run("quota set", "-w", "renamed", "--files", "3")
        run("user add", "-w", "renamed", "anna")
        run("user ls", "-w", "renamed")
        token = run("token add", "-w", "renamed", "--role", "reader")
        run("token ls", "-w", "renamed")
        run("token revoke", "-w", "renamed", token["id"])
        run("usage")
        run("workspace rm", workspace["id"])
        run("config")
        run("doctor", "--data", server.data)
        run("verify", "--data", server.data)
    return found


def test_every_line_is_an_object(told):
    for name, lines in told.items():
        assert lines and all(isinstance(line, dict) and line for line in lines), name


@pytest.mark.parametrize("name, members", {
    "upload": ["id", "checksum_sha256"], "ls": ["id", "status"], "info": ["id", "metadata"],
    "get": ["id", "file", "bytes", "sha256"], "rm": ["id", "done"], "undelete": ["id", "done"],
    "workspace add": ["id", "name"], "workspace ls": ["id", "name"],
    "workspace rename": ["id", "name"], "workspace rm": ["id", "done"],
    "quota show": ["max_file_count"], "quota set": ["max_file_count"], "user add": ["id", "name"],
    "user ls": ["id", "name"], "token add": ["id", "token"], "token ls": ["id", "prefix"],
    "token revoke": ["id", "done"], "usage": ["workspace_id", "total_bytes"],
    "config": ["option", "value", "origin"], "doctor": ["ok", "checks"],
    "verify": ["ok", "totals", "findings"],
}.items())
def test_it_says_what_is_to_be_known(told, name, members):
    assert set(members) <= set(told[name][0])
