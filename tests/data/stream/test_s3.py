"""A stream on a server of S3: trained from, through kills and faults of the server, and one sentence where it ends."""

import os
import signal
import time
from contextlib import suppress

import preloaded
import pytest
import torch
from conftest import record_of
from s3_server import ACCOUNT, S3Server, answer
from stream_cases import by_name, small_photos

from zoo.cli import main
from zoo.data import ImageNet, StreamedImageNet
from zoo.data.sampling import Draw
from zoo.data.stream import storage
from zoo.data.stream.format import write_stream
from zoo.data.stream.storage import Storage
from zoo.errors import InputError
from zoo.options import declared

# LitData and boto3 leave the closing of their files to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks"),
]
SMALL = {"batch_size": 8, "num_held_out": 10, "num_workers": 0, "window": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return small_photos(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="module")
def packed(folders, tmp_path_factory):
    output = tmp_path_factory.mktemp("packed") / "stream"
    write_stream(folders, output, chunk_bytes=9_000)
    return output


@pytest.fixture(scope="module")
def server(packed):
    """A server that holds the stream in a bucket, and the account that it knows."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("no_proxy", "*")
        for name, value in ACCOUNT.items():
            patch.setenv(name, value)
        server = S3Server()
        try:
            server.address = server.upload(packed, "bucket", "imagenet")
            yield server
        finally:
            server.close()


@pytest.fixture(autouse=True)
def sound(server):
    """No test begins with the faults of another."""
    server.asked.clear()
    yield
    server.fault = lambda method, path: None


def streamed(server, tmp_path, **options):
    data = StreamedImageNet(
        server.address, endpoint_url=server.url, cache_dir=str(tmp_path / "cache"), **SMALL | options
    )
    data.setup()
    return data


def first_test_image(data):
    return data.splits["test"][Draw(0, torch.arange(1))]


def chunk_gets(server):
    return [path for method, path in server.asked if method == "GET" and path.endswith(".bin")]


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_image_is_the_one_of_the_folders(server, folders, tmp_path, split):
    read = ImageNet(str(folders), batch_size=8, num_held_out=10, num_workers=0)
    read.setup()
    everything = Draw(4, torch.arange(len(read.splits[split])))
    ours, theirs = (
        by_name(streamed(server, tmp_path).splits[split], everything),
        by_name(read.splits[split], everything),
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name][0], theirs[name][0]) for name in theirs)
    assert chunk_gets(server)


def test_a_stream_packed_anew_at_the_same_address_is_read_as_it_is_now(server, folders, packed, tmp_path):
    address = server.upload(packed, "anew", "imagenet")

    def read():
        data = StreamedImageNet(address, endpoint_url=server.url, cache_dir=str(tmp_path / "cache"), **SMALL)
        data.setup()
        return data, by_name(data.splits["train"], Draw(4, torch.arange(len(data.splits["train"]))))

    before, images = read()
    again, _ = read()
    assert list(before.cache_dir.rglob("*.bin"))
    assert again.listing == before.listing
    write_stream(folders, tmp_path / "stream", chunk_bytes=30_000)
    server.upload(tmp_path / "stream", "anew", "imagenet")
    after, now = read()
    assert after.cache_dir == before.cache_dir
    assert len(after.listing.chunk_sizes["train"]) < len(before.listing.chunk_sizes["train"])
    assert images.keys() == now.keys()
    assert all(torch.equal(images[name][0], now[name][0]) for name in now)


def test_without_its_server_a_stream_is_read_as_it_was(server, tmp_path, capsys):
    listing = streamed(server, tmp_path).listing
    server.fault = lambda method, path: answer("500 Internal Server Error", "InternalError")
    data = streamed(server, tmp_path)
    assert data.listing == listing
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"zoo: No stream can be read at {server.address} (")
    assert told.endswith(f"; goes on with the listing in {data.cache_dir}.")


def test_workers_read_the_same_batches(server, tmp_path):
    alone = list(streamed(server, tmp_path / "alone").train_dataloader())
    helped = list(streamed(server, tmp_path / "helped", num_workers=2).train_dataloader())
    assert all(torch.equal(a, b) for one, two in zip(alone, helped, strict=True) for a, b in zip(one, two, strict=True))


@pytest.mark.slow
def test_a_run_killed_while_the_server_fails_goes_on_to_the_bit(server, in_folder):
    words = ["fit", "--data", "StreamedImageNet", "--data.root", server.address, "--data.endpoint_url", server.url]
    words += ["--data.batch_size", "4", "--data.num_held_out", "10", "--data.window", "2", "--seed_everything", "3"]
    words += ["--model", "LinearModel", "--model.num_classes", "2", "--model.input_size", "224"]
    words += ["--model.optimizer", "SGD", "--model.optimizer.lr", "0.00001", "--model.optimizer.momentum", "0.9"]
    words += ["--trainer.max_epochs", "3", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    assert main([*words, "--data.cache_dir", "one", "--data.num_workers", "0", "--run_dir", "whole"]) == 0

    words += ["--data.cache_dir", "two", "--data.num_workers", "2", "--save_every_n_steps", "3"]
    process = preloaded.start("-m", "zoo", *words, "--run_dir", "run", new_session=True)
    last = in_folder / "run" / "checkpoints" / "last.ckpt"
    while not last.exists():
        assert process.poll() is None
        time.sleep(0.01)
    # At the next chunk, of which there are a dozen, the server is gone for good.
    server.fault = lambda method, path: server.stalls if path.endswith(".bin") else None
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (in_folder / "run" / "record.json").exists()

    # It comes back, busy at first; what the killed run had fetched is lost.
    for chunk in (in_folder / "two").rglob("*.bin"):
        chunk.unlink()
    left = ["busy"] * 8

    def busy(method, path):
        return answer("503 Slow Down", "SlowDown") if path.endswith(".bin") and left and left.pop() else None

    server.fault = busy
    assert main([*words, "--data.num_workers", "0", "--resume", "run"]) == 0
    assert not left
    one, other = record_of(in_folder / "whole"), record_of(in_folder / "run")
    assert one["weights"] == other["weights"]
    assert one["metrics"] == other["metrics"]
    assert one["timing"]["train_images"] == other["timing"]["train_images"] == 120
    assert _rows(in_folder / "whole") == _rows(in_folder / "run")


def _rows(run):
    lines = [line.split(",") for line in (run / "metrics.csv").read_text().splitlines()]
    kept = [n for n, name in enumerate(lines[0]) if "second" not in name and "waiting" not in name]
    return [[line[n] for n in kept] for line in lines]


def test_a_connection_that_stalls_is_made_anew(server, tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "STALLED", 0.5)
    data = streamed(server, tmp_path)
    left = ["stall"]
    server.fault = lambda method, path: server.stalls if (method, left) == ("GET", ["stall"]) and left.pop() else None
    began = time.monotonic()
    image, *_ = first_test_image(data)
    assert time.monotonic() - began < 30
    assert not left
    server.fault = lambda method, path: None
    assert torch.equal(image, first_test_image(streamed(server, tmp_path / "again"))[0])


def test_a_server_that_is_busy_for_a_while_is_asked_again_and_the_user_told(server, tmp_path, capsys):
    data = streamed(server, tmp_path)
    left = ["busy"] * 5

    def busy(method, path):
        return answer("503 Slow Down", "SlowDown") if path.endswith(".bin") and left and left.pop() else None

    server.fault = busy
    assert len(first_test_image(data)[0]) == 1
    assert not left
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith(f"zoo: {server.address}/val/chunk-0-0.bin cannot be fetched (")
    assert "503" in told
    assert told.endswith(": trying again for 10 minutes.")


def test_a_server_that_stays_away_ends_the_run_in_a_sentence(server, tmp_path, capsys):
    server.fault = lambda method, path: answer("500 Internal Server Error", "InternalError")
    with pytest.raises(InputError, match=r"index.json cannot be fetched \(.*500.*\): .*, go on with --resume when"):
        Storage(f"{server.address}/val", server.url).fetch("index.json", tmp_path / "index.json", patience=4)
    assert "trying again" in capsys.readouterr().err


FIT = ["fit", "--model", "LinearModel", "--data", "StreamedImageNet", "--data.cache_dir", "cache"]


@pytest.fixture
def refused(in_folder, capsys):
    """What ``zoo fit`` says, in one line, of a stream that it cannot begin with; it leaves nothing behind."""

    def of(*words):
        assert main([*FIT, *words]) == 2
        (told,) = capsys.readouterr().err.splitlines()
        assert not list(in_folder.rglob("*.json*")), "no run, no listing"
        return told

    return of


def test_missing_credentials_are_one_sentence(server, refused, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    told = refused("--data.root", server.address, "--data.endpoint_url", server.url)
    assert told.startswith(
        f"zoo: No stream can be read at {server.address} (Unable to locate credentials): set AWS_ACC"
    )
    assert not server.asked


def test_an_account_that_may_not_read_is_one_sentence(server, refused):
    server.fault = lambda method, path: answer("403 Forbidden", "AccessDenied")
    told = refused("--data.root", server.address, "--data.endpoint_url", server.url)
    assert told.endswith("or AWS_PROFILE, for an account that may read it.")


def test_no_stream_at_the_address_is_one_sentence(server, refused):
    told = refused("--data.root", "s3://bucket/elsewhere", "--data.endpoint_url", server.url)
    assert told.startswith("zoo: No stream can be read at s3://bucket/elsewhere (An error occurred (404)")
    assert told.endswith(": pack one with zoo data stream ImageNet --output DIR.")


def test_no_server_at_the_address_is_one_sentence(server, refused):
    closed = S3Server()
    closed.close()
    began = time.monotonic()
    told = refused("--data.root", server.address, "--data.endpoint_url", closed.url)
    assert told.endswith(": see that the server runs and that data.endpoint_url is its address.")
    assert time.monotonic() - began < 60


def test_an_endpoint_without_s3_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"data.endpoint_url is the server of an s3:// address, and data.root is /x"):
        StreamedImageNet("/x", endpoint_url="http://127.0.0.1:1")


def test_the_same_address_on_two_servers_is_two_streams_and_one_experiment(server, tmp_path):
    one = StreamedImageNet("s3://bucket/imagenet")
    other = StreamedImageNet("s3://bucket/imagenet", endpoint_url=server.url)
    assert one.cache_dir != other.cache_dir
    (options,) = declared({"data": {"class_path": "zoo.data.StreamedImageNet"}}).values()
    assert "endpoint_url" in options["changes_no_number"]


def test_what_killed_processes_were_fetching_is_removed(server, tmp_path):
    data = streamed(server, tmp_path)
    left, growing = (data.cache_dir / "val" / f".chunk-0-{n}.bin.{n}.part" for n in (8, 9))
    for draft in (left, growing):
        draft.parent.mkdir(exist_ok=True)
        draft.write_bytes(b"half")
    with suppress(FileNotFoundError):
        os.utime(left, (time.time() - storage.PATIENCE - 1,) * 2)
    first_test_image(data)
    assert not left.exists()
    assert growing.exists()
