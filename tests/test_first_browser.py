"""The first start in a real browser: from a code to a connector that vendors call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser_kit import Seen
from first_kit import ADDRESS, PASSWORD
from sandbox_kit import serving

from connector.app import Runtime
from connector.config import load
from connector.dashboard import first
from connector.dashboard.first import Start
from connector.sandbox import Running, SandboxSettings, World, serve

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture
def sandbox() -> Iterator[Running]:
    settings = SandboxSettings(jsm_projects=("SUP", "CARE"))
    with serve(World(settings), port=0) as running:
        yield running


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    monkeypatch.chdir(tmp_path)
    return first.begin(tmp_path / "config.yaml", lambda: datetime.now(UTC))


#: Themes and widths.
WAYS: tuple[tuple[Any, int], ...] = (
    *(("light", 375), ("dark", 1440)),
    *(("dark", 375), ("light", 1440)),
)


class Looker:
    """Looks at each page of a walk, by turns small and wide, light and dark."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.found: list[str] = []
        self.ways = cycle(WAYS)

    def look(self, name: str) -> None:
        scheme, width = next(self.ways)
        page = self.seen.page
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            self.found.append(f"{name} is {wide} wide at {width}")
        self.found += [
            f"{name} {width} {scheme}: {one}" for one in self.seen.barriers()
        ]
        self.seen.keep(f"first-{name}-{width}-{scheme}")


def _close(start: Start, server: ExitStack) -> None:
    start.is_over.wait()
    server.close()


def test_walk_leads_to_a_connector_that_vendors_call(
    chromium: Browser, start: Start, sandbox: Running
) -> None:
    server = ExitStack()
    port = server.enter_context(serving(first.create_app(start), 0))
    address = f"http://127.0.0.1:{port}"
    # Like the command: it is gone before the last page can ask for its looks.
    end = threading.Thread(target=_close, args=(start, server), daemon=True)
    end.start()
    context = chromium.new_context(
        bypass_csp=True,  # axe comes as a script of its own
        reduced_motion="reduce",
    )
    seen = Seen(context.new_page())
    page, known = seen.page, sandbox.world.settings
    looker = Looker(seen)

    def on(shot: str, button: str = "Go on", /, **answers: Any) -> None:
        for key, value in answers.items():
            page.fill(f"[name={key}]", value)
        if shot:
            looker.look(shot)
        page.click(f"main :is(button, a.button):has-text('{button}')")

    page.goto(f"{address}/")
    on("code", "Begin", code=start.code.lower())
    page.check("[value=jira_service_management]")
    on("helpdesks", name="support")
    page.check("[value=cloud]")
    on("site", site_url=f"{sandbox.url}/jira")
    on("credentials", "Try it", email=known.jira_email, api_token=known.jira_token)
    page.check("[value=SUP]")
    on("projects")
    on("listed-helpdesks")
    page.check("[value=jira]")
    on("tracker")
    page.check("[value=cloud]")
    on("", site_url=f"{sandbox.url}/jira")
    on("", "Try it", email=known.jira_email, api_token="wrong")
    looker.look("refused")
    assert "What to do" in page.inner_text("[role=alert]")
    on("", "Try it", api_token=known.jira_token)
    page.select_option("[name=project]", "SHOP")
    on("project")
    on("")
    on("address", public_url=ADDRESS)
    page.click("text=Back")
    assert page.input_value("[name=public_url]") == ADDRESS
    page.click("main button")
    page.select_option("[name=language]", "nb")
    on("mode")
    on(
        "finish",
        "Set everything up",
        name="kari",
        password=PASSWORD,
        again=PASSWORD,
    )
    page.wait_for_url("**/done")
    looker.look("done")
    assert page.locator("main .bad").count() == 0
    page.click("main button")
    page.wait_for_selector("[data-wait]")
    end.join(10)
    looker.look("starts")
    runtime = Runtime(load(start.path), path=start.path)
    with serving(runtime.create_app(), port):
        page.wait_for_url(f"{address}/")
        assert "kari" in page.inner_text(".who")
        context.close()
    runtime.store.close()
    assert looker.found == []
    # The wrong token, and asking for a connector that is not there yet.
    told = ("status of 422", "status of 503", "ERR_CONNECTION_")
    assert [one for one in seen.said if not any(why in one for why in told)] == []


def test_steps_work_without_scripts(chromium: Browser, start: Start) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    with serving(first.create_app(start), 0) as port:
        page.goto(f"http://127.0.0.1:{port}/")
        page.fill("[name=code]", start.code)
        page.click("main button")
        page.check("[value=zendesk]")
        page.click("main button")
        assert page.inner_text("h1") == "Zendesk Support"
        context.close()
