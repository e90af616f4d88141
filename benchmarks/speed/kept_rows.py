"""The rows of a committed table, in whose place goes what is measured again."""

from pathlib import Path


def kept_rows(table: Path, keys: int) -> dict[tuple[str, ...], str]:
    """The lines of a table by their first so many cells; none where there is no table yet."""
    lines = table.read_text("utf-8").splitlines() if table.is_file() else []
    return {
        tuple(cell.strip() for cell in line.strip("|").split("|")[:keys]): line for line in lines if line[:1] == "|"
    }
