"""Draws README's picture of the page of ``zoo demo``, docs/demo.png: needs Chromium and Playwright."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from zoo.demo.library import convnetjs
from zoo.demo.page import build, names_of_ladders

FILE = Path(__file__).with_name("demo.png")
SIZE = {"width": 1280, "height": 900}


def draw(page: Any, file: Path) -> None:
    """Has the opened page draw a 5, and keeps what a screen shows of it then."""
    page.set_viewport_size(SIZE)
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Draw a 5").click()
    page.wait_for_function("!zoo.draw.state.busy")
    # What is said of all networks waits until nothing moves.
    page.wait_for_function("document.getElementById('draw').innerText.includes('read 5')")
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=file)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        build(Path(folder), names_of_ladders(), convnetjs(), None)
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto((Path(folder) / "index.html").as_uri())
        draw(opened, FILE)
        browser.close()
    print(FILE)
