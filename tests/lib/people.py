"""Workspaces, users and tokens for tests."""
import itertools

ROLES = ("reader", "writer", "admin", "operator")
_numbers = itertools.count(1)


def make_workspace(api, name=None, **quota):
    """A new workspace's record; api is an operator's."""
    body = {"name": name or f"workspace {next(_numbers)}"}
    if quota:
        body["quota"] = quota
    answer = api.post("/v1/workspaces", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def default_workspace(api):
    return next(w for w in api.get_json("/v1/workspaces")["items"] if w["name"] == "default")


def make_user(api, workspace_id=None, name=None):
    """A new user's record."""
    query = {"workspace_id": workspace_id} if workspace_id else {}
    answer = api.post("/v1/users", params=query, json={"name": name or f"user {next(_numbers)}"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def make_token(api, role, workspace_id=None, **more):
    """The whole answer for a new token of ROLE."""
    query = {"workspace_id": workspace_id} if workspace_id else {}
    answer = api.post("/v1/tokens", params=query, json={"role": role, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()


def member(server, role, workspace_id=None):
    """An Api of somebody with ROLE in the workspace."""
    if role == "operator":
        return server.api()
    operator = server.api()
    workspace_id = workspace_id or default_workspace(operator)["id"]
    return server.api(make_token(operator, role, workspace_id)["token"])


def webhook_ids(api, workspace_id, with_delivery):
    """The id of a new webhook of the workspace, which leads nowhere, and of a delivery of it."""
    query = {"workspace_id": workspace_id}
    answer = api.post("/v1/webhooks", params=query, json={"url": "https://hooks.invalid/"})
    if answer.status_code == 409:  # there are as many as there may be
        for one in api.get_json("/v1/webhooks", params=query)["items"]:
            assert api.delete(f"/v1/webhooks/{one['id']}", params=query).status_code == 204
        return webhook_ids(api, workspace_id, with_delivery)
    assert answer.status_code == 201, answer.text
    ids = {"id": answer.json()["id"]}
    if with_delivery:
        answer = api.post(f"/v1/webhooks/{ids['id']}/test", params=query)
        assert answer.status_code == 202, answer.text
        ids["delivery_id"] = answer.json()["id"]
    return ids
