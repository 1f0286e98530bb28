"""Hostile input: each gets the right refusal, leaves nothing behind, and the server goes on.

Playlists point at a real file of ours and at a listener of ours: neither may be touched.
"""
import base64
import gzip
import io
import pathlib
import random
import re
import socket
import struct
import subprocess
import threading
import time
import urllib.parse
import zipfile

import audio
import pytest
import requests
from catalog import catalog_of
from server import Server, expect_problem

ANSWER_LIMIT_S = 20  # with the sanitizers, on a loaded machine
WAV = audio.wav(seconds=1)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("hostile") / "data") as running:
        yield running
        running.api().upload(audio.wav(seed=77))
        running.verify()
        log = running.log_text()
        for words in ("died", "in time", "internal_error"):
            assert words not in log, log[max(0, log.index(words) - 500):][:1500]


@pytest.fixture(scope="module")
def api(server):
    return server.api()


def send(api, content, name="a.mp3", **options):
    started = time.monotonic()
    answer = api.post("/v1/uploads", params={"filename": name}, data=content,
                      headers={"Content-Type": "application/octet-stream"}, **options)
    assert time.monotonic() - started < ANSWER_LIMIT_S
    assert answer.status_code < 500, answer.text
    return answer


TABLES = ("audio_uploads", "chunked_uploads", "storage_garbage", "audio_chunks", "processing_jobs",
          "audio_history", "storage_events", "idempotency_keys")


def traces(server):
    """Whatever an upload may leave: files, rows, usage."""
    files = sorted(str(path) for path in (server.data / "store").rglob("*"))
    with catalog_of(server) as catalog:
        counts = [catalog.value(f"SELECT count(*) FROM {table}") for table in TABLES]
        usage = catalog.rows("SELECT current_storage_bytes, current_file_count, monthly_uploads, "
                             "monthly_upload_bytes FROM storage_quotas")
    return files, counts, usage


@pytest.fixture
def leaves_nothing(server):
    """The test's requests are refused without a trace."""
    before = traces(server)
    yield
    assert traces(server) == before


@pytest.fixture
def removes_all(server):
    """The test removes what it stored; only history stays."""
    before = traces(server)[0]
    yield
    after = [path for path in traces(server)[0] if path not in before and not pathlib.Path(path).is_dir()]
    assert after == []
    server.verify()


def refuse(api, content, status, codes, name="a.mp3"):
    problem = send(api, content, name)
    assert problem.status_code == status and problem.json()["code"] in codes, problem.text
    return problem.json()


# ---- no audio at all ----

def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.wav", WAV)
    return out.getvalue()


OTHERS = {
    "png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(5000),
    "jpeg": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(5000),
    "gif": b"GIF89a" + bytes(5000),
    "html": b"<!DOCTYPE html><html><script>alert(1)</script>" + b" " * 5000,
    "html behind blanks": b"\xef\xbb\xbf \r\n\t<HTML>" + b"x" * 5000,
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>' + b" " * 5000,
    "xml": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "zip": zipped(),
    "gzip": gzip.compress(WAV),
    "pdf": b"%PDF-1.7\n" + bytes(5000),
    "elf": pathlib.Path("/bin/true").read_bytes(),
    "windows program": b"MZ" + bytes(58) + struct.pack("<I", 128) + bytes(64) + b"PE\0\0"
                       + bytes(4000),
    "script": b"#!/bin/sh\nrm -rf /\n" + b"#" * 5000,
    "text": b"just words, again and again. " * 300,
    "json": b'{"a": 1}' + b" " * 5000,
    "sqlite": b"SQLite format 3\0" + bytes(5000),
    "midi": b"MThd\0\0\0\6\0\1\0\1\0\x60MTrk" + bytes(500),
    "webvtt": b"WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n" * 50,
    "srt": b"1\n00:00:00,000 --> 00:00:01,000\nhello\n\n" * 50,
    "tar": b"a.wav".ljust(257, b"\0") + b"ustar\x0000" + bytes(5000),
}


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("kind", OTHERS)
def test_no_audio(api, kind):
    for name in ("a.mp3", "a.wav", "a"):
        refuse(api, OTHERS[kind], 415, {"not_audio"}, name)


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("content", [b"", b"", b"\0", b"R", b"ID3", b"RIFF", b"OggS", b"fLaC",
                                     b"\xff\xfb", bytes(100), bytes(100_000), b"\xff" * 100_000],
                         ids=lambda c: f"{c[:4]!r} {len(c)}")
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_next_to_nothing(api, content, known):
    answer = send(api, content if known else iter([content]) if content else iter([]))
    if content:
        assert answer.json()["code"] in ("not_audio", "media_unreadable"), answer.text
    else:
        expect_problem(answer, 400, "empty_file")


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("seed", range(6))
def test_noise(api, seed):
    content = random.Random(seed).randbytes(60_000)
    answer = send(api, content)
    assert answer.json()["code"] in ("not_audio", "media_unreadable"), answer.text


