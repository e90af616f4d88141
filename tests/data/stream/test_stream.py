"""ImageNet from LitData chunks: the images, slices and augmentation of the folders, in an order of whole chunks."""

import builtins
import shutil
import sys
from itertools import chain, pairwise
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from resume_cases import StopAfter, outcome, small_model, stopped, train
from stream_cases import by_name, small_photos

from zoo.cli import main
from zoo.data import ImageNet, StreamedImageNet
from zoo.data.sampling import Draw
from zoo.data.stream import cache
from zoo.data.stream.format import chunks_of, write_stream
from zoo.data.stream.module import WindowedBatches
from zoo.errors import InputError

# LitData leaves the closing of its files to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return small_photos(tmp_path_factory.mktemp("folders"))


@pytest.fixture(scope="module")
def packed(folders, tmp_path_factory):
    output = tmp_path_factory.mktemp("packed") / "stream"
    write_stream(folders, output, chunk_bytes=9_000)
    return output


@pytest.fixture(params=["folder", "storage"])
def stream(request, packed, tmp_path):
    """The data module on a local folder, and on an address whose chunks LitData fetches into its cache."""
    root = str(packed) if request.param == "folder" else f"local:{packed}"

    def make(**options):
        options = {"batch_size": 8, "num_held_out": 10, "num_workers": 0, "window": 2} | options
        data = StreamedImageNet(root, cache_dir=str(tmp_path / "cache"), **options)
        data.setup()
        return data

    return make


def in_folders(folders, **options):
    data = ImageNet(str(folders), batch_size=8, num_held_out=10, num_workers=0, **options)
    data.setup()
    return data


@pytest.mark.parametrize("transform", ["torchvision", "alexnet"])
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_every_image_is_the_one_of_the_folders(stream, folders, split, transform):
    streamed, read = stream(transform=transform).splits[split], in_folders(folders, transform=transform).splits[split]
    assert len(streamed) == len(read) == {"train": 40, "val": 10, "test": 5}[split]
    everything = Draw(4, torch.arange(len(read)))
    ours, theirs = by_name(streamed, everything), by_name(read, everything)
    assert ours.keys() == theirs.keys()
    for name, (pixels, label, shift) in theirs.items():
        assert torch.equal(ours[name][0], pixels)
        assert ours[name][1] == label
        assert torch.equal(ours[name][2], shift)


def test_fingerprint_and_classes_are_those_of_the_folders(stream, folders):
    data, read = stream(), in_folders(folders)
    assert data.class_names == read.class_names == ["n01", "n02"]
    assert data.fingerprint == read.fingerprint
    assert data.fingerprint_of == read.fingerprint_of


def order_of(data, epoch, **share):
    data.trainer = SimpleNamespace(
        global_rank=share.get("rank", 0), world_size=share.get("num_processes", 1), strategy=None
    )
    sampler = data.train_dataloader().sampler
    sampler.set_epoch(epoch)
    return [draw.indices.tolist() for draw in sampler]


def test_an_epoch_visits_each_image_once_and_one_window_of_chunks_after_another(stream):
    data = stream()
    order = [index for step in order_of(data, 3) for index in step]
    assert sorted(order) == list(range(40))
    sizes = data.listing.chunk_sizes["train"]
    assert sum(sizes) == 50
    assert len(sizes) > 4
    chunk = chunks_of(sizes)[data.splits["train"].positions]
    seen = [int(chunk[index]) for index in order]
    runs = [c for n, c in enumerate(seen) if c not in seen[:n]]
    # At any time at most two chunks are begun and not finished.
    for n in range(len(seen)):
        assert len(set(seen[: n + 1]) & set(seen[n + 1 :])) <= 2
    assert sorted(runs) == sorted(set(chunk.tolist()))
    # Within a window the chunks are mixed.
    assert sum(one != other for one, other in pairwise(seen)) > len(runs) + 5


