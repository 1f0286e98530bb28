"""Works of the media processes (src/media/work.h) on real audio: what is cut, measured and found wanting.

tests/lib/media_work_main.c is run, which calls media_work as jobs do.
"""
import array
import functools
import json
import math
import os
import pathlib
import random
import re
import struct
import subprocess

import audio
import pytest
from every_codec import CODECS, LONGER_IN_FFMPEG, RATE, SAMPLES, SECONDS, by, coded, source
from server import BINARY

PROGRAM = pathlib.Path(BINARY).parents[1] / "tests/unit/media/media-work"


def works(*words, **variables):
    """What the program says, a record for each file."""
    env = {**os.environ, **variables}
    done = subprocess.run([str(PROGRAM), *map(str, words)], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def work(*words):
    record = works(*words)[0]
    assert "code" not in record, record
    return record


def samples_of(path):
    """The samples of a WAV of 16 bits that was cut, past its head."""
    content = pathlib.Path(path).read_bytes()
    at = content.index(b"data")
    assert struct.unpack("<I", content[at + 4:at + 8])[0] == len(content) - at - 8
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8
    return content[at + 8:]


def joined(folder, record, sample_bytes=2):
    """All chunks, each without what it repeats; they must be told of in order, one after the other."""
    out, end = [], 0
    for index, chunk in enumerate(record["chunks"]):
        path = next(pathlib.Path(folder).glob(f"chunk-{index:06}.*"))
        content = samples_of(path)
        assert chunk["index"] == index and path.stat().st_size == chunk["size"]
        assert chunk["start_samples"] + chunk["overlap_samples"] == end
        assert (chunk["end_samples"] - chunk["start_samples"]) * sample_bytes == len(content)
        end = chunk["end_samples"]
        out.append(content[chunk["overlap_samples"] * sample_bytes:])
    assert record["chunk_count"] == len(out)
    return b"".join(out)


def ffmpeg_decodes(path, rate=16000, channels=1, form="s16le"):
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), "-map", "0:a:0", "-ar",
                           str(rate), "-ac", str(channels), "-f", form, "-"], check=True,
                          capture_output=True).stdout


@pytest.mark.parametrize("name", CODECS)
def test_joined_chunks_are_the_decode_of_the_whole(name, tmp_path):
    path, samples = CODECS[name][0](), CODECS[name][1]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()
    one = work("validate", "cut", "max_ms=3600000", f"out={whole}", path)
    many = work("cut", "max_ms=1000", f"out={parts}", path)
    assert one["verdict"] == "whole", one["report"]
    assert len(one["chunks"]) == 1 and len(many["chunks"]) >= 7
    content = joined(whole, one)
    assert joined(parts, many) == content
    theirs = ffmpeg_decodes(path)
    if name in LONGER_IN_FFMPEG:
        assert 0 <= len(theirs) - len(content) < 2048
        assert content[:-200] == theirs[:len(content) - 200]
    else:
        assert content == theirs
    if samples:
        assert one["samples"] == many["samples"] == samples
        assert one["duration_ms"] == int(SECONDS * 1000)
        assert one["report"]["declared"]["duration_matches"]
    assert {c["end_samples"] for c in many["chunks"][:-1]} == {16000 * (i + 1) for i in
                                                              range(len(many["chunks"]) - 1)}


def test_times_follow_from_samples(tmp_path):
    record = work("cut", "max_ms=2500", source())
    assert [(c["start_ms"], c["end_ms"]) for c in record["chunks"]] == [(0, 2500), (2500, 5000),
                                                                       (5000, 7500)]


@pytest.mark.parametrize("boundaries", ["fixed", "silence"])
def test_overlap_repeats_the_end_of_the_chunk_before(boundaries, tmp_path):
    whole = ffmpeg_decodes(speech())
    record = work("cut", "max_ms=12000", "overlap_ms=1500", f"boundaries={boundaries}"
                  if boundaries == "silence" else "max_bytes=0", f"out={tmp_path}", speech())
    assert joined(tmp_path, record) == whole
    assert all(c["overlap_samples"] == 24000 for c in record["chunks"][1:])
    assert record["chunks"][0]["overlap_samples"] == 0
    for chunk in record["chunks"]:
        assert chunk["end_samples"] - chunk["start_samples"] <= 12 * 16000
        content = samples_of(tmp_path / f"chunk-{chunk['index']:06}.wav")
        assert content == whole[2 * chunk["start_samples"]:2 * chunk["end_samples"]]


