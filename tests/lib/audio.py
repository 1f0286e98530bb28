"""Real audio for tests, made by the programs that people use. Each is made once for a test run."""
import functools
import io
import math
import pathlib
import random
import struct
import subprocess
import tempfile
import wave

FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="audiotricks-audio-"))


def wav(seconds=1.0, rate=8000, channels=1, seed=0):
    """A small WAV of noise under a tone; another seed is another content."""
    noise = random.Random(seed)
    frames = bytearray()
    for i in range(int(seconds * rate)):
        tone = 8000 * math.sin(2 * math.pi * 440 * i / rate)
        frames += struct.pack("<h", int(tone + noise.uniform(-900, 900))) * channels
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(frames))
    return out.getvalue()


def wav_of_bytes(size, seed=0):
    """A WAV of exactly SIZE bytes (at least 46, even), 48 kHz stereo, of random samples."""
    data = size - 44
    header = b"RIFF" + struct.pack("<I", size - 8) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 2, 48000, 192000, 4, 16) + b"data" + struct.pack("<I", data)
    return header + random.Random(seed).randbytes(data)


@functools.lru_cache(maxsize=None)
def ffmpeg(name, *arguments, seconds=2.0, source="sine=frequency=440"):
    """The path of NAME, made by ffmpeg from a generated source with ARGUMENTS before the name."""
    path = FOLDER / name
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i",
                    f"{source}:duration={seconds}", *arguments, str(path)], check=True)
    return path


@functools.lru_cache(maxsize=None)
def made(name, *command, source=None):
    """The path of NAME, made by COMMAND, in which {in} is SOURCE's path and {out} NAME's."""
    path = FOLDER / "made" / name  # ffmpeg() may have another of that name
    path.parent.mkdir(exist_ok=True)
    words = [w.replace("{in}", str(source)).replace("{out}", str(path)) for w in command]
    subprocess.run(words, check=True, capture_output=True)
    return path


def tone(name, seconds, rate):
    """A WAV of 8 bits, of a tone that repeats every second (sox takes minutes for hours)."""
    second = bytes(int(128 + 90 * math.sin(2 * math.pi * 7 * i / rate)) for i in range(rate))
    path = FOLDER / name
    with open(path, "wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + seconds * rate) + b"WAVEfmt " + struct.pack(
            "<IHHIIHH", 16, 1, 1, rate, rate, 1, 8) + b"data" + struct.pack("<I", seconds * rate))
        for _ in range(seconds):
            file.write(second)
    return path
