"""Somebody's own network in the zoo: any ``nn.Module`` or ``LightningModule``, trained and measured as ours are."""

import inspect
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.model_helpers import is_overridden
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn

from zoo import trusted
from zoo.errors import InputError
from zoo.models.classifier import Batch, Classifier
from zoo.models.network import Network, answering
from zoo.models.options import fine_tunes
from zoo.optim import AnySchedule

#: The variant of every network that is wrapped here.
OWN = "own"
# What a LightningModule may do between the steps: its own is called after the zoo's.
_HOOKS = (
    "on_fit_start", "on_fit_end", "on_train_start", "on_train_end", "on_train_epoch_start", "on_train_epoch_end",
    "on_train_batch_start", "on_train_batch_end", "on_validation_epoch_start", "on_validation_epoch_end",
    "on_before_backward", "on_after_backward", "on_before_optimizer_step", "on_before_zero_grad",
    "optimizer_step", "optimizer_zero_grad", "lr_scheduler_step", "configure_gradient_clipping", "backward",
)  # fmt: skip
# Of these there is one, and it is theirs.
_INSTEAD = {
    "optimizer_step", "optimizer_zero_grad", "lr_scheduler_step", "configure_gradient_clipping", "backward",
}  # fmt: skip


class OwnNetwork(Network):
    """An ``nn.Module`` that takes images (N, C, H, W) and gives logits (N, num_classes), whatever lies between.

    ``name`` is the import path of its class and ``variant`` "own". ``init_args`` are what its class was called with,
    so that a checkpoint can be loaded; None where that is not known. ``input_shape`` and ``num_classes`` are those of
    the data it has met; before that, of none.
    """

    def __init__(
        self,
        module: nn.Module,
        init_args: Mapping[str, Any] | None = None,
        input_shape: tuple[int, int, int] | None = None,
        num_classes: int | None = None,
    ) -> None:
        options = {"init_args": None if init_args is None else dict(init_args)}
        super().__init__({"module": module}, OWN, (1, 1, 1), options)
        self.name = f"{type(module).__module__}.{type(module).__qualname__}"
        # Not known yet: nothing is of this shape.
        self.input_shape = (0, 0, 0)
        if input_shape is not None:
            self.see(input_shape, num_classes)

    @property
    def is_own(self) -> bool:
        """Always."""
        return True

    @property
    def known(self) -> bool:
        """Whether it is known which images it is for."""
        return self.input_shape != (0, 0, 0)

    def see(self, shape: tuple[int, ...], num_classes: int | None = None) -> None:
        """Takes images of ``shape``, (C, H, W), from now on; the number of classes is what it makes of them, or given.

        Raises InputError where its forward fails on such images, or does not give logits (N, classes).
        """
        channels, height, width = shape
        self.input_shape = (channels, height, width)
        if num_classes is None:
            device = next((p.device for p in self.parameters()), torch.device("cpu"))
            # Two images: a mean over one may be refused. Nothing is drawn from the caller's stream.
            with torch.no_grad(), answering(self), torch.random.fork_rng(devices=[]):
                try:
                    logits = self[0](torch.zeros(2, *shape, device=device))
                except (RuntimeError, TypeError, ValueError, IndexError, NotImplementedError) as error:
                    reason = " ".join(str(error).split()) or type(error).__name__
                    by = "x".join(map(str, shape))
                    raise InputError(f"{self.name} does not take images of {by}: {reason.rstrip('.')}.") from error
            if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != 2:
                given = f"a tensor {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
                raise InputError(f"{self.name} must give logits (N, classes) for N images, not {given} for 2.")
            num_classes = int(logits.shape[1])
        self.options |= {"input_shape": list(self.input_shape), "num_classes": num_classes}

    @property
    def root(self) -> nn.Module:
        """The module itself."""
        return self[0]

    def named_units(self) -> dict[str, nn.Module]:
        """Each layer that has weights of its own, under its name in the module."""
        modules = {name or "module": module for name, module in self[0].named_modules()}
        return {
            name: module
            for name, module in modules.items()
            if any(True for _ in module.parameters(recurse=False)) or any(True for _ in module.buffers(recurse=False))
        }

    def compute_logits(self, images: Tensor) -> Tensor:
        """The module's own forward."""
        logits: Tensor = self[0](images)
        return logits

    def reset_classifier(self, num_classes: int) -> None:
        """The module's own ``reset_classifier``, as timm's have it. Raises InputError where it has none."""
        reset = getattr(self[0], "reset_classifier", None)
        if reset is None:
            raise InputError(f"{self.name} has no reset_classifier: build it with the number of classes instead.")
        reset(num_classes)
        self.options |= {"num_classes": num_classes}

    def anew(self, on: str | None = None, **options: Any) -> Network:
        """The same form anew. Raises InputError where it is not known what its class was called with."""
        return rebuilt(type(self[0]), {**self.options, "init_args": (self.options["init_args"] or {}) | options}, on)