@pytest.mark.parametrize("limit", ["max_ms=10000", "max_bytes=320044"])
def test_each_chunk_is_as_long_as_may_be(limit, tmp_path):
    path = audio.ffmpeg("overlapping.wav", "-ar", "16000", seconds=22)
    record = work("cut", "overlap_ms=5000", limit, f"out={tmp_path}", path)
    assert [(c["start_ms"], c["end_ms"]) for c in record["chunks"]] == [
        (0, 10000), (5000, 15000), (10000, 20000), (15000, 22000)]
    assert joined(tmp_path, record) == ffmpeg_decodes(path)


# ---- boundaries in pauses

WORD_S, GAP_S, PAUSE_S = 0.42, 0.04, 0.5


@functools.lru_cache(maxsize=None)
def speech_plan():
    """Stretches that sound and such that do not, as (start, end, is_pause): gaps within words are shorter
    than pauses and as quiet."""
    dice, at, plan = random.Random(7), 0.0, []
    while at < 60:
        for _ in range(dice.randint(4, 9)):
            plan.append((at, at + WORD_S, False))
            at += WORD_S + GAP_S
        plan.append((at, at + PAUSE_S, True))
        at += PAUSE_S
    return plan, at


@functools.lru_cache(maxsize=None)
def speech():
    plan, end = speech_plan()
    dice = random.Random(8)
    samples = array.array("h", bytes(2 * int(end * 16000)))
    for start, stop, is_pause in plan:
        for i in range(int(start * 16000), int(stop * 16000)):
            samples[i] = dice.randint(-3, 3) if is_pause else int(
                9000 * math.sin(i / 9) * abs(math.sin(math.pi * (i / 16000 - start) / WORD_S)) ** 0.3)
    path = audio.FOLDER / "speech.wav"
    data = samples.tobytes()
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 1, 16000, 32000, 2, 16) + b"data" + struct.pack("<I", len(data)) + data)
    return path


def test_silence_boundaries_lie_in_pauses(tmp_path):
    record = work("cut", "boundaries=silence", "max_ms=16000", "window_ms=4000", f"out={tmp_path}",
                  speech())
    pauses = [(start, end) for start, end, is_pause in speech_plan()[0] if is_pause]
    assert joined(tmp_path, record) == ffmpeg_decodes(speech())
    assert len(record["chunks"]) >= 5
    for chunk in record["chunks"][:-1]:
        at = chunk["end_samples"] / 16000
        length = (chunk["end_samples"] - chunk["start_samples"]) / 16000
        assert 8 <= length <= 16
        middle = min((start + end) / 2 for start, end in pauses if abs((start + end) / 2 - at) < 0.3)
        assert abs(middle - at) < 0.06, (at, middle)


def test_spoken_words_are_not_cut(tmp_path):
    """A real voice that reads a text: each boundary lies where it is quiet."""
    text = " ".join(f"Sentence number {i} is about the weather in the north, and about the sea."
                    for i in range(30))
    path = audio.made("spoken.wav", "espeak-ng", "-w", "{out}", text)
    record = work("cut", "boundaries=silence", "max_ms=30000", f"out={tmp_path}", path)
    samples = array.array("h", joined(tmp_path, record))
    loud = max(rms(samples, at, 1600) for at in range(0, len(samples) - 1600, 1600))
    assert len(record["chunks"]) >= 3
    for chunk in record["chunks"][:-1]:
        assert 15000 <= chunk["end_ms"] - chunk["start_ms"] <= 30000
        assert rms(samples, chunk["end_samples"] - 400, 800) < loud / 30


def rms(samples, at, count):
    return math.sqrt(sum(x * x for x in samples[at:at + count]) / count)


def test_without_a_pause_boundaries_stay_in_the_middle():
    record = work("cut", "boundaries=silence", "max_ms=2000",
                  audio.ffmpeg("steady.wav", "-ar", "16000", seconds=9))
    assert all(1000 <= c["end_ms"] - c["start_ms"] <= 2000 for c in record["chunks"][:-1])


# ---- forms and ceilings

