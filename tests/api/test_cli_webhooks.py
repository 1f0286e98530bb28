"""`audiotricks webhooks`, against the real server."""
import json

from server import Server, wait_until
from webhook_receiver import Receiver, verify


def test_webhooks(tmp_path):
    with Server(tmp_path / "data", "--webhooks-allow-private=true") as server, Receiver() as receiver:
        made = server.cli("webhooks", "add", "--events", "upload.created,upload.deleted",
                          "--description", "ours", receiver.url + "/a").stdout
        webhook = dict(line.split() for line in made.splitlines())
        server.cli("webhooks", "test", webhook["id"])
        verify(wait_until(lambda: receiver.of("/a"))[0], webhook["secret"])
        other = json.loads(server.cli("webhooks", "add", "--json", receiver.url + "/b").stdout)
        listed = [json.loads(line) for line in server.cli("webhooks", "--json").stdout.splitlines()]
        assert [(w["id"], w["description"], w["event_types"]) for w in listed] == [
            (webhook["id"], "ours", ["upload.created", "upload.deleted"]), (other["id"], "", [])]
        table = server.cli("webhooks", "ls").stdout
        assert "upload.created,upload.deleted" in table and "all" in table
        assert webhook["secret"] not in table + json.dumps(listed)
        server.cli("webhooks", "rm", webhook["id"], other["id"])
        assert server.cli("webhooks", "ls", "--json").stdout == ""
        assert server.cli("webhooks", "rm", webhook["id"], check=False).returncode == 5
        assert server.cli("webhooks", "add", "ftp://a.example/", check=False).returncode == 2
