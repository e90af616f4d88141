"""Checks plain data against ``schema.json``, in the words of JSON Schema 2020-12 that this file uses.

Why not jsonschema: ``zoo table`` and ``zoo list`` would take twice as long, for importing it costs 0.1 s of processor
time, as much as a whole table, and its check of a Record three times that of this one. Its sentences name neither the
field as one writes it nor what would be right, and it lets 1.0 pass for an integer. Tests hold this check to it.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(__file__).with_name("schema.json")
# What the check below understands, beside words that describe and do not restrict; a test holds the file to these.
DESCRIBING = {"$schema", "title", "description"}
KEYWORDS = {
    "type", "const", "minimum", "maximum", "minLength", "pattern", "required", "properties", "additionalProperties",
    "items",
}  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


@cache
def record_schema() -> dict[str, Any]:
    """The JSON Schema of a Record."""
    schema: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return schema


def first_problem(value: Any, schema: dict[str, Any], name: str = "") -> str | None:
    """What is wrong with ``value`` first, naming the field as ``metrics.top1_error``; None where nothing is.

    Stricter than JSON Schema in one thing: an integer is written without a fraction.
    """
    return _problem_of_value(value, schema, name or "the content") or (
        _problem_of_fields(value, schema, name) if isinstance(value, dict) else _problem_of_items(value, schema, name)
    )


def _problem_of_value(value: Any, schema: dict[str, Any], name: str) -> str | None:
    allowed = schema.get("type", [])
    allowed = [allowed] if isinstance(allowed, str) else allowed
    if allowed and not any(_is(value, kind) for kind in allowed):
        return f"{name} is {_shown(value)}, not of type {' or '.join(allowed)}"
    if "const" in schema and (value != schema["const"] or isinstance(value, bool)):
        return f"{name} is {_shown(value)}, not {schema['const']}"
    if _is(value, "number"):
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None and value < low:
            return f"{name} is {value}, below {low}"
        if high is not None and value > high:
            return f"{name} is {value}, above {high}"
    return _problem_of_text(value, schema, name) if isinstance(value, str) else None


def _problem_of_text(value: str, schema: dict[str, Any], name: str) -> str | None:
    if len(value) < schema.get("minLength", 0):
        return f"{name} is empty"
    if not re.search(schema.get("pattern", ""), value):
        return f"{name} is {_shown(value)}, not {schema.get('title', schema['pattern'])}"
    return None


def _problem_of_fields(value: dict[str, Any], schema: dict[str, Any], name: str) -> str | None:
    prefix, known, others = f"{name}." if name else "", schema.get("properties", {}), schema.get("additionalProperties")
    for key in schema.get("required", []):
        if key not in value:
            return f"the field {prefix}{key} is missing"
    for key, content in value.items():
        if key not in known and others is False:
            return f"the field {prefix}{key} is unknown"
        rule = known.get(key, others)
        problem = first_problem(content, rule, f"{prefix}{key}") if isinstance(rule, dict) else None
        if problem:
            return problem
    return None


def _problem_of_items(value: Any, schema: dict[str, Any], name: str) -> str | None:
    items = value if isinstance(value, list) and "items" in schema else []
    problems = (first_problem(item, schema["items"], f"{name}[{place}]") for place, item in enumerate(items))
    return next((problem for problem in problems if problem), None)


def _is(value: Any, kind: str) -> bool:
    """Whether ``value`` is of a JSON type; Python's True would pass for an integer."""
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
