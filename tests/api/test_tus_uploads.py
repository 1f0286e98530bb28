"""What the tus face promises beyond the protocol: the pipeline behind it, refusals that stay readable,
takeover, crashes, quotas, roles, and sessions that go on with another protocol."""
import hashlib
import json
import threading

import pytest

from audio import wav, wav_of_bytes
from catalog import catalog_of
from draft import digest
from hung_media import HungMedia
from people import default_workspace, make_workspace, member
from server import Server, expect_problem, largest_file, wait_until
from tus import TYPE, Tus, b64, problem_of

pytestmark = pytest.mark.databases("sqlite", "postgres")

SOUND = wav(0.2)
BIG = wav_of_bytes(3_000_000)
NOISE = b"this is no audio " * 2000
# A header that promises a sound, and nothing that is one.
BROKEN = b"fLaC" + bytes(5000)


@pytest.fixture
def tus(server):
    return Tus(server)


def quota(api):
    return api.get_json(f"/v1/workspaces/{default_workspace(api)['id']}/quota")


def check_nothing_reserved(server):
    figures = quota(server.api())
    assert (figures["reserved_bytes"], figures["reserved_files"]) == (0, 0), figures
    server.verify()


def content_of(server, answer):
    return server.api().get(answer["Content-Location"] + "/content").content


# ---- the record ----

def test_the_record_is_made_of_what_the_client_said(server, tus):
    said = (f"name {b64('other.wav')},filename {b64('a/b/Größe.wav')},filetype {b64('audio/wav')},"
            f"speaker {b64('Ada ♥')},empty,binary {b64(bytes([0, 255]))}")
    path = tus.begin(len(SOUND), Upload_Metadata=said)
    answer = tus.patch(path, 0, SOUND)
    record = server.api().get_json(answer["Content-Location"])
    assert answer["Upload-Id"] == record["id"]
    assert answer["Content-Location"] == f"/v1/uploads/{record['id']}"
    assert record["original_filename"] == "Größe.wav"
    assert record["metadata"]["upload_metadata"] == {
        "speaker": "Ada ♥", "empty": "", "binary": b64(bytes([0, 255]))}
    assert record["checksum_sha256"] == hashlib.sha256(SOUND).hexdigest()
    looked = tus.look(path)
    assert (looked["Upload-Id"], looked["Content-Location"]) == (
        record["id"], answer["Content-Location"])
    assert content_of(server, answer) == SOUND


def test_name_and_type_where_there_are_no_others(server, tus):
    path = tus.begin(len(SOUND), Upload_Metadata=f"name {b64('n.wav')},type {b64('audio/wav')}")
    answer = tus.patch(path, 0, SOUND)
    record = server.api().get_json(answer["Content-Location"])
    assert record["original_filename"] == "n.wav"
    assert "upload_metadata" not in record["metadata"]


def test_an_upload_without_a_name_has_one(server, tus):
    answer = tus.patch(tus.begin(len(SOUND)), 0, SOUND)
    assert server.api().get_json(answer["Content-Location"])["original_filename"] == "upload"


@pytest.mark.parametrize("name", [b"\xff.wav", b"a\0.wav", b"..", b"x" * 600])
def test_names_that_are_none(tus, name):
    problem_of(tus.create(5, Upload_Metadata=f"filename {b64(name)}"), 400, "invalid_filename")


@pytest.mark.parametrize("name, detail", [
    (b"\xff.wav", "the file name is not valid UTF-8"),
    (b"a\0.wav", "the file name holds a control character"),
    (b"a\x01.wav", "the file name holds a control character")])
def test_what_is_wrong_with_a_name_is_said(tus, name, detail):
    answer = tus.create(5, Upload_Metadata=f"filename {b64(name)}")
    assert problem_of(answer, 400, "invalid_filename")["detail"] == detail


def test_a_retry_of_the_finishing_request(server, tus):
    path = tus.begin(len(SOUND))
    first = tus.patch(path, 0, SOUND)
    for _ in range(2):
        again = tus.patch(path, len(SOUND), b"")
        assert (again.status, again["Upload-Id"]) == (204, first["Upload-Id"])
    assert quota(server.api())["current_file_count"] == 1


