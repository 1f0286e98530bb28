"""The corpus of real files, whose facts other projects' tests assert, through the real server."""
import concurrent.futures
import urllib.parse

import pytest
from corpus_score import GOAL, corpus_folder, corpus_rows, score
from server import SETTINGS, Server

FOLDER = corpus_folder(SETTINGS["CORPUS"])
PARALLEL = 4

pytestmark = pytest.mark.skipif(FOLDER is None, reason="no corpus (AUDIOTRICKS_CORPUS)")


def send_all(data, *flags):
    """{file: (status, record or problem)} of every file, each sent once."""
    files = sorted({row["file"] for row in corpus_rows(FOLDER)})
    with Server(data, *flags) as server:
        def send(file):
            name = urllib.parse.quote((FOLDER / file).name)
            answer = server.api().post(f"/v1/uploads?filename={name}",
                                       data=(FOLDER / file).read_bytes())
            return file, (answer.status_code, answer.json())

        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            answers = dict(pool.map(send, files))
        server.verify()
        log = server.log_text()
    for words in ("died", "in time"):
        assert words not in log, f"a media process {words}"
    return answers


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """Some are videos, whose audio the corpus describes."""
    return send_all(tmp_path_factory.mktemp("corpus") / "data", "--uploads-accept", "media")


def test_score(answers):
    result = score({file: record for file, (_, record) in answers.items()}, corpus_rows(FOLDER))
    for line in result.failures + result.misses:
        print("  " + line)
    print(result)
    assert result.total > 500
    assert result.failures == []
    assert result.rejects_right == result.rejects_total > 0
    assert result.share >= GOAL


def test_only_clear_answers(answers):
    """Each was taken, or refused for what it is; none was a fault of the server."""
    for file, (status, body) in answers.items():
        assert status == 201 or 400 <= status < 500, f"{file}: {status} {body}"
        if status != 201:
            assert body["code"] in ("not_audio", "media_unreadable", "empty_file"), f"{file}: {body}"


def test_audio_alone(answers, tmp_path):
    """Where videos are not wanted they are refused; all else is as it was."""
    videos = 0
    for file, (status, body) in send_all(tmp_path / "data").items():
        before = answers[file]
        if before[0] == 201 and status != 201:
            assert (status, body["code"]) == (415, "not_audio"), file
            videos += 1
        else:
            assert status == before[0] and body.get("codec") == before[1].get("codec"), file
    assert videos > 0
