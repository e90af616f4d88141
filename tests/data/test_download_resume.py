"""Downloads whose connection breaks, from a server in a thread that can send the rest of a file."""

import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import preloaded
import pytest

from zoo.data.download import CHUNK, fetch
from zoo.errors import InputError

BODY = np.random.default_rng(0).bytes(3 * CHUNK + 7)
MD5 = f"md5:{hashlib.md5(BODY).hexdigest()}"


class Handler(BaseHTTPRequestHandler):
    """Sends at most ``server.portion`` bytes a request; the rest where asked and ``server.ranges``."""

    def do_GET(self):
        asked, body = self.headers.get("Range"), self.server.body
        self.server.asked.append(asked)
        if asked and self.headers.get("If-Range") not in (None, self.server.mark) and self.server.conditions:
            asked = None
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.honoured else 0
        rest = body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if self.server.mark:
            self.send_header("ETag", self.server.mark)
        self.send_header("Content-Length", str(len(rest)))
        if self.server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        portion = self.server.portions.pop(0) if self.server.portions else len(rest)
        if self.server.hold is None:
            self.wfile.write(rest[:portion])
            return
        self.wfile.write(rest[: 2 * CHUNK])
        self.wfile.flush()
        self.server.hold.wait(60)

    def log_message(self, *ignored):
        pass


@pytest.fixture
def server(monkeypatch):
    # A proxy of the machine's must not be asked for 127.0.0.1.
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.asked, server.portions, server.ranges, server.honoured = [], [], True, True
        server.body, server.mark, server.conditions, server.hold = BODY, None, True, None
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
    assert {path.name for path in tmp_path.iterdir()} == ({"data.bin.part", "data.bin.part.json"} if ranges else set())


def broken_off(server, folder: Path) -> None:
    """A call whose connection breaks after CHUNK + 5 bytes and that keeps them."""
    server.portions = [CHUNK + 5, 0]
    with pytest.raises(InputError, match=rf"first {CHUNK + 5:,} bytes are kept, and the same call goes on") as error:
        fetched(server, folder)
    assert "\n" not in str(error.value)
    assert (folder / "data.bin.part").read_bytes() == BODY[: CHUNK + 5]
    assert not (folder / "data.bin").exists()
    server.asked.clear()


@pytest.mark.parametrize("mark", [None, '"v1"', 'W/"v1"'])
def test_a_later_call_goes_on_where_an_earlier_one_stopped(server, tmp_path, mark):
    server.mark = mark
    broken_off(server, tmp_path)
    assert fetched(server, tmp_path) == BODY
    assert server.asked == [f"bytes={CHUNK + 5}-"]


@pytest.mark.parametrize("conditions", [True, False], ids=["understood", "passed over"])
@pytest.mark.parametrize("body", [BODY[::-1], BODY[::-1] + b"longer"], ids=["other content", "other size"])
def test_a_changed_source_starts_afresh(server, tmp_path, body, conditions):
    server.mark = '"v1"'
    broken_off(server, tmp_path)
    server.body, server.mark, server.conditions = body, '"v2"', conditions
    assert fetched(server, tmp_path, f"md5:{hashlib.md5(body).hexdigest()}") == body


def test_another_address_starts_afresh(server, tmp_path):
    broken_off(server, tmp_path)
    note = tmp_path / "data.bin.part.json"
    note.write_text(note.read_text().replace("data.bin", "other.bin"))
    assert fetched(server, tmp_path) == BODY
    assert server.asked == [None]


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"url": 3}'])
def test_a_part_without_a_readable_note_starts_afresh(server, tmp_path, note):
    (tmp_path / "data.bin.part").write_bytes(b"whatever this is")
    (tmp_path / "data.bin.part.json").write_text(note)
    assert fetched(server, tmp_path) == BODY
    assert server.asked == [None]


def test_a_part_that_is_whole_already_is_only_checked(server, tmp_path):
    broken_off(server, tmp_path)
    (tmp_path / "data.bin.part").write_bytes(BODY)
    assert fetched(server, tmp_path) == BODY
    assert server.asked == []


def test_a_damaged_part_fails_the_checksum_and_is_not_kept(server, tmp_path):
    broken_off(server, tmp_path)
    (tmp_path / "data.bin.part").write_bytes(bytes(CHUNK))
    with pytest.raises(InputError, match=r"arrived with md5 .* nothing was kept"):
        fetched(server, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert fetched(server, tmp_path) == BODY


def test_a_killed_process_leaves_a_part_that_the_next_one_goes_on_from(server, tmp_path):
    fetching = (
        "import sys; from pathlib import Path; from zoo.data.download import fetch\n"
        "fetch(sys.argv[1], Path(sys.argv[2]), sys.argv[3])"
    )
    url = f"http://127.0.0.1:{server.server_port}/data.bin"
    server.hold = threading.Event()
    process = preloaded.start("-c", fetching, url, tmp_path / "data.bin", MD5)
    part = tmp_path / "data.bin.part"
    while not part.exists() or part.stat().st_size < 2 * CHUNK:
        assert process.poll() is None
        time.sleep(0.01)
    with pytest.raises(InputError, match="Another process is writing"):
        fetched(server, tmp_path)
    process.kill()
    process.wait()
    server.hold.set()
    server.hold, came = None, part.stat().st_size
    server.asked.clear()
    assert fetched(server, tmp_path) == BODY
    assert server.asked == [f"bytes={came}-"]


def test_the_checksum_is_that_of_all_parts_together(server, tmp_path):
    server.portions = [CHUNK]
    with pytest.raises(InputError, match=r"arrived with md5 .* nothing was kept"):
        fetched(server, tmp_path, f"md5:{hashlib.md5(BODY[:-1]).hexdigest()}")
    assert list(tmp_path.iterdir()) == []
