"""Networks on Hugging Face's hub: numbers and a description, no code. Needs the package huggingface_hub."""

import json
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from zoo import __version__
from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.models.network import Network
from zoo.models.unfilled import Unfilled

CONFIG, WEIGHTS, README = "config.json", "model.safetensors", "README.md"
# What an exported file holds beside the network's own tensors.
_BESIDE = "preprocessing."


def save(network: Network, folder: str | Path, name: str | None = None) -> Path:
    """Writes config.json, model.safetensors and README.md into ``folder``, made where it is not there; returns it."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    state = {key: tensor.detach().contiguous() for key, tensor in network.state_dict().items()}
    safetensors.torch.save_file(state, place / WEIGHTS, metadata={"format": "pt"})
    config = json.dumps(_described(network), indent=2, ensure_ascii=False)
    (place / CONFIG).write_text(f"{config}\n", encoding="utf-8")
    (place / README).write_text(_read_me(network, name or place.name), encoding="utf-8")
    return place


def push(network: Network, repo_id: str, *, private: bool | None = None, token: str | None = None, **how: Any) -> str:
    """Writes ``network`` into the repository OWNER/NAME, made where it is not there; returns the address of the commit.

    ``how`` are options of huggingface_hub's ``upload_folder``, such as ``commit_message``, ``revision`` and
    ``create_pr``. Raises InputError where the hub refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        return push_folder(save(network, folder, repo_id), repo_id, private=private, token=token, **how)


def push_folder(
    folder: Path, repo_id: str, *, private: bool | None = None, token: str | None = None, **how: Any
) -> str:
    """The same of the files in a folder."""
    hub = _package()
    api = hub.HfApi(token=token, library_name="zoo", library_version=__version__)
    how.setdefault("commit_message", "Push the network by zoo")
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        return str(api.upload_folder(repo_id=repo_id, folder_path=folder, **how).commit_url)
    except Exception as error:
        # Without a network it lets through what its own HTTP client raises, which is one of several packages.
        if not isinstance(error, (OSError, ValueError)) and not type(error).__module__.startswith("httpx"):
            raise
        raise InputError(f"The hub does not take {repo_id}: {_first_line(error)}.") from error


def load(name: str | Path, **how: Any) -> Network:
    """The network of a repository OWNER/NAME or of a folder, in eval mode, as Hugging Face's ``from_pretrained``.

    ``how`` are options of huggingface_hub's ``hf_hub_download``, such as ``revision``, ``token``, ``cache_dir`` and
    ``local_files_only``. Nothing that the files hold is executed. Raises InputError where there is no such repository,
    or none that this package can have written.
    """
    config = _read(file_of(name, CONFIG, **how), name)
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in config["options"].items()}
    from zoo.models import get_model

    # What the constructor yet draws is thrown away, and is not taken from the caller's stream.
    with torch.random.fork_rng(devices=[]), Unfilled():
        network: Network = get_model(config["network"], variant=config["variant"], **options)
    try:
        network.load_state_dict(_tensors(file_of(name, WEIGHTS, **how)))
    except RuntimeError as error:
        raise InputError(f"The weights of {name} are not those of {network.name} {network.variant}.") from error
    network.meta = {"name": str(name), "network": network.name, "variant": network.variant, "options": network.options}
    if "id2label" in config:
        network.meta["class_names"] = list(config["id2label"].values())
    return network.eval()


def file_of(name: str | Path, file: str, **how: Any) -> Path:
    """A file of a folder, or of a repository on the hub, from where it is fetched to huggingface_hub's own cache.

    Raises InputError where there is none.
    """
    if Path(name).is_dir():
        found = Path(name) / file
        if not found.is_file():
            raise InputError(f"{name} has no {file}: give a folder of zoo export --format hub or save_pretrained.")
        return found
    hub = _package()
    try:
        return Path(hub.hf_hub_download(str(name), file, library_name="zoo", library_version=__version__, **how))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} of {name} cannot be had from the hub: {_first_line(error)}.") from error


def _package() -> Any:
    try:
        return import_module("huggingface_hub")
    except ModuleNotFoundError as error:
        raise InputError("The hub needs the package huggingface_hub: pip install huggingface_hub.") from error


def _described(network: Network) -> dict[str, Any]:
    """What is needed to build the network again, under the names that ``zoo export --format hub`` has."""
    names = (network.meta or {}).get("class_names")
    described = {
        "model_type": "zoo",
        "architectures": [type(network).__name__],
        "network": network.name,
        "variant": network.variant,
        "options": network.options,
        "input_shape": list(network.input_shape),
        "num_labels": network.num_classes,
        "zoo_version": __version__,
    }
    # After a fine-tuning they are of other classes.
    if names and len(names) == network.num_classes:
        described["id2label"] = {str(index): label for index, label in enumerate(names)}
        described["label2id"] = {label: index for index, label in enumerate(names)}
    return described


def _read_me(network: Network, name: str) -> str:
    tags = "\n".join(f"- {tag}" for tag in ("zoo", "image-classification", network.name))
    return f"""---
library_name: zoo
pipeline_tag: image-classification
tags:
{tags}
---

# {name}

{network.name}, variant {network.variant}, for images of {" x ".join(map(str, network.input_shape))} (channels, height,
width).

```python
import zoo

network = zoo.models.{type(network).__name__}.from_pretrained("{name}")
```
"""


def _read(file: Path, name: str | Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"The {CONFIG} of {name} is not JSON.") from error
    kinds = {"network": str, "variant": str, "options": dict}
    known = isinstance(config, dict) and all(isinstance(config.get(key), kind) for key, kind in kinds.items())
    if not known or config["network"] not in NETWORKS or not isinstance(config.get("id2label", {}), Mapping):
        raise InputError(f"{name} is not a network of the zoo: its {CONFIG} does not name one.")
    return dict(config)


def _tensors(file: Path) -> dict[str, Tensor]:
    try:
        state = safetensors.torch.load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{file} is not a whole .safetensors file: fetch it again.") from error
    return {key: tensor for key, tensor in state.items() if not key.startswith(_BESIDE)}


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
