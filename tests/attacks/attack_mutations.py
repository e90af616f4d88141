"""What is done to a file: each mutation rewrites ``path`` with numbers drawn from ``drawn``.

Those that hold code would create the file ``canary``.
"""

import copy
import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import yaml

Mutation = Callable[[Path, Random, Path], None]
PNG, GZIP, NUMPY, ZIP = b"\x89PNG\r\n\x1a\n", b"\x1f\x8b\x08\0", b"\x93NUMPY\x01\0v\0", b"PK\x03\x04"
EXTREME = (
    b"\xff" * 4,
    b"\xff" * 8,
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    (1 << 40).to_bytes(8, "little"),
    bytes(8),
)
ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 2**31, 2**64, -(2**63), 1e308, 0.5, "", " ", "x", "0", "null", "../../x",
    "/etc/passwd", "\0", "é" * 300, [], {}, [[]], [None], [0] * 50, {"": 0}, {"class_path": "os.system"},
    float("inf"), float("nan"),
)  # fmt: skip


class _Evil:
    """Creates the canary when it is unpickled by somebody who executes what he reads."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.canary),)


def _bytes(change: Callable[[bytes, Random], bytes]) -> Mutation:
    def mutate(path: Path, drawn: Random, canary: Path) -> None:
        content = path.read_bytes()
        while (changed := change(content, drawn)) == content:
            pass
        path.write_bytes(changed)

    return mutate


def _flip(data: bytes, drawn: Random) -> bytes:
    found = bytearray(data)
    for _ in range(drawn.choice((1, 1, 2, 8))):
        place = drawn.randrange(len(found))
        found[place] ^= 1 << drawn.randrange(8)
    return bytes(found)


def _cut(data: bytes, drawn: Random) -> bytes:
    return data[: drawn.randrange(1, len(data))]


def _block(data: bytes, drawn: Random) -> tuple[int, int]:
    length = drawn.randint(1, max(1, len(data) // 4))
    start = drawn.randint(0, len(data) - length)
    return start, start + length


def _noise(data: bytes, drawn: Random) -> bytes:
    start, end = _block(data, drawn)
    return data[:start] + drawn.randbytes(end - start) + data[end:]


def _zeros(data: bytes, drawn: Random) -> bytes:
    start, end = _block(data, drawn)
    return data[:start] + (b"\xff" if not any(data[start:end]) else b"\0") * (end - start) + data[end:]


def _lost(data: bytes, drawn: Random) -> bytes:
    start, end = _block(data, drawn)
    return data[:start] + data[end:]


def _swap(data: bytes, drawn: Random) -> bytes:
    middle = drawn.randrange(1, len(data))
    return data[middle:] + data[:middle]


def _huge(data: bytes, drawn: Random) -> bytes:
    value = drawn.choice(EXTREME)
    place = drawn.randrange(min(256, max(1, len(data) - len(value))))
    return data[:place] + value + data[place + len(value) :]


def _head(data: bytes, drawn: Random) -> bytes:
    head = drawn.choice((PNG, GZIP, NUMPY, ZIP, b"\x80\x02", b"{" * 50_000, b"\0" * 512, b"%YAML 1.2\n--- !!x\n"))
    return head + data[len(head) :]


def _page(data: bytes, drawn: Random) -> bytes:
    return b"<!DOCTYPE html>\n<html><title>404 Not Found</title>\n<p>The requested file is not here.\n</html>\n"


def _deep(data: bytes, drawn: Random) -> bytes:
    opening, closing = drawn.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"- ", b""), (b"a: &a\n ", b"")))
    return opening * 100_000 + closing * 100_000


def _wide(data: bytes, drawn: Random) -> bytes:
    """Text that a decoder takes for something else."""
    coding = drawn.choice(("utf-16", "utf-32", "utf-7", "utf-8-sig"))
    return data.decode("latin1").encode(coding)


def _pickle(path: Path, drawn: Random, canary: Path) -> None:
    content: Any = drawn.choice((_Evil(canary), {"state_dict": _Evil(canary)}, [_Evil(canary)]))
    path.write_bytes(pickle.dumps(content, protocol=drawn.choice((0, 2, 4))))


def _torch_pickle(path: Path, drawn: Random, canary: Path) -> None:
    """An archive of torch with code in its pickle, beside what was there or instead of it."""
    import torch

    content: Any = {"state_dict": _Evil(canary), "zoo_network": {"name": "linear"}}
    if drawn.random() < 0.5:
        held = torch.load(path, weights_only=False)
        content = held | {drawn.choice([*held, "more"]): _Evil(canary)} if isinstance(held, dict) else content
    _save(content, path, sealed=drawn.random() < 0.5, old=drawn.random() < 0.2)


def _save(content: Any, path: Path, sealed: bool, old: bool = False) -> None:
    import torch

    from zoo.weights.sources.seal import Sealing

    with path.open("wb") as file:
        if sealed:
            sealing = Sealing(file)
            torch.save(content, sealing)
            sealing.seal()
        else:
            torch.save(content, file, _use_new_zipfile_serialization=not old)


def _torch_part(path: Path, drawn: Random, canary: Path) -> None:
    """A checkpoint, whole and sealed, with one value in it exchanged, lost or added."""
    import torch

    content = torch.load(path, weights_only=False)
    strange = torch.full((3,), torch.nan), torch.zeros(2, 2, dtype=torch.complex64), torch.ones(1) > 0
    odd = (*ODD, torch.zeros(0), *strange)
    _save(_exchanged(content, drawn, odd), path, sealed=True)


def _torch_tensor(path: Path, drawn: Random, canary: Path) -> None:
    """The same with one of its tensors in another form."""
    import torch

    content = torch.load(path, weights_only=False)
    places = [place for place in _places(content) if isinstance(_at(content, place), torch.Tensor)]
    place = drawn.choice(places)
    tensor = _at(content, place)
    forms: tuple[Callable[[], Any], ...] = (
        tensor.flatten, lambda: tensor[..., :0], tensor.double, lambda: tensor.to(torch.int64),
        lambda: tensor * torch.nan, lambda: tensor.to(torch.complex64), tensor.to_sparse,
        lambda: tensor.to(torch.bool), lambda: tensor.expand(2, *tensor.shape), tensor.half,
    )  # fmt: skip
    _put(content, place, drawn.choice(forms)())
    _save(content, path, sealed=True)


def _torch_keys(path: Path, drawn: Random, canary: Path) -> None:
    """The same with a tensor too many, one too few, or one of another name."""
    import torch

    content = torch.load(path, weights_only=False)
    state, what = content["state_dict"], drawn.randrange(3)
    key = drawn.choice(sorted(state))
    tensor = state[key] if what == 0 else state.pop(key)
    if what != 1:
        state[drawn.choice((f"{key}_", key.replace("network.", "network.more."), "network."))] = tensor
    _save(content, path, sealed=True)


def _torch_loops(path: Path, drawn: Random, canary: Path) -> None:
    """The same with loops that are gone, empty, of another kind, or that count what no loop can have counted."""
    import torch

    content = torch.load(path, weights_only=False)
    loops = content["loops"]["fit_loop"]
    what = drawn.randrange(5)
    if what == 0:
        del content["loops"]
    elif what == 1:
        content["loops"] = drawn.choice(({}, [], None, 3, "fit_loop"))
    elif what == 2:
        content["loops"]["fit_loop"] = drawn.choice(({}, [], None, 3, "epoch_progress"))
    elif what == 3:
        del loops[
            drawn.choice(
                ("epoch_progress", "epoch_loop.batch_progress", "epoch_loop.automatic_optimization.optim_progress")
            )
        ]
    else:
        progress = loops[drawn.choice(("epoch_progress", "epoch_loop.batch_progress"))]
        progress[drawn.choice(("current", "total"))][drawn.choice(("ready", "completed"))] = drawn.choice(
            (-1, "x", None, [])
        )
    _save(content, path, sealed=True)


def _torch_callbacks(path: Path, drawn: Random, canary: Path) -> None:
    """The same with no states of callbacks, or with something else in their place."""
    _with_other("callbacks", (3, None, [], "LastCheckpoint", _ABSENT), path, drawn)


def _torch_optimizers(path: Path, drawn: Random, canary: Path) -> None:
    """The same with no optimizers' states, with too few, or with those of other weights."""
    import torch

    (state,) = torch.load(path, weights_only=False)["optimizer_states"]
    group = state["param_groups"][0]
    fewer, more = ({**state, "param_groups": [{**group, "params": params}]} for params in ([], [*group["params"], 99]))
    odd = [{}], [3], [fewer], [more], [{**state, "state": {99: {}}}], [{**state, "state": 3}]
    _with_other("optimizer_states", (3, None, {}, [], [state, state], _ABSENT, *odd), path, drawn)


