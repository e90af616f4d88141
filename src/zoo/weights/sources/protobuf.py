"""The wire format of protocol buffers, as far as files of weights need it: numbers and bytes, nothing executed."""

from collections.abc import Iterator

# How a field's value is stored.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_WIDTHS = {FIXED64: 8, FIXED32: 4}
# A net of a thousand layers has far fewer: what has more is no message, and would keep us reading for hours.
MOST_FIELDS = 100_000


class BrokenMessageError(ValueError):
    """The bytes are not the message that they should be; says in a few words why."""


def fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Each field of a message as (number, wire type, value), in the file's order; a memoryview is not copied.

    The value is an int for VARINT and bytes for the others. Raises BrokenMessageError where the bytes end early, a
    length points beyond them, or a wire type is none of the four.
    """
    place = 0
    for _ in range(MOST_FIELDS):
        if place == len(message):
            return
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if not number:
            raise BrokenMessageError("a field has the number 0")
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, kind, value
            continue
        if kind == BYTES:
            width, place = _varint(message, place)
        elif kind in _WIDTHS:
            width = _WIDTHS[kind]
        else:
            raise BrokenMessageError(f"field {number} has the wire type {kind}")
        if width > len(message) - place:
            raise BrokenMessageError(f"field {number} ends {width - len(message) + place:,} bytes beyond the end")
        yield number, kind, message[place : place + width]
        place += width
    raise BrokenMessageError(f"it has more than {MOST_FIELDS:,} fields")


def varints(packed: memoryview, most: int) -> list[int]:
    """The numbers of a packed field; raises BrokenMessageError where there are more than ``most``."""
    numbers: list[int] = []
    place = 0
    while place < len(packed):
        if len(numbers) == most:
            raise BrokenMessageError(f"a list has more than {most} numbers")
        number, place = _varint(packed, place)
        numbers.append(number)
    return numbers


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """Seven bits a byte, the lowest first, and the place behind them; at most ten bytes."""
    value = 0
    for shift in range(0, 70, 7):
        if place == len(message):
            raise BrokenMessageError("it ends within a number")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise BrokenMessageError("a number is longer than ten bytes")
