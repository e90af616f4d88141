"""One image file, decoded in full: what it is and what is wrong with it. Pillow alone, so that workers start fast."""

import hashlib
import io
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from zoo.data.photos.crops import disproportion
from zoo.data.verification import Finding

SMALL = 32
# How the formats begin that turn up under JPEG names: a file that begins so is a photo, however broken.
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"RIFF", b"II*\0", b"MM\0*")
START_OF_SCAN, END_OF_IMAGE = b"\xff\xda", b"\xff\xd9"
GREY = ("1", "L", "LA", "I", "I;16", "F")
ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class CheckedPhoto:
    """An image file: path below the root, bytes, sha256 of them; None for what could not be found out.

    ``pixels`` is a digest of size and RGB values: equal for equal photos, whatever their files.
    """

    path: str
    size: int
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    mode: str | None = None
    format: str | None = None
    pixels: bytes | None = None
    findings: tuple[Finding, ...] = ()


def check_photo(root: str, path: str) -> CheckedPhoto:
    """The photo in ``root/path`` with all findings about the file itself; raises nothing for a bad file."""
    try:
        status = Path(root, path).stat()
        # Reading a pipe would wait for ever.
        if not stat.S_ISREG(status.st_mode):
            return CheckedPhoto(path, 0, findings=(Finding("unreadable", path, "not a regular file"),))
        data = Path(root, path).read_bytes()
    except OSError as error:
        return CheckedPhoto(path, 0, findings=(Finding("unreadable", path, error.strerror or str(error)),))
    return check_bytes(path, data)


def check_bytes(path: str, data: bytes) -> CheckedPhoto:
    """The same of the content of an image, wherever it lies."""
    sha256 = hashlib.sha256(data).hexdigest()
    if not data:
        return CheckedPhoto(path, 0, sha256, findings=(Finding("zero bytes", path),))
    try:
        with warnings.catch_warnings():
            # Pillow warns of broken EXIF blocks and of sizes that it decodes nevertheless.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                if reason := disproportion(image.size):
                    raise ValueError(reason)
                image.load()
                return _decoded(path, data, sha256, image)
    except Exception as error:  # Pillow's readers raise anything from struct.error to MemoryError on broken files
        detail = " ".join(str(error).split()).replace(" <_io.BytesIO object at", "").split(" 0x")[0]
        unidentified = isinstance(error, UnidentifiedImageError)
        finding = Finding(_failure(data, str(error), unidentified), path, "" if unidentified else detail)
        return CheckedPhoto(path, len(data), sha256, findings=(finding,))


def _failure(data: bytes, message: str, unidentified: bool) -> str:
    """The kind of a file that cannot be decoded."""
    if unidentified and not data.startswith(SIGNATURES):
        return "not an image"
    if "truncated" in message.lower() or (data.startswith(SIGNATURES[0]) and not _has_end(data)):
        return "truncated"
    return "unreadable"


def _has_end(data: bytes) -> bool:
    """Whether a JPEG's end marker follows the start of its last scan: one before may be a thumbnail's."""
    return data.rfind(END_OF_IMAGE) > data.rfind(START_OF_SCAN)


def _decoded(path: str, data: bytes, sha256: str, image: Image.Image) -> CheckedPhoto:
    """What a whole photo is, and what is odd about it."""
    found, format_ = [], image.format or "?"
    suffix = Path(path).suffix
    # What a phone writes as JPEG may be several in one file.
    is_jpeg = format_ in ("JPEG", "MPO")
    if ("JPEG" if is_jpeg else format_) != Image.registered_extensions().get(suffix.lower(), format_):
        found.append(Finding("wrong format", path, f"{format_} under a {suffix} name"))
    elif is_jpeg and not _has_end(data):
        # Pillow decodes it where only the last bytes are gone, or where zeros took their place.
        found.append(Finding("truncated", path, "the end marker is missing"))
    if image.mode in ("CMYK", "YCCK"):
        found.append(Finding("CMYK", path))
    if image.mode in GREY:
        found.append(Finding("greyscale", path, f"mode {image.mode}"))
    orientation = _orientation(image)
    if orientation not in (0, 1):
        found.append(Finding("EXIF orientation", path, f"orientation {orientation}"))
    if min(image.size) < SMALL:
        found.append(Finding("very small", path, f"{image.width}x{image.height} pixels"))
    pixels = hashlib.blake2b(f"{image.size}".encode(), digest_size=16)
    pixels.update(image.convert("RGB").tobytes())
    sizes = (image.width, image.height, image.mode, format_)
    return CheckedPhoto(path, len(data), sha256, *sizes, pixels=pixels.digest(), findings=tuple(found))


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # a broken EXIF block does not touch the pixels, and asks for nothing
        return 1
    return value if isinstance(value, int) else 1
