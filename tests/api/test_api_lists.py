"""Lists: filters, orders, pages."""
import datetime

import audio
import pytest
from catalog import catalog_of
from server import Server, expect_problem

pytestmark = pytest.mark.databases("sqlite", "postgres")

COUNT = 23


@pytest.fixture(scope="module")
def library(tmp_path_factory, database):
    """A server with files of several sizes, names and types; the records beside it."""
    with Server(tmp_path_factory.mktemp("lists") / "data") as server:
        api = server.api()
        records = [api.upload(audio.wav(seconds=0.1 * (1 + i % 4), seed=i),
                              f"{'Take' if i % 2 else 'take'} {i % 7}.wav") for i in range(COUNT)]
        flac = audio.ffmpeg("tone.flac", seconds=1)
        records.append(api.upload(flac.read_bytes(), "tone.flac"))
        yield api, records


def pages(api, limit, **query):
    items, cursor, count = [], None, 0
    while count == 0 or cursor:
        page = api.get_json("/v1/uploads", params={
            "limit": limit, **query, **({"cursor": cursor} if cursor else {})})
        assert len(page["items"]) <= limit
        items += page["items"]
        cursor = page["next_cursor"]
        count += 1
        assert count <= COUNT + 2
    return items


SORTS = {
    "uploaded_at": lambda r: r["uploaded_at"],
    "file_size": lambda r: r["file_size"],
    "duration": lambda r: r["duration"],
    "original_filename": lambda r: r["original_filename"],
}


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("limit", [1, 5, 24, 1000])
def test_pages_hold_everything_once_in_order(library, sort, descending, limit):
    api, records = library
    items = pages(api, limit, sort=("-" if descending else "") + sort)
    assert sorted(r["id"] for r in items) == sorted(r["id"] for r in records)
    keys = [SORTS[sort](r) for r in items]
    if sort == "original_filename":  # the database's order of letters, whichever it is
        folded = [k.lower() for k in keys]
        assert keys == sorted(keys, reverse=descending) or \
            folded == sorted(folded, reverse=descending)
    else:
        assert keys == sorted(keys, reverse=descending)


def test_newest_first_by_default(library):
    api, records = library
    assert [r["id"] for r in api.get_json("/v1/uploads")["items"]] == [
        r["id"] for r in reversed(records)]


def test_full_last_page_has_no_cursor(library):
    api, records = library
    page = api.get_json("/v1/uploads", params={"limit": len(records)})
    assert page["next_cursor"] is None


def test_items_are_the_records(library):
    api, records = library
    assert list(reversed(api.get_json("/v1/uploads")["items"])) == [
        api.get_json(f"/v1/uploads/{r['id']}") for r in records]


def test_filters(library):
    api, records = library

    def ids(**query):
        return {r["id"] for r in pages(api, 3, **query)}

    def where(test):
        return {r["id"] for r in records if test(r)}

    assert ids(file_type="flac") == where(lambda r: r["file_type"] == "flac") != set()
    assert ids(status="uploaded") == where(lambda r: True)
    assert ids(status="failed") == set()
    assert ids(q="TAKE 3") == where(lambda r: "take 3" in r["original_filename"].lower()) != set()
    assert ids(q="%") == ids(q="_") == ids(q="\\") == set()
    assert ids(sha256=records[4]["checksum_sha256"]) == {records[4]["id"]}
    assert ids(sha256=records[4]["checksum_sha256"].upper()) == {records[4]["id"]}
    assert ids(sha256="0" * 64) == set()
    assert ids(q="take", file_type="flac") == set()
    middle = records[10]["uploaded_at"]
    assert ids(uploaded_after=middle) == where(lambda r: r["uploaded_at"] > middle)
    assert ids(uploaded_before=middle) == where(lambda r: r["uploaded_at"] < middle)
    tomorrow = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=1)
    assert ids(uploaded_after=tomorrow.isoformat()) == set()


