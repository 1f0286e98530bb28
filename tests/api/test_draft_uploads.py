"""
draft-ietf-httpbis-resumable-upload over raw HTTP: every MUST that it lays on a server, for each
interop version. "4.4.2" in a comment is that section of draft -12; "v6" is said where draft -05 asks
for something else.
"""
import itertools

import audio
import pytest
from draft import AT, PARTIAL, Client, check_problem, digest, limits
from http_raw import chunked
from people import make_token, make_workspace
from server import Server, largest_file, wait_until

VERSIONS = (6, 7, 8)
STRANGERS = (None, 5, 9, -1, "x", "8, 8", '"8"')
DATA = audio.wav_of_bytes(300_000)
NOBODY = AT + "01936a1c-2b7e-7c4d-9a10-3f5e6d7c8b9a"
MIB = 1 << 20
_seeds = itertools.count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("draft") / "data") as running:
        yield running
        running.verify()


@pytest.fixture
def workspace(server):
    """One of the test's own, so that lists, quotas and duplicates are its alone."""
    return make_workspace(server.api())["id"]


@pytest.fixture
def token(server, workspace):
    return make_token(server.api(), "writer", workspace)["token"]


@pytest.fixture
def api(server, token):
    return server.api(token)


@pytest.fixture(params=VERSIONS)
def client(request, server, token):
    return Client(server, request.param, token)


@pytest.fixture
def latest(server, token):
    return Client(server, VERSIONS[-1], token)


def sessions(api):
    return api.get_json("/v1/chunked-uploads")["items"]


def begun(client, body=b"", **headers):
    """The URL of a new upload that goes on."""
    answer = client.create(body, **headers)
    assert (answer.status, answer["Upload-Complete"]) == (201, "?0"), answer.body
    return answer["Location"]


def wait_for_offset(api, url, offset):
    """Waits until so much is durable, without cutting off whoever is at it as HEAD does."""
    wait_until(lambda: api.get_json(url)["offset"] == offset, what=f"offset {offset}")


def check_stored(api, answer, data=DATA):
    """The answer is that of a plain upload of DATA (4.2.2, 4.4.2)."""
    assert answer.status == 201, answer.body
    assert answer["Upload-Complete"] == "?1"
    assert answer["Upload-Offset"] == str(len(data))
    assert answer["Repr-Digest"] == digest(data)
    assert answer["Location"] == f"/v1/uploads/{answer.json['id']}"
    assert api.get(answer["Location"] + "/content").content == data
    assert api.get_json(answer["Location"]) == answer.json
    return answer.json


# ---- 4.2, creation ----

def test_creation_of_the_whole(client, api):
    answer = client.create(DATA, "?1", Content_Type="audio/wav")
    record = check_stored(api, answer)
    first = answer.interim[0]
    # Appendix "Draft Version Identification": the version, in each 104
    assert (first.status, first["Upload-Draft-Interop-Version"]) == (104, str(client.version))
    assert first["Location"].startswith(AT)  # 4.2.2
    assert limits(first)["min-size"] == 1
    assert len(answer.interim) == 1
    head = client.head(first["Location"])
    assert (head["Upload-Offset"], head["Upload-Complete"]) == (str(len(DATA)), "?1")
    assert head["Content-Location"] == f"/v1/uploads/{record['id']}"
    assert api.get_json(first["Location"])["protocol"] == "draft"


@pytest.mark.parametrize("data", [DATA, audio.wav_of_bytes(2000)], ids=["large", "small"])
def test_104_comes_before_the_content_is_sent(client, api, data):
    exchange = client.begin("POST", "/v1/uploads", len(data), Upload_Complete="?1")
    interim = exchange.next_interim(104)
    assert client.version == int(interim["Upload-Draft-Interop-Version"])
    assert api.get_json(interim["Location"])["status"] == "initiated"
    check_stored(api, exchange.send(data).finish(), data)


def test_100_is_not_left_out_because_of_104(client, api):
    """Section 5."""
    exchange = client.begin("POST", "/v1/uploads", len(DATA), Upload_Complete="?1",
                            Expect="100-continue")
    exchange.next_interim(104)
    exchange.next_interim(100)
    check_stored(api, exchange.send(DATA).finish())


@pytest.mark.parametrize("version", STRANGERS)
def test_strangers_get_a_plain_upload(server, api, token, version):
    """Appendix: no 104 where the version is missing or another; 12.1.1: it is then a plain upload."""
    client = Client(server, version, token)
    answer = client.create(DATA, "?1", target="/v1/uploads?filename=a.wav")
    assert (answer.status, answer.interim, answer["Upload-Complete"]) == (201, [], None)
    check_problem(client.create(DATA, "?1"), 400, "invalid_filename")
    assert sessions(api) == []


@pytest.mark.parametrize("version", STRANGERS)
def test_strangers_can_upload_in_parts(server, api, token, version):
    """What says that it is not all is never taken for all; and no 104 is sent."""
    client = Client(server, version, token)
    answer = client.create(DATA[:1000])
    assert (answer.status, answer.interim, answer["Upload-Complete"]) == (201, [], "?0")
    answer = client.patch(answer["Location"], 1000, DATA[1000:], "?1")
    check_stored(api, answer)
    assert answer.interim == []


def test_no_interim_answer_for_http_1_0(server, api, token):
    answer = Client(server, 8, token, http="1.0").create(DATA, "?1")
    assert answer.interim == []
    check_stored(api, answer)


