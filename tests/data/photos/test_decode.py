"""Images of any format: upright, in RGB, and the same colours that were put in."""

import numpy as np
import pytest
from PIL import Image

from zoo.data.photos.decode import decode
from zoo.errors import InputError

COLOURS = np.random.default_rng(0).integers(0, 256, (6, 9, 3), np.uint8)


def saved(tmp_path, image, name, **options):
    image.save(tmp_path / name, **options)
    return np.asarray(decode(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "options"),
    [("a.png", {}), ("a.bmp", {}), ("a.webp", {"lossless": True}), ("a.ppm", {}), ("a.tif", {}), ("a.JPEG.tga", {})],
)
def test_lossless_formats_give_the_pixels(tmp_path, name, options):
    assert (saved(tmp_path, Image.fromarray(COLOURS), name, **options) == COLOURS).all()


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "YCbCr", "CMYK"])
def test_every_mode_becomes_rgb(tmp_path, mode):
    image = Image.fromarray(COLOURS).convert(mode)
    ending = "tif" if mode in ("CMYK", "YCbCr") else "png"
    found = saved(tmp_path, image, f"a.{ending}")
    assert found.shape == (6, 9, 3)
    # As Pillow converts it; YCbCr and CMYK and back lose a little.
    assert (np.abs(found.astype(int) - np.asarray(image.convert("RGB"))) <= 1).all()


def test_a_cmyk_jpeg_is_no_negative(tmp_path):
    image = Image.new("RGB", (16, 16), (250, 20, 20)).convert("CMYK")
    assert np.abs(saved(tmp_path, image, "a.jpg").mean((0, 1)) - (250, 20, 20)).max() < 6


@pytest.mark.parametrize("ending", ["png", "tif"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path, ending):
    wide = np.array([[0, 128, 257, 32768], [514, 40000, 65406, 65535]], np.uint16)
    found = saved(tmp_path, Image.fromarray(wide), f"a.{ending}")
    assert found[..., 0].tolist() == [[round(v / 257) for v in row] for row in wide.tolist()]
    assert (found == found[..., :1]).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_followed(tmp_path, orientation):
    # What a viewer must do to a stored image, by the EXIF standard.
    shown = {
        1: lambda a: a, 2: lambda a: a[:, ::-1], 3: lambda a: a[::-1, ::-1], 4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2), 6: lambda a: a.transpose(1, 0, 2)[:, ::-1],
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2), 8: lambda a: a.transpose(1, 0, 2)[::-1],
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[274] = orientation
    assert (saved(tmp_path, Image.fromarray(COLOURS), "a.png", exif=exif) == shown(COLOURS)).all()


def test_transparency_is_seen_on_white(tmp_path):
    alpha = np.full((6, 9, 1), 51, np.uint8)
    image = Image.fromarray(np.concatenate([COLOURS, alpha], axis=2))
    expected = 255 + (COLOURS.astype(float) - 255) * 0.2
    assert np.abs(saved(tmp_path, image, "a.png") - expected).max() <= 1
    palette = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    assert saved(tmp_path, palette, "p.png", transparency=1).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_of_an_animated_image_the_first_frame_is_seen(tmp_path):
    frames = [Image.new("RGB", (5, 4), colour) for colour in ("red", "blue", "lime")]
    for name in ("a.gif", "a.webp"):
        found = saved(tmp_path, frames[0], name, save_all=True, append_images=frames[1:], lossless=True)
        assert (found == [255, 0, 0]).all(-1).mean() > 0.9 or np.abs(found - [255, 0, 0]).max() < 4


@pytest.mark.parametrize(
    "content", [b"", b"no image", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0cut", b"II*\x00\x08\x00"]
)
def test_what_is_no_image_is_named(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png is not a readable image") as refused:
        decode(tmp_path / "a.png")
    assert "\n" not in str(refused.value)


def test_an_image_cut_short_is_refused(tmp_path):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-3000])
    with pytest.raises(InputError, match="is not a readable image"):
        decode(tmp_path / "a.png")


def test_numbers_without_a_white_are_refused(tmp_path):
    Image.fromarray(np.ones((3, 3), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match="whose white is unknown"):
        decode(tmp_path / "a.tif")


def test_no_program_is_started_for_an_image(tmp_path):
    Image.fromarray(COLOURS).save(tmp_path / "a.eps")
    with pytest.raises(InputError, match="no known format of images"):
        decode(tmp_path / "a.eps")
