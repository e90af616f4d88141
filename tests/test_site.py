"""The built site in a real browser, at the widths of a phone and of a desk, light and dark."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import ROOT, slow_where
from in_browser import quiet_page, violations
from pygments.token import STANDARD_TYPES

PAGES = ("index.md", "tour.md", "networks/index.md", "networks/lenet5.md", "tables/cifar10.md")
# A page on a phone's screen, the next on a desk's; with --slow each on all.
QUICK = {(name, *((390, "dark"), (1440, "light"))[number % 2]) for number, name in enumerate(PAGES)}
LOOKS = [(name, width, scheme) for name in PAGES for width in (390, 1440) for scheme in ("dark", "light")]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and does not print what it was asked for."""

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def site(tmp_path_factory, axe, browser):
    """The address of a site of five pages, built as the whole one; ``axe`` and ``browser`` skip before it is built."""
    config_base = pytest.importorskip("mkdocs.config")
    from mkdocs.commands.build import build

    folder = tmp_path_factory.mktemp("site")
    # The reference takes longest, and links to pages that are left out are not what is looked at.
    config = config_base.load_config(
        str(ROOT / "mkdocs.yml"), site_dir=str(folder), plugins=["search"], nav=list(PAGES),
        exclude_docs="*.md\n" + "".join(f"!/{page}\n" for page in PAGES),
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        # Other tests are of what is drawn.
        patch.setenv("ZOO_BLANK_PICTURES", "1")
        build(config)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "look", slow_where(lambda look: look not in QUICK, LOOKS), ids=lambda look: "-".join(map(str, look))
)
def test_a_page_fits_its_screen_and_an_accessibility_checker_finds_nothing_serious(site, browser, axe, look):
    name, width, scheme = look
    with quiet_page(browser, site, f"blob:{site}", width=width, scheme=scheme) as page:
        page.goto(site + name.removesuffix("index.md").replace(".md", "/"))
        assert page.evaluate("document.body.dataset.mdColorScheme") == {"light": "default", "dark": "slate"}[scheme]
        assert page.evaluate("document.documentElement.scrollWidth") == width
        # Of each picture the one for this scheme is seen.
        page.wait_for_load_state("networkidle")
        seen = page.evaluate(
            "[...document.querySelectorAll('.drawn')].map((drawn) => [...drawn.querySelectorAll('img')]"
            ".filter((one) => one.offsetWidth && one.naturalWidth).map((one) => one.src.split('#')[1]))"
        )
        assert seen == [[f"only-{scheme}"]] * len(seen)
        assert bool(seen) == (name in ("index.md", "tour.md", "networks/lenet5.md"))
        assert violations(page, axe, ("serious", "critical")) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_kind_of_word_in_code_can_be_read(site, browser, axe, scheme):
    kinds = "".join(f'<span class="{kind}">{name}</span> ' for name, kind in STANDARD_TYPES.items() if kind)
    with quiet_page(browser, site, f"blob:{site}", scheme=scheme) as page:
        page.goto(site)
        page.evaluate(
            """(kinds) => {
                const code = `<div class="highlight"><pre><code>${kinds}</code></pre></div>`;
                document.querySelector("article").innerHTML = `${code}
                    <p><a href="#">a link</a>, <a href="#"><code>linked code</code></a></p>`;
            }""",
            kinds,
        )
        assert [one for one in violations(page, axe, ("serious", "critical")) if one[0] == "color-contrast"] == []
