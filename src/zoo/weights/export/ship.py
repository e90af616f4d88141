"""Makes a pair to ship, ``X.safetensors`` and its card ``X.json``, of a run that was measured."""

import hashlib
import json
import re
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import safetensors.torch
import torch

from zoo import runs
from zoo.configs import list_configs
from zoo.errors import InputError
from zoo.files import whole
from zoo.results.record import Record
from zoo.weights.cards import NAME, SHIPPED, asset_name, card_schema, check_card, read_card
from zoo.weights.preprocessing import describe
from zoo.weights.sources.run import RunWeights
from zoo.weights.sources.shipped import WeightsWithCard
from zoo.weights.tensors import MEAN_IMAGE
from zoo.weights.trained import check_state, mean_image_in

DType = Literal["auto", "float32", "float16", "bfloat16"]
#: What half precision may cost where it is chosen by itself: mistakes more than the Record's, of 10,000 images.
MEASURABLE = 2
LICENCE = "Apache-2.0"


def write(
    run_folder: str | Path,
    name: str,
    out_dir: str | Path,
    dtype: DType = "auto",
    root: str | None = None,
    url: str | None = None,
) -> Path:
    """Writes ``out_dir/<name>.safetensors`` and its card, whose path it returns, scored on the whole test set.

    ``name`` is ``<network>[-<variant>]/<dataset>[-<recipe>]``; ``root`` is the folder of the data where the run's
    config names another one. ``dtype`` is that of the weights with two or more dimensions; biases, scales, running
    means and a mean image stay float32. "auto" takes float16 where that costs at most ``MEASURABLE`` mistakes in 10,000
    and float32 otherwise. With a ``url``, the address of a release's files, the card says to fetch the tensors from
    there, and they lie in ``out_dir`` under the name that they have there, that of ``asset_name``. Raises InputError
    where the run has no Record of these weights on its whole test set, the name is of another network, the address is
    not https, or the numbers do not fit ``dtype``; nothing is written then.
    """
    run = RunWeights(Path(run_folder))
    record = _whole_record(run)
    if not NAME.fullmatch(name):
        raise InputError(f"{name!r} is not a name for weights: one looks like lenet5/mnist or vgg16-bn/cifar10.")
    # Before the minutes that scoring may take.
    if url is not None and not re.search(card_schema()["properties"]["url"]["pattern"], f"{url}/"):
        raise InputError(f"{url!r} is not an https:// address of a folder to fetch weights from.")
    run.verify()
    root = root or run.root()
    target = Path(out_dir) / name
    # Measured before it takes its place: a pair that is there is whole.
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft.json"
        for kind in ("float16", "float32") if dtype == "auto" else (dtype,):
            if not _draft(draft, run, name, kind, root):
                continue
            scores = read_card(draft)["scores"]
            cost = scores["top1_wrong"] - (record.metrics["top1_wrong"] or 0)
            if dtype != "auto" or kind == "float32" or cost * 10_000 <= MEASURABLE * scores["n"]:
                weights = target.with_name(f"{target.name}.safetensors")
                if url is not None:
                    weights = Path(out_dir) / _point_to(draft, url)
                return _publish(draft, target.with_name(f"{target.name}.json"), weights)
    raise InputError(f"{run.name} has numbers that do not fit into {dtype}: choose float32.")


def ship(run_folder: str | Path, name: str, dtype: DType = "auto", root: str | None = None) -> Path:
    """``write`` into the package itself, from where the next wheel carries it."""
    return write(run_folder, name, SHIPPED, dtype, root)


def _whole_record(run: RunWeights) -> Record:
    record = run.record
    if record is None:
        raise InputError(f"{run.name} has no {runs.RECORD}: measure it first with zoo test --ckpt_path {run.name}.")
    if record.dataset["split"] != "test" or record.n != record.dataset["num_images"]:
        raise InputError(f"The Record of {run.name} is of {record.n} images, not of the whole test set: measure again.")
    return record


def _draft(card_file: Path, run: RunWeights, name: str, dtype: str, root: str | None) -> bool:
    """Writes the pair with its scores; False where a number does not fit into ``dtype``."""
    kind: torch.dtype = getattr(torch, dtype)
    tensors = {
        key: (value.to(kind) if value.is_floating_point() and value.ndim > 1 else value).contiguous()
        for key, value in run.state().items()
    }
    if not all(value.isfinite().all() for value in tensors.values() if value.is_floating_point()):
        return False
    check_state(tensors, run.bare_network(), run.name)
    image = mean_image_in(run.steps(root))
    if image is not None:
        tensors[MEAN_IMAGE] = image.contiguous()
    # One entry of metadata only: of several the order in the file, and so its digest, would change from call to call.
    content = safetensors.torch.save(tensors, metadata={"format": "pt"})
    card_file.with_suffix(".safetensors").write_bytes(content)
    card = card_of(run, name) | {
        "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "dtype": dtype,
    }  # fmt: skip
    for scores in (None, "measured"):
        if scores:
            # Imported here, for it brings in torchmetrics, which an export needs not.
            from zoo.weights.export.scoring import measure

            card["scores"], card["measures"] = measure(WeightsWithCard(card_file), root)
        _write_card(card_file, card)
    return True


def _point_to(card_file: Path, url: str) -> str:
    """Writes into the card that its file is to be fetched from below ``url``; returns the name that it has there."""
    card = read_card(card_file)
    name = asset_name(card)
    _write_card(card_file, card | {"url": f"{url.rstrip('/')}/{name}"})
    return name


def _write_card(card_file: Path, card: dict[str, Any]) -> None:
    check_card(card, card["name"])
    card_file.write_text(json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def card_of(run: RunWeights, name: str) -> dict[str, Any]:
    """The card of a measured run, except for what it says of its file: sha256, bytes, dtype; scores are None."""
    assert run.record is not None
    record, use, meta = run.record.content(), run.data, run.meta
    named = {key: record["dataset"][key] for key in ("name", "fingerprint", "split", "num_images")}
    return {
        "schema": 1,
        "name": name,
        "network": meta["network"],
        "variant": meta["variant"],
        # As JSON gives them back: a tuple is a list there.
        "options": json.loads(json.dumps(meta["options"])),
        "class_names": meta["class_names"],
        "data": {"class": use.class_name, "transform": use.transform} | named,
        "preprocessing": {"input_shape": list(run.bare_network().input_shape)} | describe(run.bare_steps()),
        "scores": None,
        "measures": None,
        "parameters": record["parameters"],
        "record": record,
        "config": _config_name(run.path),
        "commit": (record["git"] or {}).get("commit"),
        "seed": record["seed"],
        "licence": LICENCE,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _config_name(checkpoint: Path) -> str | None:
    """The shipped config after which ``runs/<config>/<time>`` or ``<config>-seed<N>`` is named."""
    folder = checkpoint.absolute().parents[1]
    named = (folder.parent.name, re.sub(r"-seed\d+$", "", folder.name))
    return next((name for name in named if name in list_configs()), None)


def _publish(draft: Path, card_file: Path, weights: Path) -> Path:
    card_file.parent.mkdir(parents=True, exist_ok=True)
    # The weights first: where only they are replaced, the old card refuses them.
    for source, target in ((draft.with_suffix(".safetensors"), weights), (draft, card_file)):
        with whole(target) as copy:
            shutil.copyfile(source, copy)
    return card_file
