"""A training script in the manner of torchvision's references/classification: only the import is another.

There it says ``import torchvision``, ``torchvision.models.get_model`` and ``weights.transforms()``; here the same.
"""

import argparse
import tempfile
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

import zoo as models


def train_one_epoch(model, criterion, optimizer, data_loader, device):
    """As in the references."""
    model.train()
    for image, target in data_loader:
        output = model(image.to(device))
        loss = criterion(output, target.to(device))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def evaluate(model, data_loader, device):
    """Accuracy at 1, in percent."""
    model.eval()
    right = total = 0
    with torch.inference_mode():
        for image, target in data_loader:
            output = model(image.to(device))
            right += int((output.argmax(1) == target.to(device)).sum())
            total += len(target)
    return 100 * right / total


def main(args):
    """Starts from trained weights and learns the classes of a folder."""
    torch.manual_seed(0)
    weights = models.get_weights(args.weights)
    dataset = ImageFolder(args.data_path, transform=weights.transforms())
    loader = DataLoader(dataset, batch_size=8, shuffle=True)
    model = models.get_model(args.model, weights=weights, num_classes=len(dataset.classes)).to(args.device)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30, gamma=0.1)
    for _ in range(args.epochs):
        train_one_epoch(model, criterion, optimizer, loader, args.device)
        scheduler.step()
    print(f"Acc@1 {evaluate(model, loader, args.device):.3f}")


def two_colours(folder):
    """A folder of pictures for a try."""
    for name, colour in {"red": (200, 40, 40), "blue": (40, 40, 200)}.items():
        (folder / name).mkdir()
        for number in range(8):
            Image.new("RGB", (40 + number, 50), colour).save(folder / name / f"{number}.png")
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-path")
    parser.add_argument("--model", default="convnetjs")
    parser.add_argument("--weights", default="convnetjs/cifar10")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        given.data_path = given.data_path or two_colours(Path(place))
        main(given)
