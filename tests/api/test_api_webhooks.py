"""Webhooks: signed, in order for each upload, tried again, and never let into private networks."""
import base64
import collections
import contextlib
import socket
import time

import audio
import pytest
from catalog import catalog_of
from people import make_workspace, member
from server import Server, expect_problem, wait_until
from webhook_receiver import Receiver, verify

pytestmark = pytest.mark.databases("sqlite", "postgres")

QUICK = ["--webhooks-allow-private=true", "--webhooks-retry-first=50ms", "--webhooks-timeout=2s"]
# What becomes of an upload, without what its jobs do meanwhile.
UPLOADS = ["upload.created", "upload.status", "upload.deleted", "upload.undeleted", "upload.purged"]


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", *QUICK) as server:
        yield server


def small(seed):
    return audio.wav(seconds=0.05, seed=seed)


def make(api, url, params=None, **more):
    wish = {"url": url, "event_types": UPLOADS, **more}
    answer = api.post("/v1/webhooks", params=params, json=wish)
    assert answer.status_code == 201, answer.text
    return answer.json()


def deliveries(api, webhook, **query):
    return api.get_json(f"/v1/webhooks/{webhook['id']}/deliveries", params=query)["items"]


def wait_for(api, webhook, status, count):
    return wait_until(lambda: (found := deliveries(api, webhook, status=status)) and
                      len(found) == count and found, 30, f"{count} {status} deliveries")


def test_a_message_is_signed_and_says_what_happened(server):
    api = server.api()
    with Receiver() as receiver:
        webhook = make(api, receiver.url + "/a")
        record = api.upload(small(1))
        message = wait_until(lambda: receiver.of("/a"))[0]
        verify(message, webhook["secret"])
        with pytest.raises(AssertionError):
            verify(message, "whsec_" + base64.b64encode(b"x" * 32).decode())
        delivery = wait_for(api, webhook, "delivered", 1)[0]
    assert message.headers["Content-Type"] == "application/json"
    assert message.headers["webhook-id"] == delivery["id"]
    assert message.json["type"] == "upload.created" == delivery["event_type"]
    assert message.json["id"] == delivery["event_id"]
    assert message.json["workspace_id"] == record["workspace_id"]
    assert message.json["data"] == {"upload_id": record["id"], "duplicate_of": None,
                                    "old_status": None, "status": "uploaded", "error_code": None}
    assert delivery["response_status"] == 204 and delivery["attempts"] == 1
    assert delivery["error"] is None and delivery["upload_id"] == record["id"]
    assert "secret" not in api.get_json(f"/v1/webhooks/{webhook['id']}")
    assert "secret" not in api.get_json("/v1/webhooks")["items"][0]


def test_only_what_is_wanted_and_only_from_now_on(server):
    api = server.api()
    with Receiver() as receiver:
        api.upload(small(1))
        some = make(api, receiver.url + "/some", event_types=["upload.deleted"])
        every = make(api, receiver.url + "/every")
        record = api.upload(small(2))
        api.delete(f"/v1/uploads/{record['id']}")
        wait_for(api, every, "delivered", 2)
        wait_for(api, some, "delivered", 1)
        api.patch(f"/v1/webhooks/{every['id']}", json={"enabled": False})
        api.upload(small(3))
        api.patch(f"/v1/webhooks/{every['id']}", json={"enabled": True})
        record = api.upload(small(4))
        wait_for(api, every, "delivered", 3)
        assert [m.json["type"] for m in receiver.of("/some")] == ["upload.deleted"]
        assert receiver.of("/every")[-1].upload_id == record["id"]
        assert len(receiver.of("/every")) == 3


