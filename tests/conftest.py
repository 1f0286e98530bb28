import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))

from server import Server  # noqa: E402


@pytest.fixture
def server(tmp_path):
    """A fresh server on an empty data folder."""
    with Server(tmp_path / "data") as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory):
    """One server for a module's tests that do not mind each other."""
    with Server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running


@pytest.fixture
def api(server):
    return server.api()
