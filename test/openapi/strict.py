"""What is wrong with an OpenAPI 3.1 document: the rules that generators of clients stumble over, as sentences. It needs
nothing but Python; where Node.js is new enough a linter looks as well (test_master_api.py)."""
import re

import jsonschema

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
OPERATION = {"operationId", "tags", "summary", "description", "parameters", "requestBody", "responses", "security"}
PARAMETER = {"name", "in", "description", "required", "schema", "example"}


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from references(item)


def resolve(document, reference):
    value = document
    for name in reference.removeprefix("#/").split("/"):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def of_whole(document):
    if not re.fullmatch(r"3\.1\.\d+", document.get("openapi", "")):
        yield "openapi is no 3.1"
    for name in ("title", "version", "license"):
        if not document["info"].get(name):
            yield f"info has no {name}"
    if not document.get("servers"):
        yield "it has no servers"
    used = set(references(document))
    for reference in sorted(used):
        if not reference.startswith("#/") or resolve(document, reference) is None:
            yield f"{reference} leads nowhere"
    for kind in ("schemas", "responses"):
        for name in document["components"][kind]:
            if f"#/components/{kind}/{name}" not in used:
                yield f"nobody uses components/{kind}/{name}"
    for schema in document["components"]["schemas"].values():
        yield from of_schema(schema, "components/schemas")


def of_schema(schema, where):
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        yield f"{where}: {error.message}"


def of_paths(paths):
    seen = {}
    for path in paths:
        plain = re.sub(r"{\w+}", "{}", path)
        if not path.startswith("/") or path.endswith("/") or "?" in path or "//" in path:
            yield f"{path} is no path"
        if plain in seen:
            yield f"{path} and {seen[plain]} are the same"
        seen[plain] = path


def of_parameters(operation, path, where):
    keys = [(p["in"], p["name"]) for p in operation.get("parameters", [])]
    if len(keys) != len(set(keys)):
        yield f"{where} has a parameter twice"
    if {name for kind, name in keys if kind == "path"} != set(re.findall(r"{(\w+)}", path)):
        yield f"{where}: its path has other parameters"
    for p in operation.get("parameters", []):
        at = f"{where} {p['name']}"
        if set(p) - PARAMETER or p["in"] not in ("path", "query", "header", "cookie"):
            yield f"{at} has what no parameter has: {p}"
        if p["in"] == "path" and p.get("required") is not True:
            yield f"{at} is of the path and not required"
        if p["in"] == "header" and p["name"].lower() in ("accept", "content-type", "authorization"):
            yield f"{at} would be ignored"
        if not p.get("description"):
            yield f"{at} is not described"
        yield from of_schema(p.get("schema", {"type": "missing"}), at)


def of_content(document, owner, where):
    for kind, media in owner.get("content", {}).items():
        if not re.fullmatch(r"[\w.+*-]+/[\w.+*-]+", kind) or set(media) - {"schema", "example"}:
            yield f"{where}: {kind} {set(media)}"
        yield from of_schema(media["schema"], f"{where} {kind}")
        if "example" in media:
            try:
                jsonschema.validate(media["example"], {**media["schema"], "components": document["components"]})
            except jsonschema.ValidationError as error:
                yield f"{where}: its example is none: {error.message}"


def of_operation(document, method, path, operation):
    where = f"{method.upper()} {path}"
    for name in set(operation) - OPERATION:
        if not name.startswith("x-"):
            yield f"{where} has a {name}"
    if not re.fullmatch(r"[A-Za-z]\w*", operation.get("operationId", "")):
        yield f"{where} has no operationId that could be a name"
    if not operation.get("summary") or operation["summary"].endswith("."):
        yield f"{where} has no summary, or one with a full stop"
    if not set(operation["tags"]) <= {tag["name"] for tag in document["tags"]}:
        yield f"{where} has a tag that is not described"
    for scheme in operation.get("security", []):
        if not set(scheme) <= set(document["components"]["securitySchemes"]):
            yield f"{where} has security that is not described"
    if "requestBody" in operation and method in ("get", "head", "delete"):
        yield f"{where} has a body"
    yield from of_parameters(operation, path, where)
    yield from of_content(document, operation.get("requestBody", {}), where)
    yield from of_answers(document, operation["responses"], where)


def of_answers(document, answers, where):
    if not any(status.startswith("2") for status in answers):
        yield f"{where} has no success"
    if not any(status == "default" or status.startswith("4") for status in answers):
        yield f"{where} has no failure"
    for status, answer in answers.items():
        if not re.fullmatch(r"[1-5](\d\d|XX)|default", status):
            yield f"{where}: {status} is no status"
        if "$ref" not in answer and not answer.get("description"):
            yield f"{where} {status} is not described"
        yield from of_content(document, answer, f"{where} {status}")


def faults(document):
    yield from of_whole(document)
    yield from of_paths(document["paths"])
    names = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if method not in METHODS:
                yield f"{path} has a method {method}"
                continue
            names.append(operation.get("operationId"))
            yield from of_operation(document, method, path, operation)
    yield from (f"the operationId {name} comes twice" for name in set(names) if names.count(name) > 1)
