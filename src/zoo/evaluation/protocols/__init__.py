"""Test protocols: the views in which a network looks at an image, and the mean of its class probabilities over them.

Views are functions of the image alone, so that a test has one result for any batch size and number of processes.
A model names its protocol for the Record (``Classifier.protocol``), and ``zoo test`` follows it; ``zoo benchmark``
measures any network under any of ``names``, several of them on each image as it is read.
"""

from zoo.evaluation.protocols.names import NINE_CROPS, SINGLE_VIEW, SIX_VIEWS, TEN_CROPS, protocol
from zoo.evaluation.protocols.plan import Geometry, Protocol, View
from zoo.evaluation.protocols.scores import averaged

__all__ = [
    "NINE_CROPS",
    "SINGLE_VIEW",
    "SIX_VIEWS",
    "TEN_CROPS",
    "Geometry",
    "Protocol",
    "View",
    "averaged",
    "protocol",
]
