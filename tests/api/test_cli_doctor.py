"""`doctor` and `verify`: what is sound is called so, and what is not is found and explained."""
import contextlib
import json
import shutil
import sqlite3
import subprocess

import audio
import pytest
from server import BINARY, Server


def run(command, data, *arguments):
    done = subprocess.run([BINARY, command, "--data", str(data), "--json", *arguments],
                          capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout)


def doctor(data, *arguments):
    """(exit code, {name: check})"""
    code, told = run("doctor", data, *arguments)
    checks = {check["name"]: check for check in told["checks"]}
    assert told["faults"] == sum(c["level"] == "fail" for c in checks.values())
    assert told["ok"] == (told["faults"] == 0) == (code == 0)
    return code, checks


@pytest.fixture
def data(tmp_path):
    """The data folder of a server that has run, with two uploads."""
    folder = tmp_path / "data"
    with Server(folder) as server:
        for seed in (1, 2):
            server.api().upload(audio.wav(seed=seed))
    return folder


def test_a_sound_machine(data):
    code, checks = doctor(data)
    assert code == 0
    for name in ("clock", "digests", "media process", "configuration", "data folder",
                 "operator token", "database", 'store "main"', 'room in store "main"',
                 "room for the data folder"):
        assert checks[name]["level"] in ("ok", "warn"), checks[name]
    assert "none is running" in checks["server"]["detail"]
    text = subprocess.run([BINARY, "doctor", "--data", str(data)], capture_output=True, text=True,
                          timeout=120)
    assert text.returncode == 0 and "0 faults" in text.stdout.splitlines()[-1]


def test_beside_a_server(tmp_path):
    with Server(tmp_path / "data") as server:
        code, checks = doctor(server.data)
        assert code == 0 and "one is running" in checks["server"]["detail"]


def test_a_folder_that_is_not_there_yet(tmp_path):
    code, checks = doctor(tmp_path / "none")
    assert code == 0 and checks["data folder"]["level"] == "warn"
    assert not (tmp_path / "none").exists()


FAULTS = {
    "store gone": (lambda data: shutil.rmtree(data / "store"), "database and stores"),
    "catalog gone": (lambda data: (data / "catalog.db").unlink(), "database and stores"),
    "catalog spoilt": (lambda data: (data / "catalog.db").write_bytes(b"x" * 8192),
                       "database and stores"),
    "token readable": (lambda data: (data / "operator-token").chmod(0o644), "operator token"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_with_advice(data, fault):
    spoil, name = FAULTS[fault]
    spoil(data)
    code, checks = doctor(data)
    assert code == 7
    assert checks[name]["level"] == "fail" and checks[name]["advice"]


def test_a_media_process_that_cannot_start(data):
    code, checks = doctor(data, "--media-memory", "1")
    assert code == 7 and checks["media process"]["level"] == "fail"


# verify

def change_usage(data):
    with contextlib.closing(sqlite3.connect(data / "catalog.db")) as catalog:
        catalog.execute("UPDATE storage_quotas SET current_storage_bytes = current_storage_bytes + 1")
        catalog.commit()


def first_object(data):
    return sorted((data / "store").rglob("*.wav"))[0]


def flip_a_byte(data):
    path = first_object(data)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o600)
    path.write_bytes(content)


def cut(data):
    path = first_object(data)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])


DIFFERENCES = {
    "missing": (lambda data: first_object(data).unlink(), [], "missing"),
    "shorter": (cut, [], "wrong_size"),
    "other bytes": (flip_a_byte, ["--content"], "wrong_bytes"),
    "a stranger": (lambda data: shutil.copy(first_object(data), data / "store/uploads/x.wav"), [],
                   "unexplained"),
    "usage": (change_usage, ["--quota"], "usage"),
}


@pytest.mark.parametrize("difference", DIFFERENCES)
def test_a_difference_is_found(data, difference):
    spoil, flags, problem = DIFFERENCES[difference]
    code, told = run("verify", data, *flags)
    assert code == 0 and told["ok"] and told["findings"] == []
    spoil(data)
    code, told = run("verify", data, *flags)
    assert code == 7 and not told["ok"]
    assert [finding["problem"] for finding in told["findings"]] == [problem]
    assert told["totals"]["problems"] == 1
