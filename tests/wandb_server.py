"""A stand-in for a server of Weights & Biases: what its public client asks for, answered from what the server holds.

It holds what offline folders say, or what ``wandb_receiver`` took from a run.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import wandb_file

CREATED = "2026-01-31T12:00:00"


class Server(ThreadingHTTPServer):
    """Holds the runs of one project by their identifier: what the offline folders of ``runs`` say."""

    handler: type["Handler"]

    def __init__(self, runs: dict[str, Path]) -> None:
        super().__init__(("127.0.0.1", 0), self.handler)
        self.runs = {name: kept(folder) for name, folder in runs.items()}
        self.asked: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def kept(folder: Path) -> dict:
    """Config, summary, history and files of the offline run below a folder."""
    config, history = wandb_file.read(folder)
    files = {
        file.relative_to(inner).as_posix(): file.read_bytes()
        for inner in folder.rglob("files")
        for file in inner.rglob("*.json")
    }
    return {"config": config, "summary": wandb_file.summary(folder), "history": history, "files": files,
            "name": wandb_file.display_name(folder)}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/graphql":
            self.send_error(404)
            return
        body = json.loads(content)
        self.server.asked.append(body["query"])
        self.answer(json.dumps({"data": self.data(body["query"], body.get("variables") or {})}).encode())

    def do_GET(self):
        name, _, file = self.path.removeprefix("/file/").partition("/")
        if name not in self.server.runs or file not in self.server.runs[name]["files"]:
            self.send_error(404)
            return
        self.answer(self.server.runs[name]["files"][file])

    def answer(self, content: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def data(self, query: str, variables: dict) -> dict:
        run = self.server.runs.get(variables.get("name"))
        if "history(samples" in query:
            rows = run["history"]
            assert variables["samples"] >= len(rows)
            return {"project": {"run": {"history": [json.dumps(row) for row in rows]}}}
        if "files(" in query or "files (" in query:
            names = variables.get("fileNames") or variables.get("names") or []
            nodes = [{"node": self.file(variables["name"], name), "cursor": name} for name in names]
            page = {"endCursor": None, "hasNextPage": False}
            return {
                "project": {
                    "internalId": "1",
                    "run": {"fileCount": len(nodes), "files": {"edges": nodes, "pageInfo": page}},
                }
            }
        if "runs(" in query:
            edges = [{"node": self.node(name), "cursor": name} for name in self.server.runs]
            page = {"endCursor": None, "hasNextPage": False}
            return {"project": {"internalId": "1", "runCount": len(edges), "readOnly": False,
                                "runs": {"edges": edges, "pageInfo": page}}}  # fmt: skip
        if "run(name" in query:
            return {"project": {"internalId": "1", "run": self.node(variables["name"])}}
        if "viewer" in query:
            return {
                "viewer": {"id": "1", "entity": "team", "username": "somebody", "flags": "{}", "teams": {"edges": []}}
            }
        return {}

    def file(self, run: str, name: str) -> dict:
        url = f"{self.server.address}/file/{run}/{name}"
        return {
            "id": name, "name": name, "sizeBytes": 1, "mimetype": "application/json", "md5": "", "digest": "",
            "updatedAt": CREATED, "url": url, "directUrl": url,
        }  # fmt: skip

    def node(self, name: str) -> dict | None:
        if name not in self.server.runs:
            return None
        run = self.server.runs[name]
        config = {key: {"value": value, "desc": None} for key, value in run["config"].items()}
        return {
            "id": f"id-{name}", "name": name, "displayName": run["name"], "projectId": 1,
            "state": "finished", "tags": [],
            "sweepName": None, "jobType": None, "commit": None, "readOnly": False, "createdAt": CREATED,
            "heartbeatAt": CREATED, "description": "", "notes": "", "systemMetrics": "{}", "group": None,
            "config": json.dumps(config), "summaryMetrics": json.dumps(run["summary"]),
            "historyLineCount": len(run["history"]),
            "historyKeys": {"lastStep": run["history"][-1]["_step"] if run["history"] else -1, "keys": {}},
            "user": {"name": "somebody", "username": "somebody"}, "host": "here",
        }  # fmt: skip

    def log_message(self, *ignored):
        pass


Server.handler = Handler
