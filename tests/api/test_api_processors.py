"""Commands of the configuration do jobs: what they get, what becomes of them, what is left."""
import hashlib
import json
import os
import pathlib
import signal
import subprocess

import audio
import pytest
from jobs import ask, configuration
from processors import LIMIT_S, done, ended, job_of, section
from server import Server, wait_until

CHUNKED = ("--uploads-chunk-threshold", "2s", "--uploads-max-chunk-duration", "1s")

FACTS = """
import hashlib
with open(sys.argv[1], "rb") as file:
    content = hashlib.sha256(file.read()).hexdigest()
print(json.dumps({
    "arguments": sys.argv[1:], "link": os.readlink(sys.argv[1]), "content": content,
    "environment": dict(os.environ), "folder": os.getcwd(), "files": os.listdir("."),
    "descriptors": sorted(int(n) for n in os.listdir("/proc/self/fd")
                          if os.path.exists(f"/proc/self/fd/{n}")),
    "input": os.readlink("/proc/self/fd/0"),
    "leads": os.getsid(0) == os.getpid() == os.getpgid(0), "mask": os.umask(0),
    "signals": [line for line in open("/proc/self/status") if line[:6] in ("SigBlk", "SigIgn")]}))
"""
LISTENS = """
import hashlib
print(json.dumps({"content": hashlib.sha256(sys.stdin.buffer.read()).hexdigest(),
                  "arguments": sys.argv[1:], "path": os.environ.get("JOB_INPUT")}))
"""
ENDS = """
options = json.loads(os.environ["JOB_OPTIONS"])
print("one line\\n" + "x" * 2000 + "\\nlast words \\xe4", file=sys.stderr)
if "signal" in options:
    os.kill(os.getpid(), options["signal"])
sys.exit(options["exit"])
"""
PRINTS = """
options = json.loads(os.environ["JOB_OPTIONS"])
sys.stdout.write(options["text"].replace("NUL", "\\0") * options.get("times", 1))
"""
# Leaves a process of its own behind, in a session of its own if that is wanted, and does not go when it
# is asked to.
STUBBORN = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
options = json.loads(os.environ["JOB_OPTIONS"])
other = os.fork()
if not other and options.get("apart"):
    os.setsid()
if other:
    with open(options["note"] + ".new", "w") as note:
        note.write(f"{os.getpid()} {other} {os.getcwd()}")
    os.rename(options["note"] + ".new", options["note"])
while True:
    print("working", file=sys.stderr, flush=True)
    time.sleep(0.05)
"""
GROWS = """
options = json.loads(os.environ["JOB_OPTIONS"])
for _ in range(options.get("processes", 0)):
    if not os.fork():
        os.setsid()
        block = bytearray(options["bytes"])
        time.sleep(1000)
if options.get("processes"):
    time.sleep(1000)
block = bytearray(600 << 20)
print(json.dumps({"bytes": len(block)}))
"""
LEAVES_A_FILE = """
options = json.loads(os.environ["JOB_OPTIONS"])
print("this is progress, and no JSON")
if options.get("link"):
    os.symlink("/etc/passwd", "out.json")
elif not options.get("nothing"):
    open("out.json", "w").write(json.dumps({"text": "from a file"}))
os.mkdir("locked"), open("locked/x", "w").close(), os.chmod("locked", 0)
"""
MEETS = """
options = json.loads(os.environ["JOB_OPTIONS"])
open(os.path.join(options["folder"], os.environ["JOB_ID"]), "w").close()
while not os.path.exists(os.path.join(options["folder"], "go")):
    time.sleep(0.02)
