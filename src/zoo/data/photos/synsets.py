"""The table of classes in the development kit's ``meta.mat``, read in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

# SciPy ends the process, without an exception, on some damaged tables; so it is another process that reads them.
_READ = """
import json, sys
from numpy import atleast_1d
from scipy.io import loadmat
path, *fields = sys.argv[1:]
synsets = atleast_1d(loadmat(path, squeeze_me=True, variable_names=["synsets"])["synsets"])
print(json.dumps([[str(synset[field]) for field in fields] for synset in synsets]))
"""
# The real table has 1,860 rows and takes a second.
_SECONDS = 60


def read_synsets(meta: Path, *fields: str) -> list[list[str]]:
    """These fields of each synset, as text. Raises ValueError for a file without them."""
    try:
        read = subprocess.run(
            [sys.executable, "-P", "-c", _READ, str(meta), *fields], capture_output=True, timeout=_SECONDS, check=True
        )
        synsets: list[list[str]] = json.loads(read.stdout)
    except (subprocess.SubprocessError, ValueError) as error:
        raise ValueError(f"{meta} is not the development kit's") from error
    return synsets
