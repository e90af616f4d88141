"""YAML that is checked by libyaml is refused in the words of PyYAML, which are those with a place."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import yaml_text
from zoo.yaml_text import DEEPEST, FAST, check, read_own

PARTS = [
    *"ab1:,[]{}-?&*!|>'\"%@`# \n\t", ": ", "- ", "\n  ", "&a ", "*a", "a: 1\n", "é", "\x00", "\udcff", "\ufeff", "---",
]  # fmt: skip


def said_of(text: str) -> str | None:
    """The refusal; None where there is none."""
    try:
        check(text)
    except yaml.YAMLError as error:
        return str(error)
    return None


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(st.sampled_from(PARTS), max_size=12).map("".join))
def test_what_is_refused_is_refused_in_pyyamls_words_and_nothing_that_pyyaml_takes(text):
    said = said_of(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_text, "FAST", yaml.SafeLoader)
        expected = said_of(text)
    # libyaml takes some that PyYAML does not, such as tabs between words.
    assert said in (expected, None)
    assert (said is None) >= (expected is None)


@pytest.mark.parametrize(
    ("text", "problem", "line", "column"),
    [
        ("a: 1\nb: {c: 2, c: 3}\n", "the key 'c' is given twice", 1, 10),
        ("a: &all\n  b: *all\n", "an alias stands for what it is itself a part of", 0, 3),
        ("[" * (DEEPEST + 2) + "]" * (DEEPEST + 2), f"it is nested more than {DEEPEST} levels deep", 0, DEEPEST + 1),
    ],
)
def test_a_refusal_has_its_place(text, problem, line, column):
    with pytest.raises(yaml.MarkedYAMLError) as refused:
        check(text)
    mark = refused.value.problem_mark
    assert (refused.value.problem, mark.line, mark.column) == (problem, line, column)


def test_nesting_that_would_end_the_process_is_a_sentence():
    with pytest.raises(yaml.YAMLError, match=f"it is nested more than {DEEPEST} levels deep"):
        check("[" * 100_000)


def test_what_the_zoo_wrote_reads_as_pyyaml_reads_it():
    content = {"a": [1, 1e-3, float("inf"), "1e-3", "yes", "#", "", None, True], "é b": {"deep": {"er": "x: y"}}}
    # A name of a file that is no UTF-8, as Python has it.
    content["name"] = "r\udcff"
    text = yaml.safe_dump(content, sort_keys=False)
    assert read_own(text) == yaml.safe_load(text) == content
    assert FAST is yaml.CSafeLoader
