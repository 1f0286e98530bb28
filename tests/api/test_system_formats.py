"""Real audio of every format, made by the programs that people use, through the real server.

What the bytes are decides: each file goes up under its own name, under a name that lies, and under one
without an extension, and the answers agree.
"""
import os
import struct
import subprocess

import audio
import pytest
from corpus_score import corpus_folder
from server import SETTINGS, Server, expect_problem

SECONDS = 3
TOLERANCE_S = 0.06


def close(got, wanted):
    return got is not None and abs(got - wanted) <= max(TOLERANCE_S, 0.01 * wanted)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("formats") / "data") as running:
        yield running
        running.verify()


@pytest.fixture(scope="module")
def api(server):
    return server.api()


# ---- how each is made ----

def source(rate=44100, channels=2):
    """Pink noise, whose bit rate varies little but whose frames differ."""
    return audio.made(f"source-{rate}-{channels}.wav", "sox", "-R", "-n", "-r", str(rate), "-c",
                      str(channels), "-b", "16", "{out}", "synth", str(SECONDS), "pinknoise", "vol",
                      "0.3")


def by_ffmpeg(name, *flags, rate=44100, channels=2):
    return audio.made(name, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", "{in}", *flags, "{out}",
                      source=source(rate, channels))


def by_program(name, *command, rate=44100, channels=2):
    return audio.made(name, *command, source=source(rate, channels))


def piped(name, form, *flags):
    """Written to a pipe, so that the program cannot go back to fill in its header."""
    path = audio.FOLDER / name
    if not path.exists():
        path.write_bytes(subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-i", str(source()), *flags, "-f", form, "-"],
            check=True, capture_output=True).stdout)
    return path


def bw64(name):
    """ITU-R BS.2088: RF64 by another name."""
    rf64 = by_ffmpeg("for-bw64.wav", "-rf64", "always").read_bytes()
    path = audio.FOLDER / name
    path.write_bytes(rf64.replace(b"RF64", b"BW64", 1))
    return path


DSD_RATE, DSD_BLOCK = 2822400, 4096