@pytest.mark.parametrize("query", [
    {"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"limit": -1}, {"limit": ""}, {"sort": "name"},
    {"sort": "--duration"}, {"status": "gone"}, {"sha256": "12"}, {"sha256": "g" * 64},
    {"uploaded_after": "yesterday"}, {"page": 2}, {"limit": [1, 2]},
])
def test_bad_queries(library, query):
    api, _ = library
    expect_problem(api.get("/v1/uploads", params=query), 400, "invalid_request")


@pytest.mark.parametrize("path", ["/v1/uploads", "/v1/workspaces", "/v1/users", "/v1/tokens"])
@pytest.mark.parametrize("cursor", ["", "x", "e30", "////", "eyJzb3J0IjoxfQ", "A" * 3000])
def test_bad_cursors(library, path, cursor):
    api, _ = library
    expect_problem(api.get(path, params={"cursor": cursor}), 400, "invalid_cursor")


def test_cursor_of_another_order(library):
    api, _ = library
    cursor = api.get_json("/v1/uploads?limit=2&sort=file_size")["next_cursor"]
    answer = api.get("/v1/uploads", params={"limit": 2, "sort": "duration", "cursor": cursor})
    expect_problem(answer, 400, "invalid_cursor")


def test_pages_stand_still_while_uploads_arrive(server, api):
    records = [api.upload(audio.wav(seconds=0.05, seed=i)) for i in range(6)]
    first = api.get_json("/v1/uploads?limit=3")
    api.upload(audio.wav(seconds=0.05, seed=99))
    rest = api.get_json("/v1/uploads", params={"limit": 100, "cursor": first["next_cursor"]})
    assert [r["id"] for r in first["items"] + rest["items"]] == [
        r["id"] for r in reversed(records)]


FAR = 10_000  # UPLOAD_PAGE_LOOKS


@pytest.fixture(scope="module")
def many(tmp_path_factory, database):
    """More than two pages can look at, and the sorted ids of the three that are wanted."""
    with Server(tmp_path_factory.mktemp("many") / "data") as server:
        api = server.api()
        api.upload(audio.wav())
        with catalog_of(server) as catalog:
            catalog.copy_rows("audio_uploads", FAR + 500, id=catalog.made_id("n.i"), file_size="n.i % 977",
                              original_filename="'take ' || n.i")
            ids = [row[0] for row in catalog.rows(
                "SELECT CAST(id AS TEXT) FROM audio_uploads ORDER BY id LIMIT 3 OFFSET 4000")]
            catalog.execute("UPDATE audio_uploads SET original_filename = 'wanted', file_type = 'rare' "
                            "WHERE CAST(id AS TEXT) IN (?, ?, ?)", ids)
            catalog.execute("UPDATE audio_uploads SET status = 'failed' WHERE CAST(id AS TEXT) = ?", ids[-1:])
        yield api, ids


@pytest.mark.parametrize("sort", sorted(SORTS) + [f"-{name}" for name in sorted(SORTS)])
def test_few_among_many_are_found_in_several_pages(many, sort):
    """A page looks no farther than FAR uploads; the cursor goes on from there, and no row is passed over."""
    api, wanted = many
    page = api.get_json("/v1/uploads", params={"limit": 5, "sort": sort, "q": "none of them"})
    assert page["items"] == [] and page["next_cursor"]
    page = api.get_json("/v1/uploads", params={"limit": 5, "sort": sort, "q": "none of them",
                                               "cursor": page["next_cursor"]})
    assert page == {"items": [], "next_cursor": None}
    for query in ({"q": "WANTED"}, {"file_type": "rare"}, {"file_type": "rare", "q": "wanted"}):
        assert sorted(r["id"] for r in pages(api, 1, sort=sort, **query)) == wanted
    for query in ({"status": "failed"}, {"status": "failed", "q": "wanted"}):
        assert [r["id"] for r in pages(api, 5, sort=sort, **query)] == wanted[-1:]
    if sort.endswith("uploaded_at"):  # of one status, or between two times, there are few
        page = api.get_json("/v1/uploads", params={"limit": 5, "sort": sort, "status": "failed"})
        assert len(page["items"]) == 1 and page["next_cursor"] is None


def test_pages_of_large_records_are_shorter(server):
    """A page is bounded in bytes too, and the cursor leads on."""
    api = server.api()
    first = api.upload(audio.wav())
    notes = {"metadata": {"notes": "n" * 200_000}}
    assert api.patch(f"/v1/uploads/{first['id']}", json=notes).status_code == 200
    with catalog_of(server) as catalog:
        catalog.copy_rows("audio_uploads", 700, id=catalog.made_id("n.i"))
    seen, cursor = [], None
    while cursor or not seen:
        answer = api.get("/v1/uploads", params={"limit": 1000, "cursor": cursor})
        assert answer.status_code == 200, answer.text
        assert len(answer.content) < 20_000_000
        seen += [record["id"] for record in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
    assert len(seen) == len(set(seen)) == 701
