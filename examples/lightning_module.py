"""A network of zoo in a LightningModule of one's own, on data of zoo."""

import torch
from lightning import LightningModule, Trainer, seed_everything
from torch.nn import functional as F

import zoo


class Mine(LightningModule):
    """Knows nothing of zoo but that a network gives logits."""

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch, batch_idx):
        """The loss."""
        images, labels = batch
        return F.cross_entropy(self.network(images), labels)

    def test_step(self, batch, batch_idx):
        """The accuracy."""
        images, labels = batch
        accuracy = (self.network(images).argmax(1) == labels).float().mean()
        self.log("accuracy", accuracy, batch_size=len(labels))

    def configure_optimizers(self):
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=2e-3)


seed_everything(0, verbose=False)
data = zoo.data.Digits(batch_size=64, transform="lenet5")
trainer = Trainer(
    max_epochs=3, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
    enable_model_summary=False,
)  # fmt: skip
model = Mine(zoo.get_model("lenet5", variant="modern"))
trainer.fit(model, datamodule=data)
(result,) = trainer.test(model, datamodule=data, verbose=False)
print(f"accuracy {result['accuracy']:.3f}")
