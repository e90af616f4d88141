"""Every reader of a file format: a whole file of it, what reads it, and the errors that are the package's own."""

import gzip
import json
import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from caffe_cases import caffemodel, field, new_blob
from results_cases import make_record
from weights_cases import make_run

import zoo
from zoo.data import CIFAR10, STL10
from zoo.errors import InputError

#: Small enough to be changed everywhere, whatever the real one's size.
LABELS = "".join(f"ILSVRC2012_val_{n:08d} n0144076{n}\n" for n in range(5))
KAGGLE = "ImageId,PredictionString\n" + "".join(f"ILSVRC2012_val_{n:08d},n0144076{n} 1 2 3 4\n" for n in range(2))


@dataclass(frozen=True)
class Reader:
    """``whole`` makes the bytes of a file, in a folder that it may put others into; ``read`` reads one of ``name``."""

    name: str
    whole: Callable[[Path], bytes]
    read: Callable[[Path], Any]
    raises: tuple[type[Exception], ...] = (InputError,)


def _record(folder: Path) -> bytes:
    make_record().write(folder / "x.json")
    return (folder / "x.json").read_bytes()


def _speed(folder: Path) -> bytes:
    # The smallest of those measured.
    files = (Path(__file__).resolve().parents[2] / "benchmarks" / "results_speed").rglob("*.json")
    content = json.loads(min(files, key=lambda file: file.stat().st_size).read_bytes())
    return json.dumps(content | {"rows": content["rows"][:2]}).encode()


def _published(folder: Path) -> bytes:
    from zoo.results.published import FILE

    content = yaml.safe_load(FILE.read_bytes())
    few = {"figures": content["figures"][:2], "trainings": content["trainings"][:1], "papers": {}}
    return yaml.safe_dump(content | few).encode()


def _config(folder: Path) -> bytes:
    return (make_run(folder / "run") / "config.yaml").read_bytes()


def _checkpoint(folder: Path) -> bytes:
    from zoo.training.checkpoint_files import WholeFile

    held = torch.load(make_run(folder / "run") / "checkpoints" / "last.ckpt", weights_only=True)
    WholeFile().save_checkpoint(held, folder / "x.ckpt")
    return (folder / "x.ckpt").read_bytes()


def _unsealed(folder: Path) -> bytes:
    return (make_run(folder / "run") / "checkpoints" / "last.ckpt").read_bytes()


def _read_run(path: Path) -> Any:
    from zoo.weights.sources.run import RunWeights

    weights = RunWeights(path)
    weights.verify()
    return weights.meta


def _state_dict(folder: Path) -> bytes:
    torch.save(zoo.get_model("linear", in_channels=1, input_size=4).state_dict(), folder / "x.pth")
    return (folder / "x.pth").read_bytes()


def _from_state_dict(path: Path) -> Any:
    from zoo.weights.sources.pytorch import from_state_dict

    return from_state_dict(path, "linear", in_channels=1, input_size=4)


def _safetensors(folder: Path) -> bytes:
    import safetensors.torch

    return safetensors.torch.save({"fc.weight": torch.zeros(10, 16), "fc.bias": torch.zeros(10)})


def _read_tensors(path: Path) -> Any:
    from zoo.weights.tensors import read_tensors

    return read_tensors(path)


def _card(folder: Path) -> bytes:
    from zoo.weights.cards import shipped

    return min(shipped().values(), key=lambda card: card.stat().st_size).read_bytes()


def _read_card(path: Path) -> Any:
    from zoo.weights.cards import is_card, read_card

    is_card(path)
    return read_card(path)


def _caffe(folder: Path) -> bytes:
    return caffemodel({"ip1": (torch.zeros(3, 4), torch.zeros(3))})


def _read_caffe(path: Path) -> Any:
    from zoo.weights.sources.caffemodel import form_of, from_caffemodel

    form_of(path)
    return from_caffemodel(path, "lenet")


def _mean(folder: Path) -> bytes:
    return new_blob(torch.full((1, 3, 4, 4), 99.0)) + field(1, 1)


