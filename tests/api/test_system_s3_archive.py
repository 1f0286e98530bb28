"""Content that its provider has archived: what is told of it, how it is asked for, and how it gets there. Over
a small S3 server of the tests', whose restores go on for some looks."""
import json

import pytest

import audio
from server import Server, expect_problem
from small_s3 import RESTORE_LOOKS, SmallS3


@pytest.fixture(scope="module")
def small():
    with SmallS3() as running:
        yield running


@pytest.fixture(scope="module")
def server(small, database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    (folder / "conf").write_text(small.section(profile="aws", style="path"))
    with Server(folder / "data", "--config", str(folder / "conf")) as running:
        yield running


def command(server, *words, check=True):
    return server.cli("store", *words, "--data", server.data, *server.same_catalog, check=check)


def storage(server, upload_id):
    return server.api().get_json(f"/v1/uploads/{upload_id}", params={"storage": "1"})["storage"]


def test_content_is_archived_and_restored(server, small):
    api, content = server.api(), audio.wav_of_bytes(60_000, seed=1)
    first, second = api.upload(content, "a.wav"), api.upload(content, "b.wav")
    url = f"/v1/uploads/{first['id']}"
    assert storage(server, first["id"]) == {"storage_class": "STANDARD", "availability": "at_hand",
                                            "available_until": None}
    assert "storage" not in api.get_json(url)
    expect_problem(api.post(f"{url}/restore"), 409, "conflict")

    done = json.loads(command(server, "class", "GLACIER", first["id"], "--json").stdout)
    assert done == {"id": first["id"], "storage_class": "GLACIER", "availability": "archived",
                    "available_until": None}
    assert small.objects[first["storage_path"]].storage_class == "GLACIER"
    for record in (first, second):  # they share it
        assert api.get_json(f"/v1/uploads/{record['id']}")["storage_class"] == "GLACIER"
        problem = expect_problem(api.get(f"/v1/uploads/{record['id']}/content"), 409, "content_archived")
        assert "/restore" in problem["detail"] and "GLACIER" in problem["detail"]
    assert command(server, "class", "GLACIER", first["id"]).returncode == 0
    refused = command(server, "class", "STANDARD", first["id"], check=False)
    assert refused.returncode == 6 and "audiotricks store restore" in refused.stderr

    answer = api.post(f"{url}/restore", json={"days": 3, "tier": "Bulk"})
    assert answer.status_code == 202, answer.text
    assert answer.json()["storage"]["availability"] == "restoring"
    problem = expect_problem(api.get(f"{url}/content"), 409, "content_archived")
    assert "being restored" in problem["detail"]
    for _ in range(RESTORE_LOOKS + 1):
        state = storage(server, second["id"])
    assert state["availability"] == "restored" and state["available_until"] > first["uploaded_at"]
    assert api.get(f"{url}/content").content == content

    assert "STANDARD_IA  at_hand" in command(server, "class", "STANDARD_IA", first["id"]).stdout
    assert storage(server, first["id"])["storage_class"] == "STANDARD_IA"
    assert api.get_json(url)["storage_class"] == "STANDARD_IA"
    server.verify()


def test_the_command_asks_for_several(server, small):
    records = [server.api().upload(audio.wav_of_bytes(30_000, seed=seed)) for seed in (2, 3)]
    ids = [record["id"] for record in records]
    command(server, "class", "DEEP_ARCHIVE", *ids)
    lines = command(server, "restore", "--days", "2", *ids).stdout.splitlines()
    assert lines == [f"{each}  DEEP_ARCHIVE  restoring" for each in ids]
    assert all(small.objects[record["storage_path"]].days == 2 for record in records)
    nobody = command(server, "restore", records[0]["user_id"], ids[0], check=False)
    assert nobody.returncode == 5 and len(nobody.stdout.splitlines()) == 1
    assert command(server, "class", "not-a-class", ids[0], check=False).returncode == 2


def test_what_is_in_the_trash_is_not_restored(server):
    api, record = server.api(), server.api().upload(audio.wav_of_bytes(20_000, seed=4))
    command(server, "class", "GLACIER", record["id"])
    assert api.delete(f"/v1/uploads/{record['id']}").status_code == 204
    expect_problem(api.post(f"/v1/uploads/{record['id']}/restore"), 404, "not_found")


def test_a_folder_has_no_archive(shared_server):
    api, record = shared_server.api(), shared_server.api().upload(audio.wav(seconds=0.1))
    assert storage(shared_server, record["id"]) == {"storage_class": None, "availability": "at_hand",
                                                    "available_until": None}
    expect_problem(api.post(f"/v1/uploads/{record['id']}/restore"), 501, "not_implemented")
