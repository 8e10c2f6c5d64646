"""The dashboard in a real browser: an admin's first hour, on a desk and a phone."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_kit import Seen
from kit import Bench, settings
from loop_kit import file_issue
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

PASSWORD = "correct horse battery"
OWN = "document.title='owned'"
SCRIPT = f'<script>{OWN}</script><img src=x onerror="{OWN}">'
PAGES = (
    *("/", "/problems", "/tickets", "/rules", "/rules/backtest"),
    *("/activity", "/follow-ups", "/set-up"),
)


@pytest.fixture(scope="module")
def bench(
    blank_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    path = tmp_path_factory.mktemp("browser") / "connector.db"
    shutil.copy(blank_file, path)
    made = Bench(settings(f"sqlite:///{path}"))
    file_issue(made)
    words = f"The app crashes at payment {SCRIPT}, I am very disappointed."
    made.write("planted", words, "x@mail.example", subject=f"Crash {SCRIPT}")
    made.settle()
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(bench: Bench) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, bench.runtime.create_app(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()


@pytest.fixture(scope="module")
def session(chromium: Browser, address: str) -> Any:
    """Take the steps of a first visit: from nothing to a signed-in admin."""
    context = chromium.new_context()
    page = context.new_page()
    page.goto(address)
    page.click("text=Add the first user")
    page.fill("input[name=name]", "kari")
    page.fill("input[name=password]", PASSWORD)
    page.fill("input[name=again]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{address}/")
    page.click("text=Sign out")
    page.fill("input[name=name]", "kari")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{address}/")
    state = context.storage_state()
    context.close()
    return state


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_pages_are_whole_and_usable_by_everybody(
    chromium: Browser, address: str, bench: Bench, session: Any, width: int, scheme: Any
) -> None:
    context = chromium.new_context(
        storage_state=session,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        bypass_csp=True,  # axe comes as a script of its own
    )
    seen = Seen(context.new_page())
    number = the_first(bench)
    found: list[str] = []
    for path in (*PAGES, f"/problems/{number}", "/tickets/support/planted"):
        seen.page.goto(address + path, wait_until="networkidle")
        wide = seen.page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{path} is {wide} wide")
        found += [f"{path}: {barrier}" for barrier in seen.barriers()]
        seen.keep(f"{path}-{width}-{scheme}")
        assert seen.page.title().endswith("Complaint Connector"), path
    context.close()
    assert found == []
    assert seen.said == []


def the_first(bench: Bench) -> int:
    from connector.store import groups

    with bench.store.read() as connection:
        listed = groups.listing(connection, None, 10)
    return int(max(listed, key=lambda row: row["tickets"])["id"])


def test_charts_are_drawn_and_nothing_comes_from_elsewhere(
    chromium: Browser, address: str, session: Any
) -> None:
    context = chromium.new_context(storage_state=session)
    seen = Seen(context.new_page())
    asked: list[str] = []
    sizes: list[int] = []
    seen.page.on("request", lambda request: asked.append(request.url))
    seen.page.on(
        "response",
        lambda answer: sizes.append(len(answer.body() if answer.ok else b"")),
    )
    seen.page.goto(address, wait_until="networkidle")
    assert seen.page.locator(".chart canvas").count() == 1
    # Nothing is known yet of what is usual.
    empty = seen.page.locator("[aria-labelledby=shares] td:empty").first
    assert "–" in empty.evaluate("one => getComputedStyle(one, '::before').content")
    assert all(url.startswith(address) for url in asked)
    assert sum(sizes) < 300_000
    context.close()
    assert seen.said == []


def test_problem_is_renamed_and_that_is_taken_back_by_hand(
    chromium: Browser, address: str, bench: Bench, session: Any
) -> None:
    context = chromium.new_context(storage_state=session)
    seen = Seen(context.new_page())
    page = seen.page
    number = the_first(bench)
    page.goto(f"{address}/problems/{number}")
    before = page.locator("h1").inner_text()
    page.click("summary:has-text('Rename')")
    page.fill("input[name=title]", "Codes fail at the till")
    page.click("button:has-text('Rename')")
    assert page.locator("h1").inner_text() == f"{number}. Codes fail at the till"
    page.click("button:has-text('Take it back')")
    assert page.locator("h1").inner_text() == before
    context.close()
    assert seen.said == []


def test_search_works_as_one_types_and_by_keyboard_alone(
    chromium: Browser, address: str, session: Any
) -> None:
    context = chromium.new_context(storage_state=session)
    seen = Seen(context.new_page())
    page = seen.page
    page.goto(f"{address}/problems?show=all")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.fill("input[name=q]", "nothing is called that")
    page.locator("input[name=q]").press("a")
    page.wait_for_selector("#list >> text=None.")
    context.close()
    assert seen.said == []


def test_words_are_judged_as_one_types(
    chromium: Browser, address: str, session: Any
) -> None:
    context = chromium.new_context(storage_state=session)
    seen = Seen(context.new_page())
    page = seen.page
    page.goto(f"{address}/rules")
    page.wait_for_selector("#list >> text=Counted since")
    page.locator("textarea").press_sequentially("I am furious, my parcel is late")
    page.wait_for_selector("#tried >> text=A complaint")
    page.wait_for_selector("#tried mark:has-text('furious')")
    page.fill("textarea", f"I am furious {SCRIPT}")
    page.wait_for_selector("#tried >> text=onerror")
    assert page.locator("main script, main img").count() == 0
    page.fill("textarea", "Thank you, Aino saved my day!")
    page.wait_for_selector("#tried >> text=Not a complaint")
    context.close()
    assert seen.said == []


def test_planted_script_runs_nowhere(
    chromium: Browser, address: str, session: Any
) -> None:
    context = chromium.new_context(storage_state=session)
    seen = Seen(context.new_page())
    for path in (*PAGES, "/tickets?complaints=all", "/tickets/support/planted"):
        seen.page.goto(address + path, wait_until="networkidle")
        assert "owned" not in seen.page.title(), path
        assert seen.page.locator("main script, main img").count() == 0, path
    context.close()
    assert seen.said == []
