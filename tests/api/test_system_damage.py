"""Content that was lost behind the server's back: never acknowledged again, never served short."""
import audio
import pytest
from server import expect_problem

CONTENT = audio.wav(seconds=2, seed=77)


@pytest.fixture(params=["gone", "short"])
def damaged(request, server):
    api = server.api()
    record = api.upload(CONTENT, "first.wav")
    path = server.data / "store" / record["storage_path"]
    if request.param == "gone":
        path.unlink()
    else:
        path.write_bytes(CONTENT[:100])
    return api, record


def test_damaged_content_is_not_served(damaged):
    api, record = damaged
    expect_problem(api.get(f"/v1/uploads/{record['id']}/content"), 500, "internal_error")


@pytest.mark.parametrize("on_duplicate", ["link", "return", "reject"])
def test_what_is_damaged_is_not_shared(server, damaged, on_duplicate):
    """201 means that the content is on stable storage: here it has to be stored anew."""
    api, record = damaged
    again = api.upload(CONTENT, "again.wav", on_duplicate=on_duplicate)
    assert again["id"] != record["id"]
    assert (again["storage_path"], again["duplicate_of"]) != (record["storage_path"], record["id"])
    assert api.get(f"/v1/uploads/{again['id']}/content").content == CONTENT
    done = server.cli("verify", "--data", server.data, check=False)
    assert record["storage_path"] in done.stdout and again["storage_path"] not in done.stdout
    server.cli("rm", "--permanent", record["id"])
    server.verify()
