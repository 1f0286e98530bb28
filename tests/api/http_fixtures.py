"""Fixtures of the tests of the HTTP layer; imported by them."""
import pytest

from http_raw import ToyServer


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """One toy server with the usual limits, for tests that do not mind each other."""
    with ToyServer(tmp_path_factory.mktemp("toy") / "log") as server:
        yield server


@pytest.fixture
def start(tmp_path):
    """Starts toy servers with limits of the test's own."""
    servers = []

    def starter(*flags, **options):
        servers.append(ToyServer(tmp_path / f"log{len(servers)}", *flags, **options))
        return servers[-1]

    yield starter
    for server in servers:
        server.__exit__(None)
