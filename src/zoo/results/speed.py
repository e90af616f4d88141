"""The speed record: how many images a second a network takes, with what it was measured on. Standard library only."""

import json
import math
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from statistics import quantiles
from typing import Any

from zoo.errors import InputError
from zoo.files import whole
from zoo.results.json_file import read_json
from zoo.results.layout import laid_out
from zoo.results.schema import first_problem

SCHEMA = 1
SCHEMA_FILE = Path(__file__).with_name("speed_schema.json")
#: Ways to run a network; each has what makes those before it fast.
FORMS = ("float32", "channels_last", "bfloat16", "compiled")
CONVENTION = (
    "Generated images of the network's input size lie on the device. eval: forward in inference mode. train: forward,"
    " the model's loss, backward, one step of SGD with momentum. No loading, no augmentation. A form has what those"
    " before it have: float32, channels_last, bfloat16 (autocast), compiled."
)


@dataclass(frozen=True)
class SpeedRecord:
    """One network on one device; ``rows`` are its forms, modes and batch sizes, see speed_schema.json.

    A row's ``seconds`` are those of its repeats, of ``steps`` batches each; ``cpu_seconds`` is the processor time of
    the same, which other processes do not lengthen, and None on a GPU.
    """

    network: str
    variant: str
    parameters: int
    input_shape: list[int]
    warmup: int
    repeats: int
    rows: list[dict[str, Any]]
    load_average: list[float] | None
    git: dict[str, Any] | None
    environment: dict[str, Any]
    created: str
    convention: str = CONVENTION
    schema: int = SCHEMA

    def write(self, path: Path) -> None:
        """Writes JSON in one step: the file is either whole or not there. Raises InputError where the disk refuses."""
        try:
            with whole(path) as draft:
                draft.write_text(laid_out(asdict(self)) + "\n", encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}): give another --output.") from error

    @classmethod
    def read(cls, path: Path) -> "SpeedRecord":
        """The record in ``path``. Raises InputError naming the file and what is wrong with it."""
        content = read_json(path, "speed record")
        problem = first_problem(content, speed_schema()) or _contradiction(content)
        if problem:
            raise InputError(f"{path} is not a speed record: {problem}.")
        return cls(**content)


@cache
def speed_schema() -> dict[str, Any]:
    """The JSON Schema of a speed record."""
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def rates(batch_size: int, steps: int, seconds: list[float]) -> dict[str, float]:
    """Images a second over the repeats: median and quartiles."""
    found = [batch_size * steps / taken for taken in seconds]
    q1, median, q3 = quantiles(found, n=4, method="inclusive")
    return {"q1": q1, "median": median, "q3": q3}


def read_speeds(folder: Path) -> list[SpeedRecord]:
    """The speed records in ``folder`` and below, in the order of their paths. Raises InputError where it is none."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder} to read speed records from: give another --records DIR.")
    return [SpeedRecord.read(path) for path in sorted(folder.rglob("*.json"))]


def _contradiction(content: dict[str, Any]) -> str | None:
    for number, row in enumerate(content["rows"]):
        if len(row["seconds"]) != content["repeats"]:
            return f"rows[{number}] has {len(row['seconds'])} repeats, not {content['repeats']}"
        made = rates(row["batch_size"], row["steps"], row["seconds"])
        for name, rate in made.items():
            if not math.isclose(row["images_per_second"][name], rate, rel_tol=1e-9):
                return f"rows[{number}].images_per_second.{name} is {row['images_per_second'][name]}, not {rate}"
    return None
