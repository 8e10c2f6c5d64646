"""The sidebar in a real browser: in a frame of a page that speaks as the vendor's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from shutil import copy
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import jwt
import pytest
from browser_kit import Seen
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask import Flask, render_template_string, request
from kit import START, Bench, settings
from labels_kit import add_ticket
from werkzeug.serving import make_server

from adapters.helpscout.deliveries import sign
from connector.store.schema import ticket_tags

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

OWN = "document.title='owned';top.document.title='owned'"
SCRIPT = f'<script>{OWN}</script><img src=x onerror="{OWN}">'

#: What holds the frame; it answers as the SDKs of the vendors have it, and no more.
HOST = """<!doctype html><title>Helpdesk</title><link rel="icon" href="data:,">
<iframe name="app-1-2" title="Sidebar" width="320" height="20"></iframe>
<form method="post" target="app-1-2" action="{{ page }}">
  <input name="token" aria-label="token" value="{{ token }}">
</form>
<script>
const frame = document.querySelector("iframe");
const grow = (height) => { frame.style.height = height; };
const zendesk = (said, answer) => {
  if (said.appGuid !== "guid-1") return;
  if (said.key === "iframe.handshake") answer({ key: "zaf.app.registered" });
  if (said.request === "get") answer({ id: said.id, result: { "ticket.id": 7 } });
  if (said.request === "invoke") grow(said.params.resize[0].height);
};
addEventListener("message", ({ data, source, origin }) => {
  if (typeof data === "string") {
    const post = (said) => source.postMessage(JSON.stringify(said), origin);
    zendesk(JSON.parse(data), post);
  } else if (data.type === "SET_APP_HEIGHT" && data.iframeId === "app-1-2") {
    grow(`${data.value}px`);
  }
});
if ("{{ token }}") document.forms[0].submit(); else frame.src = {{ page | tojson }};
</script>"""


class Place(NamedTuple):
    """Where the page and the vendor's page are, and what the vendor signs with."""

    address: str
    host: str
    bench: Bench
    key: Any


def served(app: Any) -> Any:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture(scope="module")
def place(
    blank_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    helpdesk = Flask("helpdesk")
    helpdesk.add_url_rule(
        "/", view_func=lambda: render_template_string(HOST, **request.args)
    )
    holding = served(helpdesk)
    host = f"http://127.0.0.1:{holding.port}"
    key = generate_private_key(65537, 2048)
    form = (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    common = {"webhook_secret": "secret"}
    desk = {
        "kind": "zendesk",
        "base_url": host,
        "client_id": "connector",
        "client_secret": "secret",
        "sidebar_key": key.public_key().public_bytes(*form).decode(),
    }
    scout = {
        "kind": "helpscout",
        "app_id": "app",
        "app_secret": "secret",
        "web_base": host,
        "sidebar_secret": "shared",
    }
    path = tmp_path_factory.mktemp("browser") / "connector.db"
    copy(blank_file, path)
    sources = {"desk": {**desk, **common}, "scout": {**scout, **common}}
    bench = Bench(settings(f"sqlite:///{path}", sources=sources))
    for source in sources:
        add_ticket(
            bench.store,
            "7",
            source=source,
            subject=f"Late {SCRIPT}",
            text=f"It is late {SCRIPT}",
            verdict={"types": ["delivery"], "pack_version": "1"},
        )
    server = served(bench.runtime.create_app())
    yield Place(f"http://127.0.0.1:{server.port}", host, bench, key)
    server.shutdown()
    holding.shutdown()
    bench.close()


def zendesk(place: Place, jti: str) -> dict[str, str]:
    claims = {
        "iss": place.host.removeprefix("http://"),
        "aud": f"{place.host}/api/v2/apps/installations/1.json",
        "sub": f"{place.host}/api/v2/users/5.json",
        "iat": START,
        "exp": START + timedelta(minutes=5),
        "jti": jti,
    }
    query = urlencode({"origin": place.host, "app_guid": "guid-1"})
    token = jwt.encode(claims, place.key, algorithm="RS256")
    page = f"{place.address}/sidebar/desk?{query}"
    return {"page": page, "token": token}


def help_scout(place: Place) -> dict[str, str]:
    signed = sign("shared", b'{"conversation-id":"7","user-id":"5"}')
    query = {"conversation-id": "7", "user-id": "5", "X-HelpScout-Signature": signed}
    return {"page": f"{place.address}/sidebar/scout?{urlencode(query)}"}


def labels_of(place: Place) -> set[tuple[str, str]]:
    with place.bench.store.read() as connection:
        rows = connection.execute(ticket_tags.select()).all()
    return {(row.tag, row.state) for row in rows}


def test_agent_in_zendesk_sees_the_open_ticket_and_corrects_it(
    chromium: Browser, place: Place
) -> None:
    context = chromium.new_context()
    seen = Seen(context.new_page())
    seen.page.goto(f"{place.host}/?{urlencode(zendesk(place, 'a'))}")
    frame = seen.page.frame_locator("iframe")
    frame.locator("h2 >> text=About").wait_for()
    assert frame.locator("strong").first.inner_text() == "Delivery"
    seen.page.wait_for_function("document.querySelector('iframe').offsetHeight > 100")
    frame.locator("summary").click()
    frame.locator("button >> text=Returns refunds").click()
    frame.locator(".told").wait_for()
    assert frame.locator("strong").first.inner_text() == "Returns refunds"
    wanted = {("cc-delivery", "vetoed"), ("cc-returns_refunds", "asked")}
    assert labels_of(place) == wanted
    assert frame.locator("main script, main img").count() == 0
    assert seen.page.title() == "Helpdesk"
    context.close()
    assert seen.said == []


def test_agent_in_help_scout_sees_the_open_conversation(
    chromium: Browser, place: Place
) -> None:
    context = chromium.new_context()
    seen = Seen(context.new_page())
    seen.page.goto(f"{place.host}/?{urlencode(help_scout(place))}")
    frame = seen.page.frame_locator("iframe")
    frame.locator("h2 >> text=About").wait_for()
    seen.page.wait_for_function("document.querySelector('iframe').offsetHeight > 100")
    assert seen.page.title() == "Helpdesk"
    context.close()
    assert seen.said == []


def test_page_of_a_stranger_cannot_hold_it(chromium: Browser, place: Place) -> None:
    context = chromium.new_context()
    seen = Seen(context.new_page())
    stranger = place.host.replace("127.0.0.1", "localhost")
    seen.page.goto(f"{stranger}/?{urlencode(help_scout(place))}")
    seen.page.wait_for_load_state("networkidle")
    assert "frame-ancestors" in " ".join(seen.said)
    assert seen.page.frame_locator("iframe").locator("h2").count() == 0
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_usable_by_everybody(
    chromium: Browser, place: Place, scheme: Any
) -> None:
    size: Any = {"width": 300, "height": 800}
    context = chromium.new_context(
        viewport=size, color_scheme=scheme, bypass_csp=True
    )  # axe comes as a script of its own
    seen = Seen(context.new_page())
    page = seen.page
    page.goto(help_scout(place)["page"])
    page.locator("summary").press("Enter")
    assert page.locator("details[open]").count() == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 300
    seen.keep(f"sidebar-{scheme}")
    assert seen.barriers() == []
    context.close()
