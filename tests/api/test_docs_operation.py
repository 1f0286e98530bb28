"""docs/configuration.md tells the truth: its tables are the program's, its unit files are sound, and what it
says of backup and restore is done here, word for word."""
import json
import os
import re
import shlex
import shutil
import signal
import subprocess

import audio
import pytest
import requests

from ports import free_port
from server import BINARY, ROOT, Server, wait_until

PAGE = (ROOT / "docs/configuration.md").read_text()
EXAMPLES = ROOT / "docs/examples"
DATA = "/var/lib/audiotricks"


def documented():
    """{option: the other cells of its row} of every table of options, in order."""
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \| (.*) \|$", PAGE, re.M)
    assert len(dict(rows)) == len(rows), "an option stands there twice"
    return {name: cells.split(" | ") for name, cells in rows}


def options():
    """What `audiotricks config` knows, with nothing set but one store, whose keys are known too."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AUDIOTRICKS_")}
    done = subprocess.run([BINARY, "config", "--json"], capture_output=True, text=True, env=clean)
    assert done.returncode == 0, done.stderr
    return list(map(json.loads, done.stdout.splitlines()))


def store_options():
    """The keys of [store "NAME"] in the program's table, which `config` shows only where they are set."""
    table = (ROOT / "src/cli/options.c").read_text().split("configuration_named_options[]")[1]
    return [f"{section}.{key}" for section, key in
            re.findall(r'^    \{"(\w+)", "(\w+)", CONFIG_', table.split("};")[0], re.M)]


def test_every_option_is_documented_and_no_other():
    known = [row["option"] for row in options()]
    assert len(known) > 25 and store_options()
    assert list(documented()) == known + store_options()


@pytest.mark.parametrize("row", options(), ids=lambda row: row["option"])
def test_flag_environment_and_default(row):
    flag, environment, default, meaning = documented()[row["option"]]
    assert flag == f"`{row['flag']}`"
    assert environment == f"`{row['environment']}`"
    assert default == (f"`{row['value']}`" if row["value"] is not None else "not set")
    assert meaning.endswith(".")


