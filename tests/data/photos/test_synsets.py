import numpy as np
import pytest
from scipy.io import savemat

from zoo.data.photos.ilsvrc import wrong_counts
from zoo.data.photos.synsets import read_synsets

FIELDS = ("ILSVRC2012_ID", "WNID", "num_train_images")


@pytest.fixture
def meta(tmp_path):
    kinds = np.dtype([(field, object) for field in FIELDS])
    savemat(tmp_path / "meta.mat", {"synsets": np.array([(1, "n01440764", 4), (2, "n01443537", 5)], dtype=kinds)})
    return tmp_path / "meta.mat"


def test_the_fields_asked_for_are_read(meta):
    assert read_synsets(meta, "WNID", "num_train_images") == [["n01440764", "4"], ["n01443537", "5"]]
    with pytest.raises(ValueError, match="not the development kit's"):
        read_synsets(meta, "gloss")


# Each of these ends a process that hands it to SciPy 1.17.
@pytest.mark.parametrize(
    ("place", "length", "instead"), [(303, 4, b""), (437, 4, b""), (364, 1, b"\xd9"), (505, 1, b"u")]
)
def test_a_damaged_table_ends_no_process(meta, place, length, instead):
    content = meta.read_bytes()
    meta.write_bytes(content[:place] + instead + content[place + length :])
    with pytest.raises(ValueError, match="not the development kit's"):
        read_synsets(meta, *FIELDS)
    counts = {split: {f"n{n:08d}": 50 for n in range(1000)} for split in ("train", "val")}
    assert "732 to 1,300" in next(wrong_counts(meta.parent, counts)).detail


def test_the_working_folder_lends_the_reader_no_module(meta, monkeypatch):
    (meta.parent / "scipy.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(meta.parent)
    assert len(read_synsets(meta, "WNID")) == 2