def _read_mean(path: Path) -> Any:
    from zoo.weights.sources.caffemodel import mean_image

    return mean_image(path, 3, 4)


def _protobuf(folder: Path) -> bytes:
    return _caffe(folder)


def _read_protobuf(path: Path) -> Any:
    from zoo.weights.sources.caffe_messages import layers_of, name_of, read_blob

    content = memoryview(path.read_bytes())
    return name_of(content), [read_blob(blob) for blobs in layers_of(content).values() for blob in blobs]


def _snapshot(folder: Path) -> bytes:
    from zoo.models import ConvNetJS
    from zoo.weights.export.convnetjs import to_convnetjs

    return to_convnetjs(ConvNetJS())


def _read_snapshot(path: Path) -> Any:
    from zoo.weights.sources.convnetjs import from_convnetjs

    return from_convnetjs(path)


def _cifar_python(folder: Path) -> bytes:
    return pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0, 1]}, protocol=2)


def _read_cifar_python(path: Path) -> Any:
    from zoo.data.cifar import read_python

    return read_python(path, CIFAR10.form, 2)


def _read_cifar(path: Path) -> Any:
    from zoo.data.cifar import read_binary

    return read_binary(path, CIFAR10.form, 2)


def _idx(folder: Path) -> bytes:
    return bytes([0, 0, 8, 1]) + struct.pack(">i", 10_000) + bytes(10_000)


def _read_idx(path: Path) -> Any:
    from zoo.data.mnist import MNIST

    return MNIST(root=str(path.parent))._read_idx("t10k-labels-idx1-ubyte", (10_000,))


def _svhn(folder: Path) -> bytes:
    from scipy.io import savemat

    savemat(folder / "x.mat", {"X": np.zeros((32, 32, 3, 2), np.uint8), "y": np.array([[1], [10]], np.uint8)})
    return (folder / "x.mat").read_bytes()


def _read_svhn(path: Path) -> Any:
    from zoo.data.svhn import read_mat

    return read_mat(path)


def _read_stl10(path: Path) -> Any:
    return STL10(root=str(path.parent))._bytes("train_y.bin", 20)


def _index(folder: Path) -> bytes:
    from zoo.data.store.format import digest_of_index

    index = {
        "format": 1, "size": 64, "scaling": "short side", "classes": ["a"], "made_with": {},
        "shards": {"train": [], "val": []}, "source": {"files": "x", "listing": "y"},
        "sha256": {"pictures.npz": "0" * 64, "mean_image.npy": "0" * 64},
        "statistics": {"mean": [1.0], "std": [1.0], "components": [[1.0]]},
    }  # fmt: skip
    return json.dumps(index | {"index_sha256": digest_of_index(index)}).encode()


def _read_index(path: Path) -> Any:
    from zoo.data.store.format import Store

    return Store(path.parent).index


def _notes(folder: Path) -> bytes:
    with (folder / "x.npz").open("wb") as file:
        np.savez(file, listing=np.array("x"), bytes=np.int64(3), sha256=np.zeros(32, np.uint8))
    return (folder / "x.npz").read_bytes()


def _read_notes(path: Path) -> Any:
    from zoo.data.store.shards import ShardJob

    (path.parent.parent / "train-00000.bin").write_bytes(bytes(3))
    return ShardJob(path.parent.parent, "train-00000", (), "x", 64, "short side", True).is_done()


def _manifest(folder: Path) -> bytes:
    entry = {"path": "train/a/x.JPEG", "size": 3, "width": 1, "height": 1, "mode": "RGB", "format": "JPEG"}
    return (json.dumps(entry | {"sha256": "0" * 64}) + "\n").encode()


def _read_manifest(path: Path) -> Any:
    from zoo.data.photos.manifest import fingerprint

    file = path.parent / "train" / "a" / "x.JPEG"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(bytes(3))
    return fingerprint(path.parent, [file])


