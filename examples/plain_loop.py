"""A network and data of zoo in a plain PyTorch loop."""

import torch
from torch.nn import functional as F

import zoo

torch.manual_seed(0)
data = zoo.data.Digits(batch_size=64, transform="lenet5")
data.setup()
network = zoo.get_model("lenet5", variant="modern")
optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)

for _ in range(3):
    network.train()
    for images, labels in data.train_dataloader():
        optimizer.zero_grad()
        F.cross_entropy(network(images), labels).backward()
        optimizer.step()

network.eval()
with torch.inference_mode():
    right = sum(int((network(images).argmax(1) == labels).sum()) for images, labels in data.test_dataloader())
print(f"accuracy {right / len(data.splits['test']):.3f}")
