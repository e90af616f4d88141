"""Downloads from a server in a thread: what is right arrives whole, what is wrong leaves nothing behind."""

import hashlib
import io
import socket
import tarfile
import time
from http.client import BadStatusLine
from pathlib import Path

import numpy as np
import preloaded
import pytest

from zoo.data import CIFAR10, MNIST, cifar10
from zoo.data.download import CHUNK, extract, fetch
from zoo.errors import InputError

BODY = bytes(range(256)) * (3 * CHUNK // 256) + b"the end"
NAMES = [f"{name}.bin" for name in cifar10.BATCHES]
NUM_BATCH = 10_000
PATHS = [f"cifar-10-batches-bin/{name}" for name in NAMES]


def md5(data: bytes) -> str:
    return f"md5:{hashlib.md5(data).hexdigest()}"


def sha256(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def everything_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("digest", [md5, sha256])
def test_a_file_with_the_right_checksum_arrives_whole_and_alone(server, tmp_path, digest):
    target = tmp_path / "new" / "folder" / "data.bin"
    assert fetch(server.offer("data.bin", BODY), target, digest(BODY)) == target
    assert target.read_bytes() == BODY
    assert everything_in(target.parent) == ["data.bin"]


def test_a_server_that_does_not_tell_the_length_will_do(server, tmp_path):
    fetch(server.offer("data.bin", BODY, length=None), tmp_path / "data.bin", md5(BODY))
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_the_progress_is_shown_under_the_name_of_the_file(server, tmp_path, capsys):
    fetch(server.offer("cifar.tar.gz", BODY), tmp_path / "stored", md5(BODY))
    shown = "".join(capsys.readouterr())
    assert "cifar.tar.gz" in shown
    assert "100%" in shown


def refused(url: str, folder: Path, digest: str, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        fetch(url, folder / "data.bin", digest)
    assert url in str(caught.value)
    assert "\n" not in str(caught.value)
    assert everything_in(folder) == []


def test_a_wrong_checksum_keeps_nothing(server, tmp_path):
    url = server.offer("data.bin", BODY[:-1] + b"!")
    refused(url, tmp_path, sha256(BODY), match=f"instead of {sha256(BODY)[7:]}; nothing was kept")


def test_a_transfer_that_breaks_off_keeps_nothing_and_says_how_far_it_came(server, tmp_path):
    url = server.offer("data.bin", BODY, length=len(BODY) + 1000)
    # Even where what has arrived happens to have the right checksum.
    refused(url, tmp_path, md5(BODY), match=f"broke off after {len(BODY):,} of {len(BODY) + 1000:,} bytes")


def test_an_address_that_is_not_there_is_refused(server, tmp_path):
    url = server.offer("data.bin", BODY).replace("data.bin", "other.bin")
    refused(url, tmp_path, md5(BODY), match=f"404.*fetch it by other means into {tmp_path}")


def test_a_server_that_is_down_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound but not listening: connections are turned away
        refused(f"http://127.0.0.1:{listener.getsockname()[1]}/x", tmp_path, md5(b""), match="Connection refused")


def test_no_progress_is_shown_before_something_comes(server, tmp_path, capsys):
    url = server.offer("data.bin", BODY).replace("data.bin", "other.bin")
    refused(url, tmp_path, md5(BODY), match="404")
    assert capsys.readouterr() == ("", "")


def test_a_server_that_does_not_speak_http_is_refused_in_one_line(tmp_path, monkeypatch):
    def other_protocol(*_: object, **__: object) -> None:
        raise BadStatusLine("220 mail.example.org ESMTP\r\n")

    monkeypatch.setattr("urllib.request.urlopen", other_protocol)
    refused("http://mail.example.org/x", tmp_path, md5(b""), match=r"220 mail\.example\.org ESMTP")


def test_a_failed_download_leaves_the_file_that_was_there(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"precious")
    with pytest.raises(InputError):
        fetch(server.offer("data.bin", BODY), tmp_path / "data.bin", md5(b"other"))
    assert everything_in(tmp_path) == ["data.bin"]
    assert (tmp_path / "data.bin").read_bytes() == b"precious"


def test_a_folder_that_cannot_be_made_is_refused(server, tmp_path):
    (tmp_path / "data").write_bytes(b"a file where the folder should be")
    with pytest.raises(InputError, match=f"Could not download .*{tmp_path}/data"):
        fetch(server.offer("data.bin", BODY), tmp_path / "data" / "data.bin", md5(BODY))


def test_an_interrupted_download_leaves_nothing(server, tmp_path, monkeypatch):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rich.progress.Progress.advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(server.offer("data.bin", BODY), tmp_path / "data.bin", md5(BODY))
    assert everything_in(tmp_path) == []


def tar(members: dict[str, bytes | str], mode: str = "w:gz") -> bytes:
    """A tar archive; a value of type str makes a symbolic link to it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def archived(folder: Path, data: bytes) -> Path:
    """``data`` as a file beside the empty folder ``folder/here``."""
    (folder / "here").mkdir()
    (folder / "archive.tar").write_bytes(data)
    return folder / "archive.tar"


def test_an_archive_is_unpacked_over_what_was_there(tmp_path):
    archive = archived(tmp_path, tar({"a/one": b"1", "a/b/two": b"2"}))
    (tmp_path / "here" / "a").mkdir()
    (tmp_path / "here" / "a" / "one").write_bytes(b"old")
    (tmp_path / "here" / "a" / "mine").write_bytes(b"kept")
    extract(archive, tmp_path / "here")
    assert everything_in(tmp_path / "here") == ["a", "a/b", "a/b/two", "a/mine", "a/one"]
    assert (tmp_path / "here/a/one").read_bytes() == b"1"


HARMLESS = {"a/one": bytes(5000)}


@pytest.mark.parametrize(
    "members",
    [
        HARMLESS | {"../outside": b"evil"},
        HARMLESS | {"a/../../outside": b"evil"},
        HARMLESS | {"link": "..", "link/outside": b"evil"},
        HARMLESS | {"link": "../outside"},
        HARMLESS | {"link": "/etc/passwd"},
    ],
    ids=["up", "down and up", "through a link", "a link out", "an absolute link"],
)
def test_an_archive_that_reaches_outside_is_refused_and_nothing_is_written(tmp_path, members):
    archive = archived(tmp_path, tar(members))
    with pytest.raises(InputError, match=f"^{archive} cannot be unpacked .*nothing was kept"):
        extract(archive, tmp_path / "here")
    assert everything_in(tmp_path) == ["archive.tar", "here"]


def test_an_absolute_path_stays_inside(tmp_path):
    extract(archived(tmp_path, tar({f"{tmp_path}/outside": b"?"})), tmp_path / "here")
    assert not (tmp_path / "outside").exists()


# Text, which packs to about half: there is then something within the packed stream to break.
WHOLE = {f"a/{n}": " ".join(map(str, range(1000 * n, 1000 * n + 1000))).encode() for n in range(5)}


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", tar(WHOLE)[:5000], tar(WHOLE, "w")[:9000], tar(WHOLE)[:5000] + b"\xff" * 5000],
    ids=["empty", "no archive", "truncated gzip", "truncated tar", "broken gzip"],
)
def test_a_broken_archive_is_refused_and_nothing_is_written(tmp_path, data):
    archive = archived(tmp_path, data)
    with pytest.raises(InputError, match=f"^{archive} cannot be unpacked .*nothing was kept"):
        extract(archive, tmp_path / "here")
    assert everything_in(tmp_path / "here") == []


@pytest.fixture(scope="module")
def cifar() -> tuple[bytes, str]:
    """An archive laid out as the official one, its batches of one grey level each; and its checksum."""
    records = np.zeros((NUM_BATCH, 3073), np.uint8)
    records[:, 0] = np.arange(NUM_BATCH) % 10
    members = {}
    for level, name in enumerate(NAMES):
        records[:, 1:] = level
        members[f"cifar-10-batches-bin/{name}"] = records.tobytes()
    archive = tar(members, "w")
    return archive, md5(archive)


@pytest.fixture
def offered_cifar(server, monkeypatch, cifar):
    """The server that CIFAR10 asks, with what it shall offer."""

    def offer(data: bytes = cifar[0], digest: str = cifar[1]) -> None:
        monkeypatch.setattr(CIFAR10, "url", server.offer("cifar-10-binary.tar.gz", data))
        monkeypatch.setattr(CIFAR10, "digest", digest)

    server.offer_cifar = offer
    return server


def test_cifar10_downloads_itself_once(offered_cifar, tmp_path):
    offered_cifar.offer_cifar()
    data = CIFAR10(str(tmp_path / "data"), download=True)
    data.prepare_data()
    data.setup()
    data.prepare_data()
    assert offered_cifar.asked == ["/cifar-10-binary.tar.gz"]
    assert everything_in(tmp_path / "data" / "cifar-10-batches-bin") == sorted(NAMES)
    assert everything_in(tmp_path / "data")[0] == "cifar-10-batches-bin"  # neither archive nor half-made folder
    assert data.splits["test"].images.unique().tolist() == [5]
    assert data.splits["train"].images[:, 0, 0, 0].unique().tolist() == [0, 1, 2, 3, 4]


FETCHING = (
    "import sys; from zoo.data import CIFAR10; CIFAR10.url, CIFAR10.digest = sys.argv[2:];"
    "CIFAR10(sys.argv[1], download=True).prepare_data()"
)


def test_of_two_processes_that_want_cifar10_at_once_one_fetches_and_both_have_it(offered_cifar, tmp_path):
    offered_cifar.offer_cifar()
    offered_cifar.gate.clear()
    words = ["-c", FETCHING, tmp_path / "data", CIFAR10.url, CIFAR10.digest]
    both = [preloaded.start(*words) for _ in range(2)]
    lock = tmp_path / "data" / "cifar-10-binary.tar.gz.lock"
    deadline = time.monotonic() + 120
    # The second one may come before the first byte, while it is fetched, or when all is there.
    while not (offered_cifar.asked and lock.exists()) and time.monotonic() < deadline:
        time.sleep(0.01)
    offered_cifar.gate.set()
    assert [(process.communicate()[1].count("Error"), process.returncode) for process in both] == [(0, 0), (0, 0)]
    assert offered_cifar.asked == ["/cifar-10-binary.tar.gz"]
    assert everything_in(tmp_path) == ["data", *(f"data/{name}" for name in sorted(["cifar-10-batches-bin", *PATHS]))]


def test_a_download_is_somebodys_until_it_has_its_name(server, tmp_path, monkeypatch):
    url, rename, met = server.offer("data.bin", BODY), Path.replace, []

    def met_by_another(path: Path, target: Path) -> Path:
        if path.name == "data.bin.part":
            with pytest.raises(InputError, match=r"Another process is writing .*data\.bin\.part"):
                fetch(url, tmp_path / "data.bin", md5(BODY))
            met.append(path)
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", met_by_another)
    fetch(url, tmp_path / "data.bin", md5(BODY))
    assert (len(met), server.asked) == (1, ["/data.bin"])
    assert everything_in(tmp_path) == ["data.bin"]
    assert (tmp_path / "data.bin").read_bytes() == BODY


def test_a_batch_that_is_missing_is_downloaded_again(offered_cifar, tmp_path):
    offered_cifar.offer_cifar()
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    (folder / NAMES[0]).write_bytes(b"stale")
    CIFAR10(str(tmp_path), download=True).prepare_data()
    assert {(folder / name).stat().st_size for name in NAMES} == {30_730_000}


def test_a_tampered_archive_leaves_nothing(offered_cifar, tmp_path):
    offered_cifar.offer_cifar(tar({"cifar-10-batches-bin/data_batch_1.bin": b"tampered"}))
    with pytest.raises(InputError, match="nothing was kept"):
        CIFAR10(str(tmp_path), download=True).prepare_data()
    assert everything_in(tmp_path) == []


def test_an_archive_that_cannot_be_unpacked_leaves_nothing(offered_cifar, tmp_path):
    offered_cifar.offer_cifar(b"no archive", md5(b"no archive"))
    with pytest.raises(InputError, match="cannot be unpacked"):
        CIFAR10(str(tmp_path), download=True).prepare_data()
    assert everything_in(tmp_path) == []


def test_without_download_no_server_is_asked(offered_cifar, tmp_path):
    offered_cifar.offer_cifar()
    with pytest.raises(InputError, match=r"add --data\.download true"):
        CIFAR10(str(tmp_path)).prepare_data()
    assert offered_cifar.asked == []


def test_mnist_downloads_only_the_files_that_are_missing(server, tmp_path, monkeypatch):
    files = list(MNIST.shapes)
    url = ""
    for name in files:
        url = server.offer(f"{name}.gz", name.encode())
    monkeypatch.setattr(MNIST, "sums", tuple(md5(name.encode()) for name in files))
    monkeypatch.setattr(MNIST, "mirror", url.rsplit("/", 1)[0] + "/")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"here already")
    MNIST(str(tmp_path), download=True).prepare_data()
    others = sorted(f"{name}.gz" for name in files if name != "train-images-idx3-ubyte")
    assert everything_in(tmp_path / "MNIST" / "raw") == others
    assert sorted(server.asked) == [f"/{name}" for name in others]
