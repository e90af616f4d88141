"""Test protocols: the views in which a network looks at an image, and the mean of its class probabilities over them.

Views are functions of the image alone, so that a test has one result for any batch size and number of processes.
A model names its protocol for the Record (``Classifier.protocol``) and follows it in ``test_logits``; ``zoo benchmark``
measures any network under any of ``names``, several of them in one pass over the images.
"""

from zoo.evaluation.protocols.crops import averaged, nine_crops, six_views, ten_crops
from zoo.evaluation.protocols.names import NINE_CROPS, SINGLE_VIEW, SIX_VIEWS, TEN_CROPS, protocol
from zoo.evaluation.protocols.plan import Geometry, Protocol, View

__all__ = [
    "NINE_CROPS",
    "SINGLE_VIEW",
    "SIX_VIEWS",
    "TEN_CROPS",
    "Geometry",
    "Protocol",
    "View",
    "averaged",
    "nine_crops",
    "protocol",
    "six_views",
    "ten_crops",
]