@pytest.mark.parametrize("value", ["1", "true", "?2", "?1, ?1", "", '"?1"', None])
def test_malformed_completeness_is_ignored(latest, api, value):
    """4.1.2: and so the request is no creation."""
    answer = latest.create(DATA, value, target="/v1/uploads?filename=a.wav")
    assert (answer.status, answer.interim, answer["Upload-Complete"]) == (201, [], None)
    assert sessions(api) == []


@pytest.mark.parametrize("size", [0, 1, 1000, len(DATA)])
def test_creation_of_a_part(client, api, size):
    answer = client.create(DATA[:size], "?0", Upload_Length=len(DATA))
    assert answer.status == 201 and answer.body == b""
    assert answer["Location"].startswith(AT) and limits(answer)  # 4.2.2
    # v6 asks for both of these
    assert (answer["Upload-Complete"], answer["Upload-Offset"]) == ("?0", str(size))
    assert [i["Location"] for i in answer.interim] == [answer["Location"]]  # all the same
    # 4.1.3: what stands at its length is not complete before the client says so
    assert client.offset(answer["Location"]) == (size, False)
    assert client.head(answer["Location"])["Upload-Length"] == str(len(DATA))
    check_stored(api, client.patch(answer["Location"], size, DATA[size:], "?1"))


@pytest.mark.parametrize("complete, length, body", [
    ("?1", 999, 1000), ("?1", 1001, 1000), ("?0", 999, 1000), ("?1", 0, 1000)])
def test_lengths_that_differ(client, api, complete, length, body):
    """4.1.3, and v6: 400."""
    answer = client.create(DATA[:body], complete, Upload_Length=length)
    check_problem(answer, 400, "inconsistent_length", "inconsistent-upload-length")
    assert answer.interim == [] and sessions(api) == []


@pytest.mark.parametrize("value", ["-5", "1.5", "x", "1, 2", '"5"', "", "9" * 25 + "x"])
def test_malformed_length_is_refused(client, api, value):
    """Who tells a length relies on it: it must not get lost."""
    for complete in ("?0", "?1"):
        answer = client.create(DATA[:1000], complete, Upload_Length=value)
        check_problem(answer, 400, "invalid_request")
        assert answer.interim == [] and sessions(api) == []
    url = begun(client, DATA[:1000])
    check_problem(client.patch(url, 1000, DATA[1000:], Upload_Length=value), 400, "invalid_request")
    assert client.offset(url) == (1000, False)


@pytest.mark.parametrize("value", [10 ** 15, 2 ** 63 - 1, 2 ** 64 - 1, "9" * 25])
def test_length_that_is_too_large(client, server, api, value, workspace):
    """Longer than a structured integer (RFC 9651) can be, too."""
    server.api().put(f"/v1/workspaces/{workspace}/quota",
                     json={"max_file_size": 10 ** 14}).raise_for_status()
    check_problem(client.create(DATA[:1000], Upload_Length=value), 413, "file_too_large")
    assert sessions(api) == []
    url = begun(client, DATA[:1000])
    check_problem(client.patch(url, 1000, DATA[1000:], Upload_Length=value), 413, "file_too_large")
    assert client.offset(url) == (1000, False)
    check_stored(api, client.patch(url, 1000, DATA[1000:], "?1"))


def test_an_empty_upload_is_refused(client, api):
    """4.1.4: min-size says so."""
    check_problem(client.create(b"", "?1"), 400, "empty_file")
    check_problem(client.create(b"", "?0", Upload_Length=0), 400, "empty_file")
    url = begun(client)
    check_problem(client.patch(url, 0, b"", "?1"), 400, "empty_file")
    assert client.offset(url) == (0, False)


def test_length_that_is_known_at_the_end(client, api):
    exchange = client.begin("POST", "/v1/uploads", Upload_Complete="?1",
                            Transfer_Encoding="chunked")
    url = exchange.next_interim(104)["Location"]
    assert api.get_json(url)["file_size"] is None
    check_stored(api, exchange.send(chunked(DATA[:7], DATA[7:])).finish())
    assert client.head(url)["Upload-Length"] == str(len(DATA))


@pytest.mark.parametrize("target, disposition, name", [
    ("/v1/uploads?filename=a.wav", None, "a.wav"),
    ("/v1/uploads?filename=a.wav", 'inline; filename="b.wav"', "a.wav"),
    ("/v1/uploads", "inline; filename*=UTF-8''caf%C3%A9.wav", "caf\u00e9.wav"),
    ("/v1/uploads", "inline", "upload"),
    ("/v1/uploads", None, "upload")])
def test_names(latest, target, disposition, name):
    answer = latest.create(DATA, "?1", target, Content_Disposition=disposition)
    assert answer.json["original_filename"] == name


def test_forms_come_whole(latest, api):
    body = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n' + DATA +
            b"\r\n--b--\r\n")
    kind = "multipart/form-data; boundary=b"
    answer = latest.create(body, "?1", Content_Type=kind)
    assert (answer.status, answer.interim, answer["Upload-Complete"]) == (201, [], None)
    check_problem(latest.create(body, "?0", Content_Type=kind), 415, "unsupported_media_type")
    assert sessions(api) == []


