"""The index of folders, and the blocks of names that come of it, against a walk through the folders themselves."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo.data.photos import folder_index
from zoo.data.photos.file_names import END, FileNames
from zoo.data.photos.labelled import labelled_files
from zoo.errors import InputError

WNIDS = ("n00000001", "n00000001-2", "n00000003")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Three classes whose folders count as settled and as many enough, and a cache folder of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(folder_index, "FEWEST", 1)
    monkeypatch.setattr(folder_index, "SETTLED", -3_600 * 10**9)
    for n, wnid in enumerate(WNIDS):
        for split, number in (("train", 5 + n), ("val", 2)):
            (tmp_path / "data" / split / wnid).mkdir(parents=True)
            for k in range(number):
                (tmp_path / "data" / split / wnid / f"ü {k}.JPEG").touch()
    return tmp_path / "data"


def walked(root: Path) -> dict[str, list[tuple[str, int]]]:
    """Each split's files and labels by a walk of the standard library."""
    classes = sorted(path.name for path in (root / "train").iterdir())
    return {
        split: [(str(file), classes.index(file.parent.name)) for file in sorted((root / split).rglob("*.JPEG"))]
        for split in ("train", "val")
    }


def read(root: Path) -> dict[str, list[tuple[str, int]]]:
    """The same by the zoo, which must be the same again once it has an index."""
    found = [
        {
            split: list(zip(map(str, members.files), members.labels.tolist(), strict=True))
            for split, members in labelled_files(root)[1].items()
        }
        for _ in range(2)
    ]
    assert found[0] == found[1]
    return found[0]


def listed(root: Path, monkeypatch) -> list[str]:
    """The folders that are listed when the data are read once more."""
    names, scandir = [], os.scandir
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", lambda folder: names.append(Path(folder).name) or scandir(folder))
        labelled_files(root)
    return names


def swapped(root: Path) -> None:
    (root / "train" / WNIDS[0]).rename(root / "away")
    (root / "train" / WNIDS[2]).rename(root / "train" / WNIDS[0])
    (root / "away").rename(root / "train" / WNIDS[2])