def dsf(name):
    """A DSF file (Sony's specification 1.01): stereo silence, 0x69 by custom."""
    samples = DSD_RATE * SECONDS
    blocks = -(-samples // 8 // DSD_BLOCK)
    data = b"\x69" * (blocks * DSD_BLOCK * 2)
    form = b"fmt " + struct.pack("<QIIIIIIQII", 52, 1, 0, 2, 2, DSD_RATE, 1, samples, DSD_BLOCK, 0)
    body = form + b"data" + struct.pack("<Q", 12 + len(data)) + data
    path = audio.FOLDER / name
    path.write_bytes(b"DSD " + struct.pack("<QQQ", 28, 28 + len(body), 0) + body)
    return path


def dff(name):
    """A DSDIFF file (Philips' specification 1.5)."""
    def chunk(kind, body):
        return kind + struct.pack(">Q", len(body)) + body + b"\0" * (len(body) % 2)

    properties = chunk(b"FS  ", struct.pack(">I", DSD_RATE)) + chunk(
        b"CHNL", struct.pack(">H", 2) + b"SLFTSRGT") + chunk(
        b"CMPR", b"DSD \x0enot compressed\0")
    body = b"DSD " + chunk(b"FVER", bytes([1, 5, 0, 0])) + chunk(b"PROP", b"SND " + properties)
    body += chunk(b"DSD ", b"\x69" * (DSD_RATE // 8 * 2 * SECONDS))
    path = audio.FOLDER / name
    path.write_bytes(chunk(b"FRM8", body))
    return path


def amr_wb(name):
    """RFC 4867 section 5: frames of type 0 (6.60 kbit/s, 17 bytes) every 20 ms."""
    path = audio.FOLDER / name
    path.write_bytes(b"#!AMR-WB\n" + (b"\x04" + bytes(17)) * (50 * SECONDS))
    return path


LAME = ("lame", "--quiet", "{in}", "{out}")
# name: (how it is made, file_type, codec, sample rate, channels)
FORMATS = {
    "cbr.mp3": (lambda n: by_program(n, *LAME, "-b", "128", "--cbr"), "mp3", "mp3", 44100, 2),
    "vbr.mp3": (lambda n: by_program(n, *LAME, "-V", "3"), "mp3", "mp3", 44100, 2),
    "no-xing-cbr.mp3": (lambda n: by_program(n, *LAME, "-b", "112", "--cbr", "-t",
                                             "--resample", "44.1"), "mp3", "mp3", 44100, 2),
    "no-xing-vbr.mp3": (lambda n: by_program(n, *LAME, "-V", "5", "-t"), "mp3", "mp3", 44100, 2),
    "mpeg2.mp3": (lambda n: by_program(n, *LAME, "-b", "32", rate=22050, channels=1), "mp3", "mp3",
                  22050, 1),
    "tagged.mp3": (lambda n: by_program(n, *LAME, "--tt", "T", "--ta", "A", "--id3v2-only",
                                        "--pad-id3v2-size", "60000"), "mp3", "mp3", 44100, 2),
    "a.mp2": (lambda n: by_ffmpeg(n, "-c:a", "mp2"), "mp2", "mp2", 44100, 2),
    "u8.wav": (lambda n: by_ffmpeg(n, "-c:a", "pcm_u8"), "wav", "pcm_u8", 44100, 2),
    "s16.wav": (lambda n: by_ffmpeg(n), "wav", "pcm_s16le", 44100, 2),
    "s24.wav": (lambda n: by_ffmpeg(n, "-c:a", "pcm_s24le"), "wav", "pcm_s24le", 44100, 2),
    "s32.wav": (lambda n: by_ffmpeg(n, "-c:a", "pcm_s32le"), "wav", "pcm_s32le", 44100, 2),
    "f32.wav": (lambda n: by_ffmpeg(n, "-c:a", "pcm_f32le"), "wav", "pcm_f32le", 44100, 2),
    "f64.wav": (lambda n: by_ffmpeg(n, "-c:a", "pcm_f64le"), "wav", "pcm_f64le", 44100, 2),
    "six.wav": (lambda n: by_ffmpeg(n, channels=6), "wav", "pcm_s16le", 44100, 6),
    "mulaw.wav": (lambda n: by_ffmpeg(n, "-c:a", "pcm_mulaw", rate=8000, channels=1), "wav",
                  "pcm_mulaw", 8000, 1),
    "adpcm.wav": (lambda n: by_ffmpeg(n, "-c:a", "adpcm_ima_wav"), "wav", "adpcm_ima_wav", 44100, 2),
    "gsm.wav": (lambda n: by_ffmpeg(n, "-c:a", "libgsm_ms", rate=8000, channels=1), "wav", "gsm_ms",
                8000, 1),
    "rf64.wav": (lambda n: by_ffmpeg(n, "-rf64", "always"), "wav", "pcm_s16le", 44100, 2),
    "bw64.wav": (bw64, "wav", "pcm_s16le", 44100, 2),
    "piped.wav": (lambda n: piped(n, "wav"), "wav", "pcm_s16le", 44100, 2),
    "a.w64": (lambda n: by_ffmpeg(n), "w64", "pcm_s16le", 44100, 2),
    "a.aiff": (lambda n: by_ffmpeg(n), "aiff", "pcm_s16be", 44100, 2),
    "s24.aiff": (lambda n: by_ffmpeg(n, "-c:a", "pcm_s24be"), "aiff", "pcm_s24be", 44100, 2),
    "a.aifc": (lambda n: by_ffmpeg(n, "-c:a", "pcm_mulaw", "-f", "aiff"), "aiff", "pcm_mulaw", 44100,
               2),
    "sox.aifc": (lambda n: by_program(n, "sox", "{in}", "{out}"), "aiff", "pcm_s16be", 44100, 2),
    "a.flac": (lambda n: by_program(n, "flac", "-s", "-f", "-o", "{out}", "{in}"), "flac", "flac",
               44100, 2),
    "s24.flac": (lambda n: by_ffmpeg(n, "-sample_fmt", "s32", rate=96000), "flac", "flac", 96000, 2),
    "piped.flac": (lambda n: piped(n, "flac"), "flac", "flac", 44100, 2),
    "vorbis.ogg": (lambda n: by_program(n, "oggenc", "-Q", "-o", "{out}", "{in}"), "ogg", "vorbis",
                   44100, 2),
    "opusenc.opus": (lambda n: by_program(n, "opusenc", "--quiet", "{in}", "{out}"), "opus", "opus",
                     48000, 2),
    "ffmpeg.opus": (lambda n: by_ffmpeg(n, rate=16000, channels=1), "opus", "opus", 48000, 1),
    "flac.oga": (lambda n: by_program(n, "flac", "-s", "-f", "--ogg", "-o", "{out}", "{in}"), "ogg",
                 "flac", 44100, 2),
    "speex.spx": (lambda n: by_program(n, "speexenc", "--quiet", "{in}", "{out}", rate=16000,
                                       channels=1), "spx", "speex", 16000, 1),
    "aac.m4a": (lambda n: by_ffmpeg(n, "-c:a", "aac"), "m4a", "aac", 44100, 2),
    "faststart.m4a": (lambda n: by_ffmpeg(n, "-c:a", "aac", "-movflags", "+faststart"), "m4a", "aac",
                      44100, 2),
    "fragments.m4a": (lambda n: by_ffmpeg(n, "-c:a", "aac", "-movflags", "+empty_moov+frag_keyframe",
                                          "-frag_duration", "300000", "-f", "mp4"), "m4a", "aac",
                      44100, 2),
    "alac.m4a": (lambda n: by_ffmpeg(n, "-c:a", "alac"), "m4a", "alac", 44100, 2),
    "audio.mp4": (lambda n: by_ffmpeg(n, "-c:a", "aac"), "m4a", "aac", 44100, 2),
    "mp3-inside.mp4": (lambda n: by_ffmpeg(n, "-c:a", "libmp3lame"), "m4a", "mp3", 44100, 2),
    "adts.aac": (lambda n: by_ffmpeg(n, "-c:a", "aac", "-f", "adts"), "aac", "aac", 44100, 2),
    "v2.wma": (lambda n: by_ffmpeg(n, "-c:a", "wmav2"), "wma", "wmav2", 44100, 2),
    "v1.wma": (lambda n: by_ffmpeg(n, "-c:a", "wmav1"), "wma", "wmav1", 44100, 2),
    "a.wv": (lambda n: by_program(n, "wavpack", "-q", "-y", "{in}", "-o", "{out}"), "wv", "wavpack",
             44100, 2),
    "hybrid.wv": (lambda n: by_program(n, "wavpack", "-q", "-y", "-b256", "{in}", "-o", "{out}"),
                  "wv", "wavpack", 44100, 2),
    "a.tta": (lambda n: by_ffmpeg(n), "tta", "tta", 44100, 2),
    "a.dsf": (dsf, "dsf", "dsd_lsbf_planar", DSD_RATE, 2),
    "a.dff": (dff, "dff", "dsd_msbf", DSD_RATE, 2),
    "opus.webm": (lambda n: by_ffmpeg(n, "-c:a", "libopus"), "webm", "opus", 48000, 2),
    "vorbis.webm": (lambda n: by_ffmpeg(n, "-c:a", "libvorbis"), "webm", "vorbis", 44100, 2),
    "live.webm": (lambda n: by_ffmpeg(n, "-c:a", "libopus", "-live", "1"), "webm", "opus", 48000, 2),
    "piped.webm": (lambda n: piped(n, "webm", "-c:a", "libopus"), "webm", "opus", 48000, 2),
    "flac.mka": (lambda n: by_ffmpeg(n, "-c:a", "flac"), "mka", "flac", 44100, 2),
    "aac.mka": (lambda n: by_ffmpeg(n, "-c:a", "aac"), "mka", "aac", 44100, 2),
    "pcm.caf": (lambda n: by_ffmpeg(n, "-c:a", "pcm_s16be"), "caf", "pcm_s16be", 44100, 2),
    "alac.caf": (lambda n: by_ffmpeg(n, "-c:a", "alac"), "caf", "alac", 44100, 2),
    "nb.amr": (lambda n: by_program(n, "sox", "{in}", "-t", "amr-nb", "{out}", rate=8000, channels=1),
               "amr", "amr_nb", 8000, 1),
    "wb.awb": (amr_wb, "awb", "amr_wb", 16000, 1),
    "a.au": (lambda n: by_ffmpeg(n), "au", "pcm_s16be", 44100, 2),
    "mulaw.au": (lambda n: by_ffmpeg(n, "-c:a", "pcm_mulaw", rate=8000, channels=1), "au",
                 "pcm_mulaw", 8000, 1),
    "piped.au": (lambda n: piped(n, "au"), "au", "pcm_s16be", 44100, 2),
    "a.ac3": (lambda n: by_ffmpeg(n, "-c:a", "ac3"), "ac3", "ac3", 44100, 2),
}


# What the encoder itself says where that is not the source's length: whole packets.
LENGTHS = {"alac.caf": 33 * 4096 / 44100}


def check_facts(record, file_type, codec, rate, channels, seconds=SECONDS):
    wanted = {"file_type": file_type, "codec": codec, "sample_rate": rate, "channels": channels}
    assert {name: record[name] for name in wanted} == wanted
    assert close(record["duration"], seconds), record["duration"]
    assert record["bitrate"] > 0 and record["mime_type"].startswith("audio/")
    assert record["metadata"]["duration_source"] in ("declared", "scanned", "decoded")


@pytest.mark.parametrize("name", FORMATS)
def test_format(api, name):
    make, *facts = FORMATS[name]
    content = make(name).read_bytes()
    lie = "lie.flac" if facts[0] == "mp3" or facts[0] == "mp2" else "lie.mp3"
    records = [api.upload(content, filename) for filename in (name, lie, "no extension")]
    for record in records:
        check_facts(record, *facts, LENGTHS.get(name, SECONDS))
    assert "name_mismatch" not in records[0]["metadata"]
    assert records[1]["metadata"]["name_mismatch"]
    assert records[1]["duplicate_of"] == records[2]["duplicate_of"] == records[0]["id"]
    stored = api.head(f"/v1/uploads/{records[1]['id']}/content")
    assert stored.headers["Content-Type"] == records[0]["mime_type"]


@pytest.mark.parametrize("path, file_type, codec, rate, seconds", [
    ("lofty-rs/full_test.ape", "ape", "ape", 48000, 1.428),
    ("lofty-rs/mpc_sv7.mpc", "mpc", "musepack7", 48000, 1.428),
])
def test_formats_that_only_others_make(api, path, file_type, codec, rate, seconds):
    if not (folder := corpus_folder(SETTINGS["CORPUS"])):
        pytest.skip("no corpus (AUDIOTRICKS_CORPUS)")
    record = api.upload((folder / path).read_bytes(), "x")
    check_facts(record, file_type, codec, rate, 2, seconds)


# ---- headers that lie ----

def with_sizes(content, riff=None, data=None):
    """A WAV with other sizes in its header."""
    at = content.index(b"data")
    out = bytearray(content)
    if riff is not None:
        out[4:8] = struct.pack("<I", riff)
    if data is not None:
        out[at + 4:at + 8] = struct.pack("<I", data)
    return bytes(out)


@pytest.mark.parametrize("riff, data", [
    (0, 0), (None, 0), (0xFFFFFFFF, 0xFFFFFFFF), (None, 0xFFFFFFFF), (0xFFFFFFFF, None),
    (None, 0x7FFFFFFF), (None, 0x80000000), (100, None), (0, 0x7FFFF000)])
def test_wav_sizes_that_lie(api, riff, data):
    content = with_sizes(audio.wav(seconds=2), riff, data)
    check_facts(api.upload(content, "x.wav"), "wav", "pcm_s16le", 8000, 1, 2)


@pytest.mark.parametrize("claim", [5 << 30, 1 << 40, 1 << 62, 0])
def test_rf64_that_claims_more_than_there_is(api, claim):
    content = bytearray(by_ffmpeg("claims.wav", "-rf64", "always").read_bytes())
    at = content.index(b"ds64") + 8
    content[at:at + 24] = struct.pack("<QQQ", claim, claim, claim // 4)
    check_facts(api.upload(bytes(content), "x.wav"), "wav", "pcm_s16le", 44100, 2)


@pytest.mark.parametrize("claim", [1 << 63, (1 << 64) - 1])
def test_rf64_that_claims_the_impossible(api, claim):
    content = bytearray(by_ffmpeg("claims.wav", "-rf64", "always").read_bytes())
    at = content.index(b"ds64") + 8
    content[at:at + 24] = struct.pack("<QQQ", claim, claim, claim // 4)
    assert api.upload(bytes(content), "x.wav", expect=422)["code"] == "media_unreadable"


def decoded_seconds(path):
    """What a decoder gets out of it."""
    raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "quiet", "-i", str(path), "-f", "s16le", "-ac",
                          "1", "-ar", "8000", "-"], capture_output=True, check=False).stdout
    return len(raw) / 2 / 8000


TRUNCATED = ["cbr.mp3", "vbr.mp3", "no-xing-vbr.mp3", "s16.wav", "s24.wav", "rf64.wav", "a.w64",
             "a.aiff", "a.flac", "piped.flac", "vorbis.ogg", "opusenc.opus", "flac.oga",
             "faststart.m4a", "fragments.m4a", "adts.aac", "a.wv", "opus.webm", "live.webm",
             "flac.mka", "a.au", "nb.amr", "v2.wma", "pcm.caf", "a.ac3", "a.dsf", "a.dff"]


@pytest.mark.parametrize("name", TRUNCATED)
@pytest.mark.parametrize("share", [0.4, 0.77])
def test_truncated(api, name, share):
    make, *facts = FORMATS[name]
    content = make(name).read_bytes()
    path = audio.FOLDER / f"cut-{share}-{name}"
    path.write_bytes(content[:int(len(content) * share)])
    seconds = decoded_seconds(path)
    if name == "v2.wma":  # its decoder drops a frame at each gap
        seconds += 0.05
    assert 0.2 * SECONDS < seconds < 0.95 * SECONDS, "the decoder's own answer"
    check_facts(api.upload(path.read_bytes(), name), *facts, seconds)


def test_wav_of_more_than_4_gib(api):
    block = bytes(1 << 20)

    def content():
        yield with_sizes(audio.wav_of_bytes(46), 0xFFFFFFFF, 0xFFFFFFFF)[:44]
        for _ in range(4112):
            yield block

    answer = api.post("/v1/uploads?filename=long.wav", data=content(), timeout=600)
    assert answer.status_code == 201, answer.text
    check_facts(answer.json(), "wav", "pcm_s16le", 48000, 2, (4112 << 20) / 192000)
    api.delete(f"/v1/uploads/{answer.json()['id']}?permanent=true")


# ---- pictures, moving and still ----

def video(name, *flags):
    path = audio.FOLDER / name
    if not path.exists():
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                        "testsrc=size=64x64:rate=10:duration=2", "-f", "lavfi", "-i",
                        "sine=frequency=440:sample_rate=44100:duration=2", *flags, str(path)],
                       check=True)
    return path


VIDEOS = {
    "video.mp4": ("-c:v", "mpeg4", "-c:a", "aac"),
    "video.mov": ("-c:v", "mjpeg", "-c:a", "pcm_s16le"),
    "video.mkv": ("-c:v", "mpeg4", "-c:a", "libvorbis"),
    "video.webm": ("-c:v", "libvpx", "-c:a", "libvorbis"),
    "video.avi": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "video.ts": ("-c:v", "mpeg2video", "-c:a", "mp2"),
    "video.mpg": ("-c:v", "mpeg2video", "-r", "25", "-c:a", "mp2"),
    "video.flv": ("-c:v", "flv", "-c:a", "libmp3lame"),
    "video.wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
    "video.3gp": ("-c:v", "mpeg4", "-c:a", "aac"),
    "video.ogv": ("-c:v", "libtheora", "-c:a", "libvorbis"),
}


@pytest.fixture(scope="module")
def media_api(tmp_path_factory):
    """Of a server that takes the audio of videos too."""
    with Server(tmp_path_factory.mktemp("media") / "data", "--uploads-accept", "media") as running:
        yield running.api()
        running.verify()


@pytest.mark.parametrize("name", VIDEOS)
def test_video(api, media_api, name):
    content = video(name, *VIDEOS[name]).read_bytes()
    for filename in (name, "song.mp3", "no extension"):
        problem = api.upload(content, filename, expect=415)
        assert problem["code"] == "not_audio"
    record = media_api.upload(content, name)
    assert record["codec"] == VIDEOS[name][-1].replace("libmp3lame", "mp3").removeprefix("lib")
    assert (record["sample_rate"], record["channels"]) == (44100, 1)
    assert close(record["duration"], 2)


def test_video_without_sound(api, media_api):
    content = video("silent.mp4", "-c:v", "mpeg4", "-an").read_bytes()
    for each in (api, media_api):
        assert each.upload(content, "a.mp4", expect=415)["code"] == "not_audio"


COVERS = {
    "cover.mp3": ("-c:a", "libmp3lame", "-id3v2_version", "3"),
    "cover.m4a": ("-c:a", "aac"),
    "cover.flac": ("-c:a", "flac"),
}


@pytest.mark.parametrize("name", COVERS)
def test_cover_is_no_video(api, name):
    picture = audio.FOLDER / "cover.png"
    if not picture.exists():
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                        "testsrc=size=64x64:duration=1", "-frames:v", "1", str(picture)], check=True)
    path = audio.made(name, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", "{in}", "-i",
                      str(picture), "-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v",
                      "attached_pic", *COVERS[name], "{out}", source=source())
    record = api.upload(path.read_bytes(), name)
    assert record["metadata"]["cover"] and close(record["duration"], SECONDS)


# ---- which are taken ----

def test_only_configured_formats(tmp_path):
    with Server(tmp_path / "data", "--uploads-formats", "mp3, flac") as server:
        api = server.api()
        api.upload(FORMATS["cbr.mp3"][0]("cbr.mp3").read_bytes(), "a.wav")
        api.upload(FORMATS["a.flac"][0]("a.flac").read_bytes(), "a")
        answer = api.post("/v1/uploads?filename=a.mp3", data=audio.wav())
        expect_problem(answer, 415, "format_not_accepted")
        assert len(api.get_json("/v1/uploads")["items"]) == 2
        server.verify()


def test_anything_where_anything_is_taken(tmp_path):
    with Server(tmp_path / "data", "--uploads-accept", "any") as server:
        api = server.api()
        content = os.urandom(20_000)
        record = api.upload(content, "data.bin")
        assert record["file_type"] == "bin" and record["duration"] is None
        assert api.get(f"/v1/uploads/{record['id']}/content").content == content
        check_facts(api.upload(source().read_bytes(), "a.bin"), "wav", "pcm_s16le", 44100, 2)
        server.verify()
