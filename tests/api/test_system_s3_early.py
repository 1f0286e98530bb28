"""A long upload goes to its S3 store while it arrives."""
import hashlib
import json
import socket

import pytest

import audio
from chunked import digest_field
from fault_proxy import FaultProxy
from server import Server, wait_until
from small_s3 import SmallS3

MIB = 1 << 20
SIZE = 17 * MIB  # three parts of 5 MiB, and a rest
WAIT_S = 120
SETTINGS = "[log]\nlevel = debug\n[server]\nsweep_every = 100ms\n"


def wav(seed):
    return audio.wav_of_bytes(SIZE, seed)


@pytest.fixture(scope="module")
def small():
    with SmallS3() as running:
        yield running


def serve(folder, section, settings=SETTINGS, **options):
    conf = folder / "conf"
    conf.write_text(section + settings)
    return Server(folder / "data", "--config", str(conf), **options)


@pytest.fixture(scope="module")
def server(tmp_path_factory, small):
    section = small.section(part_size="5MiB", prefix="early/")
    with serve(tmp_path_factory.mktemp("early"), section) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(small):
    with FaultProxy(small.port) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(tmp_path_factory, small, proxy):
    """A server of another store, with the proxy on its way there."""
    section = small.section(part_size="5MiB", prefix="proxied/", endpoint=proxy.endpoint, attempts="2")
    with serve(tmp_path_factory.mktemp("proxied"), section) as running:
        yield running


@pytest.fixture
def seen(small):
    """What is asked of the provider from now on."""
    start = len(small.seen)
    return lambda method, mark: [x for m, x, _ in small.seen[start:] if m == method and mark in x]


