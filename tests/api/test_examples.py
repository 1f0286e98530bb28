"""What stands in examples/ works: the reference worker, and a real recogniser as a command."""
import difflib
import hashlib
import os
import random
import re
import signal
import subprocess
import sys

import audio
import pytest
from jobs import ask, configuration
from processors import LIMIT_S, ended, job_of
from server import ROOT, Server, wait_until

EXAMPLES = ROOT / "examples"
DIGITS = "zero one two three four five six seven eight nine".split()
GRAMMAR = ("#JSGF V1.0;\\ngrammar digits;\\npublic <digits> = ( " + " | ".join(DIGITS) + " )+;")
RECOGNISER = f"""[uploads]
chunk_threshold = 12s
max_chunk_duration = 10s
[chunks]
boundaries = silence
[processor "transcription"]
per = chunk
after = chunk
command = {sys.executable} {EXAMPLES}/pocketsphinx.py {{input}}
options = {{"grammar": "{GRAMMAR}"}}
concurrency = 2
[processor "dictation"]
command = {sys.executable} {EXAMPLES}/pocketsphinx.py {{input}}
"""
SLOW_S = 600  # a recogniser on a machine with much else to do


# ---- the worker ----

def test_the_reference_worker(tmp_path):
    """Jobs are done, told to be wrong, and given up when they were cancelled."""
    program = (EXAMPLES / "worker.py").read_text()
    assert len(program.splitlines()) < 100
    spoiled = tmp_path / "spoiled.py"  # the same with a work of its own: fails, or never ends
    begin = program.index("    digest = hashlib.sha256()\n")
    spoiled.write_text(program[:begin] + """    if job["options"]["do"] == "refuse":
        raise ValueError("this is no speech")
    if job["options"]["do"] == "stumble":
        raise RuntimeError("out of luck")
    while is_wanted():
        threading.Event().wait(0.01)


""" + program[program.index("def do(job):"):].replace("LEASE_S / 3", "0.2"))
    with Server(tmp_path / "data", *configuration(tmp_path, "[jobs]\nretry_delay = 10ms\n")) as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.5), "a.wav")
        workers = [subprocess.Popen([sys.executable, "-I", str(path), kind], stderr=subprocess.PIPE,
                                    text=True, env={"AUDIOTRICKS_URL": server.url + "/",
                                                    "AUDIOTRICKS_TOKEN": server.token})
                   for path, kind in ((EXAMPLES / "worker.py", "speech"), (spoiled, "spoiled"))]
        try:
            job = ended(api, ask(api, "speech", record["id"], options={"speaker": "Anna"})[0])
            assert job["status"] == "completed" and job["leased_by"] == f"worker.py {workers[0].pid}"
            content = api.get(f"/v1/uploads/{record['id']}/content").content
            assert job["result"] == {"text": "speech of Anna",
                                     "sha256": hashlib.sha256(content).hexdigest()}
            job = ended(api, ask(api, "spoiled", record["id"], options={"do": "refuse"})[0])
            assert (job["status"], job["error_code"], job["attempts"]) == ("failed", "bad_input", 1)
            assert job["error_message"] == "this is no speech"
            job = ended(api, ask(api, "spoiled", record["id"], options={"do": "stumble"}, max_retries=1)[0])
            assert (job["status"], job["error_code"], job["attempts"]) == ("failed", "worker_failed", 2)
            job, = ask(api, "spoiled", record["id"], options={"do": "wait"})
            wait_until(lambda: job_of(api, job)["status"] == "leased", LIMIT_S, "the worker")
            assert api.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
            job = ended(api, ask(api, "spoiled", record["id"], options={"do": "refuse"})[0])
            assert job["error_code"] == "bad_input"  # it is free again
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            errors = [worker.communicate(timeout=60)[1] for worker in workers]
        assert errors == ["", ""]


# ---- a recogniser ----

@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recogniser")
    with Server(folder / "data", *configuration(folder, RECOGNISER), jobs=True) as server:
        yield server, server.api()