# ---- headers that claim what is not there ----

HUGE = (1 << 31, (1 << 32) - 1, 1 << 62, 1 << 63, (1 << 64) - 1)
NARROW = ((1 << 31) - 1, 1 << 31, (1 << 32) - 1)
FMT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)


def low(value):
    return min(value, (1 << 32) - 1)


def be80(rate):
    """An IEEE 754 extended number, as AIFF has it."""
    return struct.pack(">HQ", 16383 + 31, rate << 32)


def ebml(size):
    return b"\x1a\x45\xdf\xa3\x80\x18\x53\x80\x67\x01" + struct.pack(">Q", size)[1:]


CLAIMS = {
    "wav": lambda n: b"RIFF" + struct.pack("<I", low(n)) + b"WAVE" + FMT + b"data"
                     + struct.pack("<I", low(n)),
    "wav chunk": lambda n: b"RIFF" + struct.pack("<I", low(n)) + b"WAVELIST"
                           + struct.pack("<I", low(n)) + FMT,
    "wav fmt": lambda n: b"RIFF\x24\0\0\0WAVEfmt " + struct.pack("<I", low(n)) + FMT[8:],
    "rf64": lambda n: b"RF64\xff\xff\xff\xffWAVEds64" + struct.pack(
        "<IQQQI", 28, n, n, n, 0) + FMT + b"data\xff\xff\xff\xff",
    "w64": lambda n: b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0" + struct.pack("<Q", n)
                     + b"wave\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a"
                     + b"fmt \xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a" + struct.pack("<Q", n),
    "aiff": lambda n: b"FORM" + struct.pack(">I", low(n)) + b"AIFFCOMM" + struct.pack(
        ">IHIH", 18, 1, low(n), 16) + be80(8000) + b"SSND" + struct.pack(">III", low(n), 0, 0),
    "au": lambda n: b".snd" + struct.pack(">IIIII", 24, low(n), 3, 8000, 1),
    "au header": lambda n: b".snd" + struct.pack(">IIIII", low(n), low(n), 3, 8000, 1),
    "flac": lambda n: b"fLaC\x80\0\0\x22" + struct.pack(">HH", 4096, 4096) + bytes(6)
                      + struct.pack(">Q", 44100 << 44 | 1 << 41 | 15 << 36 | (n & ((1 << 36) - 1)))
                      + bytes(16),
    "flac block": lambda n: b"fLaC\x04\xff\xff\xff" + struct.pack("<II", low(n), low(n)),
    "mp4": lambda n: b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom\0\0\0\1moov" + struct.pack(">Q", n),
    "mp4 table": lambda n: b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom\0\0\0\x80moov\0\0\0\x78trak"
                           b"\0\0\0\x70mdia\0\0\0\x68minf\0\0\0\x60stbl\0\0\0\x58stsz" + bytes(8)
                           + struct.pack(">I", low(n)) + bytes(70),
    "ogg": lambda n: b"OggS\0\2" + struct.pack("<QIII", n, 1, 0, 0) + b"\1\x13OpusHead\1\2"
                     + struct.pack("<HIHB", 312, 48000, 0, 0),
    "matroska": ebml,
    "caf": lambda n: b"caff\0\1\0\0desc" + struct.pack(">Qd", 32, 8000.0) + b"lpcm" + struct.pack(
        ">IIIII", 0, 2, 1, 1, 16) + b"data" + struct.pack(">Q", n) + bytes(4),
    "tta": lambda n: b"TTA1" + struct.pack("<HHHIII", 1, 2, 16, 44100, low(n), 0),
    "wavpack": lambda n: b"wvpk" + struct.pack("<IHBBIIIII", low(n), 0x410, 0, 0, low(n), 0, 22050,
                                               0x1801, 0),
    "ape": lambda n: b"MAC " + struct.pack("<HHIIIIIII", 3990, 0, 52, 24, low(n), 44, low(n), 0, 0)
                     + bytes(16) + struct.pack("<HHIIIHHI", 2000, 0, low(n), low(n), low(n), 16, 2,
                                               44100),
    "dsf": lambda n: b"DSD " + struct.pack("<QQQ", 28, n, n) + b"fmt " + struct.pack(
        "<QIIIIIIQII", 52, 1, 0, 2, 2, 2822400, 1, n, 4096, 0) + b"data" + struct.pack("<Q", n),
    "dff": lambda n: b"FRM8" + struct.pack(">Q", n) + b"DSD FVER" + struct.pack(">QI", 4, 1 << 24)
                     + b"PROP" + struct.pack(">Q", n),
    "asf": lambda n: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + struct.pack(
        "<QIBB", n, low(n), 1, 2),
    "id3": lambda n: b"ID3\4\0\0\x7f\x7f\x7f\x7fTIT2" + struct.pack(">I", low(n)) + b"\0\0",
    "mpc8": lambda n: b"MPCKSH" + b"\xff" * 9 + struct.pack(">Q", n),
    "voc": lambda n: b"Creative Voice File\x1a\x1a\0\x0a\1\x29\x11\1\xff\xff\xff",
}