def test_get_shows_the_session(server, tus):
    path = tus.begin(len(SOUND))
    tus.patch(path, 0, SOUND[:100])
    answer = tus.ask("GET", path, Tus_Resumable=None)
    shown = json.loads(answer.body)
    assert answer.status == 200
    assert (shown["protocol"], shown["status"], shown["offset"], shown["file_size"]) == (
        "tus", "initiated", 100, len(SOUND))
    done = tus.patch(path, 100, SOUND[100:])
    shown = json.loads(tus.ask("GET", path).body)
    assert (shown["status"], shown["upload_id"]) == ("completed", done["Upload-Id"])


# ---- refusals ----

def check_refused(tus, path, status, code):
    """Every later request to the URL hears the same."""
    first = problem_of(tus.ask("GET", path), status, code)
    assert tus.look(path).status == status
    for offset in (0, 1):
        assert problem_of(tus.patch(path, offset, b"x"), status, code)["detail"] == first["detail"]
    check_nothing_reserved(tus.server)
    assert tus.delete(path).status == 204 and tus.look(path).status == 404


def test_no_audio_is_refused_with_its_first_bytes(tus):
    path = tus.begin(1_000_000_000)
    problem_of(tus.patch(path, 0, NOISE), 415, "not_audio")
    check_refused(tus, path, 415, "not_audio")


def test_no_audio_with_the_creation_can_be_read_where_it_was(tus):
    answer = tus.ask("POST", "/v1/tus", NOISE, Upload_Length=len(NOISE), Content_Type=TYPE)
    problem_of(answer, 415, "not_audio")
    check_refused(tus, answer["Location"], 415, "not_audio")


def test_broken_audio_is_refused_when_it_is_whole(tus):
    path = tus.begin(len(BROKEN))
    assert tus.patch(path, 0, BROKEN[:5000]).status == 204
    problem_of(tus.patch(path, 5000, BROKEN[5000:]), 422, "media_unreadable")
    check_refused(tus, path, 422, "media_unreadable")


def test_content_that_is_there_and_may_not_come_again(server, tus):
    there = server.api().upload(SOUND)["id"]
    again = Tus(server, query="?on_duplicate=reject")
    path = again.begin(len(SOUND))
    for answer in (tus.patch(path, 0, SOUND), tus.patch(path, 0, SOUND), tus.ask("GET", path)):
        assert problem_of(answer, 409, "duplicate_content")["upload_id"] == there
    check_refused(tus, path, 409, "duplicate_content")
    answer = Tus(server, query="?on_duplicate=nonsense").create(5)
    problem_of(answer, 400, "invalid_request")


def test_content_that_is_there_is_answered_instead(server):
    record = server.api().upload(SOUND)
    tus = Tus(server, query="?on_duplicate=return")
    path = tus.begin(len(SOUND))
    answer = tus.patch(path, 0, SOUND)
    assert answer["Upload-Id"] == record["id"]
    assert tus.look(path)["Upload-Id"] == record["id"]


def test_quota(server):
    workspace = make_workspace(server.api(), max_storage_bytes=100_000, max_file_count=1)
    tus = Tus(server, query=f"?workspace_id={workspace['id']}")
    problem_of(tus.create(100_001), 403, "quota_storage_exceeded")
    path = tus.begin(Upload_Defer_Length=1)

    def refused():
        shown = tus.ask("GET", path).json
        assert shown["status"] == "initiated" and (shown["error_code"] is None) == (
            shown["error_message"] is None)
        return shown["error_code"]

    assert refused() is None
    problem_of(tus.patch(path, 0, BIG[:200_000]), 403, "quota_storage_exceeded")
    assert refused() == "quota_storage_exceeded"
    assert tus.patch(path, tus.offset(path), b"12345").status == 204
    assert refused() is None  # there was room for those
    problem_of(tus.patch(path, tus.offset(path), b"", Upload_Length=100_001), 403,
               "quota_storage_exceeded")
    assert refused() == "quota_storage_exceeded"
    problem_of(tus.create(5), 403, "quota_files_exceeded")
    tus.delete(path)
    path = tus.begin(len(SOUND))
    assert tus.patch(path, 0, SOUND)["Upload-Id"]
    server.verify()


def test_a_first_request_that_is_refused_leaves_nothing(server, tus):
    problem_of(tus.ask("POST", "/v1/tus", SOUND, Upload_Length=5, Content_Type=TYPE), 400,
               "invalid_request")
    check_nothing_reserved(server)
    assert server.api().get_json("/v1/chunked-uploads")["items"] == []


