"""Uploads of several requests whose content is in an S3 store, seen from its side: what is read there, and
what is stored. Over a small S3 server of the tests', which keeps what it was asked."""
import hashlib

import pytest

import audio
from chunked import CHUNK, Upload
from cluster import Cluster
from server import Server, expect_problem
from small_s3 import SmallS3
from tus import TYPE, Tus, problem_of

MIB = 1 << 20
PATIENCE_S = 60


@pytest.fixture(scope="module")
def small():
    with SmallS3() as running:
        yield running


# ---- what is sent again ----

@pytest.fixture(scope="module")
def alone(small, database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alone")
    (folder / "conf").write_text(small.section(prefix="alone/", profile="aws", style="path"))
    with Server(folder / "data", "--config", str(folder / "conf")) as server:
        yield server


def test_chunks_sent_again_are_compared_with_the_object(small, alone):
    api, big = alone.api(), 5 * MIB
    upload = Upload(api, audio.wav_of_bytes(2 * big + 1000, seed=1), chunk_size=big)
    record = upload.put_all()["upload"]
    for index in range(upload.total):
        assert upload.put(index).status_code == 200
    ranges = [x["range"] for x in small.requests("GET", record["storage_path"]) if "range" in x]
    assert max(int(end) - int(start) for start, end in (x[6:].split("-") for x in ranges)) < 4 * MIB
    for index, place in ((0, 0), (0, 4 * MIB), (1, big - 1), (2, 999)):
        other = bytearray(upload.chunk(index))
        other[place] ^= 1
        expect_problem(upload.put(index, bytes(other)), 409, "bytes_differ")
    assert upload.put(2).status_code == 200


def test_an_object_that_cannot_be_read_is_not_compared(small, alone):
    """The upload is complete whatever became of its object since, and a repetition says so."""
    upload = Upload(alone.api(), audio.wav_of_bytes(CHUNK, seed=2))
    record = upload.put_all()["upload"]
    key = f"alone/{record['storage_path']}"
    stored = small.objects[key]
    stored.storage_class = "GLACIER"
    assert upload.put(0, bytes(CHUNK)).status_code == 200
    stored.storage_class = "STANDARD"
    expect_problem(upload.put(0, bytes(CHUNK)), 409, "bytes_differ")
    del small.objects[key]
    assert upload.put(0, bytes(CHUNK)).status_code == 200
    small.objects[key] = stored


# ---- sessions of which the store has the stage ----

@pytest.fixture(scope="module")
def pair(small, database, tmp_path_factory):
    section = {"part_size": "5MiB", "parts_at_once": "2"}
    with Cluster(tmp_path_factory.mktemp("pair"), small, count=2, section=section) as running:
        yield running


def staged(pair, small, path):
    """The pieces of the session PATH that the store has."""
    prefix = f"{pair.folder.name}/staged/{path.rpartition('/')[2]}/"
    with small.lock:
        return [key for key in small.objects if key.startswith(prefix)]


def only(pair, content):
    digest = hashlib.sha256(content).hexdigest()
    found, = pair.api(0).get_json("/v1/uploads", params={"sha256": digest})["items"]
    return found


@pytest.mark.databases("postgres")
def test_bytes_that_came_elsewhere_meanwhile_are_stored_once(pair, small):
    content = audio.wav_of_bytes(34 * MIB, seed=3)
    slow, quick = (Tus(node, pair.token) for node in pair.nodes)
    path = slow.begin(len(content))
    with slow.connect(timeout=PATIENCE_S) as raw:
        raw.send(slow.head("PATCH", path, Content_Type=TYPE, Upload_Offset="0",
                           Content_Length=str(len(content)), Expect="100-continue"))
        assert raw.answer().status == 100
        assert quick.patch(path, 0, content[:33 * MIB]).status == 204
        raw.try_send(content)
        problem_of(raw.answer(), 409, "superseded")
    assert len(staged(pair, small, path)) == 2 + 1  # those of the quick one, and that which was refused
    assert quick.patch(path, 33 * MIB, content[33 * MIB:]).status == 204
    record = only(pair, content)
    assert pair.api(1).get(f"/v1/uploads/{record['id']}/content").content == content


def copied(small, record):
    """Of how many parts the object was made by copying, and of how many by sending."""
    parts = small.requests("PUT", record["storage_path"] + "?partNumber=")
    copies = sum("x-amz-copy-source" in each for each in parts)
    return copies, len(parts) - copies


@pytest.mark.databases("postgres")
def test_what_the_store_has_in_pieces_is_not_sent_again(pair, small):
    big = 6 * MIB
    upload = Upload(pair.api(0), audio.wav_of_bytes(3 * big + 1000, seed=4), chunk_size=big)
    for index in range(upload.total):
        answer = pair.api(index % 2).put(f"{upload.url}/chunks/{index}", data=upload.chunk(index))
        assert answer.status_code == 200, answer.text
    record = only(pair, upload.data)
    assert copied(small, record) == (4, 0)
    upload.check_record(record)
    pair.nodes[0].verify()


@pytest.mark.databases("postgres")
def test_pieces_that_are_too_short_are_sent_together(pair, small):
    content = audio.wav_of_bytes(15 * MIB, seed=5)
    path = Tus(pair.nodes[0], pair.token).begin(len(content))
    for turn, (at, end) in enumerate(((0, MIB), (MIB, 13 * MIB), (13 * MIB, len(content)))):
        answer = Tus(pair.nodes[turn % 2], pair.token).patch(path, at, content[at:end])
        assert answer.status == 204, answer.text
    record = only(pair, content)
    assert copied(small, record) == (2, 1)  # the first 5 MiB are sent
    assert pair.api(1).get(f"/v1/uploads/{record['id']}/content").content == content


@pytest.mark.databases("postgres")
def test_a_piece_that_cannot_be_copied_is_sent(pair, small):
    content = audio.wav_of_bytes(14 * MIB, seed=6)
    tus = Tus(pair.nodes[0], pair.token)
    path = tus.begin(len(content))
    assert tus.patch(path, 0, content[:7 * MIB]).status == 204
    piece, = staged(pair, small, path)
    del small.objects[piece]
    assert tus.patch(path, 7 * MIB, content[7 * MIB:]).status == 204
    record = only(pair, content)
    assert copied(small, record) == (2, 1)  # one of them failed
    assert pair.api(1).get(f"/v1/uploads/{record['id']}/content").content == content


@pytest.mark.databases("postgres")
def test_where_parts_must_be_of_one_length_pieces_are_sent_again(pair, small, monkeypatch):
    monkeypatch.setattr(small, "equal_parts", True)
    content = audio.wav_of_bytes(15 * MIB, seed=7)
    path = Tus(pair.nodes[0], pair.token).begin(len(content))
    for turn, (at, end) in enumerate(((0, MIB), (MIB, 13 * MIB), (13 * MIB, len(content)))):
        answer = Tus(pair.nodes[turn % 2], pair.token).patch(path, at, content[at:end])
        assert answer.status == 204, answer.text
    record = only(pair, content)
    assert copied(small, record) == (2, 1 + 3)  # what was made of pieces is refused
    assert len(small.requests("DELETE", record["storage_path"] + "?uploadId=")) == 1
    assert pair.api(1).get(f"/v1/uploads/{record['id']}/content").content == content
