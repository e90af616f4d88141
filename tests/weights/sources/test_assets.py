"""Weights whose card is here and whose file is on a server: fetched once, checked before they are read, kept whole."""

import hashlib
import json
import os
import socket
import sys
import threading
import time

import preloaded
import pytest
import torch
from conftest import ROOT
from PIL import Image
from weights_cases import NAME, make_run, rewrite

import zoo
from zoo.cli import main
from zoo.errors import InputError
from zoo.weights import cards
from zoo.weights.cards import check_card, read_card
from zoo.weights.export import ship
from zoo.weights.find import find

sys.path.insert(0, str(ROOT / "benchmarks"))
import ship as script


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def pair(run, tmp_path_factory):
    """The usual pair of the same run: the card, and the file beside it."""
    return ship.write(run, NAME, tmp_path_factory.mktemp("pair"))


@pytest.fixture
def kept(monkeypatch, tmp_path):
    """torch.hub's folder of files, which is not there yet."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "home" / "hub" / "checkpoints"


@pytest.fixture
def content(pair):
    """The bytes of the file."""
    return pair.with_suffix(".safetensors").read_bytes()


@pytest.fixture
def asset(content):
    """What the file is called among a release's."""
    return f"linear-digits-{hashlib.sha256(content).hexdigest()[:8]}.safetensors"


@pytest.fixture
def card(server, pair, asset, kept, monkeypatch, tmp_path):
    """A card without its file, as the only one of the package; the server offers nothing yet."""
    path = tmp_path / "shipped" / f"{NAME}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(json.loads(pair.read_text()) | {"url": f"{server.address}/v1/{asset}"}))
    monkeypatch.setattr(cards, "SHIPPED", tmp_path / "shipped")
    return path


@pytest.fixture
def offered(server, card, asset, content):
    """The card, whose file the server has."""
    server.offer(f"v1/{asset}", content)
    return card


@pytest.fixture
def wanted(pair):
    return zoo.load(pair).state_dict()


def same(network, wanted):
    found = network.state_dict()
    return found.keys() == wanted.keys() and all(torch.equal(found[key], wanted[key]) for key in wanted)


def refused(message):
    with pytest.raises(InputError, match=message) as error:
        zoo.load(NAME)
    assert "\n" not in str(error.value)
    return str(error.value)


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


def test_the_file_is_fetched_when_its_tensors_are_asked_for_and_never_again(offered, server, kept, asset, wanted):
    weights = zoo.get_weights(NAME)
    assert weights.path == kept / asset
    assert weights.url == f"{server.address}/v1/{asset}"
    assert weights.transforms()(Image.new("L", (8, 8))).shape == (1, 8, 8)
    assert weights.class_names[3] == "3"
    assert server.asked == []
    assert same(weights.network(), wanted)
    server.files.clear()
    for again in (NAME, offered, offered.with_suffix(".safetensors"), weights):
        assert same(zoo.get_model("linear", weights=again), wanted)
    assert same(zoo.get_model("linear", weights="digits"), wanted)
    find(NAME).verify()
    assert server.asked == [f"/v1/{asset}"]
    assert names_in(kept) == [asset]


def test_torch_hub_finds_its_digits_in_the_name_and_its_files_are_ours(offered, server, kept, asset, wanted):
    digits = torch.hub.HASH_REGEX.search(asset)[1]
    assert read_card(offered)["sha256"].startswith(digits)
    assert len(digits) == 8
    kept.mkdir(parents=True)
    torch.hub.download_url_to_file(read_card(offered)["url"], str(kept / asset), digits, progress=False)
    assert same(zoo.load(NAME), wanted)
    assert len(server.asked) == 1


def test_a_release_that_sends_on_to_another_server_is_followed(server, card, kept, asset, content, wanted):
    server.moved[f"/v1/{asset}"] = server.offer("store/1234", content)
    assert same(zoo.load(NAME), wanted)
    assert server.asked == [f"/v1/{asset}", "/store/1234"]
    assert names_in(kept) == [asset]


def test_a_file_beside_the_card_needs_no_server(card, server, kept, content, wanted):
    card.with_suffix(".safetensors").write_bytes(content)
    assert same(zoo.load(NAME), wanted)
    assert main(["info", "weights", NAME]) == 0
    assert "fetched" not in _listed(NAME)
    assert server.asked == []
    assert not kept.exists()


def _listed(name):
    from zoo.weights.show import listed

    return listed()[name]