def test_refused_before_anything_is_sent(client, api, server, workspace):
    def refusal(status, code, length=1000, **headers):
        exchange = client.begin("POST", "/v1/uploads", length, Upload_Complete="?1",
                                Expect="100-continue", **headers)
        answer = exchange.finish()
        check_problem(answer, status, code)
        assert answer.interim == []
        return answer

    refusal(415, "not_audio", Content_Type="text/html")
    refusal(415, "unsupported_media_type", Content_Encoding="gzip")
    refusal(400, "invalid_request", Content_Digest="sha-256=:AAAA:")
    refusal(400, "invalid_filename", Content_Disposition='inline; filename=""')
    answer = refusal(413, "file_too_large", length=10 ** 17)
    assert limits(answer)["max-size"] == min(10 ** 15 - 1, largest_file(client.server))  # 4.1.4: on every 413
    server.api().put(f"/v1/workspaces/{workspace}/quota",
                     json={"max_storage_bytes": 999}).raise_for_status()
    refusal(403, "quota_storage_exceeded")
    client.token = make_token(server.api(), "reader", workspace)["token"]
    refusal(403, "forbidden")
    client.token = "at_nobody"
    refusal(401, "unauthorized")
    assert sessions(api) == []


def test_413_tells_what_the_workspace_takes(client, server, workspace):
    server.api().put(f"/v1/workspaces/{workspace}/quota",
                     json={"max_file_size": 5000}).raise_for_status()
    answer = client.create(DATA, "?1")
    check_problem(answer, 413, "file_too_large")
    assert limits(answer)["max-size"] == 5000
    url = begun(client)
    answer = client.patch(url, 0, DATA, "?1")
    check_problem(answer, 413, "file_too_large")
    assert limits(answer)["max-size"] == 5000


def test_idempotency_key(client, api):
    """A creation of which the client has lost all answers is repeated, and goes on."""
    key = f"key-{client.version}"
    exchange = client.begin("POST", "/v1/uploads", len(DATA), Upload_Complete="?1",
                            Idempotency_Key=key)
    url = exchange.next_interim(104)["Location"]
    exchange.send(DATA[:100_000]).close()
    wait_for_offset(api, url, 100_000)
    first = client.create(DATA, "?1", Idempotency_Key=key)
    again = client.create(DATA, "?1", Idempotency_Key=key)
    assert [a.interim[0]["Location"] for a in (first, again)] == [url, url]
    assert check_stored(api, first) == check_stored(api, again)
    assert len(sessions(api)) == 1


def test_operators_stay_in_the_workspace_they_named(server, api, workspace):
    client = Client(server)
    answer = client.create(DATA[:9], target=f"/v1/uploads?workspace_id={workspace}")
    url = answer["Location"]
    assert url.endswith(f"?workspace_id={workspace}")
    check_stored(api, client.patch(url, 9, DATA[9:], "?1"))


# ---- 4.1.4, limits ----

@pytest.mark.parametrize("target", ["/v1/uploads", NOBODY])
def test_options(client, target):
    client.token = "at_nobody"  # whoever asks
    answer = client.ask("OPTIONS", target)
    assert answer.status == 204 and answer["Accept-Patch"] == PARTIAL
    age = "expires" if client.version == 6 else "max-age"  # v6
    assert limits(answer) == {"min-size": 1, "max-size": min(10 ** 15 - 1, largest_file(client.server)),
                              age: 86400}
    method = "POST" if target == "/v1/uploads" else "PATCH"
    assert {method, "OPTIONS", "HEAD"} <= set(answer["Allow"].split(", "))


def test_remaining_lifetime(client):
    url = begun(client, DATA[:100])
    age = "expires" if client.version == 6 else "max-age"
    assert 86000 < limits(client.head(url))[age] <= 86400


# ---- 4.3, offset retrieval ----

def test_head(client):
    url = begun(client, DATA[:1000], Upload_Length=len(DATA))
    answer = client.head(url)
    assert answer.status == 204
    assert answer["Upload-Offset"] == "1000"
    assert answer["Upload-Complete"] == "?0"
    assert answer["Upload-Length"] == str(len(DATA))
    assert limits(answer)["min-size"] == 1
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("field", ["Upload_Offset", "Upload_Complete", "Upload_Length"])
def test_state_in_requests_that_have_none(client, field):
    """v6: refused in HEAD, and but for the length in DELETE."""
    url = begun(client)
    value = "?0" if field == "Upload_Complete" else 0
    assert client.head(url, **{field: value}).status == (400 if client.version == 6 else 204)
    refused = client.version == 6 and field != "Upload_Length"
    assert client.ask("DELETE", url, **{field: value}).status == (400 if refused else 204)


@pytest.mark.parametrize("method", ["HEAD", "GET", "PATCH", "DELETE"])
def test_what_is_not_there(client, server, latest, method):
    """404 to whoever asks for nothing, or for what is another's."""
    foreign = begun(Client(server), target="/v1/uploads?workspace_id=" +
                    make_workspace(server.api())["id"]).split("?")[0]
    headers = {"Upload_Offset": 0, "Upload_Complete": "?0",
               "Content_Type": PARTIAL} if method == "PATCH" else {}
    for url in (NOBODY, foreign, AT + "x"):
        assert client.ask(method, url, **headers).status == 404


@pytest.mark.parametrize("method", ["HEAD", "PATCH", "DELETE"])
def test_readers_may_not_cut_off_anybody(client, server, workspace, method):
    url = begun(client)
    client.token = make_token(server.api(), "reader", workspace)["token"]
    assert client.ask(method, url).status == 403
    assert client.ask("GET", url).json["status"] == "initiated"


# ---- 4.4, append ----

def test_append(client, api):
    url = begun(client, DATA[:1000])
    answer = client.patch(url, 1000, DATA[1000:5000])
    assert answer.status == (201 if client.version == 6 else 204)  # v6
    assert (answer["Upload-Complete"], answer["Upload-Offset"]) == ("?0", "5000")
    assert answer.body == b"" and answer["Location"] is None and answer.interim == []
    assert client.offset(url) == (5000, False)
    assert client.head(url)["Upload-Length"] is None
    answer = client.patch(url, 5000, DATA[5000:], "?1")
    check_stored(api, answer)
    assert client.offset(url) == (len(DATA), True)


