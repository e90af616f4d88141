"""Whether there is a server of Weights & Biases to send to. Imports nothing heavy."""

import netrc
import os
from urllib.parse import urlparse

from zoo.errors import InputError

# W&B's words, and two that its client still takes for others.
_MODES = {mode: mode for mode in ("online", "offline", "disabled", "shared")} | {"dryrun": "offline", "run": "online"}


def mode() -> str:
    """Is "offline" where WANDB_MODE says so, or where nobody set a mode and there is no key to log in with.

    Raises InputError for a mode that W&B does not have.
    """
    if chosen := os.environ.get("WANDB_MODE"):
        if chosen not in _MODES:
            raise InputError(f"WANDB_MODE cannot be {chosen!r}: W&B knows online, offline and disabled.")
        return _MODES[chosen]
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    return "online" if os.environ.get("WANDB_API_KEY") or _has_netrc_entry(host) else "offline"


def _has_netrc_entry(host: str) -> bool:
    try:
        return host in netrc.netrc(os.environ.get("NETRC")).hosts
    except (OSError, netrc.NetrcParseError):
        return False
