"""Pictures on the site's pages, each drawn twice, for light and for dark pages, by the commands of ``zoo figure``."""

import re
import shlex
import tempfile
from collections.abc import Sequence
from contextlib import chdir
from functools import cache
from pathlib import Path

from PIL import Image

from zoo.cli import main

ROOT = Path(__file__).parents[1]


@cache
def of_command(command: str) -> tuple[tuple[str, bytes, str], ...]:
    """What ``figure KIND ...`` draws, for light and for dark pages: names of PNG files, content and words.

    Raises RuntimeError where it draws nothing.
    """
    found = []
    for theme in ("light", "dark"):
        with tempfile.TemporaryDirectory() as folder, chdir(ROOT):
            file = Path(folder) / "picture.png"
            if main([*shlex.split(command), "--theme", theme, "--output", str(file)]):
                raise RuntimeError(f"zoo {command} draws nothing.")
            name = re.sub(r"[^a-z0-9]+", "-", command.removeprefix("figure "))
            with Image.open(file) as picture:
                found.append((f"pictures/{name}-{theme}.png", file.read_bytes(), picture.info["Description"]))
    return tuple(found)


def both_themes(pictures: Sequence[tuple[str, str]], caption: str) -> str:
    """Two files of one picture, for light and for dark pages, with the words for who cannot see it; Markdown.

    The caption stands below in letters of the page, because those in the picture are small on a phone.
    """
    themes = zip(pictures, ("light", "dark"), strict=True)
    shown = "\n".join(f"![{words}]({name}#only-{theme})" for (name, words), theme in themes)
    return f'<div class="scroll drawn" tabindex="0" markdown>\n\n{shown}\n\n</div>\n\n{caption}\n{{ .caption }}'