@pytest.mark.parametrize("form", ["wav", "flac"])
def test_no_chunk_exceeds_its_ceiling_in_bytes(form, tmp_path):
    """White noise at full scale, which FLAC cannot make smaller."""
    path = audio.made("white.wav", "sox", "-R", "-n", "-r", "16000", "-c", "1", "-b", "16", "{out}",
                      "synth", "20", "whitenoise")
    record = work("cut", "max_bytes=100000", f"format={form}" if form == "flac" else "bits=16",
                  f"out={tmp_path}", path)
    assert len(record["chunks"]) > 5
    assert all(c["size"] <= 100000 for c in record["chunks"])
    assert all(c["size"] > 80000 for c in record["chunks"][:-1])


@pytest.mark.parametrize("bits", [16, 24])
def test_flac_chunks_decode_to_the_same_samples(bits, tmp_path):
    path = source(48000, 2, bits)
    record = work("cut", "format=flac", "sample_rate_hz=0", "channels=0", "bits=0", "max_ms=2000",
                  f"out={tmp_path}", path)
    assert (record["chunk_rate"], record["chunk_channels"], record["chunk_bits"]) == (48000, 2, bits)
    whole = b""
    for chunk in record["chunks"]:
        name = tmp_path / f"chunk-{chunk['index']:06}.flac"
        subprocess.run(["flac", "-s", "-t", str(name)], check=True)
        whole += ffmpeg_decodes(name, 48000, 2, f"s{bits}le")
    assert whole == ffmpeg_decodes(path, 48000, 2, f"s{bits}le")


@pytest.mark.parametrize("channels,bits", [(1, 16), (2, 16), (2, 24), (6, 24)])
def test_source_keeps_rate_channels_and_depth(channels, bits, tmp_path):
    path = source(96000 if bits == 24 else 22050, channels, bits)
    record = work("cut", "sample_rate_hz=0", "channels=0", "bits=0", "max_ms=2000", f"out={tmp_path}", path)
    rate = record["chunk_rate"]
    assert (record["chunk_channels"], record["chunk_bits"]) == (channels, bits)
    assert joined(tmp_path, record, channels * bits // 8) == ffmpeg_decodes(path, rate, channels,
                                                                            f"s{bits}le")
    out = subprocess.run(["soxi", "-r", "-c", "-b", str(tmp_path / "chunk-000000.wav")], check=False,
                         capture_output=True, text=True)
    probe = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=sample_rate,channels", "-of",
                            "csv=p=0", str(tmp_path / "chunk-000000.wav")], check=True, capture_output=True,
                           text=True).stdout.strip()
    assert probe == f"{rate},{channels}", out.stderr


@pytest.mark.parametrize("channels, rate", [(65, 0), (64, 0), (130, 0), (130, 4000)])
def test_source_keeps_any_number_of_channels(channels, rate, tmp_path):
    """Each channel at another level: none is lost, and none takes the place of another."""
    planes = [[i * 100 if i % 2 else -i * 100] * 6000 for i in range(1, channels + 1)]
    record = work("cut", f"sample_rate_hz={rate}", "channels=0", "bits=0", "max_ms=1000", f"out={tmp_path}",
                  wav_of(f"levels-{channels}.wav", planes))
    assert record["chunk_channels"] == channels and record["chunk_rate"] == (rate or 8000)
    samples = array.array("h", joined(tmp_path, record, channels * 2))
    frames = [samples[i:i + channels] for i in range(0, len(samples), channels)]
    assert len(frames) == 6000 * (rate or 8000) // 8000
    middle = frames if not rate else frames[200:-200]  # a filter rings where a level begins
    assert all(abs(x - plane[0]) <= (2 if rate else 0) for frame in middle for x, plane in zip(frame, planes))


@pytest.mark.parametrize("channels", [9, 10, 12, 64, 255])
def test_channels_that_stand_nowhere_are_mixed_to_their_mean(channels, tmp_path):
    dice = random.Random(channels)
    planes = [[dice.randint(-9000, 9000) for _ in range(20000)] for _ in range(channels)]
    record = work("validate", "analyze", "cut", "sample_rate_hz=8000", "max_ms=1000", f"out={tmp_path}",
                  wav_of(f"many-{channels}.wav", planes))
    assert record["channels"] == channels and record["chunk_channels"] == 1
    samples = array.array("h", joined(tmp_path, record))
    assert len(samples) == 20000
    assert max(abs(x - sum(frame) / channels) for x, frame in zip(samples, zip(*planes))) < 1.01