def test_it_is_shown_and_listed_without_a_server(card, server, kept, capsys):
    assert main(["list", "weights"]) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith(NAME)]
    assert "(n = 360)" in line
    assert line.endswith("fetched on first use")
    for given in (NAME, str(card), str(card.with_suffix(".safetensors"))):
        assert main(["info", "weights", given, "--json"]) == 0
        assert json.loads(capsys.readouterr().out) == read_card(card)
    assert main(["info", "weights", NAME]) == 0
    assert server.address in capsys.readouterr().out
    assert NAME in zoo.list_weights()
    assert server.asked == []
    assert not kept.exists()


def test_the_verbs_fetch_it(offered, server, kept, in_folder, capsys):
    Image.new("L", (8, 8), 255).save("white.png")
    assert main(["classify", NAME, "white.png", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["weights"] == NAME
    assert "100%" in shown.err
    assert main(["benchmark", NAME, "--output", "out"]) == 0
    (record,) = (json.loads(path.read_text()) for path in (in_folder / "out").iterdir())
    scores = read_card(offered)["scores"]
    assert {key: record["metrics"][key] for key in ("top1_wrong", "top5_wrong")} == {
        key: scores[key] for key in ("top1_wrong", "top5_wrong")
    }
    assert main(["export", NAME, "--format", "safetensors", "--output", "passed_on.safetensors"]) == 0
    assert len(server.asked) == 1
    # The new pair is whole by itself.
    assert "url" not in read_card(in_folder / "passed_on.json")
    assert main(["export", NAME, "--format", "hub", "--output", "hub"]) == 0
    assert zoo.load(in_folder / "hub" / "model.safetensors").meta["name"] == NAME


def test_a_verb_without_a_server_ends_with_one_sentence_and_status_2(card, server, kept, asset, in_folder, capsys):
    Image.new("L", (8, 8)).save("black.png")
    for verb in (["classify", NAME, "black.png"], ["benchmark", NAME], ["export", NAME, "--format", "safetensors"]):
        assert main(verb) == 2
        shown = capsys.readouterr()
        (line,) = [line for line in shown.err.splitlines() if line.startswith("zoo: ")]
        assert "404" in line
        assert f"{server.address}/v1/{asset}" in line
        assert str(kept) in line
        assert "Traceback" not in shown.err
    assert names_in(kept) == []
    assert names_in(in_folder) == ["black.png", "home", "shipped"]


def test_put_there_by_hand_it_is_used(card, server, kept, asset, content, wanted):
    text = refused(rf"404.*fetch it by other means into {kept}")
    assert asset in text
    (kept / asset).write_bytes(content)
    server.asked.clear()
    assert same(zoo.load(NAME), wanted)
    assert server.asked == []


def test_offline_is_one_sentence(card, kept, asset):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound but not listening: connections are turned away
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/{asset}"
        rewrite(card, url=url)
        assert url in refused(rf"Connection refused.*by other means into {kept}")
    assert names_in(kept) == []


def test_a_transfer_that_breaks_off_leaves_nothing_and_is_begun_again(card, server, kept, asset, content, wanted):
    server.offer(f"v1/{asset}", content[:-9], length=len(content))
    refused(rf"broke off after {len(content) - 9:,} of {len(content):,} bytes")
    assert names_in(kept) == []
    server.offer(f"v1/{asset}", content)
    assert same(zoo.load(NAME), wanted)


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b"!", lambda b: b[:-1], lambda b: b + b" ", lambda b: b"<html>"])
def test_another_file_under_its_name_is_not_kept(card, server, kept, asset, content, change):
    server.offer(f"v1/{asset}", change(content))
    assert f"{server.address}/v1/{asset}" in refused("arrived with sha256 .*; nothing was kept")
    assert names_in(kept) == []


@pytest.mark.parametrize("change", [lambda b: b[:-1] + b"!", lambda b: b[:100], lambda b: b""])
def test_a_file_that_was_spoilt_since_is_removed_and_fetched_anew(
    offered, server, kept, asset, content, change, wanted
):
    zoo.load(NAME)
    (kept / asset).write_bytes(change(content))
    assert f"{kept / asset} is not the file" in refused("not .*; it was removed, and the next call fetches http")
    assert names_in(kept) == []
    assert same(zoo.load(NAME), wanted)
    assert len(server.asked) == 2


def test_a_card_with_another_length_is_refused_whatever_arrives(offered, kept, content):
    rewrite(offered, bytes=len(content) + 1)
    refused(rf"it has {len(content):,} bytes, not {len(content) + 1:,}; it was removed")
    assert names_in(kept) == []


def test_a_folder_in_its_place_stays(offered, kept, asset):
    (kept / asset).mkdir(parents=True)
    refused(f"cannot be fetched to {kept / asset}")
    assert (kept / asset).is_dir()


