"""Quotas under a race: never one upload too many, never one too few, and refusals that say why."""
import json
import select
import socket
import threading

import audio
import pytest
from disk import mounted, store_on
from people import make_workspace
from server import Server, expect_problem
from tus import Tus

pytestmark = pytest.mark.databases("sqlite", "postgres")

PARALLEL, ROOM = 64, 10
CONTENTS = [audio.wav(seconds=0.2, seed=seed) for seed in range(PARALLEL)]
SIZE = len(CONTENTS[0])
LIMITS = {
    "bytes": ({"max_storage_bytes": ROOM * SIZE + SIZE - 1}, "quota_storage_exceeded",
              ROOM * SIZE + SIZE - 1, SIZE - 1),
    "count": ({"max_file_count": ROOM}, "quota_files_exceeded", ROOM, 0),
    "month": ({"max_monthly_uploads": ROOM}, "quota_monthly_exceeded", ROOM, 0),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory, database):
    with Server(tmp_path_factory.mktemp("quota") / "data") as running:
        yield running
        running.verify()


@pytest.fixture(scope="module")
def api(server):
    return server.api()


def head(server, workspace, *lines, name="a.wav"):
    return "\r\n".join((
        f"POST /v1/uploads?filename={name}&workspace_id={workspace['id']} HTTP/1.1", "Host: x",
        f"Authorization: Bearer {server.token}", "Content-Type: audio/wav", *lines, "", "")).encode()


def whole_request(server, workspace, content, known):
    if known:
        return head(server, workspace, f"Content-Length: {len(content)}") + content
    return (head(server, workspace, "Transfer-Encoding: chunked")
            + b"%x\r\n" % len(content) + content + b"\r\n0\r\n\r\n")


class Answer:
    """Read by hand: what came first on the line matters here."""

    def __init__(self, line):
        reader = line.makefile("rb")
        self.status = int(reader.readline().split()[1])
        self.headers = {}
        while (text := reader.readline().strip()):
            name, value = text.split(b":", 1)
            self.headers[name.lower().decode()] = value.strip().decode()
        self.body = json.loads(reader.read(int(self.headers["content-length"])))


def ask(server, request):
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        line.sendall(request)
        return Answer(line)


