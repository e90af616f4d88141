"""The bar that counts files, for what looks at many. Needs no torch."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def progress_bar(word: str) -> Progress:
    """A bar on standard error with the number of files, of how many, and the time that is left; ``word`` begins it."""
    columns = (TextColumn(word), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True))
