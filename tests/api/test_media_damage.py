"""Damage that no header tells of: the report of validate names it, and calls no intact file damaged."""
import functools
import random
import struct

import audio
import pytest
from every_codec import RATE, by, coded, source
from test_media_works import work

SECONDS = 60


def noise(name, *flags):
    return audio.ffmpeg(name, *flags, seconds=SECONDS, source="anoisesrc=amplitude=0.3:seed=5")


MADE = {
    "opus": lambda: noise("n.opus", "-c:a", "libopus"),
    "vorbis": lambda: noise("n.ogg", "-c:a", "libvorbis"),
    "flac": lambda: noise("n.oga", "-c:a", "flac"),
    "webm": lambda: noise("n.webm", "-c:a", "libopus"),
    "mka": lambda: noise("n.mka", "-c:a", "libvorbis"),
    "wavpack": lambda: noise("n.wv", "-c:a", "wavpack"),
    "tta": lambda: noise("n.tta", "-c:a", "tta"),
    "wma": lambda: noise("n.wma", "-c:a", "wmav2"),
    "fragments": lambda: noise("n.mp4", "-c:a", "aac", "-movflags", "empty_moov+default_base_moof",
                               "-frag_duration", "1000000"),
    "mp3": lambda: noise("n.mp3", "-c:a", "libmp3lame", "-b:a", "64k"),
    "mp2": lambda: noise("n.mp2", "-c:a", "mp2", "-b:a", "64k"),
    "ac3": lambda: noise("n.ac3", "-c:a", "ac3"),
}


@functools.lru_cache(maxsize=None)
def report_of(path):
    return work("validate", path)["report"]


