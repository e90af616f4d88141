"""Where the experiments' YAML files are: the working folder first, then the installed package."""

import difflib
from itertools import dropwhile, takewhile
from pathlib import Path

from zoo.errors import InputError
from zoo.files import given_path

# A wheel carries configs/ inside the package, as shipped_configs; in a checkout they lie at its top.
_PACKAGE = Path(__file__).resolve().parent
SHIPPED = next(
    (folder for folder in (_PACKAGE / "shipped_configs", _PACKAGE.parents[1] / "configs") if folder.is_dir()),
    _PACKAGE / "shipped_configs",
)

#: What is said where there is none.
NOTHING = "Nothing to run yet: add --config with a file or a shipped name (zoo list configs)."


def find_config(name: str) -> Path:
    """The file that ``--config name`` means: a path, or the bare name of a shipped config such as ``lenet5_digits``.

    Raises InputError, with the nearest names, where there is none.
    """
    given_path(name)
    bare = name.removeprefix("configs/").removesuffix(".yaml")
    candidates = [Path(name), Path(f"{name}.yaml"), Path("configs") / f"{bare}.yaml", SHIPPED / f"{bare}.yaml"]
    for path in candidates:
        if path.is_file():
            return path
    near = difflib.get_close_matches(bare, list_configs(), n=3)
    hint = f"did you mean {' or '.join(near)}?" if near else "zoo list configs shows the shipped ones."
    raise InputError(f"No config {name!r}, neither as a file in {Path.cwd()} nor among the shipped ones: {hint}")


def deviations_in(config: Path) -> str:
    """What a config's header says under ``Deviations:``, up to its next heading; nothing where it has no such line."""
    lines = [line for line in config.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    found = list(dropwhile(lambda line: not line.startswith("# Deviations:"), lines))
    following = takewhile(lambda line: line.startswith("#   "), found[1:])
    return " ".join(line.removeprefix("# Deviations:").strip("# ") for line in [*found[:1], *following])


def list_configs() -> dict[str, str]:
    """The shipped configs, overlays last: name to the first line of the header."""
    files = sorted(SHIPPED.rglob("*.yaml"), key=lambda file: (len(file.relative_to(SHIPPED).parts), file.as_posix()))
    return {file.relative_to(SHIPPED).with_suffix("").as_posix(): _headline(file) for file in files}


def _headline(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return next(lines, "").lstrip("# ").strip()
