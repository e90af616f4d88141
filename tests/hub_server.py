"""As much of Hugging Face's hub as its client needs to write a repository and to read it, in a thread of the test."""

import base64
import hashlib
import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubServer(ThreadingHTTPServer):
    """Keeps the files of each repository in memory, as ``repositories["owner/name"]["config.json"]``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.tokens: set[str | None] = set()

    @property
    def address(self) -> str:
        """What HF_ENDPOINT is to be."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.tokens.add(self.headers.get("Authorization"))
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            self.server.repositories.setdefault(name, {})
            self._json({"url": f"{self.server.address}/{name}", "id": name})
        elif self.path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif match := re.fullmatch(r"/api/models/(.+)/preupload/main", self.path):
            files = [{"path": file["path"], "uploadMode": "regular"} for file in json.loads(body)["files"]]
            self._json({"files": [file | {"shouldIgnore": False, "oid": None} for file in files]})
        elif match := re.fullmatch(r"/api/models/(.+)/commit/main", self.path):
            files = self.server.repositories[match[1]]
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            commit = _commit(files)
            url = f"{self.server.address}/{match[1]}/commit/{commit}"
            self._json({"success": True, "commitOid": commit, "commitUrl": url})
        else:
            self._nothing()

    def do_GET(self):
        if match := re.fullmatch(r"/api/models/(.+?)(/revision/main)?", self.path):
            files = self.server.repositories.get(match[1])
            if files is None:
                return self._nothing("RepoNotFound")
            names = [{"rfilename": name} for name in files]
            return self._json({"id": match[1], "sha": _commit(files), "siblings": names})
        match = re.fullmatch(r"/([^/]+/[^/]+)/resolve/[^/]+/(.+)", self.path)
        if not match or match[1] not in self.server.repositories:
            return self._nothing("RepoNotFound")
        files = self.server.repositories[match[1]]
        if match[2] not in files:
            return self._nothing("EntryNotFound")
        return self._send(
            files[match[2]],
            {"ETag": f'"{hashlib.sha1(files[match[2]]).hexdigest()}"', "X-Repo-Commit": _commit(files)},
        )

    def do_HEAD(self):
        self.do_GET()

    def _json(self, content):
        self._send(json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _nothing(self, code="EntryNotFound"):
        self._send(b"", {"X-Error-Code": code, "X-Error-Message": "Not found"}, 404)

    def _send(self, body, headers, status=200):
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *ignored):
        pass


def _commit(files):
    digest = hashlib.sha1()
    for name in sorted(files):
        digest.update(name.encode() + files[name])
    return digest.hexdigest()
