"""What a run says: a few sentences, and only the warnings that concern the user."""

import logging
import warnings
from pathlib import Path
from typing import Any

from lightning.pytorch.utilities.rank_zero import rank_zero_only


@rank_zero_only
def say(sentence: str) -> None:
    """Prints on the first process only."""
    print(sentence)


def announce(network: Any, data: Any, run_dir: Path) -> None:
    """Says in one line what is about to be trained."""
    parameters = sum(parameter.numel() for parameter in network.parameters())
    say(f"{network.name} ({network.variant}), {parameters:,} parameters, on {data.name}; run folder {run_dir}")


def quiet() -> None:
    """Silences what Lightning says to its developers; warnings about the user's own run stay."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    # What trainer.profiler measures is said there.
    logging.getLogger("lightning.pytorch.profilers").setLevel(logging.INFO)
    for message in (
        ".*does not have many workers.*",
        ".*number of training batches .* is smaller than the logging interval.*",
        ".*recommended to use `self.log.*sync_dist=True.*",
        # Frozen layers are, on purpose.
        ".*in eval mode at the start of training.*",
        ".*defined a `validation_step` but have no `val_dataloader`.*",
        # The arguments are those of the command line, with configs found.
        ".*LightningCLI's args parameter is intended to run from within Python.*",
        # A checkpoint goes on in another run folder, on purpose.
        ".*The dirpath has changed from.*",
        # One whose callbacks were others, an earlier zoo's among them.
        ".*callbacks used to create the checkpoint need to be provided.*",
        # A run that goes on writes where it wrote before.
        ".*Checkpoint directory .* exists and is not empty.*",
        # Lightning's own use of a torch function that is going away.
        ".*`isinstance\\(treespec, LeafSpec\\)` is deprecated.*",
        # Lightning's own use of jsonargparse's older names.
        r"\s*(``instantiate_classes`` was deprecated|By default only one JsonargparseDeprecationWarning)",
    ):
        warnings.filterwarnings("ignore", message)
