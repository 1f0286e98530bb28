"""Who may do what: every route against every role, and against another workspace.

The table of cases is made from openapi.json; tests/unit/api checks that this has every route of the
server, with the role that the server asks for.
"""
import audio
import jobs
import openapi
import pytest
from people import (ROLES, default_workspace, make_token, make_user, make_workspace, member,
                    webhook_ids)
from server import Server, expect_problem

DOCUMENT = openapi.Document(openapi.load())
OPERATIONS = {f"{m.upper()} {p}": (m, p, o) for m, p, o in DOCUMENT.operations()}
GUARDED = {k: v for k, v in OPERATIONS.items() if v[2]["x-role"] != "public"}

THING = audio.wav(seconds=0.05)

# What each route is sent, where the bare route would be refused for another reason.
BODIES = {
    "create_user": {"name": "somebody"},
    "change_user": {"disabled": True},
    "create_token": {"role": "reader"},
    "create_workspace": {"name": "one more"},
    "change_workspace": {},
    "change_upload": {},
    "change_quota": {},
    "check_quota": {"file_size": 1},
    "create_link": {},
    "put_cached_result": {"text": "b"},
    "create_webhook": {"url": "https://hooks.example.org/"},
    "change_webhook": {},
    "begin_chunked_upload": {"filename": "thing.wav", "file_size": len(THING)},
    "create_jobs": {"kind": "a-kind", "upload_id": "01936a1c-2b7e-7c4d-9a10-3f5e6d7c8b9a"},
    "lease_jobs": {"kinds": ["a-kind"]},
    "heartbeat_job": {"lease_token": 1},
    "complete_job": {"lease_token": 1},
    "fail_job": {"lease_token": 1, "error_code": "no_speech"},
}

