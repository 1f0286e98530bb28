"""Chunks of real audio over HTTP: every codec, words that stay whole, ceilings, and very long files."""
import array
import functools
import io
import os
import pathlib
import random
import subprocess
import wave

import pytest

import audio
from every_codec import CODECS, LONGER_IN_FFMPEG
from processing import (DONE, adds_up, chunks_of, content_of, cut, decoded, joined, processed, samples)
from server import Server, wait_until

SECONDS_EACH = 2
LONG_S, SHORT_S, LONG_RATE = 10 * 3600, 600, 2000


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("chunks") / "data", "--uploads-chunk-threshold", "1s",
                "--uploads-max-chunk-duration", f"{SECONDS_EACH}s", jobs=True) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    return server.api()


# ---- every codec ----

def is_the_decode(ours, theirs, name):
    """M4A says how much encoders put behind the end; ffmpeg leaves it in."""
    if name in LONGER_IN_FFMPEG:
        return 0 <= len(theirs) - len(ours) < 16384 and ours[:-512] == theirs[:len(ours) - 512]
    return ours == theirs


def raw(content, bits):
    """The samples of a FLAC file, as another decoder has them."""
    return subprocess.run(["ffmpeg", "-v", "error", "-i", "-", "-f", f"s{bits}le", "-"], check=True, input=content,
                          capture_output=True).stdout


@pytest.mark.parametrize("name", CODECS)
def test_joined_chunks_are_the_decode_of_the_whole(api, name):
    path = CODECS[name][0]()
    record = processed(api, path.read_bytes(), path.name)
    assert record["status"] == "completed", record
    chunks = chunks_of(api, record)
    assert len(chunks) == 4 and [c["chunk_index"] for c in chunks] == [0, 1, 2, 3]
    form, whole = joined(api, chunks)
    assert form == (1, 2, 16000)
    assert is_the_decode(whole, decoded(path, "-map", "0:a:0", "-ar", "16000", "-ac", "1"), name)


@pytest.mark.parametrize("name", CODECS)
def test_flac_chunks_of_the_sources_form_lose_nothing(api, name):
    path = CODECS[name][0]()
    record = processed(api, path.read_bytes(), path.name)
    form = cut(api, record, format="flac", sample_rate="source", channels="source", bits="source")["result"]
    bits = form["bits"]
    whole = b"".join(raw(content_of(api, chunk).content, bits) for chunk in chunks_of(api, record))
    theirs = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:a:0", "-f", f"s{bits}le", "-"],
                            check=True, capture_output=True).stdout
    assert is_the_decode(whole, theirs, name)


# ---- words ----

WORDS = ("weather winter north letters garden seven harbour morning children between mountain water reading "
         "anything yesterday railway window question paper silver").split()


def spoken(word):
    """The samples of a word as a voice says it, without the quiet around it; and their rate."""
    path = audio.made(f"word-{word}.wav", "espeak-ng", "-w", "{out}", word)
    with wave.open(str(path)) as file:
        rate, frames = file.getframerate(), array.array("h", file.readframes(file.getnframes()))
    loud = [i for i, value in enumerate(frames) if abs(value) > 60]
    return frames[loud[0]:loud[-1] + 1], rate


def a_talk(seconds):
    """A WAV of words with pauses of chance between them, and when each word begins and ends."""
    dice, frames, words, rate = random.Random(5), array.array("h"), [], 0
    while not rate or len(frames) < seconds * rate:
        word, rate = spoken(dice.choice(WORDS))
        words.append((len(frames) / rate, (len(frames) + len(word)) / rate))
        frames += word
        frames += array.array("h", [dice.randint(-2, 2) for _ in range(int(dice.uniform(0.08, 0.7) * rate))])
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    return out.getvalue(), words


@pytest.mark.parametrize("ceiling", [{"max_duration": 12}, {"max_bytes": 300_000, "max_duration": 300},
                                     {"max_duration": 12, "overlap": 2}])
