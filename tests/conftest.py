import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "lib"))

import postgres  # noqa: E402
import server as servers  # noqa: E402
from server import Server  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--databases", help="sqlite, postgres, or both with a comma: for all modules, "
                     "whatever they say of themselves")


def pytest_configure(config):
    config.addinivalue_line("markers", "databases(*names): run on each of them; not said: sqlite")


# Modules that take long, begun first: the last ones of a run are then short, and no process waits for
# another with nothing to do.
FIRST = ["test_media_works", "test_tus_uploads", "test_tus_clients", "test_api_chunks", "test_system_cluster",
         "test_system_s3", "test_api_workspaces", "test_api_webhooks", "test_api_records", "test_cli_chunks"]


def pytest_collection_modifyitems(items):
    order = {name: at for at, name in enumerate(FIRST)}
    items.sort(key=lambda item: order.get(item.module.__name__.rpartition(".")[2], len(FIRST)))


def pytest_generate_tests(metafunc):
    """A module says on which databases its tests run: pytestmark = pytest.mark.databases(…). A test
    that looks into the SQLite file itself says so in turn."""
    marker = metafunc.definition.get_closest_marker("databases")
    wanted = metafunc.config.getoption("databases")
    names = marker.args if marker else ()
    if wanted and marker not in metafunc.definition.own_markers:
        names = wanted.split(",")
    if names:
        metafunc.parametrize("database", names, indirect=True, scope="module")


@pytest.fixture(scope="session")
def postgres_server():
    if not postgres.binaries():
        pytest.skip("PostgreSQL is not installed")
    with postgres.Postgres() as running:
        yield running


@pytest.fixture(scope="module", autouse=True)
def database(request):
    """What the servers of a test have for their database: one of its own for each data folder. Whatever
    fixture keeps a server for several tests names this one too, or its server would stay behind."""
    name = getattr(request, "param", "sqlite")
    if name == "postgres":
        servers.databases = postgres.Databases(request.getfixturevalue("postgres_server"))
    yield name
    servers.databases = None
    if not request.config.getoption("databases"):
        left = [each.data for each in servers.started if each.process and each.process.poll() is None]
        assert not (left and hasattr(request, "param")), f"whose fixture does not name `database`? {left}"


@pytest.fixture
def server(tmp_path):
    """A fresh server on an empty data folder."""
    with Server(tmp_path / "data") as running:
        yield running


@pytest.fixture(scope="module")
def shared_server(tmp_path_factory, database):
    """One server for a module's tests that do not mind each other."""
    with Server(tmp_path_factory.mktemp("shared") / "data") as running:
        yield running


@pytest.fixture
def api(server):
    return server.api()