# The headers without which a route of tus, or of the IETF draft, answers something else.
HEADERS = {
    "create_tus_upload": {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(THING))},
    "head_tus_upload": {"Tus-Resumable": "1.0.0"},
    "append_tus_upload": {"Tus-Resumable": "1.0.0", "Upload-Offset": "0",
                          "Content-Type": "application/offset+octet-stream"},
    "terminate_tus_upload": {"Tus-Resumable": "1.0.0"},
    "append_to_resumable_upload": {"Upload-Offset": "0", "Upload-Complete": "?0",
                                   "Content-Type": "application/partial-upload"},
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Two workspaces with the same kinds of things in them, and somebody of each role in each."""
    folder = tmp_path_factory.mktemp("access")
    with Server(folder / "data", *jobs.configuration(folder), jobs=True) as server:
        operator = server.api()
        workspaces = [default_workspace(operator), make_workspace(operator, "other")]
        yield server, [Side(server, operator, w) for w in workspaces]


class Side:
    def __init__(self, server, operator, workspace):
        self.server, self.operator, self.workspace = server, operator, workspace
        self.people = {role: member(server, role, workspace["id"]) for role in ROLES}

    def upload(self):
        return self.people["writer"].upload(THING, "thing.wav")

    def session(self, whole):
        """The id of a session of one chunk; with WHOLE that is there, and it is finished."""
        writer = self.people["writer"]
        answer = writer.post("/v1/chunked-uploads", json=BODIES["begin_chunked_upload"])
        at = f"/v1/chunked-uploads/{answer.json()['id']}"
        assert not whole or writer.put(f"{at}/chunks/0", data=THING).status_code == 200
        return answer.json()["id"]

    def job(self, name):
        """The id of a job that is as the operation NAME wants it, leased for the first time."""
        writer, record = self.people["writer"], self.upload()
        job, = jobs.ask(writer, "a-job", record["id"])
        if name not in ("get_job", "cancel_job"):
            leased = jobs.lease_of(writer, "a-job", record["id"])
            if name == "retry_job":
                jobs.tell(writer, leased, "fail", error_code="no_speech", retryable=False)
        return job["id"]

    def failed_upload(self):
        record = self.upload()
        leased = jobs.lease_of(self.people["writer"], "every", record["id"])
        jobs.tell(self.people["writer"], leased, "fail", error_code="no_speech", retryable=False)
        return record

    def request(self, who, method, path, operation):
        """Asks for the route with ids of this side's things, made anew so that order is nothing."""
        name = operation["operationId"]
        query, options = {}, {"headers": HEADERS.get(name)}
        operator = who.headers.get("Authorization") == self.operator.headers["Authorization"]
        if "{storage_path}" in path:
            path = path.replace("{storage_path}", self.upload()["storage_path"])
        elif path.startswith("/v1/uploads/{id}"):
            record = self.failed_upload() if name == "retry_upload" else self.upload()
            if name == "undelete_upload":
                self.people["writer"].delete(f"/v1/uploads/{record['id']}")
            if "/chunks/{index}" in path:
                jobs.cut(self.people["writer"], record)
            if path.endswith("/waveform"):
                jobs.analyze(self.people["writer"], record)
            if path.endswith("/results/{kind}"):
                jobs.ask(self.people["writer"], "a-kind", record["id"], options={"cache": False})
                leased = jobs.lease_of(self.people["writer"], "a-kind", record["id"])
                jobs.tell(self.people["writer"], leased, "complete", result={"text": "a"})
            path = path.replace("{id}", record["id"]).replace("{index}", "0")
            path = path.replace("{kind}", "a-kind")
        elif path.startswith("/v1/cache/"):
            content = audio.wav(seconds=0.05, seed=audio.random.getrandbits(30))  # no other side's
            record = self.people["writer"].upload(content)
            at = f"/v1/cache/{record['checksum_sha256']}/transcription"
            assert self.people["writer"].put(at, json={"text": "a"}).status_code == 200
            path = at
        elif path.startswith(("/v1/tus/{id}", "/v1/resumable-uploads/{id}")):
            path = path.replace("{id}", self.session(whole=False))
        elif path.startswith("/v1/chunked-uploads/{id}"):
            path = path.replace("{id}", self.session(whole=name == "complete_chunked_upload"))
            path = path.replace("{index}", "0")
        elif path.startswith("/v1/jobs/{id}"):
            path = path.replace("{id}", self.job(name))
        elif path.startswith("/v1/job-kinds/{kind}"):
            path = path.replace("{kind}", "a-kind")
        elif path.startswith("/v1/users/{id}"):
            path = path.replace("{id}", make_user(self.people["admin"])["id"])
        elif path.startswith("/v1/tokens/{id}"):
            path = path.replace("{id}", make_token(self.people["admin"], "reader")["id"])
        elif path.startswith("/v1/webhooks/{id}"):
            ids = webhook_ids(self.people["admin"], self.workspace["id"], "{delivery_id}" in path)
            path = path.replace("{id}", ids["id"]).replace("{delivery_id}",
                                                           ids.get("delivery_id", ""))
        elif name == "delete_workspace":
            path = path.replace("{id}", make_workspace(self.operator)["id"] if operator
                                else self.workspace["id"])
        else:
            path = path.replace("{id}", self.workspace["id"])
        if operator and any(p["name"] == "workspace_id" for p in DOCUMENT.parameters(operation)):
            query["workspace_id"] = self.workspace["id"]
        if name == "stream_events":
            options["stream"] = True  # it has no end
        if name == "create_upload":
            query["filename"] = "x.wav"
            options["data"] = THING
        elif name in ("put_upload_chunk", "append_tus_upload", "append_to_resumable_upload"):
            options["data"] = THING
        elif name in BODIES:
            options["json"] = dict(BODIES[name])
            if name == "create_jobs":
                options["json"]["upload_id"] = self.upload()["id"]
            if name in ("create_user", "create_workspace"):
                options["json"]["name"] += " " + audio.random.randbytes(6).hex()
        return who.request(method, path, params=query, **options)


def is_let_through(answer, operation):
    """Whoever gets as far as the store is let through: a folder has no archive to restore from."""
    return answer.status_code < 300 or (
        operation["operationId"] == "restore_upload" and answer.status_code == 501)


@pytest.mark.parametrize("route", GUARDED)
@pytest.mark.parametrize("role", ROLES)
def test_roles(world, route, role):
    _, (side, _) = world
    method, path, operation = GUARDED[route]
    answer = side.request(side.people[role], method, path, operation)
    if ROLES.index(role) >= ROLES.index(operation["x-role"]):
        assert is_let_through(answer, operation), f"{answer.status_code} {answer.text}"
        assert str(answer.status_code) in operation["responses"]
    else:
        assert answer.status_code == 403, f"{answer.status_code} {answer.text}"
        assert method == "head" or expect_problem(answer, 403, "forbidden")


