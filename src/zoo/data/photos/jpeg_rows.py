"""JPEG files with fewer rows: a file has its rows in order, so that none below a view needs to be decoded."""

# Start and end of a JPEG file, and where its header ends and the coded pixels begin.
START, END, SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
# Headers of frames whose rows are coded in order. The others come in several passes over the whole photo, or are rare.
IN_ORDER = (0xC0, 0xC1)
# Colour stored at half the rows is interpolated with the row below, which is two rows of pixels.
MARGIN = 2

# Where a file says its height, the height and the width.
Frame = tuple[int, int, int]


def frame(data: bytes) -> Frame | None:
    """Where a whole JPEG file says its height, the height and the width; None where its rows are not coded in order.

    None too for whatever else is not quite plain, so that one library alone decides what that is.
    """
    if not (data.startswith(START) and data.endswith(END)):
        return None
    at, last = 2, len(data) - 10
    while at <= last and data[at] == 0xFF and (kind := data[at + 1]) != SCAN:
        if kind in IN_ORDER:
            bits, components = data[at + 4], data[at + 9]
            height, width = data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8]
            return (at + 5, height, width) if bits == 8 and components in (1, 3) and height and width else None
        at += 2 + (data[at + 2] << 8 | data[at + 3])
    return None


def upper_part(data: bytes, found: Frame | None, rows: int) -> bytes:
    """A JPEG of at least the first ``rows`` rows of ``data``, pixel by pixel the same, where that saves anything.

    ``found`` is its ``frame``. The header tells of fewer rows, after which decoders pass over what is left.
    """
    if found is None or rows + MARGIN >= found[1]:
        return data
    at = found[0]
    return b"".join((data[:at], (rows + MARGIN).to_bytes(2, "big"), data[at + 2 :]))
