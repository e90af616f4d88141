"""JSON laid out to be read: an object's keys on lines of their own, numbers in a list side by side."""

import json
from typing import Any


def laid_out(value: Any, indent: int = 0) -> str:
    """``value`` as JSON with sorted keys; a list stands on one line, or on one a row where it holds lists or objects.

    Raises ValueError for NaN and infinities, which JSON cannot hold.
    """
    pad, inner = " " * indent, " " * (indent + 2)
    if isinstance(value, dict) and value:
        fields = [f"{inner}{_flat(str(key))}: {laid_out(value[key], indent + 2)}" for key in sorted(value)]
        return "{\n" + ",\n".join(fields) + f"\n{pad}}}"
    if isinstance(value, list | tuple) and any(isinstance(item, dict | list | tuple) for item in value):
        return "[\n" + ",\n".join(f"{inner}{laid_out(item, indent + 2)}" for item in value) + f"\n{pad}]"
    return _flat(value)


def _flat(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False)