def test_complete_without_content(client, api):
    url = begun(client, DATA)
    check_stored(api, client.patch(url, len(DATA), b"", "?1"))


@pytest.mark.parametrize("change, status, code", [
    ({"Content_Type": None}, 415, "unsupported_media_type"),
    ({"Content_Type": "application/octet-stream"}, 415, "unsupported_media_type"),
    ({"Content_Type": "application/offset+octet-stream"}, 415, "unsupported_media_type"),
    ({"Content_Encoding": "gzip"}, 415, "unsupported_media_type"),
    ({"Upload_Offset": None}, 400, "invalid_request"),
    ({"Upload_Offset": "-1"}, 400, "invalid_request"),
    ({"Upload_Offset": "0.0"}, 400, "invalid_request"),
    ({"Upload_Offset": "0, 0"}, 400, "invalid_request"),
    ({"Upload_Offset": "1000000000000000"}, 400, "invalid_request"),
    ({"Upload_Complete": None}, 400, "invalid_request"),
    ({"Upload_Complete": "1"}, 400, "invalid_request"),
    ({"Content_Digest": "sha-256=:AAAA:"}, 400, "invalid_request")])
def test_malformed_appends(client, change, status, code):
    url = begun(client)
    answer = client.patch(url, 0, DATA[:100], **change)
    check_problem(answer, status, code)
    if "Content_Type" in change:
        assert answer["Accept-Patch"] == PARTIAL
    assert client.offset(url) == (0, False)


@pytest.mark.parametrize("field, values, form", [
    ("Upload_Offset", ("-1", "5000.0", "9" * 20), "a number of bytes"),
    ("Upload_Complete", ("1", "true", "?2"), "?0 or ?1")])
def test_what_is_malformed_is_not_called_missing(latest, field, values, form):
    url, name = begun(latest), field.replace("_", "-")
    for value in values:
        problem = check_problem(latest.patch(url, 0, DATA[:100], **{field: value}), 400,
                                "invalid_request")
        assert problem["detail"] == f"{name} must be {form}"
    problem = check_problem(latest.patch(url, 0, DATA[:100], **{field: None}), 400,
                            "invalid_request")
    assert problem["detail"] == f"an append needs {name}, which is {form}"


def test_parameters_are_nothing_to_stumble_over(client, api):
    """RFC 9651 section 3.3: items may have them."""
    url = client.create(DATA[:10], "?0;a=1")["Location"]
    answer = client.patch(url, "10;b", DATA[10:], "?1; c=?0", Content_Type=PARTIAL + "; d=e")
    check_stored(api, answer)


@pytest.mark.parametrize("provided", [0, 999, 1001, 10 ** 15 - 1])
def test_wrong_offset(client, api, provided):
    url = begun(client, DATA[:1000], Upload_Length=len(DATA))
    answer = client.patch(url, provided, DATA[1000:], "?1")
    problem = check_problem(answer, 409, "offset_mismatch", "mismatching-upload-offset")
    assert answer["Upload-Offset"] == "1000"
    assert (problem["expected-offset"], problem["provided-offset"]) == (1000, provided)  # 7.1
    assert client.offset(url) == (1000, False)
    check_stored(api, client.patch(url, 1000, DATA[1000:], "?1"))


def test_append_to_what_is_complete(client):
    """Rejected, and nothing changes."""
    answer = client.create(DATA, "?1")
    url, record = answer.interim[0]["Location"], answer.json
    with_content = client.patch(url, len(DATA), b"more", "?1")
    if client.version == 6:  # v6 knows the one type alone
        check_problem(with_content, 400, "upload_completed", "completed-upload")
    else:
        check_problem(with_content, 400, "inconsistent_length", "inconsistent-upload-length")
    empty = client.patch(url, len(DATA), b"", "?1")
    check_problem(empty, 400, "upload_completed", "completed-upload")
    elsewhere = client.patch(url, 0, DATA, "?1")
    check_problem(elsewhere, 409, "offset_mismatch", "mismatching-upload-offset")
    for answer in (with_content, empty, elsewhere):
        assert (answer["Upload-Complete"], answer["Upload-Offset"]) == ("?1", str(len(DATA)))
    assert empty["Content-Location"] == f"/v1/uploads/{record['id']}"
    assert client.offset(url) == (len(DATA), True)


@pytest.mark.parametrize("complete, more, length", [
    ("?1", 1, None), ("?1", -1, None), ("?0", 1, None), ("?1", 0, len(DATA) + 1),
    ("?0", 0, len(DATA) - 1)])
def test_appends_of_another_length(client, api, complete, more, length):
    """4.1.3: what is told twice must be the same; a refusal known from the head takes nothing."""
    url = begun(client, DATA[:1000], Upload_Length=len(DATA))
    body = (DATA + b"x")[1000:len(DATA) + more]
    answer = client.patch(url, 1000, body, complete, Upload_Length=length)
    check_problem(answer, 400, "inconsistent_length", "inconsistent-upload-length")
    assert client.offset(url) == (1000, False)
    check_stored(api, client.patch(url, 1000, DATA[1000:], "?1", Upload_Length=len(DATA)))


