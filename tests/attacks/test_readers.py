"""Whatever the bytes: a reader returns or raises the package's own error, and what was written is read as it was."""

import json
import os
import sys
import warnings
from typing import Any

import preloaded
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reader_cases import READERS, Reader

# 10,000 examples of each reader take an hour: ZOO_ALL_ATTACKS=1.
MANY = 10_000 if os.environ.get("ZOO_ALL_ATTACKS") else 15
EXAMPLES = settings(
    max_examples=MANY, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck), phases=(Phase.explicit, Phase.generate, Phase.shrink),
)  # fmt: skip


each_reader = pytest.mark.parametrize("reader", [pytest.param(reader, id=name) for name, reader in READERS.items()])
numbers = st.one_of(
    st.integers(), st.floats(), st.sampled_from([0, -1, 2**31, 2**63, 2**64, 10**400, float("nan"), float("inf")])
)
texts = st.one_of(st.text(max_size=20), st.sampled_from(["", "..", "/etc/passwd", "\0", "\ud800", "os.system", "é"]))
leaves = st.one_of(st.none(), st.booleans(), numbers, texts)
values = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3))
)
# A place as a share of the length, how many bytes go, and what comes instead.
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.binary(max_size=12)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The bytes of a whole file for each reader, made when they are first asked for."""
    made: dict[str, bytes] = {}

    def of(reader: Reader) -> bytes:
        key = f"{reader.name} {reader.whole}"
        if key not in made:
            made[key] = reader.whole(tmp_path_factory.mktemp("whole"))
        return made[key]

    return of


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads bytes under the reader's name, in an empty home; what comes out, or nothing where they are refused."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def of(reader: Reader, content: bytes) -> Any:
        if reader.name == "meta.mat":
            # Each time SciPy reads it in a process of its own.
            monkeypatch.setattr(sys, "executable", preloaded.python("numpy", "scipy.io"))
        path = tmp_path / "folder" / reader.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return reader.read(path)
            except reader.raises as error:
                said = str(error)
        assert said.strip()
        assert len(said) < 3000
        return None

    return of


@each_reader
def test_a_whole_file_is_read_or_refused_for_its_size_alone(reader, whole, read):
    read(reader, whole(reader))


@each_reader
def test_any_bytes_are_read_or_refused(reader, read):
    @EXAMPLES
    @given(st.binary(max_size=300))
    def holds(content: bytes) -> None:
        read(reader, content)

    holds()


@each_reader
def test_a_file_with_other_bytes_in_it_is_read_or_refused(reader, whole, read):
    @EXAMPLES
    @given(edits)
    def holds(changes: list[tuple[float, int, bytes]]) -> None:
        content = whole(reader)
        for share, length, instead in changes:
            place = int(share * len(content))
            content = content[:place] + instead + content[place + length :]
        read(reader, content)

    holds()


STRUCTURED = {name: reader for name, reader in READERS.items() if reader.name.endswith((".json", ".yaml", ".jsonl"))}


@pytest.mark.parametrize("reader", [pytest.param(reader, id=name) for name, reader in STRUCTURED.items()])
def test_a_value_of_any_kind_in_any_place_is_read_or_refused(reader, whole, read):
    yaml_like = reader.name.endswith(".yaml")
    text = whole(reader).decode()
    places = list(_places(yaml.safe_load(text) if yaml_like else json.loads(text)))

    @EXAMPLES
    @given(st.sampled_from(places), values, st.sampled_from(["put", "gone", "key"]))
    def holds(place: tuple[Any, ...], value: Any, how: str) -> None:
        content = yaml.safe_load(text) if yaml_like else json.loads(text)
        around = content
        for key in place[:-1]:
            around = around[key]
        if how == "put":
            around[place[-1]] = value
        elif how == "gone":
            del around[place[-1]]
        elif isinstance(around, dict):
            around[str(value)[:20]] = value
        written = yaml.safe_dump(content, allow_unicode=True) if yaml_like else json.dumps(content)
        read(reader, written.encode("utf-8", "surrogatepass"))

    holds()


def _places(value: Any, place: tuple[Any, ...] = ()):
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, content in inside:
        yield (*place, key)
        # Of long lists the first are enough.
        if not isinstance(value, list) or key < 3:
            yield from _places(content, (*place, key))
