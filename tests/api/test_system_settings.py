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
    (("--listen", "127.0.0.1:0", "--media-work-timeout", "0"), "media.work_timeout"),
    (("--listen", "127.0.0.1:0", "--uploads-session-ttl", "1s"), "uploads.session_ttl"),
    (("--listen", "127.0.0.1:0", "--quota-max-storage-bytes", "10000000T"), "quota.max_storage_bytes"),
    (("--listen", "127.0.0.1:0", "--uploads-accept", "sounds"), "uploads.accept"),
    (("--listen", "127.0.0.1:0", "--chunks-format", "mp3"), "chunks.format"),
    (("--listen", "127.0.0.1:0", "--chunks-sample-rate", "999"), "chunks.sample_rate"),
    (("--listen", "127.0.0.1:0", "--chunks-channels", "9"), "chunks.channels"),
    (("--listen", "127.0.0.1:0", "--chunks-bits", "20"), "chunks.bits"),
    (("--listen", "127.0.0.1:0", "--chunks-boundaries", "words"), "chunks.boundaries"),
    (("--listen", "127.0.0.1:0", "--chunks-overlap", "151s"), "chunks.overlap"),
    (("--listen", "127.0.0.1:0", "--chunks-max-bytes", "65535"), "chunks.max_bytes")])
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


# One validation: what `serve` refuses, `worker`, `config` and `doctor` refuse with the same words.

FLAGS = [
    (("--log-level", "loud"), "log.level"), (("--log-format", "xml"), "log.format"),
    (("--listen", "nowhere"), "server.listen"), (("--listen", "127.0.0.1:0,::1"), "server.listen"),
    (("--listen", "127.0.0.1:99999"), "server.listen"), (("--listen", "unix:"), "server.listen"),
    (("--server-socket-mode", "0999"), "server.socket_mode"),
    (("--server-cors-origins", "https://a/b"), "server.cors_origins"),
    (("--server-trusted-proxies", "10.0.0.0/99"), "server.trusted_proxies"),
    (("--server-workers-max", "100"), "server.workers_max"),
    (("--server-base-url", "audio.example.org"), "server.base_url"),
    (("--server-base-url", "https://a.example/?x=1"), "server.base_url"),
    (("--server-base-url", "https://"), "server.base_url"),
    (("--server-accel-prefix", "internal"), "server.accel_prefix"),
    (("--uploads-formats", "wav,mp9"), "uploads.formats"),
    (("--webhooks-allow-private", "maybe"), "webhooks.allow_private"),
    (("--media-processes", "0"), "media.processes"),
]

FILES = [
    ('[store "a"]\nprovider = local\n', 'store "a"'),
    ('[store "a"]\npath = {tmp}/a\n', 'store "a"'),
    ('[store "a"]\nprovider = tape\npath = {tmp}/a\n', '"tape"'),
    ('[store "a b"]\nprovider = local\npath = {tmp}/a\n', "a store's name"),
    ('[store "a"]\nprovider = local\npath = {tmp}/data\n', "the data folder"),
    ('[store "a"]\nprovider = local\npath = {tmp}/data/../data/.\n', "the data folder"),
    ('[store "a"]\nprovider = local\npath = {tmp}\n', "the data folder"),
    ('[store "a"]\nprovider = local\npath = {tmp}/a\n[store "b"]\nprovider = local\npath = {tmp}/a/b\n',
     'store "b"'),
    ('[store "a"]\nprovider = local\npath = {tmp}/a\n[store "b"]\nprovider = local\npath = {tmp}/./a\n',
     'store "b"'),
    ('[store "a"]\nprovider = local\npath = {tmp}/a\n[store "a"]\npath = {tmp}/b\n',
     'line 4: [store "a"] is there already'),
    ('[processor "x"]\nper = sometimes\n', 'processor "x": per'),
]


def refusals(tmp_path, *flags):
    """(exit code, what it says of the setting) of each of the four."""
    common = ["--data", str(tmp_path / "data"), *flags]
    (tmp_path / "data").mkdir(exist_ok=True)
    told = {}
    for command in ("serve", "worker", "config", "doctor"):
        done = subprocess.run([BINARY, command, *common], capture_output=True, text=True, timeout=60)
        told[command] = (done.returncode, done.stderr if command != "doctor" else done.stdout)
    return told


def assert_refused(told, name):
    for command, (code, text) in told.items():
        assert code in ((2, 7) if command == "doctor" else (2,)), (command, code, text)
        assert name in text, (command, text)
    said = told["serve"][1].strip().removeprefix("audiotricks: ").splitlines()[0]
    assert all(said in text for _, text in told.values())


@pytest.mark.parametrize("flags, name", FLAGS)
def test_all_four_refuse_a_value(tmp_path, flags, name):
    if "--listen" not in flags:
        flags += ("--listen", "127.0.0.1:0")
    assert_refused(refusals(tmp_path, *flags), name)


@pytest.mark.parametrize("text, name", FILES)
def test_all_four_refuse_a_file(tmp_path, text, name):
    path = tmp_path / "audiotricks.ini"
    path.write_text(text.format(tmp=tmp_path))
    told = refusals(tmp_path, "--listen", "127.0.0.1:0", "--config", str(path))
    if "already" in name:  # the file is not read at all
        assert {code for code, _ in told.values()} == {2}
        told.pop("doctor")
        assert all(name in text for _, text in told.values()), told
    else:
        assert_refused(told, name)
    assert not (tmp_path / "a").exists() and not list((tmp_path / "data").iterdir())


@pytest.mark.parametrize("flags", [
    ("--listen", "localhost:0,[::1]:0,:0,unix:/run/x.sock?mode=0660"), ("--server-base-url", ""),
    ("--server-base-url", "https://a.example:8443/audio/"), ("--server-accel-prefix", "/internal/"),
    ("--uploads-formats", "WAV, mp3,opus,mp4"), ("--server-cors-origins", "*"),
    ("--uploads-accept", "any", "--uploads-formats", "pdf"),
    ("--server-trusted-proxies", "127.0.0.0/8, ::1, unix")])
def test_what_makes_sense_passes(tmp_path, flags):
    done = subprocess.run([BINARY, "config", "--data", str(tmp_path / "data"), *flags],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
