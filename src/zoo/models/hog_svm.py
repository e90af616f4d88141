"""Histograms of oriented gradients and a linear support vector machine (Dalal and Triggs 2005)."""

import numpy as np
import torch
from torch import Tensor, nn

from zoo.errors import InputError
from zoo.layers.hog import HOG
from zoo.layers.neighbours import ROWS
from zoo.models.baseline import BaselineNetwork
from zoo.models.network import check_sizes, check_variant


class HOGSVM(BaselineNetwork):
    """HOG features of an image and one linear support vector machine a class, against all others.

    The features are the paper's default detector's (section 4): colour without gamma correction, gradients by
    [-1, 0, 1], 9 orientations over 180 degrees, blocks of 2x2 cells of ``cell_size`` pixels, L2-Hys.

    Deviations and guesses: the paper finds pedestrians in windows of 64x128, two classes; here the features are of the
    whole image. scikit-image's histograms put each pixel into one cell and one orientation, where the paper shares it
    between neighbours, have no Gaussian window over a block, and take the gradient at the border as zero. The machine
    is liblinear's with the squared hinge loss and the bias decayed too, where the paper has SVMLight's plain hinge.
    The work of the features is not in macs.
    """

    name = "hog_svm"
    hog: HOG
    svm: nn.Linear

    def __init__(
        self,
        variant: str = "paper",
        num_classes: int = 10,
        in_channels: int = 3,
        input_size: int = 32,
        cell_size: int = 8,
    ) -> None:
        """Builds the layers and gives them their first weights.

        Args:
            variant: the paper's form is the only one
            num_classes: how many classes there are logits for
            in_channels: channels of an image: 1 is grey, 3 is colour
            input_size: pixels a side of the image
            cell_size: pixels a side of a cell, in which gradients are counted
        """
        check_variant(variant, ("paper",))
        check_sizes(num_classes=num_classes, in_channels=in_channels, input_size=input_size, cell_size=cell_size)
        hog = HOG(input_size, cell_size)
        svm = nn.Linear(hog.num_features, num_classes)
        nn.init.zeros_(svm.weight)
        nn.init.zeros_(svm.bias)
        options = {
            "num_classes": num_classes,
            "in_channels": in_channels,
            "input_size": input_size,
            "cell_size": cell_size,
        }
        super().__init__({"hog": hog, "svm": svm}, variant, (in_channels, input_size, input_size), options)

    @torch.no_grad()
    def fit(self, images: Tensor, labels: Tensor, c: float = 0.01) -> None:
        """Trains the machines on the features of all images; ``c`` weighs their slacks against the margin."""
        features = torch.cat([self.hog(part.float()) for part in images.split(ROWS)]).cpu().numpy()
        weight, bias = support_vectors(features, labels.cpu().numpy(), self.num_classes, c)
        self.svm.weight.copy_(torch.from_numpy(weight))
        self.svm.bias.copy_(torch.from_numpy(bias))


def support_vectors(
    features: np.ndarray, labels: np.ndarray, num_classes: int, c: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (num_classes, D) and biases (num_classes,) of one machine a class, from features (N, D).

    Raises InputError where all images are of one class.
    """
    from sklearn.svm import LinearSVC

    found = np.unique(labels)
    if len(found) < 2:
        raise InputError(f"A support vector machine needs images of two classes, but all are of class {found[0]}.")
    # With fewer features than images the primal problem is the faster one, and free of chance.
    machine = LinearSVC(C=c, dual=False).fit(features, labels)
    weight, bias = machine.coef_, machine.intercept_
    if len(found) == 2:
        # scikit-learn keeps one machine for two classes; the other is its negative.
        weight, bias = np.concatenate([-weight, weight]), np.concatenate([-bias, bias])
    # A class without images: its best machine says no to everything, at the margin.
    every, biases = np.zeros((num_classes, weight.shape[1])), np.full(num_classes, -1.0)
    every[found], biases[found] = weight, bias
    return every, biases