def _listing(folder: Path) -> bytes:
    content = {"classes": ["a"], "files": {"train": ["a/x"], "val": []}, "chunk_sizes": {}, "fingerprint": "x"}
    return gzip.compress(json.dumps(content).encode(), mtime=0)


def _read_listing(path: Path) -> Any:
    from zoo.data.stream.storage import read_listing

    return read_listing(str(path.parent), path.parent / "cache")


def _read_labels(path: Path) -> Any:
    from zoo.data.photos.val_labels import find_labels

    return find_labels(path.parent, path)


def _meta(folder: Path) -> bytes:
    from scipy.io import savemat

    kinds = np.dtype([("ILSVRC2012_ID", object), ("WNID", object), ("num_train_images", object)])
    savemat(folder / "x.mat", {"synsets": np.array([(1, "n01440764", 4), (2, "n01443537", 4)], dtype=kinds)})
    return (folder / "x.mat").read_bytes()


def _read_meta(path: Path) -> Any:
    from zoo.data.photos.ilsvrc import _official
    from zoo.data.photos.val_labels import find_labels

    (path.parent / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n2\n")
    _official(path.parent)
    return find_labels(path.parent)


def _picture(form: str, rows: int = 9) -> Callable[[Path], bytes]:
    def made(folder: Path) -> bytes:
        import io

        from PIL import Image

        file = io.BytesIO()
        colours = np.random.default_rng(0).integers(0, 255, (rows, 12, 3), np.uint8)
        Image.fromarray(colours).save(file, form)
        return file.getvalue()

    return made


def _decode(path: Path) -> Any:
    from zoo.data.photos.decode import decode

    return decode(path)


def _read_rgb(path: Path) -> Any:
    from zoo.data.photos.decoders import read_rgb

    return read_rgb(path)


def _read_fast(path: Path) -> Any:
    from zoo.data.photos.fast_decoder import read_fast

    return np.asarray(read_fast(path))


def _read_upper_part(path: Path) -> Any:
    from zoo.data.photos.decoders import read_in_part

    return _first_row(read_in_part(path))


def _read_upper_part_fast(path: Path) -> Any:
    from zoo.data.photos.fast_decoder import read_fast

    return _first_row(read_fast(path))


def _first_row(photo: Any) -> Any:
    return np.asarray(photo.crop((0, 0, photo.size[0], 1)))


def _check_photo(path: Path) -> Any:
    from zoo.data.photos.inspection import check_photo

    return check_photo(str(path.parent), path.name)


def _note(folder: Path) -> bytes:
    return json.dumps({"url": "x", "size": 3, "mark": "y", "ranges": True}).encode()


def _read_note(path: Path) -> Any:
    from zoo.data.unfinished_download import UnfinishedDownload

    target = path.with_name(path.name.removesuffix(".part.json"))
    unfinished = UnfinishedDownload(target, "x")
    with unfinished.opened() as file:
        file.write(b"a")
    if unfinished.source is not None:
        unfinished.source.headers(1)
    return unfinished.num_kept()


def _archive(folder: Path) -> bytes:
    import io
    import tarfile

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name in ("a/b.bin", "c.bin"):
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"abc"))
    return file.getvalue()


def _extract(path: Path) -> Any:
    from zoo.data.download import extract

    place = path.parent / "unpacked"
    place.mkdir(exist_ok=True)
    return extract(path, place)


def _metrics(folder: Path) -> bytes:
    return b"epoch,step,train/loss\n0,1,2.5\n0,2,1.5\n"


def _read_metrics(path: Path) -> Any:
    from zoo.training.loggers import MetricsFile

    logger = MetricsFile(path.parent)
    logger.log_metrics({"train/loss": 1.0, "other": 2.0}, step=3)
    return logger.flush()


def _read_record(path: Path) -> Any:
    from zoo.results.record import Record

    return Record.read(path)


def _read_speed(path: Path) -> Any:
    from zoo.results.speed import SpeedRecord

    return SpeedRecord.read(path)


