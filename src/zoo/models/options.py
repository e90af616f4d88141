"""A model takes the options of its network without listing them again, and those of fine-tuning."""

import functools
import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import Any, TypeVar

from zoo.models.network import Network

Init = TypeVar("Init", bound=Callable[..., None])


def takes_options_of(network: type[Network], without: tuple[str, ...] = ()) -> Callable[[Init], Init]:
    """Decorates a model's ``__init__`` that hands its ``*args`` and ``**options`` on to ``network``.

    In its signature the network's parameters take their place, but for those in ``without``, and its docstring becomes
    that of the network's constructor. This is where ``inspect.signature``, the command's help and the command's checks
    find the type, default and meaning of an option; calling the constructor is not changed. A model with an
    ``optimizer`` takes those of fine-tuning, too: see ``fine_tunes``.
    """

    def completed(init: Init) -> Init:
        _, *options = inspect.signature(network.__init__).parameters.values()
        parameters: list[Parameter] = []
        for own in inspect.signature(init).parameters.values():
            if own.kind is Parameter.VAR_POSITIONAL:
                parameters += [option for option in options if option.name not in without]
            elif own.kind is not Parameter.VAR_KEYWORD:
                parameters.append(own)
        init.__signature__ = inspect.Signature(parameters, return_annotation=None)  # type: ignore[attr-defined]
        init.__doc__ = network.__init__.__doc__
        return fine_tunes(init) if "optimizer" in inspect.signature(init).parameters else init

    return completed


def fine_tunes(init: Init) -> Init:
    """Decorates a model's ``__init__``: it also takes ``freeze`` and ``lr_scale``, for ``Classifier.fine_tune``."""
    own = inspect.signature(init)

    @functools.wraps(init)
    def tuned(
        self: Any,
        *args: Any,
        freeze: str | list[str] | None = None,
        lr_scale: dict[str, float] | None = None,
        **options: Any,
    ) -> None:
        init(self, *args, **options)
        self.fine_tune(freeze, lr_scale)

    kinds = {"freeze": str | list[str] | None, "lr_scale": dict[str, float] | None}
    more = [Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in kinds.items()]
    tuned.__signature__ = own.replace(parameters=[*own.parameters.values(), *more])  # type: ignore[attr-defined]
    if tuned.__doc__ and "Args:" in tuned.__doc__:
        tuned.__doc__ = inspect.cleandoc(tuned.__doc__) + "".join(f"\n    {key}: {say}" for key, say in _TUNING.items())
    return tuned  # type: ignore[return-value]


_TUNING = {
    "freeze": "layers that keep their weights and running means: conv1,conv2 or conv*",
    "lr_scale": "factors on the learning rate by layer: {conv*: 0.1}",
}
