"""The built site of the documents in a real browser; ``make docs`` builds it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from browser_kit import Seen
from kit import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

SITE = ROOT / "build" / "docs" / "site"


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    if not (SITE / "index.html").exists():
        if os.environ.get("CI"):
            pytest.fail("the site is not built, and CI has to run this test")
        pytest.skip("the site is not built: make docs")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_documents_are_usable_by_everybody(
    chromium: Browser, address: str, width: int, scheme: Any
) -> None:
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    seen = Seen(context.new_page())
    found: list[str] = []
    for page in ("quickstart", "concepts", "cookbook"):
        seen.page.goto(f"{address}/{page}.html", wait_until="networkidle")
        assert seen.page.locator("h1").count() == 1, page
        found += [f"{page}: {barrier}" for barrier in seen.barriers()]
        seen.keep(f"docs/{page}-{width}-{scheme}")
    context.close()
    assert found == []
    assert seen.said == []
