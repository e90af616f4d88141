"""Whole files of every kind that the package reads, made once for all attacks: by the package itself where it can."""

import gzip
import json
import os
import pickle
import shutil
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
# From this size on a file is linked and not copied.
LARGE = 1_000_000
LINEAR = (
    "fit --data Digits --data.transform raw --model LinearModel --model.in_channels 1 --model.input_size 8"
    " --trainer.max_epochs 1 --trainer.enable_progress_bar false --trainer.accelerator cpu --run_dir run"
)
PREPARE = "data prepare ImageNet --root photos --size 64 --output store --workers 1"


class Stock:
    """Folders below ``place``, one a kind; ``copy`` puts one's files into the folder of a case."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def make(self, names: Iterable[str]) -> None:
        """Makes what is asked for and not there yet, each kind in a process of its own."""
        for name in sorted(names):
            folder = self.place / name
            if folder.exists():
                continue
            self.make(_NEEDS.get(name, ()))
            folder.mkdir(parents=True)
            child = os.fork()
            if not child:
                _made(name, folder, self)
            _, status = os.waitpid(child, 0)
            if status:
                raise RuntimeError(f"the stock {name!r} could not be made")

    def copy(self, name: str, target: Path) -> None:
        """Puts the files of a kind into ``target``."""
        shutil.copytree(self.place / name, target, dirs_exist_ok=True, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    if os.path.getsize(source) >= LARGE:
        os.link(source, target)
    else:
        shutil.copyfile(source, target)


def _made(name: str, folder: Path, stock: Stock) -> None:
    status = 1
    try:
        os.chdir(folder)
        os.environ |= {"HOME": str(stock.place), "ZOO_RUN_DIR": ""}
        del os.environ["ZOO_RUN_DIR"]
        for needed in _NEEDS.get(name, ()):
            stock.copy(needed, folder)
        out = os.open(os.devnull, os.O_WRONLY)
        os.dup2(out, 1)
        _MAKERS[name](folder)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _zoo(words: str, *more: str) -> None:
    from zoo.cli import main

    status = main([*words.split(), *more])
    if status:
        raise RuntimeError(f"zoo {words} ended with status {status}")


def _run(folder: Path) -> None:
    _zoo(LINEAR)


def _partial(folder: Path) -> None:
    _zoo(f"{LINEAR} --trainer.limit_test_batches 1")


def _stopped(folder: Path) -> None:
    """A run that a signal stopped in its second epoch."""
    import signal

    from zoo.cli import main
    from zoo.models.classifier import Classifier

    step = Classifier.training_step

    def training_step(self: Classifier, batch: object, batch_idx: int) -> object:
        if self.trainer.global_step == 50:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, batch_idx)

    Classifier.training_step = training_step  # type: ignore[method-assign, assignment]
    status = main([*LINEAR.replace("max_epochs 1", "max_epochs 2").split(), "--trainer.log_every_n_steps", "5"])
    if status != 128 + signal.SIGTERM:
        raise RuntimeError(f"the run was not stopped but ended with status {status}")


def _weights(folder: Path) -> None:
    _zoo("export run --format safetensors --output weights.safetensors")


def _pictures(folder: Path) -> None:
    from PIL import Image

    drawn = np.random.default_rng(0)
    Image.fromarray(drawn.integers(0, 255, (40, 50), np.uint8)).save(folder / "grey.png")
    Image.fromarray(drawn.integers(0, 255, (60, 40, 3), np.uint8)).save(folder / "photo.jpg", quality=90)
    Image.fromarray(drawn.integers(0, 255, (30, 30, 3), np.uint8)).save(folder / "drawing.gif")
    Image.fromarray(drawn.integers(0, 255, (30, 30, 3), np.uint8)).save(folder / "scan.tiff")
    Image.fromarray(drawn.integers(0, 255, (30, 30, 3), np.uint8)).save(folder / "page.webp")


def _lines(folder: Path) -> None:
    """Of few bytes, and out of all proportion."""
    from PIL import Image

    Image.new("L", (1_000_000, 1)).save(folder / "line.png")
    Image.new("RGB", (1, 1_000_000)).save(folder / "column.png")


def _photos(folder: Path) -> None:
    from PIL import Image

    drawn = np.random.default_rng(1)
    for split, number in (("train", 4), ("val", 2)):
        for wnid in ("n01440764", "n01443537"):
            place = folder / "photos" / split / wnid
            place.mkdir(parents=True)
            for n in range(number):
                colours = drawn.integers(0, 255, (8, 9, 3), np.uint8)
                name = f"ILSVRC2012_val_{n + 1:08d}" if split == "val" else f"{wnid}_{n}"
                Image.fromarray(colours).resize((90, 80)).save(place / f"{name}.JPEG", quality=80)


def _store(folder: Path) -> None:
    _zoo(PREPARE)


def _unfinished(folder: Path) -> None:
    """A store whose preparation was stopped before its last photo."""
    from zoo.cli import main
    from zoo.data.store import writer

    def stop(*ignored: object) -> None:
        raise KeyboardInterrupt

    writer.write_index = stop  # type: ignore[assignment]
    status = main(PREPARE.split())
    if status != 130 or not (folder / "store" / "unfinished" / "job.json").is_file():
        raise RuntimeError(f"the preparation was not stopped but ended with status {status}")


def _stream(folder: Path) -> None:
    _zoo("data stream ImageNet --root photos --output stream")


def _manifest(folder: Path) -> None:
    from zoo.data.photos.manifest import NAME

    _zoo(f"data verify ImageNet --root photos --workers 1 --manifest photos/{NAME}")


def _flat_val(folder: Path) -> None:
    """The official files of ILSVRC as they are unpacked: val/ without folders, the development kit beside it."""
    from scipy.io import savemat

    root = folder / "photos"
    for place in sorted((root / "val").iterdir()):
        for n, file in enumerate(sorted(place.iterdir())):
            number = 1 + 2 * n + (place.name == "n01443537")
            file.rename(root / "val" / f"ILSVRC2012_val_{number:08d}.JPEG")
        place.rmdir()
    kit = root / "ILSVRC2012_devkit_t12" / "data"
    kit.mkdir(parents=True)
    (kit / "ILSVRC2012_validation_ground_truth.txt").write_text("1\n2\n1\n2\n")
    kinds = np.dtype([("ILSVRC2012_ID", object), ("WNID", object), ("num_train_images", object)])
    synsets = np.array([(1, "n01440764", 4), (2, "n01443537", 4)], dtype=kinds)
    savemat(kit / "meta.mat", {"synsets": synsets})


def _kaggle(folder: Path) -> None:
    _flat_val(folder)
    root = folder / "photos"
    shutil.rmtree(root / "ILSVRC2012_devkit_t12")
    rows = [f"ILSVRC2012_val_{n:08d},{('n01443537', 'n01440764')[n % 2]} 1 1 9 9" for n in range(1, 5)]
    (root / "LOC_val_solution.csv").write_text("\n".join(["ImageId,PredictionString", *rows]) + "\n")


def _synsets(folder: Path) -> None:
    _flat_val(folder)
    root = folder / "photos"
    shutil.rmtree(root / "ILSVRC2012_devkit_t12")
    (root / "val.txt").write_text("".join(f"ILSVRC2012_val_{n:08d}.JPEG {(n + 1) % 2}\n" for n in range(1, 5)))
    (root / "synset_words.txt").write_text("n01440764 tench\nn01443537 goldfish\n")


def _mnist(folder: Path) -> None:
    place = folder / "data" / "mnist"
    place.mkdir(parents=True)
    for name, num in (("train", 60_000), ("t10k", 10_000)):
        for kind, shape in (("images-idx3", (num, 28, 28)), ("labels-idx1", (num,))):
            header = bytes([0, 0, 8, len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)
            values = np.zeros(shape, np.uint8) if len(shape) > 1 else (np.arange(num) % 10).astype(np.uint8)
            (place / f"{name}-{kind}-ubyte.gz").write_bytes(gzip.compress(header + values.tobytes(), 1))


def _mnist_plain(folder: Path) -> None:
    _mnist(folder)
    for file in (folder / "data" / "mnist").glob("*.gz"):
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()


def _cifar(folder: Path) -> None:
    place = folder / "data" / "cifar-10-batches-bin"
    place.mkdir(parents=True)
    records = np.zeros((10_000, 3073), np.uint8)
    records[:, 0] = np.arange(10_000) % 10
    _six(place, ".bin", records.tobytes())


def _cifar_python(folder: Path) -> None:
    place = folder / "data" / "cifar-10-batches-py"
    place.mkdir(parents=True)
    batch = {"data": np.zeros((10_000, 3072), np.uint8), "labels": (np.arange(10_000) % 10).tolist()}
    _six(place, "", pickle.dumps(batch, protocol=2))


def _six(place: Path, ending: str, content: bytes) -> None:
    first = place / f"data_batch_1{ending}"
    first.write_bytes(content)
    for name in ("data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"):
        os.link(first, place / f"{name}{ending}")


def _svhn(folder: Path) -> None:
    from scipy.io import savemat

    (folder / "data").mkdir()
    for name, number in (("train", 40), ("test", 10)):
        images = np.random.default_rng(number).integers(0, 255, (32, 32, 3, number), np.uint8)
        labels = (np.arange(number) % 10 + 1).astype(np.uint8)[:, None]
        savemat(folder / "data" / f"{name}_32x32.mat", {"X": images, "y": labels})


def _caffe(folder: Path) -> None:
    import torch

    sys.path.append(str(ROOT / "tests"))
    from caffe_cases import caffemodel, field, new_blob

    import zoo

    theirs = {"cuda_convnet-quick": {"fc64": "ip1", "fc10": "ip2"}, "lenet5-caffe": {}}
    for name, file in (("lenet5-caffe", "lenet.caffemodel"), ("cuda_convnet-quick", "quick.caffemodel")):
        network, _, variant = name.partition("-")
        state = zoo.get_model(network, variant=variant).state_dict()
        layers = dict.fromkeys(key.rpartition(".")[0] for key in state)
        weights = {theirs[name].get(k, k): (state[f"{k}.weight"], state[f"{k}.bias"]) for k in layers}
        (folder / file).write_bytes(caffemodel(weights, old=file.startswith("quick")))
    mean = torch.full((3, 32, 32), 120.0)
    (folder / "mean.binaryproto").write_bytes(new_blob(mean[None]) + field(1, 1))


def _convnetjs(folder: Path) -> None:
    from zoo.models import ConvNetJS
    from zoo.weights.export.convnetjs import to_convnetjs

    (folder / "snapshot.json").write_bytes(to_convnetjs(ConvNetJS()))


def _state_dict(folder: Path) -> None:
    import safetensors.torch
    import torch

    state = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10)).state_dict()
    torch.save(state, folder / "state.pth")
    torch.save({"epoch": 3, "state_dict": state}, folder / "wrapped.pth")
    torch.save(state, folder / "old.pth", _use_new_zipfile_serialization=False)
    safetensors.torch.save_file(dict(state), folder / "state.safetensors")


def _records(folder: Path) -> None:
    (folder / "records").mkdir()
    for name in ("linear_cifar10-seed0", "lenet5_digits-seed0", "lenet5_digits-seed1", "mlp_mnist-seed0"):
        shutil.copyfile(ROOT / "benchmarks" / "results" / f"{name}.json", folder / "records" / f"{name}.json")


def _speeds(folder: Path) -> None:
    (folder / "speeds").mkdir()
    for file in sorted((ROOT / "benchmarks" / "results_speed").rglob("*.json"))[:2]:
        (folder / "speeds" / file.name).write_text(json.dumps(json.loads(file.read_text())))


def _deep(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "a.json").write_text("[" * 100_000 + "]" * 100_000)
    (folder / "x.png").write_bytes(b"")


def _published(folder: Path) -> None:
    import yaml

    content = yaml.safe_load((ROOT / "benchmarks" / "published.yaml").read_text())
    content |= {"figures": content["figures"][:3], "trainings": content["trainings"][:2]}
    (folder / "published.yaml").write_text(yaml.safe_dump(content))


_NEEDS = {"weights": ("run",)}
_NEEDS |= dict.fromkeys(("store", "unfinished", "stream", "manifest", "flat_val", "kaggle", "synsets"), ("photos",))
_MAKERS: dict[str, Callable[[Path], None]] = {
    "run": _run,
    "partial": _partial,
    "stopped": _stopped,
    "weights": _weights,
    "pictures": _pictures,
    "lines": _lines,
    "photos": _photos,
    "store": _store,
    "unfinished": _unfinished,
    "stream": _stream,
    "manifest": _manifest,
    "flat_val": _flat_val,
    "kaggle": _kaggle,
    "synsets": _synsets,
    "mnist": _mnist,
    "mnist_plain": _mnist_plain,
    "cifar": _cifar,
    "cifar_python": _cifar_python,
    "svhn": _svhn,
    "caffe": _caffe,
    "convnetjs": _convnetjs,
    "state_dict": _state_dict,
    "records": _records,
    "speeds": _speeds,
    "published": _published,
    "deep": _deep,
}