@pytest.mark.parametrize("words,detail", [
    (["bits=12"], "16 or 24"), (["sample_rate_hz=999"], "rate"), (["max_ms=999"], "second"),
    (["overlap_ms=200000"], "overlap"), (["max_bytes=40"], "overlap")])
def test_orders_that_make_no_sense_are_refused(words, detail):
    record = works("cut", *words, source())[0]
    assert record["code"] == "invalid_request" and detail in record["detail"]


def test_more_than_a_hundred_thousand_chunks_are_refused():
    path = audio.tone("many.wav", 101000, 100)
    record = works("cut", "sample_rate_hz=1000", "max_ms=1000", path)[0]
    assert record["code"] == "invalid_request" and "100,000" in record["detail"]


def test_ten_hours_take_no_more_memory_than_ten_minutes(tmp_path):
    def of(seconds):
        wav = audio.tone(f"long-{seconds}.wav", seconds, 2000)
        return audio.made(f"long-{seconds}.flac", "flac", "-s", "-f", "-0", "{in}", "-o", "{out}", source=wav)

    # What a sanitizer keeps of freed memory is no part of the question.
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=2"
    short, long = (works("validate", "analyze", "cut", "sample_rate_hz=2000", "max_ms=30000",
                         f"out={tmp_path}", of(seconds),
                         ASAN_OPTIONS=options)[0] for seconds in (600, 36000))
    assert long["duration_ms"] == 36000000 and len(long["chunks"]) == 1200
    names = sorted(path.name for path in tmp_path.glob("chunk-*"))
    assert names == [f"chunk-{i:06}.wav" for i in range(1200)]
    assert [c["start_ms"] for c in long["chunks"]] == list(range(0, 36000000, 30000))
    assert long["process_peak_kib"] < short["process_peak_kib"] + 8192
    assert long["progress_calls"] >= 1


# ---- truth

def test_headers_that_say_nothing_are_read_to_the_end(tmp_path):
    content = bytearray(source().read_bytes())
    at = content.index(b"data") + 4
    for name, size in (("zero", 0), ("full", 0xffffffff), ("odd", 0xffffff00)):
        content[at:at + 4] = struct.pack("<I", size)
        path = tmp_path / f"{name}.wav"
        path.write_bytes(content)
        record = work("validate", path)
        assert record["samples"] == SAMPLES, name


def cut_off(name, path, share):
    content = path.read_bytes()
    out = audio.FOLDER / name
    out.write_bytes(content[:int(len(content) * share)])
    return out


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "mp3-vbr", "m4a-fast", "wavpack"])
def test_truncated_files_are_said_to_be(name):
    path = coded("fast.m4a", "-c:a", "aac", "-movflags", "+faststart") if name == "m4a-fast" \
        else CODECS[name][0]()
    record = work("validate", cut_off(f"cut-{path.name}", path, 0.6))
    assert record["verdict"] == "truncated", record["report"]
    # A block of WavPack is half a second.
    assert record["samples"] == pytest.approx(0.6 * SAMPLES, abs=0.5 * RATE)
    assert record["report"]["truncated"] and record["report"]["damage_spans"] <= 1


def test_a_damaged_flac_names_the_samples_that_are_missing():
    path = CODECS["flac"][0]()
    content = bytearray(path.read_bytes())
    at = len(content) // 2
    content[at:at + 30000] = bytes(30000)
    bad = audio.FOLDER / "bad.flac"
    bad.write_bytes(content)
    record = work("validate", bad)
    assert record["verdict"] == "damaged"
    spans = record["report"]["damage"]
    missing = sum(span["samples"] for span in spans)
    assert missing > 0 and record["samples"] + missing == SAMPLES
    assert all(0.4 < span["start_sample"] / SAMPLES < 0.6 for span in spans)
    assert spans[0]["start"] == pytest.approx(spans[0]["start_sample"] / RATE, abs=1e-6)
    # What is before the damage is whole.
    before = spans[0]["start_sample"]
    assert before % 4096 == 0 or before % 4608 == 0


