"""Pillow's pixels from simplejpeg: the same bits or none."""

import io
import os
import random
import sys
from pathlib import Path

import numpy as np
import pytest
from jpeg_cases import coded, noise
from PIL import Image

from zoo.data.photos import equal_pixels
from zoo.data.photos.decoders import read_in_part
from zoo.data.photos.jpeg_rows import frame, upper_part

DATA = Path(os.environ.get("ZOO_TEST_DATA", ""))
PHOTOGRAPHS = [*sorted(DATA.glob("photos/*/*.JPEG")), *sorted(DATA.glob("imagenette/*/*/*.JPEG"))[::20]]
simplejpeg = pytest.importorskip("simplejpeg")
needs_library = pytest.mark.skipif(equal_pixels.library() is None, reason="Pillow here has another library's pixels")


def part_of(data: bytes, rows: int) -> bytes:
    return upper_part(data, frame(data), rows)


def by_pillow(data: bytes) -> np.ndarray | None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except Exception:  # whatever it is that Pillow cannot read
        return None


@needs_library
@pytest.mark.skipif(not PHOTOGRAPHS, reason="ZOO_TEST_DATA has no photographs")
def test_real_photographs_have_pillows_pixels():
    draw, decoded = random.Random(0), 0
    for path in PHOTOGRAPHS:
        data = path.read_bytes()
        if frame(data) is None:
            continue
        expected = by_pillow(data)
        assert np.array_equal(equal_pixels.decoded(data, False), expected), path
        rows = draw.randint(1, len(expected))
        part = part_of(data, rows)
        found = equal_pixels.decoded(part, part is not data)
        assert np.array_equal(found[:rows], expected[:rows]), path
        decoded += 1
    assert decoded > len(PHOTOGRAPHS) * 3 // 4


@needs_library
@pytest.mark.parametrize("size", [(1, 1), (7, 9), (16, 16), (17, 33), (211, 187)])
@pytest.mark.parametrize("options", [{}, {"restart_marker_blocks": 3}, {"optimize": True, "quality": 30}], ids=str)
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_plain_photos_have_pillows_pixels_as_a_whole_and_in_part(size, options, subsampling, mode):
    exif = Image.Exif()
    # Turned on its side, which is for those to do who show it.
    exif[0x0112] = 6
    data = coded(noise(*size, mode), subsampling=subsampling, exif=exif, **options)
    expected = by_pillow(data)
    assert np.array_equal(equal_pixels.decoded(data, False), expected)
    for rows in {1, size[1] // 2, size[1] - 3} & set(range(1, size[1])):
        part = part_of(data, rows)
        assert np.array_equal(equal_pixels.decoded(part, part is not data)[:rows], expected[:rows])


@pytest.mark.parametrize(
    "data",
    [
        coded(noise(90, 80, "CMYK")),
        coded(noise(90, 80), keep_rgb=True),
        coded(noise(90, 80))[:-400],
        coded(noise(90, 80))[:-400] + b"\xff\xd9",
        coded(noise(90, 80))[:-400] + b"\0\0\0" + coded(noise(90, 80))[-400:],
        part_of(coded(noise(90, 80)), 20),
        b"",
    ],
    ids=["CMYK", "RGB", "cut", "cut and ended", "other bytes", "passed over, but not said so", "empty"],
)
def test_what_is_rare_or_has_a_flaw_is_pillows_to_decode(data):
    assert equal_pixels.decoded(data, False) is None


@needs_library
def test_a_flaw_in_the_rows_that_are_kept_is_pillows_to_judge():
    data = coded(noise(90, 80))
    at = data.index(b"\xff\xda") + 40
    part = part_of(data, 40)
    assert equal_pixels.decoded(part, True) is not None
    assert equal_pixels.decoded(part[:at] + b"\xff\xd9" + part[at:], True) is None


@needs_library
def test_of_broken_files_there_are_pillows_pixels_or_none():
    draw, compared = random.Random(3), 0
    whole = [coded(noise(*size, "RGB"), **more) for size in ((64, 48), (33, 71)) for more in ({}, {"subsampling": 0})]
    for _ in range(2000):
        data = bytearray(draw.choice(whole))
        at = draw.randrange(2, len(data) - 2)
        if draw.random() < 0.5:
            data[at] = draw.randrange(256)
        else:
            data[at : at + draw.randrange(3)] = bytes((0xFF, draw.choice((0xC4, 0xD0, 0xD9, 0xDA, 0xDB, 0xE1, 0xFE))))
        if (found := frame(bytes(data))) is None or found[1] * found[2] > 100_000:
            continue
        for part in (bytes(data), part_of(bytes(data), draw.randint(1, 40))):
            pixels = equal_pixels.decoded(part, part != data)
            if pixels is not None:
                assert np.array_equal(pixels, by_pillow(part))
                compared += 1
    assert compared > 300


def test_a_crop_beyond_the_edge_is_black_there_as_pillows(tmp_path):
    path = tmp_path / "a.JPEG"
    path.write_bytes(coded(noise(90, 80)))
    whole = Image.open(path).convert("RGB")
    for box in ((-5, 3, 40, 50), (3, -5, 40, 50), (40, 30, 99, 60), (40, 30, 60, 89), (0, 0, 90, 80), (89, 79, 90, 80)):
        assert np.array_equal(np.asarray(read_in_part(path).crop(box)), np.asarray(whole.crop(box)))


class Other:
    """simplejpeg with a grey level more in one pixel of the kinds in ``lighter``."""

    def __init__(self, *lighter: str) -> None:
        self.lighter = lighter

    decode_jpeg_header = staticmethod(simplejpeg.decode_jpeg_header)

    def decode_jpeg(self, data: bytes, **options: object) -> np.ndarray:
        pixels = simplejpeg.decode_jpeg(data, **options)
        if simplejpeg.decode_jpeg_header(data)[3] in self.lighter:
            pixels[-1, -1, -1] ^= 1
        return pixels


@pytest.mark.parametrize("lighter", ["444", "422", "420", "Gray"])
def test_a_library_whose_pixels_differ_is_not_used(monkeypatch, lighter):
    monkeypatch.setitem(sys.modules, "simplejpeg", Other(lighter))
    assert equal_pixels.library.__wrapped__() is None
    if equal_pixels.library() is not None:
        monkeypatch.setitem(sys.modules, "simplejpeg", Other())
        assert equal_pixels.library.__wrapped__() is not None


def test_without_the_library_pillow_decodes(tmp_path, monkeypatch):
    path = tmp_path / "a.JPEG"
    path.write_bytes(coded(noise(90, 80)))
    expected = np.asarray(read_in_part(path).crop((3, 5, 40, 50)))
    # An import of None is an ImportError.
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    assert equal_pixels.library.__wrapped__() is None
    monkeypatch.setattr(equal_pixels, "library", lambda: None)
    assert np.array_equal(np.asarray(read_in_part(path).crop((3, 5, 40, 50))), expected)
    assert np.array_equal(expected, np.asarray(Image.open(path).convert("RGB"))[5:50, 3:40])
