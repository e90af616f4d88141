import json
from dataclasses import asdict, fields

import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator
from results_cases import make_record

from zoo.errors import InputError
from zoo.results.record import SCHEMA, Record
from zoo.results.schema import DESCRIBING, KEYWORDS, first_problem, record_schema

GOOD = asdict(make_record())


def read(tmp_path, content):
    path = tmp_path / "odd.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return Record.read(path)


def changed(where, value):
    content = json.loads(json.dumps(GOOD))
    *parents, last = where.split(".")
    inner = content
    for key in parents:
        inner = inner[key]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return content


def required(schema, prefix=""):
    """Every path that the schema requires."""
    for key in schema.get("required", []):
        yield prefix + key
        yield from required(schema.get("properties", {}).get(key, {}), f"{prefix}{key}.")


def test_the_schema_has_the_fields_of_a_record_and_only_words_that_are_checked():
    schema = record_schema()
    assert set(schema["properties"]) == {field.name for field in fields(Record)}
    optional = {field.name for field in fields(Record) if field.default is None}
    assert set(schema["required"]) == set(schema["properties"]) - optional
    assert schema["properties"]["schema"]["const"] == SCHEMA

    def walk(rule):
        assert set(rule) <= KEYWORDS | DESCRIBING
        # What a user reads instead of the pattern.
        assert "pattern" not in rule or rule["title"]
        for inner in [*rule.get("properties", {}).values(), rule.get("additionalProperties")]:
            if isinstance(inner, dict):
                walk(inner)

    walk(schema)


def test_a_good_record_is_read(tmp_path):
    assert read(tmp_path, GOOD) == make_record()


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "results").glob("*.json")), ids=lambda path: path.stem)
def test_the_shipped_records_are_valid(path):
    assert Record.read(path).schema == SCHEMA


@pytest.mark.parametrize("field", list(required(record_schema())))
def test_each_required_field_is_missed_by_its_name_and_path(tmp_path, field):
    with pytest.raises(InputError, match=rf"odd\.json is not a record .*: the field {field} is missing"):
        read(tmp_path, changed(field, ...))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("metrics.top1_error", 101, "metrics.top1_error is 101, above 100"),
        ("metrics.top5_error", -0.5, "below 0"),
        ("metrics.top1_error", "0.95", "not of type number"),
        ("metrics.top1_error", 1.0, "95 wrong of 10000 are 0.95 %"),
        ("metrics.top1_wrong", 96, "96 wrong of 10000 are 0.96 %"),
        ("n", True, "not of type integer"),
        ("n", 10_000.5, "not of type integer"),
        ("n", 0, "below 1"),
        ("parameters", None, "not of type integer"),
        ("network", "", "network is empty"),
        ("weights.sha256", "abc", 'weights.sha256 is "abc", not 64 hexadecimal digits.'),
        ("created", "yesterday", 'created is "yesterday", not a time such as 2026-01-31T12:00:00Z.'),
        ("git", "main", "git"),
        ("git.dirty", 0, "git.dirty is 0, not of type boolean"),
        ("timing.test_seconds", None, "timing.test_seconds"),
        ("timing.laps", "two", "timing.laps"),
        ("schema", 2, "schema is 2, not 1"),
        ("extra", 1, "the field extra is unknown"),
        ("dataset.num_images", 9_999, "only 9999 images"),
        ("dataset.num_images", 20_000, "does not limit the test"),
    ],
)
def test_a_wrong_field_is_refused_with_path_and_value(tmp_path, field, value, says):
    with pytest.raises(InputError) as caught:
        read(tmp_path, changed(field, value))
    assert "odd.json" in str(caught.value)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("trainer", [{"limit_test_batches": 2}, {"limit_test_batches": 0.5}, {"fast_dev_run": True}])
def test_a_limited_test_may_leave_images_out(tmp_path, trainer):
    content = changed("dataset.num_images", 20_000)
    content["config"]["trainer"] = trainer
    assert read(tmp_path, content).n == 10_000


def test_a_limit_of_everything_may_not(tmp_path):
    content = changed("dataset.num_images", 20_000)
    content["config"]["trainer"] = {"limit_test_batches": 1.0, "fast_dev_run": False}
    with pytest.raises(InputError, match="does not limit"):
        read(tmp_path, content)


def test_more_top5_than_top1_mistakes_are_refused(tmp_path):
    content = changed("metrics.top5_wrong", 100)
    content["metrics"]["top5_error"] = 1.0
    with pytest.raises(InputError, match="more than top1_wrong"):
        read(tmp_path, content)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", json.dumps(GOOD).replace("0.5", "NaN"), "\ud800", "[" * 10**5])
def test_what_is_no_record_at_all_is_refused(tmp_path, text):
    path = tmp_path / "odd.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=r"odd\.json is not a record"):
        Record.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.json"):
        Record.read(tmp_path / "none.json")


def test_the_check_agrees_with_the_standard_on_small_schemas():
    for value, schema in (
        ({"a": 1}, {"required": ["a"], "properties": {"a": {"type": "integer"}}}),
        ({"a": None}, {"properties": {"a": {"type": ["number", "null"]}}}),
        ({"b": "x"}, {"additionalProperties": {"type": "number"}}),
        ({"b": 2}, {"properties": {"b": {"minimum": 2, "maximum": 2}}}),
        ("abc", {"pattern": "b"}),  # a pattern is searched for, not matched whole
        (True, {"const": 1}),
        ([], {"type": "object"}),
    ):
        assert (first_problem(value, schema) is None) == Draft202012Validator(schema).is_valid(value), (value, schema)


def test_the_check_agrees_with_the_standard_on_a_record_with_any_one_value_replaced():
    record, standard = json.loads(json.dumps(GOOD)), Draft202012Validator(record_schema())
    refused = 0
    for change in one_place_changed(record):
        ours, theirs = first_problem(change, record_schema()) is None, standard.is_valid(change)
        assert ours == theirs, change
        refused += not ours
    assert refused > 300


def one_place_changed(value):
    """``value`` with something else in each place, one place after the other."""
    yield from (None, True, -1, 0.5, 101, "", "x", [], {}, [None], {"x": 1})
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, content in inner:
        for other in one_place_changed(content):
            changes = value.copy()
            changes[key] = other
            yield changes
        if isinstance(value, dict):
            yield {name: kept for name, kept in value.items() if name != key}
            yield value | {f"{key}_": content}