@pytest.mark.parametrize("route", GUARDED)
def test_without_a_valid_token(world, route):
    server, (side, _) = world
    method, path, operation = GUARDED[route]
    expired = make_token(side.people["admin"], "reader", name="soon")
    side.people["admin"].delete(f"/v1/tokens/{expired['id']}")
    answers = []
    for token in ("at_" + "x" * 43, "nonsense", expired["token"], None):
        who = server.api(token or "-")
        if token is None:
            del who.headers["Authorization"]
            if route == "GET /metrics":  # callers on this machine need none
                continue
        answer = side.request(who, method, path, operation)
        assert answer.status_code == 401, f"{token}: {answer.status_code} {answer.text}"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        if method != "head":
            problem = expect_problem(answer, 401, "unauthorized")
            answers.append({**problem, "request_id": None})
    assert all(a == answers[0] for a in answers), "the answers differ"


WITH_THINGS = {k: v for k, v in GUARDED.items() if "{" in k and "{kind}" not in k}


@pytest.mark.parametrize("route", WITH_THINGS)
@pytest.mark.parametrize("role", ["reader", "writer", "admin"])
def test_things_of_another_workspace_do_not_exist(world, route, role):
    _, (side, other) = world
    method, path, operation = WITH_THINGS[route]
    if ROLES.index(role) < ROLES.index(operation["x-role"]):
        expected = 403
    else:
        expected = 404
    answer = other.request(side.people[role], method, path, operation)
    assert answer.status_code == expected, f"{answer.status_code} {answer.text}"


IN_A_WORKSPACE = {k: v for k, v in GUARDED.items()
                  if any(p["name"] == "workspace_id" for p in DOCUMENT.parameters(v[2]))
                  and "{" not in k}


@pytest.mark.parametrize("route", IN_A_WORKSPACE)
def test_naming_another_workspace(world, route):
    _, (side, other) = world
    method, path, operation = IN_A_WORKSPACE[route]
    for workspace_id in (other.workspace["id"], "01936a1c-2b7e-7c4d-9a10-3f5e6d7c8b9a", "x"):
        options = {"json": BODIES[operation["operationId"]]} if operation[
            "operationId"] in BODIES else {}
        answer = side.people["admin"].request(method, path, params={
            "workspace_id": workspace_id, **({"filename": "a.wav"} if "create_upload" ==
                                             operation["operationId"] else {})}, **options)
        expect_problem(answer, 404, "not_found")


def test_lists_hold_only_ones_own(world):
    _, (side, other) = world
    side.upload(), other.upload()
    for path in ("/v1/uploads", "/v1/users", "/v1/tokens", "/v1/analytics/usage"):
        for s in (side, other):
            items = s.people["admin"].get_json(path)["items"]
            assert items and {i["workspace_id"] for i in items} == {s.workspace["id"]}
    assert [w["id"] for w in side.people["reader"].get_json("/v1/workspaces")["items"]] == [
        side.workspace["id"]]


def test_same_content_elsewhere_is_not_known(world):
    _, (side, other) = world
    content = audio.wav(seconds=0.3, seed=77)
    first = side.people["writer"].upload(content)
    second = other.people["writer"].upload(content, on_duplicate="reject")
    assert second["duplicate_of"] is None and second["storage_path"] != first["storage_path"]
    found = other.people["reader"].get_json(
        f"/v1/uploads?sha256={first['checksum_sha256']}")["items"]
    assert [r["id"] for r in found] == [second["id"]]


def test_permanent_delete_is_for_admins(world):
    _, (side, _) = world
    record = side.upload()
    path = f"/v1/uploads/{record['id']}?permanent=true"
    expect_problem(side.people["writer"].delete(path), 403, "forbidden")
    assert side.people["admin"].delete(path).status_code == 204


def test_operator_must_name_one_of_several_workspaces(world):
    _, (side, _) = world
    expect_problem(side.operator.get("/v1/uploads"), 400, "invalid_request")


def test_operator_means_the_only_workspace(server, api):
    assert api.upload(audio.wav())["workspace_id"] == default_workspace(api)["id"]


@pytest.mark.parametrize("value", ["Bearer", "Bearer ", "Basic YTpi", "bearer", "Bearer a b"])
def test_malformed_authorization(world, value):
    _, (side, _) = world
    api = side.people["reader"]
    expect_problem(api.get("/v1/uploads", headers={"Authorization": value}), 401, "unauthorized")


def test_scheme_without_case(world):
    _, (side, _) = world
    token = make_token(side.people["admin"], "reader")["token"]
    answer = side.people["reader"].get("/v1/uploads", headers={"Authorization": f"bEARER {token}"})
    assert answer.status_code == 200
