"""Draws README's picture of the page of ``zoo demo``, docs/demo.png: needs Chromium and Playwright."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import sync_playwright

from zoo.demo.library import convnetjs
from zoo.demo.page import build, names_of_ladders

FILE = Path(__file__).with_name("demo.png")
SIZE = {"width": 1280, "height": 900}
# What looks the same in whatever letters the page is written: the paper, and the input and the first maps of LeNet-5.
_PARTS = ("#paper", "#lenet-maps figure:nth-of-type(1) canvas", "#lenet-maps figure:nth-of-type(2) canvas")


def draw(page: Any, file: Path) -> None:
    """Has the opened page draw a 5, and keeps what a screen shows of it then, with the words and the parts' places."""
    page.set_viewport_size(SIZE)
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Draw a 5").click()
    page.wait_for_function("!zoo.draw.state.busy")
    # What is said of all networks waits until nothing moves.
    page.wait_for_function("document.getElementById('draw').innerText.includes('read 5')")
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=file)
    boxes = [page.locator(part).bounding_box() for part in _PARTS]
    places = [[round(box[side]) for side in ("x", "y", "width", "height")] for box in boxes]
    notes = PngInfo()
    notes.add_text("Words", json.dumps({"text": page.inner_text("#draw"), "places": places}))
    with Image.open(file) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    few.save(file, pnginfo=notes, optimize=True)


def words_and_parts(file: Path) -> tuple[str, list[Image.Image]]:
    """What a picture of the page says, and its parts in grey."""
    with Image.open(file) as picture:
        said = json.loads(picture.info["Words"])
        grey = picture.convert("L")
    return said["text"], [grey.crop((x, y, x + width, y + height)) for x, y, width, height in said["places"]]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        build(Path(folder), names_of_ladders(), convnetjs(), None)
        found = shutil.which("chromium-headless-shell") or shutil.which("chromium")
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto((Path(folder) / "index.html").as_uri())
        draw(opened, FILE)
        browser.close()
    print(FILE)
