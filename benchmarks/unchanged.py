"""What a reorganisation must leave as it was, by the code of two commits: Records, tables, cards and the bits of runs.

    python benchmarks/unchanged.py BEFORE               against HEAD: some five minutes on one core
    python benchmarks/unchanged.py BEFORE AFTER --expect 'card lenet5/*=the cards name their paper'

Each commit is checked out into a temporary worktree, and this interpreter runs its code there. A line is one item with
the sha256 of its content on either side; below the lines stands all that differs: ``+`` only AFTER has it, ``-`` only
BEFORE, ``!`` both have, but not the same. What AFTER merely adds, a file or a field, is listed and is no difference.
Clocks, commits and machines are left out of runs. Exit status: 0, or 1 where an item differs that no ``--expect
PATTERN=REASON`` names.
"""

import argparse
import csv
import difflib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parents[1]
SAME, ADDED, EXPLAINED, REMOVED, DIFFERS, FAILED = "same", "added", "explained", "removed", "differs", "failed"
CONFIGS = ("lenet5_digits", "mark1_digits")
# The run that is stopped, and after which step: in the middle of the thirteenth of its 25 epochs.
RESUMED, STOP = "lenet5_digits", 1120
# What the same run never has twice, in Records, metrics and checkpoints.
_FREE = re.compile(r"created|git|environment|(.*_)?seconds|.*_per_second|.*/waiting")

# The logits of weights on made images: the file to write, then cards.
_LOGITS = """
import json, sys, torch, zoo
from safetensors.torch import save_file
logits = {}
for path in sys.argv[2:]:
    card = json.load(open(path, encoding="utf-8"))
    images = torch.randn(4, *card["preprocessing"]["input_shape"], generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits[card["name"]] = zoo.get_model(card["network"], weights=card["name"]).eval()(images).contiguous()
save_file(logits, sys.argv[1])
"""
# Tables in three forms: the folder to write to, then NAME=RECORDS.
_TABLES = """
import sys
from zoo.cli import main
for name, records in (word.split("=", 1) for word in sys.argv[2:]):
    for form in ("md", "csv", "json"):
        if main(["table", name, "--format", form, "--records", records, "--output", f"{sys.argv[1]}/{name}.{form}"]):
            sys.exit(f"zoo table {name} failed")
"""
# A command that gets SIGTERM after a step of the optimizer, however the package handles it: the step, then the command.
_STOPPED = """
import os, signal, sys
from torch.optim.optimizer import register_optimizer_step_post_hook
from zoo.cli import main
steps = iter(range(1, sys.maxsize))
register_optimizer_step_post_hook(
    lambda *_: next(steps) == int(sys.argv[1]) and os.kill(os.getpid(), signal.SIGTERM)
)
sys.exit(main(sys.argv[2:]))
"""


@dataclass(frozen=True)
class Item:
    """One line: digests of the content before and after, the verdict, and all that differs."""

    name: str
    before: str
    after: str
    verdict: str
    lines: tuple[str, ...] = ()


def digest(content: bytes | str) -> str:
    """The first digits of the sha256."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()[:12]


def shown(value: Any) -> str:
    """A value as text that is equal where its bits are: keys in order, tensors by type, shape and digest."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(value[key])}" for key in sorted(value, key=str)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(shown, value)) + "]"
    if isinstance(value, torch.Tensor):
        data = value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        return f"{value.dtype} {tuple(value.shape)} {digest(data)}"
    return repr(value)


