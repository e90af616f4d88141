"""The cards beside shipped weights: their names, reading them, what must be true of them. Imports no torch."""

import difflib
import hashlib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from zoo import __version__
from zoo.catalog import NETWORKS, no_network
from zoo.errors import EMPTY, InputError
from zoo.files import given_path
from zoo.results.consistency import contradiction, ill_described
from zoo.results.schema import first_problem, record_schema

SHIPPED = Path(__file__).with_name("shipped")
NAME = re.compile(r"[a-z0-9_]+(-[a-z0-9_]+)?/[a-z0-9]+([_-][a-z0-9]+)*")
#: What comes before the name of a repository on Hugging Face's hub, as in timm.
HUB = "hf_hub:"
#: Weights that torchvision's servers hold, by their name here.
TORCHVISION = ("torchvision/alexnet", "torchvision/vgg16", "torchvision/vgg16_bn")
#: What is to be shipped: where the weights are not there yet, lists say so.
PLANNED = (
    "lenet5/digits", "linear/mnist", "mlp/mnist", "lenet5/mnist", "lenet5/mnist-1998", "lenet5/mnist-distorted",
    "linear/cifar10", "perceptron/cifar10", "mlp/cifar10", "lenet5/cifar10", "convnetjs/cifar10",
    "convnetjs/cifar10-adadelta", "cuda_convnet-26pct/cifar10", "cuda_convnet-18pct/cifar10",
    "cuda_convnet-13pct/cifar10", "cuda_convnet-11pct/cifar10", "alexnet-cifar/cifar10", "vgg16-bn/cifar10",
)  # fmt: skip
# A card with its Record has some 5 kB; what is far longer is no card, and would fill the memory.
MOST_BYTES = 10_000_000


class WrongFileError(InputError):
    """A file that is not the one its card describes."""


def list_weights(model: str | None = None) -> list[str]:
    """The names that ``get_weights`` knows: those shipped, then torchvision's; of the network ``model`` alone if given.

    Raises InputError for a network that the zoo does not have.
    """
    if model is not None and model not in NETWORKS:
        raise no_network(model)
    names = [*shipped(), *TORCHVISION]
    return [name for name in names if model is None or network_of(name) == model]


def shipped() -> dict[str, Path]:
    """Each shipped name with its card, in alphabetical order."""
    cards = sorted(SHIPPED.glob("*/*.json"))
    return {f"{card.parent.name}/{card.stem}": card for card in cards}


def network_of(name: str) -> str:
    """The zoo's network that weights of this name belong to."""
    before, _, after = name.partition("/")
    return after.removesuffix("_bn") if before == "torchvision" else before.partition("-")[0]


def shipped_card(name: str) -> Path:
    """The card of shipped weights. Raises InputError, with the nearest names, where there are none."""
    known = shipped()
    # Looked up, never joined to a folder: a name with ".." leads nowhere.
    if name in known:
        return known[name]
    if name in PLANNED:
        others = [other for other in known if other.startswith(f"{name}-")]
        hint = f"there is {' and '.join(others)}" if others else "zoo list weights shows those that are"
        raise InputError(f"The weights {name} are not trained yet: {hint}.")
    hint = suggestion(name) or "zoo list weights shows what there is."
    raise InputError(f"There are no weights {name!r}, neither shipped nor as a file or run folder: {hint}")


def check_there(name: str) -> None:
    """Raises InputError where weights of that name, or a run folder or file there, can be seen not to be.

    What is fetched, and files of which one is the other's card, are looked for where they are read.
    """
    if not name.strip():
        # As a path it would be the working folder.
        raise InputError(f"The name of the weights is empty: {EMPTY}.")
    path = given_path(name)
    if name in shipped() or name.startswith(("torchvision/", HUB)) or path.exists():
        return
    if NAME.fullmatch(name):
        # A name like those shipped, but none of them.
        shipped_card(name)
    if path.suffix != ".safetensors" and not (path.suffix == ".json" and path.with_suffix(".safetensors").is_file()):
        ways = "give a run folder, a .ckpt or .safetensors file, or a name from zoo list weights."
        raise InputError(f"No checkpoint at {path}, nor weights of that name: {suggestion(str(path)) or ways}")


def suggestion(name: str) -> str:
    """Asks for the weights that ``name`` may mean, those of a network where it is one; empty where there are none."""
    names = list_weights()
    of_it = [known for known in names if name in (known.partition("/")[0], network_of(known))]
    near = of_it or difflib.get_close_matches(name, names, n=3)
    return f"did you mean {' or '.join(near)}?" if near else ""