# ---- digests of RFC 9530 ----

@pytest.mark.parametrize("kind", ["sha-256", "md5"])
def test_a_digest_of_the_whole_is_held_against_it_at_the_end(server, tus, kind):
    wrong, right = {"Repr_Digest": digest(b"other", kind)}, {"Repr_Digest": digest(SOUND, kind)}
    assert tus.patch(tus.begin(len(SOUND), **right), 0, SOUND)["Upload-Id"]
    path = tus.begin(len(SOUND), **wrong)
    problem_of(tus.patch(path, 0, SOUND), 400, "checksum_mismatch")
    check_refused(tus, path, 400, "checksum_mismatch")
    answer = tus.ask("POST", "/v1/tus", SOUND, Upload_Length=len(SOUND), Content_Type=TYPE, **wrong)
    problem_of(answer, 400, "checksum_mismatch")
    check_refused(tus, answer["Location"], 400, "checksum_mismatch")
    path = tus.begin(len(SOUND))
    assert tus.patch(path, 0, SOUND[:1000], **wrong).status == 204
    problem_of(tus.patch(path, 1000, SOUND[1000:]), 400, "checksum_mismatch")
    check_refused(tus, path, 400, "checksum_mismatch")
    path = tus.begin(len(SOUND))
    assert tus.patch(path, 0, SOUND, **right).status == 204
    assert tus.patch(path, len(SOUND), b"", **right).status == 204
    problem_of(tus.patch(path, len(SOUND), b"", **wrong), 400, "checksum_mismatch")


def test_a_digest_of_the_whole_behind_the_body(tus):
    path = tus.begin(len(SOUND))
    answer = tus.patch_chunked(path, 0, SOUND, f"Repr-Digest: {digest(b'other')}\r\n",
                               Trailer="Repr-Digest")
    problem_of(answer, 400, "checksum_mismatch")
    check_refused(tus, path, 400, "checksum_mismatch")


def test_a_digest_of_the_whole_is_none_of_a_partial(server, tus):
    claim = {"Repr_Digest": digest(SOUND)}
    problem_of(tus.create(len(SOUND), Upload_Concat="partial", **claim), 400, "invalid_request")
    path = tus.begin(len(SOUND), Upload_Concat="partial")
    problem_of(tus.patch(path, 0, SOUND, **claim), 400, "invalid_request")
    assert tus.patch(path, 0, SOUND).status == 204
    problem_of(tus.create(Upload_Concat="final;" + path, Repr_Digest=digest(b"other")), 400,
               "checksum_mismatch")


@pytest.mark.parametrize("field", ["Content-Digest", "Content-MD5"])
@pytest.mark.parametrize("behind", [False, True])
def test_a_digest_of_the_bytes_sent(tus, field, behind):
    def ask(path, offset, body, of):
        value = digest(of, "md5")
        if field == "Content-MD5":
            value = value.removeprefix("md5=:").removesuffix(":")
        if behind:
            return tus.patch_chunked(path, offset, body, f"{field}: {value}\r\n", Trailer=field)
        return tus.patch(path, offset, body, **{field: value})

    path = tus.begin(len(SOUND))
    problem_of(ask(path, 0, SOUND[:1000], SOUND), 460, "checksum_mismatch")
    assert tus.offset(path) == 0
    assert ask(path, 0, SOUND[:1000], SOUND[:1000]).status == 204
    assert ask(path, 1000, SOUND[1000:], SOUND[1000:])["Upload-Id"]


def test_a_digest_of_the_first_bytes(server, tus):
    answer = tus.ask("POST", "/v1/tus", SOUND[:1000], Upload_Length=len(SOUND), Content_Type=TYPE,
                     Content_Digest=digest(SOUND))
    problem_of(answer, 460, "checksum_mismatch")
    check_nothing_reserved(server)


# ---- what fails and can be tried again ----

class Blocked:
    """The store cannot take an object while a link stands where its folder would: 503."""

    def __init__(self, server):
        self.folder = server.data / "store/uploads"
        self.away = server.data / "uploads-away"

    def __enter__(self):
        if self.folder.exists():
            self.folder.rename(self.away)
        self.folder.symlink_to("elsewhere")

    def __exit__(self, *_):
        self.folder.unlink()
        if self.away.exists():
            self.away.rename(self.folder)


