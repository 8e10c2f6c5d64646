"""The service desk's adapter against the look-alike, Cloud and Data Center."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from kit import START, Clock

from adapters.jira import DESK_KIND
from adapters.jira.desk import JiraDesk, JiraDeskConfig
from connector.errors import (
    ProjectClosed,
    TakesNoWrites,
    TicketGone,
    TicketLocked,
    TicketOutside,
    VendorRefused,
)
from connector.health import is_denial
from connector.models import (
    Author,
    Delivery,
    EventKind,
    Level,
    Message,
    Note,
    TicketStatus,
)
from connector.sandbox import Running, SandboxSettings, World, serve

ANNE = "anne@berg.example"


class Site:
    """A look-alike with a service desk, and the adapter that talks to it."""

    def __init__(self, running: Running, clock: Clock) -> None:
        self.world, self.clock = running.world, clock
        settings = running.world.settings
        credentials = (
            {
                "email": settings.jira_email,
                "api_token": settings.jira_token,
                "webhook_secret": settings.jira_webhook_secret,
            }
            if settings.jira_flavour == "cloud"
            else {
                "token": settings.jira_token,
                "webhook_token": settings.jira_webhook_secret,
            }
        )
        config = {
            "flavour": settings.jira_flavour,
            "site_url": f"{running.url}/jira",
            "projects": ["SUP", "CARE"],
            **credentials,
        }
        self.desk: JiraDesk = DESK_KIND.build("care", JiraDeskConfig(**config))

    def ask(self, text: str = "Pakken kom aldri!", **given: Any) -> str:
        wish = {"email": ANNE, "subject": "Pakke", **given}
        return self.world.write("jsm", text=text, **wish)

    def walk(self, cursor: str | None = None) -> tuple[list[str], str]:
        """Follow pages to the end."""
        ids: list[str] = []
        for _ in range(20):
            page = self.desk.changed(START - timedelta(days=30), cursor)
            ids, cursor = [*ids, *page.ids], page.cursor
            if not page.more:
                return ids, cursor
        raise AssertionError("the history does not end")


@pytest.fixture(params=["cloud", "data_center"])
def site(request: pytest.FixtureRequest) -> Iterator[Site]:
    clock = Clock()
    settings = SandboxSettings(jira_flavour=request.param, jsm_projects=("SUP", "CARE"))
    with serve(World(settings, clock), port=0) as running:
        found = Site(running, clock)
        yield found
        found.desk.close()


# -- reading --


def test_request_is_read_with_all_that_was_said(site: Site) -> None:
    number = site.ask(organization="Fjordbank")
    for minute in range(60):  # more than one page of comments
        site.clock.pass_(minutes=1)
        act = ("reply", "note")[minute % 2]
        site.world.agent("jsm", number, act, text=f"{act} {minute}")
    site.ask("Fortsatt ingen pakke", ticket=number)
    found = site.desk.fetch_ticket(number)
    assert len(found.comments) == 62
    first, *staff, last = found.comments
    assert (first.author, last.author) == (Author.CUSTOMER, Author.CUSTOMER)
    assert "Pakken kom aldri!" in first.body
    assert "Fortsatt ingen pakke" in last.body
    assert {one.author for one in staff} == {Author.AGENT}
    assert [one.public for one in staff] == [True, False] * 30
    assert (found.customer.email, found.customer.organization) == (ANNE, "Fjordbank")
    assert found.channel == "portal"
    assert found.fields["sla.time_to_first_response"] == "met"


def test_goal_that_was_missed_is_seen(site: Site) -> None:
    number = site.ask()
    fields = site.desk.fetch_ticket(number).fields
    assert fields["sla.time_to_first_response"] == "running"
    due = START + timedelta(hours=4)
    assert fields["sla.time_to_first_response.due"] == due.isoformat()
    site.clock.pass_(hours=5)
    fields = site.desk.fetch_ticket(number).fields
    assert fields["sla.time_to_first_response"] == "breached"


def test_state_follows_the_agents_and_the_customer(site: Site) -> None:
    number = site.ask()

    def state() -> TicketStatus:
        return site.desk.fetch_ticket(number).status

    assert state() is TicketStatus.OPEN
    site.world.agent("jsm", number, "status", status="Waiting for customer")
    assert state() is TicketStatus.PENDING
    site.world.agent("jsm", number, "status", status="Resolved")
    assert state() is TicketStatus.RESOLVED
    site.ask("Nei, det er ikke løst", ticket=number)
    assert state() is TicketStatus.OPEN


def test_rating_is_read_when_there_is_one(site: Site) -> None:
    number = site.ask()
    site.world.agent("jsm", number, "status", status="Resolved")
    assert "satisfaction" not in site.desk.fetch_ticket(number).fields
    site.clock.pass_(days=1)
    site.world.rate("jsm", number, "2", "Tok altfor lang tid")
    found = site.desk.fetch_ticket(number)
    assert found.fields["satisfaction"] == "2"
    assert found.comments[-1].body == "Tok altfor lang tid"
    assert found.comments[-1].author is Author.CUSTOMER
    assert found.updated_at == site.clock()


# -- writing --


def test_tags_of_people_stay(site: Site) -> None:
    number = site.ask(tags=["vip", "frakt"])
    add = frozenset({"cc-delivery"})
    assert site.desk.change_tags(number, add, frozenset()) == {"vip", "frakt", *add}
    site.world.agent("jsm", number, "add_tag", tag="haster")
    left = site.desk.change_tags(number, frozenset(), add)
    assert left == {"vip", "frakt", "haster"} == set(_witness(site, number)["tags"])


def test_repeated_tags_write_nothing(site: Site) -> None:
    number = site.ask()
    add = frozenset({"cc-delivery"})
    site.desk.change_tags(number, add, frozenset({"cc-other"}))
    before = len(site.world.log())
    site.desk.change_tags(number, add, frozenset({"cc-other"}))
    assert len(site.world.log()) == before


def test_request_that_is_closed_for_good_is_locked_for_tags(site: Site) -> None:
    number = site.ask()
    site.world.agent("jsm", number, "status", status="Closed")
    with pytest.raises(TicketLocked):
        site.desk.change_tags(number, frozenset({"cc-delivery"}), frozenset())


def test_customer_reads_the_reply_and_nothing_else(site: Site) -> None:
    number = site.ask()
    status = _witness(site, number)["status"]
    note = site.desk.add_note(number, Note(text="En klage", mark="cc-1"))
    reply = Message(text="Hei Anne", mark="cc-2", draft=False)
    draft = Message(text="Hei igjen", mark="cc-3", draft=True)
    sent = site.desk.send_message(number, reply)
    proposed = site.desk.send_message(number, draft)
    shown = _witness(site, number)
    assert [one["id"] for one in shown["messages"]] == [sent.external_id]
    assert [one["id"] for one in shown["notes"]] == [
        note.external_id,
        proposed.external_id,
    ]
    assert shown["notes"][1]["text"].startswith("Suggested reply, not sent")
    assert shown["status"] == status
    for mark, written in (("cc-1", note), ("cc-2", sent), ("cc-3", proposed)):
        assert site.desk.find_mark(number, mark) == written
    assert site.desk.find_mark(number, "cc-4") is None


def test_account_that_is_no_agent_shows_customers_nothing(site: Site) -> None:
    number = site.ask()
    site.world.jsm.is_agent = False
    with pytest.raises(VendorRefused):
        site.desk.add_note(number, Note(text="En klage", mark="cc-1"))
    shown = _witness(site, number)
    assert (shown["notes"], shown["messages"]) == ([], [])
    levels = [finding.level for finding in site.desk.check(site.clock())]
    assert Level.PROBLEM in levels


@pytest.mark.parametrize(
    "call",
    [
        lambda desk, number: desk.fetch_ticket(number),
        lambda desk, number: desk.find_mark(number, "cc-1"),
        lambda desk, number: desk.add_note(number, Note(text="En klage", mark="cc-1")),
        lambda desk, number: desk.send_message(
            number, Message(text="Hei", mark="cc-1", draft=False)
        ),
    ],
    ids=["reading", "mark", "note", "message"],
)
def test_project_that_is_closed_to_us_is_told_from_a_closed_site(
    site: Site, call: Any
) -> None:
    number = site.ask()
    site.world.jsm.closed = {"SUP"}
    with pytest.raises(ProjectClosed, match="may not work in project SUP") as caught:
        call(site.desk, number)
    assert not is_denial(caught.value)
    site.world.jsm.closed = {"SUP", "CARE"}
    with pytest.raises(VendorRefused) as all_closed:
        call(site.desk, number)
    assert is_denial(all_closed.value)


def test_project_that_is_closed_to_us_is_named_by_the_check(site: Site) -> None:
    site.world.jsm.closed = {"SUP"}
    found = {one.subject: one for one in site.desk.check(site.clock())}
    assert found["care: project SUP"].level is Level.PROBLEM
    assert found["care: project CARE"].level is Level.OK


# -- coming and going --


def test_request_that_moves_between_our_desks_stays_itself(site: Site) -> None:
    number = site.ask()
    site.world.agent("jsm", number, "move", into="CARE")
    found = site.desk.fetch_ticket(number)
    assert (found.ref.external_id, found.number) == (number, "CARE-1")
    site.desk.change_tags(number, frozenset({"cc-delivery"}), frozenset())


def test_request_that_moves_away_is_outside(site: Site) -> None:
    number = site.ask()
    site.world.agent("jsm", number, "move", into="SHOP")
    with pytest.raises(TicketOutside):
        site.desk.fetch_ticket(number)


def test_request_that_is_deleted_is_gone(site: Site) -> None:
    number = site.ask()
    site.world.agent("jsm", number, "delete")
    with pytest.raises(TicketGone):
        site.desk.fetch_ticket(number)


# -- webhooks --


def test_webhook_of_the_desk_is_made_beside_that_of_the_tracker(site: Site) -> None:
    secret = site.world.settings.jira_webhook_secret
    site.world.subscribe("jira", "https://cc.example/webhooks/jira", secret, ["x"])
    address = "https://cc.example/webhooks/care"
    assert site.desk.subscriptions(address) == []
    (made,) = site.desk.subscribe(address).changed
    assert (made.address, made.enabled, made.missing) == (address, True, frozenset())
    assert site.desk.subscribe(address).changed == ()
    assert site.desk.unsubscribe(address) == [made]
    assert [hook.url for hook in site.world.jira.webhooks.values()] == [
        "https://cc.example/webhooks/jira"
    ]


def test_ping_is_understood_and_asks_for_nothing(site: Site) -> None:
    body, event = site.desk.ping("word")
    assert event is None
    found = Delivery(id=1, source="care", received_at=START, headers={}, body=body)
    assert [one.kind for one in site.desk.parse(found)] == [EventKind.IGNORED]


# -- history --


def test_history_holds_our_projects_only_and_tells_when(site: Site) -> None:
    older = site.ask()
    site.clock.pass_(minutes=30)
    newer = site.ask(email="ola@berg.example")
    project = site.world.jira.projects["SHOP"]
    site.world.jira.create(project, {"issuetype": "10001", "summary": "x"}, "agent")
    page = site.desk.changed(START - timedelta(days=1), None)
    assert (page.ids, page.more) == ((older, newer), False)
    assert page.changed_at == {older: START, newer: site.clock()}


def test_walk_goes_on_where_the_last_one_ended(site: Site) -> None:
    site.ask()
    site.clock.pass_(days=2)
    newer = site.ask(email="ola@berg.example")
    _, cursor = site.walk()
    assert site.walk(cursor)[0] == [newer]  # looked back a little, not two days
    site.clock.pass_(days=1)
    third = site.ask(email="kari@berg.example")
    assert third in site.walk(cursor)[0]


def test_rating_is_found_although_nothing_else_changed(site: Site) -> None:
    number = site.ask()
    site.world.agent("jsm", number, "status", status="Resolved")
    site.clock.pass_(days=2)
    other = site.ask(email="ola@berg.example")
    _, cursor = site.walk()
    site.clock.pass_(days=2)
    assert number not in site.walk(cursor)[0]
    site.world.rate("jsm", number, "1")
    page = site.desk.changed(START - timedelta(days=30), cursor)
    assert set(page.ids) == {number, other}
    assert page.changed_at[number] == site.clock()


def _witness(site: Site, number: str) -> dict[str, Any]:
    return site.world.ticket("jsm", number)


def test_priority_is_raised_and_never_lowered(site: Site) -> None:
    number = site.ask()
    issue = site.world.jira.issues[number]
    assert issue.priority == "3"  # Medium
    assert site.desk.hasten(number) is True
    assert issue.priority == "2"  # High
    assert site.desk.hasten(number) is False
    issue.priority = "1"
    assert site.desk.hasten(number) is False
    assert issue.priority == "1"


@pytest.mark.parametrize(
    ("wanted", "left", "before", "after"),
    [
        ("urgent", "", "3", "1"),
        ("Lowest", "", "3", "3"),
        ("normal", "", "5", "3"),
        ("urgent", "high", "2", "1"),
        ("urgent", "high", "3", "3"),  # somebody lowered it
    ],
)
def test_priority_is_named_in_our_words_or_the_sites(
    site: Site, wanted: str, left: str, before: str, after: str
) -> None:
    number = site.ask()
    issue = site.world.jira.issues[number]
    issue.priority = before
    assert site.desk.hasten(number, wanted, left) is (before != after)
    assert issue.priority == after


def test_priority_that_the_site_has_not_is_refused(site: Site) -> None:
    with pytest.raises(TakesNoWrites, match="no priority 'P1'"):
        site.desk.hasten(site.ask(), "P1")
