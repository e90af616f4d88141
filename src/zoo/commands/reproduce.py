"""``zoo reproduce``: runs the experiment of a Record again and says how closely its number came back.

The Record of shipped weights is on their card.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from zoo import runs
from zoo.commands.options import Parser
from zoo.errors import InputError
from zoo.files import given_path
from zoo.imports import import_large
from zoo.options import declared
from zoo.results.provenance import checkout_of, environment, git_state
from zoo.results.record import Record
from zoo.results.reproduction import LOGGERS, Difference, compare, of_code, of_config, of_environment
from zoo.training.lent import check_lent
from zoo.weights.cards import NAME, TORCHVISION, read_card, shipped_card

# What Lightning or an earlier run in this shell may have left for a process that joins a run.
_OF_OTHERS = ("LOCAL_RANK", "ZOO_RUN_DIR", "PL_GLOBAL_SEED")


def run(verb: str, args: list[str]) -> int:
    """Reads the options and does what ``reproduce`` says."""
    parser = Parser(
        prog=f"zoo {verb}",
        description="Say what differs from a Record's run today, run it again, and judge: exit status 0 where its"
        " number came back, 1 where not.",
    )
    parser.add_argument(
        "record", metavar="RECORD", help="a Record (.json), a run folder that has one, or weights of zoo list weights"
    )
    parser.add_argument("--run_dir", metavar="DIR", help="the new run's folder instead of runs/...")
    parser.add_argument("--data.root", metavar="DIR", help="where the data lie here")
    parser.add_argument("--data.download", metavar="true", help="fetch them where they are missing")
    parser.add_argument(
        "--code", metavar="CHECKOUT", help="run the zoo of another checkout, such as the Record's commit"
    )
    parser.add_argument(
        "--trust", metavar="MODULE", action="append", default=[], help="a module whose classes the config may name"
    )
    parser.add_argument("--dry_run", action="store_true", help="stop after saying what differs and what would be run")
    parser.add_argument("--other_data", action="store_true", help="run on data of another fingerprint too")
    options = parser.parse_args(args)
    given = vars(options)
    data = {name: value for name in ("root", "download") if (value := given.pop(f"data.{name}")) is not None}
    return reproduce(given.pop("record"), data=data, **given)


def reproduce(
    given: str,
    run_dir: str | None = None,
    data: dict[str, str] | None = None,
    code: str | None = None,
    dry_run: bool = False,
    other_data: bool = False,
    trust: Sequence[str] = (),
) -> int:
    """Runs ``given``, a Record, a run folder or weights, again; returns 0 where its number came back and 1 where not.

    ``data`` are options of where the data lie, ``code`` is a checkout to run instead of this one. With ``dry_run`` it
    stops after saying what differs and what it would run. ``trust`` names modules: a Record may be a stranger's, and
    its config names no classes but harmless ones and those of these modules. Raises InputError for a Record that no run
    of ``zoo fit`` wrote, a config that names others or that this code does not understand, data that are missing or,
    without ``other_data``, of another fingerprint.
    """
    path, then = _record(given)
    if path == Path(given) and not path.exists():
        # Of shipped weights, whose run may have had its data anywhere.
        data = ({"root": "data"} if "root" in then.config["data"].get("init_args", {}) else {}) | (data or {})
    _check_trained(path, then)
    check_lent(then.config, path, trust)
    for name in data or {}:
        if name not in then.config["data"].get("init_args", {}):
            raise InputError(f"The data of {path} have no option {name}: leave --data.{name} out.")
    surroundings = {name: value for name, value in os.environ.items() if name not in _OF_OTHERS}
    with TemporaryDirectory() as folder:
        config = Path(folder) / f"{_name(path)}.yaml"
        config.write_text(yaml.safe_dump({k: v for k, v in then.config.items() if k not in LOGGERS}), encoding="utf-8")
        target = runs.new_run_dir(_name(path), run_dir)
        words = ["--config", str(config), "--run_dir", str(target), "--test", "true", *_machine(then)]
        words += [word for name, value in (data or {}).items() for word in (f"--data.{name}", value)]
        threads = then.environment.get("threads")
        surroundings |= {"OMP_NUM_THREADS": str(threads)} if threads else {}
        _tell(path, then, _differences(path, then, words, code, other_data), code, threads)
        surroundings |= {"PYTHONPATH": _search_path(code)} if code else {}
        # As the command zoo itself: what lies in the working folder, perhaps beside the Record, is not imported.
        surroundings["PYTHONSAFEPATH"] = "1"
        if dry_run:
            shown = shlex.join(["zoo", "fit", *words]).replace(str(config), "CONFIG-OF-THE-RECORD")
            print(f"Would run: {f'OMP_NUM_THREADS={threads} ' if threads else ''}{shown}")
            return 0
        done = subprocess.run([sys.executable, "-m", "zoo", "fit", *words], env=surroundings, check=False)
    return _verdict(then, target, done.returncode)


def _record(given: str) -> tuple[Path, Record]:
    """The Record that is meant, with its path, or with the name of the shipped weights whose card has it."""
    path = given_path(given)
    path = path / runs.RECORD if path.is_dir() else path
    if path.exists() or not NAME.fullmatch(given):
        return path, Record.read(path)
    if given in TORCHVISION:
        raise InputError(f"{given} was trained by torchvision, not by zoo: zoo benchmark {given} measures it.")
    return path, Record.of(read_card(shipped_card(given))["record"], given)


def _check_trained(path: Path, then: Record) -> None:
    if "benchmark" in then.config:
        raise InputError(
            f"{path} was written by zoo benchmark: run the Record of the training again (zoo reproduce), then measure"
            f" that run with zoo benchmark RUN --protocol {then.config['benchmark']['protocol']}."
        )
    if not then.timing["train_images"]:
        raise InputError(
            f"{path} was measured on weights that another run had trained, so there is no training to run again: give"
            " the Record of that zoo fit, or measure its run folder again with zoo test --ckpt_path RUN."
        )


def _name(path: Path) -> str:
    """A name for the run: of the weights, of the Record's file, or of the config that its folder was named after."""
    if NAME.fullmatch(path.as_posix()) and not path.exists():
        return path.as_posix().replace("/", "_")
    return path.stem if path.name != runs.RECORD else path.absolute().parent.parent.name or "run"


