"""A validation loop in timm's manner: only the import is another."""

import torch
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset

import zoo as timm


class Digits(Dataset):
    """scikit-learn's digits as arrays uint8 (8, 8)."""

    def __init__(self, transform):
        bunch = load_digits()
        self.images, self.labels = (bunch.images * (255 / 16)).round().astype("uint8")[:200], bunch.target[:200]
        self.transform = transform

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(self.images[index]), int(self.labels[index])


name = timm.list_models("lenet5/digits", pretrained=True)[0]
model = timm.get_model(name).eval()
loader = DataLoader(Digits(timm.get_weights(name).transforms()), batch_size=50)
top1 = top5 = total = 0
with torch.inference_mode():
    for images, target in loader:
        output = model(images)
        leading = output.topk(5, dim=1).indices == target[:, None]
        top1, top5, total = top1 + int(leading[:, 0].sum()), top5 + int(leading.sum()), total + len(target)
    assert torch.equal(model.forward_head(model.forward_features(images)), output)
print(f"Acc@1 {100 * top1 / total:.3f} Acc@5 {100 * top5 / total:.3f}")
