"""What a machine does to a server: disks that are full, read-only or gone, a catalog that is held by
another, a stop in the middle. Nothing that failed is acknowledged, nothing is corrupt, and all goes on
without a restart once the cause is gone.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time

import audio
import pytest
import requests
from catalog import catalog_of
from disk import mounted, store_on
from people import default_workspace
from server import Server, expect_problem, wait_until

SMALL = [audio.wav(seed=seed) for seed in range(40)]
BIG = audio.wav_of_bytes(6_000_000)
MIB = 1 << 20


def pieces(content, size=100_000):
    for at in range(0, len(content), size):
        yield content[at:at + size]


def post(api, content, name="a.wav"):
    return api.post("/v1/uploads", params={"filename": name}, data=content)


def ready(server):
    """(status, {check: ok})"""
    answer = requests.get(server.url + "/readyz", timeout=20)
    return answer.status_code, {name: check["ok"] for name, check in answer.json()["checks"].items()}


def check_all_there(server, api, records, reserved=(0,)):
    """What was acknowledged, and nothing else, with its bytes."""
    items = api.get_json("/v1/uploads?limit=1000")["items"]
    assert {item["id"] for item in items} == {record["id"] for record in records}
    for record in records:
        got = api.get(f"/v1/uploads/{record['id']}/content")
        assert got.status_code == 200 and len(got.content) == record["file_size"]
    quota = api.get_json(f"/v1/workspaces/{default_workspace(api)['id']}/quota")
    assert quota["current_file_count"] == len(records) and quota["reserved_files"] in reserved
    server.verify()


# ---- a disk of its own ----

def kept_free(path):
    """What a store leaves free on its disk."""
    size = os.statvfs(path).f_blocks * os.statvfs(path).f_bsize
    return min(size // 20, 1024 * MIB)


def fill(path, leave):
    """Leaves so many bytes free; gives the file that takes the rest."""
    ballast = path / "ballast"
    with open(ballast, "wb") as file:
        with contextlib.suppress(OSError):
            while os.statvfs(path).f_bavail * os.statvfs(path).f_bsize > leave:
                file.write(bytes(4096))
                file.flush()
    return ballast


def remount(path, how):
    subprocess.run(["mount", "-o", f"remount,{how}", str(path)], check=True)


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_full_store(tmp_path, known):
    with mounted(tmp_path / "disk", 100) as disk, store_on(disk, tmp_path) as server:
        api = server.api()
        records = [post(api, SMALL[0]).json()]
        assert ready(server) == (200, {"database": True, "store": True, "space": True})
        ballast = fill(disk, kept_free(disk) + 2 * MIB)
        for _ in range(3):
            answer = post(api, BIG if known else pieces(BIG))
            problem = expect_problem(answer, 507, "storage_full")
            assert str(tmp_path) not in json.dumps(problem)
            assert os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize >= kept_free(disk)
        status, checks = ready(server)
        assert status == 503 and checks["space"] is False
        records.append(post(api, SMALL[1]).json())  # there is room for this one
        check_all_there(server, api, records)
        ballast.unlink()
        assert ready(server)[0] == 200
        records.append(post(api, BIG if known else pieces(BIG)).json())
        check_all_there(server, api, records)


def test_full_store_under_load(tmp_path):
    """Many at once against room for some: each is there whole, or was refused."""
    with mounted(tmp_path / "disk", 100) as disk, store_on(disk, tmp_path) as server:
        answers = []
        fill(disk, kept_free(disk) + 24 * MIB)

        def send(number):
            content = audio.wav_of_bytes(2_000_000, seed=number)
            answers.append(post(server.api(), content if number % 2 else pieces(content)))

        threads = [threading.Thread(target=send, args=(number,)) for number in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        records = [answer.json() for answer in answers if answer.status_code == 201]
        assert {answer.status_code for answer in answers} == {201, 507}
        # Those under way ask at the same time, and so may take of what is kept free.
        assert 1 <= len(records) <= (24 * MIB + kept_free(disk)) // 2_000_000
        api = server.api()
        check_all_there(server, api, records)
        for record in records:
            assert api.delete(f"/v1/uploads/{record['id']}?permanent=true").status_code == 204
        check_all_there(server, api, [post(api, BIG).json()])


@pytest.mark.databases("sqlite")  # fills the disk that its file is on
def test_full_catalog(tmp_path):
    """Catalog and store on one full disk."""
    with mounted(tmp_path / "disk", 100) as disk, Server(disk / "data") as server:
        api = server.api()
        records = [post(api, SMALL[0]).json()]
        ballast = fill(disk, 0)
        refused = 0
        for content in SMALL[1:]:
            answer = post(api, content)
            if answer.status_code == 201:  # the last of it
                records.append(answer.json())
            else:
                assert answer.status_code in (503, 507), answer.text
                refused += 1
        assert refused > 20
        assert api.get("/v1/uploads").status_code == 200
        assert ready(server)[0] == 503
        ballast.unlink()
        wait_until(lambda: ready(server)[1]["database"], 20, "the catalog to be written again")
        records.append(post(api, SMALL[39]).json())
        check_all_there(server, api, records)


@pytest.mark.databases("sqlite")  # fills the disk that its file is on
def test_full_catalog_and_the_cache(tmp_path):
    """What processing has made can be read, though nobody can count that it was."""
    with mounted(tmp_path / "disk", 100) as disk, Server(disk / "data") as server:
        api = server.api()
        path = f"/v1/cache/{post(api, SMALL[0]).json()['checksum_sha256']}/"
        assert api.put(path + "summary", json=["kept"]).status_code == 200
        ballast = fill(disk, 0)
        counts = []
        while len(counts) < 2 or counts[-1] != counts[-2]:
            counts.append(api.get_json(path + "summary")["access_count"])
            assert len(counts) < 1000
            expect_problem(api.get(path + "nothing"), 404, "cache_miss")
        assert api.put(path + "other", json=["new"]).status_code in (503, 507)
        ballast.unlink()
        wait_until(lambda: api.get_json(path + "summary")["access_count"] > counts[-1], 20,
                   "the catalog to be written again")
        server.verify()


def test_read_only_store(tmp_path):
    with mounted(tmp_path / "data/store", 80) as store, Server(tmp_path / "data") as server:
        api = server.api()
        record = post(api, SMALL[0]).json()
        remount(store, "ro")
        try:
            expect_problem(post(api, SMALL[1]), 503, "unavailable")
            expect_problem(post(api, pieces(BIG)), 503, "unavailable")
            status, checks = ready(server)
            assert status == 503 and checks["store"] is False and checks["database"]
            check_all_there(server, api, [record])  # reading goes on
        finally:
            remount(store, "rw")
        assert ready(server)[0] == 200
        check_all_there(server, api, [record, post(api, SMALL[1]).json()])


def test_removal_while_read_only(tmp_path):
    """A removal that the store refuses is kept in mind, not forgotten and not repeated for ever."""
    with mounted(tmp_path / "data/store", 80) as store:
        with Server(tmp_path / "data") as server:
            api = server.api()
            record = post(api, SMALL[0]).json()
            remount(store, "ro")
            assert api.delete(f"/v1/uploads/{record['id']}?permanent=true").status_code == 204
            assert (store / record["storage_path"]).exists()
            check_all_there(server, api, [])
            remount(store, "rw")
        with Server(tmp_path / "data") as server:
            wait_until(lambda: not (store / record["storage_path"]).exists(), 20, "the sweep")
            check_all_there(server, server.api(), [])


# ---- a store that is gone ----

@pytest.mark.parametrize("instead", ["nothing", "an empty folder", "another store", "a file"])
def test_store_gone_and_back(tmp_path, instead):
    store, away = tmp_path / "data/store", tmp_path / "away"
    with Server(tmp_path / "data") as server:
        api = server.api()
        records = [post(api, content).json() for content in SMALL[:3]]
        store.rename(away)
        if instead == "an empty folder":
            store.mkdir()
        elif instead == "a file":
            store.write_bytes(b"x")
        elif instead == "another store":
            with Server(tmp_path / "other"):
                pass
            shutil.copytree(tmp_path / "other/store", store)
        expect_problem(post(api, SMALL[4]), 503, "unavailable")
        expect_problem(post(api, pieces(BIG)), 503, "unavailable")
        status, checks = ready(server)
        assert status == 503 and checks["store"] is False
        gone = api.get(f"/v1/uploads/{records[0]['id']}/content")
        assert gone.status_code == 503 or gone.content == SMALL[0]  # never "there is no such file"
        # The catalog goes on; what is removed from it now is removed from the store later.
        assert api.delete(f"/v1/uploads/{records[2]['id']}?permanent=true").status_code == 204
        if instead == "a file":
            store.unlink()
        elif instead != "nothing":
            left = [path for path in store.rglob("*") if path.is_file()]
            assert len(left) == (1 if instead == "another store" else 0), left
            shutil.rmtree(store)
        away.rename(store)
        wait_until(lambda: ready(server)[0] == 200, 20, "the store to be found again")
        records[2] = post(api, SMALL[4]).json()
        check_all_there(server, api, records)


def test_store_goes_during_an_upload(tmp_path):
    store, away = tmp_path / "data/store", tmp_path / "away"
    with Server(tmp_path / "data") as server:
        api = server.api()
        begun, go_on, answers = threading.Event(), threading.Event(), []

        def slowly():
            yield BIG[:3_000_000]
            begun.set()
            assert go_on.wait(30)
            yield BIG[3_000_000:]

        thread = threading.Thread(target=lambda: answers.append(post(server.api(), slowly())))
        thread.start()
        assert begun.wait(30)
        store.rename(away)
        go_on.set()
        thread.join(60)
        expect_problem(answers[0], 503, "unavailable")
        away.rename(store)
        # What it had staged is explained by its session until a sweep ends both, at the latest.
        records = [post(api, SMALL[0]).json()]
        check_all_there(server, api, records, reserved=(0, 1))
    with server:
        check_all_there(server, server.api(), records)
        assert list((store / ".staging").iterdir()) == []


def test_start_without_the_store(tmp_path):
    """A store that has vanished is never taken for a new, empty one."""
    store, away = tmp_path / "data/store", tmp_path / "away"
    server = Server(tmp_path / "data")
    with server:
        record = post(server.api(), SMALL[0]).json()
    store.rename(away)
    store.mkdir()
    server.start(wait=False)
    time_limit = time.monotonic() + 30
    while server.process.poll() is None and time.monotonic() < time_limit:
        with contextlib.suppress(requests.RequestException):
            assert ready(server)[0] == 503
            break
    if server.process.poll() is None:
        server.stop()
    assert list(store.rglob("*.wav")) == []
    shutil.rmtree(store)
    away.rename(store)
    with server:
        check_all_there(server, server.api(), [record])


# ---- a catalog that is held ----

def test_locked_catalog(tmp_path):
    with Server(tmp_path / "data") as server:
        api = server.api()
        record = post(api, SMALL[0]).json()
        with catalog_of(server) as catalog:
            catalog.hold_writers()
            started = time.monotonic()
            answers = []
            threads = [threading.Thread(target=lambda c=content: answers.append(
                post(server.api(), c))) for content in SMALL[1:5]]
            threads.append(threading.Thread(target=lambda: answers.append(
                server.api().delete(f"/v1/uploads/{record['id']}"))))
            for thread in threads:
                thread.start()
            # Readers do not wait for whoever holds the writer's lock.
            for _ in range(5):
                asked = time.monotonic()
                assert api.get_json(f"/v1/uploads/{record['id']}")["id"] == record["id"]
                assert api.get(f"/v1/uploads/{record['id']}/content").content == SMALL[0]
                assert time.monotonic() - asked < 3
            status, checks = ready(server)
            assert status == 503 and checks["database"] is False
            for thread in threads:
                thread.join(60)
            assert time.monotonic() - started < 30
            assert len(answers) == len(threads)
            for answer in answers:
                expect_problem(answer, 503, "unavailable")
            catalog.rollback()
        assert ready(server)[0] == 200
        check_all_there(server, api, [record, post(api, SMALL[1]).json()])


def test_catalog_locked_for_a_moment(tmp_path):
    """A short lock, such as a backup's, costs time and nothing else."""
    with Server(tmp_path / "data") as server:
        with catalog_of(server) as catalog:
            catalog.hold_writers()
            release = threading.Timer(0.5, catalog.rollback)
            release.start()
            answer = post(server.api(), SMALL[0])
            release.join()
        assert answer.status_code == 201, answer.text


