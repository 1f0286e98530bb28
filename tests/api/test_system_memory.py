"""Memory does not grow with the size of what comes and goes."""
import audio
import pytest
from server import peak_kib

BLOCK = audio.wav_of_bytes(1 << 20)[44:]
BLOCKS = 256
HEAD = (b"RIFF\xff\xff\xff\xffWAVEfmt " + audio.wav_of_bytes(46)[16:36] + b"data\xff\xff\xff\xff")
SIZE = len(HEAD) + BLOCKS * len(BLOCK)
GROWTH_KIB = 24 * 1024  # far below the 256 MiB that move


def content():
    yield HEAD
    for _ in range(BLOCKS):
        yield BLOCK


def form(boundary):
    yield (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="long.wav"'
           "\r\n\r\n").encode()
    yield from content()
    yield f"\r\n--{boundary}--\r\n".encode()


class Measured:
    """An iterable whose length is known: sent with a Content-Length."""

    def __iter__(self):
        return content()

    def __len__(self):
        return SIZE


BODIES = {
    "known length": lambda: (Measured(), "audio/wav"),
    "chunked": lambda: (content(), "audio/wav"),
    "form": lambda: (form("x1y2"), "multipart/form-data; boundary=x1y2"),
}


@pytest.fixture
def warm(server):
    """A server that has done everything once."""
    record = server.api().upload(audio.wav_of_bytes(3 << 20))
    server.api().get(f"/v1/uploads/{record['id']}/content")
    return server


@pytest.mark.parametrize("kind", BODIES)
def test_of_an_upload(warm, kind):
    before = peak_kib(warm)
    body, kind = BODIES[kind]()
    answer = warm.api().post("/v1/uploads", params={"filename": "long.wav"}, data=body,
                             headers={"Content-Type": kind}, timeout=300)
    assert answer.status_code == 201, answer.text
    assert answer.json()["file_size"] == SIZE
    assert peak_kib(warm) - before < GROWTH_KIB


def test_of_a_download(warm):
    api = warm.api()
    record = api.post("/v1/uploads", params={"filename": "long.wav"}, data=content(),
                      headers={"Content-Type": "audio/wav"}, timeout=300).json()
    before = peak_kib(warm)
    with api.get(f"/v1/uploads/{record['id']}/content", stream=True) as answer:
        assert sum(map(len, answer.iter_content(1 << 20))) == SIZE
    assert peak_kib(warm) - before < GROWTH_KIB
