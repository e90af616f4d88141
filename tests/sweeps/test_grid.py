"""The words of a grid: lists, ranges, and what is refused."""

import itertools

import pytest

from zoo.errors import InputError
from zoo.sweeps.grid import read_grid


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.001,0.003,0.01", ["0.001", "0.003", "0.01"]),
        ("0..2", ["0", "1", "2"]),
        ("-1..1", ["-1", "0", "1"]),
        ("10..50..20", ["10", "30", "50"]),
        ("10..50..30,7", ["10", "40", "7"]),
        ("3..3", ["3"]),
        ("[100,50],[300]", ["[100,50]", "[300]"]),
        ("{a: [1, 2]},b", ["{a: [1, 2]}", "b"]),
        ("'a,b',c", ["'a,b'", "c"]),
        ("../data", ["../data"]),
        ("torch.optim.SGD,torch.optim.Adam", ["torch.optim.SGD", "torch.optim.Adam"]),
    ],
)
def test_values(text, values):
    assert read_grid(["--model.x", text]).values == {"model.x": values}
    assert read_grid([f"--model.x={text}"]).values == {"model.x": values}


def test_every_combination_is_a_member_once():
    grid = read_grid(["--model.lr", "1,2", "--trainer.max_epochs", "5", "--seed_everything=0..2"])
    members = grid.members()
    chosen = [(one.values["model.lr"], one.values["seed_everything"]) for one in members]
    assert chosen == list(itertools.product("12", "012"))
    assert all(one.values["trainer.max_epochs"] == "5" for one in members)
    assert members[3].words == ["--model.lr", "2", "--trainer.max_epochs", "5", "--seed_everything", "0"]
    assert members[3].name == "004-lr=2,seed_everything=0"
    # Each value is looked at once, not each combination.
    looked_at = {(one.values["model.lr"], one.values["seed_everything"]) for one in grid.samples()}
    assert looked_at == {("1", "0"), ("2", "0"), ("1", "1"), ("1", "2")}


def test_names_are_names_of_folders_everywhere():
    words = ["--model.optimizer", "torch.optim.SGD,torch.optim.Adam", "--model.optimizer.lr", "1e-3,1", "--model.a.lr"]
    members = read_grid([*words, "2,3", "--model.hidden", f"[{','.join(['100'] * 50)}],[300]"]).members()
    assert len({one.name for one in members}) == 16
    for one in members:
        assert len(one.name) <= 100
        assert not set(one.name) & set('<>:"/\\|?* []')
        assert one.name[-1] not in ". "
    assert members[0].name.startswith("001-optimizer=SGD,model.optimizer.lr=1e-3,model.a.lr=2,hidden=_100,100")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--model.lr", "1,,2"], "has an empty value"),
        (["--model.lr", "1,", "2"], "has an empty value"),
        (["--model.lr", "1", "2"], "'2' belongs to no option"),
        (["--model.lr"], "--model.lr has no value"),
        (["--model.lr", "--test"], "--model.lr has no value"),
        (["--model.lr", "1", "--model.lr", "2"], "is typed twice"),
        (["--model.lr", "1,1"], "has the value 1 twice"),
        (["--model.lr", "1,0..2"], "has the value 1 twice"),
        (["--seed_everything", "2..0"], "is an empty range"),
        (["--seed_everything", "0..5..0"], "is an empty range"),
        (["--model.lr", "0.1..0.5"], "is no range"),
        (["--seed_everything", "0..100000"], "is more than 10,000 values"),
        (["--seed_everything", "0..999", "--model.lr", "0..99"], "100,000 runs"),
        (["--data.num_held_out", "10,20"], "must have one value in a sweep"),
        (["--data", "MNIST,KMNIST"], "must have one value in a sweep"),
        (["--test", "true"], "--test is no option of a sweep"),
        (["--ckpt_path=a"], "--ckpt_path is no option of a sweep"),
        (["--model.help", "MLPModel"], "--model.help is no option of a sweep"),
    ],
)
def test_what_makes_no_grid_is_one_sentence(words, says):
    with pytest.raises(InputError, match=r".+") as refusal:
        read_grid(words)
    assert says in str(refusal.value)
