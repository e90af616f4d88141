import numbers

import pytest

from zoo.catalog import NETWORKS
from zoo.errors import InputError
from zoo.results.published import FILE, load

PUBLISHED = load()
FIGURES = PUBLISHED.figures


def named(name, **fields):
    """The one figure of that name with those fields."""
    (figure,) = [f for f in FIGURES if f.name == name and all(getattr(f, k) == v for k, v in fields.items())]
    return figure


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.dataset}-{figure.name}")
def test_a_figure_is_complete_and_within_its_range(figure):
    assert figure.dataset in PUBLISHED.datasets
    assert figure.split in PUBLISHED.datasets[figure.dataset].images
    assert figure.source in PUBLISHED.sources
    assert figure.where
    assert figure.status in ("V", "T", "S", "D")
    errors = [error for error in (figure.top1_error, figure.top5_error) if error is not None]
    assert errors
    assert all(isinstance(error, numbers.Real) and 0 < error < 100 for error in errors)
    assert errors == sorted(errors, reverse=True)  # top-5 is never above top-1
    assert figure.nets is None or figure.nets >= 1
    assert figure.extra_data in (True, False, None)
    assert figure.rounding > 0


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: f"{figure.dataset}-{figure.name}")
def test_an_error_is_a_multiple_of_its_rounding(figure):
    for error in (figure.top1_error, figure.top5_error):
        steps = (error or 0) / figure.rounding
        assert steps == pytest.approx(round(steps), abs=1e-6)


def test_networks_and_variants_are_in_the_catalogue():
    for figure in FIGURES:
        assert (figure.network is None) == (figure.variant is None)
        if figure.network:
            assert figure.variant in NETWORKS[figure.network].variants


def test_no_figure_stands_there_twice():
    keys = [(f.name, f.dataset, f.split, f.protocol, f.nets, f.extra_data, f.source, f.where) for f in FIGURES]
    assert len(keys) == len(set(keys))


def test_every_source_is_used():
    assert {figure.source for figure in FIGURES} == set(PUBLISHED.sources)


def test_figures_that_everybody_knows():
    alexnet = named("1 CNN")
    assert (alexnet.top1_error, alexnet.top5_error, alexnet.protocol) == (40.7, 18.2, "ten crops")
    vgg = named("D, S in 256 to 512", where="Tables 4 and 5")
    assert (vgg.network, vgg.top1_error, vgg.top5_error) == ("vgg16", 24.8, 7.5)
    assert named("LeNet-5").top1_error == 0.95
    assert named("alexnet").top1_error == pytest.approx(100 - 56.522)
    assert named("vgg16").top5_error == pytest.approx(100 - 90.382)


@pytest.mark.parametrize("figure", [f for f in FIGURES if f.source == "torchvision"], ids=lambda figure: figure.name)
def test_torchvisions_figures_are_those_of_its_metadata(figure):
    from torchvision.models import get_weight

    accuracy = get_weight(figure.where).meta["_metrics"]["ImageNet-1K"]
    assert figure.top1_error == pytest.approx(100 - accuracy["acc@1"], abs=1e-9)
    assert figure.top5_error == pytest.approx(100 - accuracy["acc@5"], abs=1e-9)


@pytest.mark.parametrize(
    ("name", "without", "top1", "top5"),
    [
        ("CNN", "layers-145-half", 1.7, 1.2),  # section 3.2, a single column
        ("1 CNN", "layers-148", 1.4, 1.2),  # section 3.3, no normalisation
        ("1 CNN", "layers-147", 0.4, 0.3),  # section 3.4, pooling without overlap
    ],
)
def test_the_logs_of_the_2012_code_have_the_differences_that_the_paper_prints(name, without, top1, top5):
    whole, less = named(name), named(without)
    assert (whole.dataset, whole.split, whole.protocol) == (less.dataset, less.split, less.protocol)
    # The paper rounds its errors and their difference.
    assert less.top1_error - whole.top1_error == pytest.approx(top1, abs=0.1)
    assert less.top5_error - whole.top5_error == pytest.approx(top5, abs=0.1)


def test_the_challenge_has_one_winner_a_year():
    winners = [figure.contest for figure in FIGURES if figure.winner]
    assert winners == list(range(2010, 2018))


def test_a_missing_or_broken_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"none\.yaml"):
        load(tmp_path / "none.yaml")
    (tmp_path / "odd.yaml").write_text(FILE.read_text().replace("rounding: 0.1,", "round: 0.1,", 1))
    with pytest.raises(InputError, match=r"odd\.yaml.*round"):
        load(tmp_path / "odd.yaml")