def test_the_last_append_tells_the_length(client, api):
    """4.1.3: recorded, even if that append breaks off."""
    url = begun(client, DATA[:1000])
    exchange = client.begin_patch(url, 1000, len(DATA) - 1000, "?1")
    exchange.send(DATA[1000:2000]).close()
    wait_for_offset(api, url, 2000)
    assert client.offset(url) == (2000, False)
    assert client.head(url)["Upload-Length"] == str(len(DATA))
    answer = client.patch(url, 2000, DATA[2000:-1], "?1")
    check_problem(answer, 400, "inconsistent_length", "inconsistent-upload-length")
    check_stored(api, client.patch(url, 2000, DATA[2000:], "?1"))


def append_chunked(client, url, offset, body, complete):
    exchange = client.begin_patch(url, offset, None, complete, Transfer_Encoding="chunked")
    return exchange.try_send(chunked(body)).finish()


@pytest.mark.parametrize("complete", ["?0", "?1"])
def test_more_than_the_length(client, api, complete):
    """4.4.2: it is not enough to look at Content-Length. From then on the upload is of no use; v6
    stops where it ends."""
    url = begun(client, DATA[:1000], Upload_Length=2000)
    answer = append_chunked(client, url, 1000, DATA[1000:2001], complete)
    check_problem(answer, 400, "inconsistent_length", "inconsistent-upload-length")
    if client.version == 6:
        assert client.offset(url)[0] <= 2000
        return
    assert client.head(url).status == 400
    check_problem(client.patch(url, 1000, DATA[1000:2000], "?1"), 400, "inconsistent_length",
                  "inconsistent-upload-length")
    assert api.get_json(url)["error_code"] == "inconsistent_length"


def test_less_than_the_length(client, api):
    url = begun(client, DATA[:1000], Upload_Length=len(DATA))
    answer = append_chunked(client, url, 1000, DATA[1000:-1], "?1")
    check_problem(answer, 400, "inconsistent_length", "inconsistent-upload-length")
    assert (answer["Upload-Offset"], answer["Upload-Complete"]) == (str(len(DATA) - 1), "?0")
    check_stored(api, client.patch(url, len(DATA) - 1, DATA[-1:], "?1"))


def test_broken_creation_goes_on(client, api):
    """4.2.2: what has come stays, and is not complete."""
    exchange = client.begin("POST", "/v1/uploads", len(DATA), Upload_Complete="?1")
    url = exchange.next_interim(104)["Location"]
    exchange.send(DATA[:123_456]).close()
    wait_for_offset(api, url, 123_456)
    assert client.offset(url) == (123_456, False)
    check_stored(api, client.patch(url, 123_456, DATA[123_456:], "?1"))


def test_broken_append_goes_on(client, api):
    url = begun(client)
    for start, end in ((0, 1), (1, 100_000), (100_000, 299_999)):
        exchange = client.begin_patch(url, start, len(DATA) - start, "?1")
        exchange.send(DATA[start:end]).close()
        wait_for_offset(api, url, end)
    check_stored(api, client.patch(url, 299_999, DATA[299_999:], "?1"))


# ---- 4.5, cancellation; 4.6, concurrency ----

def test_delete(client, api):
    url = begun(client, DATA[:1000])
    assert client.ask("DELETE", url).status == 204
    assert client.head(url).status == 404
    check_problem(client.patch(url, 1000, DATA[1000:], "?1"), 404, "not_found")
    check_problem(client.ask("DELETE", url), 404, "not_found")
    assert sessions(api) == []


def hanging(client, url=None):
    """A creation or append that has sent 1000 bytes and hangs; and the upload's URL."""
    if url:
        exchange = client.begin_patch(url, 0, len(DATA), "?1")
    else:
        exchange = client.begin("POST", "/v1/uploads", len(DATA), Upload_Complete="?1")
        url = exchange.next_interim(104)["Location"]
    exchange.send(DATA[:1000])
    return exchange, url


@pytest.mark.parametrize("kind", ["creation", "append"])
def test_head_takes_over(client, api, kind):
    """And the offset it tells is taken: 4.6. What the cut request had brought is not lost."""
    exchange, url = hanging(client, begun(client) if kind == "append" else None)
    wait_until(lambda: busy(client.server) >= 1)
    offset, complete = client.offset(url)
    assert not complete and offset in (0, 1000)
    check_problem(exchange.finish(), 409, "superseded")
    check_stored(api, client.patch(url, offset, DATA[offset:], "?1"))


def busy(server):
    """How many bodies are being received."""
    text = server.api().get("/metrics").text
    return next(float(line.split()[-1]) for line in text.splitlines()
                if line.startswith("audiotricks_http_bodies_active"))


def test_what_the_cut_request_brought_is_there(client):
    exchange, url = hanging(client)
    wait_until(lambda: busy(client.server) >= 1)
    assert client.offset(url) == (1000, False)
    exchange.close()


def test_append_takes_over(client, api):
    exchange, url = hanging(client)
    wait_until(lambda: busy(client.server) >= 1)
    answer = client.patch(url, 0, DATA, "?1")
    check_problem(exchange.finish(), 409, "superseded")
    if answer.status == 409:  # the cut request had brought something
        offset = int(answer["Upload-Offset"])
        answer = client.patch(url, offset, DATA[offset:], "?1")
    check_stored(api, answer)


@pytest.mark.parametrize("kind", ["creation", "append"])
def test_delete_takes_over(client, api, kind):
    """4.5: who still sends hears that there is nothing to go on with."""
    exchange, url = hanging(client, begun(client) if kind == "append" else None)
    wait_until(lambda: busy(client.server) >= 1)
    assert client.ask("DELETE", url).status == 204
    answer = exchange.finish()
    check_problem(answer, 404, "not_found")
    assert [answer[name] for name in ("Upload-Offset", "Upload-Complete", "Location")] == [None] * 3
    assert sessions(api) == []