def without_middle(name):
    content = MADE[name]().read_bytes()
    path = audio.FOLDER / f"middle-{name}"
    path.write_bytes(content[:len(content) // 3] + content[2 * len(content) // 3:])
    return path


def spoilt(name, places=10):
    """Ten places of 300 random bytes each, none near an end."""
    content, dice = bytearray(MADE[name]().read_bytes()), random.Random(1)
    for _ in range(places):
        at = dice.randrange(len(content) // 10, len(content) * 9 // 10)
        content[at:at + 300] = dice.randbytes(300)
    path = audio.FOLDER / f"spoilt-{name}"
    path.write_bytes(content)
    return path


def lost_s(report):
    return sum(span["samples"] for span in report["damage"]) / report["sample_rate"]


@pytest.mark.parametrize("name", ["opus", "vorbis", "flac", "webm", "mka"])
def test_a_missing_middle_is_damage_of_that_length(name):
    report = work("validate", without_middle(name))["report"]
    assert report["verdict"] == "damaged" and report["damage_spans"] == 1
    assert report["duration"] < 0.75 * SECONDS
    assert report["duration"] + lost_s(report) == pytest.approx(SECONDS, abs=0.2)
    assert report["damage"][0]["start"] == pytest.approx(SECONDS / 3, abs=5)
    # The Segment of a Matroska file that lost bytes is too short, and its duration not believed.
    if name not in ("webm", "mka"):
        assert not report["declared"]["duration_matches"] and not report["truncated"]
        assert report["declared"]["duration"] == pytest.approx(SECONDS, abs=0.05)


@pytest.mark.parametrize("name", ["opus", "vorbis", "flac", "webm", "mka", "wavpack", "tta", "ac3"])
def test_overwritten_places_are_damage(name):
    whole, report = (work("validate", path)["report"] for path in (MADE[name](), spoilt(name)))
    assert whole["verdict"] == "whole" and whole["damage_spans"] == 0
    assert report["verdict"] == "damaged" and 3 <= report["damage_spans"] <= 10
    assert all(span["end"] > span["start"] for span in report["damage"])
    if name != "ac3":  # its decoder covers up what is missing
        assert report["duration"] + lost_s(report) == pytest.approx(whole["duration"], abs=0.2)
        assert not report["declared"]["duration_matches"] or report["declared"]["duration"] is None


def test_a_last_page_that_is_lost_is_an_end_that_is_missing():
    content = bytearray(MADE["opus"]().read_bytes())
    content[-1000:-700] = random.Random(2).randbytes(300)
    path = audio.FOLDER / "end.opus"
    path.write_bytes(content)
    report = work("validate", path)["report"]
    assert report["verdict"] == "truncated"
    assert report["truncated_by"] == pytest.approx(SECONDS - report["duration"], abs=0.05)


def test_a_link_that_begins_at_another_time_is_no_gap():
    """A broadcast that was recorded: each link of the chain has the times of its own sender."""
    first, later = (coded(f"{i}-link.ogg", "-c:a", "libvorbis", "-output_ts_offset", str(i * 7000),
                          "-serial_offset", str(i + 1)) for i in range(2))
    path = audio.FOLDER / "links.ogg"
    path.write_bytes(first.read_bytes() + later.read_bytes())
    report = work("validate", path)["report"]
    assert report["verdict"] == "whole" and report["duration"] == pytest.approx(15, abs=0.1)
    assert work("validate", later)["report"]["verdict"] == "whole"


# ---- pieces that were taken out, or whose beginning was overwritten ----

def without(name, pieces, first, count):
    """The file of NAME without COUNT of its PIECES, of which each begins where the one before ends."""
    content = MADE[name]().read_bytes()
    path = audio.FOLDER / f"without-{first}-{count}-{name}"
    path.write_bytes(content[:pieces[first]] + content[pieces[first + count]:])
    return path


def wavpack_blocks(content):
    at = 0
    while content[at:at + 4] == b"wvpk":
        yield at
        at += 8 + struct.unpack_from("<I", content, at + 4)[0]


def asf_packets(content):
    properties = content.index(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    size = struct.unpack_from("<I", content, properties + 92)[0]
    data = content.index(bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c"))
    return range(data + 50, len(content), size)


def mp4_fragments(content):
    at = 0
    while at < len(content):
        if content[at + 4:at + 8] == b"moof":
            yield at
        at += struct.unpack_from(">I", content, at)[0]


def mp3_frames(content):
    """Where the frames of an MP3 of 48 kHz begin, behind its tags."""
    at = 10 + sum((byte & 127) << 7 * (3 - i) for i, byte in enumerate(content[6:10])) if content[:3] == b"ID3" else 0
    kbps = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
    while at + 4 <= len(content) and content[at] == 0xff:
        yield at
        at += 3 * kbps[content[at + 2] >> 4] + (content[at + 2] >> 1 & 1)


PIECES = {"wavpack": (wavpack_blocks, 2, 0), "wma": (asf_packets, 3, 0.1), "wma-third": (asf_packets, 117, 0.2),
          "fragments": (mp4_fragments, 1, 0.1)}


@pytest.mark.parametrize("which", PIECES)
def test_pieces_that_are_gone_are_missed(which):
    name, (find, count, abs_s) = which.split("-", maxsplit=1)[0], PIECES[which]
    whole = report_of(MADE[name]())
    assert whole["verdict"] == "whole" and not whole["damage"]
    pieces = list(find(MADE[name]().read_bytes()))
    report = work("validate", without(name, pieces, len(pieces) // 3, count))["report"]
    assert report["verdict"] == "damaged" and report["damage_spans"] == 1 and not report["truncated"], report
    assert report["duration"] < whole["duration"]
    assert report["duration"] + lost_s(report) == pytest.approx(whole["duration"], abs=abs_s)
    assert report["damage"][0]["start"] == pytest.approx(whole["duration"] / 3, abs=2)


@pytest.mark.parametrize("channels", [1, 6])
@pytest.mark.parametrize("at, what, lost", [
    (0, b"name", 1), (4, struct.pack("<I", 100), 1), (4, struct.pack("<I", 800000), 8), (8, b"\xff\xff", 1),
    (16, struct.pack("<I", 7), 0), (16, struct.pack("<I", 1 << 30), 0), (20, struct.pack("<I", 77), 1),
    (24, b"\xff" * 4, 1), (0, bytes(32), 1)], ids=["name", "short", "long", "version", "back", "forth", "count",
                                                  "flags", "all"])
def test_a_block_of_wavpack_with_a_damaged_header_is_damage(channels, at, what, lost):
    source_path = MADE["wavpack"]() if channels == 1 else coded("six.wv", channels=6)
    content, whole = bytearray(source_path.read_bytes()), report_of(source_path)
    begin = [i for i in wavpack_blocks(content) if content[i + 25] & 8]  # the first of those of all channels
    place = begin[len(begin) // 2] + at
    content[place:place + len(what)] = what
    path = audio.FOLDER / "header.wv"
    path.write_bytes(content)
    report = work("validate", path)["report"]
    assert report["verdict"] == "damaged" and report["damage_spans"] == 1 and not report["truncated"], report
    assert report["samples"] + sum(span["samples"] for span in report["damage"]) == whole["samples"]
    blocks = len(begin) * (1 - report["samples"] / whole["samples"])
    assert blocks == pytest.approx(lost, abs=0.01) or (lost > 1 and 0 < blocks <= lost)
    assert report["damage"][0]["start"] == pytest.approx(whole["duration"] / 2, abs=1.1)


def test_a_last_block_that_is_lost_is_an_end_that_is_missing():
    content = bytearray(MADE["wavpack"]().read_bytes())
    content[list(wavpack_blocks(content))[-1]] = 0
    path = audio.FOLDER / "end.wv"
    path.write_bytes(content)
    report = work("validate", path)["report"]
    assert report["verdict"] == "truncated" and not report["declared"]["duration_matches"]
    assert report["truncated_by"] == pytest.approx(SECONDS - report["duration"], abs=0.01)


# ---- MP3: frames have neither time nor number, but a summary may count them ----

@pytest.mark.parametrize("count", [2, 10, 300])
def test_frames_that_the_summary_counts_are_missed(count):
    frames = list(mp3_frames(MADE["mp3"]().read_bytes()))
    whole = report_of(MADE["mp3"]())
    assert whole["verdict"] == "whole" and whole["declared"]["duration_matches"]
    assert whole["declared"]["duration"] == pytest.approx(whole["duration"], abs=0.001)
    report = work("validate", without("mp3", frames, len(frames) // 2, count))["report"]
    assert report["verdict"] == "truncated" and not report["declared"]["duration_matches"]
    assert report["declared"]["duration"] == whole["declared"]["duration"]
    assert report["truncated_by"] == pytest.approx(count * 0.024, abs=1e-6)


def test_a_summary_that_lies_is_said_to_but_nothing_is_missing():
    content = bytearray(MADE["mp3"]().read_bytes())
    at = content.index(b"Info") + 8
    content[at:at + 4] = struct.pack(">I", struct.unpack_from(">I", content, at)[0] + 5)
    path = audio.FOLDER / "lies.mp3"
    path.write_bytes(content)
    report = work("validate", path)["report"]
    assert report["verdict"] == "whole" and not report["declared"]["duration_matches"]


def test_without_a_summary_nothing_shows_that_frames_are_gone():
    """What docs/api.md says of MPEG audio."""
    content = MADE["mp2"]().read_bytes()
    path = audio.FOLDER / "without.mp2"
    path.write_bytes(content[:192 * 500] + content[192 * 600:])  # frames of 192 bytes
    assert work("validate", path)["report"]["verdict"] == "whole"


def wavpack(name, *flags, bits=16):
    return audio.made(name, "wavpack", "-q", "-y", *flags, "{in}", "-o", "{out}", source=source(RATE, 2, bits))


def varied_ogg(name, rate, quality):
    """Clicks among silence, for which the encoder changes the size of its blocks."""
    wav = audio.made(f"clicks-{rate}.wav", "sox", "-R", "-n", "-r", str(rate), "-c", "2", "-b", "16", "{out}",
                     "synth", "0.02", "noise", "pad", "0", "0.3", "repeat", "60")
    return audio.made(name, "oggenc", "-Q", "-q", str(quality), "{in}", "-o", "{out}", source=wav)


@pytest.mark.parametrize("make", [
    lambda: wavpack("hybrid.wv", "-b4"), lambda: wavpack("high.wv", "-hh", bits=24),
    lambda: wavpack("fast.wv", "-f", bits=32), lambda: coded("float.wv", "-c:a", "wavpack", "-sample_fmt", "fltp"),
    lambda: coded("deep.tta", "-sample_fmt", "s32", bits=24), lambda: coded("six.eac3", channels=6),
    lambda: coded("slow.ac3", rate=32000, channels=1),
    lambda: varied_ogg("clicks.ogg", 44100, 3), lambda: varied_ogg("clicks-8.ogg", 8000, -1),
    lambda: coded("long.opus", "-c:a", "libopus", "-frame_duration", "60", "-application", "voip"),
    lambda: coded("short.opus", "-c:a", "libopus", "-frame_duration", "2.5", "-page_duration", "1"),
    lambda: coded("dtx.webm", "-c:a", "libopus", "-dtx", "1", "-af", "volume=0:enable='between(t,2,6)'"),
    lambda: coded("late.ogg", "-c:a", "libvorbis", "-output_ts_offset", "500"),
    lambda: coded("aac.mka", "-c:a", "aac"), lambda: coded("mp3.mka", "-c:a", "libmp3lame"),
    lambda: coded("slow.wma", "-c:a", "wmav2", "-b:a", "32k", rate=8000, channels=1),
    lambda: coded("middle.wma", "-c:a", "wmav1", "-b:a", "48k", rate=22050),
    lambda: coded("fragments.m4a", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "300000"),
    lambda: coded("alac.m4a", "-c:a", "alac", "-movflags", "frag_keyframe+empty_moov"),
    lambda: coded("edited.m4a", "-c:a", "aac", "-ss", "2.2"),
    lambda: by("vbr.mp3", "lame", "--quiet", "-V2", "{in}", "{out}"),
    lambda: by("abr.mp3", "lame", "--quiet", "--abr", "100", "--resample", "22.05", "{in}", "{out}"),
    lambda: by("tagged.mp3", "lame", "--quiet", "--tt", "A title", "--add-id3v2", "{in}", "{out}")],
    ids=["wv-hybrid", "wv-24", "wv-32", "wv-float", "tta-24", "eac3-6", "ac3-1", "clicks", "clicks-8",
         "opus-60", "opus-2.5", "dtx", "late", "aac-mka", "mp3-mka", "wma-8", "wma-22", "fragments", "alac", "edited",
         "vbr", "abr", "tagged"])
def test_intact_files_are_whole(make):
    record = work("validate", make())
    assert record["verdict"] == "whole" and not record["report"]["damage"], record["report"]
    assert record["report"]["declared"]["duration_matches"]
