"""What the server makes of uploads by itself, over HTTP: the end of it, jobs, chunks, waveforms."""
import io
import json
import subprocess
import wave

from server import wait_until

DONE = ("completed", "failed")


def jobs_of(api, record):
    """Its jobs by kind."""
    answer = api.get("/v1/jobs", params={"upload_id": record["id"], "limit": 100})
    assert answer.status_code == 200, answer.text
    return {job["kind"]: job for job in answer.json()["items"]}


def processed(api, content, name):
    """The record once its processing has ended."""
    answer = api.post("/v1/uploads", params={"filename": name}, data=content)
    assert answer.status_code == 201, answer.text
    path = f"/v1/uploads/{answer.json()['id']}"
    wait_until(lambda: api.get(path).json()["status"] in DONE, 60, "the end of processing")
    return api.get(path).json()


def jobs_made(api, record, kind):
    query = {"upload_id": record["id"], "kind": kind, "limit": 100}
    return api.get("/v1/jobs", params=query).json()["items"]


def chunks_of(api, record):
    items, cursor = [], None
    while True:
        query = {"limit": 100, **({"cursor": cursor} if cursor else {})}
        page = api.get(f"/v1/uploads/{record['id']}/chunks", params=query).json()
        items += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            return items


def content_of(api, chunk, expect=200, **options):
    answer = api.get(f"/v1/uploads/{chunk['upload_id']}/chunks/{chunk['chunk_index']}/content", **options)
    assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
    return answer


def samples(content):
    with wave.open(io.BytesIO(content)) as file:
        return file.getparams()[:3], file.readframes(file.getnframes())


def joined(api, chunks):
    """The samples of all, one behind the other."""
    parts = [samples(content_of(api, chunk).content) for chunk in chunks]
    assert len({form for form, _ in parts}) == 1
    return parts[0][0], b"".join(part for _, part in parts)


def decoded(path, *arguments):
    """What ffmpeg makes of the whole."""
    return subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", str(path), *arguments, "-f",
                           "s16le", "-"], check=True, capture_output=True).stdout


def cut(api, record, expect="completed", **options):
    """The job that cut the upload anew, once it has ended."""
    answer = api.post(f"/v1/uploads/{record['id']}/chunks", json=options)
    assert answer.status_code == 202, answer.text
    path = f"/v1/jobs/{answer.json()['id']}"
    wait_until(lambda: api.get(path).json()["status"] in DONE, 60, "the end of cutting")
    job = api.get(path).json()
    assert job["status"] == expect, job
    return job


def adds_up(server):
    """What verify counts, once it has nothing to say."""
    done = server.cli("verify", "--data", server.data, "--stores", "--content", "--json", check=False)
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report["ok"], report
    return report["totals"]