def test_a_damaged_mp3_goes_on_behind_the_damage():
    path = CODECS["mp3-bare"][0]()
    content = bytearray(path.read_bytes())
    at = len(content) // 3
    content[at:at + 4000] = random.Random(3).randbytes(4000).replace(b"\xff", b"\0")
    bad = audio.FOLDER / "bad.mp3"
    bad.write_bytes(content)
    good, record = work("validate", path), work("validate", bad)
    assert record["verdict"] == "damaged"
    assert 0 < good["samples"] - record["samples"] < RATE
    assert sum(span["bytes"] for span in record["report"]["damage"]) >= 3000
    assert 0.25 < record["report"]["damage"][0]["start"] / SECONDS < 0.4


def test_nothing_decodable_is_corrupt():
    path = CODECS["flac"][0]()
    content = bytearray(path.read_bytes())
    for at in range(8500, len(content), 400):
        content[at:at + 40] = bytes(40)
    bad = audio.FOLDER / "rotten.flac"
    bad.write_bytes(content)
    record = works("validate", "cut", bad)[0]
    assert record["code"] == "audio_corrupt" and record["verdict"] == "corrupt"
    assert record["report"]["verdict"] == "corrupt"


def wav_of(name, channels, rate=8000):
    """A WAV of 16 bits of lists of samples."""
    data = b"".join(struct.pack("<h", x) for frame in zip(*channels) for x in frame)
    path = audio.FOLDER / name
    path.write_bytes(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, len(channels), rate, rate * 2 * len(channels), 2 * len(channels), 16)
        + b"data" + struct.pack("<I", len(data)) + data)
    return path


def test_clipping_and_dead_channels_are_counted():
    left = [int(9000 * math.sin(i / 7)) for i in range(40000)]
    for at, count in ((255, 3), (511, 1), (20000, 700)):
        left[at:at + count] = [32767 if i % 2 else -32768 for i in range(count)]
    report = work("validate", wav_of("clipped.wav", [left, [1, -1] * 20000]))["report"]
    assert report["clipping"]["samples"] == 704 and report["clipping"]["runs"] == 3
    assert report["clipping"]["longest_run"] == 700
    assert [c["samples"] for c in report["clipping"]["per_channel"]] == [704, 0]
    assert report["silent_channels"] == [1]
    assert report["levels"][0]["peak_db"] == 0
    expected = 10 * math.log10(sum(x * x for x in left) / len(left) / 32768 ** 2)
    assert report["levels"][0]["rms_db"] == pytest.approx(expected, abs=0.02)


def test_a_change_of_form_on_the_way_is_noted(tmp_path):
    """Two links of an Ogg stream, one behind the other, of another rate and number of channels."""
    one = by("one.ogg", "oggenc", "-Q", "{in}", "-o", "{out}")
    two = by("two.ogg", "oggenc", "-Q", "-s", "5", "{in}", "-o", "{out}", rate=22050, channels=1)
    path = audio.FOLDER / "chained.ogg"
    path.write_bytes(one.read_bytes() + two.read_bytes())
    record = work("validate", "cut", "analyze", "max_ms=4000", f"out={tmp_path}", path)
    changes = record["report"]["format_changes"]
    assert [(c["sample_rate"], c["channels"]) for c in changes] == [(22050, 1)]
    assert changes[0]["at"] == pytest.approx(SECONDS, abs=0.05)
    assert record["duration_ms"] == pytest.approx(2 * SECONDS * 1000, abs=50)
    assert len(joined(tmp_path, record)) == pytest.approx(2 * SECONDS * 32000, abs=3200)


# ---- analysis

def ffmpeg_loudness(path):
    text = subprocess.run(["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path), "-af", "ebur128=peak=true",
                           "-f", "null", "-"], check=True, capture_output=True, text=True).stderr
    summary = text[text.rindex("Summary:"):]

    def number(name):
        return float(next(line.split()[1] for line in summary.splitlines() if line.strip().startswith(name)))

    frames = re.findall(r"M: *(-?[\d.]+) S: *(-?[\d.]+)", text)
    return (number("I:"), number("LRA:"), number("Peak:"), *(max(float(frame[i]) for frame in frames)
                                                             for i in (0, 1)))


def varied(name, rate, channels):
    """Music of sorts: notes, noise, swelling and fading."""
    return audio.made(name, "sox", "-R", "-n", "-r", str(rate), "-c", str(channels), "-b", "16", "{out}",
                      "synth", "30", "pluck", "300", "synth", "30", "pinknoise", "mix", "50", "tremolo",
                      "0.11", "95", "vol", "0.6")


