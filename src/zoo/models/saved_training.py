"""What a checkpoint must hold beside weights for a training to go on from it: progress, optimizers, schedules.

Its bytes may be whole and these still be wrong: another program, or another version of this one, may have written it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lightning.pytorch import Trainer
from torch import Tensor

from zoo.errors import InputError

# What optimizers keep for each weight in the weight's own shape; of others' the shape is not known.
LIKE_THE_WEIGHT = {"momentum_buffer", "exp_avg", "exp_avg_sq", "square_avg", "acc_delta", "sum", "velocity", "scale"}


@contextmanager
def read_from(trainer: Trainer) -> Iterator[None]:
    """Whatever fails in the block failed for what the checkpoint holds, and becomes an InputError that names it."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise unlike(str(trainer.ckpt_path), reason_of(error)) from error


def reason_of(error: Exception) -> str:
    """What an error says, in one line, after its kind: a KeyError says no more than the key."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def unlike(checkpoint: str, reason: str) -> InputError:
    """The sentence about a checkpoint that a training of this kind cannot have left."""
    return InputError(
        f"{checkpoint} does not hold the state of a training like this one ({reason}): go on from another, or start"
        " anew from its weights with --init_from."
    )


def check_progress(trainer: Trainer, checkpoint: Mapping[str, Any]) -> None:
    """Raises InputError unless the loops of ``checkpoint`` count what the Trainer's own count."""
    loops = checkpoint.get("loops")
    fit = loops.get("fit_loop") if isinstance(loops, dict) else None
    problem = _problem(fit, trainer.fit_loop.state_dict(), "loops.fit_loop")
    for name, kind in {"callbacks": dict, "optimizer_states": list, "lr_schedulers": list}.items():
        if not isinstance(checkpoint.get(name), kind):
            problem = problem or f"its {name} are missing or of another kind"
    if problem:
        raise unlike(str(trainer.ckpt_path), problem)


def check_optimizers(trainer: Trainer, checkpoint: Mapping[str, Any]) -> None:
    """Raises InputError unless ``checkpoint`` has a state for each optimizer, and none that is not a schedule's."""
    states = checkpoint["optimizer_states"]
    if len(states) != len(trainer.optimizers):
        raise unlike(str(trainer.ckpt_path), f"it has {len(states)} optimizers, not {len(trainer.optimizers)}")
    for optimizer, saved in zip(trainer.optimizers, states, strict=True):
        if problem := _problem_of_optimizer(optimizer, saved):
            raise unlike(str(trainer.ckpt_path), problem)
    # A schedule may be added, or left out.
    for config, saved in zip(trainer.lr_scheduler_configs, checkpoint["lr_schedulers"], strict=False):
        own_state = config.scheduler.state_dict()
        found = {key: saved.get(key, value) for key, value in own_state.items()} if isinstance(saved, dict) else saved
        if problem := _problem(found, own_state, "lr_schedulers"):
            raise unlike(str(trainer.ckpt_path), problem)


def _problem_of_optimizer(optimizer: Any, saved: Any) -> str | None:
    groups = saved.get("param_groups") if isinstance(saved, dict) else None
    own = optimizer.param_groups
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        return "an optimizer has no groups of weights"
    if [len(group.get("params", ())) for group in groups] != [len(group["params"]) for group in own]:
        return "an optimizer is one of other weights"
    # Without a schedule there is no initial rate.
    rates = [group.get(key) for group in groups for key in ("lr", *({"initial_lr"} & {*group}))]
    if not all(isinstance(rate, int | float | Tensor) for rate in rates):
        return "an optimizer has a learning rate that is no number"
    numbers = (number for group in groups for number in group["params"])
    weights = dict(zip(numbers, (weight for group in own for weight in group["params"]), strict=True))
    return _problem_of_state(saved.get("state"), weights)


def _problem_of_state(state: Any, weights: Mapping[int, Tensor]) -> str | None:
    if not isinstance(state, dict) or not all(isinstance(kept, dict) for kept in state.values()):
        return "an optimizer has no state"
    for number, kept in state.items():
        if number not in weights:
            return f"an optimizer has a state of no weight, {number}"
        for key in LIKE_THE_WEIGHT & {*kept}:
            if kept[key] is not None and getattr(kept[key], "shape", None) != weights[number].shape:
                return f"an optimizer's {key} has not the shape of its weight"
    return None


def _problem(found: Any, wanted: Any, name: str) -> str | None:
    """Where ``found`` lacks a key of ``wanted``, or has another kind of value there; counts are not negative."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return f"it lacks {name}"
        return next(filter(None, (_problem(found.get(key), wanted[key], f"{name}.{key}") for key in wanted)), None)
    if isinstance(wanted, bool):
        right = isinstance(found, bool)
    elif isinstance(wanted, int):
        right = isinstance(found, int) and not isinstance(found, bool) and found >= min(wanted, 0)
    elif isinstance(wanted, float):
        right = isinstance(found, int | float | Tensor)
    else:
        right = True
    return None if right else f"its {name} is {str(found)[:20]}"
