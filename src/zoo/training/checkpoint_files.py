"""How checkpoints lie on the disk: written whole and sealed or not at all, and the newest that is whole."""

from pathlib import Path
from typing import IO, Any, cast

import torch
from lightning.fabric.plugins import TorchCheckpointIO

from zoo.errors import InputError
from zoo.files import keep_as, whole
from zoo.training.console import say
from zoo.weights.sources.checkpoint import load_checkpoint
from zoo.weights.sources.seal import Sealing, check_whole

_STEP = "step-"


class WholeFile(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it: whoever looks finds the old one or the new one, whole.

    What is written is sealed, and what is read has to be what was written.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        """Raises InputError where the disk refuses; the old checkpoint stays."""
        if "://" in str(path):
            return super().save_checkpoint(checkpoint, path, storage_options)
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with (
                whole(target, target.with_name(f"{target.name}.part"), durable=True) as draft,
                draft.open("wb") as file,
            ):
                sealing = Sealing(file)
                torch.save(checkpoint, cast(IO[bytes], sealing))
                sealing.seal()
        except (OSError, RuntimeError) as error:
            # torch's writer reports a full disk as a RuntimeError about its archive.
            reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
            way = f"make room{' and go on from the old one' if target.is_file() else ''}"
            raise InputError(f"{target} cannot be written ({reason}): {way}.") from error
        return None

    def load_checkpoint(self, path: Any, *args: Any, **options: Any) -> dict[str, Any]:
        """What Lightning reads, of a file that is whole. Raises InputError for one that is damaged."""
        if "://" not in str(path):
            check_whole(Path(path))
        return super().load_checkpoint(path, *args, **options)


def newest_whole(last: Path) -> Path | None:
    """The checkpoint to go on from: ``last``, or the newest of those kept before it where it is damaged or gone.

    None where there is none yet. Says so where it is an older one; raises InputError where all are damaged.
    """
    refused: InputError | None = None
    for path in [*([last] if last.is_file() else []), *reversed(kept_before(last).values())]:
        try:
            load_checkpoint(path)
        except InputError as error:
            refused = refused or error
            continue
        if path != last:
            reason = str(refused).partition(": ")[0] if refused else f"{last} is gone"
            say(f"{reason}: going on from {path}, the last good checkpoint")
        return path
    if refused:
        raise refused
    return None


def kept_before(last: Path) -> dict[int, Path]:
    """The checkpoints kept before ``last``, by their step, in order."""
    named = {path.stem.removeprefix(_STEP): path for path in last.parent.glob(f"{_STEP}*{last.suffix}")}
    return {int(step): named[step] for step in sorted(filter(str.isdecimal, named), key=int)}


def keep_as_step(last: Path, step: int) -> None:
    """Gives the checkpoint a second name, after its step, or makes a copy where the disk has one name a file.

    Raises InputError where the disk refuses.
    """
    name = last.with_name(f"{_STEP}{step}{last.suffix}")
    try:
        keep_as(last, name)
    except OSError as error:
        raise InputError(f"{name} cannot be written ({error.strerror}): make room and go on from {last}.") from error
