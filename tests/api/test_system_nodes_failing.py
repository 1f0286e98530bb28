"""Servers on one database, of which some start, stand still or are killed while others work."""
import contextlib
import os
import signal

import audio
import pytest
from catalog import catalog_of
from http_raw import Raw
from jobs import configuration
from server import Server, wait_until
from webhook_receiver import Receiver

pytestmark = pytest.mark.databases("postgres")
# Short, so that a node is given up soon; what the tests hold does not depend on it.
QUICK = ["--server-node-lease=2s", "--server-sweep-every=200ms", "--webhooks-allow-private=true",
         "--webhooks-retry-first=50ms"]
PATIENCE_S = 60
SIZE = 1 << 20


class Nodes:
    """Servers with one store on one database, started when they are asked for."""

    def __init__(self, folder, stack):
        self.folder, self.stack, self.all, self.lines = folder, stack, [], []

    def start(self):
        folder = self.folder / f"node{len(self.all)}"
        folder.mkdir()
        store = f'[store "main"]\nprovider = local\npath = {self.folder}/store\n'
        flags = [*configuration(folder, store), *QUICK]
        if self.all:
            flags += ["--database", self.all[0].database_url]
        node = self.stack.enter_context(Server(folder / "data", *flags))
        self.all.append(node)
        return node

    def api(self, node):
        """The first node made the operator's token; tokens are the database's."""
        return Server.api(node, self.all[0].token)

    def id_of(self, node):
        return (node.data / "node-id").read_text().strip()

    def holder(self, duty):
        """The id of the node that has it."""
        with catalog_of(self.all[0]) as catalog:
            found = catalog.rows("SELECT n.id FROM nodes n JOIN duties d ON d.instance = n.instance "
                                 "WHERE d.name = ? AND d.lease_until > now()", [duty])
        return found[0][0] if found else None

    def open_posts(self):
        with catalog_of(self.all[0]) as catalog:
            return catalog.value("SELECT count(*) FROM chunked_uploads "
                                 "WHERE kind = 'post' AND status = 'initiated'")


@pytest.fixture
def nodes(tmp_path, database):
    with contextlib.ExitStack() as stack:
        yield Nodes(tmp_path, stack)


def begin_post(nodes, node, content):
    """A request of which half has been sent; gives its connection and what is left."""
    line = Raw(("127.0.0.1", node.port), timeout=PATIENCE_S)
    head = (f"POST /v1/uploads?filename=a.wav HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
            f"{nodes.all[0].token}\r\nContent-Type: audio/wav\r\nContent-Length: {len(content)}\r\n\r\n")
    nodes.lines.append(line)  # one that nobody has any more is closed
    before = nodes.open_posts()
    line.send(head.encode() + content[:len(content) // 2])
    wait_until(lambda: nodes.open_posts() == before + 1, PATIENCE_S, "the upload to be begun")
    return line, content[len(content) // 2:]


def test_a_node_that_starts_ends_nothing_of_the_others(nodes):
    first = nodes.start()
    content = audio.wav_of_bytes(SIZE, 0)
    line, rest = begin_post(nodes, first, content)
    nodes.start()
    assert nodes.open_posts() == 1
    answer = line.send(rest).answer()
    assert answer.status == 201 and answer.json["file_size"] == len(content)
    first.verify()


def test_a_node_that_comes_back_ends_what_it_was_killed_in(nodes):
    first, second = nodes.start(), nodes.start()
    begin_post(nodes, second, audio.wav_of_bytes(SIZE, 0))
    second.kill()
    second.start()  # far sooner than the others would give it up
    assert nodes.open_posts() == 0
    first.verify()


def test_what_a_node_was_killed_in_the_others_end(nodes):
    first, second = nodes.start(), nodes.start()
    begin_post(nodes, second, audio.wav_of_bytes(SIZE, 0))
    kept, rest = begin_post(nodes, first, audio.wav_of_bytes(SIZE, 1))
    second.kill()
    wait_until(lambda: nodes.open_posts() == 1, PATIENCE_S, "the dead node's upload to be ended")
    assert kept.send(rest).answer().status == 201
    assert "ended what a silent node was receiving" in first.log_text()


def test_a_node_that_stood_still_for_too_long_is_refused(nodes, tmp_path):
    """Its upload has been given up: it must not become one after all, nor leave anything."""
    first, second = nodes.start(), nodes.start()
    line, rest = begin_post(nodes, second, audio.wav_of_bytes(SIZE, 0))
    os.kill(second.process.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: nodes.open_posts() == 0, PATIENCE_S, "its upload to be ended")
    finally:
        os.kill(second.process.pid, signal.SIGCONT)
    assert line.send(rest).answer().status == 503
    assert nodes.api(first).get_json("/v1/uploads")["items"] == []
    assert not [each for each in (tmp_path / "store").rglob("*.wav")]
    first.verify()


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_duties_are_taken_over(nodes, end):
    first, second = nodes.start(), nodes.start()
    assert nodes.holder("sweep") == nodes.holder("webhooks") == nodes.id_of(first)
    getattr(first, end)()
    for duty in ("sweep", "webhooks"):
        wait_until(lambda: nodes.holder(duty) == nodes.id_of(second), PATIENCE_S, f"{duty} to be taken")
    first.start()
    assert nodes.holder("sweep") == nodes.id_of(second)


def test_webhooks_are_sent_once_whoever_sends_them(nodes):
    first, second = nodes.start(), nodes.start()
    with Receiver() as receiver:
        wish = {"url": receiver.url, "event_types": ["upload.created"]}
        answer = nodes.api(first).post("/v1/webhooks", json=wish)
        assert answer.status_code == 201
        log = f"/v1/webhooks/{answer.json()['id']}/deliveries?limit=100"

        def tell(seeds):
            """An upload at each node in turn, and that all of them are told of, and it is noted."""
            made = [nodes.api(node).upload(audio.wav(seconds=0.05, seed=seed))["id"]
                    for node, seed in zip(up * len(seeds), seeds)]
            wait_until(lambda: set(made) <= {one.upload_id for one in receiver.messages}, PATIENCE_S,
                       "the webhook to be told")
            # What is not noted when its node dies is sent again.
            wait_until(lambda: all(one["status"] == "delivered"
                                   for one in nodes.api(up[0]).get_json(log)["items"]), PATIENCE_S, "the log")

        up = [first, second]
        tell(range(6))
        first.kill()
        up = [second]
        tell(range(6, 9))
        first.start()
        up = [first, second]
        tell(range(9, 15))
        told = [one.upload_id for one in receiver.messages]
        assert len(told) == len(set(told)) == 15


def test_a_copied_data_folder_is_noticed(nodes, tmp_path):
    first = nodes.start()
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/data").mkdir()
    (tmp_path / "copy/data/node-id").write_text((first.data / "node-id").read_text())
    copy = Server(tmp_path / "copy/data", *first.flags[1:], "--database", first.database_url)
    copy.start(wait=False)
    assert copy.process.wait(PATIENCE_S) != 0
    assert "node-id" in copy.log_text()
    copy.process = None
