"""Signing in at a provider in a real browser, which decides itself what it sends along.

The provider is another site than the dashboard: cookies, forms and policies count.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import oidc_kit
import pytest
from browser_kit import Seen
from kit import Bench, Clock, settings
from oidc_kit import TestProvider, clock, there

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["clock", "there"]

pytestmark = pytest.mark.browser

WIDTHS = (375, 1440)


@pytest.fixture
def address(
    blank_file: Path, tmp_path: Path, there: TestProvider, clock: Clock
) -> Iterator[str]:
    shutil.copy(blank_file, tmp_path / "connector.db")
    made: list[Any] = []  # the address is known only when somebody listens
    with oidc_kit.listening(lambda *request: made[0](*request)) as port:
        address = f"http://localhost:{port}"
        config = settings(
            f"sqlite:///{tmp_path}/connector.db", oidc=there.settings(address=address)
        )
        bench = Bench(config, clock)
        made.append(bench.runtime.create_app())
        yield address
    bench.close()


def faults(seen: Seen, scheme: str) -> list[str]:
    """Return what keeps somebody from using a page, at each width; keep pictures."""
    page, found = seen.page, []
    place = urlsplit(page.url).path
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{place} is {wide} wide")
        seen.keep(f"oidc{place}-{width}-{scheme}")
    return found + [f"{place}: {barrier}" for barrier in seen.barriers()]


def test_first_admin_comes_from_the_provider_goes_and_is_shut_out(
    chromium: Browser, address: str, there: TestProvider
) -> None:
    context = chromium.new_context()
    seen = Seen(context.new_page())
    page = seen.page
    page.goto(f"{address}/welcome")
    page.click("text=Single sign-on")
    page.wait_for_url(f"{address}/")
    assert page.locator(".who").inner_text().startswith("kari · admin")
    page.click("text=Sign out")
    page.goto(f"{address}/problems?show=all")
    page.click("text=Single sign-on")
    page.wait_for_url(f"{address}/problems?show=all")
    assert seen.said == []
    page.click("text=Sign out")
    there.person["roles"] = ["guests"]
    page.click("text=Single sign-on")
    assert page.locator("h1").inner_text() == "Not signed in"
    assert page.locator("main li").all_inner_texts() == ["guests"]
    page.click("text=To the sign-in")
    assert page.url == f"{address}/sign-in"
    context.close()


def test_pages_around_it_are_usable_by_everybody(
    chromium: Browser, address: str, there: TestProvider
) -> None:
    found = []
    for scheme in ("light", "dark"):
        context = chromium.new_context(color_scheme=scheme, bypass_csp=True)
        seen = Seen(context.new_page())
        page = seen.page
        there.person["roles"] = ["guests"]
        page.goto(f"{address}/welcome")
        found += faults(seen, scheme)
        page.goto(f"{address}/sign-in/oidc")
        assert page.locator("h1").inner_text() == "Not signed in"
        found += faults(seen, scheme)
        there.person["roles"] = ["cc-admins"]
        page.goto(f"{address}/sign-in/oidc")
        page.click("text=Sign out")
        found += faults(seen, scheme)
        context.close()
        there.person |= {"sub": "s-2", "preferred_username": "ola"}
    assert found == []
