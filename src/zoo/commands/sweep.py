"""``zoo sweep``: one config with every combination of some values, ranked on the held-out slice of train."""

import sys
from argparse import Namespace

from zoo import runs, yaml_text
from zoo.commands.options import Parser
from zoo.configs import NOTHING, find_config
from zoo.errors import InputError
from zoo.imports import import_large
from zoo.report.formats import FORMS, form_of, write
from zoo.sweeps.folder import Outcome, Sweep, begin, new_folder, open_sweep
from zoo.sweeps.grid import Member, read_grid
from zoo.sweeps.ranking import as_data, as_table, closing_words, ranked
from zoo.sweeps.running import train

EPILOG = """Any other option is one of zoo fit (zoo fit --help), with one value or several: --model.optimizer.lr
0.001,0.003,0.01 is a list, --seed_everything 0..2 a range with both ends, 10..50..20 one in steps. Every combination is
trained; runs that differ in their seed alone share a row. The test set is not looked at."""


def run(verb: str, args: list[str]) -> int:
    """Trains and ranks; returns 1 where a run failed. Raises InputError for bad input, before anything is trained."""
    parser = Parser(
        prog=f"zoo {verb}", allow_abbrev=False, epilog=EPILOG,
        usage="zoo sweep --config C --KEY V,V,... [--KEY V ...] [--jobs N] | zoo sweep --resume SWEEP",
        description="Train a config with every combination of some values, and rank them on the held-out images.",
    )  # fmt: skip
    parser.add_argument(
        "--config", "-c", metavar="C", action="append", help="as of zoo fit; of several, later ones win"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="runs at a time (default: 1)")
    parser.add_argument("--run_dir", metavar="DIR", help="the sweep's folder instead of runs/CONFIG/sweep_TIME")
    parser.add_argument("--resume", metavar="SWEEP", help="the sweep to go on with; runs that failed are tried again")
    parser.add_argument(
        "--trust", metavar="MODULE", action="append", default=[], help="a module whose classes SWEEP may name"
    )
    parser.add_argument(
        "--format", choices=FORMS, help="of the ranks; default: for reading in a terminal, otherwise md"
    )
    parser.add_argument("--dry_run", action="store_true", help="say which runs there would be, and stop")
    options, words = parser.parse_known_args(args)
    _check(options, words)
    if options.dry_run:
        grid = read_grid(words)
        if options.resume is None:
            from zoo.sweeps.first_look import look_at_words

            look_at_words([find_config(name) for name in options.config], grid)
        members = grid.members()
        for member in members:
            print(f"{member.name}: {' '.join(member.words)}".rstrip(": "))
        print(f"{len(members):,} run{'s' if len(members) != 1 else ''}")
        return 0
    return _resumed(options) if options.resume is not None else _new(options, words)


def _check(options: Namespace, words: list[str]) -> None:
    if options.jobs < 1:
        raise InputError(f"--jobs is how many runs there are at a time, at least 1, not {options.jobs}.")
    if options.resume is None and not options.config:
        raise InputError(NOTHING)
    if options.resume is not None and (options.config or options.run_dir or words):
        other = words[0] if words else "--config" if options.config else "--run_dir"
        raise InputError(f"--resume {options.resume} goes on with what that sweep was asked for: leave out {other}.")


def _new(options: Namespace, words: list[str]) -> int:
    grid = read_grid(words)
    configs = [find_config(name) for name in options.config]
    folder = new_folder(configs[0], options.run_dir)
    import_large("zoo.sweeps.first_look")
    from zoo.sweeps.first_look import look

    num_held_out = look(configs, grid)
    with runs.alone_in(folder):
        sweep = begin(folder, configs, words, num_held_out)
        return _carried_out(sweep, options)


def _resumed(options: Namespace) -> int:
    from zoo.training.lent import check_lent, check_lent_values

    sweep = open_sweep(options.resume)
    for config in sweep.configs:
        check_lent(yaml_text.read_file(config), config, options.trust)
    chosen = [(option, value) for option, values in sweep.grid.values.items() for value in values]
    check_lent_values(chosen, sweep.folder / runs.SWEEP, options.trust)
    with runs.alone_in(sweep.folder):
        return _carried_out(sweep, options)


def _carried_out(sweep: Sweep, options: Namespace) -> int:
    members, outcomes = sweep.grid.members(), sweep.outcomes()
    over = [member for member in members if member.name in outcomes and not outcomes[member.name].status]
    left = [member for member in members if member not in over]
    told = f", {len(over)} of them over" if over else ""
    print(f"{len(members)} runs{told}; folder {sweep.folder}", file=sys.stderr)

    def tell(member: Member, outcome: Outcome) -> None:
        over.append(member)
        error = sweep.error(member)
        said = f"failed: {outcome.reason}" if outcome.status else "no error" if error is None else f"{error:.2f} %"
        print(f"[{len(over)}/{len(members)}] {member.name}: {said}, {outcome.seconds:.0f} s", file=sys.stderr)

    if left:
        train(sweep, left, options.jobs, _num_gpus(options.jobs), tell)
    rows = ranked(sweep)
    form = form_of(None, options.format)
    sys.stdout.write(write(form, as_data(rows), [as_table(sweep, rows)]))
    if form in ("terminal", "md"):
        # Markdown has them under its table.
        faults = [f"{fault}." for row in rows for fault in row.faults] if form == "terminal" else [""]
        print("\n".join([*faults, *closing_words(sweep, rows)]))
    return 1 if any(row.faults for row in rows) else 0


def _num_gpus(jobs: int) -> int:
    """How many GPUs the runs share; not looked for where each run may have them all."""
    if jobs == 1:
        return 0
    import torch

    return torch.cuda.device_count()
