"""Trained weights to Hugging Face's hub, with their card."""

import tempfile
from pathlib import Path
from typing import Any

from zoo.models.hub import push_folder
from zoo.weights.export.write import export
from zoo.weights.find import find
from zoo.weights.trained import Weights


def push_to_hub(weights: str | Path | Weights, repo_id: str, **how: Any) -> str:
    """Writes what ``zoo export --format hub`` makes of ``weights`` into the repository OWNER/NAME.

    Returns the address of the commit. Where there is a Record, ``zoo.get_weights("hf_hub:OWNER/NAME")`` reads it back
    with preprocessing, classes and scores. ``how`` are ``private``, ``token``, ``commit_message``, ``revision`` and
    ``create_pr`` of huggingface_hub. Raises InputError where the hub refuses.
    """
    with tempfile.TemporaryDirectory() as folder:
        return push_folder(export(find(weights), "hub", Path(folder) / "network").path, repo_id, **how)
