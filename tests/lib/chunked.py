"""Uploads in indexed chunks, for tests."""
import base64
import hashlib

import audio
from http_raw import Raw

KIB = 1 << 10
CHUNK = 256 * KIB  # the smallest that there may be
AT = "/v1/chunked-uploads"


def content(chunks=4, rest=1000, seed=0):
    """A WAV of so many chunks and REST bytes more."""
    return audio.wav_of_bytes(chunks * CHUNK + rest, seed=seed)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def digest_field(kind, data):
    """RFC 9530."""
    raw = hashlib.new(kind.replace("-", ""), data).digest()
    return f"{kind}=:{base64.b64encode(raw).decode()}:"


class Upload:
    """A session of DATA, and who works on it."""

    def __init__(self, api, data, chunk_size=CHUNK, query=None, headers=None, **more):
        self.api, self.data, self.chunk_size, self.query = api, data, chunk_size, query or {}
        wish = {"filename": "concert.wav", "file_size": len(data), "chunk_size": chunk_size, **more}
        answer = api.post(AT, json=wish, params=self.query, headers=headers or {})
        assert answer.status_code == 201, f"{answer.status_code} {answer.text}"
        self.begun = answer.json()
        self.id = self.begun["id"]
        self.url = f"{AT}/{self.id}"
        assert answer.headers["Location"] == self.url

    @property
    def total(self):
        return -(-len(self.data) // self.chunk_size)

    def chunk(self, index):
        return self.data[index * self.chunk_size:(index + 1) * self.chunk_size]

    def put(self, index, data=None, **options):
        """PUTs a chunk, or other bytes in its place."""
        return self.api.put(f"{self.url}/chunks/{index}", params=self.query,
                            data=self.chunk(index) if data is None else data, **options)

    def put_all(self, indexes=None, expect=200):
        """PUTs chunks in this order; gives the last answer."""
        answer = None
        for index in range(self.total) if indexes is None else indexes:
            answer = self.put(index)
            assert answer.status_code == expect, f"{index}: {answer.status_code} {answer.text}"
        return answer.json()

    def complete(self):
        return self.api.post(f"{self.url}/complete", params=self.query)

    def abort(self):
        return self.api.delete(self.url, params=self.query)

    def state(self):
        return self.api.get_json(self.url, params=self.query)

    def check_state(self, there):
        """The session says that just the chunks THERE are there, every way it can be said."""
        state = self.state()
        assert state["status"] == "initiated"
        assert numbers(state["received_chunks"]) == sorted(there)
        assert numbers(state["missing_chunks"]) == sorted(set(range(self.total)) - set(there))
        received = sum(len(self.chunk(index)) for index in there)
        assert (state["completed"], state["received_bytes"]) == (len(there), received)
        assert state["total_chunks"] == self.total
        assert state["progress"] == received * 1000 // len(self.data) / 1000
        return state

    def check_record(self, record):
        """RECORD is of this content, which reads back."""
        assert record["file_size"] == len(self.data)
        assert record["checksum_sha256"] == sha256(self.data)
        assert record["checksum_md5"] == hashlib.md5(self.data).hexdigest()
        read = self.api.get(f"/v1/uploads/{record['id']}/content", params=self.query)
        assert read.content == self.data
        return record


def numbers(ranges):
    """The indexes that a list of [first, last] stands for; runs are in order and do not touch."""
    for before, after in zip(ranges, ranges[1:]):
        assert before[1] + 1 < after[0], ranges
    return [index for first, last in ranges for index in range(first, last + 1)]


class Line(Raw):
    """One PUT of a chunk, sent by hand."""

    def __init__(self, server, upload, index, *headers, token=None, timeout=30):
        super().__init__(("127.0.0.1", server.port), timeout=timeout)
        lines = (f"PUT {upload.url}/chunks/{index} HTTP/1.1", "Host: x",
                 f"Authorization: Bearer {token or server.token}", *headers, "", "")
        self.send("\r\n".join(lines))
