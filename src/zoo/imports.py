"""Imports of what is large: torch, Lightning, and whatever stands on them."""

import gc
from importlib import import_module
from types import ModuleType


def import_large(name: str) -> ModuleType:
    """Imports a module and what it imports, and looks for no garbage meanwhile.

    Of the half a million objects that torch and Lightning make hardly one is garbage, and looking for it takes a tenth
    of the time. Of modules that have been imported it costs nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return import_module(name)
    finally:
        if was_enabled:
            gc.enable()
