"""Calls to a service desk: who can read what we write, and what a refusal means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses
from responses import matchers

from adapters.jira import DESK_KIND
from adapters.jira.desk import JiraDesk, JiraDeskConfig
from connector.errors import (
    CredentialsRejected,
    TicketGone,
    TicketLocked,
    TicketOutside,
    VendorBusy,
    VendorConflict,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import Level, Message, Note, Written

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
GATEWAY = "https://api.atlassian.com/ex/jira/11-22"
CLOUD = f"{GATEWAY}/rest/api/3"
DESK = f"{GATEWAY}/rest/servicedeskapi"
COMMENTS = f"{DESK}/request/10423/comment"
ISSUE = f"{CLOUD}/issue/10423"
ME = {"accountId": "5b10a-connector", "displayName": "Connector"}
NOTE, MESSAGE = (
    Note(text="Se her", mark="cc-1"),
    Message(text="Hei", mark="cc-2", draft=False),
)


@pytest.fixture
def desk():
    config = JiraDeskConfig(
        flavour="cloud",
        site_url="https://nordvik.atlassian.net",
        api_base=GATEWAY,
        email="connector@nordvik.example",
        api_token="s3cret-token",
        webhook_secret="hook",
        projects=("SUP",),
    )
    adapter = DESK_KIND.build("care", config)
    yield adapter
    adapter.close()


def sent(mock: responses.RequestsMock, number: int = 0) -> Any:
    return json.loads(mock.calls[number].request.body)


def page(*values: dict[str, Any], last: bool | None = True) -> dict[str, Any]:
    shown = {} if last is None else {"isLastPage": last}
    return {"size": len(values), "values": list(values), **shown}


def labels(*names: str) -> dict[str, Any]:
    return {"id": "10423", "key": "SUP-7", "fields": {"labels": list(names)}}


def raw_issue(**fields: Any) -> dict[str, Any]:
    standard = {
        "summary": "Pakken",
        "status": {"name": "Ny", "statusCategory": {"key": "new"}},
        "created": "2026-11-20T11:00:00.000+0100",
        "updated": "2026-11-20T11:00:00.000+0100",
        "project": {"key": "SUP"},
        "reporter": {"accountId": "qm:1"},
    }
    return {"id": "10423", "key": "SUP-7", "fields": {**standard, **fields}}


# -- who can read it --


@pytest.mark.parametrize(
    ("write", "public", "mark"),
    [
        (lambda desk: desk.add_note("10423", NOTE), False, "Ref. cc-1 (internal)"),
        (lambda desk: desk.send_message("10423", MESSAGE), True, "Ref. cc-2"),
    ],
    ids=["note", "message"],
)
def test_call_says_whether_the_customer_sees_it(
    web: responses.RequestsMock, desk: JiraDesk, write: Any, public: bool, mark: str
) -> None:
    web.post(COMMENTS, status=201, json={"id": "7", "public": public})
    assert write(desk) == Written("7")
    assert sent(web)["public"] is public
    assert sent(web)["body"].splitlines()[-1] == mark


def test_draft_is_an_internal_note_that_says_what_to_send(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.post(COMMENTS, status=201, json={"id": "9", "public": False})
    desk.send_message("10423", Message(text="Hei Anne", mark="cc-3", draft=True))
    assert sent(web)["public"] is False
    first, *rest = sent(web)["body"].splitlines()
    assert first == "Suggested reply, not sent to the customer:"
    assert "Hei Anne" in rest


@pytest.mark.parametrize(
    "suggest", [False, True], ids=["a note", "a reply that is only suggested"]
)
@pytest.mark.parametrize(
    ("deleted", "said"),
    [(204, "it was deleted at once"), (403, "it could not be taken back")],
)
def test_note_that_customers_can_read_is_taken_back_and_reported(
    web: responses.RequestsMock,
    desk: JiraDesk,
    deleted: int,
    said: str,
    suggest: bool,
) -> None:
    web.post(COMMENTS, status=201, json={"id": "7", "public": True})
    web.delete(f"{ISSUE}/comment/7", status=deleted)
    with pytest.raises(VendorRefused, match=said) as caught:
        if suggest:
            desk.send_message("10423", Message(text="Hei", mark="cc-2", draft=True))
        else:
            desk.add_note("10423", NOTE)
    assert not caught.value.retry


@pytest.mark.parametrize("status", [400, 403, 404])
def test_note_that_is_refused_is_not_written_in_any_other_way(
    web: responses.RequestsMock, desk: JiraDesk, status: int
) -> None:
    # No other call is expected: one through Jira itself would be public.
    web.post(COMMENTS, status=status, json={"errorMessage": "No permission."})
    with pytest.raises(VendorRefused, match=r"No permission\."):
        desk.add_note("10423", NOTE)
    assert len(web.calls) == 1


@pytest.mark.parametrize(
    ("deleted", "said"),
    [(204, "it was deleted at once"), (403, "it could not be taken back")],
)
def test_reply_that_stayed_internal_is_taken_back_and_not_taken_for_sent(
    web: responses.RequestsMock, desk: JiraDesk, deleted: int, said: str
) -> None:
    web.post(COMMENTS, status=201, json={"id": "8", "public": False})
    web.delete(f"{ISSUE}/comment/8", status=deleted)
    with pytest.raises(VendorRefused, match=f"customer cannot read it; {said}"):
        desk.send_message("10423", MESSAGE)


def test_answer_that_does_not_say_who_reads_it_counts_as_lost(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.post(COMMENTS, status=201, json={"id": "7"})
    with pytest.raises(VendorUnavailable) as caught:
        desk.add_note("10423", NOTE)
    assert caught.value.uncertain


@pytest.mark.parametrize("body", [{"public": False}, {"id": None, "public": False}, []])
def test_answer_without_what_was_written_counts_as_lost(
    web: responses.RequestsMock, desk: JiraDesk, body: object
) -> None:
    web.post(COMMENTS, status=201, json=body)
    with pytest.raises(VendorUnavailable) as caught:
        desk.add_note("10423", NOTE)
    assert caught.value.uncertain


def test_comment_is_sent_once_and_doubted_when_its_answer_is_lost(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.post(COMMENTS, body=requests.exceptions.ReadTimeout())
    with pytest.raises(VendorUnavailable) as caught:
        desk.send_message("10423", MESSAGE)
    assert caught.value.uncertain
    assert len(web.calls) == 1


# -- finding it again --


def written(
    number: int, mark: str, *, public: bool, tail: str = "", author: Any = ME
) -> dict[str, Any]:
    return {
        "id": str(number),
        "author": author,
        "body": f"Hei\n\nRef. {mark}{tail}",
        "public": public,
        "created": {"epochMillis": 0},
    }


INTERNAL = " (internal)"


@pytest.mark.parametrize("last", [False, None], ids=["more to come", "not said"])
def test_mark_is_looked_for_on_every_page(
    web: responses.RequestsMock, desk: JiraDesk, last: bool | None
) -> None:
    first = page(written(1, "cc-9", public=True), last=last)
    second = page(written(2, "cc-1", public=False, tail=INTERNAL))
    for start, body in ((0, first), (1, second)):
        query = {"start": start, "limit": 50, "expand": "renderedBody"}
        web.get(COMMENTS, json=body, match=[matchers.query_param_matcher(query)])
    assert desk.find_mark("10423", "cc-1") == Written("2")


def test_mark_that_is_nowhere_is_not_found(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.get(COMMENTS, json=page())
    assert desk.find_mark("10423", "cc-1") is None


def test_note_found_later_where_customers_read_it_is_reported(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.get(f"{CLOUD}/myself", json=ME)
    web.get(COMMENTS, json=page(written(2, "cc-1", public=True, tail=INTERNAL)))
    web.delete(f"{ISSUE}/comment/2", status=204)
    with pytest.raises(VendorRefused, match="showed our internal note"):
        desk.find_mark("10423", "cc-1")


def test_reply_found_later_where_customers_do_not_read_it_is_reported(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.get(f"{CLOUD}/myself", json=ME)
    web.get(COMMENTS, json=page(written(2, "cc-2", public=False)))
    web.delete(f"{ISSUE}/comment/2", status=204)
    with pytest.raises(VendorRefused, match="customer cannot read it"):
        desk.find_mark("10423", "cc-2")


@pytest.mark.parametrize(("public", "tail"), [(False, ""), (True, INTERNAL)])
def test_words_of_ours_that_somebody_copied_are_not_taken_back(
    web: responses.RequestsMock, desk: JiraDesk, public: bool, tail: str
) -> None:
    web.get(f"{CLOUD}/myself", json=ME)
    agent = {"accountId": "712020:agent"}
    copied = written(2, "cc-2", public=public, tail=tail, author=agent)
    ours = written(3, "cc-2", public=not public, tail=tail)
    web.get(COMMENTS, json=page(copied, ours))
    assert desk.find_mark("10423", "cc-2") == Written("3")


# -- labels --


def test_labels_are_added_and_removed_one_by_one_and_looked_at_again(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.get(ISSUE, json=labels("vip", "cc-old"))
    web.put(ISSUE, status=204)
    web.get(ISSUE, json=labels("vip", "cc-new"))
    add, remove = frozenset({"cc-new", "vip"}), frozenset({"cc-old", "cc-none"})
    assert desk.change_tags("10423", add, remove) == {"vip", "cc-new"}
    assert sent(web, 1) == {
        "update": {"labels": [{"add": "cc-new"}, {"remove": "cc-old"}]}
    }


def test_labels_that_are_right_are_not_written(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.get(ISSUE, json=labels("cc-new"))
    add, remove = frozenset({"cc-new"}), frozenset({"cc-old"})
    assert desk.change_tags("10423", add, remove) == {"cc-new"}


@pytest.mark.parametrize("label", ["two words", "tab\there", "", "x" * 256])
def test_label_that_jira_refuses_is_never_sent(desk: JiraDesk, label: str) -> None:
    with pytest.raises(VendorRefused):
        desk.change_tags("10423", frozenset({label}), frozenset())
    assert set(desk.refused_tags([label, "løst"])) == {label}


def test_labels_that_did_not_stay_are_tried_again_once(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    for after in (labels(), labels("cc-new")):
        web.get(ISSUE, json=labels())
        web.put(ISSUE, status=204)
        web.get(ISSUE, json=after)
    assert desk.change_tags("10423", frozenset({"cc-new"}), frozenset()) == {"cc-new"}


def test_conflict_twice_is_left_to_a_later_try(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    for _ in range(2):
        web.get(ISSUE, json=labels())
        web.put(ISSUE, status=409, json={})
    with pytest.raises(VendorConflict):
        desk.change_tags("10423", frozenset({"cc-new"}), frozenset())


@pytest.mark.parametrize(
    ("fields", "error"),
    [({}, TicketLocked), ({"summary": {}}, VendorRefused)],
    ids=["nothing can be edited", "only labels cannot"],
)
def test_request_whose_workflow_lets_nobody_edit_is_locked(
    web: responses.RequestsMock,
    desk: JiraDesk,
    fields: dict[str, Any],
    error: type[VendorRefused],
) -> None:
    web.get(ISSUE, json=labels())
    web.put(ISSUE, status=400, json={"errorMessages": ["cannot be set"]})
    web.get(f"{ISSUE}/editmeta", json={"fields": fields})
    with pytest.raises(error, match="cannot be set") as caught:
        desk.change_tags("10423", frozenset({"cc-new"}), frozenset())
    assert type(caught.value) is error


# -- what is not a ticket --


def before_reading(web: responses.RequestsMock, issue: dict[str, Any]) -> None:
    web.get(f"{CLOUD}/field", json=[])
    web.get(ISSUE, json=issue)


def test_issue_of_another_project_is_outside(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    before_reading(web, raw_issue(project={"key": "SHOP"}))
    with pytest.raises(TicketOutside, match="project that is not ours"):
        desk.fetch_ticket("10423")


@pytest.mark.parametrize(
    "issue",
    [
        raw_issue(reporter=ME),
        {**raw_issue(), "properties": {"complaint-connector": {"group": 4}}},
    ],
    ids=["reported by our account", "carries our property"],
)
def test_issue_that_we_filed_is_no_request_of_a_customer(
    web: responses.RequestsMock, desk: JiraDesk, issue: dict[str, Any]
) -> None:
    before_reading(web, issue)
    web.get(f"{CLOUD}/myself", json=ME)
    with pytest.raises(TicketOutside, match="filed it itself"):
        desk.fetch_ticket("10423")


def test_issue_that_is_nobodys_request_is_outside(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    before_reading(web, raw_issue())
    web.get(f"{CLOUD}/myself", json=ME)
    web.get(f"{DESK}/request/10423", status=404, json={"errorMessage": "no request"})
    with pytest.raises(TicketOutside, match="no customer's request"):
        desk.fetch_ticket("10423")


def test_request_that_was_deleted_is_gone(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.get(f"{CLOUD}/field", json=[])
    web.get(ISSUE, status=404, json={"errorMessages": ["Issue does not exist"]})
    with pytest.raises(TicketGone) as caught:
        desk.fetch_ticket("10423")
    assert not isinstance(caught.value, TicketOutside)


@pytest.mark.parametrize(
    "call",
    [
        lambda desk: desk.change_tags("10423", frozenset({"cc-a"}), frozenset()),
        lambda desk: desk.add_note("10423", NOTE),
        lambda desk: desk.find_mark("10423", "cc-1"),
    ],
    ids=["tags", "note", "mark"],
)
def test_writing_to_a_request_that_was_deleted_says_so(
    web: responses.RequestsMock, desk: JiraDesk, call: Any
) -> None:
    gone = {"status": 404, "json": {"errorMessage": "does not exist"}}
    for method, url in (("GET", ISSUE), ("POST", COMMENTS), ("GET", COMMENTS)):
        web.add(responses.Response(method, url, **gone))
    web.assert_all_requests_are_fired = False
    with pytest.raises(TicketGone):
        call(desk)


# -- what may be missing --


def read_all(web: responses.RequestsMock, issue: dict[str, Any]) -> None:
    before_reading(web, issue)
    web.get(f"{CLOUD}/myself", json=ME)
    reporter = {"accountId": "qm:1", "emailAddress": "anne@berg.example"}
    web.get(f"{DESK}/request/10423", json={"reporter": reporter})
    web.get(COMMENTS, json=page())


@pytest.mark.parametrize("status", [403, 404])
def test_organisations_that_our_account_may_not_see_cost_nothing_else(
    web: responses.RequestsMock, desk: JiraDesk, status: int
) -> None:
    read_all(web, raw_issue())
    web.get(f"{DESK}/organization", status=status, json={"errorMessage": "no"})
    assert desk.fetch_ticket("10423").customer.organization is None


def test_organisations_are_those_of_the_customer(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    read_all(web, raw_issue())
    asked = matchers.query_param_matcher({"accountId": "qm:1"}, strict_match=False)
    web.get(f"{DESK}/organization", json=page({"name": "Fjordbank"}), match=[asked])
    assert desk.fetch_ticket("10423").customer.organization == "Fjordbank"


DONE = {"name": "Løst", "statusCategory": {"key": "done"}}


@pytest.mark.parametrize(
    ("status", "body"), [(404, {}), (403, {}), (200, {"type": "csat"})]
)
def test_request_without_a_rating_has_none(
    web: responses.RequestsMock, desk: JiraDesk, status: int, body: dict[str, Any]
) -> None:
    read_all(web, raw_issue(status=DONE))
    web.get(f"{DESK}/organization", json=page())
    web.get(f"{DESK}/request/10423/feedback", status=status, json=body)
    assert "satisfaction" not in desk.fetch_ticket("10423").fields


def test_rating_is_not_asked_for_before_there_can_be_one(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    read_all(web, raw_issue())  # no call for feedback is expected
    web.get(f"{DESK}/organization", json=page())
    assert "satisfaction" not in desk.fetch_ticket("10423").fields


# -- refusals --


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (401, {}, CredentialsRejected),
        (429, {"Retry-After": "7"}, VendorBusy),
        (503, {}, VendorUnavailable),
        (302, {"Location": "https://elsewhere.example"}, VendorRefused),
    ],
)
def test_refusal_of_the_service_desk_says_whether_to_try_again(
    web: responses.RequestsMock,
    desk: JiraDesk,
    status: int,
    headers: dict[str, str],
    error: type[Exception],
) -> None:
    web.post(COMMENTS, status=status, headers=headers, json={"errorMessage": "nei"})
    with pytest.raises(error, match="nei") as caught:
        desk.add_note("10423", NOTE)
    assert getattr(caught.value, "retry_after", None) == (7 if status == 429 else None)


def test_nothing_of_a_customer_is_repeated_in_an_error(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    words = "'Pakken til anne@berg.example' is invalid"
    web.post(COMMENTS, status=400, json={"errorMessage": words})
    with pytest.raises(VendorRefused) as caught:
        desk.add_note("10423", Note(text="Pakken til Anne", mark="cc-1"))
    assert "anne" not in str(caught.value).lower()
    assert "is invalid" in str(caught.value)


# -- doctor --


def healthy(web: responses.RequestsMock, queue: int = 200, granted: bool = True):
    web.get(f"{CLOUD}/myself", json=ME)
    web.get(f"{CLOUD}/serverInfo", json={"deploymentType": "Cloud", "version": "1001"})
    web.get(f"{GATEWAY}/rest/webhooks/1.0/webhook", status=403, json={})
    listed = {"id": "4", "projectKey": "SUP"}
    web.get(f"{DESK}/servicedesk", json=page(listed))
    allowed = {
        name: {"havePermission": granted or name != "ADD_COMMENTS"}
        for name in ("BROWSE_PROJECTS", "EDIT_ISSUES", "ADD_COMMENTS")
    }
    web.get(f"{CLOUD}/mypermissions", json={"permissions": allowed})
    web.get(f"{DESK}/servicedesk/4/queue", status=queue, json=page())


def about(desk: JiraDesk, subject: str) -> tuple[Level, str]:
    (found,) = [f for f in desk.check(NOW) if f.subject == f"care: {subject}"]
    assert bool(found.remedy) is (found.level is not Level.OK)
    return found.level, found.message


def test_agent_of_every_project_is_all_right(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    healthy(web)
    level, message = about(desk, "project SUP")
    assert (level, message) == (Level.OK, "our account is an agent there")


def test_account_that_is_no_agent_is_reported(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    healthy(web, queue=403)
    level, message = about(desk, "project SUP")
    assert level is Level.PROBLEM
    assert "no agent" in message


def test_permission_that_is_missing_is_named(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    healthy(web, granted=False)
    assert about(desk, "project SUP") == (
        Level.PROBLEM,
        "our account lacks Add Comments",
    )


def test_project_that_is_no_service_project_is_reported(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.assert_all_requests_are_fired = False
    healthy(web)
    web.replace(
        responses.GET,
        f"{DESK}/servicedesk",
        json=page({"id": "5", "projectKey": "HR"}),
    )
    level, message = about(desk, "project SUP")
    assert level is Level.PROBLEM
    assert message.endswith("it sees HR")


def test_failed_login_is_one_finding_and_one_call(
    web: responses.RequestsMock, desk: JiraDesk
) -> None:
    web.get(f"{CLOUD}/myself", status=401, json={})
    (found,) = desk.check(NOW)
    assert (found.level, found.subject) == (Level.PROBLEM, "care: credentials")
