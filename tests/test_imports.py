"""Large imports look for no garbage, and what comes after them does as before."""

import gc
import subprocess
import sys

import pytest

from zoo.imports import import_large


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Writes a module of the given code that can be imported, and returns its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(code):
        (tmp_path / "large_one.py").write_text(code)
        monkeypatch.delitem(sys.modules, "large_one", raising=False)
        return "large_one"

    yield write
    sys.modules.pop("large_one", None)


@pytest.fixture(params=[True, False])
def enabled(request):
    """Whether garbage is looked for, which is afterwards as it was."""
    before = gc.isenabled()
    (gc.enable if request.param else gc.disable)()
    yield request.param
    (gc.enable if before else gc.disable)()


def test_no_garbage_is_looked_for_meanwhile_and_afterwards_as_before(module, enabled):
    assert import_large(module("import gc; looked = gc.isenabled()")).looked is False
    assert gc.isenabled() is enabled


def test_an_import_that_fails_leaves_it_as_before(module, enabled):
    with pytest.raises(ZeroDivisionError):
        import_large(module("1 / 0"))
    assert gc.isenabled() is enabled


@pytest.mark.parametrize(
    ("before", "is_left_alone"),
    [
        ("", True),
        ("import torch", False),
        # Of a program that has more of its own, what is dropped one day must still be found.
        ("kept = [[] for _ in range(30_000)]", False),
    ],
)
def test_what_torch_made_is_left_alone_in_an_interpreter_that_has_just_been_started(tmp_path, before, is_left_alone):
    (tmp_path / "torch.py").write_text("made = [[] for _ in range(50_000)]")
    (tmp_path / "network.py").write_text("import torch")
    code = f"""
import gc, sys
sys.path.insert(0, {str(tmp_path)!r})
{before}
from zoo.imports import import_large
at_first = gc.get_freeze_count()
import_large("json.tool")
light = gc.get_freeze_count()
import_large("network")
print(light - at_first, gc.get_freeze_count() - light > 50_000, gc.isenabled())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"0 {is_left_alone} True\n"