# ---- 8 to 10, content ----

def test_digest_of_the_whole(client, api):
    """10.1: told at creation, held against all that has come, however it came."""
    url = begun(client, DATA[:1000], Repr_Digest=digest(DATA))
    check_stored(api, client.patch(url, 1000, DATA[1000:], "?1"))
    url = begun(client, DATA[:1000], Repr_Digest=digest(b"other"))
    answer = client.patch(url, 1000, DATA[1000:], "?1")
    check_problem(answer, 400, "checksum_mismatch")
    assert answer["Upload-Complete"] == "?1"  # 4.4.2: resuming would not help
    assert client.head(url).status == 400
    state = api.get_json(url)
    assert (state["status"], state["error_code"]) == ("failed", "checksum_mismatch")
    again = client.patch(url, len(DATA), b"", "?1")
    check_problem(again, 400, "checksum_mismatch")


@pytest.mark.parametrize("field", ["Repr_Digest", "Content_Digest"])
def test_digest_of_the_whole_at_once(client, api, field):
    check_stored(api, client.create(DATA, "?1", **{field: digest(DATA, "md5")}))
    answer = client.create(DATA, "?1", **{field: digest(b"", "md5")})
    check_problem(answer, 400, "checksum_mismatch")
    assert answer["Upload-Complete"] == "?1"


@pytest.mark.parametrize("good", [True, False])
def test_digest_behind_the_whole(client, api, good):
    exchange = client.begin("POST", "/v1/uploads", Upload_Complete="?1", Trailer="Repr-Digest",
                            Transfer_Encoding="chunked")
    url = exchange.next_interim(104)["Location"]
    trailer = f"Repr-Digest: {digest(DATA if good else b'')}\r\n"
    answer = exchange.send(chunked(DATA, trailer=trailer)).finish()
    if good:
        check_stored(api, answer)
        return
    check_problem(answer, 400, "checksum_mismatch")
    assert answer["Upload-Complete"] == "?1"
    assert api.get_json(url)["error_code"] == "checksum_mismatch"


def test_digest_of_a_part(client, api):
    """10.2: of this request's content alone, which is not appended if it does not hold."""
    check_problem(client.create(DATA[:1000], Content_Digest=digest(b"")), 400,
                  "checksum_mismatch")
    url = begun(client, DATA[:1000], Content_Digest=digest(DATA[:1000]))
    answer = client.patch(url, 1000, DATA[1000:2000], Content_Digest=digest(DATA))
    check_problem(answer, 400, "checksum_mismatch")
    assert (answer["Upload-Offset"], answer["Upload-Complete"]) == ("1000", "?0")
    assert client.offset(url) == (1000, False)
    answer = client.patch(url, 1000, DATA[1000:], "?1", Content_Digest=digest(DATA[1000:]))
    check_stored(api, answer)


def test_a_part_that_was_garbled_on_its_way(client, api):
    """Whatever it looks like, the upload goes on."""
    url = begun(client, Upload_Length=len(DATA))
    image = b"\x89PNG\r\n\x1a\n" + bytes(9992)
    answer = client.patch(url, 0, image, Content_Digest=digest(DATA[:10_000]))
    check_problem(answer, 400, "checksum_mismatch")
    assert client.offset(url) == (0, False)
    check_stored(api, client.patch(url, 0, DATA, "?1"))


@pytest.mark.parametrize("complete", ["?0", "?1"])
@pytest.mark.parametrize("kind", ["sha-256", "md5"])
def test_digest_of_the_whole_with_an_append(client, api, kind, complete):
    """10.1: with whichever request it comes, it ends as if it had come with the first."""
    def append(claim):
        url = begun(client, DATA[:1000])
        if complete == "?1":
            return url, client.patch(url, 1000, DATA[1000:], "?1", Repr_Digest=claim)
        answer = client.patch(url, 1000, DATA[1000:2000], Repr_Digest=claim)
        assert answer["Upload-Offset"] == "2000"
        return url, client.patch(url, 2000, DATA[2000:], "?1")

    check_stored(api, append(digest(DATA, kind))[1])
    url, answer = append(digest(DATA[1000:], kind))
    check_problem(answer, 400, "checksum_mismatch")
    assert answer["Upload-Complete"] == "?1" and client.head(url).status == 400
    assert api.get_json(url)["error_code"] == "checksum_mismatch"


def test_digests_of_the_whole_that_contradict(client, api):
    url = begun(client, DATA[:1000], Repr_Digest=digest(DATA))
    answer = client.patch(url, 1000, DATA[1000:], "?1", Repr_Digest=digest(b"other"))
    check_problem(answer, 400, "invalid_request")
    assert (answer["Upload-Offset"], answer["Upload-Complete"]) == ("1000", "?0")
    both = f'{digest(DATA)}, {digest(DATA, "md5")}'
    check_stored(api, client.patch(url, 1000, DATA[1000:], "?1", Repr_Digest=both))


@pytest.mark.parametrize("good", [True, False])
def test_digest_of_the_whole_behind_an_append(client, api, good):
    url = begun(client, DATA[:1000])
    exchange = client.begin_patch(url, 1000, None, "?1", Transfer_Encoding="chunked",
                                  Trailer="Repr-Digest")
    trailer = f"Repr-Digest: {digest(DATA if good else DATA[1000:])}\r\n"
    answer = exchange.send(chunked(DATA[1000:], trailer=trailer)).finish()
    if good:
        check_stored(api, answer)
        return
    check_problem(answer, 400, "checksum_mismatch")
    assert answer["Upload-Complete"] == "?1"
    assert api.get_json(url)["error_code"] == "checksum_mismatch"


