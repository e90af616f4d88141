"""Every network trains under torch's deterministic algorithms, and two runs end with the same weights."""

import pytest
import torch
from conftest import slow_where
from lightning.pytorch import Trainer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

import zoo
from zoo.catalog import NETWORKS

# Sizes that leave the large networks quick; all others train with their defaults.
SMALL = {
    "alexnet": {"variant": "paper", "input_size": 67, "num_classes": 10},
    **{f"vgg{depth}": {"input_size": 32, "num_classes": 10, "head": "linear"} for depth in (11, 13, 16, 19)},
}
# They take whole pixel values, and store as many images as they are told to.
BASELINES = {
    "nearest_neighbour": {"num_images": 20, "input_size": 8},
    "eigenfaces": {"num_images": 20, "input_size": 8, "num_components": 5},
    "hog_svm": {},
}
# A deeper VGG has more of the same layers.
DEEPER = [("vgg13", "paper"), ("vgg13", "bn"), ("vgg16", "paper"), ("vgg16", "bn"), ("vgg19", "paper"), ("vgg19", "bn")]
# Their layers are those of the paper's form in another order or number.
ALIKE = [("alexnet", "caffe"), ("alexnet", "caffenet"), ("alexnet", "one_gpu"), ("alexnet", "joined"), ("vgg16", "1x1")]
CASES = [(name, variant) for name, entry in NETWORKS.items() for variant in entry.variants]


def options_of(name: str, variant: str) -> dict:
    entry = NETWORKS[name]
    options = dict(entry.model_options) | SMALL.get(name, {}) | BASELINES.get(name, {})
    if len(entry.variants) > 1:
        options["variant"] = variant
    if variant == "cifar":
        del options["input_size"]
    return options


def trained(name: str, variant: str) -> dict[str, Tensor]:
    torch.manual_seed(0)
    model = getattr(zoo.models, NETWORKS[name].model)(**options_of(name, variant))
    shape, classes = model.network.input_shape, model.network.num_classes
    n, generator = 20 if name in BASELINES else 4, torch.Generator().manual_seed(1)
    images = torch.rand(n, *shape, generator=generator)
    if name in BASELINES:
        images = (255 * images).round()
    data = DataLoader(TensorDataset(images, torch.arange(n) % classes), batch_size=n // 2)
    trainer = Trainer(
        max_epochs=1,
        accelerator="cpu",
        deterministic=True,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, data)
    return model.network.state_dict()


@pytest.mark.filterwarnings("ignore:.*does not have many workers.*", "ignore:.*no `val_dataloader`.*")
@pytest.mark.parametrize(
    "case", slow_where(lambda case: case in ALIKE, [case for case in CASES if case not in DEEPER]), ids="-".join
)
def test_training_twice_under_deterministic_algorithms_gives_the_same_weights(case):
    name, variant = case
    try:
        first, second = trained(name, variant), trained(name, variant)
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)
    torch.manual_seed(0)
    fresh = getattr(zoo.models, NETWORKS[name].model)(**options_of(name, variant)).network.state_dict()
    assert any(not torch.equal(first[key], fresh[key]) for key in first), "nothing was learnt"
