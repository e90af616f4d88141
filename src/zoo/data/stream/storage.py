"""Files of a stream, fetched from where it lies: an outage costs time and no run, and what is final is one sentence."""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

from zoo.data.stream.format import LISTING, Listing, is_remote, listing_in, litdata, short
from zoo.errors import InputError
from zoo.files import lock, whole

# Seconds without a byte after which a connection counts as broken. The client itself tries a few times.
STALLED = 20.0
# Seconds for which a server that fails is asked again, and how long the pauses in between grow.
PATIENCE, LONGEST_PAUSE = 600.0, 30.0


class Storage:
    """What lies below ``address``, by LitData's clients; ``endpoint_url`` is the server of s3:// unless it is AWS's."""

    def __init__(self, address: str, endpoint_url: str | None = None) -> None:
        litdata()
        from litdata.streaming.downloader import get_downloader

        self.address, self.is_s3 = address, address.startswith("s3://")
        options: dict[str, Any] = _of_s3(endpoint_url) if self.is_s3 else {}
        # It gets the place of each file with the file.
        self.client = get_downloader(address, "", [], options)

    def fetch(
        self, name: str, place: Path, patience: float = PATIENCE, failed: str | None = None, way_out: str = ""
    ) -> None:
        """Writes one file to ``place``; a server of s3:// that fails is asked again for ``patience`` seconds.

        Raises InputError where it does not come: ``failed``, the reason, and ``way_out`` unless a better one is known.
        """
        failed = failed or f"{self.address}/{name} cannot be fetched"
        began, pause = time.monotonic(), 1.0
        while True:
            try:
                return self._get(f"{self.address}/{name}", place)
            except Exception as error:  # each kind of storage has errors of its own
                left = began + patience - time.monotonic()
                if left <= 0 or not (self.is_s3 and _may_pass(error)):
                    way_out = (_way_out(error, patience) if self.is_s3 else "") or way_out
                    raise InputError(f"{failed} ({short(error)}){way_out and f': {way_out}'}.") from error
                if pause == 1.0:
                    again = f"trying again for {patience / 60:.0f} minutes"
                    print(f"zoo: {failed} ({short(error)}): {again}.", file=sys.stderr, flush=True)
                time.sleep(min(pause, left))
                pause = min(2 * pause, LONGEST_PAUSE)

    def _get(self, address: str, place: Path) -> None:
        if not self.is_s3:
            self.client.download_file(address, str(place))
            return
        # LitData's other way into a file starts threads that workers cannot inherit, and refuses http://.
        with place.open("wb") as file:
            self.client.download_fileobj(address, file)


def read_listing(root: str, cache: Path, endpoint_url: str | None = None) -> Listing:
    """The listing of the stream at ``root``, a folder or an address such as s3://bucket/imagenet.

    Raises InputError where there is none or it cannot be reached: nobody waits for what may be a mistyped address.
    """
    litdata()
    failed, way_out = f"No stream can be read at {root}", "pack one with zoo data stream ImageNet --output DIR"
    try:
        file = Path(root) / LISTING
        if is_remote(root):
            cache.mkdir(parents=True, exist_ok=True)
            file = cache / LISTING
            _bring(file, Storage(root, endpoint_url), failed, way_out)
        return listing_in(file.read_bytes())
    except InputError:
        raise
    except Exception as error:  # whatever is wrong with a file that is no listing
        raise InputError(f"{failed} ({short(error)}): {way_out}.") from error


def _bring(file: Path, storage: Storage, failed: str, way_out: str) -> None:
    """Fetches the listing to ``file``, or keeps the one that is there where the server does not answer.

    Where it is another than before, the chunks beside it are of a stream that is no more, and go. Raises InputError
    where no listing comes and none is there.
    """
    # One process finds the difference, and those that wait for it then find none.
    with file.with_name("fetching.lock").open("w") as mark:
        lock(mark, wait=True)
        held = file.read_bytes() if file.exists() else None
        try:
            with whole(file) as draft:
                storage.fetch(LISTING, draft, 0.0, failed, way_out)
                if held not in (None, draft.read_bytes()):
                    for split in ("train", "val"):
                        shutil.rmtree(file.with_name(split), ignore_errors=True)
        except InputError as error:
            if held is None:
                raise
            print(f"zoo: {str(error).rstrip('.')}; goes on with the listing in {file.parent}.", file=sys.stderr)


def _of_s3(endpoint_url: str | None) -> dict[str, Any]:
    from botocore.config import Config

    # LitData would have the client try a thousand times, in silence.
    retries: Any = {"mode": "standard", "total_max_attempts": 3}
    config = Config(connect_timeout=STALLED, read_timeout=STALLED, retries=retries)
    return {"config": config} | ({"endpoint_url": endpoint_url} if endpoint_url else {})


def _status(error: Exception) -> int:
    """The HTTP status that a server answered with; 0 where it is none of that."""
    response = getattr(error, "response", None) or {}
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _may_pass(error: Exception) -> bool:
    """Whether the server or the network failed, and not the request."""
    from botocore import exceptions as boto
    from s3transfer.exceptions import RetriesExceededError

    broken = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError, RetriesExceededError)
    return isinstance(error, broken) or _status(error) == 429 or _status(error) >= 500


def _is_refusal(error: Exception) -> bool:
    from botocore import exceptions as boto

    missing = (boto.NoCredentialsError, boto.PartialCredentialsError, boto.ProfileNotFound)
    return isinstance(error, missing) or _status(error) in (401, 403)


def _way_out(error: Exception, patience: float) -> str:
    """What the user can do about it; empty where only the request was wrong."""
    if _is_refusal(error):
        return "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, for an account that may read it"
    if not _may_pass(error):
        return ""
    if patience:
        return f"after {patience / 60:.0f} minutes of trying, go on with --resume when the server answers"
    return "see that the server runs and that data.endpoint_url is its address"