def test_digest_of_no_content(client, api):
    url = begun(client, DATA, Content_Digest=digest(DATA))
    check_problem(client.patch(url, len(DATA), b"", "?1", Content_Digest=digest(DATA)), 400,
                  "checksum_mismatch")
    check_stored(api, client.patch(url, len(DATA), b"", "?1", Content_Digest=digest(b"")))


def test_what_is_not_audio(client, api):
    text = b"<!DOCTYPE html><p>" * 2000
    answer = client.create(text, "?1")
    check_problem(answer, 415, "not_audio")
    url = answer.interim[0]["Location"]
    assert client.head(url).status == 415
    check_problem(client.patch(url, 0, text, "?1"), 415, "not_audio")
    url = begun(client)
    check_problem(client.patch(url, 0, text, "?1"), 415, "not_audio")
    assert api.get_json(url)["error_code"] == "not_audio"


@pytest.mark.parametrize("complete", ["?0", "?1"])
def test_the_refusal_that_ends_a_session_says_so(client, complete):
    """4.4.2: whether or not this request was to bring the end, there is no use in going on."""
    text = b"<!DOCTYPE html><p>" * 2000
    url = begun(client)
    for answer in (client.create(text, complete), client.patch(url, 0, text, complete),
                   client.patch(url, 0, text, complete)):
        check_problem(answer, 415, "not_audio")
        assert (answer["Upload-Complete"], answer["Upload-Offset"]) == ("?1", None)


def test_duplicates(client, api):
    first = client.create(DATA, "?1").json
    same = client.create(DATA, "?1", "/v1/uploads?on_duplicate=return")
    assert (same.status, same.json["id"]) == (200, first["id"])
    assert same["Upload-Complete"] == "?1"
    url = begun(client, DATA[:5], target="/v1/uploads?on_duplicate=reject")
    answer = client.patch(url, 5, DATA[5:], "?1")
    problem = check_problem(answer, 409, "duplicate_content")
    assert (problem["upload_id"], answer["Upload-Complete"]) == (first["id"], "?1")
    assert answer["Upload-Offset"] is None


def test_quota_of_content_of_unknown_length(client, api, server, workspace):
    """What has come stays; the client goes on when there is room."""
    quota = f"/v1/workspaces/{workspace}/quota"
    url = begun(client, DATA[:1000])
    server.api().put(quota, json={"max_storage_bytes": 200_000}).raise_for_status()
    answer = client.patch(url, 1000, DATA[1000:], "?1")
    check_problem(answer, 403, "quota_storage_exceeded")
    assert answer["Upload-Complete"] == "?0"
    offset, complete = client.offset(url)
    assert answer["Upload-Offset"] == str(offset) and not complete
    server.api().put(quota, json={"max_storage_bytes": None}).raise_for_status()
    check_stored(api, client.patch(url, offset, DATA[offset:], "?1"))


def test_a_creation_that_is_refused_holds_nothing(client, api, server, workspace):
    quota = f"/v1/workspaces/{workspace}/quota"
    server.api().put(quota, json={"max_storage_bytes": 4999}).raise_for_status()
    for _ in range(2):
        answer = client.create(DATA[:5000])
        check_problem(answer, 403, "quota_storage_exceeded")
        assert (answer.interim, answer["Location"]) == ([], None)
    check_nothing_is_held(server, api, quota)
    check_problem(client.create(DATA[:1000], Content_Digest=digest(b"")), 400, "checksum_mismatch")
    check_nothing_is_held(server, api, quota)
    server.api().put(quota, json={"max_storage_bytes": 1}).raise_for_status()
    for complete in ("?0", "?1"):
        exchange = client.begin("POST", "/v1/uploads", Upload_Complete=complete,
                                Transfer_Encoding="chunked")
        answer = exchange.try_send(chunked(DATA[:5000])).finish()
        check_problem(answer, 403, "quota_storage_exceeded")
        assert answer["Location"] is None
        assert client.head(answer.interim[0]["Location"]).status == 404
    check_nothing_is_held(server, api, quota)
    server.api().put(quota, json={"max_storage_bytes": 5000}).raise_for_status()
    begun(client, DATA[:5000])


def check_nothing_is_held(server, api, quota):
    assert sessions(api) == []
    figures = server.api().get_json(quota)
    assert (figures["reserved_bytes"], figures["reserved_files"]) == (0, 0)


def test_a_creation_of_nothing_holds_nothing(client, api):
    for headers in ({}, {"Upload_Length": 10}):
        exchange = client.begin("POST", "/v1/uploads", Upload_Complete="?1",
                                Transfer_Encoding="chunked", **headers)
        assert exchange.send(chunked()).finish().status == 400
        assert sessions(api) == []


def test_a_creation_that_breaks_off_at_once(server, api, token):
    """Who was told of the session comes back to it; else nobody can."""
    client = Client(server, VERSIONS[-1], token)
    exchange = client.begin("POST", "/v1/uploads", 1000, Upload_Complete="?0")
    url = exchange.next_interim(104)["Location"]
    exchange.close()
    stranger = Client(server, None, token)
    exchange = stranger.begin("POST", "/v1/uploads", 1000, Upload_Complete="?0",
                              Expect="100-continue")
    exchange.next_interim(100)  # a session has begun by now
    exchange.close()
    wait_until(lambda: len(sessions(api)) == 1, what="one session")
    wait_until(lambda: busy(server) == 0)
    assert client.offset(url) == (0, False)


