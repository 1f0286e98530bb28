"""The processing cache over HTTP: /v1/cache."""
import concurrent.futures
import hashlib
import json
import random
import struct

import audio
import pytest
import requests
from catalog import catalog_of
from people import make_workspace, member
from server import Server, expect_problem, wait_until

pytestmark = pytest.mark.databases("sqlite", "postgres")

RESULT = {"text": "Good morning.", "segments": [{"start": 0.0, "end": 1.5, "text": "Good morning."}]}
EMPTY = hashlib.sha256(b"{}").hexdigest()


@pytest.fixture(scope="module")
def world(tmp_path_factory, database):
    with Server(tmp_path_factory.mktemp("cache") / "data") as server:
        yield server, server.api()


def new_path(api, cache_type="transcription", **query):
    record = api.upload(audio.wav(seconds=0.05, seed=random.getrandbits(30)), **query)
    return record, f"/v1/cache/{record['checksum_sha256']}/{cache_type}"


def put(api, path, result, **query):
    answer = api.put(path, params=query, data=result if isinstance(result, bytes) else
                     json.dumps(result), headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def figures(api, cache_type="transcription"):
    found = [t for t in api.get_json("/v1/cache")["types"] if t["cache_type"] == cache_type]
    return found[0] if found else {"hits": 0, "misses": 0, "entries": 0, "time_saved_ms": 0}


def test_put_get_delete(world):
    _, api = world
    record, path = new_path(api)
    before = figures(api)
    expect_problem(api.get(path), 404, "cache_miss")
    entry = put(api, path, RESULT, processing_time_ms=93000)
    assert entry["file_hash"] == record["checksum_sha256"]
    assert entry["file_size"] == record["file_size"]
    assert entry["processing_options_hash"] == EMPTY
    assert entry["access_count"] == 0 and entry["processing_time_ms"] == 93000
    assert entry["data_bytes"] == entry["stored_bytes"] == len(json.dumps(RESULT))
    assert entry["compressed"] is False and entry["compression_ratio"] == 1
    for count in (1, 2):
        found = api.get_json(path)
        assert found["cache_data"] == RESULT and found["cached"] is True
        assert found["access_count"] == count
        assert found["created_at"] == entry["created_at"] and found["id"] == entry["id"]
        assert found["accessed_at"] > entry["accessed_at"]
        assert found["expires_at"] == entry["expires_at"] > entry["created_at"]
    after = figures(api)
    assert after["hits"] - before["hits"] == 2 and after["misses"] - before["misses"] == 1
    assert after["time_saved_ms"] - before["time_saved_ms"] == 186000
    assert api.delete(path).status_code == 204
    expect_problem(api.delete(path), 404, "cache_miss")
    expect_problem(api.get(path), 404, "cache_miss")


def test_the_result_comes_back_byte_for_byte(world):
    _, api = world
    _, path = new_path(api)
    for text in (b' {"n": 1.10, "big": 9223372036854775807, "a": 1, "\\u00e4": "\xc3\xa4"} ',
                 b"null", b'"text"', b"[1,2,3]"):
        put(api, path, text)
        answer = api.get(path)
        assert answer.content.endswith(b',"cache_data":' + text + b"}")
        assert int(answer.headers["Content-Length"]) == len(answer.content)


def test_etag(world):
    _, api = world
    _, path = new_path(api)
    put(api, path, RESULT)
    etag = api.get(path).headers["ETag"]
    answer = api.get(path, headers={"If-None-Match": etag})
    assert answer.status_code == 304 and answer.content == b"" and answer.headers["ETag"] == etag
    assert api.get_json(path)["access_count"] == 3  # told that it is unchanged is used, too
    put(api, path, [1])
    assert api.get(path, headers={"If-None-Match": etag}).json()["cache_data"] == [1]
    head = api.head(path)
    assert head.status_code == 200 and head.content == b""


# options

def es_number(value):
    """How ECMAScript prints it: Python's shortest digits, laid out by Number::toString."""
    if value == 0:
        return "0"
    sign, digits, exponent = ("-" if value < 0 else ""), *_digits(abs(value))
    k, n = len(digits), exponent
    if k <= n <= 21:
        return sign + digits + "0" * (n - k)
    if 0 < n <= 21:
        return sign + digits[:n] + "." + digits[n:]
    if -6 < n <= 0:
        return sign + "0." + "0" * -n + digits
    return sign + digits[0] + ("." + digits[1:] if k > 1 else "") + f"e{n - 1:+d}"


def _digits(value):
    mantissa, _, exponent = f"{value!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    return digits.rstrip("0"), point


def canonical(value):
    """RFC 8785, by other means."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(canonical(n) + ":" + canonical(value[n]) for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, float):
        return es_number(value)
    return json.dumps(value, ensure_ascii=False)


def options_hash(api, path, options):
    text = options if isinstance(options, str) else json.dumps(options)
    return put(api, path, [1], options=text)["processing_options_hash"]


def test_options_are_hashed_as_another_implementation_does(world):
    _, api = world
    _, path = new_path(api)
    chance = random.Random(8785)
    numbers = []
    while len(numbers) < 2000:
        value = struct.unpack("<d", chance.randbytes(8))[0]
        if value == value and abs(value) != float("inf"):
            numbers.append(value)
    numbers += [float(2 ** n) for n in range(-1074, 1024, 3)] + [i / 100 for i in range(-100, 100)]
    for at in range(0, len(numbers), 150):
        options = {"numbers": numbers[at:at + 150]}
        expected = hashlib.sha256(canonical(options).encode()).hexdigest()
        assert options_hash(api, path, options) == expected
    options = {"\u20ac": "\u0000\b\u000b\u001f\x7f\u2028\"\\/", "\ufb33": {}, "\U0001f600": [[]], "": None,
               "1": True, "\r": False, "B": [], "b": {"d": 1.0, "c": {}}}
    expected = hashlib.sha256(canonical(options).encode()).hexdigest()
    assert options_hash(api, path, json.dumps(options)) == expected
    assert options_hash(api, path, json.dumps(options, ensure_ascii=False, indent=3)) == expected


def test_options_make_keys_of_their_own(world):
    _, api = world
    _, path = new_path(api)
    put(api, path, ["en"], options='{"language": "en", "beam": 5}')
    put(api, path, ["none"])
    assert api.get_json(path, params={"options": '{"beam":5.0,"language":"\\u0065n"}'})[
        "cache_data"] == ["en"]
    assert api.get_json(path, params={"options": ""})["cache_data"] == ["none"]
    expect_problem(api.get(path, params={"options": '{"beam":6,"language":"en"}'}), 404, "cache_miss")
    assert api.delete(path, params={"options": '{"language":"en","beam":5}'}).status_code == 204
    assert api.get_json(path)["cache_data"] == ["none"]


@pytest.mark.parametrize("options, code", [
    ("{", "invalid_json"), ("{}{}", "invalid_json"), ("[]", "invalid_request"),
    ("null", "invalid_request"), ("1", "invalid_request"), ('{"a":1,"a":1}', "invalid_json"),
    ('{"a":1,"\\u0061":1}', "invalid_json"), ('{"a":1e999}', "invalid_json"),
    ('{"seed":9007199254740993}', "invalid_json"), ('{"a":"\\ud800"}', "invalid_json"),
    ("[" * 65 + "]" * 65, "invalid_json"), ('{"a":' * 65 + "1" + "}" * 65, "invalid_json"),
    ('{"a":' + "9" * 5000 + "}", "invalid_json"), ('{"a":NaN}', "invalid_json")],
    ids=lambda value: value[:20])
def test_options_that_are_refused(world, options, code):
    _, api = world
    _, path = new_path(api)
    for method in ("GET", "PUT", "DELETE"):
        answer = api.request(method, path, params={"options": options}, json=[1])
        expect_problem(answer, 400, code)
    expect_problem(api.get(path), 404, "cache_miss")


@pytest.mark.parametrize("file_hash, cache_type", [
    ("a" * 63, "x"), ("g" * 64, "x"), ("a" * 65, "x"), ("a" * 64, "X"), ("a" * 64, "_x"),
    ("a" * 64, "%2e%2e"), ("a" * 64, "x" * 51), ("a" * 64, "a%20b"), ("a" * 64, "%C3%A4")])
def test_paths_that_are_refused(world, file_hash, cache_type):
    _, api = world
    expect_problem(api.get(f"/v1/cache/{file_hash}/{cache_type}"), 400, "invalid_request")


# results that are refused

def test_content_that_is_not_there(world):
    _, api = world
    path = f"/v1/cache/{'ab' * 32}/transcription"
    expect_problem(api.put(path, json=RESULT), 404, "content_unknown")
    expect_problem(api.get(path), 404, "cache_miss")


@pytest.mark.parametrize("body, code", [
    (b"", "invalid_json"), (b"{", "invalid_json"), (b"[1,]", "invalid_json"), (b"\xff", "invalid_json"),
    (b'"\xed\xa0\x80"', "invalid_json"), (b"[" * 65 + b"]" * 65, "invalid_json"),
    (b"[" * 1_000_000, "invalid_json"), (b"1 2", "invalid_json"), (b'{"a": "\\u0000"}', "invalid_json"),
    (b'{"a": 1, "a": 2}', "invalid_json"), (b'["\\ud800"]', "invalid_json"), (b"[9223372036854775808]", "invalid_json"),
    (b"[1e400]", "invalid_json")], ids=lambda value: str(value)[:20])
def test_bodies_that_are_no_json(world, body, code):
    _, api = world
    _, path = new_path(api)
    expect_problem(api.put(path, data=body, headers={"Content-Type": "application/json"}), 400, code)
    expect_problem(api.get(path), 404, "cache_miss")


def test_what_is_larger_than_any_jobs_result_is_only_kept(world):
    """It need be no more than JSON."""
    _, api = world
    _, path = new_path(api)
    text = b'{"a": "\\u0000", "a": 123456789012345678901234567890, "pad": "' + b"x" * (1 << 20) + b'"}'
    put(api, path, text)
    assert api.get(path).content.endswith(text + b"}")


def test_other_media_types(world):
    _, api = world
    _, path = new_path(api)
    answer = api.put(path, data=b"{}", headers={"Content-Type": "text/plain"})
    expect_problem(answer, 415, "unsupported_media_type")


def test_numbers_of_the_query(world):
    _, api = world
    _, path = new_path(api)
    for value in ("-1", "1.5", "x", str(1 << 60)):
        expect_problem(api.put(path, params={"processing_time_ms": value}, json=[1]), 400,
                       "invalid_request")
    expect_problem(api.put(path, params={"option": "{}"}, json=[1]), 400, "invalid_request")


# sizes

def test_large_results_are_compressed(world):
    _, api = world
    _, path = new_path(api)
    result = {"words": [{"word": "good", "start": i / 10} for i in range(20000)]}
    entry = put(api, path, result)
    assert entry["compressed"] and entry["data_bytes"] == len(json.dumps(result))
    assert entry["stored_bytes"] < entry["data_bytes"] / 4
    assert abs(entry["compression_ratio"] - entry["data_bytes"] / entry["stored_bytes"]) < 0.001
    assert api.get_json(path)["cache_data"] == result


def test_results_of_other_scripts(world):
    _, api = world
    _, path = new_path(api)
    noise = "".join(chr(0x4e00 + random.getrandbits(14)) for _ in range(5000))
    put(api, path, json.dumps(noise, ensure_ascii=False).encode())
    assert api.get_json(path)["cache_data"] == noise


def test_limits(tmp_path):
    flags = ("--cache-max-entry-bytes=10000", "--cache-max-bytes-per-workspace=20000",
             "--cache-compress-above=1G")
    with Server(tmp_path / "data", *flags) as server:
        api = server.api()
        _, path = new_path(api)
        put(api, path, b'"' + b"a" * 9998 + b'"')
        problem = expect_problem(api.put(path, data=b'"' + b"a" * 9999 + b'"'), 413, "body_too_large")
        assert "10000" in problem["detail"]
        put(api, path, b'"' + b"b" * 8974 + b'"', options='{"n":2}')  # 10512 + 9488 = 20000
        assert api.get_json("/v1/cache")["used_bytes"] == api.get_json("/v1/cache")["max_bytes"] == 20000
        put(api, path, b"1", options='{"n":3}')
        expect_problem(api.get(path), 404, "cache_miss")
        assert api.get(path, params={"options": '{"n":2}'}).status_code == 200
        assert api.get_json("/v1/cache")["used_bytes"] == 9488 + 513
        server.verify()


def test_settings_that_make_no_sense(tmp_path):
    for section, line in (("cache", "ttl = soon"), ("cache", "max_entry_bytes = 4"),
                          ('cache_type "summary"', "ttl = soon")):
        (tmp_path / "conf").write_text(f"[{section}]\n{line}\n")
        server = Server(tmp_path / "data", "--config", str(tmp_path / "conf"))
        server.start(wait=False)
        assert server.process.wait(30) == 2
        server.process = None
        assert "ttl" in server.log_text() or "max_entry_bytes" in server.log_text()


def test_expiry_of_a_type(tmp_path):
    (tmp_path / "conf").write_text('[cache_type "summary"]\nttl = 1ms\n[cache_type "peaks"]\nttl = 0\n')
    with Server(tmp_path / "data", "--config", str(tmp_path / "conf")) as server:
        api = server.api()
        record, path = new_path(api)
        entry = put(api, path, [1])
        assert entry["expires_at"]
        other = f"/v1/cache/{record['checksum_sha256']}/"
        assert put(api, other + "peaks", [2])["expires_at"] is None
        put(api, other + "summary", [3])
        wait_until(lambda: api.get(other + "summary").status_code == 404, what="the expiry")
        assert api.get(other + "peaks").status_code == api.get(path).status_code == 200


# at once, and for good

def test_sixty_four_at_once(world):
    server, api = world
    _, path = new_path(api)
    before = figures(api)["hits"]

    def one(number):
        mine = server.api()
        return mine.put(path, json=RESULT).status_code if number < 64 else mine.get(path).status_code

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        assert set(pool.map(one, range(64))) == {200}
        assert set(pool.map(one, range(64, 128))) == {200}
    assert figures(api)["hits"] - before == 64
    assert api.get_json(path)["access_count"] == 65
    with catalog_of(server) as catalog:
        assert catalog.value("SELECT count(*) FROM file_processing_cache WHERE file_hash = ?",
                             [path.split("/")[3]]) == 1
    server.verify()


def test_figures_and_results_survive_kill(tmp_path):
    server = Server(tmp_path / "data").start()
    api = server.api()
    _, path = new_path(api)
    put(api, path, RESULT, processing_time_ms=1500)
    for _ in range(3):
        api.get(path)
    server.kill()
    with server:
        api = server.api()
        assert api.get_json(path)["access_count"] == 4
        assert figures(api)["hits"] == 4 and figures(api)["time_saved_ms"] == 6000
        text = requests.get(server.url + "/metrics").text
        assert "\naudiotricks_cache_hits_total 4\n" in text
        assert "\naudiotricks_cache_saved_seconds_total 6.000\n" in text
        assert "\naudiotricks_cache_entries 1\n" in text
        server.verify()


def test_results_go_with_the_last_upload(world):
    server, api = world
    content = audio.wav(seconds=0.05, seed=4711)
    first, second = api.upload(content), api.upload(content)
    path = f"/v1/cache/{first['checksum_sha256']}/transcription"
    put(api, path, RESULT)
    assert api.delete(f"/v1/uploads/{first['id']}?permanent=true").status_code == 204
    assert api.get(path).status_code == 200
    assert api.delete(f"/v1/uploads/{second['id']}").status_code == 204
    assert api.get(path).status_code == 200
    assert api.delete(f"/v1/uploads/{second['id']}?permanent=true").status_code == 204
    expect_problem(api.get(path), 404, "cache_miss")
    expect_problem(api.put(path, json=RESULT), 404, "content_unknown")
    with catalog_of(server) as catalog:
        assert catalog.value("SELECT count(*) FROM file_processing_cache WHERE file_hash = ?",
                             [first["checksum_sha256"]]) == 0
    server.verify()


# whose it is

def test_workspaces_are_apart(tmp_path):
    with Server(tmp_path / "data") as server:
        api = server.api()
        mine, theirs = make_workspace(api)["id"], make_workspace(api)["id"]
        content = audio.wav(seconds=0.05)
        here, there = member(server, "writer", mine), member(server, "writer", theirs)
        path = f"/v1/cache/{here.upload(content)['checksum_sha256']}/transcription"
        put(here, path, ["mine"])
        expect_problem(there.get(path), 404, "cache_miss")
        expect_problem(there.put(path, json=["theirs"]), 404, "content_unknown")
        there.upload(content)
        expect_problem(there.get(path), 404, "cache_miss")
        expect_problem(there.delete(path), 404, "cache_miss")
        put(there, path, ["theirs"])
        assert here.get_json(path)["cache_data"] == ["mine"]
        assert there.get_json(path)["cache_data"] == ["theirs"]
        assert here.get_json("/v1/cache")["hits"] == 1 and here.get_json("/v1/cache")["misses"] == 0
        assert api.delete("/v1/cache", params={"workspace_id": mine}).json() == {"removed": 1}
        assert there.get_json(path)["cache_data"] == ["theirs"]
        assert api.delete(f"/v1/workspaces/{theirs}?force=true").status_code == 204
        with catalog_of(server) as catalog:
            assert catalog.value("SELECT count(*) FROM file_processing_cache") == 0
        server.verify()


def test_verify_finds_figures_that_do_not_add_up(tmp_path):
    with Server(tmp_path / "data") as server:
        api = server.api()
        _, path = new_path(api)
        put(api, path, RESULT)
        server.verify()
        with catalog_of(server) as catalog:
            catalog.execute("UPDATE processing_cache_figures SET stored_bytes = stored_bytes + 1")
        with pytest.raises(AssertionError, match='"usage"'):
            server.verify()


def change_result(catalog, file_hash, change):
    columns = ["cache_data", "compressed", "stored_bytes", "data_bytes"]
    found, = catalog.rows(f"SELECT {', '.join(columns)} FROM file_processing_cache WHERE file_hash = ?",
                          [file_hash])
    row = dict(zip(columns, found), cache_data=bytes(found[0]))
    change(row)
    catalog.execute("UPDATE file_processing_cache SET cache_data = ?, compressed = ?, stored_bytes = ?, "
                    "data_bytes = ? WHERE file_hash = ?", [*row.values(), file_hash])


@pytest.mark.parametrize("length", [10, 10000], ids=["as it came", "compressed"])
@pytest.mark.parametrize("damage", [
    lambda row: row.update(cache_data=bytes(row["stored_bytes"])),
    lambda row: row.update(cache_data=row["cache_data"][1:]), lambda row: row.update(cache_data=b""),
    lambda row: row.update(stored_bytes=1 << 60, data_bytes=1 << 60),
    lambda row: row.update(compressed=not row["compressed"], stored_bytes=len(row["cache_data"]),
                           data_bytes=len(row["cache_data"]))],
    ids=["zeros", "shorter", "empty", "sizes", "coding"])
def test_a_damaged_result_is_a_miss(world, length, damage):
    server, api = world
    record, path = new_path(api)
    put(api, path, ["a" * length])
    before = figures(api)
    with catalog_of(server) as catalog:
        change_result(catalog, record["checksum_sha256"], damage)
    expect_problem(api.get(path), 404, "cache_miss")
    after = figures(api)
    assert after["hits"] == before["hits"] and after["time_saved_ms"] == before["time_saved_ms"]
    assert after["misses"] == before["misses"] + 1
    put(api, path, ["b" * 10000])
    assert api.get_json(path)["cache_data"] == ["b" * 10000]
    server.verify()


def test_no_damage_passes_for_another_result(world):
    """Each byte in turn, of a result that packs into a few."""
    server, api = world
    record, path = new_path(api)
    put(api, path, ["a" * 10000])
    mine = [record["checksum_sha256"]]
    with catalog_of(server) as catalog:
        sound = bytes(catalog.value("SELECT cache_data FROM file_processing_cache "
                                    "WHERE file_hash = ?", mine))
    before, found = figures(api), 0
    for at, byte in enumerate(sound):
        damaged = sound[:at] + bytes([byte ^ 1 << at % 8]) + sound[at + 1:]
        with catalog_of(server) as catalog:
            catalog.execute("UPDATE file_processing_cache SET cache_data = ? WHERE file_hash = ?",
                            [damaged, *mine])
        answer = api.get(path)
        if answer.status_code == 200:  # a bit that says nothing
            assert answer.json()["cache_data"] == ["a" * 10000]
            found += 1
        else:
            expect_problem(answer, 404, "cache_miss")
    after = figures(api)
    assert found < 3
    assert after["hits"] - before["hits"] == found
    assert after["misses"] - before["misses"] == len(sound) - found


# the command

def test_cli(tmp_path):
    with Server(tmp_path / "data") as server:
        api = server.api()
        record, path = new_path(api)
        put(api, path, RESULT, processing_time_ms=3723000)
        put(api, f"/v1/cache/{record['checksum_sha256']}/summary", ["short"])
        api.get(path)
        lines = server.cli("cache").stdout.splitlines()
        assert lines[0].split() == ["TYPE", "RESULTS", "SIZE", "STORED", "HITS", "MISSES", "SAVED"]
        assert lines[2].split()[0] == "transcription" and lines[2].split()[-1] == "1:02:03"
        assert lines[3].split()[:2] == ["all", "2"]
        assert lines[-1].endswith("of 1.0 GiB") or lines[-1].endswith("of 1 GiB"), lines[-1]
        assert server.cli("cache", "clear", "--type", "summary").stdout == "1 removed\n"
        assert json.loads(server.cli("cache", "stats", "--json").stdout)["entries"] == 1
        assert json.loads(server.cli("cache", "clear", "--json").stdout) == {"removed": 1}
        reader = member(server, "reader")
        denied = server.cli("cache", "clear", check=False, env={
            "AUDIOTRICKS_CLIENT_TOKEN": reader.headers["Authorization"].split()[1]})
        assert denied.returncode == 4


# ---- the server's own ----

@pytest.mark.parametrize("kind", ["validate", "chunk", "analyze"])
def test_nobody_says_what_the_server_found(world, kind):
    _, api = world
    _, path = new_path(api, kind)
    answer = api.put(path, data='{"verdict": "whole"}', headers={"Content-Type": "application/json"})
    expect_problem(answer, 400, "invalid_request")
    expect_problem(api.get(path), 404, "cache_miss")