def added_and_set_back(root: Path) -> None:
    folder = root / "train" / WNIDS[0]
    before = folder.stat()
    (folder / "9.JPEG").touch()
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES = {
    "nothing": lambda root: None,
    "added": lambda root: (root / "val" / WNIDS[1] / "new.JPEG").touch(),
    "added, and the time of change set back": added_and_set_back,
    "removed": lambda root: (root / "train" / WNIDS[1] / "ü 3.JPEG").unlink(),
    "renamed": lambda root: (root / "train" / WNIDS[1] / "ü 3.JPEG").rename(root / "train" / WNIDS[1] / "a.JPEG"),
    "moved": lambda root: (root / "train" / WNIDS[1] / "ü 3.JPEG").rename(root / "train" / WNIDS[2] / "b.JPEG"),
    "a class renamed": lambda root: [(root / s / WNIDS[0]).rename(root / s / "n00000009") for s in ("train", "val")],
    "two classes swapped": swapped,
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_after_the_index_was_written_is_read_as_a_walk_finds_it(root, change):
    assert read(root) == walked(root)
    assert folder_index.index_path(root).is_file()
    # Longer than a tick of the disk's clock.
    time.sleep(0.05)
    CHANGES[change](root)
    assert read(root) == walked(root)


def test_only_what_changed_is_listed_again(root, monkeypatch):
    first = listed(root, monkeypatch)
    assert sorted(set(first)) == sorted([*WNIDS, "train", "val"])
    assert listed(root, monkeypatch) == []
    time.sleep(0.05)
    CHANGES["added"](root)
    assert listed(root, monkeypatch) == [WNIDS[1]]
    assert listed(root, monkeypatch) == []


def test_a_folder_that_has_just_changed_is_not_kept(root, monkeypatch):
    monkeypatch.setattr(folder_index, "SETTLED", 3_000_000_000)
    assert read(root) == walked(root)
    assert not folder_index.index_path(root).exists()


def test_a_folder_with_links_is_listed_each_time(root, monkeypatch):
    (root / "n00000004").mkdir()
    (root / "n00000004" / "1.JPEG").touch()
    (root / "train" / "n00000004").symlink_to(root / "n00000004")
    read(root)
    assert listed(root, monkeypatch) == ["train"]
    (root / "train" / "n00000004").unlink()
    assert read(root) == walked(root)


def test_a_damaged_index_is_never_believed(root, monkeypatch):
    read(root)
    path = folder_index.index_path(root)
    whole, everything = path.read_bytes(), listed(root, monkeypatch)
    assert everything == []
    for n in range(0, len(whole), 37):
        path.write_bytes(whole[:n] + bytes([whole[n] ^ 1]) + whole[n + 1 :])
        assert folder_index._read(path) == {}
        path.write_bytes(whole[:n])
        assert folder_index._read(path) == {}
    assert read(root) == walked(root)
    assert path.read_bytes() == whole


def test_where_no_index_can_be_written_the_folders_are_listed(root, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert read(root) == walked(root)


def test_processes_that_write_the_index_at_once_leave_one_that_is_whole(root):
    read(root)
    path = folder_index.index_path(root)
    whole = path.read_bytes()
    code = (
        "from pathlib import Path; from zoo.data.photos import folder_index as f; f.FEWEST, f.SETTLED = 1, -10**13\n"
        f"for _ in range(50):\n    f.index_path(Path({str(root)!r})).unlink(missing_ok=True)\n"
        f"    g = f.Folders(Path({str(root)!r}))\n"
        "    [g.images(f'train/{name}') for name in g.folders('train')]\n    g.keep()\n"
        "    assert f._read(g._path).keys() <= g._found.keys()"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert len(path.read_bytes()) < len(whole)
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert read(root) == walked(root)
    assert len(path.read_bytes()) == len(whole)


def test_a_name_that_is_not_utf8_is_refused(root):
    try:
        (Path(os.fsdecode(os.fsencode(root / "train" / WNIDS[0]) + b"/\xff.JPEG"))).touch()
    except OSError:
        pytest.skip("this disk takes UTF-8 alone")
    with pytest.raises(InputError, match=r"\\udcff\.JPEG has a name that is not UTF-8"):
        labelled_files(root)


def test_names_in_blocks_are_a_list_of_paths(tmp_path):
    members = {
        "val": ["z.JPEG", "ä.JPEG"],
        "train/n1": ["1.JPEG"],
        "train-2/n1": ["0.JPEG"],
        "train/n2": [],
        "train/n1-2": ["a b.JPEG", "c\n.JPEG"],
    }
    paths = [tmp_path / folder / name for folder, names in members.items() for name in names]
    blocks = [(folder, b"".join(name.encode() + END for name in names)) for folder, names in members.items()]
    relative = [path.relative_to(tmp_path).as_posix() for path in paths]
    for files in (FileNames(tmp_path, blocks), FileNames.of(tmp_path, relative)):
        assert list(files) == paths == [files[n] for n in range(len(files))]
        assert files[-1] == paths[-1]
        assert [files.text(n) for n in range(len(files))] == list(map(str, paths))
        for part in (slice(1, 4), slice(None, None, -2), slice(2, 2), slice(-2, None)):
            assert list(files[part]) == paths[part] == [*files[part][:]]
        assert list(files.names()) == [path.name.encode() for path in paths]
        assert list(files + files) == paths + paths
        assert [tmp_path / path for path in files.sorted_paths()] == sorted(paths)
        with pytest.raises(IndexError):
            files[len(paths)]
    assert list(FileNames(tmp_path, [])) == []


@pytest.mark.parametrize("root", [".", "/", "a", "../a", "a/"])
def test_the_text_of_a_path_is_pathlibs(root):
    assert FileNames(Path(root), [("n1", b"1.JPEG\0")]).text(0) == str(Path(root) / "n1" / "1.JPEG")