@pytest.mark.usefixtures("removes_all")
@pytest.mark.parametrize("kind", CLAIMS)
def test_claims_without_content(api, kind):
    for claim in HUGE:
        for tail in (b"", b"\x01\x80" * 3000):
            content = CLAIMS[kind](claim) + tail
            answer = send(api, content, f"a.{kind.split()[0]}")
            if answer.status_code == 201:  # a sound header: what stands behind it counts, not it
                record = answer.json()
                assert record["duration"] <= (2 if tail else 0.2), (claim, record)
                api.delete(f"/v1/uploads/{record['id']}?permanent=true")
            else:
                assert answer.json()["code"] in ("not_audio", "media_unreadable"), answer.text


def patch_all(content, mark, at, value):
    """Every 32-bit number that stands AT bytes behind a MARK is made VALUE."""
    out = bytearray(content)
    for match in re.finditer(re.escape(mark), content):
        out[match.start() + at:match.start() + at + 4] = struct.pack(">I", value)
    return bytes(out)


@pytest.mark.usefixtures("removes_all")
@pytest.mark.parametrize("box", ["stsz", "stts", "stsc", "stco", "mdhd", "mvhd", "moov", "trak",
                                 "mdat", "mp4a", "esds", "elst", "udta", "ilst"])
@pytest.mark.parametrize("value", NARROW)
def test_boxes_that_lie(api, box, value):
    content = audio.ffmpeg("boxes.m4a", "-c:a", "aac", "-metadata", "title=x").read_bytes()
    for at in (-4, 8, 12, 16):
        answer = send(api, patch_all(content, box.encode(), at, value), "a.m4a")
        if answer.status_code == 201:
            api.delete(f"/v1/uploads/{answer.json()['id']}?permanent=true")


# ---- files that point elsewhere ----

@pytest.fixture(scope="module")
def lure(tmp_path_factory):
    """(path of a real WAV, URL of a listener, the list of who called)."""
    path = tmp_path_factory.mktemp("lure") / "lure.wav"
    path.write_bytes(WAV)
    calls = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def listen():
            try:
                while True:
                    line, _ = listener.accept()
                    calls.append(line)
                    line.close()
            except OSError:
                pass

        threading.Thread(target=listen, daemon=True).start()
        yield path, f"http://127.0.0.1:{listener.getsockname()[1]}/lure.wav", calls
        listener.shutdown(socket.SHUT_RDWR)


