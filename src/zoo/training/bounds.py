"""What a config's values must keep to beyond their types: in the whole config, and where Lightning does not look."""

import inspect
import math
from collections.abc import Iterator
from typing import Any

from zoo.errors import InputError
from zoo.options import loaded_class

# numpy and Lightning take seeds of 32 bits.
MOST_SEED = 2**32 - 1
MOST_NUMBER = 2.0**128 - 2.0**104
# Options of the Trainer that Lightning takes at any value, or refuses only in the middle of the training: the least.
LEAST = {
    "min_epochs": 0, "min_steps": 0, "num_sanity_val_steps": -1, "accumulate_grad_batches": 1,
    "check_val_every_n_epoch": 1, "log_every_n_steps": 1, "gradient_clip_val": 0,
}  # fmt: skip
ABOVE_0 = ("limit_train_batches", "limit_test_batches", "limit_predict_batches", "val_check_interval")


def check(config: dict[str, Any]) -> None:
    """Raises InputError, naming the key, for the first value that makes no sense."""
    for key, value in _numbers(config):
        # JSON, and so a Record, has no such numbers.
        if not math.isfinite(value):
            raise InputError(f"{key} must be a finite number, not {value}.")
        # Beyond what float32 holds, which everything is computed in.
        if abs(value) > MOST_NUMBER:
            raise InputError(f"{key} must be a number of at most {MOST_NUMBER:.3g} in size, not {value}.")
    for name in ("data", "model"):
        _check_nulls(name, config.get(name))
    seed = config.get("seed_everything")
    if isinstance(seed, int) and not 0 <= seed <= MOST_SEED:
        raise InputError(f"seed_everything must be a whole number from 0 to {MOST_SEED:,}, not {seed}.")
    trainer = config.get("trainer")
    if not isinstance(trainer, dict):
        raise InputError(f"trainer must hold keys such as max_epochs, not be {'null' if trainer is None else trainer}.")
    _check_trainer(trainer)


def _numbers(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield key, value
    elif isinstance(value, dict):
        for name, content in value.items():
            # What a class takes is typed without the two words of the file.
            hidden = name in ("init_args", "dict_kwargs")
            yield from _numbers(content, key if hidden else f"{key}.{name}" if key else str(name))
    elif isinstance(value, (list, tuple)):
        for content in value:
            yield from _numbers(content, key)


def _check_nulls(name: str, section: Any) -> None:
    """jsonargparse takes null for every option of a class, also for those whose type has no None."""
    if not isinstance(section, dict) or (owner := loaded_class(section.get("class_path"))) is None:
        return
    options = inspect.signature(owner).parameters
    for key, value in (section.get("init_args") or {}).items():
        if value is None and key in options and options[key].default is not None:
            raise InputError(f"{name}.{key} cannot be null: give it a value, or leave it out for its default.")


def _check_trainer(trainer: dict[str, Any]) -> None:
    for name, least in LEAST.items():
        value = trainer.get(name)
        if isinstance(value, (int, float)) and value < least:
            raise InputError(f"trainer.{name} must be at least {least}, not {value}.")
    for name in ABOVE_0:
        value = trainer.get(name)
        if isinstance(value, (int, float)) and value <= 0:
            more = "; to train without measuring, set test to false" if name == "limit_test_batches" else ""
            raise InputError(f"trainer.{name} must be above 0, not {value}{more}.")
    if trainer.get("max_steps") == 0:
        raise InputError("trainer.max_steps must be at least 1, or -1 for no limit, not 0.")
    if trainer.get("overfit_batches"):
        raise InputError(
            "trainer.overfit_batches draws images in an order of Lightning's own: take a part of an epoch with"
            " trainer.limit_train_batches."
        )
