"""The files that processing made: made again as they were, and never served or copied when damaged."""
from audio import wav
from processing import adds_up, chunks_of, content_of, processed
from server import Server

SHORT = ("--uploads-chunk-threshold", "5s", "--uploads-max-chunk-duration", "4s", "--jobs-retry-delay", "10ms")


def test_chunks_without_a_ceiling_are_made_again_without_one(tmp_path):
    with Server(tmp_path / "data", *SHORT, jobs=True) as server:
        record = processed(server.api(), wav(9, rate=16000, seed=91), "free.wav")
        chunks = chunks_of(server.api(), record)
        content = content_of(server.api(), chunks[1]).content
        (server.data / "store" / chunks[1]["chunk_path"]).unlink()
    with Server(tmp_path / "data", *SHORT, "--chunks-max-bytes", "70000", jobs=True) as server:
        api = server.api()
        assert content_of(api, chunks[1]).content == content
        spans = [(c["start_time"], c["end_time"], c["id"]) for c in chunks_of(api, record)]
        assert spans == [(c["start_time"], c["end_time"], c["id"]) for c in chunks]
        adds_up(server)
