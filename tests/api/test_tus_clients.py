"""Real clients of tus: tus-js-client in Node.js, and Uppy's plugin in a headless Chromium on a page of
another origin. The server is killed under them, and all of them come through."""
import functools
import hashlib
import http.server
import json
import signal
import threading

import pytest

import audio
import node
from hung_media import HungMedia
from lossy_proxy import LossyProxy
from server import Server, wait_until

SIZE = 12 << 20
STEP = 1 << 20
# Of a stream whose length the client does not know, it never sees the end of one of whole steps.
DEFERRED = {"uploadLengthDeferred": True, "chunkSize": 1_000_000}


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "sound.wav"
    path.write_bytes(audio.wav_of_bytes(SIZE, seed=5))
    return path


@pytest.fixture(scope="module")
def site(tmp_path_factory, sound):
    """Where the page and the file stand: an origin that is not the server's."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_text('<!doctype html><link rel="icon" href="data:,">'
                                       '<script src="page.js"></script>')
    (folder / "sound.wav").write_bytes(sound.read_bytes())
    (folder / "noise.wav").write_bytes(b"this is no audio " * 5000)
    node.bundle("uppy_page.js", folder / "page.js")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://localhost:{running.server_port}"
        running.shutdown()
        thread.join(30)


# ---- what must come out ----

def sessions(server):
    return server.api().get_json("/v1/chunked-uploads?limit=1000")["items"]


def check_arrived(server, upload_id=None, name="from node.wav"):
    """The one upload of the server is the file, and nothing else is left."""
    api = server.api()
    record, = api.get_json("/v1/uploads")["items"]
    assert upload_id in (None, record["id"])
    assert record["original_filename"] == name and record["file_size"] == SIZE
    content = api.get(f"/v1/uploads/{record['id']}/content").content
    assert hashlib.sha256(content).hexdigest() == record["checksum_sha256"]
    assert content == audio.wav_of_bytes(SIZE, seed=5)
    assert {s["status"] for s in sessions(server)} == {"completed"}  # partials stay for a while
    server.verify()
    return record


def stop_under_way(server, client, release):
    """Kills the server while it owes an answer to a PATCH of which bytes have left the client."""
    server.process.send_signal(signal.SIGSTOP)
    release()
    held_at = client.events[-1]["offset"]
    client.wait_for("progress", lambda event: event["sent"] > held_at)
    server.kill()
    server.start()


# ---- tus-js-client ----

def upload(server, sound, storage=None, hold_at=None, **options):
    job = {"endpoint": server.url + "/v1/tus", "token": server.token, "file": str(sound),
           "storage": storage and str(storage), "options": {"chunkSize": STEP, **options}}
    if hold_at is not None:
        job["holdAt"] = hold_at
    return node.Node("tus_client.js", json.dumps(job))


def test_uploads(server, sound):
    with upload(server, sound) as client:
        done = client.wait_for("success")
    record = check_arrived(server, done["uploadId"])
    assert done["location"] == f"/v1/uploads/{record['id']}"
    assert done["url"].startswith(server.url + "/v1/tus/")
    assert record["metadata"]["upload_metadata"] == {"speaker": "Ada"}


@pytest.mark.parametrize("options", [
    {"uploadDataDuringCreation": True}, {"overridePatchMethod": True}, {"addRequestId": True},
    {"chunkSize": SIZE}, {"chunkSize": SIZE, "uploadDataDuringCreation": True},
    DEFERRED, {**DEFERRED, "chunkSize": 5_000_000},
    {"parallelUploads": 4}, {"parallelUploads": 3, "uploadDataDuringCreation": True}],
    ids=lambda options: " ".join(f"{k}={v}" for k, v in options.items()))
def test_options(server, sound, options):
    with upload(server, sound, **options) as client:
        client.wait_for("success")
    check_arrived(server)


def test_abort_and_start_again(server, sound):
    with upload(server, sound, hold_at=3 * STEP) as client:
        url = client.wait_for("url")["url"]
        client.wait_for("hold")
        client.tell("abort")
        client.wait_for("aborted")
        session, = sessions(server)
        assert session["status"] == "initiated" and session["offset"] >= 3 * STEP
        client.tell("start")
        done = client.wait_for("success")
    assert done["url"] == url
    check_arrived(server)


def test_abort_and_terminate(server, sound):
    with upload(server, sound, hold_at=3 * STEP) as client:
        url = client.wait_for("url")["url"]
        client.wait_for("hold")
        assert len(sessions(server)) == 1
        client.tell("abort", {"terminate": True})
        client.wait_for("aborted")
    assert server.api().get(url[len(server.url):]).status_code == 404
    assert sessions(server) == []
    server.verify()


def test_resumes_after_the_client_was_killed(server, sound, tmp_path):
    storage = tmp_path / "urls.json"
    storage.write_text("{}")
    with upload(server, sound, storage, hold_at=5 * STEP) as client:
        url = client.wait_for("url")["url"]
        client.wait_for("hold")
        client.kill()
    with upload(server, sound, storage, removeFingerprintOnSuccess=True) as client:
        assert client.wait_for("begin")["previous"] == 1
        first = client.wait_for("progress")
        assert client.wait_for("success")["url"] == url
        assert client.process.wait(60) == 0
    assert first["sent"] >= 5 * STEP
    check_arrived(server)
    assert json.loads(storage.read_text()) == {}  # removeFingerprintOnSuccess


def test_an_upload_that_is_known_to_be_complete_is_not_sent_again(server, sound, tmp_path):
    storage = tmp_path / "urls.json"
    storage.write_text("{}")
    urls = set()
    for previous in (0, 1):
        with upload(server, sound, storage) as client:
            assert client.wait_for("begin")["previous"] == previous
            urls.add(client.wait_for("success")["url"])
    assert len(urls) == 1
    check_arrived(server)


def test_a_url_that_is_gone_is_replaced(server, sound, tmp_path):
    storage = tmp_path / "urls.json"
    storage.write_text("{}")
    with upload(server, sound, storage, hold_at=2 * STEP) as client:
        url = client.wait_for("url")["url"]
        client.wait_for("hold")
        client.kill()
    assert server.api().delete(url[len(server.url):], headers={
        "Tus-Resumable": "1.0.0"}).status_code == 204
    with upload(server, sound, storage) as client:
        assert client.wait_for("begin")["previous"] == 1
        assert client.wait_for("success")["url"] != url
    check_arrived(server)


@pytest.mark.parametrize("options", [{}, {"chunkSize": SIZE}, DEFERRED],
                         ids=["pieces", "one PATCH", "deferred length"])
def test_resumes_after_the_server_was_killed(server, sound, options):
    hold_at = 0 if options.get("chunkSize") == SIZE else 4 * STEP
    with upload(server, sound, hold_at=hold_at, **options) as client:
        url = client.wait_for("url")["url"]
        client.wait_for("hold")
        stop_under_way(server, client, lambda: client.tell("go"))
        done = client.wait_for("success")
    assert done["url"] == url
    check_arrived(server)


def test_resumes_after_the_server_was_killed_before_it_finished(server, sound):
    """All bytes are recorded, and nothing is made of them yet."""
    with upload(server, sound, hold_at=SIZE - STEP) as client:
        client.wait_for("hold")
        with HungMedia(server) as media:
            client.tell("go")
            wait_until(lambda: sessions(server)[0]["received_bytes"] == SIZE, what="all bytes")
            media.kill_server()
        server.start()
        client.wait_for("success")
    check_arrived(server)


def test_parallel_uploads_resume_after_the_server_was_killed(server, sound):
    with upload(server, sound, hold_at=STEP, parallelUploads=3) as client:
        client.wait_for("hold")
        stop_under_way(server, client, lambda: client.tell("go"))
        client.wait_for("success")
    check_arrived(server)


def test_parallel_uploads_of_which_the_last_answer_was_lost(server, sound, tmp_path):
    """The client gives up; started again it asks for the same final. It has sent enough."""
    storage = tmp_path / "urls.json"
    storage.write_text("{}")
    with LossyProxy(server, b"upload-concat: final") as proxy:
        with upload(proxy, sound, storage, parallelUploads=3) as client:
            client.wait_for("error")
        assert proxy.lost.is_set()
        with upload(proxy, sound, storage, parallelUploads=3) as client:
            assert client.wait_for("begin")["previous"] == 1
            client.wait_for("success")
    check_arrived(server)
    assert len(sessions(server)) == 4


def test_a_refusal_is_told(server, tmp_path):
    noise = tmp_path / "noise.wav"
    noise.write_bytes(b"this is no audio " * 5000)
    with upload(server, noise, retryDelays=[]) as client:
        url = client.wait_for("url")["url"]
        failed = client.wait_for("error")
    assert failed["status"] == 415 and json.loads(failed["body"])["code"] == "not_audio"
    assert server.api().get(url[len(server.url):]).json()["code"] == "not_audio"


# ---- Uppy ----

@pytest.fixture
def abroad(tmp_path, site):
    """A server that lets the site's pages use it."""
    with Server(tmp_path / "data", "--server-cors-origins", site) as running:
        yield running