class Sending:
    """A POST of one file of which the test decides when its bytes go."""

    def __init__(self, server, name="a.wav", size=SIZE, **headers):
        self.socket = socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), WAIT_S)
        length = {"Transfer-Encoding": "chunked"} if size is None else {"Content-Length": size}
        lines = {"Host": "x", "Authorization": f"Bearer {server.token}", **length, **headers}
        self.is_chunked = size is None
        self.send_raw(f"POST /v1/uploads?filename={name} HTTP/1.1\r\n".encode())
        self.send_raw("".join(f"{k}: {v}\r\n" for k, v in lines.items()).encode() + b"\r\n")

    def send_raw(self, data):
        self.socket.sendall(data)

    def send(self, data):
        self.send_raw(b"%x\r\n%s\r\n" % (len(data), data) if self.is_chunked else data)

    def answer(self):
        if self.is_chunked:
            self.send_raw(b"0\r\n\r\n")
        with self.socket, self.socket.makefile("rb") as reader:
            status = int(reader.readline().split()[1])
            length = 0
            while (line := reader.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            return status, json.loads(reader.read(length))


def wait_for(question, what):
    return wait_until(question, WAIT_S, what)


def gets_on(small, number=1):
    """Some transfer has brought its part NUMBER."""
    return any(number in x["parts"] for x in list(small.uploads.values()))


@pytest.mark.parametrize("way", ["raw", "digest", "chunked", "form"])
def test_parts_go_while_the_rest_arrives(server, small, seen, way):
    content = wav(way)
    head, tail, headers = b"", b"", {"Content-Type": "audio/x-wav"}
    if way == "digest":
        headers["Repr-Digest"] = digest_field("sha-256", content)
    if way == "form":
        head = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.wav"\r\n\r\n'
        tail = b"\r\n--x--\r\n"
        headers["Content-Type"] = "multipart/form-data; boundary=x"
    objects = set(small.objects)
    sending = Sending(server, size=None if way == "chunked" else SIZE + len(head) + len(tail), **headers)
    sending.send(head + content[:16 * MIB])
    wait_for(lambda: gets_on(small, 1) and gets_on(small, 2), "the first parts")
    assert set(small.objects) == objects and len(small.uploads) == 1
    sweeps = len(seen("GET", "uploads="))
    wait_for(lambda: len(seen("GET", "uploads=")) > sweeps + 2, "sweeps, which leave it alone")
    sending.send(content[16 * MIB:] + tail)
    status, record = sending.answer()
    assert status == 201, record
    key = record["storage_path"]
    stored = small.objects["early/" + key]
    assert stored.body == content and small.uploads == {}
    assert stored.kept["content-type"] == record["mime_type"] == "audio/wav"
    digest = hashlib.sha256(content).hexdigest()
    assert record["checksum_sha256"] == digest
    assert stored.kept.get("x-amz-meta-sha256") == (digest if way == "digest" else None)
    assert len(seen("POST", key + "?uploads=")) == 1
    assert [len(seen("PUT", f"{key}?partNumber={i}&")) for i in (1, 2, 3, 4, 5)] == [1, 1, 1, 1, 0]
    assert server.api().get(f"/v1/uploads/{record['id']}/content").content == content


def test_what_is_there_already_is_given_up(server, small, seen):
    content = wav("twice")
    first, again = (server.api().upload(content, name) for name in ("a.wav", "b.wav"))
    assert again["duplicate_of"] == first["id"] and again["storage_path"] == first["storage_path"]
    assert small.uploads == {} and len(seen("POST", "uploads=")) == 2
    assert len([x for x in small.objects.values() if x.body == content]) == 1
    assert seen("DELETE", "uploadId=")


def test_what_is_refused_is_given_up(server, small, seen):
    objects = set(small.objects)
    problem = server.api().upload(wav("refused"), expect=400, headers={
        "Repr-Digest": digest_field("sha-256", b"something else")})
    assert problem["code"] == "checksum_mismatch"
    assert seen("POST", "uploads=") and small.uploads == {} and set(small.objects) == objects


def test_giving_up_does_not_keep_an_answer_waiting(tmp_path, small, seen, proxy):
    section = small.section(part_size="5MiB", prefix="waits/", endpoint=proxy.endpoint)
    with serve(tmp_path, section, settings="") as server:
        proxy.faults = {"DELETE": [("delay", 20)]}
        server.api().upload(wav("waits"), expect=400, headers={
            "Repr-Digest": digest_field("sha-256", b"something else")})
        assert not any(proxy.faults.values())
        assert not [x for x in seen("DELETE", "uploadId=") if "waits/" in x] and len(small.uploads) == 1
        wait_for(lambda: small.uploads == {}, "the provider")


def test_what_is_cut_off_is_given_up(server, small, seen):
    sending = Sending(server)
    sending.send(wav("cut off")[:11 * MIB])
    wait_for(lambda: gets_on(small), "the first part")
    sending.socket.close()
    wait_for(lambda: small.uploads == {}, "the end of the transfer")
    assert len(seen("DELETE", "uploadId=")) >= 1
    wait_for(lambda: server.verify()["totals"]["staged_bytes"] == 0, "all to be given up")


def test_short_ones_go_at_the_end(server, small, seen):
    content = audio.wav_of_bytes(10 * MIB, 1)  # two parts
    record = server.api().upload(content)
    stored = small.objects["early/" + record["storage_path"]]
    assert stored.kept["x-amz-meta-sha256"] == record["checksum_sha256"]


def test_another_type_than_it_seemed_goes_again(server, small, seen):
    """MP3's tag before ADTS: only a look at all of it tells."""
    path = audio.ffmpeg("long.aac", "-c:a", "aac", "-b:a", "64k", seconds=20.0)
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10)
    frames = path.read_bytes()
    content = tag + frames * (11 * MIB // len(frames) + 1)
    record = server.api().upload(content, "a.aac")
    assert record["mime_type"] == "audio/aac"
    stored = small.objects["early/" + record["storage_path"]]
    assert stored.body == content and stored.kept["content-type"] == "audio/aac"
    assert stored.kept["x-amz-meta-sha256"] == record["checksum_sha256"]
    assert len(seen("POST", record["storage_path"] + "?uploads=")) == 2 and small.uploads == {}


def test_it_may_be_turned_off(tmp_path, small, seen):
    section = small.section(part_size="5MiB", prefix="off/", send_early="false")
    with serve(tmp_path, section) as server:
        sending = Sending(server)
        content = wav("off")
        sending.send(content[:-1])
        wait_for(lambda: (server.data / "staging-main").exists() and any(
            x.stat().st_size >= SIZE - 1 for x in (server.data / "staging-main/.staging").iterdir()),
            "all but a byte to be staged")
        assert not seen("POST", "uploads=")
        sending.send(content[-1:])
        status, record = sending.answer()
        assert status == 201
        assert small.objects["off/" + record["storage_path"]].kept["x-amz-meta-sha256"]


SLOW_DOWN = (b"HTTP/1.1 503 Slow Down\r\nContent-Length: 39\r\n\r\n"
             b"<Error><Code>SlowDown</Code>\n\n\n</Error>")


def send_in_steps(server, sending, content, proxy):
    """What failed is tried again when another part is there: so none follows before that is noted."""
    def failures():
        return server.log_text().count("early and is left for later")
    for at in range(0, 15 * MIB, 5 * MIB):
        before = failures()
        sending.send(content[at:at + 5 * MIB])
        wait_for(lambda n=before: failures() > n or not any(proxy.faults.values()), "the failure")
    sending.send(content[15 * MIB:])


@pytest.mark.parametrize("faults", [
    {"POST": [("answer", SLOW_DOWN)] * 2},  # nothing is begun early
    {"partNumber=1&": [("answer", SLOW_DOWN)] * 4},
    {"partNumber=": [("answer", SLOW_DOWN)] * 6}])  # after three parts nothing more is tried early
def test_a_store_that_fails_meanwhile_fails_no_upload(proxied, proxy, small, seen, faults):
    content = wav(str(faults))
    proxy.faults = {mark: list(each) for mark, each in faults.items()}
    sending = Sending(proxied)
    send_in_steps(proxied, sending, content, proxy)
    status, record = sending.answer()
    assert status == 201 and not any(proxy.faults.values()), record
    assert small.objects["proxied/" + record["storage_path"]].body == content and small.uploads == {}
    assert len(seen("POST", record["storage_path"] + "?uploads=")) == 1
    proxied.verify()


def test_a_transfer_that_vanishes_is_begun_again(server, small, seen):
    content = wav("vanishes")
    sending = Sending(server)
    sending.send(content[:6 * MIB])
    wait_for(lambda: gets_on(small), "the first part")
    small.uploads.clear()
    sending.send(content[6 * MIB:])
    status, record = sending.answer()
    assert status == 201, record
    assert small.objects["early/" + record["storage_path"]].body == content and small.uploads == {}
    assert len(seen("POST", record["storage_path"] + "?uploads=")) == 2


@pytest.mark.parametrize("early", ["true", "false"])
def test_what_may_yet_be_completed_keeps_its_parts(tmp_path, small, seen, proxy, early):
    """The provider carries the completion out after the upload was answered."""
    section = small.section(part_size="5MiB", prefix=f"late-{early}/", endpoint=proxy.endpoint,
                            attempts="1", send_early=early)
    content = wav("late" + early)
    with serve(tmp_path, section, settings="") as server:
        proxy.faults = {"?uploadId=": [("late", 5)]}
        server.api().upload(content, expect=503)
        assert not any(proxy.faults.values())
        wait_for(lambda: small.uploads == {}, "the completion")
        assert not [x for x in seen("DELETE", "uploadId=") if f"late-{early}/" in x]
        assert [x.body == content for name, x in small.objects.items() if "/uploads/" in name
                and name.startswith(f"late-{early}/")] == [True]


def test_after_a_crash_the_sweep_gives_it_up(proxied, small):
    objects = set(small.objects)
    sending = Sending(proxied)
    sending.send(wav("crash")[:11 * MIB])
    wait_for(lambda: gets_on(small), "the first part")
    proxied.kill()
    sending.socket.close()
    assert len(small.uploads) == 1
    proxied.start()
    wait_for(lambda: small.uploads == {}, "the sweep")
    proxied.verify()
    assert set(small.objects) == objects
