"""Reads the document that the server gives of itself."""
import functools
import json
import pathlib
import re

METHODS = ("get", "head", "put", "post", "patch", "delete", "options")
PATH = pathlib.Path(__file__).resolve().parents[2] / "src/api/openapi.json"


def load():
    return json.loads(PATH.read_text())


class Document:
    def __init__(self, document):
        self.document = document

    def resolve(self, node):
        """The node, or what its $ref points at (siblings of $ref win)."""
        while isinstance(node, dict) and "$ref" in node:
            target = self.document
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def operations(self):
        """(method, path, operation) of each."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if method in METHODS:
                    yield method, path, operation

    def parameters(self, operation):
        return [self.resolve(p) for p in operation.get("parameters", [])]

    def responses(self, operation):
        return {status: self.resolve(r) for status, r in operation["responses"].items()}

    def codes(self, operation, with_default=True):
        """{(status, code)} of every problem that the operation may answer."""
        found = set()
        for status, response in self.responses(operation).items():
            if status == "default" and not with_default:
                continue
            codes = response.get("x-codes", [])
            for kind, content in response.get("content", {}).items():
                if kind == "application/problem+json":
                    codes = content["schema"]["properties"]["code"]["enum"]
            found |= {(status, code) for code in codes}
        return found

    def schema(self, name):
        """A schema that a validator can use by itself."""
        return {"$ref": f"#/components/schemas/{name}", "components": self.document["components"]}


@functools.lru_cache(maxsize=1)
def _routes():
    document = Document(load())
    return document, [
        (method.upper(), re.compile("".join(
            "(.+)" if part == "{storage_path}" else "([^/]+)" if part.startswith("{") else
            re.escape(part) for part in re.split(r"(\{\w+\})", path))), path, operation)
        for method, path, operation in document.operations()]


def assert_documented(method, path, answer):
    """An answer's status and code must be among those that the document lists for its route."""
    document, routes = _routes()
    method, path = method.upper(), path.split("?")[0]
    for route_method, pattern, template, operation in routes:
        if route_method == method and pattern.fullmatch(path):
            break
    else:
        return
    status, code = str(answer.status_code), None
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        code = answer.json()["code"] if answer.content else None
    if code:
        known = document.codes(operation)
        assert (status, code) in known or ("default", code) in known, (
            f"openapi.json lists no {status} {code} for {method} {template}")
    else:
        assert status in operation["responses"], (
            f"openapi.json lists no {status} for {method} {template}")
