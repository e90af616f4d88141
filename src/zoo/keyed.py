"""Randomness as a pure function of (seed, purpose, epoch, index).

A stateful generator gives other numbers as soon as the number of workers, processes or restarts changes. Here each
number is a hash of its own address, so whoever computes it, and whenever, gets the same one. The hash is the finaliser
of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014), written in int64
tensor arithmetic so that CPU and GPU agree to the bit.
"""

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor

# The constants of SplitMix64, as the signed numbers that int64 tensors hold.
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX2 = 0x94D049BB133111EB - (1 << 64)


def key(*address: object) -> int:
    """A 63-bit key for an address such as ``(seed, "order", epoch)``; equal addresses give equal keys."""
    digest = hashlib.sha256("/".join(map(str, address)).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def keys(names: Iterable[bytes], *address: object) -> Tensor:
    """The ``key`` of the address followed by each of N names, which are UTF-8: int64 (N,)."""
    start = "/".join([*map(str, address), ""]).encode()
    digests = b"".join([hashlib.sha256(start + name).digest()[:8] for name in names])
    # As ``key`` shifts them: the sign goes with the last bit.
    return _shift(torch.frombuffer(bytearray(digests), dtype=torch.int64), 1) if digests else torch.empty(0).long()


def hashes(stream: int, indices: Tensor) -> Tensor:
    """One int64 hash for each index of ``indices`` (int64, any shape), for the stream that ``key`` names."""
    return _mix(_mix(indices * _GOLDEN + stream) + stream)


def uniforms(stream: int, indices: Tensor, num: int) -> Tensor:
    """``num`` numbers in [0, 1) for each of N indices: float32, shape (N, num), exact multiples of 2**-24."""
    columns = torch.arange(1, num + 1, device=indices.device) * _GOLDEN
    mixed = _mix(hashes(stream, indices)[:, None] + columns)
    # 24 bits fill a float32 mantissa exactly, so that no number can round up to 1.
    return ((mixed >> 40) & 0xFFFFFF).to(torch.float32) * 2.0**-24


def normals(stream: int, indices: Tensor, num: int) -> Tensor:
    """``num`` standard normal numbers for each of N indices: float32, shape (N, num)."""
    u = uniforms(stream, indices, num).double()
    return torch.special.ndtri(u + 2.0**-25).float()


def permutation(stream: int, n: int) -> Tensor:
    """A permutation of 0..n-1: int64, shape (n,)."""
    return torch.argsort(hashes(stream, torch.arange(n)), stable=True)


def _mix(x: Tensor) -> Tensor:
    x = (x ^ _shift(x, 30)) * _MIX1
    x = (x ^ _shift(x, 27)) * _MIX2
    return x ^ _shift(x, 31)


def _shift(x: Tensor, bits: int) -> Tensor:
    # ">>" on int64 copies the sign; the mask makes it the logical shift of the unsigned original.
    return (x >> bits) & ((1 << (64 - bits)) - 1)