@cache
def card_schema() -> dict[str, Any]:
    """The JSON Schema of a card."""
    text = Path(__file__).with_name("card.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def read_card(path: Path) -> dict[str, Any]:
    """The card in ``path`` as plain values.

    Raises InputError naming the file and what is wrong: no JSON, a field missing, unknown or of a wrong type, scores
    that are no error of their counts, a Record or a name that contradicts the card.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path} is not a card of weights: it has {path.stat().st_size:,} bytes.")
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except OSError as error:
        raise InputError(f"Cannot read the card {path}: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a card of weights, because it is not JSON: {error}.") from error
    check_card(content, str(path))
    return dict(content)


def digest_of(path: Path) -> str:
    """sha256 of the file, in hexadecimal. Raises InputError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"Cannot read the weights {path}: {error.strerror}.") from error


def read_checked(weights: Path, card: dict[str, Any]) -> bytes:
    """The bytes of ``weights``. Raises WrongFileError unless they have the length and the sha256 that the card names.

    Raises InputError where the file cannot be read.
    """
    try:
        size = weights.stat().st_size
        # A length that is wrong says enough: what was put in the file's place may be of any size.
        content = weights.read_bytes() if size == card["bytes"] else b""
    except OSError as error:
        raise InputError(f"Cannot read the weights {weights}: {error.strerror}.") from error
    found, named = f"{size:,} bytes", f"{card['bytes']:,}"
    if size == card["bytes"]:
        digest = hashlib.sha256(content).hexdigest()
        if digest == card["sha256"]:
            return content
        found, named = f"the sha256 {digest[:12]}...", f"{card['sha256'][:12]}..."
    raise WrongFileError(
        f"{weights} is not the file that its card describes: it has {found}, not {named};"
        " get both again from where they came from."
    )


def asset_name(card: dict[str, Any]) -> str:
    """The file of a card among a release's assets and in torch.hub's folder, such as lenet5-mnist-1a2b3c4d.safetensors.

    The digits are the first of its sha256, by which torch.hub knows what it has.
    """
    return f"{card['name'].replace('/', '-')}-{card['sha256'][:8]}.safetensors"


def is_card(path: Path) -> bool:
    """Whether ``path`` is JSON with the sha256 of weights, right or wrong otherwise."""
    try:
        content = json.loads(path.read_bytes()) if path.is_file() and path.stat().st_size <= MOST_BYTES else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and "sha256" in content


def check_card(content: Any, where: str) -> None:
    """Raises InputError, naming ``where``, unless ``content`` is a card that agrees with itself."""
    problem = first_problem(content, card_schema()) or first_problem(content["record"], record_schema(), "record")
    if not problem and content.get("measures"):
        metrics = {"properties": record_schema()["properties"]["metrics"]["properties"]}
        problem = first_problem(content["measures"], metrics, "measures")
    problem = problem or ill_described(content["record"]["config"], "record.config") or _contradiction(content)
    if problem:
        raise InputError(f"{where} is not a card that zoo {__version__} can read: {problem}.")


def _contradiction(card: dict[str, Any]) -> str | None:
    """Where a card of the right types does not fit its own Record, scores or name."""
    if card["network"] not in NETWORKS:
        return f"it is of the network {card['network']!r}, which the zoo does not have"
    variants = NETWORKS[card["network"]].variants
    stem, record, scores = card["name"].partition("/")[0], card["record"], card["scores"]
    stems = [f"{card['network']}-{card['variant']}"]
    stems += [card["network"]] if card["variant"] == variants[0] else []
    if stem not in stems:
        return f"{card['name']!r} does not begin with {' or '.join(stems)}"
    for key in ("network", "variant", "parameters", "seed"):
        if card[key] != record[key]:
            return f"{key} is {card[key]!r}, but {record[key]!r} in its Record"
    for key in ("name", "fingerprint", "split", "num_images"):
        if card["data"][key] != record["dataset"][key]:
            return f"data.{key} is {card['data'][key]!r}, but {record['dataset'][key]!r} in its Record"
    if "url" in card and card["url"].rpartition("/")[2] != asset_name(card):
        return f"url {card['url']!r} does not end with {asset_name(card)}"
    return _wrong_scores(scores, card.get("measures") or {}, card["data"]["num_images"])


def _wrong_scores(scores: dict[str, Any] | None, measures: dict[str, Any], num_images: int) -> str | None:
    if scores is None:
        return "it has measures, but no scores" if measures else None
    for k in (1, 5):
        wrong, error = scores[f"top{k}_wrong"], scores[f"top{k}_error"]
        if abs(error - 100 * wrong / scores["n"]) > 1e-9:
            return f"scores.top{k}_error is {error}, but {wrong} of {scores['n']} are wrong"
    if scores["n"] > num_images:
        return f"scores.n is {scores['n']}, more than the {num_images} images of the split"
    return contradiction(measures | scores, scores["n"])


def _refuse(constant: str) -> None:
    raise ValueError(f"it holds {constant}")