def changes(before: Any, after: Any, at: str = "") -> Iterator[str]:
    """What differs between two trees of dicts, lists, tensors and plain values, one line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before | after:
            path = f"{at}.{key}" if at else str(key)
            if key not in after:
                yield f"- {path}: {shown(before[key])}"
            elif key not in before:
                yield f"+ {path}: {shown(after[key])}"
            else:
                yield from changes(before[key], after[key], path)
    elif isinstance(before, list | tuple) and isinstance(after, list | tuple) and len(before) == len(after):
        for index, pair in enumerate(zip(before, after, strict=True)):
            yield from changes(*pair, f"{at}[{index}]")
    elif shown(before) != shown(after):
        yield f"! {at}: {shown(before)} -> {shown(after)}"


def compare(name: str, before: Any, after: Any) -> Item:
    """Two trees; that one has more keys than the other is no difference. Two texts, line by line."""
    if isinstance(before, str):
        diff = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))
        # Behind the two names; places in the text start with @@.
        lines = [line for line in diff[2:] if line[0] in "+-"]
        return Item(name, digest(before), digest(after), SAME if before == after else DIFFERS, tuple(lines))
    lines = list(changes(before, after))
    verdict = SAME if not lines else ADDED if all(line.startswith("+") for line in lines) else DIFFERS
    return Item(name, digest(shown(before)), digest(shown(after)), verdict, tuple(lines))


def compare_files(kind: str, before: dict[str, Path], after: dict[str, Path]) -> Iterator[Item]:
    """Files by name, byte for byte."""
    ours, theirs = ({name: digest(path.read_bytes()) for name, path in files.items()} for files in (before, after))
    for name in sorted(ours | theirs):
        one, other = ours.get(name, ""), theirs.get(name, "")
        verdict = SAME if one == other else ADDED if not one else REMOVED if not other else DIFFERS
        yield Item(f"{kind} {name}", one, other, verdict)


def compare_results(before: Path, after: Path) -> Iterator[Item]:
    """The Records of runs and of speed."""
    for kind, folder in (("Record", "results"), ("speed record", "results_speed")):
        folders = (tree / "benchmarks" / folder for tree in (before, after))
        yield from compare_files(kind, *({path.stem: path for path in one.glob("*.json")} for one in folders))


def compare_weights(before: Path, after: Path, scratch: Path) -> Iterator[Item]:
    """Cards, files and logits of shipped weights."""
    trees = (before, after)
    cards, files = ({tree: _of_weights(tree, suffix) for tree in trees} for suffix in ("json", "safetensors"))
    yield from compare_files("weights", files[before], files[after])
    yield from (item for item in compare_files("card", cards[before], cards[after]) if item.verdict in (ADDED, REMOVED))
    both = sorted(cards[before].keys() & cards[after].keys())
    for name in both:
        yield compare(f"card {name}", *(_json(cards[tree][name]) for tree in trees))
    for tree in trees:
        python(tree, "-c", _LOGITS, scratch / f"{tree.name}.safetensors", *(cards[tree][name] for name in both))
    logits = [load_file(scratch / f"{tree.name}.safetensors") for tree in trees]
    yield from (compare(f"logits {name}", *(found[name] for found in logits)) for name in both)


def _of_weights(tree: Path, suffix: str) -> dict[str, Path]:
    """Files beside shipped weights by the weights' name, which is their folder's and their own, wherever they lie."""
    paths = (tree / "src" / "zoo").rglob(f"weights/**/*/*.{suffix}")
    return {f"{path.parent.name}/{path.stem}": path for path in paths}


def compare_tables(before: Path, after: Path, mixed: Path, scratch: Path) -> Iterator[Item]:
    """BEFORE's Records as both codes show them: first with BEFORE's configs and figures, then with each commit's own.

    ``mixed`` is another checkout of AFTER, which gets BEFORE's configs and figures.
    """
    records = before / "benchmarks" / "results"
    names = {_json(path)["dataset"]["name"] for path in records.glob("*.json")} | {"imagenet", "ilsvrc"}
    words = [*(f"{name}={records}" for name in sorted(names)), f"speed={records.with_name('results_speed')}"]
    give_inputs(before, mixed)
    for tree in (before, after, mixed):
        (scratch / f"tables-{tree.name}").mkdir()
        python(tree, "-c", _TABLES, scratch / f"tables-{tree.name}", *words)
    for table in sorted((scratch / "tables-before").iterdir()):
        paths = [table, *(scratch / f"tables-{tree.name}" / table.name for tree in (mixed, after))]
        ours, theirs, own = (path.read_text(encoding="utf-8") for path in paths)
        if table.suffix in (".json", ".csv"):
            read = json.loads if table.suffix == ".json" else rows_of_csv
            yield compare(f"table {table.name}", read(ours), read(theirs))
            continue
        yield compare(f"table {table.name}", ours, theirs)
        if table.suffix == ".md":
            item = compare(f"table {table.name} with each commit's own configs and figures", ours, own)
            reason = "configs or published.yaml: given BEFORE's, AFTER's code makes the same table"
            yield explain(item, {item.name: reason} if ours == theirs else {})


def rows_of_csv(text: str) -> list[dict[str, str]]:
    """The rows by column, so that a column that came is told from a cell that changed."""
    return list(csv.DictReader(text.splitlines(), strict=True))


def give_inputs(before: Path, mixed: Path) -> None:
    """Puts BEFORE's configs and published figures into a checkout of AFTER, which keeps its own facts of data sets."""
    shutil.rmtree(mixed / "configs")
    shutil.copytree(before / "configs", mixed / "configs")
    old, new = (yaml.safe_load((tree / "benchmarks" / "published.yaml").read_bytes()) for tree in (before, mixed))
    new |= {key: old[key] for key in ("sources", "trainings", "figures")}
    text = yaml.safe_dump(new, sort_keys=False, allow_unicode=True)
    (mixed / "benchmarks" / "published.yaml").write_text(text, encoding="utf-8")


