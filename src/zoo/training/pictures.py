"""Pictures of a test in W&B and TensorBoard: confusions, calibration, what the first layer learnt, the mistakes."""

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from zoo.comparison.run import Answers, Run
from zoo.data.sampling import Draw
from zoo.errors import InputError
from zoo.evaluation.classes import names_of_outputs
from zoo.evaluation.predictions import Predicted, file_names
from zoo.evaluation.recorder import Recorder
from zoo.figures.first_filters import filter_images, filters
from zoo.figures.subject import line_of
from zoo.figures.surest_mistakes import SHOWN, Mistakes, sheet, surest_of
from zoo.figures.unit_templates import template_images, templates
from zoo.models.network import Network
from zoo.results.record import Record
from zoo.runs import name_of
from zoo.training.console import say
from zoo.training.first_classes import FirstClasses, name_of_class
from zoo.training.loggers import OneRowAStep
from zoo.weights.trained import Weights

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

# Images in W&B's table of examples.
MISTAKES, RIGHT = 64, 16
# Of more classes W&B's own chart would have too many cells.
_CHARTED = 100
EXAMPLES, CHART = "test/examples", "test/confusion_matrix"


class Pictures(Callback):
    """Draws them when a test ends, on the first process, and gives them to the loggers.

    A picture that cannot be drawn is told in a sentence: a training does not fail by it.
    """

    def __init__(self, loggers: list[Any], recorder: Recorder, answers: FirstClasses) -> None:
        self.loggers, self.recorder, self.answers = loggers, recorder, answers

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draws and hands over."""
        found, record = self.answers.found, self.recorder.record
        if found is None or record is None:
            return
        model: Any = pl_module
        test = _Test(name_of(self.recorder.path.parent), model.network, trainer.datamodule, found, record)  # type: ignore[attr-defined]
        images = dict(_drawn(test))
        for logger in self.loggers:
            if isinstance(logger, OneRowAStep):
                _to_wandb(logger, test, images, trainer.global_step)
            else:
                _to_tensorboard(logger, images, trainer.global_step)


class _Test:
    """What is drawn: a network, the data that it was tested on, what it said of them."""

    def __init__(self, name: str, network: Network, data: Any, found: Predicted, record: Record) -> None:
        self.name, self.network, self.data, self.found, self.record = name, network, data, found, record
        self.weights = _TrainedHere(name, network, data, record)
        self.wrong = found.best[:, 0] != found.labels

    def names(self, numbers: Tensor) -> list[str]:
        """The names of classes."""
        return [name_of_class(self.data.class_names, number) for number in numbers.tolist()]

    def surest_mistakes(self, most: int) -> Tensor:
        """The places of up to ``most`` wrong images among those that were found."""
        return surest_of(self.found.probabilities[:, 0], self.wrong, most)

    def pixels(self, places: Tensor) -> Tensor:
        """Test images as the network sees them, to look at: uint8 (n, C, H, W)."""
        split, draw = self.data.splits["test"], Draw(0, self.found.indices[places])
        # In memory, or photos: these are bytes until they are on the device.
        images: Tensor = split.displayed(draw) if hasattr(split, "displayed") else split[draw][0]
        if images.dtype != torch.uint8 or images.dim() != 4:
            raise InputError(f"the images of {self.data.name} are no bytes to look at")
        return images.cpu()

    def as_run(self) -> Run:
        """The run that ``zoo compare`` would read."""
        found = self.found
        answers = Answers(
            found.indices.tolist(), self.names(found.labels), self.names(found.best[:, 0]),
            found.probabilities[:, 0].tolist(),
        )  # fmt: skip
        return Run(self.name, self.name, self.record.config, self.record, answers=answers)

    def mistakes(self) -> "Figure":
        """The surest mistakes of the whole test set."""
        places, found = self.surest_mistakes(SHOWN), self.found
        labels, taken = self.names(found.labels[places]), self.names(found.best[places, 0])
        confidence = found.probabilities[places, 0].tolist()
        n, pixels = len(found.labels), self.pixels(places)
        line = f"the test set of {self.data.name}"
        shown = Mistakes(pixels, labels, taken, confidence, int(self.wrong.sum()), n, line)
        return sheet(self.name, line_of(self.weights), shown)


class _TrainedHere(Weights):
    """The weights of a network in memory, for pictures of them."""

    def __init__(self, name: str, network: Network, data: Any, record: Record) -> None:
        self.name, self._network = name, network
        classes = names_of_outputs(data.class_names, network.num_classes)
        said = {"network": network.name, "variant": network.variant, "class_names": classes}
        self.meta = said | {"record": record.content()}

    def state(self) -> dict[str, Tensor]:
        """The network's own tensors."""
        return self._network.state_dict()

    def verify(self) -> None:
        """They are in no file."""

    def network(self) -> Network:
        """The network itself."""
        return self._network


