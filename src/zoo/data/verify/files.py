"""``zoo data verify`` for one's own images: every one decoded, and every fault named."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from zoo.data.files.module import FileImages
from zoo.data.photos import manifest
from zoo.data.photos.inspection import CheckedPhoto, check_bytes
from zoo.data.verification import Finding, Verification
from zoo.data.verify.folder import check_photos, duplicates
from zoo.data.verify.memory import wrong_counts

# What is odd for ImageNet and nothing to speak of here, where images are turned, and may be small or of grey things.
USUAL = ("EXIF orientation", "greyscale", "very small")


def verify_files(data: FileImages, dataset: str, num_workers: int, manifest_path: Path | None = None) -> Verification:
    """Decodes every image and writes the manifest, by default in the user's cache folder.

    Raises InputError where there are no images to train on, or the manifest cannot be written.
    """
    # Not prepare_data, which ends with the first file that is not there.
    data.listing = data.listed()
    assigned = data.assigned()
    photos = list(_checked(data, num_workers))
    findings = [finding for photo in photos for finding in photo.findings if finding.kind not in USUAL]
    findings += [Finding("stray file", name, "no image by its name") for name in data.passed_over()]
    findings += duplicates(photos, assigned)
    counts = _counts(assigned.values(), data.listing.class_names)
    findings += wrong_counts(data.facts, counts)
    written = None
    if data.in_files:
        written = manifest_path or manifest.default_path(data.root)
        manifest.write(written, photos)
    fingerprint = data.fingerprint_of_contents({photo.path: (photo.size, photo.sha256) for photo in photos})
    return Verification(
        dataset, str(data.root), counts, sorted(findings), fingerprint, str(written) if written else None
    )


def _checked(data: FileImages, num_workers: int) -> Iterable[CheckedPhoto]:
    assert data.listing is not None
    images = [pair for one in data.listing.splits.values() for pair in zip(one.names, one.sources, strict=True)]
    if data.in_files:
        return check_photos(data.root, sorted(name for name, _ in images), num_workers)
    return (check_bytes(name, source.content()) for name, source in images)


def _counts(assigned: Iterable[tuple[str, str]], class_names: list[str]) -> dict[str, dict[str, int]]:
    found = Counter(assigned)
    splits = [split for split in ("train", "val", "test") if any(own == split for own, _ in found)]
    return {split: {name: found[split, name] for name in class_names} for split in splits}