def test_no_word_is_cut_in_two(api, ceiling):
    content, words = a_talk(90)
    record = processed(api, content, "talk.wav")
    cut(api, record, boundaries="silence", **ceiling)
    chunks = chunks_of(api, record)
    assert len(chunks) >= 7
    overlap = ceiling.get("overlap", 0)
    for before, chunk in zip(chunks, chunks[1:]):
        at = before["end_time"]
        assert chunk["start_time"] == pytest.approx(at - overlap, abs=0.0011)
        assert not [word for word in words if word[0] < at < word[1]], at
        assert before["duration"] <= ceiling["max_duration"]
        assert before["chunk_size"] <= ceiling.get("max_bytes", 1 << 30)
    parts = [samples(content_of(api, chunk).content)[1] for chunk in chunks]
    whole = b"".join([parts[0]] + [part[overlap * 16000 * 2:] for part in parts[1:]])
    path = audio.FOLDER / "talk.wav"
    path.write_bytes(content)
    assert whole == decoded(path, "-ar", "16000", "-ac", "1")


# ---- very long files ----

def high_water(pid):
    """The most memory that a process ever had, in KiB; 0 if it is gone."""
    try:
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


class HighWater:
    """Of a server, and of the largest of its media processes."""

    def __init__(self, server):
        self.pid, self.server_kib, self.media_kib = server.process.pid, 0, 0

    def look(self):
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        self.server_kib = max(self.server_kib, high_water(self.pid))
        self.media_kib = max([self.media_kib, *map(high_water, children)])
        return True


@functools.lru_cache(maxsize=None)
def flac_of(seconds):
    tone = audio.tone(f"chunks-{seconds}.wav", seconds, LONG_RATE)
    return audio.made(f"chunks-{seconds}.flac", "flac", "-s", "-f", "-0", "{in}", "-o", "{out}", source=tone)


def uploaded_and_watched(server, path):
    """The record of the file once it is processed, and the memory that was seen meanwhile."""
    api, seen = server.api(), HighWater(server)
    with open(path, "rb") as file:
        answer = api.post("/v1/uploads", params={"filename": path.name}, data=file)
    assert answer.status_code == 201, answer.text
    at = f"/v1/uploads/{answer.json()['id']}"
    wait_until(lambda: seen.look() and api.get(at).json()["status"] in DONE, 600, "the end of processing")
    return api.get(at).json(), seen


def test_ten_hours_in_more_than_a_thousand_chunks(tmp_path):
    """What a sanitizer keeps of freed memory is no part of the question."""
    options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=2"
    with Server(tmp_path / "data", "--uploads-max-chunk-duration", "30s", "--chunks-sample-rate", "source",
                env={"ASAN_OPTIONS": options}, jobs=True) as server:
        short, before = uploaded_and_watched(server, flac_of(SHORT_S))
        long, after = uploaded_and_watched(server, flac_of(LONG_S))
        assert (short["status"], long["status"]) == ("completed", "completed")
        assert after.server_kib < before.server_kib + 24 * 1024
        assert after.media_kib < before.media_kib + 16 * 1024
        chunks = chunks_of(server.api(), long)
        assert len(chunks) == LONG_S // 30 == 1200
        assert [c["chunk_index"] for c in chunks] == list(range(1200))
        assert {(c["total_chunks"], c["status"]) for c in chunks} == {(1200, "completed")}
        assert [(c["start_time"], c["end_time"]) for c in chunks] == [(30 * i, 30 * i + 30) for i in range(1200)]
        names = [c["chunk_filename"] for c in chunks]
        assert names == sorted(names) and names[1005].endswith("_001005.wav")
        whole = decoded(flac_of(LONG_S))
        for index in (0, 999, 1000, 1199):
            part = samples(content_of(server.api(), chunks[index]).content)[1]
            assert part == whole[index * 30 * LONG_RATE * 2:(index + 1) * 30 * LONG_RATE * 2]
        adds_up(server)