def test_a_cache_that_cannot_be_made_is_one_sentence(offered, server, tmp_path):
    (tmp_path / "home").write_text("a file")
    refused(r"cannot be fetched to .*set TORCH_HOME to a folder that can be written to\.$")
    assert server.asked == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_may_only_be_read_is_read(offered, kept, asset, content, wanted):
    kept.mkdir(parents=True)
    (kept / asset).write_bytes(content)
    kept.chmod(0o555)
    try:
        assert same(zoo.load(NAME), wanted)
    finally:
        kept.chmod(0o755)


LOADING = "import sys, zoo; print(float(zoo.load(sys.argv[1]).fc.weight.sum()))"


def started(card):
    """Another process that loads the weights."""
    return preloaded.start("-c", LOADING, card)


def wait_until(condition, process):
    while not condition():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


def test_of_processes_that_fetch_at_once_one_does_and_the_others_wait(offered, server, kept, asset, wanted):
    server.gate.clear()
    other = started(offered)
    wait_until(lambda: server.asked, other)
    found = []
    mine = [threading.Thread(target=lambda: found.append(zoo.load(NAME))) for _ in range(2)]
    for thread in mine:
        thread.start()
    mine[0].join(0.5)
    assert [thread.is_alive() for thread in mine] == [True, True]
    assert not (kept / asset).exists()
    server.gate.set()
    for thread in mine:
        thread.join()
    out, error = other.communicate()
    assert float(out) == float(wanted["fc.weight"].sum()), error
    assert [same(network, wanted) for network in found] == [True, True]
    assert len(server.asked) == 1
    assert names_in(kept) == [asset]


def test_what_a_killed_process_leaves_is_no_hindrance(offered, server, kept, asset, wanted):
    server.gate.clear()
    other = started(offered)
    wait_until(lambda: server.asked, other)
    other.kill()
    other.communicate()
    server.gate.set()
    assert asset not in names_in(kept)
    assert same(zoo.load(NAME), wanted)
    assert names_in(kept) == [asset]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/v1/{asset}",
        "ftp://example.org/v1/{asset}",
        "file:///v1/{asset}",
        "https://example.org/{asset}?token=1",
        "https://example.org/v1/",
        "https://example.org/v1/linear-digits-00000000.safetensors",
        "https://example.org/v1/x{asset}",
        "{asset}",
    ],
)
def test_an_address_that_is_not_of_this_file_is_no_card(card, asset, url):
    rewrite(card, url=url.format(asset=asset))
    text = refused(r"is not a card that zoo .* can read: url ")
    assert "an https:// address without blanks, ? or #" in text or f"does not end with {asset}" in text
    assert "[^" not in text


def test_a_card_with_neither_file_nor_address_has_no_weights(card):
    content = json.loads(card.read_text())
    del content["url"]
    card.write_text(json.dumps(content))
    refused(f"There are no weights at {card.with_suffix('.safetensors')}, and digits.json has no url")


def test_a_pair_for_a_release_is_made_and_fetched_back(
    run, server, kept, asset, content, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "out"
    words = ["ship", str(run), NAME, "--out", str(out), "--url", "https://example.org/releases/download/v1/"]
    monkeypatch.setattr(sys, "argv", words)
    assert script.main() == 0
    url = f"https://example.org/releases/download/v1/{asset}"
    assert capsys.readouterr().out.splitlines()[-1] == f"to upload: {out / asset}, as {url}"
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == sorted([asset, f"{NAME}.json"])
    assert (out / asset).read_bytes() == content
    made = read_card(out / f"{NAME}.json")
    assert made["url"] == url
    assert made["scores"]["n"] == 360
    # An upload to a server at hand.
    server.offer(asset, (out / asset).read_bytes())
    rewrite(out / f"{NAME}.json", url=f"{server.address}/{asset}")
    assert zoo.load(out / f"{NAME}.json").fc.weight.shape == (10, 64)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--url", "https://example.org/v1"], "say with --out where to write it"),
        (["--url", "http://example.org/v1", "--out", "out"], "'http://example.org/v1' is not an https:// address"),
        (["--url", "v1", "--out", "out"], "'v1' is not an https:// address"),
    ],
)
def test_a_pair_for_nowhere_is_not_made(run, in_folder, capsys, monkeypatch, words, message):
    monkeypatch.setattr(sys, "argv", ["ship", str(run), NAME, *words])
    assert script.main() == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (in_folder / "out").exists()


def test_cards_of_before_are_cards(pair):
    check_card(json.loads(pair.read_text()), "a card")