def spoken(path, text, gap, pace=130):
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", str(pace), "-g", str(gap), "-w", str(path), text],
                   check=True, capture_output=True)
    return path.read_bytes()


def common(said, heard):
    """How many words of the one stand, in order, in the other."""
    matcher = difflib.SequenceMatcher(None, said, heard, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def transcribed(api, content, name):
    record = api.upload(content, name)
    path = f"/v1/uploads/{record['id']}"
    wait_until(lambda: api.get_json(path)["status"] in ("completed", "failed"), SLOW_S, "the transcript")
    assert api.get_json(path)["status"] == "completed", api.get_json(path)["error_message"]
    return api.get_json(path), api.get_json(path + "/results/transcription")


def test_speech_comes_out_as_text_in_the_order_of_its_chunks(recogniser, tmp_path):
    server, api = recogniser
    chance = random.Random(5)
    said = [chance.choice(DIGITS) for _ in range(36)]
    content = spoken(tmp_path / "digits.wav", " ".join(said), gap=20)
    record, joined = transcribed(api, content, "digits.wav")
    chunks = api.get_json(f"/v1/uploads/{record['id']}/chunks")["items"]
    assert len(chunks) >= 3 and joined["complete"] and joined["parts"] == len(chunks)

    heard = joined["text"].split()
    assert common(said, heard) >= 24, (said, heard)  # two thirds of what was spoken
    assert len(heard) <= 48, heard
    # Times are those of the whole: digits follow each other evenly, from the first second to the last.
    words = [word for segment in joined["segments"] for word in segment["words"]]
    assert [word["word"] for word in words] == heard
    starts = [word["start"] for word in words]
    assert starts == sorted(starts) and starts[0] < 3 and starts[-1] > record["duration"] - 4
    for chunk, item in zip(chunks, joined["items"]):
        own = [s for s in joined["segments"] if s["chunk_index"] == chunk["chunk_index"]]
        assert own and all(chunk["start_time"] <= s["start"] < s["end"] <= chunk["end_time"] + 0.1
                           for s in own)
        assert chunk["transcription_result_id"] == item["id"]
    for said_at in range(6, 30, 6):  # each stretch is heard where it was spoken
        near = [word["word"] for word in words
                if abs(word["start"] / record["duration"] - said_at / 36) < 5 / 36]
        assert common(said[said_at - 3:said_at + 3], near) >= 2, (said_at, near)

    # Stored, and cached: the same file again is transcribed by nobody.
    before = next(t for t in api.get_json("/v1/cache")["types"] if t["cache_type"] == "transcription")
    assert (before["hits"], before["misses"], before["entries"]) == (0, len(chunks), len(chunks))
    _, again = transcribed(api, content, "again.wav")
    after = next(t for t in api.get_json("/v1/cache")["types"] if t["cache_type"] == "transcription")
    assert after["hits"] == len(chunks) and after["time_saved_ms"] > 0
    assert again["segments"] == joined["segments"]
    assert all(item["from_cache"] for item in again["items"])
    server.verify()


def test_any_english_is_heard(recogniser, tmp_path):
    """Without a grammar, of an upload that is no 16 kHz WAV."""
    _, api = recogniser
    text = "The children looked at the garden. We will meet again tomorrow morning at the station."
    spoken(tmp_path / "words.wav", text, gap=0, pace=120)
    subprocess.run(["flac", "-s", str(tmp_path / "words.wav")], check=True)
    record = api.upload((tmp_path / "words.flac").read_bytes(), "words.flac")
    job = ended(api, ask(api, "dictation", record["id"])[0], SLOW_S)
    assert job["status"] == "completed", job["error_message"]
    said, heard = re.findall(r"\w+", text.lower()), job["result"]["text"].split()
    # The voice is a machine's, and what is made of it differs from one time to the next: 4 to 8 of 16.
    assert common(said, heard) >= 3, heard
