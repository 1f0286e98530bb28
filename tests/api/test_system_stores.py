"""Two stores of one configuration that are one place, whatever addresses lead there."""
import shutil
import subprocess

import pytest

import audio
from ports import free_port
from server import BINARY, Server
from small_s3 import KEY, SECRET, SmallS3


@pytest.fixture(scope="module")
def small():
    with SmallS3() as running:
        yield running


def refused(server, code):
    """What is said by a server that does not start."""
    done = subprocess.run([BINARY, "serve", "--data", str(server.data), "--listen",
                           f"127.0.0.1:{free_port()}", *server.flags,
                           *(["--database", server.database] if server.database else [])],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stderr
    return done.stderr


def configured(folder, *sections):
    folder.mkdir(exist_ok=True)
    (folder / "conf").write_text("".join(sections))
    return Server(folder / "data", "--config", str(folder / "conf"))


@pytest.mark.parametrize("one,two,overlap", [
    ("a/", "a/", True), ("a/", "a/b/", True), ("a/b/", "a/", True), ("a/", "", True),
    ("a/", "c/", False), ("a/b/", "a/c/", False)])
def test_one_bucket_by_two_addresses(tmp_path, small, one, two, overlap):
    """A name of another host is seen by no comparison of configurations."""
    small.objects.clear()
    server = configured(tmp_path, small.section("one", prefix=one or None),
                        small.section("two", prefix=two or None,
                                      endpoint=f"http://localhost:{small.port}"))
    if overlap:
        said = refused(server, 2)
        assert 'store "one" and store "two" are the same place, or one lies in' in said
    else:
        with server:
            assert server.api().upload(audio.wav(seconds=0.1))["storage_name"] == "one"


def test_a_key_that_may_not_look_at_the_other_store(tmp_path):
    """What the provider does not let it look at is another's: that is no reason not to start."""
    with SmallS3({KEY: (SECRET, None), "OTHERKEY": (SECRET, None)}) as s3:
        s3.kept_from = {KEY: "a/b/"}
        with configured(tmp_path, s3.section("one", prefix="a/"),
                        s3.section("two", prefix="a/b/", access_key="OTHERKEY",
                                   endpoint=f"http://localhost:{s3.port}")) as server:
            assert server.api().upload(audio.wav(seconds=0.1))["storage_name"] == "one"
        assert s3.requests("GET", "/a/b/.audiotricks-store")


def test_a_store_that_was_refused_starts_when_its_prefix_is_corrected(tmp_path, small):
    """Its marker had been seen before it was refused: that is no store of this server yet."""
    small.objects.clear()

    def server(prefix):
        return configured(tmp_path, small.section("one", prefix="a/"),
                          small.section("two", prefix=prefix, endpoint=f"http://localhost:{small.port}"))
    assert "are the same place" in refused(server("a/b/"), 2)
    with server("c/"):
        pass


def test_another_folder_is_adopted(tmp_path):
    """What is left of the store was copied into a new folder, without its marker."""
    store = tmp_path / "data/store"
    with Server(tmp_path / "data") as server:
        content = audio.wav(seconds=0.1)
        record = server.api().upload(content)
    (store / ".audiotricks-store").unlink()
    shutil.copytree(store, tmp_path / "copy")
    shutil.rmtree(store)
    (tmp_path / "copy").rename(store)
    refused(server, 3)
    server.cli("store", "adopt", "main", "--data", server.data)
    with server:
        assert server.api().get(f"/v1/uploads/{record['id']}/content").content == content
    server.cli("store", "adopt", "main", "--data", server.data)
    again = server.cli("store", "adopt", "main", "--data", server.data, check=False)
    assert "the catalog knows no store" in again.stderr


def test_another_bucket_is_adopted(tmp_path, small):
    small.objects.clear()
    with configured(tmp_path, small.section(prefix="lost/")):
        pass
    server = configured(tmp_path, small.section(prefix="new/"))
    refused(server, 3)
    server.cli("store", "adopt", "main", "--data", server.data)
    with server:
        assert server.api().upload(audio.wav(seconds=0.1))["storage_name"] == "main"


def test_one_folder_that_was_copied(tmp_path):
    """A copy is no second store: the catalog could not tell which of them is meant."""
    def local(name):
        return f'[store "{name}"]\nprovider = local\npath = {tmp_path}/{name}\n'
    with configured(tmp_path, local("one")) as server:
        server.api().upload(audio.wav(seconds=0.1))
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    said = refused(configured(tmp_path, local("one"), local("two")), 2)
    assert 'store "one" and store "two" are the same place, or one lies in' in said
