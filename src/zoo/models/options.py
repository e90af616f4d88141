"""A model takes the options of its network without listing them again."""

import inspect
from collections.abc import Callable
from inspect import Parameter
from typing import TypeVar

from zoo.models.network import Network

Init = TypeVar("Init", bound=Callable[..., None])


def takes_options_of(network: type[Network], without: tuple[str, ...] = ()) -> Callable[[Init], Init]:
    """Decorates a model's ``__init__`` that hands its ``*args`` and ``**options`` on to ``network``.

    In its signature the network's parameters take their place, but for those in ``without``, and its docstring becomes
    that of the network's constructor. This is where ``inspect.signature``, the command's help and the command's checks
    find the type, default and meaning of an option; calling the constructor is not changed.
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
        return init

    return completed