print("{}")
"""


def configure(folder):
    return "[jobs]\nretry_delay = 10ms\nlease = 10s\n" + "".join((
        section(folder, "facts", FACTS, "pass_environment = SPECIAL NOT_THERE",
                words="{input} --file={input}, 'two words'"),
        section(folder, "listens", LISTENS, "input = stdin", words=""),
        section(folder, "ends", ENDS, "max_retries = 1"),
        section(folder, "prints", PRINTS),
        section(folder, "stubborn", STUBBORN, "workers = 2"),
        section(folder, "late", STUBBORN, "time_limit = 500ms", "max_retries = 0"),
        section(folder, "grows", GROWS, "memory_limit = 400MiB", "max_retries = 0"),
        section(folder, "leaves", LEAVES_A_FILE, "output = out.json"),
        section(folder, "meets", MEETS, "concurrency = 2"),
        '[processor "shell"]\nshell = yes\n'
        'command = cat "$JOB_INPUT" | wc -c | sed \'s/\\(.*\\)/{"bytes":\\1}/\'\n',
        '[processor "absent"]\ncommand = no-such-program\nmax_retries = 0\n',
    ))


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processors")
    with Server(folder / "data", *configuration(folder, configure(folder)), *CHUNKED, jobs=True,
                env={"SPECIAL": "passed on", "SECRET": "kept"}) as server:
        yield server, server.api()


@pytest.fixture(scope="module")
def record(world):
    return world[1].upload(audio.wav(seconds=0.05), "speech.wav")


def is_alive(pid):
    """A zombie is dead."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def has_nothing_left(server):
    return list((server.data / "scratch").iterdir()) == []


def noted(path):
    """What STUBBORN wrote: its id, that of the process it made, and its folder."""
    wait_until(path.exists, LIMIT_S, "the command to run")
    one, other, folder = path.read_text().split(" ", 2)
    return int(one), int(other), pathlib.Path(folder)


# ---- what a command gets ----

def test_a_command_gets_its_file_and_nothing_of_the_server(world, record):
    server, api = world
    job = done(api, "facts", record, options={"language": "de"})
    assert (job["status"], job["error_message"]) == ("completed", None)
    assert job["leased_by"] and job["processing_time_ms"] >= 0
    facts = job["result"]
    path = facts["arguments"][0]
    assert facts["arguments"] == [path, f"--file={path},", "two words"]
    assert facts["content"] == record["checksum_sha256"]
    assert facts["link"].startswith(str(server.data)) and path.endswith(".wav")  # no copy
    assert facts["folder"] == os.path.dirname(path) and facts["files"] == ["audio.wav"]
    assert facts["descriptors"] == [0, 1, 2] and facts["input"] == "/dev/null"
    assert facts["leads"] and facts["mask"] == 0o077
    assert all(int(line.split()[1], 16) == 0 for line in facts["signals"] if "SigBlk" in line)
    assert json.loads(facts["environment"].pop("JOB_OPTIONS")) == {"language": "de"}
    assert facts["environment"] == {
        "PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": facts["folder"],
        "TMPDIR": facts["folder"], "SPECIAL": "passed on", "JOB_ID": job["id"],
        "JOB_KIND": "facts", "JOB_ATTEMPT": "1",
        "JOB_WORKSPACE_ID": job["workspace_id"], "JOB_UPLOAD_ID": record["id"],
        "JOB_CHUNK_INDEX": "", "JOB_START_TIME": "0.000", "JOB_END_TIME": "0.050",
        "JOB_INPUT": path}
    assert has_nothing_left(server)


def test_a_command_can_read_standard_input(world, record):
    _, api = world
    job = done(api, "listens", record)
    assert job["result"] == {"content": record["checksum_sha256"], "arguments": [], "path": None}


def test_a_command_can_be_the_shells(world, record):
    _, api = world
    assert done(api, "shell", record)["result"] == {"bytes": record["file_size"]}


def test_each_chunk_and_what_is_too_short_for_chunks(tmp_path):
    text = section(tmp_path, "facts", FACTS, "per = chunk", "after = chunk")
    with Server(tmp_path / "data", *configuration(tmp_path, text), *CHUNKED, jobs=True) as server:
        api = server.api()
        long = api.upload(audio.wav(seconds=2.5, seed=1), "long.wav")
        short = api.upload(audio.wav(seconds=0.5, seed=2), "short.wav")
        for record in (long, short):
            path = f"/v1/uploads/{record['id']}"
            wait_until(lambda: api.get_json(path)["status"] == "completed", LIMIT_S, "the end")
        jobs = api.get_json("/v1/jobs", params={"upload_id": long["id"], "kind": "facts"})["items"]
        jobs.sort(key=lambda job: job["chunk_index"])
        chunks = api.get_json(f"/v1/uploads/{long['id']}/chunks")["items"]
        assert len(jobs) == len(chunks) == 3
        for job, chunk in zip(jobs, chunks):
            content = api.get(f"/v1/uploads/{long['id']}/chunks/{chunk['chunk_index']}/content").content
            assert job["result"]["content"] == hashlib.sha256(content).hexdigest()
            environment = job["result"]["environment"]
            assert environment["JOB_CHUNK_INDEX"] == str(chunk["chunk_index"])
            assert float(environment["JOB_START_TIME"]) == chunk["start_time"]
            assert float(environment["JOB_END_TIME"]) == chunk["end_time"]
            assert chunk["status"] == "completed" and chunk["processing_job_id"] == job["id"]
        whole, = api.get_json("/v1/jobs", params={"upload_id": short["id"],
                                                  "kind": "facts"})["items"]
        assert whole["chunk_index"] is None
        assert whole["result"]["content"] == short["checksum_sha256"]
        server.verify()


