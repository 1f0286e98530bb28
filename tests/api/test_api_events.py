"""GET /v1/events: every change of a status, in order, to those who may see it."""
import contextlib
import time

import audio
import pytest
from catalog import catalog_of
from event_stream import Stream
from people import default_workspace, make_token, make_workspace, member
from server import Server, expect_problem, wait_until

pytestmark = pytest.mark.databases("sqlite", "postgres")


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data") as server:
        yield server

# What becomes of an upload, without what its jobs do meanwhile.
UPLOADS = "types=upload.created,upload.status,upload.deleted,upload.undeleted,upload.purged"


def small(seed):
    return audio.wav(seconds=0.05, seed=seed)


def shape(event):
    return event.kind, event.data["data"].get("old_status"), event.data["data"]["status"]


def test_the_life_of_an_upload(server):
    api = server.api()
    with Stream(server, server.token, f"?{UPLOADS}").begun() as stream:
        assert stream.status == 200 and stream.headers["Content-Type"] == "text/event-stream"
        assert stream.headers["Cache-Control"] == "no-store" and stream.retry_ms > 0
        record = api.upload(small(1))
        at = f"/v1/uploads/{record['id']}"
        api.delete(at)
        api.post(f"{at}/undelete")
        api.delete(at, params={"permanent": "true"})
        events = stream.take(4)
    assert [shape(e) for e in events] == [
        ("upload.created", None, "uploaded"), ("upload.deleted", "uploaded", "deleted"),
        ("upload.undeleted", "deleted", "uploaded"), ("upload.purged", "uploaded", None)]
    ids = [e.id for e in events]
    assert ids == sorted(set(ids)) == [e.data["id"] for e in events]
    for event in events:
        assert event.data["type"] == event.kind
        assert event.data["workspace_id"] == record["workspace_id"]
        assert event.data["data"]["upload_id"] == record["id"]
        assert abs(time.time() - time.mktime(time.strptime(
            event.data["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 120


def test_shared_content_says_whose(server):
    api = server.api()
    with Stream(server, server.token).begun() as stream:
        first, second = api.upload(small(1)), api.upload(small(1))
        events = stream.take(2)
    assert [e.data["data"]["duplicate_of"] for e in events] == [None, first["id"]]
    assert events[1].data["data"]["upload_id"] == second["id"]


def test_changes_made_by_another_process_arrive(server):
    """Whoever makes them, and whatever statuses there are: the log is the catalog's own."""
    record = server.api().upload(audio.wav(seconds=700, rate=200))
    with Stream(server, server.token).begun() as stream:
        with catalog_of(server) as db:
            db.execute("UPDATE audio_uploads SET status = 'failed', error_code = 'audio_corrupt'")
            db.execute("UPDATE audio_chunks SET status = 'processing' WHERE chunk_index = 1")
            db.execute("UPDATE processing_jobs SET status = 'completed'")
            db.execute("UPDATE audio_uploads SET original_filename = 'b', status = status")
            job = db.rows("SELECT id, kind FROM processing_jobs ORDER BY id")[0]
        upload, chunk, job_event = stream.take(3)
    assert shape(upload) == ("upload.status", "uploaded", "failed")
    assert upload.data["data"]["error_code"] == "audio_corrupt"
    assert shape(chunk) == ("chunk.status", "pending", "processing")
    assert chunk.data["data"]["chunk_index"] == 1
    assert chunk.data["data"]["upload_id"] == record["id"]
    assert shape(job_event) == ("job.status", "pending", "completed")
    assert (job_event.data["data"]["job_id"], job_event.data["data"]["kind"]) == job


def test_what_is_rolled_back_did_not_happen(server):
    with Stream(server, server.token, f"?{UPLOADS}").begun() as stream:
        record = server.api().upload(small(1))
        with catalog_of(server) as db:
            db.execute("UPDATE audio_uploads SET status = 'failed'")
            db.rollback()
        server.api().delete(f"/v1/uploads/{record['id']}")
        assert [e.kind for e in stream.take(2)] == ["upload.created", "upload.deleted"]


def test_resuming_repeats_and_loses_nothing(server):
    api = server.api()
    for seed in range(5):
        api.upload(small(seed))
    with Stream(server, server.token, "?last_event_id=0") as stream:
        events = stream.take(5)
    for position in (0, 2, 4):
        expected = [e.data for e in events[position + 1:]]
        with Stream(server, server.token, last_event_id=events[position].id) as header:
            assert [e.data for e in header.take(len(expected))] == expected
        with Stream(server, server.token, "?last_event_id=0",
                    last_event_id=events[position].id) as both:
            assert [e.data for e in both.take(len(expected))] == expected


def test_a_killed_server_loses_no_event(tmp_path):
    server = Server(tmp_path / "data").start()
    seen, last_id, stored = [], 0, []
    for round_number in range(3):
        api = server.api()
        with Stream(server, server.token, last_event_id=last_id) as stream:
            for seed in range(4):
                stored.append(api.upload(small(round_number * 10 + seed))["id"])
            seen += stream.take(2)  # the others are on the way, or in its socket
            last_id = stream.last_id
            server.kill()
        server.start()
    with Stream(server, server.token, last_event_id=last_id) as stream:
        seen += stream.take(len(stored) - len(seen))
    server.stop()
    assert [e.data["data"]["upload_id"] for e in seen] == stored
    assert [e.id for e in seen] == sorted({e.id for e in seen})


def test_a_long_way_back_is_read_while_others_read_on(server):
    """More than is read at once, from behind and at the end of the log alike."""
    api = server.api()
    record = api.upload(small(1))
    with catalog_of(server) as db:
        for _ in range(1501):  # an odd number: then there is nothing left to cancel
            db.execute("UPDATE processing_jobs SET status = CASE status WHEN 'pending' THEN 'cancelled'"
                       " ELSE 'pending' END")
    with Stream(server, server.token).begun() as newest, \
            Stream(server, server.token, "?last_event_id=0") as oldest, \
            Stream(server, server.token, "?last_event_id=700&types=upload.deleted") as filtered:
        api.delete(f"/v1/uploads/{record['id']}")
        assert newest.next().kind == "upload.deleted"
        assert filtered.next().kind == "upload.deleted"
        events = oldest.take(1503)
    assert [e.id for e in events] == list(range(1, 1504))


def test_filters(server):
    api = server.api()
    with Stream(server, server.token, "?types=upload.deleted,upload.purged").begun() as some:
        one, two = api.upload(small(1)), api.upload(small(2))
        with Stream(server, server.token, f"?{UPLOADS}&upload_id={two['id']}&last_event_id=0") as single:
            for record in (one, two):
                api.delete(f"/v1/uploads/{record['id']}")
            assert [e.data["data"]["upload_id"] for e in some.take(2)] == [one["id"], two["id"]]
            events = single.take(2)
    assert [e.kind for e in events] == ["upload.created", "upload.deleted"]
    assert {e.data["data"]["upload_id"] for e in events} == {two["id"]}


@pytest.mark.parametrize("query", ["types=upload.lost", "upload_id=x", "last_event_id=-1",
                                   "last_event_id=x", "token=at_x", "type=upload.status"])
def test_bad_queries_are_refused(server, query):
    expect_problem(server.api().get(f"/v1/events?{query}"), 400, "invalid_request")


def test_a_bad_last_event_id_is_refused(server):
    answer = server.api().get("/v1/events", headers={"Last-Event-ID": "abc"})
    expect_problem(answer, 400, "invalid_request")


def test_workspaces_see_their_own(server):
    operator = server.api()
    mine = default_workspace(operator)["id"]
    other = make_workspace(operator)["id"]
    readers = {w: make_token(operator, "reader", w)["token"] for w in (mine, other)}
    writers = {w: member(server, "writer", w) for w in (mine, other)}
    records = {}
    with Stream(server, readers[mine]).begun() as own, \
            Stream(server, server.token, f"?workspace_id={other}").begun() as watched:
        for workspace in (other, mine):
            records[workspace] = writers[workspace].upload(small(1))
        assert own.next().data["data"]["upload_id"] == records[mine]["id"]
        assert watched.next().data["data"]["upload_id"] == records[other]["id"]
    with Stream(server, readers[mine], f"?upload_id={records[other]['id']}&last_event_id=0") as spy:
        writers[mine].delete(f"/v1/uploads/{records[mine]['id']}")
        writers[other].delete(f"/v1/uploads/{records[other]['id']}")
        spy.socket.settimeout(2)
        spy.begun()
        with pytest.raises(TimeoutError):
            spy.next()


def test_a_removed_id_is_said_to_be_gone(tmp_path):
    server = Server(tmp_path / "data", "--events-keep-days=1")
    with server:
        for seed in range(3):
            server.api().upload(small(seed))
    with catalog_of(server) as db:
        db.execute("UPDATE events SET created_at = "
                   f"{db.earlier('created_at', 2 * 86400)} WHERE sequence <= 2")
    with server:  # the sweep runs before it serves
        with Stream(server, server.token, "?last_event_id=1") as stream:
            event = stream.next()
            assert (event.kind, event.data, event.id) == ("reset", {"id": 3}, 3)
            record = server.api().upload(small(9))
            event = stream.next()
            assert event.kind == "upload.created" and event.id == 4
            assert event.data["data"]["upload_id"] == record["id"]
        with Stream(server, server.token, "?last_event_id=2") as stream:
            assert [e.id for e in stream.take(2)] == [3, 4]
        with Stream(server, server.token, "?last_event_id=1000") as stream:
            assert stream.next().kind == "reset"


def test_ids_are_never_given_twice(tmp_path):
    server = Server(tmp_path / "data", "--events-keep-days=1")
    with server:
        server.api().upload(small(1))
    with catalog_of(server) as db:
        db.execute(f"UPDATE events SET created_at = {db.earlier('created_at', 2 * 86400)}")
    with server, Stream(server, server.token).begun() as stream:
        assert stream.last_id == 1
        server.api().upload(small(2))
        assert stream.next().id == 2


def figures(server):
    text = server.api().get("/metrics").text
    return {name: float(value) for name, value in
            (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))}


def test_many_streams_hold_no_threads(tmp_path):
    with Server(tmp_path / "data", "--events-max-streams-per-workspace=300") as server:
        api = server.api()
        before = figures(server)["audiotricks_http_threads"]
        with contextlib.ExitStack() as stack:
            streams = [stack.enter_context(Stream(server, server.token).begun())
                       for _ in range(200)]
            during = figures(server)
            assert during["audiotricks_event_streams_open"] == 200
            assert during["audiotricks_http_threads"] <= before + 4
            record = api.upload(small(1))
            for stream in streams:
                assert stream.next().data["data"]["upload_id"] == record["id"]
        wait_until(lambda: figures(server)["audiotricks_event_streams_open"] == 0,
                   what="the streams' end")


def test_limits(tmp_path):
    with Server(tmp_path / "data", "--events-max-streams-per-workspace=2",
                "--events-max-streams=3") as server:
        operator = server.api()
        mine, other = default_workspace(operator)["id"], make_workspace(operator)["id"]
        query = f"?workspace_id={mine}"
        with Stream(server, server.token, query).begun() as first, \
                Stream(server, server.token, query).begun(), \
                Stream(server, server.token, f"?workspace_id={other}").begun():
            for workspace in (mine, other):
                expect_problem(operator.get("/v1/events", params={"workspace_id": workspace}), 429,
                               "too_many_requests")
            first.socket.close()

            def again():
                stream = Stream(server, server.token, query)
                stream.socket.close()
                return stream.status == 200
            wait_until(again, what="a place to become free")


def test_stopping_ends_streams_at_once(tmp_path):
    server = Server(tmp_path / "data").start()
    stream = Stream(server, server.token).begun()
    started = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - started < 15  # far from the grace for requests that run
    assert stream.next() is None and stream.ended


def test_silence_is_broken_and_tokens_are_looked_at(server):
    """Every 15 s: a comment with the id, and an end to the streams of revoked tokens."""
    operator = server.api()
    token = make_token(operator, "reader", default_workspace(operator)["id"])
    with Stream(server, server.token, "?types=upload.purged").begun() as silent, \
            Stream(server, token["token"]).begun() as revoked:
        operator.delete(f"/v1/tokens/{token['id']}")
        operator.upload(small(1))
        assert silent.block() == [":", "id: 1"]
        assert revoked.next().kind == "upload.created"
        assert revoked.block() is None and revoked.ended


def test_head_and_http_1_0(server):
    head = server.api().head("/v1/events")
    assert head.status_code == 200 and head.headers["Content-Type"] == "text/event-stream"
    with Stream(server, server.token, version="1.0").begun() as stream:
        assert not stream.chunked
        server.api().upload(small(1))
        assert stream.next().kind == "upload.created"