def _kinds(test: _Test) -> Iterator[tuple[str, "Callable[[], Figure]"]]:
    """The kinds of pictures that there are of a test, each with what draws it."""
    from zoo.figures.confusions import confusion
    from zoo.figures.reliability import calibration

    run = test.as_run()
    yield "confusion", partial(confusion, run)
    yield "calibration", partial(calibration, run)
    for kind, images, draw in (("filters", filter_images, filters), ("templates", template_images, templates)):
        try:
            images(test.network)
        except InputError:
            continue
        yield kind, partial(draw, test.weights)
    yield "mistakes", test.mistakes


def _drawn(test: _Test) -> Iterator[tuple[str, tuple["Image", str]]]:
    """Each kind as an image with the words for who cannot see it."""
    from PIL import Image

    from zoo.figures.style import content_of

    for kind, draw in _kinds(test):
        try:
            figure = draw()
            # The very bytes of ``zoo figure``.
            yield kind, (Image.open(io.BytesIO(content_of(figure))).convert("RGB"), str(figure.get_label()))
        except ModuleNotFoundError as error:
            say(f"no pictures of the test: {error.name} is not installed")
            return
        except Exception as error:
            # Whatever it is, somebody's own network or data among it: what was trained and measured stays.
            say(f"no picture {kind} of the test: {_reason(error)}")


def _to_wandb(logger: OneRowAStep, test: _Test, images: dict[str, tuple["Image", str]], step: int) -> None:
    from wandb import Image, plot

    logger.add({f"test/{kind}": Image(image, caption=words) for kind, (image, words) in images.items()}, step)
    names = names_of_outputs(test.data.class_names, test.network.num_classes)
    if len(names) <= _CHARTED:
        labels, first = test.found.labels.tolist(), test.found.best[:, 0].tolist()
        logger.add({CHART: plot.confusion_matrix(y_true=labels, preds=first, class_names=names)}, step)
    try:
        logger.add({EXAMPLES: _examples(test)}, step)
    except Exception as error:
        say(f"no examples of the test in W&B: {_reason(error)}")


def _examples(test: _Test) -> Any:
    """W&B's table with the surest mistakes and, from all over the test set, some images that are right."""
    from wandb import Image, Table

    found, files = test.found, file_names(test.data)
    right = (~test.wrong).nonzero()[:, 0]
    some = right[:: max(1, len(right) // RIGHT)][:RIGHT]
    places = torch.cat([test.surest_mistakes(MISTAKES), some])
    numbers = found.indices[places].tolist()
    rows: dict[str, list[Any]] = {
        "index": numbers,
        **({"file_name": [files[number] for number in numbers]} if files else {}),
        "image": [Image(_in_colour(pixels)) for pixels in test.pixels(places)],
        "label": test.names(found.labels[places]),
        "class1": test.names(found.best[places, 0]),
        "probability1": found.probabilities[places, 0].tolist(),
        "right": (~test.wrong[places]).tolist(),
    }
    return Table(columns=[*rows], data=[list(row) for row in zip(*rows.values(), strict=True)])


def _to_tensorboard(logger: Any, images: dict[str, tuple["Image", str]], step: int) -> None:
    import numpy as np

    for kind, (image, _) in images.items():
        logger.experiment.add_image(f"test/{kind}", np.asarray(image), step, dataformats="HWC")


def _in_colour(pixels: Tensor) -> "Image":
    """uint8 (1, H, W) or (3, H, W) as a Pillow image in RGB."""
    from torchvision.transforms.functional import to_pil_image

    return to_pil_image(pixels.expand(3, -1, -1))


def _reason(error: Exception) -> str:
    return (" ".join(str(error).split()) or type(error).__name__).rstrip(".")
