"""Training images that could not be decoded and were left out, where the user asked for that."""

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any

import torch.distributed as dist


class Skipped:
    """Counts how often each path was left out; says each once, on standard error.

    No warning: the user chose ``on_error: skip``, and the Record has the list.
    """

    def __init__(self) -> None:
        self.times: Counter[str] = Counter()

    def note(self, paths: Iterable[str]) -> None:
        """Adds the paths of one step."""
        for path in paths:
            if path not in self.times:
                print(f"zoo: left out {path}, which is not a readable image (on_error: skip)", file=sys.stderr)
            self.times[path] += 1

    def everywhere(self) -> dict[str, int]:
        """How often each path was left out by all processes together; all of them must call this."""
        if not (dist.is_available() and dist.is_initialized()):
            return dict(sorted(self.times.items()))
        parts: list[Any] = [None] * dist.get_world_size()
        dist.all_gather_object(parts, dict(self.times))
        total: Counter[str] = Counter()
        for part in parts:
            total.update(part)
        return dict(sorted(total.items()))


def summary(times: dict[str, int]) -> dict[str, Any]:
    """What a Record says of images left out: how many, how often in all, and which; nothing where there are none."""
    if not times:
        return {}
    return {"skipped": {"num_images": len(times), "times": sum(times.values()), "paths": sorted(times)}}
