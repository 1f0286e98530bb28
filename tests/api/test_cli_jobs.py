"""`audiotricks jobs`: what waits, runs and has ended, seen and changed from the command line."""
import json

import audio
import pytest
from jobs import ask, lease, tell


@pytest.fixture
def record(server):
    return server.api().upload(audio.wav(seconds=0.05))


def ids(done):
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


def test_ls(server, record):
    api = server.api()
    first, = ask(api, "spoken", record["id"])
    leased, = lease(api, "spoken")
    tell(api, leased, "heartbeat", progress=0.4)
    second, = ask(api, "spoken", record["id"])
    other, = ask(api, "summary", api.upload(audio.wav(seconds=0.1))["id"])
    heading, *lines = server.cli("jobs", "ls", "--kind", "spoken").stdout.splitlines()
    assert heading.split()[0] == "ID" and len(lines) == 2
    assert second["id"] in lines[0] and "pending" in lines[0] and "%" not in lines[0]
    assert first["id"] in lines[1] and "leased" in lines[1] and "40 %" in lines[1]
    assert ids(server.cli("jobs", "ls", "--status", "leased", "--json")) == [first["id"]]
    of_upload = ids(server.cli("jobs", "ls", "--upload", record["id"], "--json"))
    assert {first["id"], second["id"]} <= set(of_upload) and other["id"] not in of_upload
    assert server.cli("jobs", "ls", "--status", "lost", check=False).returncode == 2


def test_show(server, record):
    api = server.api()
    job, = ask(api, "spoken", record["id"], options={"language": "de"})
    leased, = lease(api, "spoken", worker="whisper")
    tell(api, leased, "complete", result={"text": "so it begins"})
    shown = json.loads(server.cli("jobs", "show", job["id"], "--json").stdout)
    assert shown == api.get_json(f"/v1/jobs/{job['id']}")
    text = server.cli("jobs", "show", job["id"]).stdout
    for word in ("spoken", "completed", "whisper", "options.language", "so it begins"):
        assert word in text
    assert server.cli("jobs", "show", record["id"], check=False).returncode == 5


def test_cancel_and_retry(server, record):
    api = server.api()
    made = [ask(api, "spoken", record["id"], max_retries=0)[0]["id"] for _ in range(2)]
    for job in lease(api, "spoken", count=2):
        tell(api, job, "fail", error_code="no_speech")
    done = server.cli("jobs", "retry", *made)
    assert done.stdout == "".join(f"{job}  to be retried\n" for job in made)
    assert server.cli("jobs", "retry", made[0], check=False).returncode == 6
    assert {api.get_json(f"/v1/jobs/{job}")["status"] for job in made} == {"pending"}
    done = server.cli("jobs", "cancel", made[0], "--json")
    assert json.loads(done.stdout) == {"id": made[0], "done": "cancelled"}
    assert api.get_json(f"/v1/jobs/{made[0]}")["status"] == "cancelled"
    assert api.get_json(f"/v1/jobs/{made[1]}")["status"] == "pending"