def test_a_chunk_that_is_not_cut_has_no_audio(tmp_path):
    text = "[jobs]\nretry_delay = 10ms\n" + section(tmp_path, "facts", FACTS, "max_retries = 0")
    flags = (*configuration(tmp_path, text), *CHUNKED)
    with Server(tmp_path / "data", *flags, jobs=True) as server:
        api = server.api()
        assert api.post("/v1/job-kinds/chunk/pause").status_code == 204
        record = api.upload(audio.wav(seconds=2.5, seed=1), "long.wav")
        job = ended(api, ask(api, "facts", record["id"], per="chunk", max_retries=0)[0])
        assert (job["status"], job["error_code"]) == ("failed", "conflict")
        assert "after = chunk" in job["error_message"]


def test_a_chunk_that_is_gone_from_the_store_is_cut_again(tmp_path):
    text = section(tmp_path, "facts", FACTS)
    with Server(tmp_path / "data", *configuration(tmp_path, text), *CHUNKED, jobs=True) as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=2.5, seed=1), "long.wav")
        path = f"/v1/uploads/{record['id']}"
        wait_until(lambda: api.get_json(path)["status"] == "completed", LIMIT_S, "the chunks")
        before = api.get_json(path + "/chunks")["items"]
        for chunk in before:
            (server.data / "store" / chunk["chunk_path"]).unlink()
        for job in ask(api, "facts", record["id"], per="chunk"):
            job = ended(api, job)
            assert job["status"] == "completed", job["error_message"]
            assert job["result"]["content"] == before[job["chunk_index"]]["checksum_sha256"]


# ---- how it ends ----

@pytest.mark.parametrize("status, retried", [(1, True), (75, True), (255, True), (64, False),
                                             (65, False), (78, False)])
def test_the_exit_status_says_whether_it_is_tried_again(world, record, status, retried):
    _, api = world
    job = done(api, "ends", record, options={"exit": status}, max_retries=1)
    assert (job["status"], job["error_code"]) == ("failed", "processor_failed")
    assert job["attempts"] == (2 if retried else 1)
    message = job["error_message"]
    assert message.startswith(f"the command ended with exit status {status}: ")
    assert message.endswith("last words ä") and len(message.encode()) <= 1000
    assert "one line" not in message  # it is the end that is kept


@pytest.mark.parametrize("number, name", [(signal.SIGKILL, "SIGKILL"), (signal.SIGRTMIN + 6, "signal 40")])
def test_a_command_that_was_killed(world, record, number, name):
    _, api = world
    job = done(api, "ends", record, options={"signal": int(number)}, max_retries=0)
    assert job["error_code"] == "processor_killed" and f"by {name}" in job["error_message"]


@pytest.mark.parametrize("options, code, words", [
    ({"text": "hello"}, "processor_output_not_json", "not a JSON object"),
    ({"text": "[1]"}, "processor_output_not_json", "not a JSON object"),
    ({"text": '{"a": }'}, "processor_output_not_json", "not JSON"),
    ({"text": '{"a": 1} {"b": 2}'}, "processor_output_not_json", "not JSON"),
    ({"text": '{"a": 1}NUL'}, "processor_output_not_json", "not JSON"),
    ({"text": "  \n"}, "processor_output_not_json", "no output"),
    # What workers' results may not hold either.
    ({"text": '{"a": "\\u0000"}'}, "processor_output_not_json", "not JSON"),
    ({"text": '{"a": 1e400}'}, "processor_output_not_json", "not JSON"),
    ({"text": '{"a": 123456789012345678901234567890}'}, "processor_output_not_json", "not JSON"),
    ({"text": '{"a": 1, "a": 2}'}, "processor_output_not_json", "not JSON"),
    ({"text": "x" * 1000, "times": 1049}, "processor_output_too_large", "1048576"),
])
def test_output_that_is_no_result(world, record, options, code, words):
    _, api = world
    job = done(api, "prints", record, options=options)
    assert (job["status"], job["error_code"], job["attempts"]) == ("failed", code, 1)
    assert words in job["error_message"]