def test_a_finish_that_failed_is_tried_again_by_an_empty_patch(server, tus):
    path = tus.begin(len(SOUND))
    with Blocked(server):
        for offset, body in ((0, SOUND), (len(SOUND), b"")):
            problem_of(tus.patch(path, offset, body), 503, "unavailable")
        shown = tus.ask("GET", path).json
        assert (shown["status"], shown["offset"]) == ("initiated", len(SOUND))
    answer = tus.patch(path, len(SOUND), b"")
    assert answer.status == 204 and content_of(server, answer) == SOUND
    check_nothing_reserved(server)


def test_a_finish_that_failed_is_tried_again_by_who_looks(server, tus):
    """An offset at the end would be taken for success."""
    path = tus.begin(len(SOUND))
    with Blocked(server):
        assert tus.patch(path, 0, SOUND).status == 503
        looked = tus.look(path)
        assert (looked.status, looked["Upload-Offset"], looked["Upload-Id"]) == (503, None, None)
        assert int(looked["Retry-After"]) > 0
    answer = tus.look(path)
    assert (answer.status, answer["Upload-Offset"]) == (200, str(len(SOUND)))
    assert answer["Upload-Id"] and content_of(server, answer) == SOUND
    check_nothing_reserved(server)


def test_a_look_that_finishes_tells_a_refusal(server, tus):
    path = tus.begin(len(BROKEN))
    with HungMedia(server) as media:
        with hang(tus, path, 0, BROKEN, len(BROKEN)):
            wait_until(lambda: tus.ask("GET", path).json["offset"] == len(BROKEN), what="the bytes")
            media.kill_server()
    server.start()
    assert tus.look(path).status == 422
    check_refused(tus, path, 422, "media_unreadable")


def test_time_that_looking_took_says_nothing_of_the_content(tmp_path):
    """The media processes are stopped, as on a machine that has other things to do."""
    with Server(tmp_path / "data", "--media-timeout", "1s") as server:
        tus = Tus(server)
        path = tus.begin(len(SOUND))
        with HungMedia(server):
            problem_of(tus.patch(path, 0, SOUND), 503, "unavailable")
        answer = tus.look(path)
        assert answer.status == 200 and content_of(server, answer) == SOUND
        check_nothing_reserved(server)


def test_what_had_all_come_is_made_after_a_crash(server, tus):
    """Though nobody asks for it."""
    paths = [tus.begin(len(SOUND)), tus.begin(len(SOUND), Upload_Concat="partial")]
    tus.begin(Upload_Concat=f"final;{paths[1]}")

    def has_come(path):
        return tus.ask("GET", path).json["offset"] == len(SOUND)

    with HungMedia(server) as media:
        with hang(tus, paths[0], 0, SOUND, len(SOUND)), hang(tus, paths[1], 0, SOUND, len(SOUND)):
            wait_until(lambda: all(map(has_come, paths)), what="the bytes")
            media.kill_server()
    server.start()
    wait_until(lambda: len(server.api().get_json("/v1/uploads")["items"]) == 2, 60, "the uploads")
    check_nothing_reserved(server)


def test_a_finish_that_failed_in_the_first_request_goes_on_at_its_url(server, tus):
    with Blocked(server):
        answer = tus.ask("POST", "/v1/tus", SOUND, Upload_Length=len(SOUND), Content_Type=TYPE)
        problem_of(answer, 503, "unavailable")
    answer = tus.patch(answer["Location"], len(SOUND), b"")
    assert answer.status == 204 and content_of(server, answer) == SOUND


def test_a_final_that_failed_is_tried_again_by_who_looks(server, tus):
    first = tus.begin(len(SOUND), Upload_Concat="partial")
    final = tus.begin(Upload_Concat=f"final;{first}")
    with Blocked(server):
        assert tus.patch(first, 0, SOUND).status == 204  # the partial has come, whatever follows
        assert tus.look(final).status == 503
    answer = tus.look(final)
    assert answer.status == 200 and content_of(server, answer) == SOUND
    check_nothing_reserved(server)


