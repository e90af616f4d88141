"""Keyed randomness against SplitMix64 in Python's big integers, and its statistics. Nothing here is drawn at random."""

import hashlib
from itertools import combinations, permutations
from statistics import NormalDist

import pytest
import torch

from zoo import keyed

BITS = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
N = 20_000


def mixed(z: int) -> int:
    """The finaliser of SplitMix64 on unsigned 64-bit numbers."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & BITS
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & BITS
    return z ^ (z >> 31)


def hashed(stream: int, index: int) -> int:
    return mixed(mixed(index * GOLDEN + stream & BITS) + stream & BITS)


def signed(z: int) -> int:
    return z - (1 << 64) if z >> 63 else z


def test_the_reference_is_splitmix64():
    # Its first outputs for the seeds 0 and 1234567, which many implementations print as test vectors.
    assert mixed(GOLDEN) == 0xE220A8397B1DCDAF
    assert [mixed(1234567 + n * GOLDEN & BITS) for n in (1, 2)] == [6457827717110365317, 3203168211198807973]


@pytest.mark.parametrize("stream", [0, 1, keyed.key(0, "order", 0), (1 << 63) - 1])
def test_hashes_equal_the_reference_for_small_and_huge_indices(stream):
    indices = [0, 1, 2, 1_281_166, 1 << 31, 1 << 40, (1 << 63) - 1]
    assert keyed.hashes(stream, torch.tensor(indices)).tolist() == [signed(hashed(stream, i)) for i in indices]


def test_uniforms_are_the_upper_24_bits_of_the_reference():
    stream = keyed.key(7, "crop", 3)
    expected = [[mixed(hashed(stream, i) + c * GOLDEN & BITS) >> 40 for c in (1, 2, 3)] for i in range(50)]
    assert (keyed.uniforms(stream, torch.arange(50), 3).double() * 2**24).tolist() == expected


def test_key_is_the_sha256_of_the_address():
    digest = hashlib.sha256(b"42/order/7").digest()
    assert keyed.key(42, "order", 7) == int.from_bytes(digest[:8], "little") // 2
    keys = {keyed.key(seed, what, epoch) for seed in range(20) for what in ("a", "b") for epoch in range(20)}
    assert len(keys) == 800
    assert all(0 <= key < 1 << 63 for key in keys)


def test_a_permutation_is_one_and_sorts_by_the_hashes():
    stream = keyed.key(0, "order", 0)
    order = keyed.permutation(stream, 1000).tolist()
    assert sorted(order) == list(range(1000))
    assert order == sorted(range(1000), key=lambda i: signed(hashed(stream, i)))


def test_permutations_differ_by_epoch_and_seed_and_purpose():
    addresses = [(0, "order", 0), (0, "order", 1), (1, "order", 0), (0, "split", 0)]
    orders = [keyed.permutation(keyed.key(*address), 1000) for address in addresses]
    for one, other in combinations(orders, 2):
        # Two unrelated permutations agree in about one place.
        assert (one == other).sum() < 8


@pytest.mark.parametrize("n", [0, 1])
def test_the_smallest_permutations_exist(n):
    assert keyed.permutation(5, n).tolist() == list(range(n))


def test_all_orders_of_four_images_are_equally_frequent():
    orders = [tuple(keyed.permutation(keyed.key(0, "order", epoch), 4).tolist()) for epoch in range(2400)]
    counts = [orders.count(order) for order in permutations(range(4))]
    # chi^2 with 23 degrees of freedom exceeds 49.7 once in 1,000 times.
    assert sum((count - 100) ** 2 / 100 for count in counts) < 49.7


@pytest.mark.parametrize("draw", [keyed.uniforms, keyed.normals])
def test_numbers_do_not_depend_on_how_the_batch_is_cut(draw):
    stream, indices = keyed.key(1, "crop", 2), torch.tensor([5, 0, 99, 12345, 7, 7])
    whole = draw(stream, indices, 4)
    assert torch.equal(torch.cat([draw(stream, part, 4) for part in indices.split(4)]), whole)
    assert torch.equal(draw(stream, indices.flip(0), 4).flip(0), whole)
    assert torch.equal(draw(stream, indices, 2), whole[:, :2])
    assert torch.equal(whole[4], whole[5])


def test_uniforms_fill_zero_to_one_evenly():
    u = keyed.uniforms(keyed.key(0, "flip", 0), torch.arange(N), 2).double()
    assert u.min() >= 0
    assert u.max() < 1
    # Five standard errors of the mean, sqrt(1/12 / 40,000), and of the variance, sqrt(1/180 / 40,000).
    assert u.mean().item() == pytest.approx(1 / 2, abs=0.0072)
    assert u.var().item() == pytest.approx(1 / 12, abs=0.0019)
    counts = torch.histc(u, bins=20, min=0, max=1)
    # chi^2 with 19 degrees of freedom exceeds 43.8 once in 1,000 times.
    assert ((counts - 2000) ** 2 / 2000).sum() < 43.8


def test_neighbouring_indices_columns_and_streams_are_unrelated():
    first = keyed.uniforms(keyed.key(0, "crop", 0), torch.arange(N), 2).double()
    later = keyed.uniforms(keyed.key(0, "crop", 1), torch.arange(N), 2).double()
    shifted = keyed.uniforms(keyed.key(0, "crop", 0) + 1, torch.arange(N), 2).double()
    pairs = [(first[:-1, 0], first[1:, 0]), (first[:, 0], first[:, 1]), (first[:-1, 1], first[1:, 0])]
    pairs += [(first[:, 0], later[:, 0]), (first[:, 0], shifted[:, 0])]
    for a, b in pairs:
        # Five standard errors of a correlation of zero, 1 / sqrt(20,000).
        assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1].item()) < 0.036


def test_no_two_indices_of_a_stream_share_a_hash():
    assert len(keyed.hashes(keyed.key(3, "order", 1), torch.arange(100_000)).unique()) == 100_000


def test_normals_are_the_quantiles_of_the_uniforms():
    stream, indices = keyed.key(0, "colour", 0), torch.arange(200)
    uniforms = keyed.uniforms(stream, indices, 3).double().flatten()
    expected = [NormalDist().inv_cdf(u + 2**-25) for u in uniforms.tolist()]
    assert keyed.normals(stream, indices, 3).flatten().tolist() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_the_ends_of_the_uniforms_are_reached_and_give_finite_normals():
    # Two indices, found by trying millions, whose 24 bits are all zero and all one.
    stream, indices = keyed.key(0, "colour", 0), torch.tensor([43_033_464, 28_561_058])
    assert keyed.uniforms(stream, indices, 1).flatten().tolist() == [0.0, 1 - 2**-24]
    low, high = keyed.normals(stream, indices, 1).flatten().tolist()
    assert high == -low == pytest.approx(NormalDist().inv_cdf(1 - 2**-25))


def test_normals_have_mean_zero_and_variance_one_and_are_finite():
    z = keyed.normals(keyed.key(0, "colour", 1), torch.arange(N), 2).double()
    assert z.isfinite().all()
    assert z.mean().item() == pytest.approx(0, abs=0.025)
    assert z.var().item() == pytest.approx(1, abs=0.036)
    assert (z > 1.959964).double().mean().item() == pytest.approx(0.025, abs=0.004)


def test_keys_of_names_are_their_keys_one_by_one():
    names = ["", "a.JPEG", "ä/b", "n01440764_10026.JPEG", *map(str, range(200))]
    found = keyed.keys((name.encode() for name in names), "imagenet", "held out")
    assert found.tolist() == [keyed.key("imagenet", "held out", name) for name in names]
    assert keyed.keys([], "imagenet").shape == (0,)
