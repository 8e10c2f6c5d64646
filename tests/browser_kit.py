"""What tests in a real browser share: it, its console, axe, and pictures that stay."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from kit import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Debian's; whatever it would look up at its start stays on this machine.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

#: Kept for whoever wants to see what the tests saw.
SCREENSHOTS = ROOT / "build" / "screenshots"


@contextmanager
def launched() -> Iterator[Browser]:
    """Start Debian's chromium; skip where there is none, which CI must not."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing, and CI has to run this test")
        pytest.skip("there is no chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Seen:
    """A page, and whatever its console said."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        page.on("console", lambda one: self.said.append(f"{one.type}: {one.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))

    def keep(self, name: str) -> None:
        """Keep a picture of the whole page."""
        named = f"overview{name[1:]}" if name.startswith("/-") else name.strip("/")
        path = SCREENSHOTS / f"{named.replace('/', '-')}.png"
        self.page.screenshot(path=path, full_page=True)

    def barriers(self) -> list[str]:
        """Return what axe finds on the page that shuts somebody out."""
        from axe_playwright_python.sync_playwright import Axe

        return [
            f"{one['id']} {one['nodes'][0]['html'][:120]}"
            for one in Axe().run(self.page).response["violations"]
            if one["impact"] in ("serious", "critical")
        ]
