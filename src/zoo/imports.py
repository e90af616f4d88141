"""Imports of what is large: torch, Lightning, and whatever stands on them."""

import gc
import sys
from importlib import import_module
from types import ModuleType

# Objects that the collector looks after in an interpreter that has just been started: 5,000, and 25,000 in a command of
# zoo's that is about to import torch; a notebook, or a program that has read its data, has far more.
_FEW = 30_000


def import_large(name: str) -> ModuleType:
    """Imports a module and what it imports, and looks for no garbage meanwhile.

    Of the half a million objects that torch and Lightning make hardly one is garbage, and looking for it takes a tenth
    of the time. In an interpreter that has just been started they are not looked at later either, which would take as
    long again at its end; where there is more, it could be dropped one day and never be found. Of modules that have
    been imported it costs nothing.
    """
    is_new = "torch" not in sys.modules and len(gc.get_objects()) < _FEW
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        if is_new and "torch" in sys.modules:
            gc.freeze()
        if was_enabled:
            gc.enable()