POINTERS = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n",
    "m3u8 key": '#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-KEY:METHOD=AES-128,URI="{}"\n'
                "#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n",
    "m3u8 map": '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MAP:URI="{}"\n#EXTINF:1,\na.mp4\n',
    "ffconcat": "ffconcat version 1.0\nfile '{}'\n",
    "concat": "file '{}'\n",
    "concat protocol": "concat:{}",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\na=tool:{}\n"
           "m=audio 5004 RTP/AVP 0\n",
    "pls": "[playlist]\nFile1={}\nNumberOfEntries=1\n",
    "dash": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
            'mediaPresentationDuration="PT1S"><Period><AdaptationSet mimeType="audio/mp4">'
            '<Representation id="a" bandwidth="1"><BaseURL>{}</BaseURL></Representation>'
            "</AdaptationSet></Period></MPD>",
    "ismv": '<?xml version="1.0"?><SmoothStreamingMedia><StreamIndex Url="{}"/>'
            "</SmoothStreamingMedia>",
    "asx": '<asx version="3.0"><entry><ref href="{}"/></entry></asx>',
    "xspf": '<?xml version="1.0"?><playlist><track><location>{}</location></track></playlist>',
    "ram": "{}\n",
    "cue": 'FILE "{}" WAVE\n  TRACK 01 AUDIO\n    INDEX 01 00:00:00\n',
    "imf": "<CompositionPlaylist>{}</CompositionPlaylist>",
    "rtsp": "[Reference]\nRef1={}\n",
    "vapoursynth": "import vapoursynth as vs\n# {}\n",
}


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("kind", POINTERS)
def test_pointers(api, lure, kind):
    path, url, calls = lure
    atime = path.stat().st_atime_ns
    for target in (str(path), f"file://{path}", path.name, url, f"subfile,,start,0,end,9,,:{path}"):
        text = POINTERS[kind].replace("{}", target).encode()
        for name in (f"a.{kind.split()[0]}", "a.mp3", "a.wav"):
            for padding in (b"", b"\n" * 9000):
                problem = refuse(api, text + padding, 415, {"not_audio"}, name)
                assert str(path) not in str(problem)
    assert calls == [] and path.stat().st_atime_ns == atime


@pytest.mark.usefixtures("removes_all")
def test_reference_movie(api, lure):
    """A QuickTime film whose samples stand in another file (a dref that is not itself)."""
    path, _, calls = lure
    content = audio.ffmpeg("reference.m4a", "-c:a", "aac").read_bytes()
    own = b"\0\0\0\x0curl \0\0\0\1"
    assert own in content
    for entry in (b"\0\0\0\x0curl \0\0\0\0", b"\0\0\0\x0calis\0\0\0\0", b"\0\0\0\x0crsrc\0\0\0\0"):
        answer = send(api, content.replace(own, entry), "a.m4a")
        if answer.status_code == 201:
            api.delete(f"/v1/uploads/{answer.json()['id']}?permanent=true")
    assert calls == []


# ---- tags out of all proportion ----

def syncsafe(size):
    return bytes((size >> shift) & 0x7f for shift in (21, 14, 7, 0))


def mp3():
    return audio.ffmpeg("plain.mp3", "-c:a", "libmp3lame", "-id3v2_version", "0").read_bytes()


@pytest.mark.usefixtures("removes_all")
@pytest.mark.parametrize("frame", [b"", b"PRIV", b"TIT2", b"APIC", b"COMM", b"TXXX"])
def test_tag_of_100_mb(api, frame):
    size = 100_000_000
    body = bytearray(size)
    if frame:
        body[0:10] = frame + syncsafe(size - 10) + b"\0\0"
        body[10:] = b"\0" + b"x" * (size - 11)
    content = b"ID3\4\0\0" + syncsafe(size) + bytes(body) + mp3()
    record = send(api, content).json()
    assert record.get("codec") == "mp3", record
    assert abs(record["duration"] - 2) < 0.06
    assert len(str(record["metadata"])) < 100_000
    api.delete(f"/v1/uploads/{record['id']}?permanent=true")


@pytest.mark.usefixtures("leaves_nothing")
def test_tag_that_claims_100_mb(api):
    refuse(api, b"ID3\4\0\0" + syncsafe(100_000_000) + mp3(), 422, {"media_unreadable"})


@pytest.mark.usefixtures("removes_all")
def test_thousands_of_tags(api):
    frames = b"".join(b"TXXX" + syncsafe(12) + b"\0\0\3k%08d\0v" % i for i in range(100_000))
    record = send(api, b"ID3\4\0\0" + syncsafe(len(frames)) + frames + mp3()).json()
    assert record.get("codec") == "mp3", record
    assert len(str(record["metadata"])) < 1_000_000
    api.delete(f"/v1/uploads/{record['id']}?permanent=true")


# ---- names ----

