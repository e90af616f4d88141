"""How many helpers a process may start. Standard library only."""

import os


def share(processes: int | None = None) -> int:
    """The cores that this process may use, divided by the processes of its run on this machine; at least 1.

    ``processes`` is taken from the launcher's LOCAL_WORLD_SIZE where it is not given.
    """
    if processes is None:
        launched = os.environ.get("LOCAL_WORLD_SIZE", "")
        processes = int(launched) if launched.isdecimal() else 1
    # Only Linux tells which cores this process may use; elsewhere all there are must do.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // max(1, processes))
