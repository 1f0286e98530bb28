"""The log: one line for each request, whole, with the id that the answer carries."""
import json

import audio
import pytest
import requests
from server import Server

PATHS = ["/v1/uploads", "/nothing", "/" + "x" * 8000, "/v1/uploads/" + '"\\' * 3000,
         "/%0A%00%1B%5B2J", "/v1/uploads?q=hush&limit=1"]


@pytest.fixture
def server(tmp_path):
    with Server(tmp_path / "data", "--log-format", "json") as running:
        yield running


def lines(server):
    return [json.loads(line) for line in server.log_text().splitlines() if line.startswith("{")]


def ask(server, path):
    """PATH as it stands: the id of the answer and its status."""
    session = requests.Session()
    session.trust_env = False
    request = session.prepare_request(requests.Request(
        "GET", server.url, headers={"Authorization": f"Bearer {server.token}"}))
    request.url = server.url + path
    answer = session.send(request, timeout=30)
    return answer.headers["X-Request-Id"], answer.status_code


def test_each_request_has_its_line(server):
    asked = dict(ask(server, path) for path in PATHS)
    record = server.api().upload(audio.wav())
    server.stop()
    found = {line["request_id"]: line for line in lines(server) if line["msg"] == "request"}
    for request_id, status in asked.items():
        assert found[request_id]["status"] == status
        assert {"time", "level", "method", "path", "bytes_in", "bytes_out", "us",
                "client"} <= set(found[request_id])
        assert found[request_id]["client"] == "127.0.0.1"
    uploads = [line for line in found.values() if line["method"] == "POST"]
    assert [line["bytes_in"] for line in uploads] == [record["file_size"]]


def test_lines_hold_no_secrets(server):
    for path in PATHS:
        ask(server, path)
    made = server.api().post("/v1/tokens", json={"role": "operator"}).json()
    token = server.token
    server.stop()
    for secret in (token, made["token"], "hush"):
        assert secret not in server.log_text()
