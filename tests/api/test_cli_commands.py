"""The command line without a server: help, hints, exit codes, completion, configuration."""
import json
import os
import pathlib
import re
import subprocess

import pytest

from ports import free_port
from server import BINARY, ROOT

CLEAN = {k: v for k, v in os.environ.items() if not k.startswith("AUDIOTRICKS_")}


def run(*arguments, cwd=None, env=None, **options):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, cwd=cwd, env={**CLEAN, **(env or {})}, **options)


def listed(text):
    """The names in the `Commands:` part of a help text."""
    part = text.split("Commands:\n")[-1] if "Commands:\n" in text else text.split("\n\n")[2]
    return re.findall(r"^  ([a-z-]+) ", part.split("\n\n")[0], re.M)


def every_command():
    """(path, help text) of each command and each one below it."""
    for name in listed(run("--help").stdout):
        text = run("help", name).stdout
        yield name, text
        if "COMMAND [OPTIONS]" in text:
            for child in re.findall(r"^  ([a-z-]+)  +\S", text.split("\n\n")[2], re.M):
                yield f"{name} {child}", run("help", name, child).stdout


COMMANDS = dict(every_command())


def test_commands_are_found():
    for name in ("upload", "ls", "info", "get", "rm", "undelete", "quota", "quota show",
                 "quota set", "usage", "workspace", "workspace ls", "workspace add",
                 "workspace rename", "workspace rm", "user", "user ls", "user add",
                 "user disable", "user enable", "user rm", "token",
                 "token ls", "token add", "token revoke", "operator ls", "operator add",
                 "operator replace", "operator revoke", "config", "completion", "help"):
        assert name in COMMANDS, sorted(COMMANDS)
    assert "media-worker" not in COMMANDS


@pytest.mark.parametrize("path", COMMANDS)
def test_help_teaches(path):
    text = COMMANDS[path]
    assert f"Usage: audiotricks {path}" in text
    assert run(*path.split(), "--help").stdout == text
    assert run(*path.split(), "-h").returncode == 0
    if "COMMAND [OPTIONS]" not in text:
        assert re.search(r"^  (.*\| )?audiotricks ", text, re.M), "an example"
        assert "--json" in text
    for line in text.splitlines():
        assert len(line) <= 110, line


def test_help_gives_the_exit_codes():
    text = run("--help").stdout
    assert re.findall(r"^  (\d)  \S", text, re.M) == list("01234567")


def test_without_arguments_it_helps_and_fails():
    done = run()
    assert done.returncode == 2 and "Usage:" in done.stderr and not done.stdout


def test_version():
    assert re.fullmatch(r"audiotricks \d+\.\d+\.\d+\n", run("--version").stdout)
    assert json.loads(run("--version", "--json").stdout)["version"]


