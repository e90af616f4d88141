"""``zoo runs rm``: removes run folders, with care; ``zoo list runs`` shows them."""

import sys
from pathlib import Path

from zoo import runs
from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.files import given_path


def run(verb: str, args: list[str]) -> int:
    """Asks, then removes. Raises InputError, before anything is removed, for what is no run or is in progress."""
    parser = Parser(prog=f"zoo {verb}", description="Remove run folders; zoo list runs shows them.")
    parser.add_argument("what", choices=("rm",), help="rm removes")
    parser.add_argument("runs", metavar="RUN", nargs="+", help="a run folder, or that of a sweep with all its runs")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    options = parser.parse_args(args)
    from zoo.report.run_list import size_of, state_of

    folders = list(dict.fromkeys(given_path(name) for name in options.runs))
    for folder in folders:
        runs.check_removable(folder)
        if Path.cwd().is_relative_to(folder.resolve()):
            raise InputError(f"{folder} is the working folder, or holds it: go elsewhere, then remove it.")
        for path in (folder, *folder.glob("*/")):
            if runs.in_progress(path):
                raise InputError(f"A process is at work in {path}: stop it, or wait until it is over.")
    for folder in folders:
        sweep = (folder / runs.SWEEP).is_file()
        what = f"a sweep of {len(list(folder.glob(f'*/{runs.CONFIG}')))} runs" if sweep else state_of(folder)
        print(f"{folder}: {what}, {size_of(folder) / 1e6:,.1f} MB")
    if not options.yes and not _agreed(len(folders)):
        print("Nothing was removed.")
        return 1
    for folder in folders:
        runs.remove_alone(folder)
    return 0


def _agreed(number: int) -> bool:
    if not sys.stdin.isatty():
        raise InputError(
            "Nobody is there to be asked, because standard input is no terminal: add --yes to remove them."
        )
    return input(f"Remove {'it' if number == 1 else f'these {number}'} for good? [y/N] ").strip().lower() in (
        "y",
        "yes",
    )