def race(server, requests):
    """Sends all requests at once, each on a connection that is open already."""
    answers, together = [], threading.Barrier(len(requests))

    def one(request):
        with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
            together.wait(60)
            line.sendall(request)
            answers.append(Answer(line))

    threads = [threading.Thread(target=one, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert len(answers) == len(requests)
    return answers


def quota_of(api, workspace):
    return api.get_json(f"/v1/workspaces/{workspace['id']}/quota")


def check_usage(api, workspace, count, ever=None):
    """COUNT files are there, EVER were taken this month."""
    quota = quota_of(api, workspace)
    ever = count if ever is None else ever
    assert (quota["current_file_count"], quota["monthly_uploads"]) == (count, ever)
    assert quota["current_storage_bytes"] == count * SIZE
    assert quota["monthly_upload_bytes"] == ever * SIZE
    assert (quota["reserved_bytes"], quota["reserved_files"]) == (0, 0)
    items = api.get_json("/v1/uploads", params={"workspace_id": workspace["id"], "limit": 100})
    assert len(items["items"]) == count


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("limit", LIMITS)
def test_race_for_the_last_places(server, api, limit, known):
    limits, code, most, remaining = LIMITS[limit]
    workspace = make_workspace(api, **limits)
    answers = race(server, [whole_request(server, workspace, content, known)
                            for content in CONTENTS])
    accepted = [answer for answer in answers if answer.status == 201]
    refused = [answer for answer in answers if answer.status != 201]
    assert len(accepted) == ROOM
    assert {(answer.status, answer.body["code"], answer.body["limit"]) for answer in refused} == {
        (403, code, most)}
    # While others were still under way, what they had reserved was not to be had.
    assert all(0 <= answer.body["remaining"] < max(SIZE, 1) for answer in refused)
    check_usage(api, workspace, ROOM)
    after = ask(server, whole_request(server, workspace, CONTENTS[0], known))
    assert (after.status, after.body["code"]) == (403, code)
    assert (after.body["limit"], after.body["remaining"]) == (most, remaining)


def test_race_of_the_same_content(server, api):
    """Each record is charged, shared bytes or not."""
    workspace = make_workspace(api, max_storage_bytes=ROOM * SIZE)
    answers = race(server, [whole_request(server, workspace, CONTENTS[0], True)] * PARALLEL)
    assert [answer.status for answer in answers].count(201) == ROOM
    paths = {answer.body["storage_path"] for answer in answers if answer.status == 201}
    assert len(paths) == 1
    check_usage(api, workspace, ROOM)


def test_race_with_deletes(server, api):
    """Room that is given back is taken again, and no more than that."""
    workspace = make_workspace(api, max_file_count=ROOM)
    query = {"workspace_id": workspace["id"], "permanent": "true"}
    ids = [api.upload(content, workspace_id=workspace["id"])["id"] for content in CONTENTS[:ROOM]]
    deletes = [threading.Thread(target=server.api().delete, args=(f"/v1/uploads/{id}",),
                                kwargs={"params": query}) for id in ids[:5]]
    for thread in deletes:
        thread.start()
    accepted = [answer.status for answer in race(server, [
        whole_request(server, workspace, content, True) for content in CONTENTS[ROOM:]])].count(201)
    for thread in deletes:
        thread.join()
    assert accepted <= 5
    check_usage(api, workspace, ROOM - 5 + accepted, ROOM + accepted)
    for content in CONTENTS[:5 - accepted]:
        api.upload(content, workspace_id=workspace["id"])
    check_usage(api, workspace, ROOM, ROOM + 5)


def test_trash_is_charged_until_it_is_gone(server, api):
    workspace = make_workspace(api, max_file_count=1)
    query = {"workspace_id": workspace["id"]}
    record = api.upload(CONTENTS[0], **query)
    api.delete(f"/v1/uploads/{record['id']}", params=query)
    assert api.upload(CONTENTS[1], expect=403, **query)["code"] == "quota_files_exceeded"
    api.delete(f"/v1/uploads/{record['id']}", params={**query, "permanent": "true"})
    api.upload(CONTENTS[1], **query)


def test_unknown_lengths_in_pieces_fill_up(server, api):
    """What is reserved ahead keeps others out only while it is held."""
    workspace = make_workspace(api, max_storage_bytes=ROOM * SIZE)

    def pieces(content):
        for at in range(0, len(content), 700):
            yield content[at:at + 700]

    for content in CONTENTS[:ROOM]:
        answer = api.post("/v1/uploads", data=pieces(content),
                          params={"filename": "a.wav", "workspace_id": workspace["id"]})
        assert answer.status_code == 201, answer.text
    answer = api.post("/v1/uploads", data=pieces(CONTENTS[ROOM]),
                      params={"filename": "a.wav", "workspace_id": workspace["id"]})
    expect_problem(answer, 403, "quota_storage_exceeded")
    check_usage(api, workspace, ROOM)


REFUSALS = [
    ({"max_storage_bytes": SIZE - 1}, 403, "quota_storage_exceeded", SIZE - 1),
    ({"max_file_count": 0}, 403, "quota_files_exceeded", 0),
    ({"max_monthly_uploads": 0}, 403, "quota_monthly_exceeded", 0),
    ({"max_file_size": SIZE - 1}, 413, "file_too_large", SIZE - 1),
]


@pytest.mark.parametrize("limits, status, code, limit", REFUSALS, ids=[r[2] for r in REFUSALS])
def test_refusal_costs_no_body(server, api, limits, status, code, limit):
    """The final answer comes where 100 Continue would have come."""
    workspace = make_workspace(api, **limits)
    answer = ask(server, head(server, workspace, f"Content-Length: {SIZE}", "Expect: 100-continue"))
    assert (answer.status, answer.body["code"], answer.body["limit"]) == (status, code, limit)
    check_usage(api, workspace, 0)


@pytest.mark.parametrize("limits", [{"max_file_count": 0}, {"max_monthly_uploads": 0}],
                         ids=["count", "month"])
def test_refusal_of_unknown_length_costs_no_body(server, api, limits):
    workspace = make_workspace(api, **limits)
    answer = ask(server, head(server, workspace, "Transfer-Encoding: chunked",
                              "Expect: 100-continue"))
    assert answer.status == 403


@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_go_on_comes_once_there_is_room(server, api, known):
    """100 Continue is the promise of the place: another upload does not get it meanwhile."""
    workspace = make_workspace(api, max_file_count=1)
    request = whole_request(server, workspace, CONTENTS[0], known)
    start, body = request.split(b"\r\n\r\n", 1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(start + b"\r\nExpect: 100-continue\r\n\r\n")
        assert line.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert quota_of(api, workspace)["reserved_files"] == 1
        other = ask(server, whole_request(server, workspace, CONTENTS[1], known))
        assert (other.status, other.body["code"]) == (403, "quota_files_exceeded")
        line.sendall(body)
        assert Answer(line).status == 201
    check_usage(api, workspace, 1)


def test_unknown_length_past_the_file_size_limit(server, api):
    """Refused when the limit is passed, while the client is still sending."""
    workspace = make_workspace(api, max_file_size=1_000_000)
    piece = audio.wav_of_bytes(50_000)
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(head(server, workspace, "Transfer-Encoding: chunked"))
        while not select.select([line], [], [], 0 if sent < 1_000_000 else 0.2)[0]:
            line.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
            sent += len(piece)
            assert sent < 20_000_000
        answer = Answer(line)
    assert sent >= 1_000_000
    assert (answer.status, answer.body["code"]) == (413, "file_too_large")
    check_usage(api, workspace, 0)


def test_server_limit_holds_for_every_workspace(tmp_path):
    with Server(tmp_path / "data", "--uploads-max-file-size", str(SIZE)) as server:
        api = server.api()
        api.upload(CONTENTS[0])
        problem = api.upload(CONTENTS[1] + b"x", expect=413)
        assert (problem["code"], problem["limit"]) == ("file_too_large", SIZE)
        answer = api.post("/v1/uploads?filename=a.wav", data=iter([CONTENTS[1], b"xx"]))
        expect_problem(answer, 413, "file_too_large")


def test_promises_beyond_all_numbers(tmp_path):
    """Without a quota there is still a bound: the sum of what was promised stays a number."""
    with mounted(tmp_path / "disk", 100) as disk, store_on(disk, tmp_path) as server:
        promise_beyond_all_numbers(server, server.api())  # ext4 would have no files that large


def promise_beyond_all_numbers(server, api):
    workspace = make_workspace(api)
    within = f"workspace_id={workspace['id']}"
    tus = Tus(server, query=f"?{within}")
    largest = 1 << 52

    paths = [tus.begin(Upload_Defer_Length="1") for _ in range(17)]
    answers = [tus.patch(path, 0, b"", Upload_Length=largest) for path in paths]
    assert [answer.status for answer in answers[:16]] == [204] * 16, answers[0].text
    assert (answers[16].status, answers[16].json["code"]) == (403, "quota_storage_exceeded")
    assert quota_of(api, workspace)["reserved_bytes"] == 16 * largest
    upload = f"/v1/uploads?filename=a.wav&{within}"
    expect_problem(api.post(upload, data=CONTENTS[0]), 403, "quota_storage_exceeded")
    for path in paths:
        assert tus.ask("DELETE", path).status == 204
    assert api.post(upload, data=CONTENTS[0]).status_code == 201
