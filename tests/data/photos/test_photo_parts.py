"""Training views of which only the upper rows are decoded: to the bit those of Pillow alone."""

import io
import math
import os
import random
from pathlib import Path

import numpy as np
import pytest
from jpeg_cases import coded, noise
from PIL import Image

from zoo.data.photos import decoders, equal_pixels
from zoo.data.photos.decoders import PillowPhoto, read_in_part, read_rgb, write_planes
from zoo.data.photos.jpeg_rows import frame, upper_part
from zoo.errors import InputError

DATA = Path(os.environ.get("ZOO_TEST_DATA", ""))
PHOTOGRAPHS = [*sorted(DATA.glob("photos/*/*.JPEG")), *sorted(DATA.glob("imagenette/train/*/*.JPEG"))[::50]]


def part_of(data: bytes, rows: int) -> bytes:
    return upper_part(data, frame(data), rows)


def boxes(width: int, height: int, number: int) -> list[tuple[int, int, int, int]]:
    draw = random.Random(width + height)
    found = []
    for _ in range(number):
        right, bottom = draw.randint(1, width), draw.randint(1, height)
        found.append((draw.randrange(right), draw.randrange(bottom), right, bottom))
    return found


@pytest.mark.skipif(not PHOTOGRAPHS, reason="ZOO_TEST_DATA has no photographs")
def test_views_of_real_photographs_are_pillows_own():
    draw, in_part = random.Random(0), 0
    for path in PHOTOGRAPHS:
        with Image.open(path) as image:
            whole = image.convert("RGB")
        width, height = whole.size
        w, h = draw.randint(width // 3, width), draw.randint(height // 3, height)
        left, top = draw.randint(0, width - w), draw.randint(0, height - h)
        box = (left, top, left + w, top + h)
        expected = whole.crop(box).resize((224, 224), Image.Resampling.BILINEAR)
        photo = read_in_part(path)
        found = np.empty((3, 224, 224), np.uint8)
        write_planes(photo.crop(box).resize((224, 224), Image.Resampling.BILINEAR), found)
        assert np.array_equal(found, np.asarray(expected).transpose(2, 0, 1)), path
        in_part += isinstance(photo, PillowPhoto) and len(photo.data) == path.stat().st_size
    assert in_part > len(PHOTOGRAPHS) // 2


@pytest.mark.parametrize(
    "options",
    [
        {"subsampling": "4:4:4"},
        {"subsampling": "4:2:2"},
        {"subsampling": "4:2:0"},
        {"subsampling": "4:2:0", "optimize": True, "quality": 30},
        {"subsampling": "4:2:0", "restart_marker_blocks": 3},
        {"subsampling": "4:2:0", "comment": b"\xff\xc0 no header \xff\xd9"},
    ],
    ids=str,
)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_every_row_that_is_left_is_as_it_was(tmp_path, mode, options):
    path = tmp_path / "a.JPEG"
    path.write_bytes(coded(noise(211, 187, mode), **options))
    whole = np.asarray(Image.open(path).convert("RGB"))
    sizes = set()
    for rows in range(1, 188):
        part = part_of(path.read_bytes(), rows)
        with Image.open(io.BytesIO(part)) as image:
            found = np.asarray(image.convert("RGB"))
        assert np.array_equal(found[:rows], whole[:rows])
        sizes.add(len(found))
    assert min(sizes) < 20
    assert max(sizes) == 187
    for left, top, right, bottom in boxes(211, 187, 20):
        view = read_in_part(path).crop((left, top, right, bottom))
        assert isinstance(view, PillowPhoto)
        assert np.array_equal(np.asarray(view), whole[top:bottom, left:right])


@pytest.mark.parametrize("sampling", ["411", "420", "422", "440", "444"])
def test_rows_are_as_they_were_whatever_the_colours_are_stored_at(sampling):
    # OpenCV writes more kinds than Pillow.
    cv2 = pytest.importorskip("cv2")
    options = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")]
    data = cv2.imencode(".jpg", np.asarray(noise(131, 107)), options)[1].tobytes()
    whole = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    for rows in range(1, 105):
        found = np.asarray(Image.open(io.BytesIO(part_of(data, rows))).convert("RGB"))
        assert len(found) == rows + 2
        assert np.array_equal(found[:rows], whole[:rows])


@pytest.mark.parametrize("library", [equal_pixels.library(), None], ids=["as installed", "Pillow alone"])
def test_no_more_is_decoded_than_the_view_needs(tmp_path, monkeypatch, library):
    path = tmp_path / "a.JPEG"
    path.write_bytes(coded(noise(400, 300)))
    sizes, by_pillow, by_another = [], decoders._decoded, equal_pixels.decoded

    def watched(path, source):
        sizes.append((image := by_pillow(path, source)).size)
        return image

    def watched_too(data, in_part):
        if (pixels := by_another(data, in_part)) is not None:
            sizes.append(pixels.shape[1::-1])
        return pixels

    monkeypatch.setattr(decoders, "_decoded", watched)
    monkeypatch.setattr(equal_pixels, "decoded", watched_too)
    monkeypatch.setattr(equal_pixels, "library", lambda: library)
    np.asarray(read_in_part(path).crop((10, 20, 110, 120)).resize((50, 50), Image.Resampling.BILINEAR))
    # Scaled before it is cut, a photo is needed as a whole.
    np.asarray(read_in_part(path).resize((200, 150), Image.Resampling.BILINEAR).crop((0, 0, 9, 9)))
    assert sizes == [(400, 122), (400, 300)]


def cut(data: bytes) -> bytes:
    return data[: len(data) * 3 // 4]


def without_height(data: bytes) -> bytes:
    at, *_ = frame(data)
    return data[:at] + b"\0\0" + data[at + 2 :]


@pytest.mark.parametrize(
    ("data", "refused"),
    [
        (coded(noise(90, 80), progressive=True), False),
        (coded(noise(90, 80, "CMYK")), False),
        (coded(noise(90, 80)) + b"\0", False),
        (coded(noise(90, 80)).replace(b"\xff\xc0", b"\xff\xff\xc0", 1), False),
        (cut(coded(noise(90, 80))), True),
        (without_height(coded(noise(90, 80))), True),
        (coded(noise(90, 80))[:150] + b"\xff\xd9", True),
        (b"\xff\xd8\xff\xd9", True),
        (b"\xff\xd8", True),
        (b"", True),
    ],
    ids=["progressive", "CMYK", "trailing", "filled", "cut", "no height", "cut header", "no header", "start", "empty"],
)
def test_what_is_no_plain_file_is_left_to_pillow(tmp_path, data, refused):
    path = tmp_path / "a.JPEG"
    path.write_bytes(data)
    assert frame(data) is None
    assert part_of(data, 10) is data
    if refused:
        with pytest.raises(InputError, match=f"{path} is not a readable image"):
            np.asarray(read_in_part(path).crop((0, 0, 9, 9)))
    else:
        assert np.array_equal(np.asarray(read_in_part(path)), np.asarray(read_rgb(path)))


def test_a_photo_too_large_for_pillow_is_refused_as_a_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.JPEG"
    path.write_bytes(coded(noise(300, 900)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000)
    with pytest.raises(InputError, match="exceeds limit"):
        np.asarray(read_in_part(path).crop((0, 0, 99, 99)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert np.asarray(read_in_part(path).crop((0, 0, 99, 99))).shape == (99, 99, 3)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.JPEG")
    with pytest.raises(InputError, match="device or a pipe"):
        read_in_part(tmp_path / "a.JPEG")


def test_the_rows_kept_are_those_of_the_lowest_view(tmp_path):
    path = tmp_path / "a.JPEG"
    path.write_bytes(coded(noise(300, 900)))
    for bottom in (10, 300, 897, 898, 900):
        part, rows = read_in_part(path).crop((0, 5, 9, bottom)).part()
        assert rows == min(900, bottom + 2)
        assert frame(part)[1] == rows
        assert math.prod(Image.open(io.BytesIO(part)).size) == 300 * rows
