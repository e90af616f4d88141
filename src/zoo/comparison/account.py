"""Whether there is a server of Weights & Biases to send to. Standard library only."""

import netrc
import os
from urllib.parse import urlparse


def mode() -> str:
    """Is "offline" where WANDB_MODE says so, or where nobody set a mode and there is no key to log in with."""
    if chosen := os.environ.get("WANDB_MODE"):
        return chosen
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    return "online" if os.environ.get("WANDB_API_KEY") or _has_netrc_entry(host) else "offline"


def _has_netrc_entry(host: str) -> bool:
    try:
        return host in netrc.netrc(os.environ.get("NETRC")).hosts
    except (OSError, netrc.NetrcParseError):
        return False
