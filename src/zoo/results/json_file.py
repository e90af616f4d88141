"""Reads JSON that somebody may have sent, with numbers that JSON has and nothing that waits. Standard library only."""

import json
import math
from pathlib import Path
from typing import Any

from zoo.errors import InputError
from zoo.files import read_text


def read_json(path: Path, what: str) -> Any:
    """The content of a file that should be ``what``. Raises InputError naming the file where it is no JSON."""
    try:
        return json.loads(read_text(path), parse_constant=_refuse, parse_float=_finite)
    except OSError as error:
        raise InputError(f"Cannot read the {what} {path}: {error.strerror}.") from error
    except RecursionError as error:
        raise InputError(f"{path} is not a {what}, because it is nested too deeply.") from error
    except ValueError as error:  # also what is no UTF-8
        raise InputError(f"{path} is not a {what}, because it is not JSON: {error}.") from error


def _finite(text: str) -> float:
    value = float(text)
    # Python makes infinity of 1e999.
    return value if math.isfinite(value) else _refuse(text)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number that JSON has")
