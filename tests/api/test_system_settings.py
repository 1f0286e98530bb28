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
    (("--listen", "127.0.0.1:0", "--uploads-accept", "sounds"), "uploads.accept")])
def test_values(tmp_path, flags, name):
    done = serve(tmp_path, *flags)
    assert done.returncode != 0
    assert name in done.stderr, done.stderr


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
