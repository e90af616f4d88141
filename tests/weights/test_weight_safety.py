"""What somebody else may have made of a file of weights: refused in one sentence, and nothing in it runs."""

import json
import os
import pickle
import struct

import pytest
import safetensors.torch
import torch
from weights_cases import NAME, make_run, replace_weights, rewrite

import zoo
from zoo.cli import main
from zoo.errors import InputError
from zoo.weights.export import ship
from zoo.weights.find import find


class Payload:
    """Makes a file when it is unpickled, with a function that every Python has."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.open, (str(self.target), os.O_CREAT | os.O_WRONLY)


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return ship.write(make_run(folder / "run"), NAME, folder / "out", dtype="float32")


@pytest.fixture
def card(original, tmp_path):
    """A copy of a good pair, to spoil."""
    for ending in (".json", ".safetensors"):
        (tmp_path / f"digits{ending}").write_bytes(original.with_suffix(ending).read_bytes())
    return tmp_path / "digits.json"


def refused(card, message):
    """Loading and verifying both say what is wrong, in one sentence that names the file."""
    weights = card.with_suffix(".safetensors")
    for use in (zoo.load, lambda path: find(path).verify(), lambda path: zoo.get_model("linear", weights=path)):
        with pytest.raises(InputError, match=message) as error:
            use(weights)
        text = str(error.value)
        assert "\n" not in text
        assert str(card.parent / "digits") in text
        assert len(text) < 600


def tensors_of(card):
    return safetensors.torch.load_file(card.with_suffix(".safetensors"))


def test_the_pair_is_good_before_it_is_spoilt(card):
    find(card.with_suffix(".safetensors")).verify()


@pytest.mark.parametrize("place", [0, 8, 60, -1], ids=["length", "header", "name", "numbers"])
def test_one_changed_byte_is_noticed(card, place):
    content = bytearray(card.with_suffix(".safetensors").read_bytes())
    content[place] ^= 1
    card.with_suffix(".safetensors").write_bytes(content)
    refused(card, "is not the file that its card describes")


def test_a_card_with_another_hash_is_noticed(card, capsys):
    rewrite(card, sha256="0" * 64)
    refused(card, "not 000000000000")
    assert main(["info", "weights", str(card.with_suffix(".safetensors"))]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("zoo: ")
    assert "000000000000" in line


def test_a_pickle_under_the_name_of_safetensors_does_not_run(card, tmp_path):
    target = tmp_path / "executed"
    forms = {"pickle": pickle.dumps(Payload(target)), "old pickle": pickle.dumps(Payload(target), protocol=0)}
    torch.save({"fc.weight": Payload(target)}, tmp_path / "torch.pt")
    forms["torch"] = (tmp_path / "torch.pt").read_bytes()
    for content in forms.values():
        replace_weights(card, content)
        refused(card, "not a whole .safetensors file")
    assert not target.exists()
    # It is live: a reader that trusts the file sets it off.
    os.close(pickle.loads(forms["pickle"]))
    assert target.exists()


@pytest.mark.parametrize("place", ["whole", "state", "description", "hyper_parameters", "loops"])
def test_a_checkpoint_that_would_run_something_does_not(tmp_path, place):
    from test_weights import checkpoint_of

    target, file = tmp_path / "executed", tmp_path / "evil.ckpt"
    payload = Payload(target)
    content = checkpoint_of(zoo.get_model("linear"))
    if place == "whole":
        content = payload
    elif place == "state":
        content["state_dict"]["network.fc.weight"] = payload
    elif place == "description":
        content["zoo_network"]["options"] = {"num_classes": payload}
    else:
        content[place] = payload
    torch.save(content, file)
    for use in (zoo.load, zoo.get_weights, lambda path: zoo.get_model("linear", weights=path)):
        with pytest.raises(InputError, match=r"evil\.ckpt is not a checkpoint") as error:
            use(file)
        assert "\n" not in str(error.value)
        assert "weights_only" not in str(error.value)
    assert main(["info", "weights", str(file)]) == 2
    assert not target.exists()
    torch.load(file, weights_only=False)
    assert target.exists()


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 2**40, 10**9, 0, 1])
def test_headers_of_any_stated_length_are_refused_without_being_read(card, length):
    content = card.with_suffix(".safetensors").read_bytes()
    replace_weights(card, struct.pack("<Q", length) + content[8:])
    refused(card, "not a whole .safetensors file")


@pytest.mark.parametrize("kept", [1, 7, 8, 9, 100, -1, -100])
def test_files_cut_short_are_refused(card, kept):
    replace_weights(card, card.with_suffix(".safetensors").read_bytes()[:kept])
    refused(card, "not a whole .safetensors file")


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [10, 64], "data_offsets": [0, 2**60]},
        {"dtype": "F32", "shape": [2**31, 2**31], "data_offsets": [0, 2560]},
        {"dtype": "F32", "shape": [-10, -64], "data_offsets": [0, 2560]},
        {"dtype": "F32", "shape": [10, 64], "data_offsets": [2560, 0]},
        {"dtype": "O", "shape": [10, 64], "data_offsets": [0, 2560]},
        {"shape": [10, 64]},
        None,
    ],
    ids=str,
)
def test_headers_that_promise_what_is_not_there_are_refused(card, entry):
    header = json.dumps({"fc.weight": entry}).encode()
    replace_weights(card, struct.pack("<Q", len(header)) + header + bytes(2560))
    refused(card, "not a whole .safetensors file")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("fc.weight", torch.zeros(10, 65), r"fc.weight of the shape \(10, 65\), not \(10, 64\)"),
        ("fc.weight", torch.zeros(640), r"of the shape \(640,\)"),
        ("fc.weight", torch.full((10, 64), torch.nan), "NaN or infinite"),
        ("fc.bias", torch.full((10,), torch.inf, dtype=torch.float16), "NaN or infinite"),
        ("fc.weight", torch.zeros(10, 64, dtype=torch.int32), "as torch.int32, not torch.float32"),
        ("fc.weight", torch.zeros(10, 64, dtype=torch.complex64), "as torch.complex64"),
        ("fc.weight", torch.zeros(10, 64, dtype=torch.bool), "as torch.bool"),
        ("fc.bias", None, "lacks fc.bias, which linear paper has"),
        ("fc2.bias", torch.zeros(1), "holds 'fc2.bias', which linear paper does not have"),
        ("../../fc.bias", torch.zeros(10), "which linear paper does not have"),
    ],
    ids=lambda value: None if isinstance(value, torch.Tensor) else str(value),
)
def test_tensors_that_are_not_the_networks_are_refused(card, key, value, message):
    changed = {name: tensor for name, tensor in (tensors_of(card) | {key: value}).items() if tensor is not None}
    replace_weights(card, safetensors.torch.save(changed))
    refused(card, message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2}, "schema is 2, not 1"),
        ({"name": "../../linear/digits"}, "name is"),
        ({"name": "mlp/digits"}, "does not begin with linear-paper or linear"),
        ({"network": "os.system"}, "network is"),
        ({"network": "resnet"}, "the zoo does not have"),
        ({"variant": "bn"}, "does not begin|variant is"),
        ({"options": {"num_classes": 10**15, "in_channels": 1, "input_size": 8}}, "describes no network|shape"),
        ({"options": {"num_classes": -1}}, "describes no network"),
        ({"options": {"depth": 3}}, "describes no network"),
        ({"options": [10]}, "options is"),
        ({"class_names": "0123456789"}, "class_names is"),
        ({"class_names": ["0", 1]}, r"class_names\[1\] is 1"),
        ({"sha256": "abc"}, "sha256 is"),
        ({"seed": 1}, "seed is 1, but 0 in its Record"),
        ({"parameters": 651}, "parameters is 651, but 650"),
        ({"record": {}}, "record.schema is missing|field record"),
        ({"licence": ""}, "licence is empty"),
        ({"surprise": 1}, "surprise is unknown"),
        ({"scores": {"n": 360}}, "field scores"),
    ],
    ids=str,
)
def test_cards_that_are_not_right_are_refused(card, changes, message):
    rewrite(card, **changes)
    with pytest.raises(InputError, match=message) as error:
        zoo.load(card.with_suffix(".safetensors"))
    assert "\n" not in str(error.value)


def test_scores_that_are_no_errors_of_their_counts_are_refused(card):
    scores = json.loads(card.read_text())["scores"]
    rewrite(card, scores=scores | {"top1_error": scores["top1_error"] / 2})
    refused(card, "scores.top1_error is")
    rewrite(card, scores=scores | {"n": 36_000, "top1_wrong": 0, "top1_error": 0.0, "top5_wrong": 0, "top5_error": 0.0})
    refused(card, "more than the 360 images")


def test_data_classes_that_are_none_are_refused(card):
    data = json.loads(card.read_text())["data"]
    rewrite(card, data=data | {"class": "InMemoryDataModule"})
    weights = find(card.with_suffix(".safetensors"))
    with pytest.raises(InputError, match="no data set 'InMemoryDataModule'"):
        weights.transforms()
    rewrite(card, data=data | {"transform": "__class__"})
    with pytest.raises(InputError, match="no transform '__class__'"):
        find(card.with_suffix(".safetensors")).transforms()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"{", b"\xff\xfe", b'{"seed": NaN}', b"[" * 100_000, pickle.dumps({}), b"1" * 5000],
    ids=lambda content: repr(content[:8]),
)
def test_files_that_are_no_cards_are_refused(card, content):
    card.write_bytes(content)
    refused(card, "digits.json is (no card|not a card)")


@pytest.mark.parametrize("content", [b"", b"x", bytes(10_000)], ids=len)
def test_another_length_is_noticed(card, content):
    card.with_suffix(".safetensors").write_bytes(content)
    refused(card, rf"it has {len(content):,} bytes, not 2,")


def test_half_a_pair_is_refused(card):
    content = card.read_bytes()
    card.unlink()
    refused(card, "has no card beside it")
    card.write_bytes(content)
    card.with_suffix(".safetensors").unlink()
    refused(card, "No weights|no weights|Cannot read")


def test_a_folder_and_a_pipe_are_no_weights(tmp_path):
    (tmp_path / "digits.safetensors").mkdir()
    with pytest.raises(InputError, match="digits"):
        zoo.load(tmp_path / "digits.safetensors")
    with pytest.raises(InputError, match="No checkpoint"):
        zoo.load(tmp_path)
