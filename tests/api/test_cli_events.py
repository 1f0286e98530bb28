"""`audiotricks events`, against the real server."""
import contextlib
import json
import os
import subprocess

import pytest

import audio
from people import default_workspace, make_token
from server import BINARY, Server, wait_until

# What becomes of an upload, without what its jobs do meanwhile.
UPLOADS = "upload.created,upload.status,upload.deleted,upload.undeleted,upload.purged"


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data") as server:
        yield server


def small(seed):
    return audio.wav(seconds=0.05, seed=seed)


@contextlib.contextmanager
def following(server, *arguments, token=None):
    """The command as it runs; it has its place in the log before this goes on."""
    process = subprocess.Popen(
        [BINARY, "events", *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**os.environ, "AUDIOTRICKS_CLIENT_SERVER": server.url,
                        "AUDIOTRICKS_CLIENT_TOKEN": token or server.token})
    try:
        wait_until(lambda: "audiotricks_event_streams_open 1\n" in server.api().get("/metrics").text,
                   what="the stream to be open")
        yield process
    finally:
        process.kill()
        process.communicate()


def read(process, count):
    lines = [process.stdout.readline() for _ in range(count)]
    assert all(lines), process.stderr.read()
    return lines


def test_it_shows_what_happens_until_its_limit(server):
    api = server.api()
    api.upload(small(0))
    with following(server, "--limit", 3, "--types", UPLOADS) as process:
        record = api.upload(small(1))
        at = f"/v1/uploads/{record['id']}"
        api.delete(at)
        api.post(f"{at}/undelete")
        lines = read(process, 3)
        assert process.wait(20) == 0
    fields = [line.split() for line in lines]
    assert [f[-5:] for f in fields] == [
        ["upload.created", record["id"], "-", "->", "uploaded"],
        ["upload.deleted", record["id"], "uploaded", "->", "deleted"],
        ["upload.undeleted", record["id"], "deleted", "->", "uploaded"]]


def test_it_goes_on_behind_what_it_has_shown(server):
    api = server.api()
    records = [api.upload(small(seed)) for seed in range(6)]

    def lines(*arguments):
        return [json.loads(line) for line in
                server.cli("events", "--json", *arguments).stdout.splitlines()]
    first = lines("--since", 0, "--limit", 4)
    rest = lines("--since", first[-1]["id"], "--limit", 2)
    assert [e["data"]["upload_id"] for e in first + rest] == [r["id"] for r in records]
    assert [e["id"] for e in first + rest] == [1, 2, 3, 4, 5, 6]
    api.delete(f"/v1/uploads/{records[2]['id']}")
    own = lines("--since", 0, "--limit", 2, "--types", UPLOADS, records[2]["id"])
    assert [e["type"] for e in own] == ["upload.created", "upload.deleted"]
    assert [e["id"] for e in lines("--since", 6, "--types", "upload.deleted", "-n", 1)] == [own[1]["id"]]


def test_a_server_that_is_killed_and_comes_back_is_followed_on(server):
    with following(server, "--json", "--retries", 20) as process:
        stored = []
        for round_number in range(3):
            api = server.api()
            stored += [api.upload(small(round_number * 10 + seed))["id"] for seed in range(3)]
            seen = read(process, 1)[0]  # the others are on the way, or will be asked for again
            assert json.loads(seen)["data"]["upload_id"] in stored
            stored.remove(json.loads(seen)["data"]["upload_id"])
            server.kill()
            server.start()
        left = [json.loads(line)["data"]["upload_id"] for line in read(process, len(stored))]
        assert left == stored
        assert server.stop() == 0
        server.start()
        last = server.api().upload(small(99))["id"]
        assert json.loads(read(process, 1)[0])["data"]["upload_id"] == last


def test_what_is_no_longer_kept_is_said(server):
    server.api().upload(small(1))
    with following(server, "--json", "--since", 1000, "--limit", 1) as process:
        assert json.loads(read(process, 1)[0]) == {"id": 1, "type": "reset"}
        server.api().upload(small(2))
        assert json.loads(read(process, 1)[0])["id"] == 2
        assert process.wait(20) == 0
        assert "no longer kept" in process.stderr.read()


def test_how_it_ends(server):
    operator = server.api()
    assert server.cli("events", "--types", "upload.lost", check=False).returncode == 2
    assert server.cli("events", "--since", "x", check=False).returncode == 2
    assert server.cli("events", "--limit", "0", check=False).returncode == 2
    assert server.cli("events", env={"AUDIOTRICKS_CLIENT_TOKEN": "at_no"}, check=False).returncode == 4
    token = make_token(operator, "reader", default_workspace(operator)["id"])
    with following(server, "--retries", 1, token=token["token"]) as process:
        operator.delete(f"/v1/tokens/{token['id']}")
        assert process.wait(60) == 4  # seen within 15 s
    with following(server, "--retries", 0) as process:
        server.stop()
        assert process.wait(60) == 3
        server.start()
    with open("/dev/full", "w") as full:
        operator.upload(small(1))
        done = subprocess.run(
            [BINARY, "events", "--since", "0"], stdout=full, stderr=subprocess.PIPE, text=True,
            timeout=60, env={**os.environ, "AUDIOTRICKS_CLIENT_SERVER": server.url,
                             "AUDIOTRICKS_CLIENT_TOKEN": server.token})
    assert done.returncode == 1 and "standard output" in done.stderr