# ---- media processes ----

def test_media_process_killed(tmp_path):
    """One that is at rest costs no file: a fresh process stands in."""
    with Server(tmp_path / "data") as server:
        api = server.api()
        for number in range(4):
            children = subprocess.run(["pgrep", "-P", str(server.process.pid)], check=False,
                                      capture_output=True, text=True).stdout.split()
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(child), signal.SIGKILL)
            for content in (SMALL[2 * number], SMALL[2 * number + 1]):
                answer = post(api, content)
                assert answer.status_code == 201, answer.text
            assert post(api, SMALL[20 + number]).status_code == 201
        server.verify()


# ---- a stop ----

def read_answer(line):
    text = b""
    with contextlib.suppress(ConnectionResetError):
        while (piece := line.recv(65536)):
            text += piece
    return text


def test_stop_with_uploads_in_all_stages(tmp_path):
    """Small bodies, that are awaited, and large ones, that are being stored."""
    server = Server(tmp_path / "data").start()
    api = server.api()
    contents = SMALL[:3] + [audio.wav(seconds=5, seed=seed) for seed in range(3)]
    lines = [socket.create_connection(("127.0.0.1", server.port), timeout=30) for _ in contents]
    idle = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    shares = (0, 1, 9_000, 0, 30_000, len(contents[5]) - 1)
    for line, content, share in zip(lines, contents, shares):
        line.sendall(f"POST /v1/uploads?filename=a.wav HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
                     f"{server.token}\r\nContent-Length: {len(content)}\r\n\r\n".encode()
                     + content[:share])
    quota = f"/v1/workspaces/{default_workspace(api)['id']}/quota"
    wait_until(lambda: api.get_json(quota)["reserved_files"] == 3, what="the large ones to begin")
    server.process.send_signal(signal.SIGTERM)

    def refuses():
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
        except ConnectionError:
            return True
        return False

    wait_until(refuses, what="new connections to be refused")
    assert read_answer(idle) == b""
    for line, content, share in zip(lines, contents, shares):
        line.sendall(content[share:])
    answers = [read_answer(line) for line in lines]
    assert all(answer.startswith(b"HTTP/1.1 201 ") for answer in answers), answers
    records = [json.loads(answer.split(b"\r\n\r\n", 1)[1]) for answer in answers]
    assert server.process.wait(30) == 0
    server.process = None
    with server:
        check_all_there(server, server.api(), records)