# In place of a value: its key is not there.
_ABSENT = object()


def _with_other(key: str, values: tuple[Any, ...], path: Path, drawn: Random) -> None:
    import torch

    content = torch.load(path, weights_only=False)
    content[key] = drawn.choice(values)
    if content[key] is _ABSENT:
        del content[key]
    _save(content, path, sealed=True)


def _places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside ``value``."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, content in inside:
        yield (*place, key)
        yield from _places(content, (*place, key))


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    for key in place:
        value = value[key]
    return value


def _put(value: Any, place: tuple[Any, ...], new: Any) -> None:
    _at(value, place[:-1])[place[-1]] = new


def _exchanged(content: Any, drawn: Random, odd: tuple[Any, ...] = ODD) -> Any:
    """``content`` with one value exchanged, lost, added or twice."""
    content = copy.deepcopy(content)
    places = list(_places(content))
    if not places or drawn.random() < 0.05:
        return copy.deepcopy(drawn.choice(odd))
    # Short paths, which matter more, as often as the many long ones.
    depth = drawn.choice(sorted({len(place) for place in places}))
    place = drawn.choice([place for place in places if len(place) == depth])
    around, what = _at(content, place[:-1]), drawn.random()
    if what < 0.7:
        around[place[-1]] = copy.deepcopy(drawn.choice(odd))
    elif what < 0.85:
        del around[place[-1]]
    elif isinstance(around, dict):
        around[drawn.choice(("strange", "", "class_path", "__class__"))] = copy.deepcopy(drawn.choice(odd))
    else:
        around.append(copy.deepcopy(drawn.choice(odd)))
    return content


