"""The site: no page asks another host for anything, and `try.html` runs Python in a browser.

It is built by `python docs/build.py` first; these tests are skipped where it was not.
"""

from __future__ import annotations

import functools
import http.server
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import BROWSER

DOCS = Path(__file__).parents[1] / "docs"
SITE = DOCS / "_build" / "html"
sys.path.insert(0, str(DOCS))
import build  # noqa: E402

needs_site = pytest.mark.skipif(
    not (SITE / "index.html").exists(), reason="needs the site: python docs/build.py"
)
PAGES = (
    "index.html", "tutorial/en/03_the_chain_rule_step_by_step.html", "reference/nn.optim.html",
    "tutorial/ko/16_second_derivatives.html", "how-to/draw.html",
)  # fmt: skip


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and logs nothing."""

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The site, served to this machine alone."""
    handler = functools.partial(Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def tab(chromium: Any, address: str) -> Iterator[Any]:
    """Opens pages; fails on a request to another host, and on an error of the page."""
    said: list[str] = []
    contexts = []

    def open_page(name: str, width: int = 1280, scheme: str = "light") -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda r: said.append(r.url) if foreign(r.url) else None)
        page.goto(address + name)
        return page

    def foreign(url: str) -> bool:
        return not url.startswith((address, "data:", "blob:", "about:"))

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


def test_a_link_that_leads_nowhere_and_a_foreign_script_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<a href="b.html">b</a><a href="#no">c</a><a href="https://example.org/x">d</a>'
        '<script src="https://example.org/y.js"></script><p id="yes"></p><a href="#yes">e</a>'
    )
    assert build.faults(tmp_path) == [
        "a.html: b.html leads nowhere",
        "a.html: #no leads to no place on its page",
        "a.html loads https://example.org/y.js",
    ]


@needs_site
def test_no_page_loads_from_another_host_and_every_link_leads_somewhere() -> None:
    assert build.faults(SITE) == []


@needs_site
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
class TestBrowser:
    """In Chromium, on a wide and a narrow screen, in both themes."""

    pytestmark = BROWSER

    @pytest.mark.parametrize("name", PAGES)
    def test_a_page_fits_its_screen(self, tab: Any, name: str, width: int, scheme: str) -> None:
        page = tab(name, width, scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= width

    def test_the_cells_run(self, tab: Any, width: int, scheme: str) -> None:
        page = tab("try.html", width, scheme)
        cells = page.locator(".try-cell")
        assert cells.count() == len(build.cells())
        if width == 1280 and scheme == "light":  # all of them once
            page.click("#try-all")
            page.wait_for_selector("#try-all:not([disabled])", timeout=240_000)
            assert page.locator("#try-status").inner_text() == "Python is ready."
            assert page.locator(".try-output > div").count() > 3
        else:
            cells.first.locator("button").click()
            page.wait_for_selector(".try-output pre", timeout=120_000)
        assert page.locator(".try-output .error").all_text_contents() == []
        assert "Value(-6.0, label='c')" in cells.first.locator("pre").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
