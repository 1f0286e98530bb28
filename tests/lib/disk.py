"""Disks of their own for tests."""
import contextlib
import os
import subprocess

import pytest
from server import Server


@contextlib.contextmanager
def mounted(path, mib):
    """A small disk at PATH, in memory."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    path.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=700", "tmpfs", str(path)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no mounting here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def store_on(disk, folder):
    """A server whose store alone stands on that disk."""
    config = folder / "audiotricks.conf"
    config.write_text(f'[store "main"]\nprovider = local\npath = {disk}/store\n')
    return Server(folder / "data", "--config", str(config))