def _read_published(path: Path) -> Any:
    from zoo.results.published import load

    return load(path)


def _read_config(path: Path) -> Any:
    from zoo.training.arguments import readable

    return readable(str(path))


def _read_own_config(path: Path) -> Any:
    from zoo.runs import differences
    from zoo.weights.sources.run import _read_config

    differences(path, "data: {}\n")
    return _read_config(path)


def _lent(path: Path) -> Any:
    from zoo.training.lent import check_lent

    check_lent(yaml.safe_load(_read_config(path).read_text(encoding="utf-8")), path)


#: The name says under what name the file is read.
READERS = {
    "Record": Reader("record.json", _record, _read_record),
    "speed record": Reader("speed.json", _speed, _read_speed),
    "published figures": Reader("published.yaml", _published, _read_published),
    "config": Reader("config.yaml", _config, _read_config),
    "config of a run": Reader("config.yaml", _config, _read_own_config),
    "config that is lent": Reader("config.yaml", _config, _lent),
    "checkpoint": Reader("last.ckpt", _checkpoint, _read_run),
    "checkpoint without a seal": Reader("last.ckpt", _unsealed, _read_run),
    "state dict": Reader("state.pth", _state_dict, _from_state_dict),
    "safetensors": Reader("state.safetensors", _safetensors, _read_tensors),
    "card": Reader("card.json", _card, _read_card),
    "caffemodel": Reader("lenet.caffemodel", _caffe, _read_caffe),
    "protobuf": Reader("x.bin", _protobuf, _read_protobuf, (ValueError,)),
    "binaryproto": Reader("mean.binaryproto", _mean, _read_mean),
    "ConvNetJS": Reader("snapshot.json", _snapshot, _read_snapshot),
    "CIFAR-10": Reader("data_batch_1.bin", lambda folder: bytes(2 * 3073), _read_cifar),
    "CIFAR-10 of Python": Reader("data_batch_1", _cifar_python, _read_cifar_python),
    "MNIST": Reader("t10k-labels-idx1-ubyte", _idx, _read_idx),
    "MNIST packed": Reader("t10k-labels-idx1-ubyte.gz", lambda folder: gzip.compress(_idx(folder)), _read_idx),
    "SVHN": Reader("train_32x32.mat", _svhn, _read_svhn),
    "STL-10": Reader("train_y.bin", lambda folder: bytes(20), _read_stl10),
    "store's index": Reader("zoo-store.json", _index, _read_index),
    "store's notes": Reader("unfinished/train-00000.npz", _notes, _read_notes),
    "manifest": Reader("zoo-manifest.jsonl", _manifest, _read_manifest),
    "stream's listing": Reader("listing.json.gz", _listing, _read_listing),
    "labels": Reader("val.txt", lambda folder: LABELS.encode(), _read_labels),
    "Kaggle's labels": Reader("LOC_val_solution.csv", lambda folder: KAGGLE.encode(), _read_labels),
    "meta.mat": Reader("meta.mat", _meta, _read_meta),
    "JPEG": Reader("x.jpg", _picture("JPEG"), _decode),
    "PNG": Reader("x.png", _picture("PNG"), _decode),
    "TIFF": Reader("x.tiff", _picture("TIFF"), _decode),
    "GIF": Reader("x.gif", _picture("GIF"), _decode),
    "photo": Reader("x.JPEG", _picture("JPEG"), _read_rgb),
    "photo, fast": Reader("x.JPEG", _picture("JPEG"), _read_fast),
    "photo, its upper part": Reader("x.JPEG", _picture("JPEG", 40), _read_upper_part),
    "photo, fast, its upper part": Reader("x.JPEG", _picture("JPEG", 40), _read_upper_part_fast),
    "photo, verified": Reader("x.JPEG", _picture("JPEG"), _check_photo),
    "unfinished download": Reader("x.bin.part.json", _note, _read_note),
    "archive": Reader("x.tar.gz", _archive, _extract),
    "metrics": Reader("metrics.csv", _metrics, _read_metrics),
}
