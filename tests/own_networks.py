"""A package of somebody's own in the working folder: a small ResNet, a LightningModule and a zoo-like pair."""

from pathlib import Path

CODE = '''
import torch
from lightning import LightningModule
from torch import nn
from torch.nn import functional as F

import my_blocks
from zoo.models import Classifier, Network, takes_options_of


class MyModel(nn.Module):
    """A stem, two residual blocks, the means of the maps."""

    def __init__(self, width: int = 4, num_classes: int = 10, in_channels: int = 1):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, width, 3, padding=1)
        self.layer1 = my_blocks.Block(width, width, 1)
        self.layer2 = my_blocks.Block(width, 2 * width, 2)
        self.fc = nn.Linear(2 * width, num_classes)

    def forward(self, x):
        return self.fc(self.layer2(self.layer1(F.relu(self.stem(x)))).mean((2, 3)))


class Lit(LightningModule):
    """With a loss, an optimizer, a schedule and a log of its own."""

    def __init__(self, hidden: int = 16, lr: float = 0.01):
        super().__init__()
        self.save_hyperparameters()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(1024, hidden), nn.ReLU(), nn.Linear(hidden, 10))
        self.epochs_begun = 0

    def forward(self, x):
        return self.body(x)

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.multi_margin_loss(self(x), y)
        self.log("my_loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("my_val_loss", F.multi_margin_loss(self(batch[0]), batch[1]))

    def on_train_epoch_start(self):
        self.epochs_begun += 1
        self.log("epochs_begun", float(self.epochs_begun))

    def configure_optimizers(self):
        optimizer = torch.optim.RMSprop(self.parameters(), lr=self.hparams.lr)
        schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "monitor": "my_val_loss"}}


class Plain(nn.Module):
    """Without batch normalisation, which processes have apart."""

    def __init__(self, width: int = 4, num_classes: int = 10):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 5, stride=2)
        self.fc = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.fc(F.relu(self.stem(x)).amax((2, 3)))


class Unused(Plain):
    """With a layer that has no part in the logits."""

    def __init__(self):
        super().__init__()
        self.spare = nn.Linear(4, 4)


class ByHand(LightningModule):
    """Which steps its optimizer itself."""

    def __init__(self, lr: float = 0.01):
        super().__init__()
        self.automatic_optimization = False
        self.body, self.lr = nn.Sequential(nn.Flatten(), nn.Linear(1024, 10)), lr

    def forward(self, x):
        return self.body(x)

    def training_step(self, batch, batch_idx):
        optimizer = self.optimizers()
        optimizer.zero_grad()
        self.manual_backward(F.cross_entropy(self(batch[0]), batch[1]))
        optimizer.step()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)


class Res(Network):
    """The zoo's own base class with branches: two ways, added."""

    name = "lenet5"

    def __init__(self, variant: str = "paper", num_classes: int = 10, width: int = 4):
        layers = {
            "stem": nn.Conv2d(1, width, 3, 2, 1), "block": my_blocks.Block(width, width, 1),
            "skip": nn.Conv2d(width, width, 1), "pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(),
            "fc": nn.Linear(width, num_classes),
        }
        super().__init__(layers, variant, (1, 32, 32), {"num_classes": num_classes, "width": width})

    def compute_logits(self, images):
        x = self.stem(images)
        return self.fc(self.flat(self.pool(self.block(x) + self.skip(x))))


class ResModel(Classifier):
    """Trains it."""

    @takes_options_of(Res)
    def __init__(self, *args, optimizer=None, **options):
        super().__init__(Res(*args, **options), optimizer or (lambda groups: torch.optim.SGD(groups, lr=0.1)))
'''
BLOCKS = """
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        same = before == after and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))
"""


def write_module(folder: Path) -> None:
    """``my_module.py``, which imports ``my_blocks.py`` beside it."""
    folder.mkdir(exist_ok=True)
    (folder / "my_module.py").write_text(CODE)
    (folder / "my_blocks.py").write_text(BLOCKS)
