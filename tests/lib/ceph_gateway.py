"""A Ceph RADOS Gateway on loopback: a real S3 server for tests.

As a program, `ceph_gateway.py COMMAND…` starts one with a bucket, tells COMMAND of it by the environment
(S3_ENDPOINT, S3_BUCKET, S3_ACCESS_KEY, S3_SECRET_KEY, S3_REGION), and takes it away afterwards. It
ends with 77, for skipped, where the server's script is not to be had."""
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from ports import free_ports

SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "shared/services/ceph-rgw.sh"
PORTS = 11  # that one server takes, from its own on
BUCKET = "audiotricks-tests"


def is_there():
    return SCRIPT.exists() and shutil.which("radosgw") is not None


class Rgw:
    """One gateway with a bucket. Use it as a context. DURABLE survives kill -9; with TLS it also
    listens at tls_endpoint, whose certificate (ca_file) is for localhost and all names below it."""

    def __init__(self, durable=False, tls=False):
        memory = pathlib.Path("/dev/shm")
        self.folder = pathlib.Path(tempfile.mkdtemp(
            prefix="audiotricks-rgw-", dir=memory if memory.is_dir() else None))
        self.data = self.folder / "rgw"
        self.env = {**os.environ, "S3_STORE": "bluestore" if durable else "memstore", "S3_GB": "4",
                    "S3_TLS": str(int(tls))}
        self.values = {}
        self.port = None

    def _run(self, *arguments):
        return subprocess.run([str(SCRIPT), *map(str, arguments)], env=self.env, check=True,
                              capture_output=True, text=True, timeout=300).stdout

    def start(self):
        if self.port is None:
            self.port = free_ports(PORTS)
        text = self._run("start", self.data, self.port)
        self.values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.values["S3_BUCKET"] = BUCKET
        return self

    def kill(self):
        """kill -9 of the gateway; what it acknowledged is with the other servers."""
        pid = int((self.data / "run/client.rgw.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        while pathlib.Path(f"/proc/{pid}").exists():
            time.sleep(0.01)

    @property
    def endpoint(self):
        return self.values["S3_ENDPOINT"]

    @property
    def tls_endpoint(self):
        return self.values["S3_TLS_ENDPOINT"]

    @property
    def ca_file(self):
        return self.values["S3_CA_FILE"]

    def client(self):
        """A boto3 client."""
        import boto3
        from botocore.config import Config
        return boto3.client(
            "s3", endpoint_url=self.endpoint, region_name=self.values["S3_REGION"],
            aws_access_key_id=self.values["S3_ACCESS_KEY"],
            aws_secret_access_key=self.values["S3_SECRET_KEY"],
            config=Config(s3={"addressing_style": "path"}, proxies={}))

    def section(self, name="main", **more):
        """The configuration of a store in it."""
        options = {"provider": "s3", "endpoint": self.endpoint, "bucket": BUCKET,
                   "region": self.values["S3_REGION"],
                   "access_key": self.values["S3_ACCESS_KEY"],
                   "secret_key": self.values["S3_SECRET_KEY"], **more}
        lines = [f"{key} = {value}" for key, value in options.items() if value is not None]
        return f'[store "{name}"]\n' + "\n".join(lines) + "\n"

    def __enter__(self):
        try:
            self.start()
            self.client().create_bucket(Bucket=BUCKET)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        subprocess.run([str(SCRIPT), "wipe", str(self.data)], env=self.env, check=False,
                       capture_output=True, timeout=120)
        shutil.rmtree(self.folder, ignore_errors=True)


def main(command):
    if not is_there():
        print(f"skipped: {SCRIPT} or radosgw is not there", file=sys.stderr)
        return 77
    with Rgw() as rgw:
        return subprocess.run(command, env={**os.environ, **rgw.values}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
