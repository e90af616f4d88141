"""Downloads whose connection breaks, from a server in a thread that can send the rest of a file."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from zoo.data.download import CHUNK, fetch
from zoo.errors import InputError

BODY = np.random.default_rng(0).bytes(3 * CHUNK + 7)
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """Sends at most ``server.portion`` bytes a request; the rest where asked and ``server.ranges``."""

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.honoured else 0
        rest = BODY[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(rest)))
        if self.server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        portion = self.server.portions.pop(0) if self.server.portions else len(rest)
        self.wfile.write(rest[:portion])

    def log_message(self, *ignored):
        pass


@pytest.fixture
def server(monkeypatch):
    # A proxy of the machine's must not be asked for 127.0.0.1.
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.portions, server.ranges, server.honoured = [], [], True, True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetched(server, folder: Path, digest: str = MD5) -> bytes:
    target = fetch(f"http://127.0.0.1:{server.server_port}/data.bin", folder / "data.bin", digest)
    assert [path.name for path in folder.iterdir()] == ["data.bin"]
    return target.read_bytes()


def test_a_broken_transfer_goes_on_where_it_stopped(server, tmp_path):
    server.portions = [CHUNK + 5, CHUNK]
    assert fetched(server, tmp_path) == BODY
    assert server.asked == [None, f"bytes={CHUNK + 5}-", f"bytes={2 * CHUNK + 5}-"]


def test_a_server_that_sends_the_whole_again_is_understood(server, tmp_path):
    server.portions, server.honoured = [CHUNK + 5], False
    assert fetched(server, tmp_path) == BODY
    assert server.asked == [None, f"bytes={CHUNK + 5}-"]


@pytest.mark.parametrize(("ranges", "portions", "num_asked"), [(False, [CHUNK], 1), (True, [CHUNK, 0], 2)])
def test_it_ends_where_the_server_sends_no_rest_or_nothing_more_comes(server, tmp_path, ranges, portions, num_asked):
    server.portions, server.ranges = portions, ranges
    with pytest.raises(InputError, match=f"broke off after {CHUNK:,} of {len(BODY):,} bytes"):
        fetched(server, tmp_path)
    assert len(server.asked) == num_asked
    assert list(tmp_path.iterdir()) == []


def test_the_checksum_is_that_of_all_parts_together(server, tmp_path):
    server.portions = [CHUNK]
    with pytest.raises(InputError, match=r"arrived with md5 .* nothing was kept"):
        fetched(server, tmp_path, f"md5:{hashlib.md5(BODY[:-1]).hexdigest()}")
    assert list(tmp_path.iterdir()) == []