def test_the_order_is_another_one_in_each_epoch_and_the_same_on_any_number_of_processes(stream):
    data = stream()
    whole = order_of(data, 1)
    assert whole != order_of(data, 2)
    shares = [order_of(data, 1, rank=rank, num_processes=3) for rank in range(3)]
    assert [list(chain(*parts)) for parts in zip(*shares, strict=True)] == whole


def test_a_window_of_all_chunks_is_a_plain_shuffle():
    chunks = chunks_of([7, 5, 8])
    plain = WindowedBatches(torch.zeros(20, dtype=torch.int64), 1, 20, shuffle=True)
    windowed = WindowedBatches(chunks, 3, 20, shuffle=True)
    assert torch.equal(next(iter(plain)).indices, next(iter(windowed)).indices)


@pytest.mark.parametrize("num_workers", [2])
def test_workers_read_the_same_batches(stream, num_workers):
    alone = list(stream().train_dataloader())
    helped = list(stream(num_workers=num_workers).train_dataloader())
    assert all(torch.equal(a, b) for one, two in zip(alone, helped, strict=True) for a, b in zip(one, two, strict=True))


def test_the_chunks_hold_the_very_bytes_of_the_files_in_random_order(packed, folders):
    data = StreamedImageNet(str(packed))
    data.prepare_data()
    names = data.listing.files["train"]
    from litdata import StreamingDataset

    stored = StreamingDataset(str(packed / "train"))
    for place, name in enumerate(names):
        assert bytes(stored[place]) == (folders / "train" / name).read_bytes()
    # Sorted by class it would begin with twenty of the first.
    assert 4 <= sum(name.startswith("n01") for name in names[:20]) <= 12


def test_a_run_from_a_stream_that_was_stopped_goes_on_exactly(stream, tmp_path):
    options = {"max_epochs": 2, "log_every_n_steps": 1}
    whole = outcome(train(tmp_path / "whole", stream(), small_model(224), **options), tmp_path / "whole")
    assert whole["train_images"] == 80
    stopped(tmp_path / "run", stream(num_workers=2), small_model(224), StopAfter(7), **options)
    assert outcome(train(tmp_path / "run", stream(), small_model(224), **options), tmp_path / "run") == whole


def test_chunks_are_fetched_once_an_epoch_and_the_cache_stays_small(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "IN_USE", 0.0)
    fetched, held, download = [], [], cache.ChunkCache._download

    def noted(self, name, num_bytes, *rest):
        fetched.append(name)
        download(self, name, num_bytes, *rest)
        if num_bytes:  # a chunk, not the index
            with self._counting:  # nothing is removed meanwhile
                held.append(sum(size for _, _, size in self._held()))

    monkeypatch.setattr(cache.ChunkCache, "_download", noted)
    most = 7 * 9_000
    options = {"num_held_out": 0, "num_workers": 0, "window": 2, "cache_dir": str(tmp_path), "cache_gb": most / 1e9}
    data = StreamedImageNet(f"local:{packed}", 4, **options)
    data.setup()
    num_chunks = len(data.listing.chunk_sizes["train"])
    assert num_chunks > 7
    for _ in data.train_dataloader():
        pass
    assert 0 < max(held) <= most
    chunks = [name for name in fetched if name.endswith(".bin")]
    assert sorted(chunks) == sorted(set(chunks))
    assert len(chunks) == num_chunks


def test_a_cache_too_small_for_its_window_is_refused(packed, tmp_path):
    data = StreamedImageNet(f"local:{packed}", num_workers=0, num_held_out=0, cache_dir=str(tmp_path), cache_gb=1e-5)
    data.setup()
    with pytest.raises(InputError, match=r"data.cache_gb is 1e-05, but three windows of 16 chunks need"):
        data.splits["train"][Draw(0, torch.arange(1))]


