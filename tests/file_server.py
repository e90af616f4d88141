"""An HTTP server in a thread of the test, for what is downloaded."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event


class Server(ThreadingHTTPServer):
    """Serves ``files``: a body for each path, and what the reply says its length is (None: nothing).

    ``moved`` sends from one path on to another address; no body is sent before ``gate`` is open.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, tuple[bytes, int | None]] = {}
        self.moved: dict[str, str] = {}
        self.asked: list[str] = []
        self.gate = Event()
        self.gate.set()

    @property
    def address(self) -> str:
        """The address below which it serves."""
        return f"http://127.0.0.1:{self.server_port}"

    def offer(self, name: str, body: bytes, length: int | None = -1) -> str:
        """Serves ``body`` under ``name``; returns its address."""
        self.files[f"/{name}"] = (body, len(body) if length == -1 else length)
        return f"{self.address}/{name}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path in self.server.moved:
            self.send_response(302)
            self.send_header("Location", self.server.moved[self.path])
            self.end_headers()
            return
        if self.path not in self.server.files:
            self.send_error(404)
            return
        body, length = self.server.files[self.path]
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.server.gate.wait(60)
        self.wfile.write(body)

    def log_message(self, *ignored):
        pass
