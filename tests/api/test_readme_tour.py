"""The README's tour, run line by line against a fresh server: every command does well, and what comes
out is what the README shows. Ids, times and digests may differ; `…` stands for anything."""
import os
import re
import shutil
import subprocess

import pytest
from server import ROOT, Server

README = ROOT / "README.md"
ADDRESS = "http://127.0.0.1:8080"
MARK = "\x1e"
# What differs from run to run, as it looks in the document, and in what comes out.
VARIES = "|".join((r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                   r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d\.\d+Z)?", r"[0-9a-f]{64}",
                   r"[0-9a-f]{32}", r"[0-9A-Za-z+/]{43}="))


def steps():
    """(command, output) of each `$` line of the tour, with the lines that continue it."""
    tour = README.read_text().split("\n## A five-minute tour\n")[1].split("\n## ")[0]
    found = []
    for block in re.findall(r"^```console\n(.*?)^```$", tour, re.M | re.S):
        for step in re.split(r"^\$ ", block, flags=re.M)[1:]:
            command, _, output = step.partition("\n")
            while command.endswith(("\\", "|")):
                line, _, output = output.partition("\n")
                command += "\n" + line
            found.append((command, output))
    return found


def pattern(output):
    """A regular expression for the whole of a documented output."""
    out = []
    for part in re.split(rf"(^…\n|…|{VARIES})", output, flags=re.M):
        if part == "…\n":
            out.append(r"(?:.*\n)*?")
        elif part == "…":
            out.append(r".*?")
        elif re.fullmatch(VARIES, part):
            out.append(f"(?:{VARIES})")
        else:
            out.append(re.escape(part))
    return "".join(out)


def run(commands, server, folder):
    """Runs the commands in one shell, as a reader would; (exit code, output) of each."""
    script = "exec 2>&1\n" + "".join(
        f"{command}\nprintf '{MARK}%s{MARK}' $?\n" for command in commands)
    done = subprocess.run(["bash", "-c", script.replace(ADDRESS, server.url)], cwd=folder,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=300,
                          env={**os.environ, "AUDIOTRICKS_CLIENT_SERVER": server.url})
    parts = done.stdout.decode().replace("\r\n", "\n").split(MARK)
    return list(zip(map(int, parts[1::2]), parts[0::2]))


@pytest.fixture
def server(tmp_path):
    """As a reader starts it."""
    with Server(tmp_path / "data", jobs=True) as running:
        yield running


def test_the_tour(server, tmp_path):
    (tmp_path / "build/release").mkdir(parents=True)
    (tmp_path / "build/release/audiotricks").symlink_to(server.binary)
    shutil.copy(README, tmp_path)
    assert server.data == tmp_path / "data"
    documented = steps()
    assert len(documented) > 20
    came = run([command for command, _ in documented], server, tmp_path)
    assert len(came) == len(documented)
    for (command, output), (status, text) in zip(documented, came):
        assert status == 0, f"{command}\n{text}"
        if text and not text.endswith("\n"):
            text += "\n"
        # A line `…` in the document may be indented like what it stands for.
        shown = re.sub(r"^ +…$", "…", output.rstrip("\n") + "\n" if output.strip() else "", flags=re.M)
        same = re.fullmatch(pattern(shown), text)
        assert same, f"{command}\n--- README\n{output}--- came\n{text}"
