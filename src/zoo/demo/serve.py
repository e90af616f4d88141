"""Serves the page to this machine's browser until it is interrupted."""

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from zoo.errors import InputError


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a page of forty files would fill the terminal."""


def serve(folder: Path, port: int, ready: Callable[[str], None]) -> None:
    """Serves ``folder`` on ``port`` of this machine alone, any free one where it is 0, and tells ``ready`` the address.

    Returns when it is interrupted. Raises InputError where the port is taken.
    """
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(_Quiet, directory=str(folder)))
    except OSError as error:
        raise InputError(f"Port {port} cannot be served ({error.strerror}): give another --port.") from error
    with server:
        ready(f"http://127.0.0.1:{server.server_port}/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return