def test_a_repeated_webhook_is_one_and_its_secret_is_not_shown_again(server):
    api = server.api()
    wish = {"url": "https://hooks.example.org/a", "event_types": ["upload.created"]}
    key = {"Idempotency-Key": "hook"}
    first, again = (api.post("/v1/webhooks", json=wish, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {name: value for name, value in first.json().items() if name != "secret"}
    for other in ({**wish, "event_types": ["upload.deleted"]}, {**wish, "description": "x"}):
        expect_problem(api.post("/v1/webhooks", json=other, headers=key), 422, "idempotency_key_reused")
    assert len(api.get_json("/v1/webhooks")["items"]) == 1
    assert api.post("/v1/webhooks", json=wish, headers={"Idempotency-Key": "b"}).status_code == 201
    assert len(api.get_json("/v1/webhooks")["items"]) == 2


def test_rotated_secrets_overlap(server):
    api = server.api()
    with Receiver() as receiver:
        webhook = make(api, receiver.url + "/a")
        at = f"/v1/webhooks/{webhook['id']}"
        rotated = api.patch(at, json={"rotate_secret": True}).json()
        assert rotated["secret"] != webhook["secret"] and rotated["previous_secret_expires_at"]
        api.post(f"{at}/test")
        message = wait_until(lambda: receiver.of("/a"))[0]
        verify(message, webhook["secret"])
        verify(message, rotated["secret"])
        own = "whsec_" + base64.b64encode(bytes(range(64))).decode()
        assert api.patch(at, json={"secret": own}).json()["secret"] == own
        api.post(f"{at}/test")
        message = wait_until(lambda: len(receiver.of("/a")) == 2 and receiver.of("/a")[1])
        verify(message, own)
        verify(message, rotated["secret"])
        with pytest.raises(AssertionError):
            verify(message, webhook["secret"])
    assert message.json["type"] == "webhook.test" and message.json["id"] is None


def test_the_events_of_an_upload_come_in_order(server):
    """Whatever fails meanwhile: the next is not sent before the one before it was taken."""
    api = server.api()
    seen = collections.Counter()

    def moody(message):
        seen[message.headers["webhook-id"]] += 1
        return 500 if seen[message.headers["webhook-id"]] <= 2 else 200

    with Receiver(moody) as receiver:
        webhook = make(api, receiver.url + "/a")
        records = [api.upload(small(seed)) for seed in range(4)]
        for record in records:
            api.delete(f"/v1/uploads/{record['id']}")
            api.post(f"/v1/uploads/{record['id']}/undelete")
        wait_for(api, webhook, "delivered", 12)
        messages = receiver.of("/a")
    for record in records:
        own = [m for m in messages if m.upload_id == record["id"]]
        kinds = [m.json["type"] for m in own]
        assert kinds == [kind for kind in ("upload.created", "upload.deleted", "upload.undeleted")
                         for _ in range(3)]


def test_one_that_hangs_holds_up_nobody(tmp_path):
    with Server(tmp_path / "data", *QUICK, "--webhooks-timeout=60s") as server, \
            Receiver() as good, Receiver() as bad:
        bad.answer = bad.hang
        api = server.api()
        make(api, bad.url + "/bad")
        webhook = make(api, good.url + "/good")
        for seed in range(30):
            api.upload(small(seed))
        wait_for(api, webhook, "delivered", 30)
        assert len(bad.of("/bad")) == 8  # at_once; the others wait for these
        started = time.monotonic()
        assert server.stop() == 0 and time.monotonic() - started < 15
        server.start()


@pytest.mark.parametrize("trouble, error", [
    ("status 500", "the receiver answered 500"), ("status 302", "the receiver answered 302"),
    ("close", None), ("hang", None), ("nobody", None)])
def test_failures_are_tried_again_and_then_dead(tmp_path, trouble, error):
    flags = ["--webhooks-retry-for=1s", "--webhooks-timeout=300ms"]
    with Server(tmp_path / "data", *QUICK, *flags) as server, Receiver() as receiver:
        api = server.api()
        url = receiver.url
        if trouble.startswith("status"):
            receiver.answer = lambda message: int(trouble.split()[1])
        elif trouble == "nobody":
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        else:
            receiver.answer = getattr(receiver, trouble)
        webhook = make(api, url + "/a")
        record = api.upload(small(1))
        api.delete(f"/v1/uploads/{record['id']}")
        second, first = wait_for(api, webhook, "dead", 2)
        assert (first["event_type"], second["event_type"]) == ("upload.created", "upload.deleted")
        for delivery in (first, second):
            # The second has its own time, however long the first held it up.
            assert delivery["attempts"] >= 2 and delivery["next_attempt_at"] is None
            assert delivery["error"] and error in (None, delivery["error"])
        assert not receiver.of("/elsewhere"), "the redirection was followed"
        if trouble == "nobody":
            return
        receiver.released.set()
        receiver.answer = lambda message: 200
        at = f"/v1/webhooks/{webhook['id']}/deliveries/{first['id']}/redeliver"
        assert api.post(at).status_code == 202
        done = wait_for(api, webhook, "delivered", 1)[0]
        assert done["id"] == first["id"] and done["attempts"] == 1
        text = api.get("/metrics").text
        assert 'audiotricks_webhook_attempts_total{result="dead"} 2' in text
        assert "audiotricks_webhook_backlog 0" in text


def test_a_failed_one_that_waits_can_be_hurried_and_its_followers_not(tmp_path):
    with Server(tmp_path / "data", *QUICK, "--webhooks-retry-first=1h") as server, \
            Receiver(lambda message: 503) as receiver:
        api = server.api()
        webhook = make(api, receiver.url + "/a")
        record = api.upload(small(1))
        api.delete(f"/v1/uploads/{record['id']}")
        at = f"/v1/webhooks/{webhook['id']}/deliveries"
        wait_until(lambda: deliveries(api, webhook)[-1:] and deliveries(api, webhook)[-1]["attempts"])
        wait_until(lambda: len(deliveries(api, webhook)) == 2)
        follower, first = deliveries(api, webhook)
        assert first["next_attempt_at"] and follower["next_attempt_at"] is None
        expect_problem(api.post(f"{at}/{follower['id']}/redeliver"), 409, "conflict")
        receiver.answer = lambda message: 200
        assert api.post(f"{at}/{first['id']}/redeliver").status_code == 202
        wait_for(api, webhook, "delivered", 2)
        assert [m.json["type"] for m in receiver.of("/a")] == [
            "upload.created", "upload.created", "upload.deleted"]


def test_a_large_answer_is_not_read(server):
    api = server.api()
    with Receiver() as receiver:
        receiver.answer = receiver.large
        webhook = make(api, receiver.url + "/a")
        api.post(f"/v1/webhooks/{webhook['id']}/test")
        assert wait_for(api, webhook, "delivered", 1)[0]["response_status"] == 200
        message = receiver.of("/a")[0]
        wait_until(lambda: getattr(message, "cut", False), what="the answer to be cut off")


PRIVATE = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "10.1.2.3",
    "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "198.18.0.1", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]",
    "[::ffff:7f00:1]", "[::127.0.0.1]", "[fe80::1]", "[fc00::1]", "[fd12::1]", "[ff02::1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "localhost", "LOCALHOST.", "a.localhost"]


@pytest.fixture(scope="module")
def strict(tmp_path_factory, database):
    with Server(tmp_path_factory.mktemp("strict") / "data") as server:
        yield server


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_refused(strict, host):
    expect_problem(strict.api().post("/v1/webhooks", json={"url": f"http://{host}:9/"}), 400,
                   "invalid_request")


@pytest.mark.parametrize("url", [
    "ftp://hooks.example.org/", "file:///etc/passwd", "gopher://hooks.example.org/", "hooks", "",
    "http://", "https://user:secret@hooks.example.org/", "https://user@hooks.example.org/",
    "https://hooks.example.org/#part", "http://hooks.example.org:99999/", "//hooks.example.org/"])
def test_other_addresses_that_are_none(strict, url):
    expect_problem(strict.api().post("/v1/webhooks", json={"url": url}), 400, "invalid_request")


@pytest.mark.parametrize("host", ["192.0.1.1", "8.8.8.8", "[2606:4700::1111]", "hooks.example.org"])
def test_public_addresses_are_taken(strict, host):
    webhook = make(strict.api(), f"https://{host}/a", enabled=False)
    strict.api().delete(f"/v1/webhooks/{webhook['id']}")


def test_where_a_connection_leads_counts_not_the_name(tmp_path):
    """The same webhooks on a server that allows private receivers, on one that does not, and on one
    that allows just this one."""
    server = Server(tmp_path / "data", *QUICK)
    names = ["127.0.0.1"]
    with contextlib.suppress(OSError):
        if socket.getaddrinfo("ip6-localhost", 80, socket.AF_INET6):
            names.append("ip6-localhost")
    with Receiver() as receiver:
        with server:
            webhooks = [make(server.api(), f"http://{name}:{receiver.port}/{name}")
                        for name in names]
        server.flags = ["--webhooks-retry-for=0s"]
        with server:
            api = server.api()
            for webhook in webhooks:
                api.post(f"/v1/webhooks/{webhook['id']}/test")
                dead = wait_for(api, webhook, "dead", 1)[0]
                assert dead["error"] == "the address is one that webhooks may not reach"
                assert dead["response_status"] is None
            assert receiver.messages == []
        server.flags = ["--webhooks-allow-private=10.0.0.0/8, 127.0.0.1"]
        with server:
            api = server.api()
            api.post(f"/v1/webhooks/{webhooks[0]['id']}/test")
            wait_for(api, webhooks[0], "delivered", 1)


def test_proxies_of_the_environment_are_not_used(tmp_path):
    with Receiver() as receiver:
        env = {"http_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
        with Server(tmp_path / "data", *QUICK, env=env) as server:
            webhook = make(server.api(), receiver.url + "/a")
            server.api().post(f"/v1/webhooks/{webhook['id']}/test")
            wait_for(server.api(), webhook, "delivered", 1)


@pytest.mark.parametrize("body", [
    {}, {"url": 7}, {"url": "https://a.example/", "event_types": "upload.created"},
    {"url": "https://a.example/", "event_types": ["upload.created", "upload.created"]},
    {"url": "https://a.example/", "event_types": ["upload.created,upload.deleted"]},
    {"url": "https://a.example/", "event_types": [1]},
    {"url": "https://a.example/", "rotate_secret": True},
    {"url": "https://a.example/", "secret": "whsec_c2hvcnQ="},
    {"url": "https://a.example/", "secret": "abc"},
    {"url": "https://a.example/", "description": "x" * 201},
    {"url": "https://a.example/" + "x" * 2000}])
def test_bad_wishes_are_refused(strict, body):
    expect_problem(strict.api().post("/v1/webhooks", json=body), 400, "invalid_request")


def test_a_workspace_has_so_many(tmp_path):
    with Server(tmp_path / "data", "--webhooks-max-per-workspace=2") as server:
        api = server.api()
        for _ in range(2):
            make(api, "https://a.example/")
        expect_problem(api.post("/v1/webhooks", json={"url": "https://a.example/"}), 409, "conflict")


def test_pages_of_deliveries(server):
    api = server.api()
    with Receiver() as receiver:
        webhook = make(api, receiver.url + "/a")
        for seed in range(5):
            api.upload(small(seed))
        wait_for(api, webhook, "delivered", 5)
    at = f"/v1/webhooks/{webhook['id']}/deliveries"
    page = api.get_json(at, params={"limit": 2})
    ids, cursors = [d["event_id"] for d in page["items"]], 0
    while page["next_cursor"]:
        page = api.get_json(at, params={"limit": 2, "cursor": page["next_cursor"]})
        ids += [d["event_id"] for d in page["items"]]
        cursors += 1
    assert ids == [5, 4, 3, 2, 1] and cursors == 2
    assert api.delete(f"/v1/webhooks/{webhook['id']}").status_code == 204
    expect_problem(api.get(at), 404, "not_found")


def test_old_deliveries_are_forgotten_and_those_that_wait_are_not(tmp_path):
    server = Server(tmp_path / "data", *QUICK, "--webhooks-keep-days=1", "--webhooks-retry-first=1h")
    with Receiver(lambda m: 500 if m.path == "/bad" else 200) as receiver:
        with server:
            good, bad = (make(server.api(), receiver.url + path) for path in ("/good", "/bad"))
            server.api().upload(small(1))
            wait_for(server.api(), good, "delivered", 1)
            wait_until(lambda: deliveries(server.api(), bad, status="pending")[0]["attempts"])
        with catalog_of(server) as catalog:
            # An id begins with its time in milliseconds: some of 2024.
            for delivery, in catalog.rows("SELECT id FROM webhook_deliveries"):
                catalog.execute("UPDATE webhook_deliveries SET id = ? WHERE id = ?",
                                ["018e0000" + delivery[8:], delivery])
        with server:
            assert deliveries(server.api(), good) == []
            assert len(deliveries(server.api(), bad)) == 1


def test_kill_9_loses_no_delivery_and_no_order(tmp_path):
    server = Server(tmp_path / "data", *QUICK).start()
    with Receiver() as receiver:
        webhook = make(server.api(), receiver.url + "/a")
        records = []
        for round_number in range(4):
            api = server.api()
            for seed in range(10):
                records.append(api.upload(small(round_number * 100 + seed)))
                api.delete(f"/v1/uploads/{records[-1]['id']}")
            got = len(receiver.messages)
            wait_until(lambda: len(receiver.messages) > min(got, len(records) * 2 - 1) - 1)
            server.kill()
            server.start()
        wait_for(server.api(), webhook, "delivered", 80)
        messages = receiver.of("/a")
    for record in records:
        kinds = [m.json["type"] for m in messages if m.upload_id == record["id"]]
        firsts = list(dict.fromkeys(kinds))
        assert firsts == ["upload.created", "upload.deleted"], kinds
        assert kinds == sorted(kinds), "told again after what followed it"
    assert server.stop() == 0


def rows(server, query):
    with catalog_of(server) as catalog:
        return catalog.rows(query)


def test_removed_webhooks_leave_nothing_behind(tmp_path):
    """Their secrets go at once, and what they were not told with the next sweep."""
    server = Server(tmp_path / "data", *QUICK, "--webhooks-retry-first=1h")
    with Receiver(lambda m: 500) as receiver:
        with server:
            api = server.api()
            first, kept = make(api, receiver.url + "/a"), make(api, receiver.url + "/b")
            for seed in range(3):
                api.upload(small(seed))
            for webhook in (first, kept):
                wait_until(lambda: len(deliveries(api, webhook)) == 3)
            workspace = make_workspace(api)["id"]
            make(api, receiver.url + "/c", params={"workspace_id": workspace})
            api = member(server, "admin")
            assert api.delete(f"/v1/webhooks/{first['id']}").status_code == 204
            expect_problem(api.delete(f"/v1/webhooks/{first['id']}"), 404, "not_found")
            expect_problem(api.get(f"/v1/webhooks/{first['id']}"), 404, "not_found")
            expect_problem(api.patch(f"/v1/webhooks/{first['id']}", json={}), 404, "not_found")
            assert server.api().delete(f"/v1/workspaces/{workspace}").status_code == 204
            assert sorted(rows(server, "SELECT removed_at IS NULL, length(secret) FROM webhooks")) \
                == [(0, 0), (0, 0), (1, 32)]
        with server:  # the sweep runs before it serves
            assert rows(server, "SELECT id FROM webhooks") == [(kept["id"],)]
            assert len(deliveries(server.api(), kept)) == 3
            assert rows(server, "SELECT count(*) FROM webhook_deliveries") == [(3,)]
