"""Sessions of several requests through whatever happens: senders that hang, kill -9, full disks, time.

What was acknowledged stays, what was not can be sent again, and in the end all adds up.
"""
import json
import os
import concurrent.futures
import contextlib
import datetime
import pathlib
import time

import audio
import pytest
from catalog import catalog_of
from chunked import AT, CHUNK, Line, Upload, content
from people import default_workspace
from server import Server, expect_problem, wait_until
from test_system_faults import fill, kept_free, mounted, ready, store_on

MIB = 1 << 20
SOON_S = 10  # a cut or a take-over is not a time limit that ran out


def reserved(api):
    quota = api.get_json(f"/v1/workspaces/{default_workspace(api)['id']}/quota")
    return quota["reserved_bytes"], quota["reserved_files"]


def hang(server, upload, index, share=0.5):
    """A PUT that stops in the middle. The server has begun to read it."""
    before = open_stages(server)
    line = Line(server, upload, index, f"Content-Length: {len(upload.chunk(index))}")
    line.send(upload.chunk(index)[:int(share * len(upload.chunk(index)))])
    wait_until(lambda: open_stages(server) > before, what="the writer to begin")
    return line


def open_stages(server):
    """How many writers are at work: each holds a descriptor of its session's stage."""
    count = 0
    for entry in pathlib.Path(f"/proc/{server.process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            count += "/.staging/" in str(entry.readlink())
    return count


def staged(server):
    return [path.name for path in (server.data / "store/.staging").iterdir()]


def answer_of(line):
    answer = line.answer()
    return answer.status, answer.json.get("code")


# ---- taking over ----

def test_newer_request_takes_over(server):
    """The old one is cut off at once and says why; never a lock that stays."""
    api = server.api()
    upload = Upload(api, content())
    for index in (0, 1, 3):
        with hang(server, upload, index) as old:
            started = time.monotonic()
            assert upload.put(index).status_code == 200
            assert answer_of(old) == (409, "superseded")
            assert old.is_closed()
            assert time.monotonic() - started < SOON_S
    upload.check_state([0, 1, 3])
    upload.check_record(upload.put_all([2, 4])["upload"])
    server.verify()


def test_take_over_of_a_take_over(server):
    """Each newer one cuts the one before, however many hang."""
    upload = Upload(server.api(), content())
    started = time.monotonic()
    with contextlib.ExitStack() as lines:
        before = lines.enter_context(hang(server, upload, 2))
        for _ in range(4):
            newer = lines.enter_context(Line(server, upload, 2, f"Content-Length: {CHUNK}"))
            newer.send(b"RIFF")
            assert answer_of(before) == (409, "superseded")
            before = newer
        assert upload.put(2).status_code == 200
        assert answer_of(before) == (409, "superseded")
    assert time.monotonic() - started < SOON_S
    upload.check_state([2])


def test_others_are_left_alone(server):
    """Only requests for the same chunk are cut."""
    upload = Upload(server.api(), content())
    with hang(server, upload, 1) as other, hang(server, upload, 2) as old:
        assert upload.put(2).status_code == 200
        assert upload.put(0).status_code == 200
        assert answer_of(old) == (409, "superseded")
        other.send(upload.chunk(1)[CHUNK // 2:])
        assert other.answer().status == 200
    upload.check_state([0, 1, 2])


def test_completion_does_not_wait_for_a_retry_that_hangs(server):
    """A chunk that is there is sent once more, and stalls; all is there, so all is done."""
    upload = Upload(server.api(), content())
    upload.put_all([0, 1, 2])
    with hang(server, upload, 1) as retry:
        started = time.monotonic()
        record = upload.put_all([3, 4])["upload"]
        assert upload.complete().json()["id"] == record["id"]
        # What it was to bring is there: it has succeeded, with the record.
        answer = retry.answer()
        assert answer.status == 200 and answer.json["upload"]["id"] == record["id"]
        assert time.monotonic() - started < SOON_S
    upload.check_record(record)


def test_completion_of_what_is_not_whole_does_not_wait(server):
    upload = Upload(server.api(), content())
    with hang(server, upload, 1) as line:
        started = time.monotonic()
        expect_problem(upload.complete(), 409, "conflict")
        assert time.monotonic() - started < SOON_S
        line.send(upload.chunk(1)[CHUNK // 2:])  # it was not disturbed
        assert line.answer().status == 200


def test_abort_cuts_off(server):
    api = server.api()
    upload = Upload(api, content())
    upload.put(1)
    with hang(server, upload, 0) as first, hang(server, upload, 1) as again:
        started = time.monotonic()
        assert upload.abort().status_code == 204
        for line in (first, again):
            assert answer_of(line) == (404, "not_found")
        assert time.monotonic() - started < SOON_S
    assert reserved(api) == (0, 0)
    assert staged(server) == []
    server.verify()


def test_bad_content_ends_the_others(server):
    """While others are writing the first chunk shows that it is no audio: all are told that."""
    api = server.api()
    upload = Upload(api, b"<html>" + bytes(4 * CHUNK))
    with hang(server, upload, 2) as first, hang(server, upload, 3, share=0.1) as second:
        expect_problem(upload.put(0), 415, "not_audio")
        for line in (first, second):
            assert answer_of(line) == (415, "not_audio")
    assert upload.state()["error_code"] == "not_audio"
    assert reserved(api) == (0, 0)
    assert staged(server) == []
    server.verify()


# ---- crashes ----

def test_kill_and_continue(tmp_path):
    """After kill -9 just the chunks are there that were acknowledged, and they are right."""
    server = Server(tmp_path / "data").start()
    uploads = [Upload(server.api(), content(chunks=12, seed=seed)) for seed in range(4)]
    there = [set() for _ in uploads]
    for step in range(3):
        for number, upload in enumerate(uploads):
            upload.api = server.api()
            for index in ((5 * step + number) % 13, (7 * step + 2 * number + 1) % 13):
                assert upload.put(index).status_code == 200
                there[number].add(index)
        upload = uploads[step]
        missing = next(index for index in range(12) if index not in there[step])
        with hang(server, upload, missing):
            server.kill()
        server.start()
        for upload, known in zip(uploads, there):
            upload.api = server.api()
            upload.check_state(known)
        server.verify()
    for upload, known in zip(uploads, there):
        upload.check_record(upload.put_all(set(range(13)) - known)["upload"])
    assert reserved(server.api()) == (0, 0)
    server.verify()
    assert server.stop() == 0


def test_kill_under_load(tmp_path):
    """Eight senders, three kills: an upload of 40 chunks arrives whole."""
    server = Server(tmp_path / "data").start()
    upload = Upload(server.api(), content(chunks=40))
    acknowledged = set()

    def put(index):
        with contextlib.suppress(OSError):
            if server.api().put(f"{upload.url}/chunks/{index}",
                                data=upload.chunk(index)).status_code == 200:
                acknowledged.add(index)

    for goal in (6, 15, 25):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for index in sorted(set(range(40)) - acknowledged, key=lambda i: i * 17 % 41):
                pool.submit(put, index)
            wait_until(lambda: len(acknowledged) >= goal, what="some chunks")
            server.kill()
            pool.shutdown(cancel_futures=True)
        server.start()
        upload.api = server.api()
        state = upload.state()
        there = {i for first, last in state["received_chunks"] for i in range(first, last + 1)}
        assert acknowledged <= there  # one may be there whose answer was lost
        acknowledged |= there
        server.verify()
    upload.check_record(upload.put_all(set(range(41)) - acknowledged)["upload"])
    server.verify()
    assert server.stop() == 0


def test_stop_and_continue(tmp_path):
    """An orderly stop leaves sessions as they are, too."""
    with Server(tmp_path / "data") as server:
        upload = Upload(server.api(), content())
        upload.put_all([0, 3])
        server.stop()
        server.start()
        upload.api = server.api()
        upload.check_state([0, 3])
        upload.check_record(upload.put_all([1, 2, 4])["upload"])


# ---- disks ----

def put_until_refused(upload, indexes):
    """The chunks that were taken before the disk was full."""
    taken = []
    for index in indexes:
        answer = upload.put(index)
        if answer.status_code != 200:
            expect_problem(answer, 507, "storage_full")
            break
        taken.append(index)
    return taken


def test_full_store_in_the_middle(tmp_path):
    """The room that sessions will need is not set aside: the disk fills up under them."""
    with mounted(tmp_path / "disk", 100) as disk, store_on(disk, tmp_path) as server:
        api = server.api()
        uploads = [Upload(api, content(chunks=3, seed=seed)) for seed in range(4)]
        there = [[2], [2], [2], [2]]
        for upload in uploads:
            upload.put_all([2])
        ballast = fill(disk, kept_free(disk) + CHUNK + 100_000)
        for upload, known in zip(uploads, there):
            known += put_until_refused(upload, [0, 1])
        assert sum(map(len, there)) in (len(uploads) + 1, len(uploads) + 2)  # room for one, and a rest
        assert os.statvfs(disk).f_bavail * os.statvfs(disk).f_bsize > kept_free(disk) - CHUNK
        for upload, known in zip(uploads, there):
            upload.check_state(known)
        assert ready(server)[0] == 503
        expect_problem(uploads[3].put(0), 507, "storage_full")  # and again
        server.verify()
        ballast.unlink()
        assert ready(server)[0] == 200
        for upload, known in zip(uploads, there):
            upload.check_state(known)
            upload.check_record(upload.put_all(set(range(4)) - set(known))["upload"])
        assert reserved(api) == (0, 0)
        server.verify()


def test_large_sessions_hold_no_room(tmp_path):
    """What cannot fit does not begin; what can holds nothing until it comes: not even many such promises
    keep others from sending."""
    with mounted(tmp_path / "disk", 100) as disk, store_on(disk, tmp_path) as server:
        api = server.api()
        expect_problem(api.post(AT, json={"filename": "a.wav", "file_size": 200 * MIB}), 507, "storage_full")
        assert reserved(api) == (0, 0)
        for _ in range(5):
            assert api.post(AT, json={"filename": "a.wav", "file_size": 60 * MIB}).status_code == 201
        assert ready(server)[0] == 200
        upload = Upload(api, audio.wav_of_bytes(20 * MIB), chunk_size=4 * MIB)
        upload.check_record(upload.put_all()["upload"])
        server.verify()


def test_full_catalog_in_the_middle(tmp_path):
    """Catalog and store on one full disk."""
    with mounted(tmp_path / "disk", 100) as disk, Server(disk / "data") as server:
        api = server.api()
        uploads = [Upload(api, content(chunks=3, seed=seed)) for seed in range(3)]
        there = [[1], [1], [1]]
        for upload in uploads:
            upload.put_all([1])
        ballast = fill(disk, 0)
        for upload in uploads:
            answer = upload.put(2)
            assert answer.status_code in (503, 507), answer.text
        ballast.unlink()
        wait_until(lambda: ready(server)[0] == 200, what="the server to be ready again")
        for upload, known in zip(uploads, there):
            upload.check_state(known)
            upload.check_record(upload.put_all([0, 2, 3])["upload"])
        server.verify()


# ---- time ----

def expire(server, upload):
    """Its time is over; the clock itself cannot be moved here."""
    with catalog_of(server) as catalog:
        changed = catalog.execute("UPDATE chunked_uploads SET expires_at = "
                                  f"{catalog.earlier('created_at', 1)} WHERE id = ?",
                                  [upload.id]).rowcount
    assert changed == 1


def seconds(state):
    """How long from its beginning to its expiry."""
    begun, over = (datetime.datetime.fromisoformat(state[name])
                   for name in ("created_at", "expires_at"))
    return (over - begun).total_seconds()


def test_expiry(tmp_path):
    """Sessions end a while after the last byte and give back what they held; the rest stays."""
    server = Server(tmp_path / "data", env={"AUDIOTRICKS_UPLOADS_SESSION_TTL": "60s"}).start()
    api = server.api()
    old, young, done, bad = (Upload(api, data) for data in (
        content(seed=1), content(seed=2), content(seed=3), b"<html>" + bytes(CHUNK)))
    assert seconds(old.begun) == 60
    old.put_all([0, 2])
    assert 60 < seconds(old.state()) < 90  # put off by what has come
    young.put_all([1])
    record = done.put_all()["upload"]
    expect_problem(bad.put(0), 415, "not_audio")
    assert reserved(api) == (2 * len(old.data), 2)
    for upload in (old, done, bad):
        expire(server, upload)
    assert server.stop() == 0
    with server:  # a start sweeps, and then every minute
        api = server.api()
        wait_until(lambda: reserved(api) == (len(young.data), 1), what="the sweep")
        wait_until(lambda: len(api.get_json(AT)["items"]) == 1, what="the sweep of ended ones")
        for upload in (old, done, bad):
            upload.api = api
            expect_problem(api.get(upload.url), 404, "not_found")
            expect_problem(upload.put(0), 404, "not_found")
        assert staged(server) == [young.id]
        young.api = api
        young.check_state([1])
        young.check_record(young.put_all([0, 2, 3, 4])["upload"])
        done.check_record(record)  # the upload stays
        server.verify()


def test_expired_but_in_use(tmp_path):
    """Who is sending when the time is over puts the expiry off; who comes later finds nothing."""
    server = Server(tmp_path / "data").start()
    upload, other = Upload(server.api(), content()), Upload(server.api(), content(seed=1))
    for each in (upload, other):
        each.put_all([0])
    with hang(server, upload, 1) as line:
        for each in (upload, other):
            expire(server, each)
        expect_problem(other.put(1), 404, "not_found")
        half = len(upload.chunk(1)) // 2
        assert line.ask(upload.chunk(1)[half:]).status == 200
    assert server.stop() == 0
    with server:
        upload.api = server.api()
        upload.check_state([0, 1])
        upload.check_record(upload.put_all([2, 3, 4])["upload"])


def test_metrics_and_verify_know_sessions(server):
    api = server.api()
    uploads = [Upload(api, content()) for _ in range(3)]
    uploads[0].put_all([1])
    uploads[2].abort()
    metrics = api.get("/metrics").text.splitlines()
    assert "audiotricks_sessions_open 2" in metrics
    assert f"audiotricks_sessions_reserved_bytes {2 * len(uploads[0].data)}" in metrics
    report = server.verify()
    assert report["totals"]["staged_bytes"] >= CHUNK


def test_verify_misses_a_lost_stage(tmp_path):
    server = Server(tmp_path / "data").start()
    upload = Upload(server.api(), content())
    upload.put_all([0, 2])
    server.verify()
    (stage,) = (path for path in (server.data / "store/.staging").iterdir() if path.name == upload.id)
    with open(stage, "r+b") as file:
        file.truncate(3 * CHUNK - 1)
    for found in ("short", "gone"):
        done = server.cli("verify", "--data", server.data, "--json", check=False)
        (finding,) = json.loads(done.stdout)["findings"]
        assert (done.returncode, finding["problem"], finding["key"]) == (7, "missing", upload.id), found
        assert finding["expected"] == 3 * CHUNK
        stage.unlink(missing_ok=True)
    server.cli("sessions", "rm", upload.id)
    server.verify()
    assert server.stop() == 0
