"""The same seven seconds and a half of noise in every codec that the server takes."""
import audio

RATE = 44100
SECONDS = 7.5
SAMPLES = int(RATE * SECONDS)


def source(rate=RATE, channels=2, bits=16):
    return audio.made(f"work-{rate}-{channels}-{bits}.wav", "sox", "-R", "-D", "-n", "-r", str(rate), "-c",
                      str(channels), "-b", str(bits), "{out}", "synth", str(SECONDS), "pinknoise",
                      "tremolo", "0.7", "80", "vol", "0.4")


def coded(name, *flags, rate=RATE, channels=2, bits=16):
    return audio.made(name, "ffmpeg", "-nostdin", "-v", "error", "-y", "-i", "{in}", *flags, "{out}",
                      source=source(rate, channels, bits))


def by(name, *command, rate=RATE, channels=2):
    return audio.made(name, *command, source=source(rate, channels))


# Each codec: how it is made, its true length in samples of its own rate (None: codecs that do not keep it).
CODECS = {
    "wav": (lambda: source(), SAMPLES),
    "wav-8": (lambda: coded("w8.wav", "-c:a", "pcm_u8"), SAMPLES),
    "wav-24": (lambda: coded("w24.wav", "-c:a", "pcm_s24le"), SAMPLES),
    "wav-float": (lambda: coded("wf.wav", "-c:a", "pcm_f32le"), SAMPLES),
    "wav-alaw": (lambda: coded("wa.wav", "-c:a", "pcm_alaw"), SAMPLES),
    "wav-adpcm": (lambda: coded("wad.wav", "-c:a", "adpcm_ms"), None),
    "rf64": (lambda: coded("rf64.wav", "-rf64", "always"), SAMPLES),
    "w64": (lambda: coded("w.w64"), SAMPLES),
    "aiff": (lambda: coded("w.aiff"), SAMPLES),
    "au": (lambda: coded("w.au"), SAMPLES),
    "caf": (lambda: coded("w.caf", "-c:a", "pcm_s16le"), SAMPLES),
    "flac": (lambda: by("w.flac", "flac", "-s", "-f", "{in}", "-o", "{out}"), SAMPLES),
    "alac": (lambda: coded("alac.m4a", "-c:a", "alac"), SAMPLES),
    "mp3": (lambda: by("w.mp3", "lame", "--quiet", "{in}", "{out}"), SAMPLES),
    "mp3-vbr": (lambda: by("v.mp3", "lame", "--quiet", "-V4", "{in}", "{out}"), SAMPLES),
    "mp3-id3": (lambda: by("id3.mp3", "lame", "--quiet", "--tt", "A title", "--id3v2-only", "{in}", "{out}"),
                SAMPLES),
    "mp3-bare": (lambda: by("bare.mp3", "lame", "--quiet", "-t", "-V4", "{in}", "{out}"), None),
    "mp2": (lambda: coded("w.mp2", "-c:a", "mp2"), None),
    "aac": (lambda: coded("w.aac", "-c:a", "aac"), None),
    "m4a": (lambda: coded("w.m4a", "-c:a", "aac"), SAMPLES),
    "ogg": (lambda: by("w.ogg", "oggenc", "-Q", "{in}", "-o", "{out}"), SAMPLES),
    "opus": (lambda: by("w.opus", "opusenc", "--quiet", "{in}", "{out}"), int(48000 * SECONDS)),
    "webm": (lambda: coded("w.webm", "-c:a", "libopus"), int(48000 * SECONDS)),
    "mka": (lambda: coded("w.mka", "-c:a", "flac"), SAMPLES),
    "speex": (lambda: by("w.spx", "speexenc", "{in}", "{out}", rate=16000, channels=1), None),
    "wavpack": (lambda: by("w.wv", "wavpack", "-q", "-y", "{in}", "-o", "{out}"), SAMPLES),
    "tta": (lambda: coded("w.tta"), SAMPLES),
    "ac3": (lambda: coded("w.ac3", "-c:a", "ac3"), None),
    "eac3": (lambda: coded("w.eac3", "-c:a", "eac3"), None),
    "wma": (lambda: coded("w.wma", "-c:a", "wmav2"), None),
}
# Where we leave out what encoders put behind the end, and ffmpeg does not.
LONGER_IN_FFMPEG = {"m4a"}
