"""Writes roles/api_schemas.json: the schemas of the master's JSON API, of the golden shapes of --json (test/e2e/golden) and what
the API adds; and roles/worker_schemas.json, those of the worker's. `python3 test/openapi/schemas.py` after a shape has changed;
test_master_api.py and test_worker_page.py say when that was forgotten."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BASE = {"text": {"type": "string"}, "int": {"type": "integer"}, "number": {"type": "number"}, "bool": {"type": "boolean"},
        "time": {"type": "string", "format": "date-time"}}


def golden(name):
    return json.loads((ROOT / f"test/e2e/golden/{name}.json").read_text())


def schema(shape):
    if isinstance(shape, str):
        made = dict(BASE[shape.rstrip("?")])
        if shape.endswith("?"):
            made["type"] = [made["type"], "null"]
        return made
    if isinstance(shape, list) and len(shape) == 2 and shape[1] == "?":
        made = schema(shape[0])
        return {"anyOf": [made, {"type": "null"}]} if "$ref" in made else {**made, "type": [made["type"], "null"]}
    if isinstance(shape, list):
        return {"type": "array", "items": schema(shape[0])}
    if set(shape) == {"*"}:
        return {"type": "object", "additionalProperties": schema(shape["*"])}
    if set(shape) == {"$ref"}:
        return {"$ref": "#/components/schemas/" + shape["$ref"]}
    return {"type": "object", "additionalProperties": False, "required": list(shape),
            "properties": {name: schema(value) for name, value in shape.items()}}


def ref(name):
    return {"$ref": name}


def document(**members):
    return {"v": "int", **members}


def row(shape):
    """The same within a list: without its version."""
    return {name: value for name, value in shape.items() if name != "v"}


def shapes():
    task, submit, session, token = golden("task"), golden("submit"), golden("session"), golden("token")
    worker, project = golden("workers")["workers"][0], golden("project")
    whole = task | {"spec": [ref("Spec"), "?"], "bundle": [ref("Blob"), "?"], "result": [ref("Blob"), "?"]}
    return {
        "Spec": task["spec"][0],
        "Blob": task["bundle"][0],
        "Task": whole,
        "TaskRow": row(whole),
        "TaskList": document(tasks=[ref("TaskRow")], next="text?"),
        "Submitted": submit | {"bundle": submit["bundle"] | {"files": "int?"}},
        "Removed": golden("rm"),
        "Explanation": document(id="text", state="text", sentence="text", reason="text?",
                                workers=[{"id": "text", "name": "text", "fits": "bool", "reason": "text?"}]),
        "AttemptList": document(attempts=[{
            "attempt": "int", "worker": task["worker"], "assigned": "time?", "started": "time?", "exited": "time?", "ended": "time?",
            "durations": {name: "number?" for name in ("staged", "ran", "collected")}, "state": "text", "reason": "text?"}]),
        "Cost": document(id="text", reserved_cpt="text", spent_cpt="text", start_cpt="text", rate_cpt="text",
                         lines=golden("statement")["lines"], next="text?"),
        "FileList": document(id="text", sha256="text", bytes="int",
                             files=[{"path": "text", "bytes": "int", "executable": "bool"}]),
        "Bundle": document(sha256="text", bytes="int", offset="int", complete="bool"),
        "Checked": document(task=ref("Spec")),
        "Quote": golden("quote"),
        "Worker": document(**worker),
        "WorkerRow": worker,
        "WorkerList": document(workers=[ref("WorkerRow")]),
        "Who": session["account"],
        "Session": document(pool="text", signed_in="bool", account=[ref("Who"), "?"], expires="time?"),
        "Account": session | {"account": ref("Who"), "expires": "time?"},
        "Balance": golden("balance"),
        "Statement": golden("statement") | {"next": "text?"},
        "Earnings": golden("earnings") | {"next": "text?"},
        "Transfer": golden("transfer"),
        "Price": golden("price"),
        "Project": project,
        "ProjectRow": row(project),
        "ProjectList": document(projects=[ref("ProjectRow")], next="text?"),
        "Claim": document(publish="text?", at="text?", project=ref("ProjectRow")),
        "TokenRow": token["token"],
        "TokenList": document(tokens=[ref("TokenRow")]),
        "NewToken": document(secret="text", token=ref("TokenRow")),
        "Revoked": golden("revoked"),
        "Series": document(name="text", unit="text", step="int", **{"from": "time?"}, values=["number?"]),
        "Info": golden("info"),
        "Health": document(master="text", version="text", pool="text", reason="text?"),
    }


def worker_shapes():
    share = {"most": "number", "lent": "number", "reserved": "number", "used": "number"}
    part = {"reserved": "number", "used": "number"}
    most = {"cpus": "number", "memory": "int", "disk": "int", "max_tasks": "int"}
    return {
        "Session": document(signed_in="bool"),
        "Status": document(
            id="text", name="text", version="text", pool="text", linked="bool", state="text", reason="text?", snooze_until="time?",
            cpus=share, memory=share, disk=share, tasks=[ref("Task")], surroundings={"on_mains": "bool", "in_use": "bool"},
            today={"completed": "int", "others": "int", "ran": "number"},
            earnings=[{"settled_cpt": "text", "pending_cpt": "text"}, "?"],
            engine={"kind": "text?", "version": "text?", "error": "text?", "fix": "text?"},
            safety={"canary": "text", "text": "text?", "fix": "text?", "settings": [{"name": "text", "set": "bool"}]}),
        "Task": {"task": "text", "attempt": "int", "name": "text", "image": "text?", "phase": "text", "detail": "text?",
                 "since": "time?", "done": "int", "total": "int", "time_limit": "number", "cpus": part, "memory": part, "disk": part},
        "History": document(history=[{
            "task": "text", "attempt": "int", "name": "text?", "result": "text", "reason": "text?", "ended": "time?", "ran": "number",
            "cpu": "number", "peak_memory": "int"}]),
        "Earnings": document(known="bool", error="text?", at="time?", settled_cpt="text", pending_cpt="text",
                             tasks=[{"task": "text", "pending_cpt": "text"}]),
        "Series": document(name="text", step="int", **{"from": "time?"}, values=["number?"]),
        "Policy": document(**most, only_idle="bool", only_mains="bool", hours=["text"], images=["text"], paused="bool",
                           snooze_until="time?", most=most, has_battery="bool", reason="text?"),
        "Findings": document(ok="bool", checks=[{"name": "text", "verdict": "text", "text": "text", "fix": "text?"}]),
        "Health": document(worker="text", linked="bool", ready="bool"),
    }


PROBLEM = {"type": "object", "required": ["type", "title", "status", "detail"],
           "properties": {name: {"type": "integer" if name == "status" else "string"} for name in (
               "type", "title", "status", "code", "detail", "instance", "hint", "request_id")}}


def schemas(shapes=shapes):
    return {name: schema(shape) for name, shape in shapes().items()} | {"Problem": PROBLEM}


def files():
    return {ROOT / "roles/api_schemas.json": schemas(), ROOT / "roles/worker_schemas.json": schemas(worker_shapes)}


def text(value, indent=0):
    """JSON with what is short on one line."""
    flat = json.dumps(value)
    if len(flat) + indent < 110 or not isinstance(value, (dict, list)):
        return flat
    pad, end = " " * (indent + 1), " " * indent
    if isinstance(value, dict):
        return "{\n" + ",\n".join(f"{pad}{json.dumps(k)}: {text(v, indent + 1)}" for k, v in value.items()) + "\n" + end + "}"
    return "[\n" + ",\n".join(pad + text(v, indent + 1) for v in value) + "\n" + end + "]"


if __name__ == "__main__":
    for file, found in files().items():
        file.write_text(text(found) + "\n")
