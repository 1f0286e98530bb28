"""The server as its operator sees it: health, metrics, start and stop."""
import os
import re
import signal
import subprocess
import threading

import audio
import pytest
import requests
from people import member
from server import BINARY, Server, expect_problem, wait_until


def test_health(server):
    answer = requests.get(server.url + "/healthz", timeout=10)
    assert answer.status_code == 200 and answer.json()["status"] == "ok"


def test_ready(server):
    answer = requests.get(server.url + "/readyz", timeout=10)
    assert answer.status_code == 200
    assert {k: v["ok"] for k, v in answer.json()["checks"].items()} == {
        "database": True, "store": True, "space": True}


def test_lost_store_is_not_ready_and_recovers(server, api):
    store = server.data / "store"
    store.rename(server.data / "elsewhere")
    answer = requests.get(server.url + "/readyz", timeout=10)
    assert answer.status_code == 503
    checks = answer.json()["checks"]
    assert checks["database"]["ok"] and not checks["store"]["ok"]
    assert str(server.data) not in answer.text
    refused = api.post("/v1/uploads?filename=a.wav", data=audio.wav())
    expect_problem(refused, 503, "unavailable")
    (server.data / "elsewhere").rename(store)
    assert requests.get(server.url + "/readyz", timeout=10).status_code == 200
    api.upload(audio.wav())
    server.verify()


def metric(text, name):
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M)[1])


def test_metrics(server, api):
    api.upload(audio.wav(seed=1))
    api.upload(audio.wav(seed=1))
    api.post("/v1/uploads?filename=x.png", data=b"\x89PNG\r\n\x1a\n" + b"x" * 5000)
    text = requests.get(server.url + "/metrics", timeout=10).text
    assert metric(text, "audiotricks_uploads_stored_total") == 1
    assert metric(text, "audiotricks_uploads_shared_total") == 1
    assert metric(text, "audiotricks_uploads_refused_total") == 1
    assert metric(text, "audiotricks_uploads_active") == 0
    assert metric(text, 'audiotricks_http_requests_total{status="2xx"}') >= 2
    assert metric(text, 'audiotricks_store_free_bytes{store="main"}') > 0
    count = metric(text, "audiotricks_http_request_seconds_count")
    assert metric(text, 'audiotricks_http_request_seconds_bucket{le="+Inf"}') == count > 0
    names = re.findall(r"^# TYPE (\S+) ", text, re.M)
    assert len(names) == len(set(names))
    for line in text.splitlines():
        assert re.fullmatch(r'#.*|[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+-]+', line)


def test_metrics_are_the_operators(server):
    expect_problem(member(server, "admin").get("/metrics"), 403, "forbidden")
    assert server.api().get("/metrics").status_code == 200
    behind = requests.get(server.url + "/metrics", timeout=10,
                          headers={"X-Forwarded-For": "192.0.2.7"})
    expect_problem(behind, 401, "unauthorized")


def test_unknown_routes_and_methods(api):
    expect_problem(api.get("/v1/nothing"), 404, "not_found")
    answer = api.post("/healthz")
    expect_problem(answer, 405, "method_not_allowed")
    assert {m.strip() for m in answer.headers["Allow"].split(",")} >= {"GET", "HEAD"}


def test_json_bodies_are_bounded(api):
    answer = api.post("/v1/users", data=b'{"name":"' + b"x" * 3_000_000 + b'"}',
                      headers={"Content-Type": "application/json"})
    expect_problem(answer, 413, "body_too_large")


def test_every_answer_has_a_request_id(server, api):
    first, second = api.get("/v1/uploads"), api.get("/v1/nothing")
    ids = {first.headers["X-Request-Id"], second.headers["X-Request-Id"]}
    assert len(ids) == 2 and second.json()["request_id"] in ids
    wait_until(lambda: all(i in server.log_text() for i in ids), what="the log lines")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_finishes_what_runs(tmp_path, number):
    server = Server(tmp_path / "data").start()
    go_on, outcome = threading.Event(), []
    content = audio.wav(seconds=4)

    def slowly():
        yield content[:9000]
        assert go_on.wait(30)
        yield content[9000:]

    api = server.api()
    thread = threading.Thread(target=lambda: outcome.append(
        api.post("/v1/uploads?filename=a.wav", data=slowly()).status_code))
    thread.start()
    watcher = server.api()
    workspace = watcher.get_json("/v1/workspaces")["items"][0]["id"]
    wait_until(lambda: watcher.get_json(f"/v1/workspaces/{workspace}/quota")["reserved_files"])
    server.process.send_signal(number)

    def refuses():
        try:
            requests.get(server.url + "/healthz", timeout=5)
        except requests.ConnectionError:
            return True
        return False

    wait_until(refuses, what="new connections to be refused")
    assert server.process.poll() is None
    go_on.set()
    thread.join()
    assert outcome == [201] and server.process.wait(30) == 0
    server.process = None
    with server:
        assert len(server.api().get_json("/v1/uploads")["items"]) == 1


def test_stop_does_not_wait_for_ever(tmp_path):
    server = Server(tmp_path / "data", "--server-stop-grace", "500ms").start()
    hold = threading.Event()

    def never():
        yield audio.wav()[:5000]
        hold.wait(30)

    def send():
        try:
            server.api().post("/v1/uploads?filename=a.wav", data=never())
        except requests.RequestException:
            pass

    thread = threading.Thread(target=send)
    thread.start()
    api = server.api()
    workspace = api.get_json("/v1/workspaces")["items"][0]["id"]
    wait_until(lambda: api.get_json(f"/v1/workspaces/{workspace}/quota")["reserved_files"])
    assert server.stop() == 0
    hold.set()
    thread.join()
    server.verify()


def test_one_server_for_a_data_folder(server):
    done = subprocess.run([BINARY, "serve", "--data", str(server.data), "--listen", "127.0.0.1:0"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "in use" in done.stderr
    assert server.is_ready()


def test_announces_itself(server):
    text = server.log_text()
    assert text.count(f"listening on http://127.0.0.1:{server.port}\n") == 1
    assert f"operator token in {server.data}/operator-token\n" in text


def test_data_survives_a_restart(tmp_path):
    server = Server(tmp_path / "data")
    with server:
        token, record = server.token, server.api().upload(audio.wav())
    with server:
        assert server.token == token
        api = server.api()
        assert api.get_json(f"/v1/uploads/{record['id']}") == record
        assert api.get(record["storage_url"]).content == audio.wav()


@pytest.mark.parametrize("flags", [
    ("--uploads-accept", "music"), ("--log-level", "loud"), ("--log-format", "xml"),
    ("--server-trusted-proxies", "nonsense"), ("--listen", "nowhere"),
    ("--server-workers-max", "10"), ("--no-such-flag", "1"),
])
def test_bad_configuration_is_refused(tmp_path, flags):
    done = subprocess.run([BINARY, "serve", "--data", str(tmp_path / "data"), *flags],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip() and done.stdout == ""


def test_unix_socket(tmp_path):
    path = tmp_path / "s.sock"
    server = Server(tmp_path / "data", "--listen", f"127.0.0.1:0,unix:{path}")
    server.start(wait=False)
    wait_until(path.exists, 30, "the socket")
    done = subprocess.run(["curl", "-s", "--unix-socket", str(path), "http://x/healthz"],
                          capture_output=True, text=True, timeout=30)
    assert '"ok"' in done.stdout
    assert os.stat(path).st_mode & 0o777 == 0o660
    assert server.stop() == 0 and not path.exists()
