"""Problem tickets and incidents, call by call; the whole loop is in test_incidents."""

from __future__ import annotations

import json
from typing import Any

import pytest
import responses
from kit import Clock
from zendesk_kit import Make

from adapters.zendesk import payloads
from adapters.zendesk.adapter import ZendeskAdapter
from connector.errors import (
    CredentialsRejected,
    TakesNoWrites,
    TicketGone,
    TicketLocked,
    TicketOutside,
    VendorConflict,
    VendorUnavailable,
)
from connector.models import ProblemDraft
from connector.sandbox import Running
from connector.sandbox.stage import AGENT

MARK, OTHER = "cc-1f", "cc-2e"
DRAFT = ProblemDraft(subject="Code fails", text="SHOP-1\n\n> No way", mark=MARK)
URL = "https://fjord.zendesk.com"
LIST = f"{URL}/api/v2/tickets"


@pytest.fixture
def faked(make_zendesk: Make) -> ZendeskAdapter:
    """Give an adapter whose answers each test makes up."""
    legacy = {"email": "bot@fjord.example", "api_token": "api-token"}
    return make_zendesk(base_url=URL, client_id=None, client_secret=None, **legacy)


def write(sandbox: Running) -> str:
    return sandbox.world.write(
        "zendesk", email="kari@mail.example", subject="Late", text="Where is it?"
    )


def change(sandbox: Running, number: str, **changes: Any) -> None:
    desk = sandbox.world.zendesk
    with sandbox.world.lock:
        desk.update(desk.tickets[int(number)], changes, AGENT)


def shown(sandbox: Running, number: str) -> tuple[str | None, int | None]:
    one = sandbox.world.zendesk.tickets[int(number)]
    return one.type, one.problem_id


# -- the problem's ticket --


def test_problem_is_found_by_its_mark_alone(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    write(sandbox)
    assert zendesk.find_problem(MARK) is None
    made = zendesk.create_problem(DRAFT)
    assert zendesk.find_problem(MARK) == made
    assert zendesk.find_problem(OTHER) is None


def test_second_create_with_one_mark_makes_nothing(zendesk: ZendeskAdapter) -> None:
    assert zendesk.create_problem(DRAFT) == zendesk.create_problem(DRAFT)


def test_problem_is_not_read_as_a_ticket_of_a_customer(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    made = zendesk.create_problem(DRAFT)
    with pytest.raises(TicketOutside, match="made it for a problem"):
        zendesk.fetch_ticket(made)
    # What people use for the same purpose is theirs, and read.
    number = write(sandbox)
    change(sandbox, number, type="problem", external_id="4711")
    assert zendesk.fetch_ticket(number).fields["type"] == "problem"


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        ([], None),
        ([{"id": 9, "external_id": "4711"}, {"id": 8}], None),
        ([{"id": 12, "external_id": f"complaint-connector:{MARK}"}], "12"),
        (
            [{"id": n, "external_id": f"complaint-connector:{MARK}"} for n in (10, 9)],
            "9",
        ),
    ],
    ids=["none", "all", "one", "two"],
)
def test_only_its_own_mark_counts_and_the_oldest_of_several(
    faked: ZendeskAdapter,
    web: responses.RequestsMock,
    listed: list[dict[str, object]],
    found: str | None,
) -> None:
    web.get(LIST, json={"tickets": listed, "next_page": None, "count": len(listed)})
    assert faked.find_problem(MARK) == found


@pytest.mark.parametrize("answer", [{}, {"tickets": "none"}, []])
def test_list_that_cannot_be_read_is_not_taken_for_no_problem(
    faked: ZendeskAdapter, web: responses.RequestsMock, answer: object
) -> None:
    web.get(LIST, json=answer)
    with pytest.raises(VendorUnavailable):
        faked.find_problem(MARK)


def test_nothing_is_made_in_the_name_of_nobody(
    faked: ZendeskAdapter, web: responses.RequestsMock
) -> None:
    web.get(f"{URL}/api/v2/users/me", json={"user": {"id": None}})
    with pytest.raises(CredentialsRejected):
        faked.create_problem(DRAFT)


