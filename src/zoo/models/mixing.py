"""CutMix: training images with a piece of another image in them, and the shares of both labels."""

import torch
from torch import Tensor


def cut_and_mixed(images: Tensor, labels: Tensor, num_classes: int, probability: float) -> tuple[Tensor, Tensor]:
    """Puts a rectangle of another image of the batch into each one, by torchvision (Yun et al. 2019, section 3.2).

    With ``probability`` the images (N, C, H, W) are mixed, and beside them come the shares of the classes,
    (N, num_classes); else both are returned as they are. The numbers come from torch's generator of the CPU, which is
    keyed by the step.
    """
    if torch.rand(()) >= probability:
        return images, labels
    # Imported here: it takes half a second, and few trainings want it.
    from torchvision.transforms.v2 import CutMix

    mixed: tuple[Tensor, Tensor] = CutMix(num_classes=num_classes)(images, labels)
    return mixed


def likeliest(targets: Tensor) -> Tensor:
    """Labels (N,) of what ``cut_and_mixed`` returns: of a mixed image, that of its larger part."""
    return targets if targets.ndim == 1 else targets.argmax(1)
