"""Pictures on the site's pages, each drawn twice, for light and for dark pages, by the commands of ``zoo figure``."""

import io
import os
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


def are_blank() -> bool:
    """Whether stand-ins take the place of pictures, whose drawing is half of the time of a build."""
    return "ZOO_BLANK_PICTURES" in os.environ


@cache
def blank(theme: str) -> bytes:
    """A wide PNG that is drawn in no time, of a theme's colour."""
    file = io.BytesIO()
    Image.new("RGB", (1650, 900), {"light": "white", "dark": "black"}[theme]).save(file, "PNG")
    return file.getvalue()


def of_command(command: str) -> tuple[tuple[str, bytes, str], ...]:
    """What ``figure KIND ...`` draws, for light and for dark pages: names of PNG files, content and words.

    Raises RuntimeError where it draws nothing.
    """
    if are_blank():
        return tuple((_name_of(command, theme), blank(theme), command) for theme in ("light", "dark"))
    return _drawn(command)


def _name_of(command: str, theme: str) -> str:
    return f"pictures/{re.sub(r'[^a-z0-9]+', '-', command.removeprefix('figure '))}-{theme}.png"


@cache
def _drawn(command: str) -> tuple[tuple[str, bytes, str], ...]:
    found = []
    for theme in ("light", "dark"):
        with tempfile.TemporaryDirectory() as folder, chdir(ROOT):
            file = Path(folder) / "picture.png"
            if main([*shlex.split(command), "--theme", theme, "--output", str(file)]):
                raise RuntimeError(f"zoo {command} draws nothing.")
            with Image.open(file) as picture:
                found.append((_name_of(command, theme), file.read_bytes(), picture.info["Description"]))
    return tuple(found)


def both_themes(pictures: Sequence[tuple[str, str]], caption: str) -> str:
    """Two files of one picture, for light and for dark pages, with the words for who cannot see it; Markdown.

    The caption stands below in letters of the page, because those in the picture are small on a phone.
    """
    themes = zip(pictures, ("light", "dark"), strict=True)
    shown = "\n".join(f"![{words}]({name}#only-{theme})" for (name, words), theme in themes)
    return f'<div class="scroll drawn" tabindex="0" markdown>\n\n{shown}\n\n</div>\n\n{caption}\n{{ .caption }}'