@pytest.mark.parametrize("rate,channels", [(48000, 2), (44100, 2), (44100, 1), (22050, 1), (8000, 1),
                                           (96000, 2), (48000, 6)])
def test_loudness_is_that_of_ffmpeg(rate, channels):
    path = varied(f"varied-{rate}-{channels}.wav", rate, channels)
    integrated, spread, peak, momentary, short_term = ffmpeg_loudness(path)
    loudness = work("analyze", path)["analysis"]["loudness"]
    assert loudness["integrated_lufs"] == pytest.approx(integrated, abs=0.1)
    assert loudness["range_lu"] == pytest.approx(spread, abs=0.3)
    assert loudness["true_peak_dbtp"] == pytest.approx(peak, abs=0.35)
    assert loudness["max_momentary_lufs"] == pytest.approx(momentary, abs=0.15)
    assert loudness["max_short_term_lufs"] == pytest.approx(short_term, abs=0.15)
    assert loudness["true_peak_dbtp"] >= loudness["sample_peak_db"]


def test_true_peaks_lie_between_samples():
    """A tone at a quarter of the rate, sampled beside its peaks (EBU Tech 3341, case 15)."""
    tone = [round(16384 * math.sin(math.pi / 4 + math.pi / 2 * i)) for i in range(48000)]
    loudness = work("analyze", wav_of("between.wav", [tone], 48000))["analysis"]["loudness"]
    assert loudness["sample_peak_db"] == pytest.approx(-9.03, abs=0.02)
    assert loudness["true_peak_dbtp"] == pytest.approx(-6.02, abs=0.3)


def test_loudness_of_nothing_is_null():
    loudness = work("analyze", wav_of("nothing.wav", [[0] * 16000]))["analysis"]["loudness"]
    assert set(loudness.values()) == {None}


def peaks_by_hand(path, per_pixel, split, bits):
    """As audiowaveform reckons: samples of 16 bits, channels added up and divided, cut towards zero."""
    content = path.read_bytes()
    channels = struct.unpack("<H", content[22:24])[0]
    samples = array.array("h", content[content.index(b"data") + 8:])
    lanes = [samples[c::channels] for c in range(channels)]
    if not split:
        lanes = [[int(sum(frame) / channels) for frame in zip(*lanes)]]
    out = []
    for at in range(0, len(lanes[0]), per_pixel):
        for lane in lanes:
            part = lane[at:at + per_pixel]
            out += [int(x / 256) if bits == 8 else x for x in (min(part), max(part))]
    return len(lanes), out


@pytest.mark.parametrize("channels,split,bits", [(1, 0, 8), (2, 0, 8), (2, 0, 16), (2, 1, 8), (2, 1, 16),
                                                 (6, 0, 16)])