def test_a_final_of_no_audio_is_refused_at_its_url(server, tus):
    first = tus.begin(len(NOISE), Upload_Concat="partial")
    final = tus.begin(Upload_Concat=f"final;{first}")
    assert tus.patch(first, 0, NOISE).status == 204
    problem_of(tus.ask("GET", final), 415, "not_audio")
    assert tus.look(final).status == 415
    problem_of(tus.patch(final, 0, b""), 403, "forbidden")
    check_nothing_reserved(server)


def test_a_final_whose_partial_went_is_refused(server, tus):
    first = tus.begin(5, Upload_Concat="partial")
    final = tus.begin(Upload_Concat=f"final;{first}")
    tus.delete(first)
    assert tus.look(final).status == 404
    problem_of(tus.ask("GET", final), 404, "not_found")
    check_nothing_reserved(server)


# ---- connections and crashes ----

def hang(tus, path, offset, body, promised):
    """A connection whose PATCH has sent BODY and owes the rest."""
    raw = tus.connect(timeout=30)
    raw.send(tus.head("PATCH", path, Content_Type=TYPE, Upload_Offset=offset,
                      Content_Length=promised) + body)
    return raw


def active(server):
    """How many uploads the server is receiving."""
    for line in server.api().get("/metrics").text.splitlines():
        if line.startswith("audiotricks_http_bodies_active "):
            return int(line.split()[1])
    raise AssertionError("no such figure")


def test_a_look_takes_over_from_a_patch_that_hangs(server, tus):
    path = tus.begin(len(BIG))
    with hang(tus, path, 0, BIG[:500_000], len(BIG)) as old:
        wait_until(lambda: active(server) == 1, what="the PATCH to be received")
        offset = tus.offset(path)
        assert tus.patch(path, offset, BIG[offset:offset + 100_000]).status == 204
        problem_of(old.answer(), 409, "superseded")
    offset += 100_000
    assert tus.offset(path) == offset
    answer = tus.patch(path, offset, BIG[offset:])
    assert content_of(server, answer) == BIG


def test_a_delete_cuts_off_who_still_sends(server, tus):
    path = tus.begin(len(BIG))
    with hang(tus, path, 0, BIG[:500_000], len(BIG)) as old:
        wait_until(lambda: active(server) == 1, what="the PATCH to be received")
        assert tus.delete(path).status == 204
        problem_of(old.answer(), 404, "not_found")
    check_nothing_reserved(server)


def patch_the_rest(tus, path, content):
    """The answer; None if another has taken over."""
    offset = int(tus.look(path)["Upload-Offset"])
    answer = tus.patch(path, offset, content[offset:])
    assert answer.status in (204, 409)
    return answer if answer.status == 204 else None


def test_a_patch_takes_over_from_one_that_hangs_at_the_same_offset(server, tus):
    path = tus.begin(len(BIG))
    with hang(tus, path, 0, b"", len(BIG)) as old:
        wait_until(lambda: tus.ask("GET", path).status == 200 and active(server) >= 0,
                   what="the session")
        # The one that came first may still be on its way to the session, and then takes it over in turn.
        answer = wait_until(lambda: patch_the_rest(tus, path, BIG), 60, "the takeover")
        assert content_of(server, answer) == BIG
        assert old.answer().status in (409, 400)