def compare_runs(before: Path, after: Path, scratch: Path) -> Iterator[Item]:
    """The bits of short runs; the one that is stopped and goes on is held against BEFORE's that was not."""
    for config in CONFIGS:
        runs = [fit(tree, config, scratch / f"{config}-{tree.name}") for tree in (before, after)]
        yield from compare_run(config, *runs)
    for first, second in ((before, before), (after, after), (before, after)):
        run = scratch / f"stopped-{first.name}-{second.name}"
        fit(first, RESUMED, run, STOP)
        python(second, "-m", "zoo", "fit", "--resume", run)
        name = f"{RESUMED} begun {first.name}, resumed {second.name}"
        yield from compare_run(name, scratch / f"{RESUMED}-{before.name}", run)


def fit(tree: Path, config: str, run: Path, stop: int | None = None) -> Path:
    """The folder of a run of a shipped config; ``stop``: the step after which SIGTERM comes."""
    words = ["fit", "--config", config, "--seed_everything", 7, "--trainer.accelerator", "cpu", "--run_dir", run]
    if stop is None:
        python(tree, "-m", "zoo", *words)
    else:
        python(tree, "-c", _STOPPED, stop, *words, status=128 + signal.SIGTERM)
    return run


def compare_run(name: str, before: Path, after: Path) -> Iterator[Item]:
    """Weights, optimizer, whatever else is in the checkpoint, metrics and Record of two run folders."""
    ours, theirs = run_parts(before), run_parts(after)
    yield from (compare(f"run {name}: {part}", ours[part], theirs[part]) for part in ours)


def run_parts(run: Path) -> dict[str, Any]:
    """What a run left in its folder, without clocks."""
    rest = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True, map_location="cpu")
    parts = {"weights": rest.pop("state_dict"), "optimizer": rest.pop("optimizer_states"), "other state": rest}
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.reader(lines))
    kept = [column for column, name in enumerate(rows[0]) if not _FREE.fullmatch(name)]
    metrics = "".join(",".join(row[column] for column in kept) + "\n" for row in rows)
    return timeless(parts | {"metrics": metrics, "Record": _json(run / "record.json")})


def timeless(value: Any) -> Any:
    """Without the fields that the same run never has twice."""
    if isinstance(value, dict):
        return {key: timeless(field) for key, field in value.items() if not _FREE.fullmatch(str(key))}
    return [timeless(field) for field in value] if isinstance(value, list | tuple) else value


def python(tree: Path, *words: Any, status: int = 0) -> str:
    """What this interpreter prints with a checkout's package, on one thread of the CPU, in a folder of no files.

    Raises RuntimeError where it ends otherwise than with ``status``.
    """
    alone = {"PYTHONPATH": str(tree / "src"), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, *map(str, words)]
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(command, env=os.environ | alone, cwd=empty, capture_output=True, text=True, check=False)
    if done.returncode != status:
        told = f"{' '.join(command[1:])} of {tree.name} ended with {done.returncode}:"
        raise RuntimeError(f"{told} {done.stderr[-2000:]}")
    return done.stdout