PATH = re.compile(r"uploads/[0-9a-f-]{36}/\d{4}/\d\d/\d\d/[0-9a-f-]{36}-[A-Za-z0-9_-]+\.[a-z0-9]+")
GOOD_NAMES = {
    "../../../etc/passwd.wav": "passwd.wav",
    "..\\..\\windows\\x.wav": "x.wav",
    "/absolute/path.wav": "path.wav",
    "....//....//a.wav": "a.wav",
    "C:\\a.wav": "a.wav",
    "evil\u202evaw.exe": None,
    "\u200f\u0645\u0631\u062d\u0628\u0627.wav": None,
    'quo"te\'s.wav': None,
    "--help": None,
    "-rf *.wav": None,
    "a;b&c|d`e$(f).wav": None,
    "%2e%2e%2f.wav": None,
    "a\u0301\u0300\u0302.wav": None,
    "\U0001f3b5.wav": None,
    "..wav": None,
    "...": None,
    " .wav": None,
    "CON.wav": None,
    ".audiotricks-store": None,
    ".staging": None,
    "a.wav.": None,
    "a.%s%n%x.wav": None,
    "<script>alert(1)</script>.wav": "script>.wav",
    "'; DROP TABLE audio_uploads; --.wav": None,
    "x" * 496 + ".wav": None,
    "\u00e4" * 248 + ".wav": None,
    "a." + "w" * 300: None,
}


@pytest.mark.usefixtures("removes_all")
@pytest.mark.parametrize("name", GOOD_NAMES, ids=lambda n: ascii(n)[:40])
def test_names_that_are_kept(api, name):
    kept = GOOD_NAMES[name] or name
    record = send(api, WAV, name).json()
    assert record.get("original_filename") == kept, record
    assert PATH.fullmatch(record["storage_path"]), record["storage_path"]
    assert len(record["storage_path"].rsplit("/", 1)[1]) < 140
    answer = api.get(f"/v1/uploads/{record['id']}/content?download=1")
    assert answer.content == WAV
    disposition = answer.headers["Content-Disposition"]
    assert disposition.isascii() and disposition.isprintable()
    starred = re.search(r"filename\*=UTF-8''([^;]*)$", disposition)
    plain = re.search(r'filename="((?:[^"\\]|\\.)*)"', disposition)
    told = urllib.parse.unquote(starred[1]) if starred else re.sub(r"\\(.)", r"\1", plain[1])
    assert told == kept
    api.delete(f"/v1/uploads/{record['id']}?permanent=true")


@pytest.mark.usefixtures("removes_all")
@pytest.mark.parametrize("name", ["a\\b\\c.wav", "a/b\\c.wav", "a\\b/c.wav"])
def test_names_with_a_backslash_by_every_way_in(api, name):
    """The part behind the last one is kept, of renamed uploads too."""
    quoted = name.replace("\\", "\\\\")
    told = base64.b64encode(name.encode()).decode()
    ways = [
        send(api, WAV, name),
        api.post("/v1/uploads", data=WAV, headers={"Content-Disposition": f'attachment; filename="{quoted}"'}),
        api.post("/v1/uploads", files={"file": (name, WAV)}),
        api.post("/v1/tus", headers={"Tus-Resumable": "1.0.0", "Upload-Length": str(len(WAV)),
                                     "Upload-Metadata": f"filename {told}",
                                     "Content-Type": "application/offset+octet-stream"}, data=WAV),
    ]
    session = api.post("/v1/chunked-uploads", json={"filename": name, "file_size": len(WAV)}).json()
    ways.append(api.put(f"/v1/chunked-uploads/{session['id']}/chunks/0", data=WAV))
    ids = [way.headers.get("Upload-Id") or way.json().get("id") or way.json()["upload"]["id"]
           for way in ways]
    api.patch(f"/v1/uploads/{ids[0]}", json={"original_filename": name})
    for upload_id in ids:
        assert api.get_json(f"/v1/uploads/{upload_id}")["original_filename"] == "c.wav"
        content = api.get(f"/v1/uploads/{upload_id}/content?download=1")
        assert content.headers["Content-Disposition"] == 'attachment; filename="c.wav"'
    for upload_id in ids:
        api.delete(f"/v1/uploads/{upload_id}?permanent=true")