def _json_part(path: Path, drawn: Random, canary: Path) -> None:
    path.write_text(json.dumps(_exchanged(json.loads(path.read_bytes()), drawn)), encoding="utf-8")


def _json_lines(path: Path, drawn: Random, canary: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    place = drawn.randrange(len(lines))
    lines[place] = json.dumps(_exchanged(json.loads(lines[place]), drawn))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _yaml_part(path: Path, drawn: Random, canary: Path) -> None:
    changed = _exchanged(yaml.safe_load(path.read_text(encoding="utf-8")), drawn)
    path.write_text(yaml.safe_dump(changed, allow_unicode=True), encoding="utf-8")


def _yaml_code(path: Path, drawn: Random, canary: Path) -> None:
    code = drawn.choice(
        (
            f"!!python/object/apply:os.mkdir ['{canary}']",
            f"!!python/object/new:os.mkdir ['{canary}']",
            f"!!python/object/apply:subprocess.check_output [[mkdir, '{canary}']]",
        )
    )
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    key = drawn.choice([*content, "seed_everything"])
    content.pop(key, None)
    path.write_text(f"{key}: {code}\n" + yaml.safe_dump(content), encoding="utf-8")


def _yaml_class(path: Path, drawn: Random, canary: Path) -> None:
    """A config that calls what it names, where the parser would call it."""
    call = {
        "class_path": "lightning.pytorch.callbacks.LambdaCallback",
        "init_args": {"setup": "os.mkdir"},
    }
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # Beside the config, where the parser is at home while it reads it, and in the working folder.
    for folder in (path.parent, path.parent.parent):
        (folder / "evil.py").write_text(f"import os\nos.mkdir({str(canary)!r})\nclass Own: pass\n")
    own: Any = {"class_path": "evil.Own"}
    where = drawn.randrange(8)
    if where < 3:
        content["trainer"] = (content.get("trainer") or {}) | {"callbacks": ([call], own, [own])[where]}
    elif where < 5:
        content[drawn.choice(("data", "model", "wandb", *content))] = own
    else:
        place = drawn.choice([place for place in _places(content) if len(place) > 1])
        _put(content, place, own)
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def _yaml_folder(path: Path, drawn: Random, canary: Path) -> None:
    """A config whose harmless classes write beside their run."""
    writing = {
        "callbacks": {
            "class_path": "lightning.pytorch.callbacks.ModelCheckpoint",
            "init_args": {"dirpath": str(canary)},
        },
        "logger": {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": {"save_dir": str(canary)}},
    }
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    where = drawn.choice([*writing])
    content["trainer"] = (content.get("trainer") or {}) | {where: [writing[where]]}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")


def _json_class(path: Path, drawn: Random, canary: Path) -> None:
    """A Record whose config names a class that lies in the working folder, or calls what it names."""
    (path.parent.parent / "evil.py").write_text(f"import os\nos.mkdir({str(canary)!r})\nclass Own: pass\n")
    content = json.loads(path.read_bytes())
    where = drawn.choice(("data", "model", "trainer"))
    own = {"class_path": "evil.Own", "init_args": {}}
    call = {"class_path": "lightning.pytorch.callbacks.LambdaCallback", "init_args": {"setup": "os.mkdir"}}
    content["config"][where] = own if where != "trainer" else content["config"][where] | {"callbacks": [call]}
    path.write_text(json.dumps(content), encoding="utf-8")


def _unsealed(path: Path, drawn: Random, canary: Path) -> None:
    """A checkpoint that has lost its seal, with one bit of its weights another."""
    with zipfile.ZipFile(path) as archive:
        sealed = len(archive.comment)
        tensors = [member for member in archive.infolist() if "/data/" in member.filename]
    largest = max(tensors, key=lambda member: member.file_size)
    content = bytearray(path.read_bytes()[: -sealed or None])
    content[-2:] = bytes(2)  # the length of the comment
    # The tensor's bytes come after a header, whose own last two numbers say how long a name and what else is in it.
    head = largest.header_offset + 30
    length = sum(int.from_bytes(content[place : place + 2], "little") for place in (head - 4, head - 2))
    content[head + length + drawn.randrange(largest.file_size)] ^= 1 << drawn.randrange(8)
    path.write_bytes(content)


def _resealed(path: Path, drawn: Random, canary: Path) -> None:
    """The index of a prepared store, exchanged somewhere, with the digest of what it is now."""
    index = json.loads(path.read_bytes())
    index.pop("index_sha256")
    index = _exchanged(index, drawn)
    if isinstance(index, dict):
        index["index_sha256"] = hashlib.sha256(json.dumps(index, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(index), encoding="utf-8")


def _with_its_card(path: Path, drawn: Random, canary: Path) -> None:
    """Weights that are no longer whole, with a card that vouches for them all the same."""
    change = drawn.choice((_flip, _cut, _noise, _huge, _head, _page, _deep, _swap, _lost))
    content = change(path.read_bytes(), drawn)
    path.write_bytes(content)
    card = path.with_suffix(".json")
    said = json.loads(card.read_bytes()) | {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    card.write_text(json.dumps(said), encoding="utf-8")


def _safetensors_header(path: Path, drawn: Random, canary: Path) -> None:
    """The header of a .safetensors file exchanged somewhere, with its right length."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(_exchanged(json.loads(data[8 : 8 + length]), drawn)).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
    card = path.with_suffix(".json")
    if card.exists():
        content = path.read_bytes()
        said = json.loads(card.read_bytes()) | {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        card.write_text(json.dumps(said), encoding="utf-8")


def _zip_part(path: Path, drawn: Random, canary: Path) -> None:
    """An archive, whole, in which one member is damaged, gone, or has a name that leads outside."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = drawn.choice(list(members))
    what = drawn.randrange(4)
    if what == 0:
        members[name] = _flip(members[name], drawn) if members[name] else b"x"
    elif what == 1:
        del members[name]
    elif what == 2:
        members[f"../../{canary.name}"] = members.pop(name)
    else:
        members[name] = drawn.randbytes(100)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    path.write_bytes(made.getvalue())


def _gzip_bomb(path: Path, drawn: Random, canary: Path) -> None:
    """A few megabytes that unpack to eight gigabytes."""
    import gzip

    block = gzip.compress(bytes(1 << 24), 9)
    path.write_bytes(block * 512)


def _gzip_inside(path: Path, drawn: Random, canary: Path) -> None:
    """A packed file, whole, whose content is damaged."""
    import gzip

    change = drawn.choice((_flip_early, _cut, _huge, _page, _lost, _deep, _head))
    path.write_bytes(gzip.compress(change(gzip.decompress(path.read_bytes()), drawn), 1))


def _flip_early(data: bytes, drawn: Random) -> bytes:
    """A bit of the header."""
    place = drawn.randrange(min(8, len(data)))
    return data[:place] + bytes([data[place] ^ 1 << drawn.randrange(8)]) + data[place + 1 :]


def _plain_pickle(path: Path, drawn: Random, canary: Path) -> None:
    """A pickle of plain values that are not what they should be."""
    nested: Any = [0]
    for _ in range(60):
        nested = [nested, nested]  # shared, and so small; without sharing it would be 2**60 numbers
    odd = (*ODD, {"data": nested, "labels": nested}, {"data": b"", "labels": [0] * 10_000}, nested, b"x" * 100)
    path.write_bytes(pickle.dumps(drawn.choice(odd), protocol=2))


MUTATIONS: dict[str, Mutation] = {
    "flip": _bytes(_flip),
    "flip_early": _bytes(_flip_early),
    "cut": _bytes(_cut),
    "noise": _bytes(_noise),
    "zeros": _bytes(_zeros),
    "lost": _bytes(_lost),
    "swap": _bytes(_swap),
    "huge": _bytes(_huge),
    "head": _bytes(_head),
    "page": _bytes(_page),
    "deep": _bytes(_deep),
    "wide": _bytes(_wide),
    "empty": _bytes(lambda data, drawn: b""),
    "grow": _bytes(lambda data, drawn: data + drawn.randbytes(drawn.randint(1, 4096))),
    "twice": _bytes(lambda data, drawn: data + data),
    "garbage": _bytes(lambda data, drawn: drawn.randbytes(drawn.randint(1, 4096))),
    "pickle": _pickle,
    "plain_pickle": _plain_pickle,
    "torch_pickle": _torch_pickle,
    "torch_part": _torch_part,
    "torch_tensor": _torch_tensor,
    "torch_keys": _torch_keys,
    "torch_loops": _torch_loops,
    "torch_callbacks": _torch_callbacks,
    "torch_optimizers": _torch_optimizers,
    "json_part": _json_part,
    "json_lines": _json_lines,
    "yaml_part": _yaml_part,
    "yaml_code": _yaml_code,
    "yaml_class": _yaml_class,
    "yaml_folder": _yaml_folder,
    "json_class": _json_class,
    "unsealed": _unsealed,
    "resealed": _resealed,
    "with_its_card": _with_its_card,
    "safetensors_header": _safetensors_header,
    "zip_part": _zip_part,
    "gzip_bomb": _gzip_bomb,
    "gzip_inside": _gzip_inside,
}