def test_peaks_are_those_of_the_samples(channels, split, bits, tmp_path):
    path = source(22050, channels, 16)
    record = work("analyze", "zooms=128,512,4096", f"waveform_bits={bits}",
                  "waveform_split=1" if split else "waveform_bits=" + str(bits), f"out={tmp_path}", path)
    for zoom in (128, 512, 4096):
        content = (tmp_path / f"zoom-{zoom}.dat").read_bytes()
        lanes, expected = peaks_by_hand(path, zoom, split, bits)
        head = struct.unpack("<iIiiIi", content[:24])
        assert head == (2, 1 if bits == 8 else 0, 22050, zoom, len(expected) // 2 // lanes, lanes)
        got = array.array("b" if bits == 8 else "h", content[24:])
        assert got.tolist() == expected, zoom
        assert json.loads((tmp_path / f"zoom-{zoom}.json").read_text()) == {
            "version": 2, "channels": lanes, "sample_rate": 22050, "samples_per_pixel": zoom,
            "bits": bits, "length": len(expected) // 2 // lanes, "data": expected}
    assert [w["length"] for w in record["analysis"]["waveforms"]] == [
        -(-int(22050 * SECONDS) // zoom) for zoom in (128, 512, 4096)]


def fpcalc(path):
    """What fpcalc finds; where the file is shorter than it would look at, it says so by its exit code."""
    return json.loads(subprocess.run(["fpcalc", "-json", str(path)], check=False, capture_output=True,
                                     text=True).stdout)


@pytest.mark.parametrize("name", ["wav", "mp3", "flac", "m4a", "opus"])
def test_the_fingerprint_is_that_of_fpcalc(name):
    path = CODECS[name][0]()
    theirs = fpcalc(path)
    ours = work("analyze", path)["analysis"]["fingerprint"]
    assert ours["text"] == theirs["fingerprint"]
    assert ours["duration"] == int(theirs["duration"])


def test_the_fingerprint_is_of_the_first_two_minutes():
    path = audio.made("three-minutes.wav", "sox", "-R", "-n", "-r", "11025", "-c", "1", "-b", "16", "{out}",
                      "synth", "180", "pinknoise", "synth", "180", "sine", "mix", "200:900")
    theirs = fpcalc(path)
    assert work("analyze", path)["analysis"]["fingerprint"]["text"] == theirs["fingerprint"]


def test_silence_spans_are_found_to_the_sample():
    loud = [int(9000 * math.sin(i / 3)) or 1000 for i in range(100000)]
    for start, end in ((0, 8000), (30000, 33999), (50000, 60001), (92000, 100000)):
        loud[start:end] = [20] * (end - start)
    analysis = work("analyze", wav_of("pauses.wav", [loud, loud]))["analysis"]
    spans = [(s["start"] * 8000, s["end"] * 8000) for s in analysis["silence"]]
    expected = [(0, 8000), (50000, 60001), (92000, 100000)]
    assert len(spans) == 3 and analysis["silence_spans"] == 3
    for got, wanted in zip(spans, expected):
        # Sines cross zero: a sample or two beside may be as quiet.
        assert got == pytest.approx(wanted, abs=3)


# ---- all at once, and trouble

def test_one_pass_for_everything_gives_what_each_gives_alone(tmp_path):
    path = CODECS["mp3"][0]()
    everything = work("validate", "analyze", "cut", "max_ms=2000", f"out={tmp_path}", path)
    assert everything["report"] == work("validate", path)["report"]
    assert everything["analysis"] == work("analyze", path)["analysis"]
    assert joined(tmp_path, everything) == ffmpeg_decodes(path)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("trick,code", [("CRASH", "media_unreadable"), ("HANG", "processing_timeout"),
                                        ("OPEN", "media_unreadable"), ("ALLOC", "media_unreadable"),
                                        ("NOISE", "media_unreadable")])
def test_a_process_that_dies_or_hangs_costs_one_file(trick, code, late, tmp_path):
    good = source(8000, 1)
    magic = f"AUDIOTRICKS-TEST-{trick}".encode()
    bad = tmp_path / "bad.wav"
    bad.write_bytes(good.read_bytes() + magic.ljust(32, b"\0") if late else magic)
    limit = "limit_ms=3000" if trick == "HANG" else "limit_ms=60000"
    first, second, third = works("validate", "cut", "analyze", limit, bad, good, good, MEDIA_WORKER_TEST="1")
    assert first["code"] == code, first
    for record in (second, third):
        assert "code" not in record and record["verdict"] == "whole"


def test_the_caller_can_end_a_work():
    long = audio.tone("long-cancel.wav", 6000, 8000)
    first, second = works("validate", "cut", "analyze", "cancel_at=0.000001", long, source())
    assert first["code"] == "conflict" and first["detail"] == "cancelled"
    assert "code" not in second or second["code"] == "conflict"


def test_what_is_no_audio_is_refused(tmp_path):
    path = tmp_path / "page.mp3"
    path.write_text("<html><body>not audio</body></html>" * 50)
    assert works("validate", path)[0]["code"] == "not_audio"


@pytest.mark.parametrize("rate", [1, 100, 1000])
def test_rates_too_low_to_be_measured_give_nothing(rate):
    """Loudness needs what the filters of BS.1770 let pass, a fingerprint more than 1,000 Hz."""
    tone = [int(9000 * math.sin(i / 3)) for i in range(rate * 10 + 400)]
    record = work("validate", "cut", "analyze", wav_of(f"low-{rate}.wav", [tone], rate))
    analysis = record["analysis"]
    assert record["verdict"] == "whole"
    assert analysis["fingerprint"] is None and analysis["loudness"]["integrated_lufs"] is None
    assert analysis["loudness"]["sample_peak_db"] is not None
    assert analysis["waveforms"][0]["length"] == (len(tone) + 255) // 256
