"""openapi.json: valid, complete as to codes, and every example in it played against a server."""
import copy

import audio
import jobs
import jsonschema
import openapi
import pytest
from people import default_workspace, make_token, make_user, webhook_ids
from server import Server

DOCUMENT = openapi.Document(openapi.load())
OPERATIONS = list(DOCUMENT.operations())
NAMES = [o["operationId"] for _, _, o in OPERATIONS]
CHUNK = 256 << 10
TWO_CHUNKS = audio.wav_of_bytes(300_000)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("openapi")
    with Server(folder / "data", *jobs.configuration(folder), jobs=True) as server:
        yield server, server.api()


def test_served_as_it_stands(world):
    server, api = world
    assert api.get_json("/openapi.json") == DOCUMENT.document


def walk(node, path="#"):
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from walk(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from walk(value, f"{path}/{index}")


def test_references_lead_somewhere_and_components_are_used():
    used = set()
    for path, node in walk(DOCUMENT.document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            DOCUMENT.resolve(node)
            used.add(node["$ref"])
    for kind in ("parameters", "schemas", "responses"):
        for name in DOCUMENT.document["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, name


def test_schemas_are_schemas():
    for name, schema in DOCUMENT.document["components"]["schemas"].items():
        jsonschema.Draft202012Validator.check_schema(schema)
        for example in schema.get("examples", []):
            validate(example, name)


def validate(value, name):
    validator = jsonschema.Draft202012Validator(
        DOCUMENT.schema(name), format_checker=jsonschema.FormatChecker())
    errors = [f"{'/'.join(map(str, e.path))}: {e.message}" for e in validator.iter_errors(value)]
    assert not errors, errors


def test_operations_are_whole():
    assert len(NAMES) == len(set(NAMES))
    for method, path, operation in OPERATIONS:
        assert operation["summary"] and operation["x-role"] and operation["tags"], path
        places = {p["name"] for p in DOCUMENT.parameters(operation) if p["in"] == "path"}
        assert places == {part.strip("{}") for part in path.split("/") if part.startswith("{")}
        assert "default" in operation["responses"]
        assert any(s.startswith("2") for s in operation["responses"])


def things(api, operation, path):
    """Ids of real things for the parameters in the path."""
    if path.startswith("/v1/jobs/{id}"):
        return {"id": make_job(api, operation["operationId"])}
    if path.startswith("/v1/job-kinds/{kind}"):
        return {"kind": "seldom"}
    if operation["operationId"] == "retry_upload":
        return {"id": make_failed_upload(api)}
    if "{storage_path}" in path or path.startswith("/v1/uploads/{id}"):
        record = api.upload(audio.wav(seconds=1), "interview.wav")
        if "/chunks/{index}" in path:
            jobs.cut(api, record)
        if path.endswith("/waveform"):
            jobs.analyze(api, record)
        if "/results" in path:
            jobs.ask(api, "a-kind", record["id"], options={"cache": False})
            jobs.tell(api, jobs.lease_of(api, "a-kind", record["id"]), "complete",
                      result={"text": "a", "segments": [{"start": 0, "end": 1}]})
        return {"id": record["id"], "kind": "a-kind", "storage_path": record["storage_path"], "index": "0"}
    if path.startswith("/v1/cache/"):
        record = api.upload(audio.wav(seconds=1), "interview.wav")
        at = f"/v1/cache/{record['checksum_sha256']}/transcription"
        options = next(p["example"] for p in DOCUMENT.parameters(operation) if p["name"] == "options")
        assert api.put(at, params={"options": options}, json={"text": "Good morning."}).status_code == 200
        return {"file_hash": record["checksum_sha256"], "cache_type": "transcription"}
    if path.startswith("/v1/tus/{id}"):
        return {"id": begin_session(api, whole=False)}
    if path.startswith("/v1/chunked-uploads/{id}"):
        return {"id": begin_session(api, whole=path.endswith("/complete")), "index": "0"}
    if path.startswith("/v1/resumable-uploads/{id}"):
        return {"id": begin_session(api, whole=False)}
    if path.startswith("/v1/users/"):
        return {"id": make_user(api, default_workspace(api)["id"])["id"]}
    if path.startswith("/v1/tokens/"):
        workspace_id = default_workspace(api)["id"]
        return {"id": make_token(api, "reader", workspace_id, name="an example")["id"]}
    if path.startswith("/v1/webhooks/"):
        return webhook_ids(api, default_workspace(api)["id"], "{delivery_id}" in path)
    if operation["operationId"] == "delete_workspace":
        return {"id": api.post("/v1/workspaces", json={"name": "to be removed"}).json()["id"]}
    return {"id": default_workspace(api)["id"]}


def make_job(api, name):
    """The id of a job that is as the operation NAME wants it, leased for the first time."""
    record = api.upload(audio.wav(seconds=1), "interview.wav")
    job, = jobs.ask(api, "an-example", record["id"], options={"cache": False})
    if name not in ("get_job", "cancel_job"):
        leased = jobs.lease_of(api, "an-example", record["id"])
        if name == "retry_job":
            jobs.tell(api, leased, "fail", error_code="no_speech", retryable=False)
    return job["id"]


def make_failed_upload(api):
    record = api.upload(audio.wav(seconds=1), "interview.wav")
    leased = jobs.lease_of(api, "every", record["id"])
    jobs.tell(api, leased, "fail", error_code="no_speech", retryable=False)
    return record["id"]


def begin_session(api, whole):
    """The id of a session of two chunks; with WHOLE both are there, and it is finished."""
    wish = {"filename": "interview.wav", "file_size": len(TWO_CHUNKS), "chunk_size": CHUNK}
    at = f"/v1/chunked-uploads/{api.post('/v1/chunked-uploads', json=wish).json()['id']}"
    for index in range(2 if whole else 0):
        chunk = TWO_CHUNKS[index * CHUNK:(index + 1) * CHUNK]
        assert api.put(f"{at}/chunks/{index}", data=chunk).status_code == 200
    return at.rsplit("/", 1)[1]


def ask(api, method, path, operation, **options):
    query = {p["name"]: p["example"] for p in DOCUMENT.parameters(operation)
             if p["in"] == "query" and "example" in p}
    if any(p["name"] == "workspace_id" for p in DOCUMENT.parameters(operation)):
        query["workspace_id"] = default_workspace(api)["id"]
    for name, value in things(api, operation, path).items():
        path = path.replace("{" + name + "}", value)
    return api.request(method, path, params=query, **options)


def examples():
    for method, path, operation in OPERATIONS:
        name = operation["operationId"]
        content = operation.get("requestBody", {}).get("content", {})
        if "application/json" not in content:
            yield pytest.param(method, path, operation, None, id=name)
        for key, example in content.get("application/json", {}).get("examples", {}).items():
            yield pytest.param(method, path, operation, example, id=f"{name}-{key}")


@pytest.mark.parametrize("method, path, operation, example", examples())
def test_example(world, method, path, operation, example):
    server, api = world
    options = {"json": dict(example["value"])} if example else {}
    if operation["operationId"] == "create_jobs" and "x-status" not in example:
        options["json"]["upload_id"] = api.upload(audio.wav(seconds=1))["id"]
    if operation["operationId"] == "create_upload":
        options["data"] = audio.wav(seconds=1, seed=42)
    if operation["operationId"] == "put_upload_chunk":
        options["data"] = TWO_CHUNKS[:CHUNK]
    if path.startswith("/v1/tus"):
        options["headers"] = {"Tus-Resumable": "1.0.0"}
    if operation["operationId"] == "create_tus_upload":
        options["headers"]["Upload-Length"] = "1000"
    if operation["operationId"] == "append_tus_upload":
        options["headers"].update({"Upload-Offset": "0",
                                   "Content-Type": "application/offset+octet-stream"})
        options["data"] = TWO_CHUNKS[:CHUNK]
    if operation["operationId"] == "append_to_resumable_upload":
        options["headers"] = {"Upload-Offset": "0", "Upload-Complete": "?0",
                              "Content-Type": "application/partial-upload"}
        options["data"] = TWO_CHUNKS[:CHUNK]
    if operation["operationId"] == "stream_events":
        options["stream"] = True  # it has no end
    answer = ask(api, method, path, operation, **options)
    success = operation.get("x-status", min(s for s in operation["responses"] if s.startswith("2")))
    if operation["operationId"] == "create_upload":
        success = "201"
    if operation["operationId"] == "append_to_resumable_upload":
        success = "204"
    expected = str((example or {}).get("x-status", success))
    assert str(answer.status_code) == expected, f"{answer.status_code} {answer.text}"
    response = DOCUMENT.responses(operation)[expected]
    if example and "x-code" in example:
        assert answer.json()["code"] == example["x-code"]
    check_answer(answer, response, method)


def check_answer(answer, response, method):
    contents = response.get("content", {})
    for header in response.get("headers", {}):
        assert header in answer.headers
    if method == "head" or not contents:
        assert answer.content == b""
        return
    kind = answer.headers["Content-Type"].split(";")[0]
    assert kind in contents or f"{kind.split('/')[0]}/*" in contents
    if kind.endswith("json") and "$ref" in contents[kind]["schema"]:
        name = contents[kind]["schema"]["$ref"].rsplit("/", 1)[1]
        validate(answer.json(), name)
        for shown in DOCUMENT.document["components"]["schemas"][name].get("examples", []):
            assert_same_shape(shown, answer.json())


def assert_same_shape(shown, answered):
    """The example tells the truth: members are those of the answer, in the same order."""
    if isinstance(shown, dict) and isinstance(answered, dict):
        if shown.keys() & {"tags", "container"} or not shown:
            return  # metadata: whatever is in the file
        assert list(shown) == list(answered)
        for key in shown:
            assert_same_shape(shown[key], answered[key])
    elif isinstance(shown, list) and isinstance(answered, list) and shown and answered:
        assert_same_shape(shown[0], answered[0])


def test_problems_of_any_route_are_listed(world):
    """A protocol refusal is one of the codes under `default`."""
    server, api = world
    codes = copy.copy(DOCUMENT.codes(next(o for _, _, o in OPERATIONS)))
    for answer in (api.get("/nothing"), api.put("/v1/uploads"), api.get("/v1/uploads?%zz"),
                   api.get("/" + "x" * 100_000)):
        assert ("default", answer.json()["code"]) in codes, answer.text
