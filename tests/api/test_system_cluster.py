"""Nodes on one PostgreSQL and one S3 store (Ceph RGW): an upload begun at one goes on at any other, and
whatever is killed or restarted, nothing that was acknowledged is lost.

AUDIOTRICKS_LONG=1 goes on for minutes, AUDIOTRICKS_SEED repeats a run's choices."""
import concurrent.futures
import hashlib
import time

import audio
import cluster as clusters
import pytest
from ceph_gateway import BUCKET, Rgw, is_there
from chunked import CHUNK, Upload
from cluster import Cluster
from cluster_load import Load
from server import SETTINGS, expect_problem, wait_until
from tus import Tus

pytestmark = [pytest.mark.databases("postgres"),
              pytest.mark.skipif(not is_there(), reason="no Ceph RADOS Gateway here")]
PATIENCE_S = 60
IS_LONG = SETTINGS["LONG"] == "1"
LOAD_S = 300 if IS_LONG else 12


@pytest.fixture(scope="module")
def rgw():
    with Rgw(durable=True) as running:
        yield running


@pytest.fixture(scope="module")
def cluster(rgw, database, tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster"), rgw, jobs=IS_LONG) as running:
        yield running


def staged(cluster, rgw):
    """The pieces of sessions that stand in the store."""
    listing = rgw.client().get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix=f"{cluster.folder.name}/staged/")
    return [each["Key"] for page in listing for each in page.get("Contents", [])]


def check_content(cluster, record_id, content):
    for node in range(len(cluster.nodes)):
        record = cluster.api(node).get_json(f"/v1/uploads/{record_id}")
        assert record["checksum_sha256"] == hashlib.sha256(content).hexdigest()
    assert cluster.api(0).get(f"/v1/uploads/{record_id}/content").content == content


def only(items, content):
    digest = hashlib.sha256(content).hexdigest()
    found, = [each for each in items if each["checksum_sha256"] == digest]
    return found


def tus_at(cluster, node):
    return Tus(cluster.nodes[node], cluster.token)


def test_an_append_goes_on_at_another_node(cluster, rgw):
    content = audio.wav_of_bytes(700_000, seed=1)
    path = tus_at(cluster, 0).begin(len(content))
    ends = [100_000, 100_001, 350_000, 600_000, len(content)]
    at = 0
    for turn, end in enumerate(ends):
        tus = tus_at(cluster, turn % 3)
        assert tus.offset(path) == at
        answer = tus.patch(path, at, content[at:end])
        assert answer.status == 204 and int(answer["Upload-Offset"]) == end, answer.text
        at = end
    record = only(cluster.api(0).get_json("/v1/uploads")["items"], content)
    check_content(cluster, record["id"], content)
    wait_until(lambda: not staged(cluster, rgw), PATIENCE_S, "the pieces to be cleared away")


def test_a_node_is_killed_and_the_upload_goes_on_elsewhere(cluster):
    content = audio.wav_of_bytes(500_000, seed=2)
    path = tus_at(cluster, 1).begin(len(content))
    assert tus_at(cluster, 1).patch(path, 0, content[:300_000]).status == 204
    cluster.nodes[1].kill()
    try:
        assert tus_at(cluster, 2).offset(path) == 300_000
        assert tus_at(cluster, 2).patch(path, 300_000, content[300_000:]).status == 204
    finally:
        cluster.nodes[1].start()
    check_content(cluster, only(cluster.api(0).get_json("/v1/uploads")["items"], content)["id"], content)


def test_chunks_come_to_all_nodes_at_once(cluster):
    content = audio.wav_of_bytes(6 * CHUNK + 1000, seed=3)
    upload = Upload(cluster.api(0), content)

    def put(index):
        api = cluster.api(index % 3)
        return api.put(f"{upload.url}/chunks/{index}", data=upload.chunk(index)).status_code

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert set(pool.map(put, range(1, upload.total))) == {200}
    # The same again, elsewhere, and other bytes in its place.
    again = cluster.api(1).put(f"{upload.url}/chunks/2", data=upload.chunk(2))
    assert again.status_code == 200, again.text
    other = bytes(len(upload.chunk(1)))
    expect_problem(cluster.api(2).put(f"{upload.url}/chunks/1", data=other), 409, "bytes_differ")
    assert put(0) == 200
    check_content(cluster, only(cluster.api(0).get_json("/v1/uploads")["items"], content)["id"], content)


def test_the_last_node_is_asked_by_all_to_finish(cluster):
    """Those who ask at once are all told of the one upload."""
    content = audio.wav_of_bytes(2 * CHUNK, seed=4)
    upload = Upload(cluster.api(1), content)
    upload.put_all([0])
    assert cluster.api(2).put(f"{upload.url}/chunks/1", data=upload.chunk(1)).status_code == 200
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda at: cluster.api(at % 3).post(f"{upload.url}/complete"), range(6)))
    assert {answer.status_code for answer in answers} <= {200, 201}, [a.text for a in answers]
    check_content(cluster, only(cluster.api(0).get_json("/v1/uploads")["items"], content)["id"], content)