@pytest.mark.parametrize("arguments, words", [
    (["uplaod"], 'did you mean "upload"?'),
    (["token", "ad"], 'did you mean "token add"?'),
    (["ls", "--statsu", "x"], "did you mean --status?"),
    (["get", "--froce", "x"], "did you mean --force?"),
    (["ls", "-z"], "unknown option -z"),
    (["--json", "ls"], "a command comes first"),
    (["upload"], "something is missing"),
    (["get"], "something is missing"),
    (["ls", "a", "b"], "one argument too many"),
    (["ls", "--limit", "0"], "from 1 to"),
    (["ls", "--limit"], "needs a value"),
    (["quota", "set"], "nothing to set"),
    (["quota", "set", "--storage", "much"], "such as 10GiB"),
    (["quota", "set", "--files", "1.5"], "a number"),
    (["token", "add", "--role", "king"], "reader|writer|admin|operator"),
    (["upload", "--on-duplicate", "x", "f"], "link|return|reject"),
    (["upload", "--parallel", "1000", "f"], "from 1 to 64"),
    (["help", "nothing"], 'unknown command "nothing"'),
    (["completion", "fish"], "only for bash"),
])
def test_wrong_usage_is_explained(arguments, words, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert not done.stdout


def test_an_unreachable_server_is_code_3(tmp_path):
    done = run("ls", "--retries", "0", "--server", f"http://127.0.0.1:{free_port()}", cwd=tmp_path,
               env={"AUDIOTRICKS_CLIENT_TOKEN": "at_x"})
    assert done.returncode == 3
    assert "127.0.0.1" in done.stderr


def test_a_missing_token_is_code_4(tmp_path):
    done = run("ls", cwd=tmp_path)
    assert done.returncode == 4 and "--token-file" in done.stderr
    done = run("ls", "--token-file", tmp_path / "none", cwd=tmp_path)
    assert done.returncode == 4
    (tmp_path / "empty").write_text("\n")
    assert run("ls", "--token-file", tmp_path / "empty", cwd=tmp_path).returncode == 4


def test_the_local_token_is_not_sent_elsewhere(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/operator-token").write_text("at_secret\n")
    for server in ("http://audio.example.org", "http://127.0.0.1.example.org",
                   "http://localhost.example.org:8080", "http://localhost:1@audio.example.org",
                   "http://127.0.0.1:@audio.example.org/"):
        done = run("ls", "--retries", "0", "--server", server, cwd=tmp_path)
        assert done.returncode == 4, done.stderr
    done = run("ls", "--retries", "0", "--server", f"http://127.0.0.1:{free_port()}", cwd=tmp_path)
    assert done.returncode == 3, done.stderr


def test_output_that_does_not_arrive_is_a_failure():
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "No space left" in done.stderr


# Configuration

def config(*arguments, codes=(0,), **options):
    done = run("config", "--json", *arguments, **options)
    assert done.returncode in codes, done.stderr
    return {row["option"]: row for row in map(json.loads, done.stdout.splitlines())}


def test_config_tells_where_values_come_from(tmp_path):
    file = tmp_path / "a.conf"
    file.write_text("[server]\nlisten = 127.0.0.1:1\nbase_url = http://f\nmax_uploads = 7\n"
                    '[store "main"]\nprovider = local\npath = /srv/audio\n')
    rows = config("--config", file, "--listen", "127.0.0.1:3",
                  env={"AUDIOTRICKS_SERVER_LISTEN": "127.0.0.1:2",
                       "AUDIOTRICKS_SERVER_BASE_URL": "http://e"})
    assert (rows["server.listen"]["value"], rows["server.listen"]["origin"]) == (
        "127.0.0.1:3", "flag")
    assert (rows["server.base_url"]["value"], rows["server.base_url"]["origin"]) == (
        "http://e", "environment")
    assert (rows["server.max_uploads"]["value"], rows["server.max_uploads"]["origin"]) == (
        "7", "file")
    assert (rows["uploads.accept"]["value"], rows["uploads.accept"]["origin"]) == (
        "audio", "default")
    assert rows["quota.max_file_count"]["value"] is None
    assert rows['store "main".path']["value"] == "/srv/audio"
    assert rows == config("--listen=127.0.0.1:3", env={
        "AUDIOTRICKS_SERVER_LISTEN": "127.0.0.1:2", "AUDIOTRICKS_SERVER_BASE_URL": "http://e",
        "AUDIOTRICKS_CONFIG": str(file)})


def test_config_is_readable(tmp_path):
    done = run("config", cwd=tmp_path)
    assert done.returncode == 0
    assert re.search(r"^server\.listen +default +127\.0\.0\.1:8080$", done.stdout, re.M)
    assert re.search(r"^quota\.max_file_count +default +\(not set\)$", done.stdout, re.M)


def test_flags_and_variables_are_as_config_says():
    for name, row in config().items():
        if not row["flag"]:
            continue
        value = {"server.data": "/d"}.get(name, row["value"] or "1")
        codes = (0, 2)  # whatever the value means: it is shown
        shown = "***" if name == "server.database" else value
        by_flag = config(row["flag"], value, codes=codes)[name]
        assert (by_flag["value"], by_flag["origin"]) == (shown, "flag"), name
        by_variable = config(env={row["environment"]: value}, codes=codes)[name]
        assert (by_variable["value"], by_variable["origin"]) == (shown, "environment"), name


@pytest.mark.parametrize("arguments, env, content", [
    (["--media-processes", "many"], {}, None),
    ([], {"AUDIOTRICKS_SERVER_LISTNE": "x"}, None),
    ([], {}, "[server]\nlistne = x\n"),
    ([], {}, "[media]\ntimeout = soon\n"),
])
def test_a_bad_configuration_is_code_2(arguments, env, content, tmp_path):
    if content:
        (tmp_path / "c").write_text(content)
        arguments = ["--config", tmp_path / "c"]
    assert run("config", *arguments, env=env).returncode == 2


@pytest.mark.parametrize("variable, meant", [
    ("AUDIOTRICKS_UPLOADS_ACEPT", "AUDIOTRICKS_UPLOADS_ACCEPT"),
    ("AUDIOTRICKS_SERVER_LISTNE", "AUDIOTRICKS_SERVER_LISTEN"),
    ("AUDIOTRICKS_CONFG", "AUDIOTRICKS_CONFIG"), ("AUDIOTRICKS_NONSENSE", None)])
@pytest.mark.parametrize("command", ["config", "serve", "doctor"])
def test_misspelt_variable_of_the_server(tmp_path, command, variable, meant):
    done = run(command, "--data", tmp_path / "data", env={variable: "x"})
    assert done.returncode == 2 and f"no option {variable}" in done.stderr
    assert meant is None or f"did you mean {meant}" in done.stderr, done.stderr
    assert not (tmp_path / "data").exists()


def test_misspelt_variable_of_a_client():
    done = run("ls", "--retries", "0", env={"AUDIOTRICKS_CLIENT_SERVR": "x", "AUDIOTRICKS_CLIENT_TOKEN": "at_x",
                                            "AUDIOTRICKS_CLIENT_SERVER": f"http://127.0.0.1:{free_port()}"})
    assert done.returncode == 3
    warnings = [line for line in done.stderr.splitlines() if "warning" in line]
    assert warnings == ["audiotricks: warning: AUDIOTRICKS_CLIENT_SERVR means nothing; "
                        "did you mean AUDIOTRICKS_CLIENT_SERVER?"]


# Completion

def complete(*words):
    """What bash offers behind WORDS, the last of which may be unfinished."""
    script = ROOT / "completions/audiotricks.bash"
    code = (f"source {script}; COMP_WORDS=(audiotricks \"$@\"); COMP_CWORD=$#; _audiotricks; "
            "printf '%s\\n' \"${COMPREPLY[@]}\"")
    done = subprocess.run(["bash", "-uc", code, "-", *words], capture_output=True, text=True,
                          timeout=20)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split("\n")[:-1] if done.stdout.strip() else []


def test_the_script_is_the_generated_one():
    script = (ROOT / "completions/audiotricks.bash").read_text()
    assert script == run("completion", "bash").stdout, (
        "run: audiotricks completion bash > completions/audiotricks.bash")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_and_option_is_completed(path):
    *above, last = path.split()
    assert last in complete(*above, last[:-1])
    options = re.findall(r"^ {2}(?:-.,|   ) (--[a-z0-9-]+)", COMMANDS[path], re.M)
    assert options or "COMMAND [OPTIONS]" in COMMANDS[path]
    assert set(options) <= set(complete(*path.split(), "--"))


def test_completion_knows_values_and_files(tmp_path, monkeypatch):
    (tmp_path / "take.wav").touch()
    monkeypatch.chdir(tmp_path)
    assert complete("upload", "ta") == ["take.wav"]
    (tmp_path / "take two.wav").touch()
    assert set(complete("upload", "take")) == {"take.wav", "take two.wav"}
    assert complete("token", "add", "--role", "w") == ["writer"]
    assert set(complete("upload", "--on-duplicate", "re")) == {"return", "reject"}
    assert complete("ls", "ta") == []


# Documents

def test_the_page_names_every_command_and_exit_code():
    page = (ROOT / "docs/cli.md").read_text()
    for path in COMMANDS:
        if path not in ("help",):
            assert path.split()[-1] in page, path
    for code, words in re.findall(r"^  (\d)  (.+)$", run("--help").stdout, re.M):
        assert f"| {code} | {words} |" in page


def test_every_example_parses(tmp_path):
    """Every `audiotricks …` line in a help text names a command and options that exist."""
    for text in COMMANDS.values():
        for line in re.findall(r"^  (?:.*\| )?audiotricks ([^|>#]*)", text, re.M):
            words = re.split(r"\s{3,}", line.strip())[0].split()
            for count in range(len(words)):
                if " ".join(words[:count + 1]) in COMMANDS:
                    path = " ".join(words[:count + 1])
            known = re.findall(r"(--[a-z0-9-]+|-[a-z])\b", COMMANDS[path])
            if "COMMAND [OPTIONS]" in COMMANDS[path]:
                continue
            for word in words:
                if re.fullmatch(r"--[a-z0-9-]+|-[a-z]", word):
                    assert word in known, line
