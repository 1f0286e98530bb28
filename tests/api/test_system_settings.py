"""Settings that make no sense are refused by name, before anything is served."""
import subprocess

import pytest
from server import BINARY


def serve(tmp_path, *flags):
    return subprocess.run([BINARY, "serve", "--data", str(tmp_path / "data"), *flags],
                          capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("flags, name", [
    (("--listen", ""), "server.listen"),
    (("--listen", "127.0.0.1:0", "--media-processes", "0"), "media.processes"),
    (("--listen", "127.0.0.1:0", "--media-memory", "0"), "media.memory"),
    (("--listen", "127.0.0.1:0", "--media-timeout", "0"), "media.timeout"),
    (("--listen", "127.0.0.1:0", "--uploads-session-ttl", "1s"), "uploads.session_ttl"),
    (("--listen", "127.0.0.1:0", "--quota-max-storage-bytes", "10000000T"), "quota.max_storage_bytes"),
    (("--listen", "127.0.0.1:0", "--uploads-accept", "sounds"), "uploads.accept"),
    (("--listen", "127.0.0.1:0", "--chunks-format", "mp3"), "chunks.format"),
    (("--listen", "127.0.0.1:0", "--chunks-sample-rate", "999"), "chunks.sample_rate"),
    (("--listen", "127.0.0.1:0", "--chunks-channels", "9"), "chunks.channels"),
    (("--listen", "127.0.0.1:0", "--chunks-bits", "20"), "chunks.bits"),
    (("--listen", "127.0.0.1:0", "--chunks-boundaries", "words"), "chunks.boundaries"),
    (("--listen", "127.0.0.1:0", "--chunks-overlap", "151s"), "chunks.overlap"),
    (("--listen", "127.0.0.1:0", "--chunks-max-bytes", "1023"), "chunks.max_bytes")])
def test_values(tmp_path, flags, name):
    done = serve(tmp_path, *flags)
    assert done.returncode != 0
    assert name in done.stderr, done.stderr


@pytest.mark.parametrize("flag, wrong, words", [
    ("session-ttl", "59s", "from 1m to 365d"), ("session-ttl", "366d", "from 1m to 365d"),
    ("chunk-threshold", "0", "from 1s to 365d"), ("max-chunk-duration", "25h", "from 1s to 1d")])
def test_bounds_of_times_are_told_as_times_are_written(tmp_path, flag, wrong, words):
    done = serve(tmp_path, "--listen", "127.0.0.1:0", f"--uploads-{flag}", wrong)
    assert done.returncode != 0 and words in done.stderr, done.stderr


@pytest.mark.parametrize("text, name", [
    ('[store "main"]\nprovider = local\npath = /nowhere\nbucket = b\n', 'bucket'),
    ('[shop "main"]\npath = x\n', 'shop'), ('[store]\npath = x\n', 'store.path'),
    ('[uploads]\nacept = any\n', 'uploads.acept')])
def test_unknown_names_in_a_file(tmp_path, text, name):
    path = tmp_path / "audiotricks.ini"
    path.write_text(text)
    done = serve(tmp_path, "--listen", "127.0.0.1:0", "--config", str(path))
    assert done.returncode != 0
    assert name in done.stderr and "no such option" in done.stderr, done.stderr


def effective(tmp_path, text):
    path = tmp_path / "audiotricks.ini"
    path.write_text(text)
    return subprocess.run([BINARY, "config", "--config", str(path)],
                          capture_output=True, text=True, timeout=60, check=False)


def test_blanks_before_a_key_mean_nothing(tmp_path):
    done = effective(tmp_path, "[uploads]\n  accept = any\n\tformats = wav\n\n   ; a remark\n  session_ttl = 2h\n")
    lines = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line}
    assert lines["uploads.accept"] == ["file", "any"]
    assert lines["uploads.formats"] == ["file", "wav"]
    assert lines["uploads.session_ttl"] == ["file", "2h"]


@pytest.mark.parametrize("text, reason", [
    ("[server]\ntrusted_proxies = 10.0.0.0/8,\n  192.168.0.0/16\n", "line 3 is neither"),
    ("[uploads]\nformats = " + ",".join(["wav"] * 60) + "\n", "line 2: a line has"),
    ("; " + "-" * 300 + "\n", "line 1: a line has"),
    ("[uploads]\naccept = any\0\n", "not text")])
def test_a_file_is_never_read_in_part(tmp_path, text, reason):
    done = effective(tmp_path, text)
    assert done.returncode != 0
    assert reason in done.stderr, done.stderr


def test_a_file_may_be_a_pipe():
    done = subprocess.run([BINARY, "config", "--config", "/dev/stdin"], input="[uploads]\naccept = any\n",
                          capture_output=True, text=True, timeout=60, check=False)
    assert ["uploads.accept", "file", "any"] in [line.split() for line in done.stdout.splitlines()]


def test_the_longest_line_is_read_whole(tmp_path):
    formats = ",".join(["wav"] * 60)[:198 - len("formats = ")]
    done = effective(tmp_path, f"[uploads]\nformats = {formats}\naccept = any")
    assert formats in done.stdout, done.stderr
