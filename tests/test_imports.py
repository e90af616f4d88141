"""Large imports look for no garbage, and what comes after them does as before."""

import gc
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
