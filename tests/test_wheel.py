"""The built wheel, installed: what it must carry is inside, and works from there."""

import os

import preloaded
import pytest
from conftest import ROOT

from zoo.configs import list_configs
from zoo.report.tables import document
from zoo.weights.cards import shipped


def in_wheel(installed, folder, *words):
    """Python in an empty folder with the wheel's zoo before any other."""
    kept = {name: value for name, value in os.environ.items() if name != "ZOO_TEST_DATA"}
    return preloaded.run(*words, cwd=folder, env=kept | {"PYTHONPATH": str(installed)}).stdout


def test_weights_cards_schemas_and_configs_are_inside(installed):
    inside = {
        path.relative_to(installed / "zoo").as_posix() for path in (installed / "zoo").rglob("*") if path.is_file()
    }
    assert {f"shipped_configs/{name}.yaml" for name in list_configs()} <= inside
    assert {"published.yaml", "py.typed", "results/schema.json", "weights/card.schema.json"} <= inside
    wanted = {file.with_suffix(ending) for file in shipped().values() for ending in (".json", ".safetensors")}
    wanted = {file.relative_to(ROOT / "src" / "zoo").as_posix() for file in wanted if file.is_file()}
    assert wanted == {name for name in inside if name.startswith("weights/shipped/")}
    for name in wanted:
        ours = ROOT / "src" / "zoo" / name
        assert (installed / "zoo" / name).read_bytes() == ours.read_bytes()


def test_it_lists_its_weights_in_an_empty_folder(installed, tmp_path):
    code = "import zoo; print(zoo.__file__); print(*zoo.list_weights(), sep='\\n')"
    place, *names = in_wheel(installed, tmp_path, "-c", code).splitlines()
    assert place.startswith(str(installed))
    assert [name for name in names if not name.startswith("torchvision/")] == list(shipped())
    assert "torchvision/alexnet" in in_wheel(installed, tmp_path, "-m", "zoo", "list", "weights")


@pytest.mark.skipif(not shipped(), reason="no weights are shipped yet")
def test_it_classifies_in_an_empty_folder(installed, tmp_path):
    from PIL import Image

    Image.new("RGB", (100, 80), "white").save(tmp_path / "white.png")
    name = next(name for name, card in shipped().items() if card.with_suffix(".safetensors").is_file())
    code = f"""
import zoo
weights = zoo.get_weights({name!r})
network = zoo.get_model(weights.meta["network"], weights=weights).eval()
logits = network(weights.transforms()("white.png"))
print(weights.class_names[logits.argmax()] in weights.class_names, network.meta["sha256"] == weights.meta["sha256"])
"""
    assert in_wheel(installed, tmp_path, "-c", code).split() == ["True", "True"]


def test_its_tables_are_those_of_the_checkout(installed, tmp_path):
    text = in_wheel(installed, tmp_path, "-m", "zoo", "table", "mnist")
    assert text == document("mnist", "md")
    assert "not trained yet" not in text