def test_problem_made_without_an_id_counts_as_lost(
    faked: ZendeskAdapter, web: responses.RequestsMock
) -> None:
    web.get(f"{URL}/api/v2/users/me", json={"user": {"id": 7}})
    web.post(LIST, json={"ticket": {}}, status=201)
    with pytest.raises(VendorUnavailable) as caught:
        faked.create_problem(DRAFT)
    assert caught.value.uncertain


def test_words_of_customers_fill_in_no_placeholders(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    words = "> {{ticket.requester.email}} {% if x %} {{{a}}} {b}"
    draft = ProblemDraft(subject="{{dc.secret}}", text=words, mark=MARK)
    made = sandbox.world.zendesk.tickets[int(zendesk.create_problem(draft))]
    for said in (made.subject, made.comments[0].body):
        assert "{{" not in said and "{%" not in said
    assert "{b}" in made.comments[0].body


# -- its incidents --


def test_ticket_is_linked_once_with_nothing_else_changed(
    sandbox: Running, zendesk: ZendeskAdapter, clock: Clock
) -> None:
    number, problem = write(sandbox), zendesk.create_problem(DRAFT)
    clock.pass_(seconds=5)
    mark = len(sandbox.world.log())
    assert zendesk.add_incident(number, problem, OTHER)
    assert shown(sandbox, number) == ("incident", int(problem))
    acts = {act["act"] for act in sandbox.world.log(mark)}
    assert acts == {"type", "problem_id"}
    mark = len(sandbox.world.log())
    assert zendesk.add_incident(number, problem, OTHER)
    assert sandbox.world.log(mark) == []


@pytest.mark.parametrize("kind", ["problem", "task", "question"])
def test_type_that_a_person_chose_stays(
    sandbox: Running, zendesk: ZendeskAdapter, kind: str
) -> None:
    number, problem = write(sandbox), zendesk.create_problem(DRAFT)
    change(sandbox, number, type=kind)
    assert not zendesk.add_incident(number, problem, OTHER)
    assert shown(sandbox, number) == (kind, None)


def test_incident_without_a_problem_gets_ours(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number, problem = write(sandbox), zendesk.create_problem(DRAFT)
    change(sandbox, number, type="incident")
    assert zendesk.add_incident(number, problem, OTHER)
    assert shown(sandbox, number) == ("incident", int(problem))


def test_problem_that_a_person_chose_stays(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number, theirs = write(sandbox), write(sandbox)
    change(sandbox, theirs, type="problem")
    change(sandbox, number, type="incident", problem_id=int(theirs))
    assert not zendesk.add_incident(number, zendesk.create_problem(DRAFT), OTHER)
    assert shown(sandbox, number) == ("incident", int(theirs))


@pytest.mark.parametrize(
    "ended",
    [{"status": "solved"}, {"status": "closed"}, {"type": "task"}, None],
    ids=["solved", "closed", "retyped", "deleted"],
)
def test_nothing_is_linked_to_a_problem_that_agents_are_done_with(
    sandbox: Running, zendesk: ZendeskAdapter, ended: dict[str, str] | None
) -> None:
    number, problem = write(sandbox), zendesk.create_problem(DRAFT)
    if ended is None:
        sandbox.world.agent("zendesk", problem, "delete")
    else:
        change(sandbox, problem, **ended)
    assert not zendesk.add_incident(number, problem, OTHER)
    assert shown(sandbox, number) == (None, None)


def test_closed_ticket_is_left_and_a_deleted_one_is_gone(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    problem, closed, deleted = zendesk.create_problem(DRAFT), *map(write, 2 * [sandbox])
    change(sandbox, closed, status="closed")
    sandbox.world.agent("zendesk", deleted, "delete")
    assert not zendesk.add_incident(closed, problem, OTHER)
    with pytest.raises(TicketGone):
        zendesk.add_incident(deleted, problem, OTHER)


def test_link_is_found_in_the_history_even_if_it_was_undone(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    number, problem = write(sandbox), zendesk.create_problem(DRAFT)
    assert zendesk.find_incident(number, OTHER) is None
    zendesk.add_incident(number, problem, OTHER)
    change(sandbox, number, problem_id=None)
    assert zendesk.find_incident(number, OTHER) is not None
    assert zendesk.find_incident(number, MARK) is None


def test_history_is_read_page_by_page_and_not_for_ever(
    faked: ZendeskAdapter, web: responses.RequestsMock
) -> None:
    endless = {"audits": [], "meta": {"has_more": True, "after_cursor": "c"}}
    web.get(f"{LIST}/5/audits", json=endless)
    assert faked.find_incident("5", MARK) is None
    asked = [call.request.params for call in web.calls]  # type: ignore[union-attr]
    assert 1 < len(asked) < 10
    assert [params.get("page[after]") for params in asked[:2]] == [None, "c"]


TICKET = {"id": 5, "type": None, "problem_id": None, "status": "open"}
STAMPS = {"updated_at": "2026-03-02T09:00:00Z", "created_at": "2026-03-02T09:00:00Z"}
PROBLEM = {"id": 6, "type": "problem", "status": "open", **STAMPS}


def read(web: responses.RequestsMock, **changes: object) -> None:
    web.get(f"{LIST}/5", json={"ticket": {**TICKET, **STAMPS, **changes}})
    web.get(f"{LIST}/6", json={"ticket": PROBLEM})


def test_link_is_safe_against_whoever_is_faster(
    faked: ZendeskAdapter, web: responses.RequestsMock
) -> None:
    later = "2026-03-02T09:00:07Z"
    read(web)
    web.put(f"{LIST}/5", json={"error": "UpdateConflict"}, status=409)
    read(web, updated_at=later)
    linked = {**TICKET, **STAMPS, "type": "incident", "problem_id": 6}
    web.put(f"{LIST}/5", json={"ticket": linked})
    assert faked.add_incident("5", "6", MARK)
    sent = [
        json.loads(call.request.body or "")["ticket"]
        for call in web.calls
        if call.request.method == "PUT"
    ]
    assert [one["updated_stamp"] for one in sent] == [STAMPS["updated_at"], later]
    assert all(one["safe_update"] is True for one in sent)


def test_second_conflict_is_left_to_the_outbox(
    faked: ZendeskAdapter, web: responses.RequestsMock
) -> None:
    read(web)
    web.put(f"{LIST}/5", json={"error": "UpdateConflict"}, status=409)
    with pytest.raises(VendorConflict):
        faked.add_incident("5", "6", MARK)


def test_account_that_drops_links_is_told_from_one_that_makes_them(
    faked: ZendeskAdapter, web: responses.RequestsMock
) -> None:
    read(web)
    web.put(f"{LIST}/5", json={"ticket": {**TICKET, **STAMPS}})
    with pytest.raises(TakesNoWrites):
        faked.add_incident("5", "6", MARK)


def test_link_with_an_answer_of_another_shape_counts_as_lost(
    faked: ZendeskAdapter, web: responses.RequestsMock
) -> None:
    read(web)
    web.put(f"{LIST}/5", json={})
    with pytest.raises(VendorUnavailable) as caught:
        faked.add_incident("5", "6", MARK)
    assert caught.value.uncertain


def test_ticket_closed_just_now_is_locked(
    faked: ZendeskAdapter, web: responses.RequestsMock
) -> None:
    read(web)
    why = {"status": [{"description": "Status: closed prevents ticket update"}]}
    refused = {"error": "RecordInvalid", "details": why}
    web.put(f"{LIST}/5", json=refused, status=422)
    with pytest.raises(TicketLocked):
        faked.add_incident("5", "6", MARK)


def test_incident_says_nothing_to_the_customer() -> None:
    said = payloads.incident("6", MARK, STAMPS["updated_at"])
    assert set(said) == {
        "type",
        "problem_id",
        "metadata",
        "safe_update",
        "updated_stamp",
    }
