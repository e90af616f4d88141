"""A worker or thread that does not deliver is told of, with its batch and its file; the run waits, and not for ever."""

import os
import re
import sys
import time
from pathlib import Path

import preloaded
import pytest
import torch
from stream_cases import small_photos
from torch.utils.data import Dataset

from zoo.cli import main
from zoo.data import ImageNet, StreamedImageNet
from zoo.data.base import ImageDataModule
from zoo.data.photos import photos
from zoo.data.protocol_images import ProtocolImages
from zoo.data.stream.format import write_stream
from zoo.data.stream.module import Streamed
from zoo.errors import Stopped

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks"),
    # LitData leaves the closing of its files to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Sleeping(Dataset):
    """Twelve images of nothing, of which the one at ``place`` takes its time."""

    def __init__(self, place: int, seconds: float) -> None:
        self.place, self.seconds = place, seconds

    def __len__(self) -> int:
        return 12

    def __getitem__(self, draw):
        if self.place in draw.indices:
            time.sleep(self.seconds)
        return torch.zeros(len(draw.indices), 3, 8, 8), draw.indices


class SleepingData(ImageDataModule):
    name, num_workers = "sleeping", 3

    def __init__(self, place: int, seconds: float) -> None:
        super().__init__(2, 0, 0)
        self.splits = {"test": Sleeping(place, seconds)}


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("zoo.data.base.HANGS", 2.0)


def said(capsys) -> str:
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return small_photos(tmp_path_factory.mktemp("folders"))


def test_the_worker_and_its_batch_are_named_and_no_batch_is_lost(capsys):
    loader = SleepingData(place=7, seconds=5.0).test_dataloader()
    assert torch.cat([labels for _, labels in loader]).tolist() == list(range(12))
    # Batches of two: image 7 is in the fourth, which is the second one of the first of three workers.
    process = loader.worker_init_fn.notes[0]
    assert process not in (-1, os.getpid())
    told = re.findall(r"^zoo: Process 0 has waited (\d+) seconds for batch 4 of 6 from (.*)$", said(capsys), re.M)
    assert len(told) >= 2, "as long as it hangs"
    assert {what for _, what in told} == {f"its loader's worker 0 (process {process})."}
    assert 2 <= int(told[0][0]) < int(told[1][0])


def test_in_the_middle_of_an_epoch_batches_keep_their_numbers(capsys):
    loader = SleepingData(place=9, seconds=3.0).test_dataloader()
    loader.sampler.go_on_at(0, 3)
    assert len(list(loader)) == 3
    assert "for batch 5 of 6 from its loader's worker 1 " in said(capsys)


def test_one_that_never_delivers_ends_the_run(monkeypatch):
    monkeypatch.setattr("zoo.data.loader.HOPELESS", 3.0)
    loader = SleepingData(place=0, seconds=10.0).test_dataloader()
    with pytest.raises(Stopped, match=r"has waited \d+ seconds for batch 1 of 6 .*, then go on with --resume$") as stop:
        next(iter(loader))
    assert stop.value.status == 1


def test_a_fault_of_a_worker_is_no_hanging(monkeypatch):
    def broken(self, draw):
        raise RuntimeError("DataLoader timed out after all")

    monkeypatch.setattr(Sleeping, "__getitem__", broken)
    with pytest.raises(RuntimeError, match="Caught RuntimeError in DataLoader worker process 0"):
        list(SleepingData(place=0, seconds=0.0).test_dataloader())


class ThreadedData(SleepingData):
    threads = 2


def test_a_thread_and_its_batch_are_named_and_no_batch_is_lost(capsys):
    loader = ThreadedData(place=7, seconds=5.0).test_dataloader()
    loader.sampler.go_on_at(0, 1)
    assert torch.cat([labels for _, labels in loader]).tolist() == list(range(2, 12))
    told = re.findall(r"^zoo: Process 0 has waited (\d+) seconds for batch 4 of 6 from (.*)$", said(capsys), re.M)
    assert len(told) >= 2, "as long as it hangs"
    assert {what for _, what in told} == {"a thread of its loader."}
    assert 2 <= int(told[0][0]) < int(told[1][0])


def test_a_thread_that_never_delivers_ends_the_run_and_is_not_waited_for():
    program = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parent), *sys.path]!r}
import zoo.data.base, zoo.data.loader, zoo.errors
from test_hanging_worker import ThreadedData
zoo.data.base.HANGS, zoo.data.loader.HOPELESS = 0.2, 0.5
batches = iter(ThreadedData(place=0, seconds=100.0).test_dataloader())
try:
    next(batches)
except zoo.errors.Stopped as error:
    print(error)
del batches
sys.exit(1)
"""
    ended = preloaded.run("-c", program, check=False, timeout=60)
    assert "then go on with --resume" in ended.stdout
    assert ended.returncode == 1


@pytest.fixture
def slow_photo(folders, monkeypatch):
    """A photograph that takes seconds to read."""
    read, slow = photos.read_rgb, folders / "val" / "n02" / "n02_1.JPEG"

    def slowly(file):
        if file == slow:
            time.sleep(3.0)
        return read(file)

    monkeypatch.setattr(photos, "read_rgb", slowly)
    return slow


def test_of_photographs_the_file_that_a_thread_reads_is_named(folders, slow_photo, monkeypatch, capsys):
    monkeypatch.setattr("zoo.data.cores.share", lambda processes=None: 2)
    data = ImageNet(str(folders), batch_size=2, num_held_out=0)
    data.setup()
    assert len(list(data.test_dataloader())) == 3
    assert f"for batch 2 of 3 from a thread of its loader, which is reading {slow_photo}.\n" in said(capsys)


def test_of_photographs_for_protocols_too(folders, slow_photo, monkeypatch, capsys):
    monkeypatch.setattr("zoo.data.cores.share", lambda processes=None: 2)
    split = ProtocolImages(ImageNet(str(folders), num_held_out=0), batch_size=2)
    split.setup("test")
    assert len(list(split.test_dataloader())) == 3
    assert f"for batch 2 of 3 from a thread of its loader, which is reading {slow_photo}.\n" in said(capsys)


def test_of_photographs_the_file_is_named(folders, slow_photo, capsys):
    data = ImageNet(str(folders), batch_size=2, num_held_out=0, num_workers=2)
    data.setup()
    assert len(list(data.test_dataloader())) == 3
    # On a busy machine others may be late, too.
    named = rf"for batch 2 of 3 from its loader's worker 1 .*, which is reading {slow_photo}\.\n"
    assert re.search(named, said(capsys))


def test_of_a_stream_the_chunk_is_named_in_zoo_fit(folders, in_folder, monkeypatch, capsys):
    write_stream(folders, in_folder / "stream", chunk_bytes=9_000)
    data = StreamedImageNet("stream", num_held_out=0)
    data.prepare_data()
    slow, decode = data.listing.files["val"][3], Streamed._photo

    def slowly(self, position):
        photo = decode(self, position)
        if self.names[position] == slow:
            time.sleep(3.0)
        return photo

    monkeypatch.setattr(Streamed, "_photo", slowly)
    words = ["fit", "--data", "StreamedImageNet", "--data.root", "stream", "--data.num_workers", "1"]
    words += ["--data.num_held_out", "0", "--model", "LinearModel", "--model.input_size", "224"]
    words += ["--trainer.max_epochs", "1", "--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false"]
    assert main([*words, "--run_dir", "run"]) == 0
    assert f", which is reading {slow} in chunk 0 of stream/val.\n" in said(capsys)
    assert (in_folder / "run" / "record.json").exists()