def test_the_largest_output(world, record):
    _, api = world
    job = done(api, "prints", record, options={"text": '{"a":"' + "x" * (1 << 15) + '"}\n\n'})
    assert job["result"] == {"a": "x" * (1 << 15)}


def test_a_command_may_leave_a_file(world, record):
    server, api = world
    assert done(api, "leaves", record)["result"] == {"text": "from a file"}
    for options in ({"nothing": True}, {"link": True}):
        job = done(api, "leaves", record, options=options)
        assert (job["status"], job["error_code"]) == ("failed", "processor_output_not_json")
        assert '"out.json"' in job["error_message"]
    assert has_nothing_left(server)


def test_a_program_that_is_not_there(world, record):
    _, api = world
    job = done(api, "absent", record, max_retries=0)
    assert (job["status"], job["error_code"]) == ("failed", "processor_not_started")
    assert "no-such-program" in job["error_message"]


# ---- limits ----

def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started(world, record, tmp_path):
    server, api = world
    job, = ask(api, "late", record["id"], max_retries=0, options={"note": str(tmp_path / "late"), "apart": True})
    one, other, folder = noted(tmp_path / "late")
    job = ended(api, job)
    assert (job["status"], job["error_code"]) == ("failed", "processor_timeout")
    assert job["error_message"].endswith("working")
    assert not is_alive(one) and not is_alive(other)
    assert not folder.exists() and has_nothing_left(server)


def test_a_cancelled_job_ends_its_command(world, record, tmp_path):
    server, api = world
    job, = ask(api, "stubborn", record["id"], options={"note": str(tmp_path / "cancelled"), "apart": True})
    one, other, folder = noted(tmp_path / "cancelled")
    assert api.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
    # Another server would hear of it with its next heartbeat, a third of a lease later.
    wait_until(lambda: not is_alive(one) and not is_alive(other), LIMIT_S, "the command to end")
    wait_until(lambda: not folder.exists(), LIMIT_S, "its folder to be gone")
    assert job_of(api, job)["status"] == "cancelled"


@pytest.mark.parametrize("way", ["cancel", "delete"])
def test_a_command_ends_soon_after_its_job_was_cancelled(tmp_path, way):
    flags = configuration(tmp_path, "[jobs]\nlease = 1h\n" + section(tmp_path, "stubborn", STUBBORN))
    with Server(tmp_path / "data", *flags, jobs=True) as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.05))
        job, = ask(api, "stubborn", record["id"], options={"note": str(tmp_path / "note")})
        one, other, _ = noted(tmp_path / "note")
        if way == "cancel":
            assert api.post(f"/v1/jobs/{job['id']}/cancel").status_code == 200
        else:
            assert api.delete(f"/v1/uploads/{record['id']}").status_code == 204
        wait_until(lambda: not is_alive(one) and not is_alive(other), LIMIT_S, "the command to end")


def test_memory_is_limited(world, record):
    _, api = world
    job = done(api, "grows", record, max_retries=0)
    assert (job["status"], job["error_code"]) == ("failed", "processor_failed")
    assert job["error_message"].endswith("MemoryError")


@pytest.mark.parametrize("processes, size, code", [(4, 150 << 20, "processor_memory_exceeded"),
                                                   (1001, 0, "processor_too_many_processes")])
def test_all_that_a_command_starts_is_limited_together(world, record, processes, size, code):
    job = done(world[1], "grows", record, options={"processes": processes, "bytes": size})
    assert (job["status"], job["error_code"]) == ("failed", code)


