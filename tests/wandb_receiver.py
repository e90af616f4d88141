"""The other half of the stand-in: takes what W&B's own process sends of a run, by GraphQL, file streams and uploads.

The questions are those in the client's program wandb-core, and the answers the fewest that it is content with.
"""

import base64
import gzip
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, unquote

from wandb_server import CREATED, Handler, Server

FOLDER = "/upload/"
# Whose a run is where it does not say.
ENTITY, PROJECT = "team", "zoo"


class Receiver(Server):
    """Keeps runs by their identifier, artifacts by theirs, and every operation that was asked for, in order.

    A run is what ``wandb_server.kept`` makes of a folder, and more; of an artifact there are its type, name, metadata,
    the run that made or used it, and its files.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__({})
        self.lock = threading.Lock()
        self.artifacts: dict[str, dict] = {}
        self.uploads: dict[str, bytes] = {}
        self.reports: list[dict] = []
        self.operations: list[str] = []
        self.unknown: list[str] = []

    def run(self, name: str) -> dict:
        return self.runs.setdefault(
            name,
            {"config": {}, "summary": {}, "history": [], "lines": {}, "files": {}, "name": name, "complete": False,
             "exitcode": None},
        )  # fmt: skip

    @property
    def made(self) -> dict[str, dict]:
        """The artifacts that are complete, by type; those of tables are many."""
        found = [artifact for artifact in self.artifacts.values() if artifact["state"] == "COMMITTED"]
        return {artifact["type"]: artifact for artifact in found if artifact["type"] != "run_table"}

    def files_of(self, artifact: dict) -> dict[str, bytes]:
        """The files of an artifact by their path in it, as its manifest says."""
        return {path: self.uploads[entry["digest"]] for path, entry in artifact["manifest"]["contents"].items()}


@contextmanager
def receiving(monkeypatch) -> Iterator[Receiver]:
    """A server that takes runs, for the processes that a test starts and for what it reads itself."""
    with Receiver() as server:
        for name, value in {"WANDB_BASE_URL": server.address, "WANDB_API_KEY": "a" * 40, "no_proxy": "*"}.items():
            monkeypatch.setenv(name, value)
        # W&B in other processes is not to be that of this one.
        for name in ("WANDB_SERVICE", "WANDB_MODE"):
            monkeypatch.delenv(name, raising=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
    assert server.unknown == []


class ReceivingHandler(Handler):
    def do_POST(self):
        if found := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
            content = self.rfile.read(int(self.headers["Content-Length"]))
            body = json.loads(gzip.decompress(content) if self.headers["Content-Encoding"] == "gzip" else content)
            with self.server.lock:
                self.take_stream(self.server.run(unquote(found[1])), body)
            self.answer(b"{}")
        else:
            super().do_POST()

    def do_PUT(self):
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind, _, rest = self.path.removeprefix(FOLDER).partition("/")
        with self.server.lock:
            if kind == "run":
                name, _, file = rest.partition("/")
                self.server.run(name)["files"][unquote(file)] = content
            elif kind == "manifest":
                self.server.artifacts[rest]["manifest"] = json.loads(content)
            else:
                digest = base64.b64encode(hashlib.md5(content).digest()).decode()
                assert digest == unquote(rest)
                self.server.uploads[digest] = content
        self.answer(b"")

    def take_stream(self, run: dict, body: dict) -> None:
        """Lines at their place, as the server keeps them: what comes again replaces what was there."""
        for file, part in (body.get("files") or {}).items():
            lines = run["lines"].setdefault(file, [])
            lines[part["offset"] :] = part["content"]
        if "complete" in body:
            run["complete"], run["exitcode"] = body["complete"], body.get("exitcode")
        run["history"] = [json.loads(line) for line in run["lines"].get("wandb-history.jsonl", [])]
        if summary := run["lines"].get("wandb-summary.json"):
            run["summary"] = json.loads(summary[-1])

    def data(self, query: str, variables: dict) -> dict:
        operation = re.search(r"(?:query|mutation)\s+(\w+)", query)
        name = operation[1] if operation else ""
        self.server.operations.append(name)
        with self.server.lock:
            if taken := getattr(self, f"on_{name}", None):
                return taken(variables)
            if "mutation" in query or not (answer := super().data(query, variables)):
                self.server.unknown.append(query)
                return {}
            return answer

    def on_ServerFeaturesQuery(self, _: dict) -> dict:
        return {"serverInfo": {"features": []}}

    def on_XXHashDigestsEnabled(self, _: dict) -> dict:
        return {"entity": {"xxhashDigestsEnabled": False}}

    def on_OrganizationCoreWeaveOrganizationID(self, _: dict) -> dict:
        return {"entity": None}

    def on_ArtifactType(self, _: dict) -> dict:
        # No artifact has the name yet.
        return {"project": {"artifact": None}}

    def on_FetchArtifactDigestAlgorithm(self, _: dict) -> dict:
        return {"project": None}

    def on_RunResumeStatus(self, said: dict) -> dict:
        project = {
            "id": "p",
            "name": said["project"],
            "entity": {"id": "e", "name": said["entity"] or ENTITY},
            "bucket": None,
        }
        if run := self.server.runs.get(said["name"]):
            tail = run["lines"].get("wandb-history.jsonl", [])[-1:]
            project["bucket"] = {
                "id": said["name"], "name": said["name"], "displayName": run["name"], "tags": [], "notes": "",
                "summaryMetrics": json.dumps(run["summary"]), "historyTail": json.dumps(tail), "eventsTail": "[]",
                "historyLineCount": len(run["history"]), "logLineCount": 0, "config": self.told_config(run),
                "eventsLineCount": len(run["lines"].get("wandb-events.jsonl", [])), "wandbConfig": '{"t": 1}',
            }  # fmt: skip
        return {"model": project}

    def on_UpsertBucket(self, said: dict) -> dict:
        # The client names a run by its identifier at first, and then by the server's.
        name = said.get("name") or said["id"]
        is_new = name not in self.server.runs
        run = self.server.run(name)
        if config := said.get("config"):
            values = {key: value["value"] for key, value in json.loads(config).items()}
            run["config"] = values
        for key in ("groupName", "jobType", "tags", "notes", "commit", "program"):
            if said.get(key):
                run[key] = said[key]
        run["name"] = said.get("displayName") or run["name"]
        project = {
            "id": "p",
            "name": said.get("project") or "zoo",
            "entity": {"id": "e", "name": said.get("entity") or ENTITY},
        }
        bucket = {
            "id": name, "name": name, "displayName": run["name"], "description": "", "config": self.told_config(run),
            "sweepName": None, "project": project, "historyLineCount": len(run["history"]),
        }  # fmt: skip
        return {"upsertBucket": {"bucket": bucket, "inserted": is_new}}

    def told_config(self, run: dict) -> str:
        return json.dumps({key: {"value": value} for key, value in run["config"].items()})

    def on_CreateRunFiles(self, said: dict) -> dict:
        files = [
            {"name": file, "uploadUrl": f"{self.server.address}{FOLDER}run/{said['run']}/{quote(file)}"}
            for file in said["files"]
        ]
        return {"createRunFiles": {"runID": said["run"], "uploadHeaders": [], "files": files}}

    def on_MarkRunFilesUploaded(self, _: dict) -> dict:
        return {"markRunFilesUploaded": {"success": True}}

    def on_CreateArtifact(self, said: dict) -> dict:
        told = said["input"]
        number = f"artifact{len(self.server.artifacts)}"
        self.server.artifacts[number] = {
            "type": told["artifactTypeName"], "name": told["artifactCollectionName"],
            "metadata": json.loads(told.get("metadata") or "{}"), "run": told.get("runName"), "state": "PENDING",
            "used_by": [], "manifest": None,
        }  # fmt: skip
        return {
            "createArtifact": {
                "artifact": {"id": number, "state": "PENDING", "artifactSequence": {"latestArtifact": None}}
            }
        }

    def on_CreateArtifactManifest(self, said: dict) -> dict:
        return {"createArtifactManifest": self.manifest(said["artifactID"])}

    def on_UpdateArtifactManifest(self, said: dict) -> dict:
        return {"updateArtifactManifest": self.manifest(said["artifactManifestID"])}

    def manifest(self, artifact: str) -> dict:
        url = f"{self.server.address}{FOLDER}manifest/{artifact}"
        return {"artifactManifest": {"id": artifact, "file": {"id": "f", "uploadUrl": url, "uploadHeaders": []}}}

    def on_CreateArtifactFiles(self, said: dict) -> dict:
        edges = []
        for file in said["input"]["artifactFiles"]:
            url = f"{self.server.address}{FOLDER}content/{quote(file['md5'], safe='')}"
            known = file["md5"] in self.server.uploads
            node = {
                "storagePath": file["name"], "uploadUrl": None if known else url, "uploadHeaders": [],
                "uploadMultipartUrls": None, "artifact": {"id": file["artifactID"]},
            }  # fmt: skip
            edges.append({"node": node})
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def on_CommitArtifact(self, said: dict) -> dict:
        self.server.artifacts[said["artifactID"]]["state"] = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": said["artifactID"], "digest": "0"}}}

    def on_GetProjects(self, said: dict) -> dict:
        node = {
            "id": "p",
            "name": PROJECT,
            "entityName": ENTITY,
            "createdAt": CREATED,
            "isBenchmark": False,
            "user": None,
        }
        page = {"endCursor": None, "hasNextPage": False}
        return {"models": {"edges": [{"node": node, "cursor": "p"}], "pageInfo": page}}

    def on_ProjectInternalId(self, _: dict) -> dict:
        return {"project": {"id": "p", "internalId": "1"}}

    def on_upsertView(self, said: dict) -> dict:
        self.server.reports.append(said | {"spec": json.loads(said["spec"])})
        project = {"id": "p", "name": said["projectName"], "entityName": said["entityName"]}
        kept = {key: said[key] for key in ("type", "name", "displayName", "description", "spec")}
        view = kept | {"id": "VmlldzoxMjM=", "project": project, "updatedAt": CREATED}
        return {"upsertView": {"view": view, "inserted": True}}

    def on_UseArtifact(self, said: dict) -> dict:
        told = said["input"]
        self.server.artifacts[told["artifactID"]]["used_by"].append(told["runName"])
        return {"useArtifact": {"artifact": {"id": told["artifactID"]}}}


Receiver.handler = ReceivingHandler
