"""Clients that take their time: what they may hold of the server meanwhile."""
import json
import socket
import time

import audio
from catalog import catalog_of
from server import Server, wait_until

READERS = 64  # connections to the catalog, at most
AT_ONCE_S = 4  # less than a lock of the catalog is waited for


def ask_and_read_nothing(server, path, count):
    """COUNT connections that ask for PATH and leave the answer where it is."""
    lines = []
    for _ in range(count):
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.connect(("127.0.0.1", server.port))
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {server.token}"
                     f"\r\n\r\n".encode())
        lines.append(line)
    return lines


def waiting_answers(server):
    """How many answers have begun and are not over, this one aside."""
    text = server.api().get("/metrics").text
    return next(int(line.split()[1]) for line in text.splitlines()
                if line.startswith("audiotricks_http_requests_active ")) - 1


def test_slow_readers_of_a_history_hold_no_catalog(tmp_path):
    with Server(tmp_path / "data", "--server-min-send-rate", "0") as server:
        api = server.api()
        record = api.upload(audio.wav())
        with catalog_of(server) as catalog:
            catalog.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
                "INSERT INTO audio_history (id, workspace_id, upload_id, action, detail, "
                f"created_at) SELECT {catalog.made_id('n.i')}, workspace_id, id, 'renamed', ?, "
                "uploaded_at FROM audio_uploads, n", [json.dumps({"from": "00" * 4000})])
        lines = ask_and_read_nothing(server, f"/v1/uploads/{record['id']}/history?limit=1000",
                                     READERS + 8)
        wait_until(lambda: waiting_answers(server) >= READERS + 8, what="answers that wait")
        asked = time.monotonic()
        assert api.get_json(f"/v1/uploads/{record['id']}")["id"] == record["id"]
        assert time.monotonic() - asked < 20  # who waited for the readers would do so for ever
        for line in lines:
            line.close()


def test_first_use_of_a_token_does_not_wait_for_the_writer(tmp_path):
    with Server(tmp_path / "data") as server:
        token = server.api().post("/v1/tokens", json={"role": "reader"}).json()["token"]
        with catalog_of(server) as catalog:
            catalog.hold_writers()
            for _ in range(3):
                asked = time.monotonic()
                assert server.api(token).get_json("/v1/uploads")["items"] == []
                assert time.monotonic() - asked < AT_ONCE_S
            catalog.rollback()
        tokens = server.api().get_json("/v1/tokens")["items"]
        assert len(tokens) == 1


def test_looks_at_readiness_hold_one_thread(tmp_path):
    """Anyone may ask; with the catalog locked each look takes seconds."""
    with Server(tmp_path / "data", "--server-workers-max", "24", "--server-max-uploads",
                "4") as server:
        with catalog_of(server) as catalog:
            catalog.hold_writers()
            lines = ask_and_read_nothing(server, "/readyz", 60)
            for _ in range(10):
                asked = time.monotonic()
                assert server.api().get("/healthz").status_code == 200
                assert time.monotonic() - asked < AT_ONCE_S
            catalog.rollback()
        for line in lines:
            line.close()
