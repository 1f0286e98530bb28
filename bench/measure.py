"""What the benchmarks share: servers under test, and what the kernel says of them."""
import contextlib
import os
import pathlib
import platform
import signal
import socket
import statistics
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
MIB = 1 << 20
GIB = 1 << 30
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url):
    for _ in range(3000):
        with contextlib.suppress(OSError):
            return urllib.request.urlopen(url, timeout=5).read()
        time.sleep(0.01)
    raise SystemExit(f"{url} does not answer")


def family(pid):
    """PID and all that it started."""
    found = [pid]
    for children in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += family(int(child))
    return found


def cpu_s(pid):
    total = 0
    for each in family(pid):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICK


def memory_mib(pid, children=False, what="Rss"):
    total = 0
    for each in family(pid) if children else [pid]:
        with contextlib.suppress(OSError):
            for line in pathlib.Path(f"/proc/{each}/smaps_rollup").read_text().splitlines():
                if line.startswith(what + ":"):
                    total += int(line.split()[1])
    return total / 1024


class Service:
    """A server under test, with what the load generator needs to know of it."""

    def __init__(self, name, command, port, token="-", env=None, log=None):
        self.name, self.port, self.token = name, port, token
        self.process = subprocess.Popen(command, env={**os.environ, **(env or {})},
                                        stdout=log or subprocess.DEVNULL,
                                        stderr=log or subprocess.DEVNULL)
        self.pid = self.process.pid

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), "?")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}"


def start_ours(data, jobs=False, env=None, flags=()):
    """The release binary on the folder DATA, with ENV and FLAGS besides. Without JOBS what it takes is left as
    it came: what is done with it afterwards has rows of its own (bench/processing, bench/queue.c)."""
    port = free_port()
    log = open(pathlib.Path(str(data) + ".log"), "ab")
    binary = ROOT / "build/release/audiotricks"
    ours = Service("audiotricks", [str(binary), "serve", "--data", str(data), "--listen",
                                   f"127.0.0.1:{port}", "--log-level", "warn",
                                   *([] if jobs else ["--no-jobs"]), *flags], port, env=env, log=log)
    wait_for(f"http://127.0.0.1:{port}/readyz")
    ours.token = (pathlib.Path(data) / "operator-token").read_text().strip()
    return ours


def compile_c(source, target, *flags):
    """The path of the program made of bench/SOURCE."""
    path = ROOT / "build/bench" / target
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["gcc", "-O2", "-D_GNU_SOURCE", "-std=gnu17", str(ROOT / "bench" / source), "-o",
                    str(path), *flags], check=True)
    return str(path)


def start_receiver(data):
    """The least that takes an upload (bench/receiver.c), with its files in the folder DATA."""
    crypto = ROOT / "src/crypto"
    program = compile_c("receiver.c", "receiver", f"-I{ROOT / 'src'}", str(crypto / "digest.c"),
                        str(crypto / "digest_kernel.c"), "-lcrypto", "-lpthread")
    pathlib.Path(data).mkdir(parents=True, exist_ok=True)
    port = free_port()
    receiver = Service("receiver", [program, str(port), str(data)], port)
    wait_for(f"http://127.0.0.1:{port}/")
    return receiver


def settle():
    """After many removals: disks that discard online are slow to make files for some seconds."""
    os.sync()
    time.sleep(5)


class Table:
    """Rows of what was measured, beside what."""

    def __init__(self, rounds):
        self.round_count = rounds
        self.rows = []

    def rounds(self, *measures, times=1):
        """Each measure in turn, several rounds, or TIMES as many of short ones; the medians of each."""
        runs = [[] for _ in measures]
        for _ in range(times * self.round_count):
            for i, measure in enumerate(measures):
                runs[i].append(measure())
        return [{key: statistics.median(r[key] for r in run) for key in run[0]} for run in runs]

    def row(self, name, value, bound_name="", ratio=None, aim="", note=""):
        self.rows.append((name, value, bound_name, "" if ratio is None else f"{ratio:.2f}", aim, note))
        print("  ".join(str(cell) for cell in self.rows[-1]), flush=True)

    def text(self):
        heads = ("what", "measured", "beside", "ratio", "aim", "besides")
        lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join(lines)