class OwnModel(Classifier):
    """Trains and measures somebody's own network: ``zoo fit --model my_module.MyNetwork`` builds one.

    An ``nn.Module`` learns by the zoo's loss, cross-entropy, and by ``optimizer``. A ``LightningModule`` that has a
    ``training_step`` learns by that, by its own ``configure_optimizers`` and with its own hooks of training; its
    ``validation_step`` is called for what it logs. All are measured by their forward, which gives logits.
    """

    @fine_tunes
    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerCallable = torch.optim.Adam,
        schedule: AnySchedule | None = None,
        label_smoothing: float = 0.0,
        cutmix: float = 0.0,
    ) -> None:
        """Wraps the network.

        Args:
            network: the nn.Module or LightningModule, with its own options
            optimizer: how an nn.Module learns
            schedule: how its learning rate changes
            label_smoothing: share of each training target that is spread evenly over all classes
            cutmix: probability that the images of a training step are mixed two by two
        """
        super().__init__(network if isinstance(network, Network) else OwnNetwork(network), optimizer, schedule)
        self.smooth_labels(label_smoothing)
        self.mix_images(cutmix)
        #: The LightningModule inside that trains by itself; in a tuple, so that it is no part of this one twice.
        self.theirs: tuple[LightningModule, ...] = ()
        if isinstance(network, LightningModule) and is_overridden("training_step", network, LightningModule):
            if label_smoothing or cutmix:
                raise InputError(
                    f"{type(network).__name__} learns by its own training_step: leave model.label_smoothing and"
                    " model.cutmix out."
                )
            self.theirs = (network,)
            self.automatic_optimization = network.automatic_optimization
            self._seen: list[Tensor] = []
            for name in _HOOKS:
                if is_overridden(name, network, LightningModule):
                    setattr(self, name, self._theirs_too(name))
            network.register_forward_hook(lambda module, inputs, output: self._seen.append(output))
        if type(network).forward in (nn.Module.forward, LightningModule.forward):
            raise InputError(
                f"{type(network).__name__} has no forward: give it one that takes images (N, C, H, W) to logits"
                " (N, classes), so that it can be measured."
            )

    def setup(self, stage: str) -> None:
        """Tells the network which images it is for. Raises InputError where these do not fit it."""
        self.see(getattr(self.trainer, "datamodule", None))
        for module in self.theirs:
            module.trainer = self.trainer
            if is_overridden("setup", module, LightningModule):
                module.setup(stage)
        super().setup(stage)

    def more_outputs(self, classes: int) -> str:
        """How to get as many: by the option of its class, where it has it."""
        if "num_classes" in inspect.signature(type(self.network.root)).parameters:
            return super().more_outputs(classes)
        return f"{self.network.name} must give {classes} logits"

    def see(self, data: Any) -> None:
        """Tells an ``OwnNetwork`` the shape of the data's images, where that is known by now."""
        shape = data.shape_after(getattr(data, "transform", None)) if hasattr(data, "shape_after") else None
        if shape is None and getattr(data, "splits", None):
            shape = tuple(next(iter(data.test_dataloader()))[0].shape[1:])
        if isinstance(self.network, OwnNetwork) and not self.network.known and shape is not None:
            self.network.see(shape)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """As ``Classifier``; where nothing was known of the images, these are what the network is for."""
        if isinstance(self.network, OwnNetwork) and not self.network.known:
            self.network.see(tuple(batch[0].shape[1:]))
        super().on_train_batch_start(batch, batch_idx)

    def training_step(self, batch: Batch, batch_idx: int) -> Any:
        """Theirs, where they have one."""
        if not self.theirs:
            return super().training_step(batch, batch_idx)
        self._seen.clear()
        outcome = self._called("training_step", batch, batch_idx)
        images, labels = batch
        logits = next((seen.detach() for seen in self._seen if _are_logits(seen, labels)), None)
        if logits is None:
            # It goes round its own forward: what it makes of the images has to be asked for.
            with torch.no_grad(), answering(self.network):
                logits = self.network(images)
        self._seen.clear()
        losses = self.losses(logits, labels).detach()
        self.train_counts.later(logits, labels, losses)
        self._log_step(losses)
        return outcome

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Counts mistakes; theirs is called before, for what it logs."""
        if any(is_overridden("validation_step", module, LightningModule) for module in self.theirs):
            self._called("validation_step", batch, batch_idx)
        super().validation_step(batch, batch_idx)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Theirs, where they have one."""
        for module in self.theirs:
            if is_overridden("configure_optimizers", module, LightningModule):
                return module.configure_optimizers()
        return super().configure_optimizers()

    def _called(self, hook: str, *args: Any) -> Any:
        """What the LightningModule inside does in ``hook``; what it logs there is logged."""
        (module,) = self.theirs
        module._current_fx_name = hook
        try:
            return getattr(module, hook)(*args)
        finally:
            module._current_fx_name = None

    def _theirs_too(self, hook: str) -> Any:
        ours = getattr(self, hook)

        def both(*args: Any, **options: Any) -> Any:
            (module,) = self.theirs
            if hook not in _INSTEAD:
                ours(*args, **options)
            module._current_fx_name = hook
            try:
                # Lightning, too, asks for the signature: a hook may leave out what it has no use for.
                return getattr(module, hook)(*args, **options)
            finally:
                module._current_fx_name = None

        return both


