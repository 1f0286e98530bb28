"""Damage that no header tells of: the report of validate names it, and calls no intact file damaged."""
import random

import audio
import pytest
from every_codec import RATE, coded, source
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
    "ac3": lambda: noise("n.ac3", "-c:a", "ac3"),
}


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


@pytest.mark.parametrize("name", MADE)
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
    lambda: coded("aac.mka", "-c:a", "aac"), lambda: coded("mp3.mka", "-c:a", "libmp3lame")],
    ids=["wv-hybrid", "wv-24", "wv-32", "wv-float", "tta-24", "eac3-6", "ac3-1", "clicks", "clicks-8",
         "opus-60", "opus-2.5", "dtx", "late", "aac-mka", "mp3-mka"])
def test_intact_files_are_whole(make):
    record = work("validate", make())
    assert record["verdict"] == "whole" and not record["report"]["damage"], record["report"]
    assert record["report"]["declared"]["duration_matches"]
