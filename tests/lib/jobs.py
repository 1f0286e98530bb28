"""Jobs over HTTP for tests: configuration with processors, leasing, ending."""
from server import wait_until

PROCESSORS = """[jobs]
retry_delay = 10ms
[processor "every"]
per = upload
max_retries = 0
[processor "each-chunk"]
per = chunk
"""


def configuration(folder, text=PROCESSORS):
    """The flags that make a server read TEXT."""
    path = folder / "jobs.conf"
    path.write_text(text)
    return ["--config", str(path)]


def ask(api, kind, upload_id, expect=201, **more):
    """The jobs made, or the problem."""
    query = {"workspace_id": more.pop("workspace_id")} if "workspace_id" in more else {}
    answer = api.post("/v1/jobs", params=query, json={"kind": kind, "upload_id": upload_id, **more})
    assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
    return answer.json()["items"] if expect == 201 else answer.json()


def lease(api, *kinds, **more):
    query = {"workspace_id": more.pop("workspace_id")} if "workspace_id" in more else {}
    answer = api.post("/v1/jobs/lease", params=query, json={"kinds": list(kinds), **more})
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return answer.json()["items"]


def lease_of(api, kind, upload_id, **more):
    """The lease of the upload's job of KIND; those of other uploads that come before are held, too."""
    while True:
        jobs = lease(api, kind, count=100, **more)
        assert jobs, f"no {kind} of {upload_id}"
        for job in jobs:
            if job["upload_id"] == upload_id:
                return job


def tell(api, job, verb, expect=200, **more):
    answer = api.post(f"/v1/jobs/{job['id']}/{verb}",
                      json={"lease_token": job["lease_token"], **more})
    assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
    return answer.json()


def analyze(api, record):
    """Waits until the upload is analyzed: the server must run jobs."""
    query = {"upload_id": record["id"], "kind": "analyze", "status": "completed"}
    wait_until(lambda: api.get("/v1/jobs", params=query).json()["items"], 60, "the analysis")


def cut(api, record):
    """Has the server cut the upload, and waits until it has: it must run jobs."""
    answer = api.post(f"/v1/uploads/{record['id']}/chunks")
    assert answer.status_code == 202, f"{answer.status_code} {answer.text}"
    job = f"/v1/jobs/{answer.json()['id']}"
    wait_until(lambda: api.get(job).json()["status"] == "completed", 60, "the chunks")