def test_as_many_at_once_as_may_be(world, record, tmp_path):
    _, api = world
    jobs = [ask(api, "meets", record["id"], options={"folder": str(tmp_path)})[0]
            for _ in range(3)]
    wait_until(lambda: len(list(tmp_path.iterdir())) == 2, LIMIT_S, "two to run")
    assert [job_of(api, job)["status"] for job in jobs] == ["leased", "leased", "pending"]
    # Commands hold up neither each other nor what the server does itself.
    assert done(api, "prints", record, options={"text": "{}"})["status"] == "completed"
    (tmp_path / "go").touch()
    assert [ended(api, job)["status"] for job in jobs] == ["completed"] * 3


# ---- processes that come and go ----

def test_a_stop_ends_commands_and_gives_their_jobs_back(tmp_path):
    flags = configuration(tmp_path, section(tmp_path, "stubborn", STUBBORN))
    with Server(tmp_path / "data", *flags, jobs=True) as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.05))
        job, = ask(api, "stubborn", record["id"], options={"note": str(tmp_path / "note")})
        one, other, folder = noted(tmp_path / "note")
    assert not is_alive(one) and not folder.exists()
    wait_until(lambda: not is_alive(other), LIMIT_S, "the other process to be gone")
    with Server(tmp_path / "data", *flags, "--no-jobs") as server:
        after = job_of(server.api(), job)
        assert (after["status"], after["attempts"]) == ("pending", 0)


@pytest.mark.parametrize("apart", [False, True], ids=["its session", "another session"])
def test_a_server_that_is_killed_leaves_nothing_for_long(tmp_path, apart):
    flags = configuration(tmp_path, "[jobs]\nlease = 1s\nretry_delay = 10ms\n" + section(tmp_path, "stubborn", STUBBORN))
    server = Server(tmp_path / "data", *flags, jobs=True).start()
    record = server.api().upload(audio.wav(seconds=0.05))
    job, = ask(server.api(), "stubborn", record["id"], options={"note": str(tmp_path / "note"), "apart": apart})
    one, other, folder = noted(tmp_path / "note")
    server.kill()
    wait_until(lambda: not is_alive(one), LIMIT_S, "the command to be gone")
    wait_until(lambda: not is_alive(other), LIMIT_S, "what it had started to be gone")
    assert folder.exists()
    (tmp_path / "note").unlink()
    with Server(tmp_path / "data", *flags, jobs=True) as again:
        assert not folder.exists()
        _, _, another = noted(tmp_path / "note")  # it is run anew, in another folder
        assert another != folder and job_of(again.api(), job)["attempts"] == 2


def test_a_worker_of_its_own_runs_commands(tmp_path):
    flags = configuration(tmp_path, section(tmp_path, "facts", FACTS))
    with Server(tmp_path / "data", *flags, "--no-jobs") as server:
        api = server.api()
        record = api.upload(audio.wav(seconds=0.05))
        job, = ask(api, "facts", record["id"])
        worker = subprocess.Popen(
            [server.binary, "worker", "--data", str(server.data), *server.same_catalog,
             "--jobs-scratch", str(tmp_path / "elsewhere")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            job = ended(api, job)
            assert job["status"] == "completed", job["error_message"]
            assert job["result"]["folder"].startswith(str(tmp_path / "elsewhere"))
            assert job["leased_by"].endswith(f"/{worker.pid}")
        finally:
            worker.send_signal(signal.SIGTERM)
            _, errors = worker.communicate(timeout=60)
        assert worker.returncode == 0, errors
        assert list((tmp_path / "elsewhere").iterdir()) == []


# ---- configuration ----

@pytest.mark.parametrize("lines, word", [
    ("command = sub/program", "absolute"),
    ("command = 'program", "quote"),
    ("command = program\ninput = socket", "input"),
    ("command = program {input}\ninput = stdin", "{input}"),
    ("command = program\noutput = ../out.json", "output"),
    ("command = program\ntime_limit = 8d", "time_limit"),
    ("command = program\nworkers = 65", "workers"),
    ("command = program\npass_environment = A=1", "pass_environment"),
    ("time_limit = 5m", "time_limit is for processors that have a command"),
])
def test_a_command_that_makes_no_sense_is_refused(tmp_path, lines, word):
    server = Server(tmp_path / "data",
                    *configuration(tmp_path, f'[processor "x"]\n{lines}\n'))
    server.start(wait=False)
    assert server.process.wait(60) == 2
    assert word in server.log_text()
    server.process = None
    server.log.close()
