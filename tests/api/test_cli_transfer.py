"""`upload`, `ls`, `info`, `get`, `rm` and `undelete` against a real server."""
import hashlib
import json
import os
import pty
import re
import select
import socket
import subprocess
import threading
import time

import pytest

import audio


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def upload(server, *arguments, **options):
    """The records of an upload that must succeed."""
    return lines(server.cli("upload", "--json", *arguments, **options))


@pytest.fixture
def take(tmp_path):
    path = tmp_path / "take.wav"
    path.write_bytes(audio.wav(seed=1))
    return path


@pytest.fixture
def folder(tmp_path):
    """Audio in two folders, and things that are no audio or cannot be read."""
    root = tmp_path / "recordings"
    (root / "deep/er").mkdir(parents=True)
    for number in range(6):
        (root / f"{number}.wav").write_bytes(audio.wav(seed=10 + number))
    (root / "deep/er/last.wav").write_bytes(audio.wav(seed=20))
    (root / ".hidden.wav").write_bytes(audio.wav(seed=21))
    (root / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    (root / "empty.wav").touch()
    (root / "deep/loop").symlink_to(root)
    (tmp_path / "outside.wav").write_bytes(audio.wav(seed=22))
    (root / "linked.wav").symlink_to(tmp_path / "outside.wav")
    return root


# upload

def test_upload_prints_an_id_a_file(server, take):
    done = server.cli("upload", take)
    match = re.fullmatch(r"([0-9a-f-]{36})  uploaded   (.*)\n", done.stdout)
    assert match and match[2] == str(take)
    record = server.api().get_json(f"/v1/uploads/{match[1]}")
    assert record["original_filename"] == "take.wav"
    assert record["checksum_sha256"] == hashlib.sha256(take.read_bytes()).hexdigest()


def test_upload_skips_what_is_there(server, take):
    first, = upload(server, take)
    again = server.cli("upload", take)
    assert again.stdout.startswith(first["id"]) and "  skipped  " in again.stdout
    assert server.api().get_json("/v1/uploads")["items"][1:] == []
    second, = upload(server, "--no-skip", take)
    assert second["duplicate_of"] == first["id"]
    assert "duplicate" in server.cli("upload", "--no-skip", take).stdout


def test_upload_on_duplicate(server, take):
    first, = upload(server, take)
    same, = upload(server, "--on-duplicate", "return", take)
    assert same["id"] == first["id"]
    other, = upload(server, "--on-duplicate=link", take)
    assert other["duplicate_of"] == first["id"]
    done = server.cli("upload", "--on-duplicate", "reject", take, check=False)
    assert done.returncode == 6 and "duplicate_content" in done.stderr


@pytest.mark.parametrize("parallel", [1, 4, 64])
def test_upload_of_a_folder(server, folder, parallel):
    records = upload(server, "--parallel", parallel, folder)
    names = sorted(record["original_filename"] for record in records)
    assert names == [f"{n}.wav" for n in range(6)] + ["last.wav", "linked.wav"]
    assert len({record["checksum_sha256"] for record in records}) == 8


def test_upload_says_what_it_passed_over(server, folder):
    done = server.cli("upload", folder)
    assert "0 failed" in done.stderr and "2 passed over" in done.stderr
    assert f"{folder}/cover.png: passed over, it is a PNG image\n" in done.stderr
    assert f"{folder}/empty.wav: passed over, it is an empty file\n" in done.stderr
    done = server.cli("upload", "--any", folder, check=False)
    assert done.returncode == 6 and "cover.png" in done.stderr


@pytest.mark.parametrize("content, what", [
    ("Recorded on Tuesday, with two microphones.\n".encode(), "plain text"),
    ("Aufgenommen am Dienstag, für Müller, größtenteils draußen.\n".encode(), "plain text"),
    (("ä" * 5000).encode(), "plain text"), (("a" + "ä" * 5000).encode(), "plain text"),
    (b"take 1\n", "too short for audio"), (b"<!DOCTYPE html><p>hello", "an HTML page"),
    (b"%PDF-1.7\n" + bytes(100), "a PDF document")],
    ids=["text", "UTF-8", "cut", "cut odd", "short", "HTML", "PDF"])
def test_what_lies_beside_audio_is_not_sent(server, tmp_path, content, what):
    """But it is when it is named."""
    path = tmp_path / "beside" / "notes"
    path.parent.mkdir()
    path.write_bytes(content)
    done = server.cli("upload", path.parent)
    assert done.stdout == "" and f"{path}: passed over, it is {what}\n" in done.stderr
    done = server.cli("upload", path, check=False)
    assert done.returncode == 6 and "(not_audio)" in done.stderr


def test_upload_of_a_folder_without_files(server, tmp_path):
    (tmp_path / "empty/deep").mkdir(parents=True)
    done = server.cli("upload", tmp_path / "empty")
    assert (done.stdout, done.stderr) == ("", "nothing to upload: there are no files\n")
    assert server.cli("upload", "--json", tmp_path / "empty").stdout == ""


def test_upload_sums_up_a_folder_of_notes(server, tmp_path):
    """Plain text is passed over; what only the server can tell is refused. One line sums up."""
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("Größtenteils draußen aufgenommen.\n")
    done = server.cli("upload", tmp_path / "notes")
    assert done.stderr.splitlines()[1:] == [
        "0 uploaded, 0 duplicates, 0 skipped, 0 failed; 1 passed over, not being audio files (see --any)"]
    (tmp_path / "notes/b.txt").write_bytes("Größtenteils draußen.\n".encode("utf-16"))
    done = server.cli("upload", tmp_path / "notes", check=False)
    assert done.returncode == 6 and "b.txt: " in done.stderr and "(not_audio)" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("0 uploaded, 0 duplicates, 0 skipped, 1 failed; 1 ")


def test_upload_passes_over_what_is_no_file(server, folder):
    """Reading any of these may never end."""
    os.mkfifo(folder / "pipe.wav")
    (folder / "zero.wav").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket.wav"))
        done = server.cli("upload", "--any", "/proc", folder, check=False)
    for path, what in (("/proc", "a file system of the kernel"),
                       (f"{folder}/pipe.wav", "a named pipe"),
                       (f"{folder}/zero.wav", "a device"), (f"{folder}/socket.wav", "a socket")):
        assert f"audiotricks: {path}: passed over, it is {what}\n" in done.stderr
    assert done.stdout.count("uploaded") == 8 and "4 passed over" in done.stderr


def test_upload_of_a_pipe_by_its_name(server, take, tmp_path):
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    done = server.cli("upload", pipe, take, check=False)
    assert done.returncode == 2 and "it is a named pipe" in done.stderr
    assert f"uploaded   {take}\n" in done.stdout
    feeding = threading.Thread(target=lambda: pipe.write_bytes(audio.wav(seed=99)), daemon=True)
    feeding.start()
    done = server.cli("upload", pipe, "--name", "live.wav")
    feeding.join(30)
    assert done.stdout.endswith("uploaded   live.wav\n")


def test_upload_of_a_name_with_a_backslash(server, tmp_path):
    """Record, download and `get` agree on one name, and no part of it is lost."""
    path = tmp_path / "AC\\DC.wav"
    path.write_bytes(audio.wav(seed=98))
    record, = upload(server, path)
    assert record["original_filename"] == "AC_DC.wav"
    content = server.api().get(f"/v1/uploads/{record['id']}/content?download=1")
    assert content.headers["Content-Disposition"] == 'attachment; filename="AC_DC.wav"'
    (tmp_path / "out").mkdir()
    server.cli("get", record["id"], "-o", tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["AC_DC.wav"]
    record, = upload(server, path, "--no-skip", "--name", "B\\C.wav")
    assert record["original_filename"] == "B_C.wav"


def test_upload_goes_on_past_failures(server, take, tmp_path):
    (tmp_path / "text.wav").write_text("not audio at all\n" * 100)
    (tmp_path / "folder").mkdir()
    done = server.cli("upload", "--json", tmp_path / "none.wav", tmp_path / "text.wav", take,
                      check=False)
    assert done.returncode == 1  # two failures, for different reasons
    by_kind = {"error" in line: line for line in lines(done)}
    assert by_kind[False]["original_filename"] == "take.wav"
    codes = sorted(line["error"]["code"] for line in lines(done) if "error" in line)
    assert codes == ["not_audio", "not_found"]
    assert "none.wav: cannot read it: No such file" in done.stderr
    assert server.cli("upload", tmp_path / "none.wav", take, check=False).returncode == 5
    assert server.cli("upload", tmp_path / "text.wav", take, check=False).returncode == 6


def test_upload_reports_unreadable_files(server, folder):
    (folder / "dangling.wav").symlink_to("nowhere")
    (folder / "broken.wav").symlink_to("/proc/self/mem")  # opens, but reading fails: for root too
    done = server.cli("upload", folder, check=False)
    assert done.returncode == 1  # two failures, for different reasons
    assert "broken.wav: cannot read it: Input/output error" in done.stderr
    assert "dangling.wav: cannot read it: No such file" in done.stderr
    assert done.stdout.count("uploaded") == 8


def test_upload_from_standard_input(server, take):
    with open(take, "rb") as content:
        record, = upload(server, "-", "--name", "live.wav", stdin=content)
    assert record["original_filename"] == "live.wav"
    assert record["checksum_sha256"] == hashlib.sha256(take.read_bytes()).hexdigest()
    done = server.cli("upload", "-", check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 2 and "--name" in done.stderr


def test_upload_from_a_pipe(server, take, tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cp", take, fifo]) as writer:
        record, = upload(server, fifo, "--name", "piped.wav")
        assert writer.wait(20) == 0
    assert record["file_size"] == take.stat().st_size


def test_upload_name(server, take, tmp_path):
    record, = upload(server, take, "--name", "Müller & Söhne?=#%.wav")
    assert record["original_filename"] == "Müller & Söhne?=#%.wav"
    assert server.cli("upload", take, take, "--name", "x", check=False).returncode == 2
    dashed = tmp_path / "-rf.wav"
    dashed.write_bytes(audio.wav(seed=5))
    record, = upload(server, "--", "-rf.wav", cwd=tmp_path)
    assert record["original_filename"] == "-rf.wav"


def test_a_refusal_in_the_middle_of_a_body_is_understood(server, tmp_path):
    """Refused from its first bytes, while the client is still sending."""
    path = tmp_path / "picture.wav"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(8 << 20))
    done = server.cli("upload", path, check=False)
    assert done.returncode == 6 and "not_audio" in done.stderr


def test_upload_over_quota(server, take):
    server.cli("quota", "set", "--file-size", "100")
    done = server.cli("upload", take, check=False)
    assert done.returncode == 6 and "file_too_large" in done.stderr


def test_names_cannot_act_on_the_terminal(server, tmp_path):
    path = tmp_path / "a\x1b[2J\u202eb.wav"
    path.write_bytes(audio.wav(seed=3))
    done = server.cli("upload", path, check=False)
    assert "\x1b" not in done.stdout + done.stderr
    assert "\\x1b[2J\\u{202e}" in done.stdout + done.stderr


def read_terminal(command, columns, env, limit_s=60):
    """What COMMAND prints on a terminal of COLUMNS, and its exit status."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(env)
        os.execv("/bin/sh", ["sh", "-c", f'stty cols {columns} rows 24; exec "$@"', "sh", *command])
    output, deadline = b"", time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if not select.select([fd], [], [], 1)[0]:
            continue
        try:
            block = os.read(fd, 65536)
        except OSError:
            break
        if not block:
            break
        output += block
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(fd)
    return output.decode(errors="replace"), status


def terminal(server, columns, *arguments):
    return read_terminal([server.binary, *map(str, arguments)], columns, {
        "AUDIOTRICKS_CLIENT_SERVER": server.url, "AUDIOTRICKS_CLIENT_TOKEN": server.token})


def test_progress_on_a_terminal(server, tmp_path):
    for seed in range(3):
        (tmp_path / f"{seed}.wav").write_bytes(audio.wav_of_bytes(4 << 20, seed))
    output, status = terminal(server, 90, "upload", "--parallel", 1, *sorted(tmp_path.glob("*.wav")))
    assert status == 0, output
    assert re.search(r"[0-3]/3 files  \[[#.]+\]  +\d+%  \S+ MiB of 12\.0 MiB", output), output
    assert len(re.findall(r"uploaded   .*[0-2]\.wav\r\n", output)) == 3
    assert output.rstrip().endswith("3 uploaded, 0 duplicates, 0 skipped, 0 failed")


def test_no_progress_line_without_a_terminal(server, take):
    done = server.cli("upload", take)
    assert done.stderr == "" and "\r" not in done.stdout


# ls, info

def test_ls(server, folder):
    upload(server, folder)
    done = server.cli("ls")
    assert done.stdout.splitlines()[0].split() == [
        "ID", "UPLOADED", "SIZE", "LENGTH", "TYPE", "STATUS", "NAME"]
    assert len(done.stdout.splitlines()) == 9
    few = server.cli("ls", "--limit", 3)
    assert len(few.stdout.splitlines()) == 4 and "--all" in few.stderr
    assert len(lines(server.cli("ls", "--json", "--all"))) == 8
    assert [r["original_filename"] for r in lines(server.cli("ls", "LAST", "--json"))] == ["last.wav"]
    sha256 = hashlib.sha256((folder / "0.wav").read_bytes()).hexdigest()
    assert len(lines(server.cli("ls", "--json", "--sha256", sha256))) == 1
    names = [r["original_filename"] for r in
             lines(server.cli("ls", "--json", "--sort", "original_filename"))]
    assert names == sorted(names)
    assert server.cli("ls", "--type", "mp3").stdout == ""
    assert server.cli("ls", "--after", "2100-01-01").stdout == ""
    assert server.cli("ls", "--sort", "beauty", check=False).returncode == 2


def test_ls_follows_cursors(server, tmp_path):
    """More uploads than one page: duplicates of one content are quickly made."""
    api, content = server.api(), audio.wav(seed=9)
    for number in range(1005):
        api.upload(content, f"{number:04}.wav")
    assert len(server.cli("ls", "--all").stdout.splitlines()) == 1006
    records = lines(server.cli("ls", "--json", "--limit", 1003))
    assert len({record["id"] for record in records}) == 1003


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_ls_fits_the_terminal(server, tmp_path, columns):
    server.api().upload(audio.wav(), "a very long name " * 12 + ".wav")
    server.api().upload(audio.wav(seed=2), "東京" * 40 + ".wav")
    output, status = terminal(server, columns, "ls")
    assert status == 0
    for line in output.replace("\r", "").splitlines():
        wide = sum(ord(c) > 0x2e80 for c in line)
        assert len(line) + wide <= columns, line
    assert output.count("…") == 2


def test_info(server, take):
    record, = upload(server, take)
    done = server.cli("info", record["id"])
    assert re.search(r"^name +take\.wav$", done.stdout, re.M)
    assert re.search(r"^length +0:01$", done.stdout, re.M)
    assert record["checksum_sha256"] in done.stdout
    assert lines(server.cli("info", "--json", record["id"])) == [
        server.api().get_json(f"/v1/uploads/{record['id']}")]
    change = {"metadata": {"gain": {"db": -18.06}}}
    assert server.api().patch(f"/v1/uploads/{record['id']}", json=change).status_code == 200
    assert re.search(r"^metadata\.gain\.db +-18\.06$", server.cli("info", record["id"]).stdout, re.M)
    assert '"db":-18.06}' in server.cli("info", "--json", record["id"]).stdout
    nobody = "01936f4e-8f5a-7c3e-9b1d-2f6a4c8e0b13"
    both = server.cli("info", "--json", nobody, record["id"], check=False)
    assert both.returncode == 5 and nobody in both.stderr and len(lines(both)) == 1
    assert server.cli("info", "../workspaces", check=False).returncode in (2, 5)


# get

def test_get(server, take, tmp_path):
    record, = upload(server, take)
    here = tmp_path / "here"
    here.mkdir()
    done = server.cli("get", record["id"], cwd=here)
    assert done.stdout == f"{record['id']}  take.wav\n"
    assert (here / "take.wav").read_bytes() == take.read_bytes()
    assert os.listdir(here) == ["take.wav"]


def test_get_never_replaces(server, take, tmp_path):
    record, = upload(server, take)
    other = tmp_path / "other.wav"
    other.write_text("mine")
    done = server.cli("get", record["id"], "-o", other, check=False)
    assert done.returncode == 6 and other.read_text() == "mine"
    server.cli("get", record["id"], "-o", other, "--force")
    assert other.read_bytes() == take.read_bytes()
    dangling = tmp_path / "dangling.wav"
    dangling.symlink_to(tmp_path / "elsewhere")
    assert server.cli("get", record["id"], "-o", dangling, check=False).returncode == 6
    assert not (tmp_path / "elsewhere").exists()


def test_get_several_into_a_folder(server, folder, tmp_path):
    ids = [record["id"] for record in upload(server, folder)]
    out = tmp_path / "out"
    assert server.cli("get", *ids, "-o", out, check=False).returncode == 2
    out.mkdir()
    done = lines(server.cli("get", "--json", *ids, "-o", f"{out}/"))
    assert {line["id"] for line in done} == set(ids)
    assert (out / "3.wav").read_bytes() == (folder / "3.wav").read_bytes()
    assert len(os.listdir(out)) == 8


def test_get_resumes(server, tmp_path):
    content = audio.wav_of_bytes(3 << 20, 4)
    record = server.api().upload(content, "long.wav")
    part = tmp_path / "long.wav.part"
    part.write_bytes(content[:2_000_000])
    log_before = len(server.log_text())
    server.cli("get", record["id"], cwd=tmp_path)
    assert (tmp_path / "long.wav").read_bytes() == content and not part.exists()
    assert "status=206" in server.log_text()[log_before:]


@pytest.mark.parametrize("left_over", [b"x" * 1000, b"x" * (4 << 20), b""],
                         ids=["wrong", "too long", "empty"])
def test_get_survives_any_left_over(server, tmp_path, left_over):
    content = audio.wav_of_bytes(3 << 20, 4)
    record = server.api().upload(content, "long.wav")
    (tmp_path / "long.wav.part").write_bytes(left_over)
    server.cli("get", record["id"], cwd=tmp_path)
    assert (tmp_path / "long.wav").read_bytes() == content


def test_get_does_not_follow_a_planted_link(server, take, tmp_path):
    record, = upload(server, take)
    here = tmp_path / "here"
    here.mkdir()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (here / "take.wav.part").symlink_to(victim)
    assert server.cli("get", record["id"], cwd=here, check=False).returncode != 0
    assert victim.read_text() == "mine"


def test_get_to_standard_output(server, take):
    record, = upload(server, take)
    done = subprocess.run([server.binary, "get", record["id"], "-o", "-", "--data", server.data,
                           "--server", server.url], capture_output=True, timeout=60)
    assert done.returncode == 0 and done.stdout == take.read_bytes()


@pytest.mark.parametrize("name", ["-rf.wav", ".hidden.wav", "a\u202eb.wav", "x" * 400 + ".wav"])
def test_get_makes_safe_names(server, tmp_path, name):
    record = server.api().upload(audio.wav(), name)
    here = tmp_path / "here"
    here.mkdir()
    server.cli("get", record["id"], cwd=here)
    made, = os.listdir(here)
    assert made[0] not in ".-" and made.endswith(".wav") and "\u202e" not in made


# rm, undelete

def test_rm_and_undelete(server, take, tmp_path):
    record, = upload(server, take)
    assert server.cli("rm", record["id"]).stdout == f"{record['id']}  in the trash\n"
    server.cli("rm", record["id"])  # again does no harm
    assert server.cli("ls").stdout == ""
    assert record["id"] in server.cli("ls", "--trash").stdout
    done = server.cli("get", record["id"], cwd=tmp_path, check=False)
    assert done.returncode in (5, 6)
    assert server.cli("undelete", record["id"]).stdout == f"{record['id']}  back\n"
    assert record["id"] in server.cli("ls").stdout
    assert lines(server.cli("rm", "--json", "--permanent", record["id"])) == [
        {"id": record["id"], "done": "removed"}]
    assert server.cli("info", record["id"], check=False).returncode == 5
    done = server.cli("undelete", record["id"], check=False)
    assert done.returncode == 5 and record["id"] in done.stderr