def test_a_chunk_that_does_not_arrive_whole_is_refused(packed, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(packed, copy)
    data = StreamedImageNet(f"local:{copy}", num_held_out=0, num_workers=0, cache_dir=str(tmp_path / "cache"))
    data.setup()
    for chunk in (copy / "val").glob("*.bin"):
        chunk.write_bytes(chunk.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"chunk-0-0.bin cannot be fetched \(.* bytes arrived\)"):
        data.splits["test"][Draw(0, torch.arange(1))]
    for chunk in (copy / "val").glob("*.bin"):
        chunk.unlink()
    with pytest.raises(InputError, match=r"chunk-0-0.bin cannot be fetched"):
        data.splits["test"][Draw(0, torch.arange(1))]


@pytest.mark.parametrize("kind", ["", "local:"])
@pytest.mark.parametrize(
    "index", ["", "[]", "{}", "[" * 100_000, "\xff", '{"chunks": [{"filename": 3}], "config": {}}']
)
def test_a_damaged_index_is_one_sentence(packed, tmp_path, kind, index):
    copy = tmp_path / "copy"
    shutil.copytree(packed, copy)
    (copy / "train" / "index.json").write_bytes(index.encode("latin1"))
    data = StreamedImageNet(f"{kind}{copy}", num_held_out=0, num_workers=0, cache_dir=str(tmp_path / "cache"))
    data.setup()
    with pytest.raises(InputError, match=r"copy/train cannot be read .*index.json or a chunk is damaged"):
        data.splits["train"][Draw(0, torch.arange(1))]


def test_a_photo_that_is_none_is_named(folders, tmp_path):
    copy = tmp_path / "copy"
    for split in ("train", "val"):
        (copy / split / "n01").mkdir(parents=True)
        (copy / split / "n01" / "broken.JPEG").write_bytes(b"no photo")
    write_stream(copy, tmp_path / "out")
    data = StreamedImageNet(str(tmp_path / "out"), num_held_out=0)
    data.setup()
    with pytest.raises(InputError, match=r"n01/broken.JPEG is not a readable image"):
        data.splits["test"][Draw(0, torch.arange(1))]


def test_without_litdata_there_is_one_sentence(packed, monkeypatch, in_folder, capsys):
    real = builtins.__import__

    def missing(name, *rest, **options):
        if name.partition(".")[0] == "litdata":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **options)

    for name in [name for name in sys.modules if name.partition(".")[0] == "litdata"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(InputError, match=r"pip install litdata"):
        StreamedImageNet(str(packed)).prepare_data()
    assert main(["data", "stream", "ImageNet", "--root", "x", "--output", "y"]) == 2
    assert "pip install litdata" in capsys.readouterr().err


def test_the_verb_packs_says_what_and_leaves_nothing_half_written(folders, in_folder, capsys, monkeypatch):
    words = ["data", "stream", "ImageNet", "--root", str(folders), "--output", "out"]
    assert main(words) == 0
    assert "50 train, 5 val images of 2 classes are in out" in capsys.readouterr().out
    assert {path.name for path in in_folder.iterdir()} == {"out"}
    assert main(words) == 2
    assert "out exists already" in capsys.readouterr().err

    def full(self, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert main([*words[:-1], "other"]) == 2
    assert "other cannot be written (No space left on device)" in capsys.readouterr().err
    assert {path.name for path in in_folder.iterdir()} == {"out"}


@pytest.mark.parametrize("root", ["nowhere", "local:/nowhere"])
def test_an_address_without_a_stream_is_refused(root, tmp_path):
    with pytest.raises(InputError, match=f"No stream can be read at {root}"):
        StreamedImageNet(root, cache_dir=str(tmp_path)).prepare_data()


def test_info_counts_the_stream_and_draws_it(packed, in_folder, capsys):
    assert main(["data", "info", "StreamedImageNet", "--root", str(packed), "--output", "sheet.png"]) == 0
    told = capsys.readouterr().out
    assert "chunks at" in told
    assert "listing-sha256:" in told
    assert Image.open("sheet.png").size > (200, 200)


def test_a_stream_is_not_verified_by_itself(in_folder, capsys):
    assert main(["data", "verify", "StreamedImageNet"]) == 2
    assert "verify these, as ImageNet" in capsys.readouterr().err
