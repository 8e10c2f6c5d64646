"""Issues shown on tickets by Zendesk's own Jira integration, where it is to be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from kit import Clock
from sandbox_kit import THRESHOLD, complain, issues, stepped
from structlog.testing import capture_logs

from adapters.zendesk.adapter import ZendeskAdapter
from adapters.zendesk.settings import ZendeskConfig
from connector.errors import (
    CredentialsRejected,
    TakesNoWrites,
    TicketGone,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import IssueRef, Level
from connector.sandbox import Running, SandboxSettings, World, serve
from connector.sandbox.zendesk_desk import JiraIntegration
from connector.store import outbox

URL = "https://fjord.zendesk.com"
LIST, MAKE = f"{URL}/api/v2/jira/links", f"{URL}/api/services/jira/links"
ISSUE = IssueRef("tracker", "10101", "SHOP-1", "https://jira.example/browse/SHOP-1")
NO_ENDPOINT = {"error": "InvalidEndpoint", "description": "Not found"}
FORBIDDEN = {"error": {"title": "Forbidden", "message": "You do not have access"}}

Make = Callable[..., ZendeskAdapter]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[ZendeskAdapter] = []

    def build(url: str = URL, **more: object) -> ZendeskAdapter:
        values = {
            "base_url": url,
            "email": "bot@fjord.example",
            "api_token": "api-token",
            "webhook_secret": "hook-secret",
            "jira_links": True,
            **more,
        }
        made.append(ZendeskAdapter("zd", ZendeskConfig.model_validate(values)))
        return made[-1]

    yield build
    for adapter in made:
        adapter.close()


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with serve(World(SandboxSettings(), Clock()), port=0) as running:
        yield running


def connected(make: Make, sandbox: Running) -> tuple[ZendeskAdapter, str]:
    """Return an adapter on the sandbox and a ticket there."""
    settings = SandboxSettings()
    way_in = {"email": settings.zendesk_email, "api_token": settings.zendesk_api_token}
    ticket = sandbox.world.write(
        "zendesk", email="kari@mail.example", subject="Late", text="Where is it?"
    )
    return make(f"{sandbox.url}/zendesk", **way_in), ticket


def row(**changes: object) -> dict[str, object]:
    return {"id": 9, "ticket_id": "5", "issue_id": "10101", "issue_key": "X", **changes}


def test_issue_is_shown_once_however_often_it_is_asked_for(
    make: Make, sandbox: Running
) -> None:
    adapter, ticket = connected(make, sandbox)
    adapter.show_issue(ticket, ISSUE)
    adapter.show_issue(ticket, ISSUE)
    adapter.show_issue(ticket, ISSUE._replace(external_id="10102", key="SHOP-2"))
    links = sandbox.world.zendesk.jira_links
    assert [(one["ticket_id"], one["issue_key"]) for one in links] == [
        (ticket, "SHOP-1"),
        (ticket, "SHOP-2"),
    ]


@pytest.mark.parametrize("kind", ["before", "after"])
def test_link_with_a_lost_answer_is_there_once(
    make: Make, sandbox: Running, kind: str
) -> None:
    adapter, ticket = connected(make, sandbox)
    sandbox.world.fail(kind, vendor="zendesk", method="POST", times=1)
    with pytest.raises(VendorUnavailable):
        adapter.show_issue(ticket, ISSUE)
    adapter.show_issue(ticket, ISSUE)
    assert len(sandbox.world.zendesk.jira_links) == 1


def test_ticket_that_is_gone_is_said_to_be(make: Make, sandbox: Running) -> None:
    adapter, ticket = connected(make, sandbox)
    sandbox.world.agent("zendesk", ticket, "delete")
    with pytest.raises(TicketGone):
        adapter.show_issue(ticket, ISSUE)
    assert sandbox.world.zendesk.jira_links == []


@pytest.mark.parametrize(
    ("answers", "is_made"),
    [
        ([row()], False),
        ([row(ticket_id=5, issue_id=10101)], False),
        ([row(ticket_id="6"), row(issue_id="7"), {}, None], True),
        (None, True),
    ],
    ids=["text", "numbers", "of-others", "no-list"],
)
def test_link_is_known_in_any_style_and_those_of_others_do_not_count(
    make: Make, web: responses.RequestsMock, answers: Any, is_made: bool
) -> None:
    web.get(LIST, json={"links": answers, "meta": {"has_more": False}})
    if is_made:
        web.post(MAKE, json={"link": row()}, status=201)
    make().show_issue("5", ISSUE)
    assert len(web.calls) == 1 + is_made


def test_links_are_looked_for_on_every_page(
    make: Make, web: responses.RequestsMock
) -> None:
    first = {"links": [row(id=1, issue_id="1")]}
    web.get(LIST, json={**first, "meta": {"has_more": True, "after_cursor": "c"}})
    web.get(LIST, json={"links": [row()], "meta": {"has_more": False}})
    make().show_issue("5", ISSUE)
    asked = [call.request.params for call in web.calls]  # type: ignore[union-attr]
    assert asked == [
        {"filter[ticket_id]": "5"},
        {"filter[ticket_id]": "5", "page[after]": "c"},
    ]


def test_links_that_live_at_the_other_place_are_found_there(
    make: Make, web: responses.RequestsMock
) -> None:
    """Listing is documented at one place, making at the other; nobody promises both."""
    web.get(LIST, json=NO_ENDPOINT, status=404)
    web.get(MAKE, json={"links": []})
    web.post(MAKE, json=NO_ENDPOINT, status=404)
    web.post(LIST, json={"link": row()}, status=201)
    make().show_issue("5", ISSUE)
    asked = [(call.request.method, call.request.url) for call in web.calls]
    assert [(method, url.partition("?")[0]) for method, url in asked if url] == [
        ("GET", LIST),
        ("GET", MAKE),
        ("POST", MAKE),
        ("POST", LIST),
    ]


@pytest.mark.parametrize("is_there", [True, False])
def test_refused_link_is_fine_if_it_is_there_by_now(
    make: Make, web: responses.RequestsMock, is_there: bool
) -> None:
    web.get(LIST, json={"links": []})
    web.post(MAKE, json={"error": "RecordInvalid"}, status=422)
    web.get(LIST, json={"links": [row()] if is_there else []})
    if is_there:
        make().show_issue("5", ISSUE)
        return
    with pytest.raises(VendorRefused, match="RecordInvalid"):
        make().show_issue("5", ISSUE)


@pytest.mark.parametrize("state", [JiraIntegration.OFF, JiraIntegration.LOCKED])
def test_account_without_links_is_asked_once_and_doctor_says_what_to_do(
    make: Make, sandbox: Running, state: JiraIntegration
) -> None:
    adapter, ticket = connected(make, sandbox)
    sandbox.world.zendesk.jira_integration = state
    with capture_logs() as logged:
        for _ in range(3):
            with pytest.raises(TakesNoWrites, match="no Jira links: zd answered 40"):
                adapter.show_issue(ticket, ISSUE)
    assert [line["event"] for line in logged].count("zendesk_jira_links_off") == 1
    mark = len(sandbox.world.log())
    with pytest.raises(TakesNoWrites):
        adapter.show_issue(ticket, ISSUE)
    assert sandbox.world.log(mark) == []
    assert warned(adapter)
    # One that may only list them finds out late, and remembers.
    sandbox.world.zendesk.jira_integration = JiraIntegration.ON
    assert warned(adapter)


def warned(adapter: ZendeskAdapter) -> bool:
    found = [one for one in adapter.check(Clock()()) if "Manage links" in one.remedy]
    assert {one.level for one in found} <= {Level.WARNING}
    return any("issues are not shown on tickets" in one.message for one in found)


def test_token_that_opens_nothing_is_a_matter_of_the_source(
    make: Make, web: responses.RequestsMock
) -> None:
    web.get(LIST, json=FORBIDDEN, status=403)
    web.get(f"{URL}/api/v2/users/me", json=FORBIDDEN, status=403)
    with pytest.raises(CredentialsRejected):
        make().show_issue("5", ISSUE)


@pytest.mark.parametrize("wanted", [True, False])
def test_check_tells_of_links_only_where_they_are_wanted(
    make: Make, sandbox: Running, wanted: bool
) -> None:
    connected(make, sandbox)
    settings = SandboxSettings()
    adapter = make(
        f"{sandbox.url}/zendesk",
        email=settings.zendesk_email,
        api_token=settings.zendesk_api_token,
        jira_links=wanted,
    )
    said = [finding.message for finding in adapter.check(Clock()())]
    assert ("Jira issues can be shown on tickets" in said) is wanted


# -- in the loop


def file_issue(scene: Any) -> list[str]:
    """Let customers complain until there is an issue; return the tickets of Zendesk."""
    writers = [complain(scene.world, number) for number in range(THRESHOLD)]
    scene.settle()
    scene.settle(minutes=1)
    assert len(issues(scene.world)) == 1
    return sorted(one.ticket for one in writers if one.vendor == "zendesk")


def test_agents_see_the_issue_on_each_of_its_tickets(database_url: str) -> None:
    with stepped(database_url, sources={"desk": {"jira_links": True}}) as scene:
        wanted = file_issue(scene)
        links = scene.world.zendesk.jira_links
        (issue,) = issues(scene.world)
        assert sorted(one["ticket_id"] for one in links) == wanted
        assert {(one["issue_id"], one["issue_key"]) for one in links} == {
            (issue["id"], issue["key"])
        }
        scene.assert_nothing_parked()


def test_nothing_is_shown_unless_the_settings_ask_for_it(database_url: str) -> None:
    with stepped(database_url) as scene:
        file_issue(scene)
        assert scene.world.zendesk.jira_links == []


def test_account_without_links_parks_nothing(database_url: str) -> None:
    with stepped(database_url, sources={"desk": {"jira_links": True}}) as scene:
        scene.world.zendesk.jira_integration = JiraIntegration.LOCKED
        wanted = file_issue(scene)
        with scene.runtime.store.read() as connection:
            listed = outbox.listing(connection, "observed", 50)
        shown = [row["error"] for row in listed if row["operation"] == "show_issue"]
        assert len(shown) == len(wanted)
        assert all(error.startswith("no Jira links: ") for error in shown)
        scene.assert_nothing_parked()
        assert scene.troubles() == {}