def test_partials_of_several_nodes_are_joined(cluster):
    content = audio.wav_of_bytes(300_000, seed=5)
    paths = []
    for node, part in enumerate((content[:120_000], content[120_000:200_000], content[200_000:])):
        path = tus_at(cluster, node).begin(len(part), Upload_Concat="partial")
        half = len(part) // 2
        assert tus_at(cluster, node).patch(path, 0, part[:half]).status == 204
        assert tus_at(cluster, (node + 1) % 3).patch(path, half, part[half:]).status == 204
        paths.append(path)
    tus_at(cluster, 2).begin(Upload_Concat="final;" + " ".join(paths))
    found = wait_until(lambda: [each for each in cluster.api(0).get_json("/v1/uploads")["items"]
                                if each["file_size"] == len(content)], PATIENCE_S, "the final upload")
    check_content(cluster, found[0]["id"], content)


def test_what_is_cancelled_leaves_nothing(cluster, rgw):
    content = audio.wav_of_bytes(200_000, seed=6)
    path = tus_at(cluster, 0).begin(len(content))
    assert tus_at(cluster, 0).patch(path, 0, content[:50_000]).status == 204
    assert tus_at(cluster, 1).patch(path, 50_000, content[50_000:90_000]).status == 204
    assert tus_at(cluster, 2).delete(path).status == 204
    assert tus_at(cluster, 0).look(path).status == 404
    wait_until(lambda: not staged(cluster, rgw), PATIENCE_S, "the pieces to be cleared away")


def test_verify_sees_what_others_have(cluster):
    content = audio.wav_of_bytes(200_000, seed=7)
    path = tus_at(cluster, 0).begin(len(content))
    assert tus_at(cluster, 0).patch(path, 0, content[:50_000]).status == 204
    for node in cluster.nodes:
        node.verify()
    tus_at(cluster, 2).delete(path)


def test_without_shared_staging_an_upload_stays_where_it_was_begun(rgw, database, tmp_path):
    content = audio.wav_of_bytes(200_000, seed=8)
    with Cluster(tmp_path, rgw, count=2, flags=["--uploads-shared-staging=false"]) as pair:
        path = tus_at(pair, 0).begin(len(content))
        for at, end in ((0, 90_000), (90_000, len(content))):
            elsewhere = tus_at(pair, 1).patch(path, at, content[at:end])
            assert elsewhere.status == 503 and elsewhere["Retry-After"], elsewhere.text
            assert tus_at(pair, 1).offset(path) == at
            assert tus_at(pair, 0).patch(path, at, content[at:end]).status == 204
        assert staged(pair, rgw) == []
        check_content(pair, only(pair.api(0).get_json("/v1/uploads")["items"], content)["id"], content)
        pair.nodes[1].verify()


@pytest.mark.skipif(not clusters.NGINX, reason="nginx is not installed")
def test_behind_nginx_a_node_may_die(cluster):
    cluster.start_nginx()
    try:
        with Load(cluster, SETTINGS["SEED"]) as load:
            load.wait_for_progress()
            cluster.nodes[0].kill()
            load.wait_for_progress()
            cluster.nodes[0].start()
            load.wait_for_progress()
    finally:
        cluster.stop_front()
    print(f"seed {load.seed}: done {dict(load.done)}")
    load.check()
    cluster.nodes[2].verify()


@pytest.mark.skipif(not clusters.HAPROXY, reason="haproxy is not installed")
def test_whatever_dies_nothing_is_lost(cluster, rgw, postgres_server):
    cluster.start_haproxy()
    with Load(cluster, SETTINGS["SEED"]) as load:
        end = time.monotonic() + LOAD_S
        killed = {"node": 0, "postgres": 0, "rgw": 0}
        load.wait_for_progress()
        while time.monotonic() < end or not all(killed.values()):
            what = load.rng.choice(["node", "node", "node", "postgres", "rgw"])
            if what != "node" and killed[what] and not IS_LONG:
                what = "node"
            killed[what] += 1
            if what == "node":
                node = load.rng.choice(cluster.nodes)
                node.kill()
                load.rest(2)
                node.start()
            elif what == "postgres":
                postgres_server.stop()
                load.rest(1)
                postgres_server.start()
            else:
                rgw.kill()
                load.rest(1)
                rgw.start()
            load.wait_for_progress()
    print(f"seed {load.seed}: killed {killed}, done {dict(load.done)}")
    assert not IS_LONG or set(load.done) == {"upload", "form", "tus", "draft", "chunked", "job", "removed"}
    load.check()
    for node in cluster.nodes:
        node.verify()
