"""Torch's stream of random numbers on a CPU, some way on, without drawing what lies between.

Its generator is MT19937 (Matsumoto and Nishimura 1998, "Mersenne Twister"): each word of 32 bits is the sum without
carry of three before it, and so the words after any number of steps are sums of words at hand. Of which ones, a power
of t modulo the characteristic polynomial says (Haramoto et al. 2008, "Efficient Jump Ahead for F2-Linear Random Number
Generators"). Polynomials over bits are whole numbers here, the coefficient of t to the n being bit n.
"""

from functools import cache

import numpy as np
import torch

# The generator's words, how far apart two of the three are, how the third is split, and what it is twisted by.
WORDS, MIDDLE, UPPER, LOWER, TWIST = 624, 397, 0x80000000, 0x7FFFFFFF, 0x9908B0DF
DEGREE = 19937
# In the bytes of a generator's state: how many draws until the next block, plus one; the place in this one; the words.
_BYTES, _LEFT, _NEXT, _BLOCK = 5056, slice(8, 12), slice(16, 24), slice(24, 24 + 8 * WORDS)
# Windows of words that are summed at once: a few, which a processor's cache holds.
_AT_ONCE = 512


def jump(generator: torch.Generator, draws: int) -> bool:
    """Brings torch's generator on a CPU to where it would be after ``draws`` numbers of 32 bits, at least one.

    False, with the generator as it was, where its state is not laid out as torch's is known to be, or cannot be read,
    as where torch makes fake tensors alone.
    """
    state = generator.get_state()
    if state.shape != (_BYTES,) or type(torch.empty(0, device="cpu")) is not torch.Tensor:
        return False
    content = state.numpy().copy()
    left, next_, block = content[_LEFT].view(np.int32), content[_NEXT].view(np.uint64), content[_BLOCK].view(np.uint64)
    blocks, place = divmod(WORDS - int(left[0]) + draws, WORDS)
    if blocks:
        block[:] = _after(block.astype(np.uint32), blocks * WORDS)
    left[0], next_[0] = WORDS - place, place + 1
    generator.set_state(torch.from_numpy(content))
    return True


def _after(block: np.ndarray, steps: int) -> np.ndarray:
    """The words in the place of ``block``, uint32 (624,), after so many steps, at least one, of a word each."""
    chosen = _power(steps - 1).to_bytes(DEGREE // 8 + 1, "little")
    places = np.flatnonzero(np.unpackbits(np.frombuffer(chosen, np.uint8), bitorder="little"))
    # Without the first word, of which the recurrence takes one bit: the others may be anything.
    windows = np.lib.stride_tricks.sliding_window_view(_followed(block)[1:], WORDS)
    sums = np.zeros(WORDS, np.uint32)
    for start in range(0, len(places), _AT_ONCE):
        sums ^= np.bitwise_xor.reduce(windows[places[start : start + _AT_ONCE]])
    return sums


def _followed(block: np.ndarray) -> np.ndarray:
    """A block and the words that come after it, as many as polynomials have coefficients."""
    words = np.empty(WORDS + DEGREE, np.uint32)
    words[:WORDS] = block
    apart = WORDS - MIDDLE
    for start in range(WORDS, len(words), apart):
        size = min(apart, len(words) - start)
        first = start - WORDS
        mixed = words[first : first + size] & UPPER | words[first + 1 : first + 1 + size] & LOWER
        twisted = mixed >> 1 ^ (mixed & 1) * np.uint32(TWIST)
        words[start : start + size] = words[start - apart : start - apart + size] ^ twisted
    return words


def _power(exponent: int) -> int:
    """t to the ``exponent``, modulo the characteristic polynomial: the bits from the left, by squares."""
    rest = max(0, exponent.bit_length() - DEGREE.bit_length() + 1)
    power = 1 << (exponent >> rest)
    for n in reversed(range(rest)):
        # The square of a sum of powers has no mixed ones over bits: a zero comes before each.
        power = _remainder(int(f"{power:b}", 4) << (exponent >> n & 1))
    return power


def _remainder(polynomial: int) -> int:
    """That of a square of remainders times t, a byte of the quotient at a time."""
    multiples = _multiples()
    # The divisor's second coefficient comes 227 after the first: what stands above its degree is the quotient's.
    for place in range(DEGREE - 1, -1, -8):
        polynomial ^= multiples[polynomial >> DEGREE + place] << place
    return polynomial


@cache
def _multiples() -> list[int]:
    """The characteristic polynomial times all polynomials of a byte."""
    found, divisor = [0], _characteristic()
    for n in range(1, 256):
        found.append(found[n >> 1] << 1 ^ divisor * (n & 1))
    return found


def _characteristic() -> int:
    """The recurrence's polynomial: of Matsumoto and Nishimura (1998), for words of 32 bits that are split at 31."""
    found = 1
    for n in range(31):
        found = found << WORDS - 1 ^ found << MIDDLE - 1 ^ TWIST >> n & 1
    return found << WORDS ^ found << MIDDLE ^ TWIST >> 31
