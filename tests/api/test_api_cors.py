"""CORS: pages of the origins that are configured may use the whole API from a browser, others none."""
import pytest
import requests

from audio import wav
from server import BINARY, Server
from tus import Tus

HOME = "https://app.example"
OTHER = "http://localhost:3000"
FOREIGN = "https://evil.example"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("cors") / "data", "--server-cors-origins",
                f"{HOME}, {OTHER}") as server:
        yield server


def ask(server, method, path, origin, **headers):
    if origin:
        headers["Origin"] = origin
    return requests.request(method, server.url + path, headers=headers, timeout=30)


def preflight(server, path, origin, method="PATCH"):
    return ask(server, "OPTIONS", path, origin,
               **{"Access-Control-Request-Method": method,
                  "Access-Control-Request-Headers": "authorization,tus-resumable"})


def words(answer, header):
    return {word.strip().lower() for word in answer.headers[header].split(",")}


def cors_headers(answer):
    return {name for name in answer.headers if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("origin", [HOME, OTHER])
@pytest.mark.parametrize("path, method", [
    ("/v1/tus", "POST"), ("/v1/tus/x", "PATCH"), ("/v1/tus/x", "HEAD"), ("/v1/tus/x", "DELETE"),
    ("/v1/uploads", "POST"), ("/v1/uploads/x/content", "GET"), ("/files/a/b", "GET"),
    ("/v1/chunked-uploads/x/chunks/1", "PUT"), ("/v1/tus?workspace_id=y&on_duplicate=link", "POST")])
def test_preflight(world, origin, path, method):
    answer = preflight(world, path, origin, method)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert method.lower() in words(answer, "Access-Control-Allow-Methods")
    assert words(answer, "Access-Control-Allow-Methods") == words(answer, "Allow")
    assert {"authorization", "content-type", "tus-resumable", "upload-offset", "upload-length",
            "upload-metadata", "upload-checksum", "upload-concat", "upload-defer-length",
            "x-http-method-override", "idempotency-key", "x-request-id"} <= words(
                answer, "Access-Control-Allow-Headers")
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert "Origin" in answer.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_answers_can_be_read(world):
    tus = Tus(world)
    answer = tus.create(len(wav(0.1)), Origin=HOME)
    exposed = {word.strip() for word in answer["Access-Control-Expose-Headers"].split(",")}
    assert answer["Access-Control-Allow-Origin"] == HOME
    done = tus.patch(answer["Location"], 0, wav(0.1), Origin=HOME)
    looked = tus.look(answer["Location"], Origin=HOME)
    told = {name for one in (answer, done, looked, tus.options()) for name, _ in one.headers
            if name.startswith(("Upload-", "Tus-", "Location", "Content-Location", "X-"))}
    assert {"Upload-Id", "Upload-Offset", "Content-Location", "Tus-Resumable"} <= told <= exposed


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/v1/uploads", 401), ("GET", "/nothing", 404), ("DELETE", "/v1/uploads", 405),
    ("PATCH", "/v1/tus/x", 401), ("GET", "/healthz", 200), ("GET", "/v1/uploads?%zz", 400)])
def test_refusals_can_be_read_too(world, method, path, status):
    headers = {"Authorization": f"Bearer {world.token}"} if status == 400 else {}
    answer = ask(world, method, path, HOME, **headers)
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == HOME
    assert "WWW-Authenticate" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("origin", [FOREIGN, HOME + ".evil.example", "https://app.exampl", "null",
                                    HOME + ":443", "http://app.example", HOME + "/", "*", None])
def test_nothing_for_others(world, origin):
    for answer in (preflight(world, "/v1/tus", origin), ask(world, "GET", "/healthz", origin),
                   ask(world, "GET", "/v1/uploads", origin)):
        assert not cors_headers(answer)
        assert answer.headers["Vary"] == "Origin"  # a cache must not mix it with HOME's


def test_not_configured(shared_server):
    for answer in (preflight(shared_server, "/v1/tus", HOME),
                   ask(shared_server, "GET", "/healthz", HOME)):
        assert answer.ok and not cors_headers(answer) and "Vary" not in answer.headers


def test_everybody(tmp_path):
    with Server(tmp_path / "data", "--server-cors-origins", "*") as server:
        for answer in (preflight(server, "/v1/tus", FOREIGN), ask(server, "GET", "/nothing", HOME)):
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert not cors_headers(ask(server, "GET", "/healthz", None))


@pytest.mark.parametrize("value", ["app.example", "https://", "https://a/b", "https://a/",
                                   "https://a,,https://b", "://a", "https://a b"])
def test_what_is_no_origin_is_refused_at_the_start(tmp_path, value):
    server = Server(tmp_path / "data", "--server-cors-origins", value, binary=BINARY)
    server.start(wait=False)
    assert server.process.wait(30) != 0
    server.process = None
    server.log.close()
    assert "server.cors_origins" in server.log_text()
