"""What MkDocs calls while it builds the pages: it adds what is generated from the code and the Records."""

import os
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

import network_pages
import pictures

ROOT = Path(__file__).parents[1]
TABLES = ROOT / "benchmarks" / "tables"
# The public names of each page of the reference, by the modules that export them.
_REFERENCE = {
    "zoo": ("zoo",),
    "data": ("zoo.data",),
    "weights": ("zoo.weights",),
    "parts": ("zoo.layers", "zoo.optim"),
}
# A page's line that stands for the picture of its command; elsewhere than on the site it is not seen.
COMMAND = re.compile(r"^<!-- zoo (figure .+) -->$", re.MULTILINE)
# Colab's list of the notebooks on GitHub, where a notebook of a repository has an address of its own.
COLAB = "https://colab.research.google.com/github/"
_HEADING = re.compile(r"^#+ ", re.MULTILINE)
_TITLES = {"zoo": "zoo", "data": "zoo.data", "weights": "zoo.weights", "parts": "Layers and optimisers"}


def on_files(files: Files, config: Any) -> Files:
    """Adds the tables of ``benchmarks/tables/``, the changelog, the reference and the pictures of trained networks."""
    made: dict[str, str | bytes] = {f"tables/{path.name}": table(path) for path in _tables()}
    made |= {f"tables/{path.name}": path.read_bytes() for path in sorted(TABLES.glob("*.png"))}
    # Its links are those of the repository's root.
    made["changelog.md"] = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "](")
    made |= {f"reference/{page}.md": reference(page) for page in _REFERENCE}
    # Nothing is drawn for a page that is left out.
    for file in list(files.documentation_pages()):
        folder, _, name = file.src_uri.rpartition("/")
        if folder == "networks":
            drawn = network_pages.pictures(name.removesuffix(".md"))
            made |= {f"networks/{picture}": content for picture, (content, _) in drawn.items()}
        for command in COMMAND.findall(file.content_string):
            made |= {picture: content for picture, content, _ in pictures.of_command(command)}
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Puts behind the history of a network what is generated about it; configs are shown there, and no link away."""
    markdown = to_colab(COMMAND.sub(_shown, markdown), page.file.src_uri)
    if page.file.src_uri == "deviations.md":
        return network_pages.without_links_to_configs(markdown)
    folder, _, name = page.file.src_uri.rpartition("/")
    known = network_pages.names_of(name.removesuffix(".md")) if folder == "networks" else []
    return f"{markdown}\n\n{network_pages.generated(name.removesuffix('.md'))}" if known else markdown


def to_colab(markdown: str, page: str) -> str:
    """A page's links to Colab, on to the notebook of its name where GitHub's workflow says which repository it is."""
    repository, notebook = os.environ.get("GITHUB_REPOSITORY"), page.replace(".md", ".ipynb")
    known = repository and (ROOT / "notebooks" / notebook).is_file()
    return (
        markdown.replace(f"({COLAB})", f"({COLAB}{repository}/blob/main/notebooks/{notebook})") if known else markdown
    )


def _shown(line: re.Match[str]) -> str:
    drawn = [(name, words) for name, _, words in pictures.of_command(line[1])]
    return pictures.both_themes(drawn, f"`zoo {line[1]} --output picture.png`")


def reference(page: str) -> str:
    """The public names of a page's modules, each where it is defined; modules among them have pages of their own."""
    lines = [f"# {_TITLES[page]}"]
    for module in map(import_module, _REFERENCE[page]):
        for name in module.__all__:
            thing = getattr(module, name)
            home = getattr(thing, "__module__", "")
            if home.startswith("zoo.") and hasattr(thing, "__name__"):
                # Under the name that people import.
                lines.append(
                    f"::: {home}.{name}\n    options:\n      heading: {module.__name__}.{name}\n      heading_level: 2"
                )
    return "\n\n".join(lines) + "\n"


def table(path: Path) -> str:
    """A table as a page: the width of the contents' list is its own, and an only heading is the page's."""
    text = path.read_text(encoding="utf-8")
    if len(_HEADING.findall(text)) == 1:
        text = _HEADING.sub("# ", text)
    return f"---\nhide: [toc]\n---\n\n{text}"


def _tables() -> list[Path]:
    return sorted(TABLES.glob("*.md"))