def rebuilt(kind: Any, options: Mapping[str, Any], on: str | None = None) -> Network:
    """An ``OwnNetwork`` of the class ``kind`` by the ``options`` of another, with first weights.

    Raises InputError where it is not known, or cannot be known, what the class was called with.
    """
    path, init_args = f"{kind.__module__}.{kind.__qualname__}", options.get("init_args")
    if not isinstance(init_args, Mapping):
        raise InputError(
            f"It is not known with which options {path} was built: build it yourself, then load the state_dict."
        )
    for key, value in init_args.items():
        if isinstance(value, Mapping) and "class_path" in value:
            raise InputError(
                f"{path} was built with {value['class_path']} for {key}, and a checkpoint brings in no other class:"
                " build it yourself, then load the state_dict; zoo test goes by the run's config."
            )
    shape, number = options.get("input_shape"), options.get("num_classes")
    taken = inspect.signature(kind).parameters
    if "num_classes" in options and "num_classes" in taken and "num_classes" not in init_args:
        init_args = {**init_args, "num_classes": number}
    try:
        with torch.device(on) if on else nullcontext():
            module = kind(**init_args)
    except Exception as error:
        # Their code fails in their own ways.
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} cannot be built with {dict(init_args)}: {reason.rstrip('.')}.") from error
    if isinstance(module, Network):
        return module
    if not (isinstance(shape, list | tuple) and len(shape) == 3 and all(isinstance(side, int) for side in shape)):
        return OwnNetwork(module, init_args)
    return OwnNetwork(module, init_args, (shape[0], shape[1], shape[2]), number if isinstance(number, int) else None)


def own_network(name: str, variant: str | None, options: Mapping[str, Any], origin: str) -> Network:
    """The network of the class ``name`` that a file describes, if the user trusts that class. Raises InputError."""
    kind = trusted.class_named(name, nn.Module, origin)
    if issubclass(kind, Network):
        build: Any = kind
        try:
            made: Network = build(variant=variant, **options) if variant is not None else build(**options)
        except (TypeError, ValueError) as error:
            raise InputError(f"{name} cannot be built as {origin} says: {error}.") from error
        return made
    return rebuilt(kind, options)


def _are_logits(output: Any, labels: Tensor) -> bool:
    return isinstance(output, Tensor) and output.ndim == 2 and len(output) == len(labels)
