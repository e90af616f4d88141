"""A checkpoint is read only where it is, bit for bit, what was written."""

import hashlib
import zipfile

import pytest
import torch

from zoo.errors import InputError
from zoo.training.checkpoint_files import WholeFile
from zoo.weights.sources.seal import check_whole

CONTENT = {"state_dict": {"weight": torch.arange(40.0)}, "global_step": 7, "loops": {"done": [1, 2]}}


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1 << position % 8]) + content[position + 1 :]


@pytest.fixture
def sealed(tmp_path):
    path = tmp_path / "last.ckpt"
    WholeFile().save_checkpoint(CONTENT, path)
    return path


def test_the_seal_is_the_digest_of_what_torch_wrote(sealed, tmp_path):
    with (tmp_path / "plain").open("wb") as file:
        torch.save(CONTENT, file)
    digest = hashlib.sha256((tmp_path / "plain").read_bytes()).hexdigest()
    with zipfile.ZipFile(sealed) as archive:
        assert archive.comment == b"zoo sha256:" + digest.encode()
        assert archive.testzip() is None
    for mapped in (False, True):
        held = torch.load(sealed, weights_only=True, mmap=mapped)
        assert torch.equal(held.pop("state_dict")["weight"], torch.arange(40.0))
        assert held == {"global_step": 7, "loops": {"done": [1, 2]}}


def test_the_same_content_is_the_same_file(sealed, tmp_path):
    WholeFile().save_checkpoint(CONTENT, tmp_path / "again.ckpt")
    assert (tmp_path / "again.ckpt").read_bytes() == sealed.read_bytes()


def test_a_flipped_bit_anywhere_is_damage(sealed):
    content = sealed.read_bytes()
    check_whole(sealed)
    for position in range(len(content)):
        sealed.write_bytes(flipped(content, position))
        with pytest.raises(InputError, match=r"last\.ckpt is damaged: its bytes are not those that were written"):
            check_whole(sealed)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.99])
def test_a_file_cut_short_is_refused_one_way_or_the_other(sealed, kept):
    content = sealed.read_bytes()
    sealed.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(Exception, match=r"damaged|PytorchStreamReader|central directory|archive"):
        WholeFile().load_checkpoint(sealed, weights_only=True)


def test_a_file_without_a_seal_is_held_to_the_checksums_of_its_archive(tmp_path):
    path = tmp_path / "older.ckpt"
    torch.save(CONTENT, path)
    check_whole(path)
    content = path.read_bytes()
    place = content.index(torch.arange(40.0).numpy().tobytes())
    for position in range(place, place + 160):
        path.write_bytes(flipped(content, position))
        with pytest.raises(InputError, match=r"older\.ckpt is damaged"):
            check_whole(path)
    # Torch itself reads other numbers, and says nothing.
    assert not torch.equal(torch.load(path, weights_only=True)["state_dict"]["weight"], torch.arange(40.0))


def test_a_seal_of_which_the_first_word_is_broken_is_no_older_file(sealed):
    content = sealed.read_bytes()
    sealed.write_bytes(content.replace(b"zoo sha256", b"zoO sha256"))
    with pytest.raises(InputError, match="is damaged"):
        check_whole(sealed)
