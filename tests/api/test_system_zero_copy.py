"""Contents go from the disk to the client without passing through the server's memory."""
import os
import re

import audio
from server import Server, wait_until


def sent_by_the_kernel(trace):
    """Bytes that each sendfile of the trace has sent."""
    return sum(int(n) for n in re.findall(r"sendfile\(.* = (\d+)$", trace.read_text(), re.M))


def test_contents_are_sent_by_the_kernel(tmp_path):
    trace = tmp_path / "trace"
    options = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"  # it would trace too
    content = audio.wav_of_bytes(4_000_000)
    with Server(tmp_path / "data", env={"ASAN_OPTIONS": options.lstrip(":")},
                wrapper=["strace", "-D", "-f", "-e", "trace=sendfile", "-e", "signal=none", "-o",
                         str(trace)]) as server:
        api = server.api()
        path = f"/v1/uploads/{api.upload(content)['id']}/content"
        assert sent_by_the_kernel(trace) == 0
        assert api.get(path).content == content
        wait_until(lambda: sent_by_the_kernel(trace) == 4_000_000, what="the whole in the trace")
        small = api.get(path, headers={"Range": "bytes=1000-1999"})
        assert small.content == content[1000:2000]
        several = api.get(path, headers={"Range": "bytes=0-999,2000000-2999999"})
        assert several.status_code == 206
        wait_until(lambda: sent_by_the_kernel(trace) == 5_002_000, what="the ranges in the trace")