def test_the_example_file_is_one(tmp_path):
    text = PAGE.split("\n## The file\n")[1].split("\n- ")[0]
    (tmp_path / "conf").write_text(re.sub(r"^    ", "", text, flags=re.M))
    done = subprocess.run([BINARY, "config", "--config", tmp_path / "conf", "--json"],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = {row["option"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert rows["uploads.accept"]["value"] == "media"
    assert rows["uploads.accept"]["origin"] == "file"
    assert rows["quota.max_storage_bytes"]["value"] == "500GiB"


# systemd

def test_unit_files_are_sound(tmp_path):
    for name in ("audiotricks.service", "audiotricks.socket"):
        text = (EXAMPLES / name).read_text()
        (tmp_path / name).write_text(text.replace("/usr/local/bin/audiotricks", BINARY))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                           *map(str, tmp_path.iterdir())], capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr


def test_the_unit_under_socket_activation(tmp_path):
    """The unit's own command line, started by systemd's tool on a socket that it listens on."""
    unit = (EXAMPLES / "audiotricks.service").read_text()
    command = re.search(r"^ExecStart=(.*)$", unit, re.M).group(1)
    for old, new in (("/usr/local/bin/audiotricks", BINARY), (DATA, f"{tmp_path}/data"),
                     ("/etc/audiotricks.conf", f"{tmp_path}/conf")):
        assert old in command
        command = command.replace(old, new)
    (tmp_path / "conf").touch()
    address = f"127.0.0.1:{free_port()}"
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(["systemd-socket-activate", "-l", address, *shlex.split(command)],
                                   stdout=log, stderr=log)
    try:
        wait_until(lambda: "Listening on" in (tmp_path / "log").read_text(), what="the socket")
        assert requests.get(f"http://{address}/readyz", timeout=60).status_code == 200
        assert f"listening on http://{address}\n" in (tmp_path / "log").read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        status = process.wait(40)
    assert status == 0, (tmp_path / "log").read_text()


# Backup and restore

def recipe(heading, folder, backup, tmp_path):
    """Runs the shell block under HEADING in FOLDER's place; gives the finished process."""
    block = re.search(r"```sh\n(.*?)```", PAGE.split(f"\n## {heading}\n")[1], re.S).group(1)
    assert DATA in block and "/backup" in block
    (tmp_path / "bin").mkdir(exist_ok=True)
    shutil.copy(BINARY, tmp_path / "bin/audiotricks")
    return subprocess.run(
        ["bash", "-e", "-c", block.replace(DATA, str(folder)).replace("/backup", str(backup))],
        capture_output=True, text=True, env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"})


def test_backup_beside_a_server_and_restore(tmp_path):
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    backup.mkdir()
    restored.mkdir(mode=0o700)
    with Server(tmp_path / "data") as server:
        api = server.api()
        kept = api.upload(audio.wav(seconds=1, seed=1), "kept.wav")
        api.upload(audio.wav(seconds=1, seed=1), "shared.wav")
        assert recipe("Backup", server.data, backup, tmp_path).returncode == 0
        token = server.token
    done = recipe("Restore", restored, backup, tmp_path)
    assert done.returncode == 0 and "all adds up" in done.stdout, done.stdout + done.stderr
    with Server(restored) as server:
        assert server.token == token
        assert server.api().get(f"/v1/uploads/{kept['id']}/content").content == \
            audio.wav(seconds=1, seed=1)
        server.api().upload(audio.wav(seconds=1, seed=2), "new.wav")
        server.verify()


def test_what_happens_between_catalog_and_stores(tmp_path):
    """The two findings that the document explains, and how the first goes away."""
    backup, restored = tmp_path / "backup", tmp_path / "restored"
    backup.mkdir()
    restored.mkdir(mode=0o700)
    with Server(tmp_path / "data") as server:
        api = server.api()
        removed = api.upload(audio.wav(seconds=1, seed=1), "removed.wav")
        assert recipe("Backup", server.data, backup, tmp_path).returncode == 0
        assert api.delete(f"/v1/uploads/{removed['id']}?permanent=true").status_code == 204
        later = api.upload(audio.wav(seconds=1, seed=2), "later.wav")
        (backup / "store.tar").unlink()
        subprocess.run(["tar", "--exclude=store/.staging", "-cf", backup / "store.tar", "store"],
                       cwd=server.data, check=True)
    done = recipe("Restore", restored, backup, tmp_path)
    assert done.returncode == 7, done.stdout + done.stderr
    assert re.search(rf"^missing .*{re.escape(removed['storage_path'])}", done.stdout, re.M)
    assert re.search(rf"^unexplained .*{re.escape(later['storage_path'])}", done.stdout, re.M)
    with Server(restored) as server:
        server.cli("rm", "--permanent", removed["id"])
        done = server.cli("verify", "--data", restored, "--json", check=False)
        assert [f["problem"] for f in json.loads(done.stdout)["findings"]] == ["unexplained"]


# The API page

def test_every_command_of_the_api_page(server, tmp_path):
    """docs/api.md: each curl does well, on an upload, a workspace and a user that are there."""
    blocks = re.findall(r"^(?:    .*\n)+", (ROOT / "docs/api.md").read_text(), re.M)
    lines = [block for block in blocks if re.match(r"    (curl|TOKEN=|SHA=)", block)]
    assert len(lines) >= 6
    for number, name in enumerate(("interview.wav", "a.wav", "b.mp3")):
        (tmp_path / name).write_bytes(audio.wav(seconds=1, seed=number))
    (tmp_path / "result.json").write_text('{"text": "so it begins"}')
    api = server.api()
    record = api.upload(audio.wav(seconds=1, seed=9), "first.wav")
    workspace = api.get_json("/v1/workspaces")["items"][0]["id"]
    script = ("set -e\ncurl() {\n"
              "case \"$1\" in -N) set -- --max-time 1 \"$@\" ;; esac\n"  # a stream without an end
              "command curl -sS --fail-with-body \"$@\" || [ \"$1 $?\" = '--max-time 28' ]; echo; }\n"
              f"ID={record['id']} WORKSPACE={workspace} USER_ID={record['user_id']}\n"
              + "".join(lines).replace("http://127.0.0.1:8080", server.url))
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"cache_data":{"text": "so it begins"}' in done.stdout
    assert (tmp_path / "copy.wav").read_bytes() == audio.wav(seconds=1, seed=9)
    assert (tmp_path / "start.bin").stat().st_size == 1024
    assert '"token":"at_' in done.stdout and '"secret":"whsec_' in done.stdout
    assert "retry: 3000" in done.stdout