@pytest.fixture
def browser(tmp_path, site):
    with node.Node("browser.js", site + "/index.html", tmp_path / "profile") as running:
        running.wait_for("ready")
        yield running
        running.tell("end")
        running.process.wait(60)


def begin(browser, server, file="sound.wav", **job):
    browser.tell("begin", {"endpoint": server.url + "/v1/tus", "token": server.token,
                           "file": file, "chunkSize": STEP, **job})


def arrived(browser, server):
    browser.wait_for("response", lambda event: event["uploadId"])
    last = browser.events[-1]
    browser.wait_for("success")
    record = check_arrived(server, last["uploadId"], "from a browser.wav")
    assert last["location"] == f"/v1/uploads/{record['id']}"


def test_uppy_uploads(abroad, browser):
    begin(browser, abroad)
    arrived(browser, abroad)


def test_uppy_pauses_and_resumes(abroad, browser):
    begin(browser, abroad, pauseAt=3 * STEP)
    browser.wait_for("paused")
    session, = sessions(abroad)
    assert session["status"] == "initiated"
    browser.tell("resume")
    arrived(browser, abroad)


@pytest.mark.parametrize("options", [{"parallelUploads": 3}, {"uploadLengthDeferred": True},
                                     {"uploadDataDuringCreation": True}], ids=lambda options: "".join(options))
