"""What was written is read back as the same value, whatever the value."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
import yaml
from caffe_cases import caffemodel, field, new_blob, number, old_blob
from hypothesis import given
from hypothesis import strategies as st
from results_cases import make_record
from test_readers import EXAMPLES

names = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=12)
finite = st.floats(allow_nan=False, allow_infinity=False)
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), finite, names),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner, max_size=3)),
    max_leaves=8,
)
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4)


def drawn(shape: list[int], seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_records(tmp_path):
    from zoo.results.record import Record

    @EXAMPLES
    @given(st.integers(1, 10**6), st.data(), st.dictionaries(names, plain, max_size=3), finite)
    def holds(n, data, options, loss):
        wrong = data.draw(st.integers(0, n))
        record = make_record(wrong=wrong, wrong5=data.draw(st.integers(0, wrong)), n=n)
        config = record.config | {"model": {"class_path": "x", "init_args": options}}
        record = replace(record, config=config, metrics=record.metrics | {"loss": loss})
        record.write(tmp_path / "record.json")
        assert Record.read(tmp_path / "record.json") == record

    holds()


def test_checkpoints_and_their_seal(tmp_path):
    from zoo.models.network import NETWORK_KEY
    from zoo.training.checkpoint_files import WholeFile
    from zoo.weights.sources.checkpoint import load_checkpoint

    @EXAMPLES
    @given(st.dictionaries(names, plain, max_size=3), shapes, st.integers(0, 2**31))
    def holds(values, shape, seed):
        tensor = drawn(shape, seed)
        held = {"values": values, "state_dict": {"network.w": tensor}, NETWORK_KEY: {"name": "x"}}
        WholeFile().save_checkpoint(held, tmp_path / "x.ckpt")
        found = load_checkpoint(tmp_path / "x.ckpt")
        assert torch.equal(found.pop("state_dict")["network.w"], tensor)
        assert found == {key: value for key, value in held.items() if key != "state_dict"}

    holds()


def test_safetensors():
    import safetensors.torch

    from zoo.weights.tensors import parsed

    @EXAMPLES
    @given(st.dictionaries(names, shapes, min_size=1, max_size=3), st.integers(0, 2**31))
    def holds(wanted, seed):
        state = {name: drawn(shape, seed) for name, shape in wanted.items()}
        found = parsed(safetensors.torch.save(state), "x")
        assert {name: tensor.tolist() for name, tensor in found.items()} == {
            name: tensor.tolist() for name, tensor in state.items()
        }

    holds()


def test_protocol_buffers():
    from zoo.weights.sources.protobuf import fields, varints

    parts = st.lists(st.tuples(st.integers(1, 2**28), st.one_of(st.integers(0, 2**64 - 1), st.binary(max_size=30))))

    @EXAMPLES
    @given(parts, st.lists(st.integers(0, 2**64 - 1), max_size=9))
    def holds(wanted, numbers):
        message = b"".join(field(place, content) for place, content in wanted)
        found = [
            (place, value if isinstance(value, int) else bytes(value))
            for place, _, value in fields(memoryview(message))
        ]
        assert found == wanted
        assert varints(memoryview(b"".join(map(number, numbers))), 9) == numbers

    holds()


@pytest.mark.parametrize("old", [False, True])
def test_caffe(old):
    from zoo.weights.sources.caffe_messages import layers_of, read_blob, without_ones

    @EXAMPLES
    @given(st.dictionaries(names, shapes, min_size=1, max_size=3), st.integers(0, 2**31))
    def holds(wanted, seed):
        weights = {name: (drawn(shape, seed), drawn(shape[:1], seed)) for name, shape in wanted.items()}
        layers = layers_of(memoryview(caffemodel(weights, old)))
        assert list(layers) == list(weights)
        for name, pair in weights.items():
            for blob, tensor in zip(layers[name], pair, strict=True):
                shape, numbers = read_blob(blob)
                assert without_ones(shape) == without_ones(tuple(tensor.shape))
                assert np.array_equal(numbers, tensor.flatten().numpy())
        blob = (old_blob if old else new_blob)(drawn([2, 3], seed))
        assert np.array_equal(read_blob(memoryview(blob))[1], drawn([2, 3], seed).flatten().numpy())

    holds()


def test_configs(tmp_path):
    from zoo.runs import differences
    from zoo.yaml_text import read_file

    @EXAMPLES
    @given(st.dictionaries(names, plain, max_size=4))
    def holds(content):
        text = yaml.safe_dump(content, allow_unicode=True)
        (tmp_path / "x.yaml").write_text(text, encoding="utf-8")
        assert read_file(tmp_path / "x.yaml") == content
        assert differences(tmp_path / "x.yaml", text) == []

    holds()


def test_metrics(tmp_path):
    from zoo.training.loggers import MetricsFile

    rows = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), finite, min_size=1), min_size=1, max_size=6)

    @EXAMPLES
    @given(rows, st.data())
    def holds(wanted, data):
        path = tmp_path / "metrics.csv"
        path.unlink(missing_ok=True)
        logger = MetricsFile(tmp_path)
        for step, row in enumerate(wanted):
            logger.log_metrics(row, step=step)
            if data.draw(st.booleans()):
                logger.flush()
        assert logger.flush() == len(wanted)
        kept = data.draw(st.integers(0, len(wanted)))
        again = MetricsFile(tmp_path)
        again.cut(kept)
        found = [{key: float(value) for key, value in row.items() if value} for row in again.experiment.rows()]
        assert found == [row | {"step": step} for step, row in enumerate(wanted[:kept])]

    holds()


def test_manifests(tmp_path):
    from zoo.data.photos.inspection import CheckedPhoto
    from zoo.data.photos.manifest import FIELDS, fitting, write

    photos = st.dictionaries(names.filter(lambda name: name not in (".", "..")), st.binary(max_size=9), max_size=4)

    @EXAMPLES
    @given(photos, st.integers(1, 5000))
    def holds(wanted, width):
        root = tmp_path / "photos"
        for file in root.glob("*"):
            file.unlink()
        root.mkdir(exist_ok=True)
        checked = []
        for place, content in enumerate(wanted.values()):
            file = root / f"{place}.JPEG"
            file.write_bytes(content)
            checked.append(CheckedPhoto(file.name, len(content), "0" * 64, width, 1, "RGB", "JPEG"))
        write(root / "zoo-manifest.jsonl", checked)
        found = fitting(root, [root / photo.path for photo in checked])
        assert found == [{name: getattr(photo, name) for name in FIELDS} for photo in checked]

    holds()


def test_unfinished_downloads(tmp_path):
    from zoo.data.unfinished_download import Source, UnfinishedDownload

    @EXAMPLES
    @given(st.text(max_size=20), st.integers(1, 2**40), st.one_of(st.none(), st.text(max_size=20)))
    def holds(url, size, mark):
        unfinished = UnfinishedDownload(tmp_path / "x.bin", url)
        unfinished.note(Source(size, mark, True))
        assert UnfinishedDownload(tmp_path / "x.bin", url)._read() == Source(size, mark, True)
        assert UnfinishedDownload(tmp_path / "x.bin", f"{url}?")._read() is None

    holds()


def test_convnetjs(seeded):
    from zoo.models import ConvNetJS
    from zoo.weights.export.convnetjs import to_convnetjs
    from zoo.weights.sources.convnetjs import from_convnetjs

    network = ConvNetJS()
    found = from_convnetjs(json.loads(to_convnetjs(network)))
    for key, value in network.state_dict().items():
        assert torch.equal(found.state_dict()[key], value), key


def test_speed_records(tmp_path):
    from zoo.results.speed import SpeedRecord, rates

    @EXAMPLES
    @given(st.lists(st.floats(1e-6, 1e6), min_size=2, max_size=5), st.integers(1, 512), st.integers(1, 99))
    def holds(seconds, size, steps):
        row = {
            "mode": "eval", "form": "float32", "batch_size": size, "steps": steps, "seconds": seconds,
            "cpu_seconds": None, "images_per_second": rates(size, steps, seconds),
        }  # fmt: skip
        environment = {"python": "3", "platform": "x", "device": "cpu", "threads": 1, "packages": {}}
        record = SpeedRecord(
            "x", "paper", 1, [1, 2, 3], 1, len(seconds), [row], None, None, environment, "2026-01-31T12:00:00+00:00"
        )
        record.write(tmp_path / "x.json")
        assert asdict(SpeedRecord.read(tmp_path / "x.json")) == asdict(record)

    holds()
