"""A service desk's documents: what deliveries ask for, what requests say. No calls."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from signing_kit import is_let_in

from adapters.jira import DESK_KIND
from adapters.jira import desk_payloads as payloads
from adapters.jira import desk_tickets as tickets
from adapters.jira.desk import JiraDesk, JiraDeskConfig
from connector.counts import PROPERTY
from connector.errors import MalformedPayload, VendorUnavailable
from connector.models import (
    Author,
    Delivery,
    EventKind,
    Ticket,
    TicketStatus,
    WebhookRequest,
)

FIXTURES = Path(__file__).parent / "fixtures" / "jira" / "jsm"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
SITE = "https://nordvik.atlassian.net"
SECRET = "a-secret-of-the-desk"
ME, ANNE, OLA, MIKA = "5b10a-connector", "qm:5e3a:17", "712020:ola", "5b10a-mika"

CLOUD = {
    "flavour": "cloud",
    "site_url": SITE,
    "email": "connector@nordvik.example",
    "api_token": "token",
    "webhook_secret": SECRET,
    "projects": ["SUP"],
}
DATA_CENTER = {
    "flavour": "data_center",
    "site_url": "https://jira.nordvik.example/jira",
    "token": "pat",
    "webhook_token": "f3b9c1d27e5a48609b7d",
    "projects": ["SUP"],
}


def desk(**changes: Any) -> JiraDesk:
    config = JiraDeskConfig.model_validate({**CLOUD, **changes})
    return DESK_KIND.build("care", config)


def delivery(body: bytes) -> Delivery:
    return Delivery(id=1, source="care", received_at=NOW, headers={}, body=body)


# -- settings --


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"projects": []}, "projects"),
        ({"projects": ["sup"]}, "projects"),
        ({"projects": ["SUP OR 1=1"]}, "projects"),
        ({"webhook_secret": ""}, "webhook_secret"),
        ({"api_token": ""}, "api_token"),
        ({"resolutions": {}}, "resolutions"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(ValidationError, match=where):
        JiraDeskConfig.model_validate({**CLOUD, **changes})


# -- deliveries --


def cases() -> list[Any]:
    files = sorted(FIXTURES.glob("*.expected.json"))
    assert len(files) > 8
    return [pytest.param(file, id=file.name.split(".expected")[0]) for file in files]


@pytest.mark.parametrize("expected", cases())
def test_delivery_says_which_request_to_read_again(expected: Path) -> None:
    wanted = json.loads(expected.read_text(encoding="utf-8"))
    body = expected.with_name(expected.name.replace(".expected", "")).read_bytes()
    if "error" in wanted:
        with pytest.raises(MalformedPayload):
            desk().parse(delivery(body))
        return
    (event,) = desk().parse(delivery(body))
    assert event.source == "care"
    assert {"kind": event.kind, "external_id": event.external_id} == wanted
    assert bool(event.reason) is (event.kind is EventKind.IGNORED)


def test_delivery_that_is_no_json_is_malformed() -> None:
    with pytest.raises(MalformedPayload):
        desk().parse(delivery(b"<html>"))


def test_delivery_is_believed_by_its_signature_alone() -> None:
    body = b'{"webhookEvent":"comment_created"}'
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    good = WebhookRequest({"x-hub-signature": f"sha256={digest}"}, body)
    assert is_let_in(desk().verify, good, NOW)
    for headers in (
        {},
        {"x-hub-signature": f"sha256={digest[:-1]}0"},
        {"x-hub-signature": f"sha1={digest}"},
    ):
        assert not is_let_in(desk().verify, WebhookRequest(headers, body), NOW)


def test_data_center_is_believed_by_the_token_in_the_address() -> None:
    config = JiraDeskConfig.model_validate(DATA_CENTER)
    adapter = DESK_KIND.build("care", config)
    for query, is_believed in (
        ({"token": "f3b9c1d27e5a48609b7d"}, True),
        ({"token": "f3b9c1d27e5a48609b7e"}, False),
        ({"token": ""}, False),
        ({}, False),
    ):
        asked = WebhookRequest({}, b"{}", query)
        assert is_let_in(adapter.verify, asked, NOW) is is_believed


def test_what_we_sign_ourselves_is_believed() -> None:
    signed = desk().sign(b"{}", None, NOW)
    headers = {key.lower(): value for key, value in signed.headers.items()}
    for body, is_believed in ((b"{}", True), (b"[]", False)):
        sent = WebhookRequest(headers, body, signed.query)
        assert is_let_in(desk().verify, sent, NOW) is is_believed


def test_second_attempt_of_a_delivery_has_the_same_id() -> None:
    known = {"x-atlassian-webhook-identifier": "w-1"}
    first = WebhookRequest(known, b"{}")
    again = WebhookRequest({**known, "x-atlassian-webhook-retry": "1"}, b"{}")
    assert desk().delivery_id(first) == desk().delivery_id(again) == "w-1"


# -- requests --


def at(minute: int) -> dict[str, Any]:
    moment = NOW + timedelta(minutes=minute)
    return {
        "epochMillis": int(moment.timestamp() * 1000),
        "jira": f"{moment:%Y-%m-%dT%H:%M:%S}.000+0000",
    }


def person(account: str, **more: Any) -> dict[str, Any]:
    return {"accountId": account, "displayName": account.title(), **more}


def said(
    number: int, author: str | None, body: str = "words", **more: Any
) -> dict[str, Any]:
    comment = {"id": str(number), "body": body, "public": True, "created": at(number)}
    if author is not None:
        comment["author"] = person(author)
    return {**comment, **more}


def reading(
    comments: list[dict[str, Any]] | None = None,
    issue: dict[str, Any] | None = None,
    request: dict[str, Any] | None = None,
    organizations: list[str] | None = None,
    feedback: dict[str, Any] | None = None,
) -> tickets.Reading:
    fields = {
        "summary": "Pakken kom aldri",
        "status": {
            "name": "Waiting for support",
            "statusCategory": {"key": "new"},
        },
        "labels": ["frakt"],
        "created": "2026-11-20T11:00:00.000+0100",
        "updated": "2026-11-20T11:30:00.000+0100",
        "project": {"key": "SUP"},
        "reporter": person(ANNE, accountType="customer"),
        **(issue or {}),
    }
    raw = {"id": "10423", "key": "SUP-7", "fields": fields, "properties": {}}
    asked = {
        "requestTypeId": "25",
        "reporter": person(ANNE, emailAddress=" Anne@Berg.Example "),
        "requestFieldValues": [],
        **(request or {}),
    }
    return tickets.Reading(
        issue=raw,
        request=asked,
        comments=comments or [],
        organizations=organizations or [],
        feedback=feedback or {},
        fields=payloads.SiteFields(
            "customfield_10002", "customfield_10070", "customfield_10071"
        ),
        me=ME,
    )


def ticket(**given: Any) -> Ticket:
    return tickets.to_ticket("care", SITE, reading(**given), ["Waiting for customer"])


def test_request_is_read_as_it_stands() -> None:
    found = ticket()
    assert (found.ref.source, found.ref.external_id) == ("care", "10423")
    assert (found.number, found.url) == ("SUP-7", f"{SITE}/browse/SUP-7")
    assert found.subject == "Pakken kom aldri"
    assert found.tags == {"frakt"}
    assert found.created_at == NOW
    assert found.updated_at == NOW + timedelta(minutes=30)
    assert found.customer.external_id == ANNE
    assert found.customer.email == "anne@berg.example"
    assert found.customer.organization is None


@pytest.mark.parametrize(
    ("category", "name", "status"),
    [
        ("new", "Waiting for support", TicketStatus.OPEN),
        ("indeterminate", "Under arbeid", TicketStatus.OPEN),
        ("indeterminate", "waiting for Customer", TicketStatus.PENDING),
        ("new", "Waiting for customer", TicketStatus.PENDING),
        ("done", "Løst", TicketStatus.RESOLVED),
        ("done", "Waiting for customer", TicketStatus.RESOLVED),
        ("undefined", "Ny", TicketStatus.UNKNOWN),
        (None, "Løst", TicketStatus.UNKNOWN),
    ],
)
def test_state_is_told_by_category_and_waiting_by_name(
    category: str | None, name: str, status: TicketStatus
) -> None:
    raw = {"name": name, "statusCategory": {"key": category}}
    assert ticket(issue={"status": raw}).status is status


def test_address_that_is_hidden_leaves_the_account_as_who_it_is() -> None:
    hidden = {"reporter": person(ANNE, emailAddress=None)}
    found = ticket(request=hidden).customer
    assert (found.external_id, found.email) == (ANNE, None)


def test_customer_of_a_data_center_is_known_by_a_key() -> None:
    reporter = {"name": "anne", "key": "JIRAUSER10", "emailAddress": "Anne@B.example"}
    raw = reading(issue={"reporter": reporter}, request={"reporter": reporter})
    found = tickets.to_ticket("care", SITE, raw, []).customer
    assert (found.external_id, found.email) == ("JIRAUSER10", "anne@b.example")


# -- whose words --


@pytest.mark.parametrize(
    ("comment", "author"),
    [
        (said(1, ANNE), Author.CUSTOMER),
        (said(1, OLA), Author.CUSTOMER),  # takes part in the request
        (said(1, "qm:5e3a:99"), Author.CUSTOMER),  # can only use the portal
        (said(1, "712020:kari"), Author.CUSTOMER),  # Jira says: a customer
        (said(1, MIKA), Author.AGENT),
        (said(1, MIKA, public=False), Author.AGENT),
        (said(1, ANNE, public=False), Author.AGENT),  # an agent's own request
        (said(1, ME), Author.AGENT),
        (said(1, "557058:automation"), Author.ROBOT),
        (said(1, None), Author.UNKNOWN),
    ],
)
def test_words_are_given_to_whoever_said_them(
    comment: dict[str, Any], author: Author
) -> None:
    kinds = {"557058:automation": "app", "712020:kari": "customer"}
    known = [
        {"author": person(account, accountType=kind)} for account, kind in kinds.items()
    ]
    found = ticket(
        comments=[comment],
        issue={"comment": {"comments": known}},
        request={"participants": {"values": [person(OLA)]}},
    )
    assert [one.author for one in found.comments] == [author]


def test_note_of_an_agent_is_never_taken_for_public() -> None:
    silent = {key: value for key, value in said(3, MIKA).items() if key != "public"}
    comments = [said(1, MIKA), said(2, MIKA, public=False), silent]
    assert [one.public for one in ticket(comments=comments).comments] == [
        True,
        False,
        False,
    ]


def test_comments_are_oldest_first_and_begin_with_the_request() -> None:
    rendered = {"fieldId": "description", "renderedValue": {"html": "<p>Hvor?</p>"}}
    found = ticket(
        comments=[said(20, MIKA), said(10, ANNE)],
        request={"requestFieldValues": [rendered]},
    )
    assert [one.external_id for one in found.comments] == ["description", "10", "20"]
    first = found.comments[0]
    assert (first.body, first.is_html, first.public) == ("<p>Hvor?</p>", True, True)
    assert (first.author, first.author_id) == (Author.CUSTOMER, ANNE)


DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [
        {"type": "paragraph", "content": [{"type": "text", "text": "Hvor er den?"}]}
    ],
}


@pytest.mark.parametrize("description", [DOCUMENT, "Hvor er den?"])
def test_description_that_the_portal_hides_is_read_from_the_issue(
    description: object,
) -> None:
    (first,) = ticket(issue={"description": description}).comments
    assert (first.body, first.is_html) == ("Hvor er den?", False)


def test_words_are_taken_as_they_are_shown() -> None:
    html = {"renderedBody": {"html": "<p>Hei <b>du</b></p>"}}
    shown, raw = ticket(comments=[said(1, ANNE, **html), said(2, ANNE, "*x*")]).comments
    assert (shown.body, shown.is_html) == ("<p>Hei <b>du</b></p>", True)
    assert (raw.body, raw.is_html) == ("*x*", False)


@pytest.mark.parametrize(
    "stamp",
    [
        {"epochMillis": int(NOW.timestamp() * 1000)},
        {"jira": "2026-11-20T11:00:00.000+0100"},
        {"iso8601": "2026-11-20T17:00:00+0700"},
    ],
)
def test_time_is_read_from_whichever_spelling_is_there(stamp: dict[str, Any]) -> None:
    assert tickets.to_moment(stamp) == NOW


@pytest.mark.parametrize("stamp", [None, {}, {"epochMillis": 10**30}, {"jira": "soon"}])
def test_time_that_cannot_be_read_is_no_answer(stamp: object) -> None:
    with pytest.raises(VendorUnavailable):
        tickets.to_moment(stamp)


# -- fields --


def cycle(minute: int, **more: Any) -> dict[str, Any]:
    return {"startTime": at(0), "stopTime": at(minute), "breachTime": at(60), **more}


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (
            {"ongoingCycle": cycle(0, breached=False, paused=False)},
            {"sla.time_to_first_response": "running"},
        ),
        (
            {"ongoingCycle": cycle(0, breached=False, paused=True)},
            {"sla.time_to_first_response": "paused"},
        ),
        (
            {"ongoingCycle": cycle(0, breached=True, paused=True)},
            {"sla.time_to_first_response": "breached"},
        ),
        (
            {"completedCycles": [cycle(9, breached=True), cycle(5, breached=False)]},
            {"sla.time_to_first_response": "breached"},
        ),
        (
            {"completedCycles": [cycle(5, breached=True), cycle(9, breached=False)]},
            {"sla.time_to_first_response": "met"},
        ),
        ({"completedCycles": []}, {}),
    ],
)
def test_goal_is_told_by_its_running_cycle_else_by_its_last(
    metric: dict[str, Any], expected: dict[str, str]
) -> None:
    named = {"name": "Time to first response", **metric}
    fields = ticket(request={"sla": {"values": [named]}}).fields
    found = {key: value for key, value in fields.items() if key.startswith("sla.")}
    due = found.pop("sla.time_to_first_response.due", "")
    assert found == expected
    moment = (NOW + timedelta(minutes=60)).isoformat()
    assert due == (moment if "ongoingCycle" in metric else "")


def test_request_type_status_and_project_can_be_asked_for_in_rules() -> None:
    fields = ticket(request={"requestType": {"id": "25", "name": "Leveranse"}}).fields
    assert fields["request_type"] == "Leveranse"
    assert fields["project"] == "SUP"
    assert fields["status"] == "Waiting for support"
    assert ticket().fields["request_type"] == "25"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Posten", "Posten"),
        (12, "12"),
        ({"id": "1", "value": "Express"}, "Express"),
        ([{"value": "A"}, {"value": "B"}], "A, B"),
        ({"accountId": "1", "displayName": "Ola"}, "Ola"),
        (DOCUMENT, "Hvor er den?"),
        ({"odd": True}, None),
        (None, None),
        ("", None),
    ],
)
def test_field_of_a_form_is_text_as_people_see_it(
    value: object, text: str | None
) -> None:
    field = {"fieldId": "customfield_10300", "label": "Carrier", "value": value}
    fields = ticket(request={"requestFieldValues": [field]}).fields
    assert fields.get("customfield_10300") == text


def test_rating_is_a_field_and_its_words_are_the_customers() -> None:
    found = ticket(
        comments=[said(1, MIKA)],
        issue={"customfield_10071": "2026-11-20T12:00:00.000+0100"},
        feedback={"type": "csat", "rating": 2, "comment": {"body": "Fortsatt feil"}},
    )
    assert found.fields["satisfaction"] == "2"
    assert found.fields["satisfaction_comment"] == "Fortsatt feil"
    words = found.comments[-1]
    assert (words.author, words.body) == (Author.CUSTOMER, "Fortsatt feil")
    assert words.created_at == found.updated_at == NOW + timedelta(hours=1)
    assert words.is_dated


@pytest.mark.parametrize(
    ("resolved", "earliest"),
    [("2026-11-20T11:30:00.000+0100", NOW + timedelta(minutes=30)), (None, NOW)],
)
def test_rating_without_a_date_is_not_as_new_as_the_last_change(
    resolved: str | None, earliest: datetime
) -> None:
    changed = {"resolutiondate": resolved, "updated": "2026-11-29T12:00:00.000+0100"}
    feedback = {"type": "csat", "rating": 1, "comment": {"body": "Fortsatt feil"}}
    words = ticket(issue=changed, feedback=feedback).comments[-1]
    assert (words.body, words.is_dated) == ("Fortsatt feil", False)
    assert words.created_at == earliest


@pytest.mark.parametrize("value", [{"rating": 4}, 4])
def test_rating_in_the_field_is_enough_where_it_cannot_be_asked_for(
    value: object,
) -> None:
    assert ticket(issue={"customfield_10070": value}).fields["satisfaction"] == "4"


@pytest.mark.parametrize("shared", [{"id": "3", "name": "Fjordbank"}, "Fjordbank"])
def test_organisation_of_the_request_goes_before_others_of_the_customer(
    shared: object,
) -> None:
    field = {"customfield_10002": [shared]}
    found = ticket(issue=field, organizations=["Acme", "Fjordbank"])
    assert found.customer.organization == "Fjordbank"
    assert found.fields["organizations"] == "Fjordbank, Acme"
    assert ticket(organizations=["Acme"]).customer.organization == "Acme"


def test_numbers_of_the_desks_fields_are_found_by_what_they_are() -> None:
    listed = [
        {"id": "summary", "schema": {"type": "string", "system": "summary"}},
        {"id": "customfield_1", "schema": {"custom": payloads.SATISFACTION_DATE}},
        {"id": "customfield_2", "schema": {"custom": payloads.ORGANIZATIONS}},
        {"id": "thumbnail"},
        "odd",
    ]
    found = payloads.site_fields(listed)
    assert found == payloads.SiteFields("customfield_2", "", "customfield_1")


# -- what the connector filed itself --


def test_property_that_is_looked_for_is_the_one_that_is_set() -> None:
    assert payloads.OWN_PROPERTY == PROPERTY


@pytest.mark.parametrize(
    ("raw", "ours"),
    [
        ({"fields": {"reporter": {"accountId": ME}}}, True),
        ({"fields": {"reporter": {"accountId": ANNE}}}, False),
        ({"fields": {"reporter": None}}, False),
        (
            {
                "fields": {"reporter": {"accountId": MIKA}},
                "properties": {"complaint-connector": {"group": 4}},
            },
            True,
        ),
    ],
)
def test_issue_that_the_connector_filed_is_known(
    raw: dict[str, Any], ours: bool
) -> None:
    assert payloads.is_ours(raw, ME) is ours


# -- marks --


@pytest.mark.parametrize("public", [True, False])
@pytest.mark.parametrize(
    "rewrite",
    [
        lambda body: body,
        lambda body: body.replace("(", "\\(").replace("-", "\\-"),
        lambda body: body.replace("\n", "\r\n"),
    ],
    ids=["as sent", "escaped anew", "other line ends"],
)
def test_mark_says_who_was_to_read_the_comment(public: bool, rewrite: Any) -> None:
    body = payloads.comment_body("Hei {code} [~anne]", "cc-12ab", public=public)
    assert body["public"] is public
    kept = {"body": rewrite(body["body"])}
    assert payloads.meant_public(kept, "cc-12ab") is public
    assert payloads.meant_public(kept, "cc-12a") is None


def test_mark_inside_of_other_words_is_none() -> None:
    quoting = {"body": "You wrote Ref. cc-12ab to me"}
    assert payloads.meant_public(quoting, "cc-12ab") is None


def test_words_of_others_are_no_markup_in_a_comment() -> None:
    text = "[~accountid:5b1] !pic.png! {panel} https://x.example"
    body = payloads.comment_body(text, "cc-1", public=False)["body"]
    assert "[~" not in body
    assert "!pic" not in body.replace("\\!", "")
    assert "{panel" not in body.replace("\\{", "")


def test_comment_is_cut_but_keeps_its_mark() -> None:
    body = payloads.comment_body("å" * 40_000, "cc-1", public=False)
    assert len(body["body"]) <= 32_767
    assert payloads.meant_public(body, "cc-1") is False