def test_uppy_options(abroad, browser, options):
    begin(browser, abroad, options=options)
    arrived(browser, abroad)


def test_uppy_cancels(abroad, browser):
    """What the user throws away is gone at the server, and gives its quota back."""
    begin(browser, abroad, pauseAt=3 * STEP)
    browser.wait_for("paused")
    assert [session["status"] for session in sessions(abroad)] == ["initiated"]
    browser.tell("cancel")
    browser.wait_for("response", lambda event: (event["method"], event["status"]) == ("DELETE", 204))
    assert sessions(abroad) == []
    abroad.verify()


def test_uppy_resumes_after_the_server_was_killed(abroad, browser):
    begin(browser, abroad, holdAt=4 * STEP)
    browser.wait_for("hold")
    stop_under_way(abroad, browser, lambda: browser.tell("go"))
    arrived(browser, abroad)


def test_uppy_resumes_on_a_page_that_was_loaded_again(abroad, browser):
    begin(browser, abroad, holdAt=4 * STEP)
    browser.wait_for("hold")
    browser.tell("reload")
    browser.wait_for("ready")
    begin(browser, abroad)
    assert browser.wait_for("progress", lambda event: event["sent"] > 0)["sent"] >= 4 * STEP
    arrived(browser, abroad)


def test_uppy_is_told_of_a_refusal(abroad, browser):
    begin(browser, abroad, file="noise.wav")
    failed = browser.wait_for("error")
    assert "response code: 415" in failed["message"] and "not_audio" in failed["message"]


def test_uppy_from_an_origin_that_is_not_allowed(server, browser):
    """The browser lets the page see nothing; the server has begun nothing."""
    begin(browser, server, pauseAt=None)
    browser.wait_for("console", lambda event: "CORS" in event["text"])
    assert sessions(server) == []