def checkout(commit: str, tree: Path) -> Path:
    """The worktree of a commit. Raises RuntimeError where another package than its own is imported there."""
    git("worktree", "add", "--quiet", "--detach", tree, commit)
    found = Path(python(tree, "-c", "import zoo; print(zoo.__file__)").strip())
    if not found.is_relative_to(tree):
        raise RuntimeError(f"The package of {commit} is not imported from its worktree, but from {found}.")
    return tree


def git(*words: Any) -> str:
    """What git prints."""
    return subprocess.run(["git", "-C", ROOT, *words], check=True, capture_output=True, text=True).stdout.strip()


def compare_all(before: Path, after: Path, mixed: Path, scratch: Path) -> Iterator[Item]:
    """All items, the quick ones first; what a commit's code could not do is an item, too."""
    parts = {
        "results": compare_results(before, after),
        "weights": compare_weights(before, after, scratch),
        "tables": compare_tables(before, after, mixed, scratch),
        "runs": compare_runs(before, after, scratch),
    }
    for name, part in parts.items():
        try:
            yield from part
        except RuntimeError as error:
            yield Item(name, "", "", FAILED, tuple(str(error).splitlines()))


def explain(item: Item, reasons: dict[str, str]) -> Item:
    """The item, explained where it differs and a pattern names it."""
    reason = next((reason for pattern, reason in reasons.items() if fnmatchcase(item.name, pattern)), None)
    if reason is None or item.verdict not in (DIFFERS, REMOVED):
        return item
    return replace(item, verdict=EXPLAINED, lines=(reason, *item.lines))


def report(items: list[Item]) -> str:
    """The table, then every line that differs, then how many items came out how."""
    width = max(len(item.name) for item in items)
    rows = [f"{'item':{width}}  {'before':12}  {'after':12}  verdict    what differs"]
    for item in items:
        first = f"{item.lines[0][:60]} (lines: {len(item.lines)})" if item.lines else ""
        rows.append(f"{item.name:{width}}  {item.before:12}  {item.after:12}  {item.verdict:9}  {first}".rstrip())
    for item in items:
        if item.lines:
            rows += ["", f"{item.name}: {item.verdict}", *(f"  {line}" for line in item.lines)]
    counts = Counter(item.verdict for item in items)
    return "\n".join([*rows, "", f"{len(items)} items: " + ", ".join(f"{counts[one]} {one}" for one in counts), ""])


def main() -> int:
    """0, or 1 where something differs that is not explained."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("before", metavar="BEFORE", help="a commit")
    parser.add_argument("after", metavar="AFTER", nargs="?", default="HEAD", help="a commit; default: HEAD")
    parser.add_argument("--expect", metavar="PATTERN=REASON", action="append", default=[], help="why items differ")
    options = parser.parse_args()
    reasons = {pattern: reason for pattern, _, reason in (one.partition("=") for one in options.expect)}
    if not all(reasons.values()):
        parser.error("--expect takes PATTERN=REASON.")
    try:
        commits = {side: git("rev-parse", f"{getattr(options, side)}^{{commit}}") for side in ("before", "after")}
    except subprocess.CalledProcessError:
        parser.error(f"{options.before} and {options.after} must both be commits of this repository.")
    for side, commit in commits.items():
        print(f"{side + ':':8}{git('log', '-1', '--format=%h %s', commit)}", flush=True)
    commits["mixed"] = commits["after"]
    items = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder).resolve()
        try:
            before, after, mixed = (checkout(commit, scratch / side) for side, commit in commits.items())
            for item in compare_all(before, after, mixed, scratch):
                items.append(explain(item, reasons))
                print(f"{items[-1].verdict:9}  {item.name}", file=sys.stderr, flush=True)
        finally:
            for tree in (scratch / side for side in commits if (scratch / side).exists()):
                git("worktree", "remove", "--force", tree)
    print(f"\n{report(items)}", end="")
    return int(any(item.verdict in (DIFFERS, REMOVED, FAILED) for item in items))


def _json(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_bytes())
    return value


if __name__ == "__main__":
    sys.exit(main())