BAD_NAMES = {
    "empty": b"", "dot": b".", "dots": b"..", "folder": b"a/", "back": b"a\\", "ups": b"../..",
    "nul": b"a%00b.wav", "nul at end": b"a.wav%00", "cr lf": b"a%0d%0aSet-Cookie:%20x.wav",
    "lf": b"a%0ab.wav", "tab": b"a%09.wav", "escape": b"%1b[31m.wav", "del": b"a%7f.wav",
    "c1": b"a%c2%85.wav", "501": b"x" * 497 + b".wav", "5000": b"x" * 5000,
    "502 in two-byte letters": b"%c3%a4" * 249 + b".wav", "invalid": b"a%ff.wav",
    "latin-1": b"%e4.wav", "overlong": b"a%c0%af.wav", "surrogate": b"a%ed%a0%80.wav",
    "past the end": b"a%f4%90%80%80.wav", "cut letter": b"a%e2%82", "bad escape": b"a%zz.wav",
}


def raw(server, query, *lines, body=WAV):
    """A request by hand: what clients' libraries would mend or refuse."""
    head = b"\r\n".join((
        b"POST /v1/uploads" + query + b" HTTP/1.1", b"Host: x", b"Connection: close",
        b"Authorization: Bearer " + server.token.encode(), *lines,
        b"Content-Length: %d" % len(body), b"", b""))
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as line:
        line.sendall(head + body)
        answer = b""
        while (piece := line.recv(65536)):
            answer += piece
    return int(answer.split()[1]), answer


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_are_refused(server, name):
    status, answer = raw(server, b"?filename=" + BAD_NAMES[name])
    assert status == 400 and re.search(rb'"code":"invalid_(filename|request)"', answer), answer


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("value", [
    b'filename="a\0b.wav"', b'filename="a\rb.wav"', b"filename*=UTF-8''a%00b.wav",
    b"filename*=UTF-8''a%0d%0ab.wav", b"filename*=UTF-8''a%ff.wav", b'filename="' + b"x" * 501 + b'"',
    b'filename=""', b'filename=".."', b"filename*=UTF-8''..%2f.."],
    ids=lambda v: repr(v)[:40])
def test_headers_that_are_refused(server, value):
    status, answer = raw(server, b"", b"Content-Disposition: attachment; " + value)
    assert status == 400, answer


@pytest.mark.usefixtures("leaves_nothing")
@pytest.mark.parametrize("value", [b"a\0b.wav", b"a\tb.wav", b"\xff.wav", b"x" * 501, b"..", b"a/.."],
                         ids=lambda v: repr(v)[:40])
def test_forms_that_are_refused(server, value):
    body = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="' + value
            + b'"\r\nContent-Type: audio/wav\r\n\r\n' + WAV + b"\r\n--b--\r\n")
    status, answer = raw(server, b"", b"Content-Type: multipart/form-data; boundary=b", body=body)
    assert status == 400, answer


@pytest.mark.usefixtures("leaves_nothing")
def test_form_name_cannot_add_a_header(server):
    """A line break within a name ends the field's line: no name, no file, or no form."""
    body = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="a\r\nX: y.wav"\r\n\r\n'
            + WAV + b"\r\n--b--\r\n")
    status, answer = raw(server, b"", b"Content-Type: multipart/form-data; boundary=b", body=body)
    assert status == 400, answer


def test_page_is_never_served_as_one(tmp_path):
    """Where anything is taken, what comes back still cannot run in a browser."""
    with Server(tmp_path / "data", "--uploads-accept", "any") as server:
        page = OTHERS["html"]
        answer = server.api().post("/v1/uploads?filename=a.html", data=page,
                                   headers={"Content-Type": "text/html"})
        assert answer.status_code == 201, answer.text
        got = server.api().get(f"/v1/uploads/{answer.json()['id']}/content")
        assert got.content == page and got.headers["X-Content-Type-Options"] == "nosniff"
        assert (got.headers["Content-Disposition"].startswith("attachment")
                or not got.headers["Content-Type"].startswith("text/html")
                or "sandbox" in got.headers.get("Content-Security-Policy", ""))


def test_still_alive(server, api):
    assert requests.get(server.url + "/readyz", timeout=10).status_code == 200
    record = api.upload(audio.wav(seed=5))
    assert api.get(f"/v1/uploads/{record['id']}/content").status_code == 200
    api.delete(f"/v1/uploads/{record['id']}?permanent=true")
    staged = list((server.data / "store/.staging").iterdir())
    assert staged == []
    assert subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True,
                          check=False).stdout, "its media processes run"
