"""What an exported file says about itself: as plain values, for programs that know nothing of this package."""

import base64
import json
from typing import Any

from zoo import __version__
from zoo.data.photos.transforms import PhotoTransform
from zoo.models.network import Network
from zoo.weights.preprocessing import is_ink, shape_kept, taken_for
from zoo.weights.trained import Weights

#: Of a card, what goes along as it is.
_PASSED_ON = ("parameters", "scores", "commit", "seed", "sha256", "licence", "published", "url")


def metadata_of(weights: Weights, network: Network, half: bool) -> dict[str, str]:
    """Names and values as text, the values that are no text as JSON.

    ``preprocessing`` is ``preprocessing_of`` these weights; a mean image goes apart, as ``mean_image``: base64 of its
    float32 numbers, little-endian, in the order channel, row, column.
    """
    meta = weights.meta
    shape = ", ".join(map(str, network.input_shape))
    plain: dict[str, Any] = {
        "zoo": __version__,
        "weights": weights.name,
        "network": network.name,
        "variant": network.variant,
        "options": network.options,
        "class_names": weights.class_names,
        "preprocessing": preprocessing_of(weights),
        "input": f"images: float32 (N, {shape}), preprocessed",
        "output": f"logits: float32 (N, {network.num_classes}); their softmax are the probabilities, for one view",
        "precision": "Weights in 16 bits, computing in 32" if half else "Weights and computing in 32 bits",
    }
    plain |= {key: meta[key] for key in _PASSED_ON if meta.get(key) is not None}
    mean_image = getattr(weights.steps(), "mean_image", None)
    if mean_image is not None:
        plain["mean_image"] = base64.b64encode(mean_image.numpy().astype("<f4").tobytes()).decode()
    texts = (
        (key, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
        for key, value in plain.items()
    )
    return dict(texts)


def preprocessing_of(weights: Weights) -> dict[str, Any]:
    """The steps from an image to the input, in order: geometry in pixels, then ``mean`` and ``std`` a channel.

    ``mean`` and ``std`` are on the scale of pixels, 0 to 255: input = (pixel - mean) / std.
    """
    steps, side = weights.steps(), weights.bare_network().input_shape[1]
    if isinstance(steps, PhotoTransform):
        resized = "both sides" if steps.scale.__name__ == "warp" else "short side"
        found = {
            "colour": "RGB", "resize": f"{resized} to {steps.short_side}, bilinear with antialiasing",
            "centre_crop": steps.size,
        }  # fmt: skip
        return found | _numbers(steps, 1)
    stored = shape_kept(weights.data.class_name, steps)
    assert stored is not None, "transforms() has refused what is no image"
    placing = getattr(steps.place, "keywords", {})
    found = {
        "colour": "RGB" if stored[0] == 3 else "grey, light ink on dark" if is_ink(weights.data.class_name) else "grey",
        "resize": _RESIZED[taken_for(weights.data.class_name)].format(side=stored[2]),
        "centre_crop": stored[2],
    }
    placed = stored[2]
    if "factor" in placing:
        placed //= placing["factor"]
        found |= {"mean_over_squares_of": placing["factor"]}
    elif placing:
        placed = placing["size"]
        found |= {"enlarge_to": placing["content"], "pad_with_zeros_to": placed}
    found |= _numbers(steps, 255)
    return found | ({"input_crop": side} if placed > side else {})


# What ``transforms()`` does to an image that is not of the data's own form.
_RESIZED = {
    None: "short side to {side}, bilinear with antialiasing",
    "ink": "ink cut to its box, the box's longer side to 20, its centre of mass in the middle of {side}x{side}",
    "photo": "centre square to {side}, means of areas",
}


def _numbers(steps: Any, scale: int) -> dict[str, Any]:
    mean_image = getattr(steps, "mean_image", None)
    if mean_image is not None:
        return {"mean": f"mean_image, float32 {tuple(mean_image.shape)}", "std": list(getattr(steps, "std", (1, 1, 1)))}
    return {"mean": [scale * value for value in steps.mean], "std": [scale * value for value in steps.std]}
