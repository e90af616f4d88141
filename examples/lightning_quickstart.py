"""Lightning's quick-start, a model and data that its Trainer fits and tests: only the import is another."""

import lightning as L

import zoo

L.seed_everything(0, verbose=False)
data = zoo.data.Digits(batch_size=64, transform="raw")
model = zoo.models.LinearModel(in_channels=1, input_size=8)
trainer = L.Trainer(
    max_epochs=5, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
    enable_model_summary=False,
)  # fmt: skip
trainer.fit(model, datamodule=data)
(result,) = trainer.test(model, datamodule=data, verbose=False)
print(f"accuracy {1 - result['test/top1_error'] / 100:.3f}")