def _machine(then: Record) -> list[str]:
    """The words that ask for the Record's kind and number of devices, as far as they are here."""
    import torch

    gpus, processes = torch.cuda.device_count(), int(then.environment.get("processes", 1))
    if then.environment["device"] == "cpu" or not gpus:
        kind, number = "cpu", processes
    else:
        kind, number = "gpu", min(processes, gpus)
    nodes = int(then.config["trainer"].get("num_nodes") or 1)
    return ["--trainer.accelerator", kind, "--trainer.devices", str(max(1, number // nodes))]


def _differences(path: Path, then: Record, words: list[str], code: str | None, other_data: bool) -> list[Difference]:
    """What differs from then; the config and the data are looked at with this checkout's code only."""
    import torch

    package = _package(code)
    device = torch.cuda.get_device_name() if words[words.index("--trainer.accelerator") + 1] == "gpu" else "cpu"
    today = environment(device) | {
        "threads": then.environment.get("threads") or torch.get_num_threads(),
        "processes": int(words[words.index("--trainer.devices") + 1])
        * int(then.config["trainer"].get("num_nodes") or 1),
    }
    found = of_code(then, git_state(package)) + of_environment(then, today)
    if code:
        return found
    config, fingerprint = _prepared(path, then, words)
    found += of_config(then.config, config, declared(then.config) | declared(config))
    if fingerprint != then.dataset["fingerprint"]:
        if not other_data:
            raise InputError(
                f"The data here are not those of {path}: their fingerprint is {fingerprint}, not"
                f" {then.dataset['fingerprint']}: give the right --data.root DIR, or --other_data to run on these."
            )
        found.append(Difference("data", then.dataset["fingerprint"], fingerprint))
    return found


def _prepared(path: Path, then: Record, words: list[str]) -> tuple[dict[str, Any], str]:
    """The config as this code understands it, with its own defaults, and the fingerprint of the data here."""
    import_large("zoo.training.cli")
    from zoo.training.cli import understood

    try:
        config, data = understood(words)
    except InputError as error:
        raise InputError(
            f"This version of zoo does not understand the config of {path} ({str(error).rstrip('.')}):"
            f" {_checkout_words(path, then)}"
        ) from error
    data.prepare_data()
    data.setup("fit")
    return config, data.fingerprint


def _tell(path: Path, then: Record, found: Iterable[Difference], code: str | None, threads: int | None) -> None:
    errors = then.metrics
    print(
        f"{path}: {then.network} ({then.variant}) on {then.dataset['name']}, seed {then.seed}, of {then.created[:10]}:"
        f" {errors['top1_error']:.2f} % ({errors['top1_wrong']} of {then.n:,}), weights {then.weights['sha256'][:12]}"
    )
    lines = [f"  {one.name}: {one.then} then, {one.now} now" for one in found]
    print("\n".join(["What differs today:", *lines]) if lines else "Nothing differs today.")
    if any(one.name == "commit" for one in found) and not code:
        print(f"To run the code of that time, {_checkout_words(path, then)}")
    if not threads:
        print(
            f"The Record does not say how many threads computed it (a machine of {then.environment.get('cores') or '?'}"
            " cores); a different number of threads rounds differently: OMP_NUM_THREADS sets it."
        )
    sys.stdout.flush()


def _checkout_words(path: Path, then: Record) -> str:
    """The commands that fetch the code of then and run it."""
    if then.git is None:
        return f"install zoo {then.environment['packages'].get('zoo', '')}, which wrote it."
    commit, home = then.git["commit"], checkout_of(_package(None))
    folder = f"../zoo-{commit[:8]}"
    where = f"git -C {shlex.quote(str(home))}" if home else "git -C A-CLONE-OF-ZOO"
    target = (home / folder).resolve() if home else Path(folder)
    return f"{where} worktree add {target} {commit} && zoo reproduce {path} --code {target}"


def _package(code: str | None) -> Path:
    """The package that runs: this one, or that of another checkout."""
    package = Path(code).resolve() / "src" / "zoo" if code else Path(__file__).resolve().parents[1]
    if not (package / "__main__.py").is_file():
        raise InputError(f"{code} is not a checkout of zoo: it has no src/zoo.")
    return package


def _search_path(code: str) -> str:
    return os.pathsep.join(filter(None, [str(_package(code).parent), os.environ.get("PYTHONPATH")]))


def _verdict(then: Record, target: Path, status: int) -> int:
    if status or not (target / runs.RECORD).is_file():
        raise InputError(f"The run in {target} ended with status {status} and no Record: what it printed says why.")
    now = Record.read(target / runs.RECORD)
    outcome = compare(then, now)
    print(f"{f'Reproduced, {outcome.level}' if outcome.reproduced else 'Not reproduced'}: {outcome.sentence}.")
    if now.dataset["fingerprint"] != then.dataset["fingerprint"]:
        print(f"The data were different: {now.dataset['fingerprint']}.")
    if now.weights.get("init_from_sha256") != then.weights.get("init_from_sha256"):
        print("Training started from weights other than those of the Record.")
    return 0 if outcome.reproduced else 1
