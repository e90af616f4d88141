"""The digest of weights by which a Record knows them."""

import hashlib
from collections.abc import Mapping

import safetensors.torch
from torch import Tensor, nn


def weights_digest(network: nn.Module) -> str:
    """sha256 of the network's state as safetensors would store it: independent of the checkpoint around it."""
    return state_digest(network.state_dict())


def state_digest(state: Mapping[str, Tensor]) -> str:
    """The same of a state dict."""
    stored = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    return hashlib.sha256(safetensors.torch.save(stored)).hexdigest()
