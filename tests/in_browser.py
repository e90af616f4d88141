"""Chromium without a window, and axe-core, which finds what keeps people from using a page."""

import shutil
import subprocess
import tarfile
from contextlib import contextmanager

import pytest

# Playwright's own is the headless shell, too: the whole browser takes up to twice as long for the same pages.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
# Another version has other rules.
AXE = "axe-core@4.14.1"
# Width and scheme: each of a phone's and of a desk's, and each scheme.
SCREENS = [
    (390, "dark"), (1440, "light"), pytest.param(390, "light", marks=pytest.mark.slow),
    pytest.param(1440, "dark", marks=pytest.mark.slow),
]  # fmt: skip


@contextmanager
def chromium():
    """A started browser; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("needs Chromium")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


def axe_core(folder):
    """The script of axe-core, from npm; skips the test where npm cannot be asked."""
    try:
        subprocess.run(
            ["npm", "pack", AXE, "--silent", "--prefer-offline", "--ignore-scripts", "--fetch-retries=0"],
            cwd=folder, check=True, capture_output=True, timeout=60,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        pytest.skip("needs axe-core from npm")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        return archive.extractfile("package/axe.min.js").read().decode()


@contextmanager
def quiet_page(browser, *own, width=1440, height=1000, scheme="light"):
    """An empty page; afterwards nothing was asked for but what begins with ``own``, and nothing was complained of."""
    asked, complaints = [], []
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    page.close()
    outside = [url for url in asked if not url.startswith((*own, "data:", "blob:file:", "blob:null/"))]
    # pytest explains only the assertions of test files.
    assert not complaints, complaints
    assert not outside, outside


def violations(page, axe, impacts=("minor", "moderate", "serious", "critical")):
    """What axe-core finds, each as its rule, its impact and the elements."""
    page.evaluate(axe)
    found = page.evaluate("axe.run({ preload: false, resultTypes: ['violations'] })")["violations"]
    return [
        (one["id"], one["impact"], [node["html"] for node in one["nodes"]]) for one in found if one["impact"] in impacts
    ]