def test_a_refusal_tells_where_the_session_is(client, api):
    exchange = client.begin("POST", "/v1/uploads", Upload_Complete="?1", Upload_Length=len(DATA),
                            Transfer_Encoding="chunked")
    answer = exchange.send(chunked(DATA[:1000])).finish()
    check_problem(answer, 400, "inconsistent_length", "inconsistent-upload-length")
    assert (answer["Upload-Offset"], answer["Upload-Complete"]) == ("1000", "?0")
    check_stored(api, client.patch(answer["Location"], 1000, DATA[1000:], "?1"))
    answer = client.create(b"<!DOCTYPE html><p>" * 2000)
    assert answer["Upload-Complete"] == "?1"
    assert api.get_json(answer["Location"])["error_code"] == "not_audio"


# ---- mixed protocols ----

def test_begun_here_and_gone_on_with_in_chunks(client, api):
    data = audio.wav_of_bytes(3 * MIB)
    url = begun(client, data[:1000], Upload_Length=len(data))
    answer = api.put(f"/v1/chunked-uploads/{url.removeprefix(AT)}/chunks/0", data=data)
    assert answer.status_code == 200, answer.text
    assert client.offset(url) == (len(data), True)
    assert api.get(f"/v1/uploads/{answer.json()['upload']['id']}/content").content == data


def test_begun_in_chunks_and_gone_on_with_here(client, api):
    chunk = 256 << 10
    data = audio.wav_of_bytes(4 * chunk)
    wish = {"filename": "a.wav", "file_size": len(data), "chunk_size": chunk}
    at = api.post("/v1/chunked-uploads", json=wish).headers["Location"]
    url = AT + at.split("/")[-1]
    for index in (2, 0):
        assert api.put(f"{at}/chunks/{index}",
                       data=data[index * chunk:(index + 1) * chunk]).status_code == 200
    assert client.offset(url) == (chunk, False)  # bytes behind a gap do not count
    assert client.patch(url, chunk, data[chunk:chunk + 100]).status in (201, 204)
    check_stored(api, client.patch(url, chunk + 100, data[chunk + 100:], "?1"), data)


TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


def test_begun_here_and_gone_on_with_over_tus(client, api):
    url = begun(client, DATA[:1000], Upload_Length=len(DATA))
    tus = "/v1/tus/" + url.removeprefix(AT)
    answer = api.patch(tus, data=DATA[1000:2000], headers={**TUS, "Upload-Offset": "1000"})
    assert answer.status_code == 204, answer.text
    assert client.offset(url) == (2000, False)
    answer = api.patch(tus, data=DATA[2000:], headers={**TUS, "Upload-Offset": "2000"})
    assert answer.status_code == 204, answer.text
    head = client.head(url)
    assert head["Upload-Complete"] == "?1"
    assert head["Content-Location"] == answer.headers["Content-Location"]


@pytest.mark.parametrize("length", [{"Upload-Length": str(len(DATA))}, {"Upload-Defer-Length": "1"}])
def test_begun_over_tus_and_gone_on_with_here(client, api, length):
    answer = api.post("/v1/tus", data=DATA[:1000], headers={**TUS, **length})
    assert answer.status_code == 201, answer.text
    url = AT + answer.headers["Location"].split("/")[-1]
    assert client.offset(url) == (1000, False)
    check_stored(api, client.patch(url, 1000, DATA[1000:], "?1"))
    tus = api.head("/v1/tus/" + url.removeprefix(AT), headers=TUS)
    assert tus.headers["Upload-Offset"] == str(len(DATA))


# ---- crashes ----

@pytest.mark.parametrize("version", VERSIONS)
def test_progress_is_durable(tmp_path, version):
    """104 with Upload-Offset while the content comes (4.2.2, 4.4.2), without Location; and what it
    told is there after kill -9."""
    data = audio.wav_of_bytes(100 * MIB)
    server = Server(tmp_path / "data").start()
    try:
        client = Client(server, version)
        exchange = client.begin("POST", "/v1/uploads", len(data), Upload_Complete="?1")
        url = exchange.next_interim(104)["Location"]
        told = progress(exchange, client, data[:50 * MIB], 0)
        server.kill()
        exchange.close()
        server.start()
        offset, complete = client.offset(url)
        assert told <= offset < len(data) and not complete
        exchange = client.begin_patch(url, offset, len(data) - offset, "?1")
        told = progress(exchange, client, data[offset:], offset)
        answer = exchange.finish()
        assert all(told < int(i["Upload-Offset"]) for i in answer.interim[1:])
        check_stored(server.api(), answer, data)
        server.verify()
    finally:
        server.stop()


def progress(exchange, client, body, start):
    """Sends BODY; gives the first offset that is told."""
    exchange.send(body)
    interim = exchange.next_interim(104)
    assert interim["Location"] is None
    assert interim["Upload-Draft-Interop-Version"] == str(client.version)
    assert int(interim["Upload-Offset"]) >= start + 32 * MIB
    return int(interim["Upload-Offset"])


def test_goes_on_after_kill_between_requests(tmp_path):
    server = Server(tmp_path / "data").start()
    try:
        client = Client(server)
        url = begun(client, DATA[:1000], Repr_Digest=digest(DATA))
        assert client.patch(url, 1000, DATA[1000:200_001]).status == 204
        server.kill()
        server.start()
        assert client.offset(url) == (200_001, False)
        check_stored(server.api(), client.patch(url, 200_001, DATA[200_001:], "?1"))
        server.kill()
        server.start()
        assert client.offset(url) == (len(DATA), True)
        server.verify()
    finally:
        server.stop()