def test_many_looks_and_patches_at_once(server, tus):
    path = tus.begin(len(BIG))
    faults = []

    def push():
        try:
            while True:
                looked = tus.look(path)
                offset = int(looked["Upload-Offset"])
                if offset == len(BIG):
                    return
                answer = tus.patch(path, offset, BIG[offset:offset + 200_000])
                assert answer.status in (204, 409), answer.text
        except Exception as fault:  # pylint: disable=broad-except
            faults.append(repr(fault))

    threads = [threading.Thread(target=push) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    assert not faults
    answer = tus.patch(path, len(BIG), b"")
    assert content_of(server, answer) == BIG
    check_nothing_reserved(server)


def test_what_was_acknowledged_survives_kill_9(server, tus):
    path = tus.begin(len(BIG), Upload_Metadata=f"filename {b64('big.wav')}")
    acknowledged = int(tus.patch(path, 0, BIG[:1_000_000])["Upload-Offset"])
    with hang(tus, path, acknowledged, BIG[acknowledged:acknowledged + 300_000], 1_500_000):
        wait_until(lambda: active(server) == 1, what="the PATCH to be received")
        server.kill()
    server.start()
    offset = tus.offset(path)
    assert acknowledged <= offset <= acknowledged + 300_000
    answer = tus.patch(path, offset, BIG[offset:])
    assert content_of(server, answer) == BIG
    check_nothing_reserved(server)


def test_partials_survive_kill_9(server, tus):
    middle = 1_000_002
    first = tus.begin(middle, Upload_Concat="partial")
    second = tus.begin(len(BIG) - middle, Upload_Concat="partial")
    final = tus.begin(Upload_Concat=f"final;{first} {second}")
    tus.patch(second, 0, BIG[middle:])
    tus.patch(first, 0, BIG[:500_000])
    server.kill()
    server.start()
    assert tus.patch(first, 500_000, BIG[500_000:middle]).status == 204
    assert content_of(server, tus.look(final)) == BIG
    check_nothing_reserved(server)


def test_a_first_request_that_broke_is_found_by_its_key(server, tus):
    wanted = {"Upload_Length": len(BIG), "Content_Type": TYPE, "Idempotency_Key": "key-1",
              "Content_Length": len(BIG)}
    with tus.connect() as raw:
        raw.send(tus.head("POST", "/v1/tus", **wanted) + BIG[:800_000])

    def stands():
        items = server.api().get_json("/v1/chunked-uploads")["items"]
        return items and items[0]["offset"] == 800_000
    wait_until(stands, what="what had come")
    answer = tus.ask("POST", "/v1/tus", BIG, **wanted)
    assert (answer.status, answer["Upload-Offset"]) == (201, "800000")
    answer = tus.patch(answer["Location"], 800_000, BIG[800_000:])
    assert content_of(server, answer) == BIG
    again = tus.ask("POST", "/v1/tus", BIG, **wanted)
    assert (again.status, again["Upload-Id"]) == (201, answer["Upload-Id"])


def test_a_key_is_of_one_request_alone(tus):
    """What the request would join is part of it, though no length or name differs."""
    first, second = (tus.begin(5, Upload_Concat="partial") for _ in range(2))
    final = tus.create(Upload_Concat=f"final;{first}", Idempotency_Key="k")
    again = tus.create(Upload_Concat=f"final;{first}", Idempotency_Key="k")
    assert again["Location"] == final["Location"]
    for other in (f"final;{second}", f"final;{first} {second}"):
        problem_of(tus.create(Upload_Concat=other, Idempotency_Key="k"), 422,
                   "idempotency_key_reused")
    tus.begin(5, Idempotency_Key="p")
    problem_of(tus.create(5, Upload_Concat="partial", Idempotency_Key="p"), 422,
               "idempotency_key_reused")


def test_a_final_is_found_by_its_key_when_it_has_its_partials(server, tus):
    first = tus.begin(len(SOUND), Upload_Concat="partial")
    tus.patch(first, 0, SOUND)
    final, again = (tus.create(Upload_Concat=f"final;{first}", Idempotency_Key="k")
                    for _ in range(2))
    looked = tus.look(first)
    assert (looked.status, looked["Upload-Offset"], looked["Upload-Id"]) == (
        200, str(len(SOUND)), None)
    assert (again.status, again["Location"]) == (201, final["Location"])
    assert again["Upload-Id"] == final["Upload-Id"] and content_of(server, again) == SOUND


def test_a_final_whose_answer_was_lost_is_asked_for_again(server, tus):
    half = len(SOUND) // 2
    first, second = (tus.begin(len(part), Upload_Concat="partial")
                     for part in (SOUND[:half], SOUND[half:]))
    tus.patch(first, 0, SOUND[:half])
    tus.patch(second, 0, SOUND[half:])
    wish = {"Upload_Concat": f"final;{first} {second}", "Upload_Metadata": f"filename {b64('a')}"}
    with tus.connect() as raw:
        raw.send(tus.head("POST", "/v1/tus", Content_Length=0, **wish))
    made, = wait_until(lambda: server.api().get_json("/v1/uploads")["items"], what="the upload")
    for path, size in ((first, half), (second, len(SOUND) - half)):
        shown = tus.ask("GET", path).json
        assert (shown["status"], shown["offset"], shown["upload_id"]) == ("completed", size, None)
        problem_of(tus.ask("POST", path.replace("/tus/", "/chunked-uploads/") + "/complete", b"",
                           Tus_Resumable=None), 409, "conflict")
    again = tus.create(**wish)
    assert (again.status, again["Upload-Id"]) == (201, made["id"])
    problem_of(tus.create(Upload_Concat=f"final;{second} {first}"), 409, "conflict")
    assert quota(server.api())["current_file_count"] == 1
    check_nothing_reserved(server)


def test_the_end_of_a_partial_that_was_joined_is_asked_for_again(server):
    """Whatever its final has become: here the upload that is there."""
    record = server.api().upload(SOUND)
    tus = Tus(server, query="?on_duplicate=return")
    half = len(SOUND) // 2
    paths = []
    for part in (SOUND[:half], SOUND[half:]):
        paths.append(tus.begin(len(part), Upload_Concat="partial"))
        assert tus.patch(paths[-1], 0, part).status == 204
    assert tus.create(Upload_Concat=f"final;{' '.join(paths)}")["Upload-Id"] == record["id"]
    for path, size in zip(paths, (half, len(SOUND) - half)):
        assert tus.patch(path, size, b"").status == 204


# ---- others ----

def test_a_chunked_session_goes_on_as_tus_and_back(server, tus):
    api = server.api()
    size = 262_144
    begun = api.post("/v1/chunked-uploads", json={
        "filename": "x.wav", "file_size": len(BIG), "chunk_size": size,
        "mime_type": "audio/wav"}).json()
    at, path = f"/v1/chunked-uploads/{begun['id']}", f"/v1/tus/{begun['id']}"
    api.put(f"{at}/chunks/0", data=BIG[:size])
    api.put(f"{at}/chunks/2", data=BIG[2 * size:3 * size])
    looked = tus.look(path)
    assert looked["Upload-Offset"] == str(size)
    assert looked["Upload-Metadata"] == f"filename {b64('x.wav')},filetype {b64('audio/wav')}"
    # The chunk that is there already counts as soon as the gap before it is closed.
    answer = tus.patch(path, size, BIG[size:2 * size])
    assert answer["Upload-Offset"] == str(3 * size)
    for index in range(3, len(BIG) // size):
        api.put(f"{at}/chunks/{index}", data=BIG[index * size:(index + 1) * size])
    offset = tus.offset(path)
    assert content_of(server, tus.patch(path, offset, BIG[offset:])) == BIG


@pytest.mark.parametrize("complete", ["?0", "?1"])
@pytest.mark.parametrize("body", [b"", b"x"])
def test_a_final_takes_nothing_over_another_protocol(server, tus, body, complete):
    """No length either, which its partials have reserved."""
    half = len(SOUND) // 2
    first = tus.begin(half, Upload_Concat="partial")
    second = tus.begin(len(SOUND) - half, Upload_Concat="partial")
    final = tus.begin(Upload_Concat=f"final;{first} {second}")
    answer = tus.ask("PATCH", final.replace("/tus/", "/resumable-uploads/"), body,
                     Tus_Resumable=None, Upload_Offset=0, Upload_Complete=complete,
                     Upload_Length=500_000, Content_Type="application/partial-upload")
    problem_of(answer, 403, "forbidden")
    assert quota(server.api())["reserved_bytes"] == len(SOUND)
    tus.patch(first, 0, SOUND[:half])
    tus.patch(second, 0, SOUND[half:])
    assert content_of(server, tus.look(final)) == SOUND
    check_nothing_reserved(server)


def test_a_partial_that_fails_is_the_end_of_its_final(server, tus):
    """The draft ends a session that is sent too much."""
    first = tus.begin(10, Upload_Concat="partial")
    final = tus.begin(Upload_Concat=f"final;{first}")
    path = first.replace("/tus/", "/resumable-uploads/")
    with tus.connect() as raw:
        answer = raw.ask(tus.head("PATCH", path, Tus_Resumable=None, Upload_Offset=0,
                                  Upload_Complete="?0", Transfer_Encoding="chunked",
                                  Content_Type="application/partial-upload") +
                         b"14\r\n" + bytes(20) + b"\r\n0\r\n\r\n")
    problem_of(answer, 400, "inconsistent_length")
    assert tus.look(final).status == 400
    problem_of(tus.ask("GET", final), 400, "inconsistent_length")
    check_nothing_reserved(server)


def test_other_workspaces_see_nothing(server, tus):
    other = make_workspace(server.api())
    stranger = Tus(server, member(server, "writer", other["id"]).headers["Authorization"][7:])
    own = Tus(server, member(server, "writer").headers["Authorization"][7:])
    path = own.begin(len(SOUND))
    partial = own.begin(5, Upload_Concat="partial")
    assert stranger.look(path).status == 404
    for answer in (stranger.ask("GET", path), stranger.patch(path, 0, SOUND),
                   stranger.delete(path), stranger.create(Upload_Concat=f"final;{partial}")):
        problem_of(answer, 404, "not_found")
    assert own.offset(path) == 0


def test_a_stranger_does_not_cut_off(server, tus):
    other = make_workspace(server.api())
    stranger = Tus(server, member(server, "writer", other["id"]).headers["Authorization"][7:])
    own = Tus(server, member(server, "writer").headers["Authorization"][7:])
    path = own.begin(len(BIG))
    with hang(own, path, 0, BIG[:1_000_000], len(BIG)) as old:
        wait_until(lambda: active(server) == 1, what="the PATCH to be received")
        assert stranger.look(path).status == 404
        assert stranger.patch(path, 0, SOUND).status == 404
        assert old.ask(BIG[1_000_000:]).status == 204


def test_a_reader_may_only_see(server, tus):
    reader = Tus(server, member(server, "reader").headers["Authorization"][7:])
    path = tus.begin(len(SOUND))
    assert reader.ask("GET", path).status == 200
    assert reader.look(path).status == 403  # it would cut off who is sending
    for answer in (reader.create(5), reader.patch(path, 0, SOUND), reader.delete(path)):
        problem_of(answer, 403, "forbidden")


def test_an_operators_url_names_the_workspace(server):
    workspace = make_workspace(server.api())
    tus = Tus(server, query=f"?workspace_id={workspace['id']}")
    path = tus.begin(len(SOUND))
    assert path.endswith(f"?workspace_id={workspace['id']}")
    answer = tus.patch(path, 0, SOUND)
    record = server.api().get_json(answer["Content-Location"],
                                   params={"workspace_id": workspace["id"]})
    assert record["workspace_id"] == workspace["id"]
    first = tus.begin(len(SOUND), Upload_Concat="partial")
    assert tus.patch(first, 0, SOUND).status == 204
    assert tus.create(Upload_Concat=f"final;{first}")["Upload-Id"]


def test_a_session_that_has_expired_is_gone(tmp_path):
    """Swept, its quota given back; the URL is 404."""
    with Server(tmp_path / "data", "--uploads-session-ttl", "60s") as server:
        tus = Tus(server)
        path = tus.begin(len(SOUND))
        tus.patch(path, 0, SOUND[:100])
        # The clock cannot be moved from here, so the row's is.
        with catalog_of(server) as catalog:
            catalog.execute("UPDATE chunked_uploads SET expires_at = "
                            f"{catalog.earlier('created_at', 1)}")
        server.stop()
        server.start()
        wait_until(lambda: tus.look(path).status == 404, what="the sweep")
        check_nothing_reserved(server)


def test_a_wrong_token_is_told_as_ever(server):
    tus = Tus(server, "nonsense")
    problem_of(tus.create(5), 401, "unauthorized")
    answer = tus.options()
    assert answer.status == 204 and answer["Allow"] == "POST, OPTIONS"
    expect_problem(server.api("nonsense").get("/v1/tus/x"), 401, "unauthorized")


def test_no_more_is_promised_than_a_file_can_have(server, tus):
    """Nothing is configured: what the disk's file system can hold is the limit, where there is one."""
    most = largest_file(server)
    if most < 2 ** 52:
        assert tus.options()["Tus-Max-Size"] == str(most)
    else:
        assert tus.options()["Tus-Max-Size"] is None
    problem_of(tus.create(min(most, 2 ** 52) + 1), 413, "file_too_large")
    answer = server.api().post("/v1/chunked-uploads", json={
        "filename": "a.wav", "file_size": min(most, 2 ** 52) + 1, "chunk_size": 5 << 30})
    expect_problem(answer, 413, "file_too_large")
    check_nothing_reserved(server)
