"""Help Scout over HTTP: what is asked of the vendor, and what its answers become."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from responses import matchers

from adapters.helpscout import KIND, HelpScoutAdapter
from adapters.http import Token
from connector.errors import (
    CredentialsRejected,
    TicketGone,
    TicketLocked,
    TicketMerged,
    TicketOutside,
    VendorBusy,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import Level, Message, Note, TicketRef, TicketStatus, Written

API = "https://api.helpscout.net"
ONE = f"{API}/v2/conversations/4001"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CUSTOMER = {"id": 901, "type": "customer", "first": "Åse", "email": "ase@kunde.example"}


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=True) as mock:
        yield mock


@pytest.fixture
def desk(vendor: responses.RequestsMock) -> Iterator[HelpScoutAdapter]:
    vendor.post(f"{API}/v2/oauth2/token", json=token("t1"))
    adapter = build()
    yield adapter
    adapter.close()


def build(**settings: object) -> HelpScoutAdapter:
    values = {"app_id": "app", "app_secret": "hush", "webhook_secret": "s"}
    adapter = KIND.build("desk", KIND.config.model_validate(values | settings))
    assert isinstance(adapter, HelpScoutAdapter)
    return adapter


def token(value: str) -> dict[str, object]:
    return {"token_type": "bearer", "access_token": value, "expires_in": 172800}


def conversation(*tags: str, **more: object) -> dict[str, Any]:
    return {
        "id": 4001,
        "number": 71,
        "threads": 1,
        "type": "email",
        "status": "closed",
        "state": "published",
        "subject": "Pakken",
        "mailboxId": 31,
        "createdAt": "2026-11-02T08:15:00Z",
        "tags": [{"id": n, "tag": tag} for n, tag in enumerate(tags, 1)],
        "primaryCustomer": CUSTOMER,
        "_embedded": {"threads": [thread(1)]},
        **more,
    }


def thread(ident: int, body: str = "Hei", **more: object) -> dict[str, Any]:
    return {
        "id": ident,
        "type": "customer",
        "state": "published",
        "body": body,
        "createdBy": {"id": 901, "type": "customer"},
        "createdAt": f"2026-11-02T08:{ident % 60:02}:00Z",
        **more,
    }


def page(rel: str, items: list[dict[str, Any]], number: int, of: int) -> dict[str, Any]:
    document: dict[str, Any] = {"page": {"number": number, "totalPages": of}}
    if items:
        document["_embedded"] = {rel: items}
    return document


def sent(vendor: responses.RequestsMock, method: str, url: str) -> list[Any]:
    """Return the JSON bodies of all requests made to this address."""
    return [
        json.loads(call.request.body or "null")
        for call in vendor.calls
        if call.request.method == method and str(call.request.url).split("?")[0] == url
    ]


# -- credentials --


def test_a_token_is_fetched_once_and_used_again(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    wanted = [matchers.header_matcher({"Authorization": "Bearer t1"})]
    vendor.get(ONE, json=conversation("a"), match=wanted)
    desk.change_tags("4001", frozenset(), frozenset())
    desk.change_tags("4001", frozenset(), frozenset())
    (login,) = sent(vendor, "POST", f"{API}/v2/oauth2/token")
    assert login == {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "hush",
    }


def test_a_token_is_renewed_before_the_vendor_ends_it() -> None:
    now, given = 0.0, iter([("t1", 7200.0), ("t2", 7200.0)])
    bearer = Token(lambda: next(given), clock=lambda: now)
    seen = []
    for now in (0.0, 7139.0, 7141.0, 14000.0):  # noqa: B007
        seen.append(bearer.value())
    assert seen == ["t1", "t1", "t2", "t2"]


def test_an_expired_token_is_renewed_once_for_all_threads(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.post(f"{API}/v2/oauth2/token", json=token("t2"))
    meet = threading.Barrier(4, timeout=10)

    def answer(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        if request.headers["Authorization"] == "Bearer t1":
            meet.wait()  # all four see the same expired token
            return 401, {}, "{}"
        return 200, {}, json.dumps(conversation("a", primaryCustomer=None))

    vendor.add_callback("GET", ONE, callback=answer)
    found: list[frozenset[str]] = []

    def work() -> None:
        found.append(desk.fetch_ticket("4001").tags)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=20)
    assert found == [frozenset({"a"})] * 4
    assert len(sent(vendor, "POST", f"{API}/v2/oauth2/token")) == 2


def test_a_token_that_stays_refused_is_tried_twice_and_no_more(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.post(f"{API}/v2/oauth2/token", json=token("t2"))
    vendor.get(ONE, status=401, json={"message": "Unauthorized"})
    with pytest.raises(CredentialsRejected, match="Unauthorized"):
        desk.fetch_ticket("4001")
    assert len(sent(vendor, "GET", ONE)) == 2


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_application_is_a_matter_of_credentials(
    vendor: responses.RequestsMock, status: int
) -> None:
    said = {"error": "invalid_client", "error_description": "Client not known"}
    vendor.post(f"{API}/v2/oauth2/token", status=status, json=said)
    with pytest.raises(CredentialsRejected, match="Client not known") as caught:
        build().fetch_ticket("4001")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("answer", [{}, [], {"access_token": None}])
def test_an_answer_without_a_token_can_be_asked_for_again(
    vendor: responses.RequestsMock, answer: object
) -> None:
    vendor.post(f"{API}/v2/oauth2/token", json=answer)
    with pytest.raises(VendorUnavailable):
        build().fetch_ticket("4001")


# -- reading --


def test_embedded_threads_need_no_second_request(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    embed = [matchers.query_param_matcher({"embed": "threads"})]
    vendor.get(ONE, json=conversation("VIP"), match=embed)
    vendor.get(f"{API}/v2/customers/901", json={"id": 901, "organization": "Fjord"})
    ticket = desk.fetch_ticket("4001")
    assert [comment.external_id for comment in ticket.comments] == ["1"]
    assert ticket.ref == TicketRef("desk", "4001")
    assert ticket.tags == {"VIP"}
    assert ticket.customer.organization == "Fjord"
    assert ticket.url == "https://secure.helpscout.net/conversation/4001/71/"


def test_missing_threads_are_read_page_by_page_oldest_first(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation(threads=3, _embedded={"threads": []}))
    vendor.get(f"{API}/v2/customers/901", json={"id": 901})
    # A thread that arrives meanwhile pushes another onto the next page.
    pages = {1: [thread(3), thread(2)], 2: [thread(2), thread(1)], 3: []}
    for number, items in pages.items():
        vendor.get(
            f"{ONE}/threads",
            json=page("threads", items, number, 3),
            match=[matchers.query_param_matcher({"page": number})],
        )
    ticket = desk.fetch_ticket("4001")
    assert [comment.external_id for comment in ticket.comments] == ["1", "2", "3"]


def test_a_vendor_that_never_ends_its_pages_is_not_followed_for_ever(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation(type="chat"))
    vendor.get(f"{API}/v2/customers/901", json={"id": 901})
    vendor.get(f"{ONE}/threads", json=page("threads", [thread(1)], 1, 10_000))
    desk.fetch_ticket("4001")
    assert len(sent(vendor, "GET", f"{ONE}/threads")) == 10


def test_profiles_are_read_once_in_ten_minutes(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation(primaryCustomer={"id": 901}))
    vendor.get(
        f"{API}/v2/customers/901",
        json={"id": 901, "firstName": "Åse", "organizationId": 10},
    )
    emails = {"_embedded": {"emails": [{"id": 1, "value": "Ase@Kunde.Example"}]}}
    vendor.get(f"{API}/v2/customers/901/emails", json=emails)
    vendor.get(f"{API}/v2/organizations/10", json={"id": 10, "name": "Fjord AS"})
    first = desk.fetch_ticket("4001").customer
    assert desk.fetch_ticket("4001").customer == first
    assert (first.email, first.name) == ("ase@kunde.example", "Åse")
    assert first.organization == "Fjord AS"
    assert len(sent(vendor, "GET", f"{API}/v2/customers/901")) == 1


def test_every_address_of_a_customer_is_known(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation())
    emails = [{"value": "ase@kunde.example"}, {"value": "Ase@Firma.example"}]
    vendor.get(f"{API}/v2/customers/901", json={"_embedded": {"emails": emails}})
    customer = desk.fetch_ticket("4001").customer
    assert (customer.email, *customer.emails) == (
        "ase@kunde.example",
        "ase@firma.example",
    )


def test_option_labels_are_asked_for_only_where_an_id_stands_alone(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    labelled = {"id": 104, "name": "Carrier", "value": "168", "text": "Posten"}
    bare = {"id": 104, "name": "Carrier", "value": "169"}
    options = [{"id": 169, "label": "Matkahuolto"}]
    definitions = page("fields", [{"id": 104, "options": options}], 1, 1)
    asked = f"{API}/v2/mailboxes/31/fields"
    vendor.get(f"{API}/v2/customers/901", json={})
    vendor.get(ONE, json=conversation(customFields=[labelled]))
    assert desk.fetch_ticket("4001").fields["Carrier"] == "Posten"
    assert sent(vendor, "GET", asked) == []
    vendor.get(asked, json=definitions)
    vendor.replace("GET", ONE, json=conversation(customFields=[bare]))
    assert desk.fetch_ticket("4001").fields["Carrier"] == "Matkahuolto"


@pytest.mark.parametrize("status", [403, 404])
def test_a_profile_that_may_not_be_read_does_not_hide_the_ticket(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, status: int
) -> None:
    vendor.get(ONE, json=conversation())
    vendor.get(f"{API}/v2/customers/901", status=status, json={})
    assert desk.fetch_ticket("4001").customer.email == "ase@kunde.example"


def test_a_merged_conversation_names_the_one_it_went_into(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    moved = {"Location": f"{API}/v2/conversations/5005?embed=threads"}
    vendor.get(ONE, status=301, headers=moved)
    with pytest.raises(TicketMerged) as caught:
        desk.fetch_ticket("4001")
    assert caught.value.into == "5005"


@pytest.mark.parametrize("location", ["", f"{API}/v2/mailboxes/1", ONE])
def test_a_redirect_to_nowhere_is_refused(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, location: str
) -> None:
    vendor.get(ONE, status=301, headers={"Location": location})
    with pytest.raises(VendorRefused) as caught:
        desk.fetch_ticket("4001")
    assert not isinstance(caught.value, TicketMerged)


def test_a_missing_conversation_is_gone(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, status=404, json={"message": "Not found", "logRef": "x1"})
    with pytest.raises(TicketGone, match=r"Not found; logRef x1"):
        desk.fetch_ticket("4001")


@pytest.mark.parametrize("inbox", [32, "32"])
def test_a_conversation_of_an_inbox_that_is_not_ours_is_left_alone(
    vendor: responses.RequestsMock, inbox: object
) -> None:
    vendor.post(f"{API}/v2/oauth2/token", json=token("t1"))
    vendor.get(ONE, json=conversation("a", mailboxId=inbox))
    desk = build(mailboxes=[31])
    with pytest.raises(TicketOutside, match="inbox 32, which is not listed"):
        desk.fetch_ticket("4001")
    with pytest.raises(TicketOutside):
        desk.change_tags("4001", frozenset({"cc-x"}), frozenset())
    with pytest.raises(TicketOutside):
        desk.add_note("4001", Note(text="Hei", mark="m"))
    assert {call.request.method for call in vendor.calls[1:]} == {"GET"}
    desk.close()


def test_a_conversation_of_a_listed_inbox_is_read(
    vendor: responses.RequestsMock,
) -> None:
    vendor.post(f"{API}/v2/oauth2/token", json=token("t1"))
    vendor.get(ONE, json=conversation("a"))
    vendor.get(f"{API}/v2/customers/901", json={})
    desk = build(mailboxes=[30, 31])
    assert desk.fetch_ticket("4001").fields["mailbox"] == "31"
    desk.close()


def test_a_conversation_that_names_no_inbox_is_asked_for_again(
    vendor: responses.RequestsMock,
) -> None:
    vendor.post(f"{API}/v2/oauth2/token", json=token("t1"))
    vendor.get(ONE, json=conversation("a", mailboxId=None))
    desk = build(mailboxes=[31])
    with pytest.raises(VendorUnavailable, match="which inbox"):
        desk.fetch_ticket("4001")
    desk.close()


def test_what_cannot_be_stored_is_dropped_from_a_ticket(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    odd = "x\x00y\ud83d"
    vendor.get(
        ONE,
        json=conversation(
            odd,
            subject=odd,
            primaryCustomer={**CUSTOMER, "first": odd, "email": odd},
            customFields=[{"name": odd, "text": odd}],
            _embedded={"threads": [thread(1, odd)]},
        ),
    )
    vendor.get(
        f"{API}/v2/customers/901",
        json={
            "organization": odd,
            "_embedded": {"properties": [{"slug": odd, "text": odd}]},
        },
    )
    ticket = desk.fetch_ticket("4001")
    assert (ticket.subject, ticket.tags) == ("xy", {"xy"})
    assert ticket.fields["xy"] == "xy"
    who = ticket.customer
    assert (who.name, who.email, who.organization) == ("xy", "xy", "xy")
    assert who.fields == {"xy": "xy"}
    assert ticket.comments[0].body == "xy"


def test_a_deleted_conversation_says_so(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation(state="deleted"))
    vendor.get(f"{API}/v2/customers/901", json={})
    assert desk.fetch_ticket("4001").status is TicketStatus.DELETED


@pytest.mark.parametrize("answer", ["[]", "{}", "<html>", '{"id": null}'])
def test_an_answer_that_is_no_conversation_can_be_asked_for_again(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, answer: str
) -> None:
    vendor.get(ONE, body=answer)
    with pytest.raises(VendorUnavailable):
        desk.fetch_ticket("4001")


def test_being_too_fast_says_how_long_to_wait(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    wait = {"X-RateLimit-Retry-After": "17"}
    vendor.get(ONE, status=429, json={"message": "limit exceeded"}, headers=wait)
    with pytest.raises(VendorBusy, match="limit exceeded") as caught:
        desk.fetch_ticket("4001")
    assert caught.value.retry_after == 17


def test_a_conversation_out_of_sight_is_gone_if_the_account_still_works(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, status=403, json={"message": "Forbidden"})
    vendor.get(f"{API}/v2/users/me", json=USER)
    with pytest.raises(TicketGone, match="Forbidden"):
        desk.fetch_ticket("4001")


def test_an_account_locked_out_takes_no_conversation_for_gone(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, status=403, json={"message": "No API on this plan"})
    vendor.get(f"{API}/v2/users/me", status=403, json={})
    with pytest.raises(CredentialsRejected, match="No API on this plan"):
        desk.fetch_ticket("4001")


@pytest.mark.parametrize(
    ("status", "error", "retry"),
    [
        (400, VendorRefused, False),
        (409, VendorConflict, True),
        (413, VendorRefused, False),
        (415, VendorRefused, False),
        (429, VendorBusy, True),
        (500, VendorUnavailable, True),
        (503, VendorUnavailable, True),
        (504, VendorUnavailable, True),
    ],
)
@pytest.mark.parametrize("mime", ["application/vnd.error+json", "application/json"])
def test_a_refusal_is_told_in_the_vendors_own_words(
    vendor: responses.RequestsMock,
    desk: HelpScoutAdapter,
    status: int,
    error: type[VendorError],
    retry: bool,
    mime: str,
) -> None:
    detail = {
        "path": "customer",
        "message": "is not one of kari@kunde.example, 47 11 22 33 44",
        "rejectedValue": "Kari Nordmann",
        "_links": {"about": {"href": "http://x.example/errors#Unknown"}},
    }
    vendor.get(ONE, json=conversation())
    vendor.post(
        f"{ONE}/reply",
        status=status,
        body=json.dumps(
            {
                "logRef": "64bb72b4-0a92",
                "message": "Bad request",
                "_embedded": {"errors": [detail]},
            }
        ),
        content_type=mime,
        headers={"Correlation-Id": "c0ffee"},
    )
    with pytest.raises(error) as caught:
        desk.send_message("4001", Message(text="x", mark="m", draft=False))
    said = str(caught.value)
    assert f"desk answered {status}: Bad request; customer: is not one of" in said
    assert "(Unknown)" in said
    assert "logRef 64bb72b4-0a92" in said
    assert "Correlation-Id c0ffee" in said
    assert not re.search("kari|47 11|Nordmann", said, re.IGNORECASE)
    assert (type(caught.value), caught.value.retry) == (error, retry)


def test_an_id_cannot_lead_to_another_address(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(f"{API}/v2/conversations/1%2F..%2F..%2Fusers", status=404, json={})
    with pytest.raises(TicketGone):
        desk.fetch_ticket("1/../../users")


# -- tags --


def test_tags_of_people_are_written_back_as_they_are_spelled(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation("VIP", "cc-old"))
    vendor.get(ONE, json=conversation("VIP", "cc-delivery"))
    vendor.put(f"{ONE}/tags", status=204)
    now = desk.change_tags("4001", frozenset({"cc-delivery"}), frozenset({"cc-old"}))
    assert now == {"VIP", "cc-delivery"}
    assert sent(vendor, "PUT", f"{ONE}/tags") == [{"tags": ["VIP", "cc-delivery"]}]


def test_tags_that_are_right_are_not_written(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation("CC-Delivery"))
    now = desk.change_tags("4001", frozenset({"cc-delivery"}), frozenset({"x"}))
    assert now == {"CC-Delivery"}
    assert sent(vendor, "PUT", f"{ONE}/tags") == []


def test_tags_lost_to_somebody_else_are_written_once_more(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation("a"))
    vendor.get(ONE, json=conversation("a", "by-a-person"))  # ours is gone
    vendor.get(ONE, json=conversation("a", "by-a-person", "cc-x"))
    vendor.put(f"{ONE}/tags", status=204)
    now = desk.change_tags("4001", frozenset({"cc-x"}), frozenset())
    assert now == {"a", "by-a-person", "cc-x"}
    assert sent(vendor, "PUT", f"{ONE}/tags") == [
        {"tags": ["a", "cc-x"]},
        {"tags": ["a", "by-a-person", "cc-x"]},
    ]


def test_tags_lost_twice_are_a_conflict_to_be_tried_later(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation("a"))
    vendor.put(f"{ONE}/tags", status=204)
    with pytest.raises(VendorConflict) as caught:
        desk.change_tags("4001", frozenset({"cc-x"}), frozenset())
    assert caught.value.retry
    assert len(sent(vendor, "PUT", f"{ONE}/tags")) == 2


@pytest.mark.parametrize("tags", [None, "missing", [{"id": 4}]])
def test_tags_that_cannot_be_read_are_never_written(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, tags: object
) -> None:
    body = conversation(tags=tags)
    if tags == "missing":
        del body["tags"]
    vendor.get(ONE, json=body)
    with pytest.raises(VendorUnavailable, match="nothing was written"):
        desk.change_tags("4001", frozenset({"cc-x"}), frozenset())
    assert sent(vendor, "PUT", f"{ONE}/tags") == []


def test_two_tag_changes_of_one_conversation_do_not_overlap(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    state = ["a"]
    between = threading.Event()

    def read(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        answer = json.dumps(conversation(*state))
        between.wait(0.05)  # time for the other thread to get in between
        return 200, {}, answer

    def write(request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        state[:] = json.loads(request.body or "")["tags"]
        return 204, {}, ""

    vendor.add_callback("GET", ONE, callback=read)
    vendor.add_callback("PUT", f"{ONE}/tags", callback=write)
    names = [f"cc-{n}" for n in range(4)]
    threads = [
        threading.Thread(
            target=desk.change_tags, args=("4001", frozenset({name}), frozenset())
        )
        for name in names
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=20)
    assert sorted(state) == ["a", *names]
    assert len(sent(vendor, "PUT", f"{ONE}/tags")) == 4


def test_a_conversation_merged_between_reading_and_writing_is_followed(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation())
    moved = {"Location": f"{API}/v2/conversations/5005"}
    vendor.get(ONE, status=301, headers=moved)
    vendor.put(f"{ONE}/tags", status=404, json={})
    with pytest.raises(TicketMerged) as caught:
        desk.change_tags("4001", frozenset({"cc-x"}), frozenset())
    assert caught.value.into == "5005"


# -- notes and messages --

NOTE = Note(text="Klage <1>\nlinje 2", mark="cc-n1")


@pytest.mark.parametrize("status", ["closed", "active", "pending"])
def test_a_note_keeps_the_status_and_carries_its_mark(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, status: str
) -> None:
    vendor.get(ONE, json=conversation(status=status))
    vendor.post(f"{ONE}/notes", status=201, headers={"Resource-ID": "567"})
    assert desk.add_note("4001", NOTE) == Written("567")
    assert sent(vendor, "POST", f"{ONE}/notes") == [
        {
            "text": "Klage &lt;1&gt;<br>linje 2<br><br><small>Ref. cc-n1</small>",
            "status": status,
        }
    ]


@pytest.mark.parametrize("code", [412, 423])
def test_a_note_on_a_full_conversation_is_locked(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, code: int
) -> None:
    vendor.get(ONE, json=conversation())
    vendor.post(f"{ONE}/notes", status=code, json={"message": "Too many threads"})
    with pytest.raises(TicketLocked, match="Too many threads") as caught:
        desk.add_note("4001", NOTE)
    assert not caught.value.retry


def test_a_refused_note_does_not_repeat_the_customers_words(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    error = {"path": "text", "message": "too long", "rejectedValue": "Kari 4711"}
    body = {"message": "Bad request", "_embedded": {"errors": [error]}}
    vendor.get(ONE, json=conversation())
    vendor.post(f"{ONE}/notes", status=400, json=body)
    with pytest.raises(VendorRefused, match="text: too long") as caught:
        desk.add_note("4001", NOTE)
    assert "Kari" not in str(caught.value)
    assert not isinstance(caught.value, TicketLocked)


@pytest.mark.parametrize("draft", [False, True])
def test_a_message_names_its_customer_and_keeps_the_status(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, draft: bool
) -> None:
    vendor.get(ONE, json=conversation())
    vendor.post(f"{ONE}/reply", status=201, headers={"Resource-ID": "568"})
    message = Message(text="Det er løst.", mark="cc-m1", draft=draft)
    assert desk.send_message("4001", message) == Written("568")
    wanted = {
        "customer": {"id": 901},
        "text": "Det er løst.<br><br>Ref. cc-m1",
        "status": "closed",
    }
    assert sent(vendor, "POST", f"{ONE}/reply") == [
        {**wanted, "draft": True} if draft else wanted
    ]


def test_copies_go_to_whom_they_went_before(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation(cc=["boss@kunde.example"], bcc=[]))
    vendor.post(f"{ONE}/reply", status=201, headers={"Resource-ID": "568"})
    desk.send_message("4001", Message(text="x", mark="m", draft=False))
    (body,) = sent(vendor, "POST", f"{ONE}/reply")
    assert body["cc"] == ["boss@kunde.example"]
    # Unassigned is not 0, and a reply changes nothing of the assignee.
    assert body.keys() == {"customer", "text", "status", "cc"}


def test_a_customer_without_an_id_is_written_to_by_address(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    nobody = {"id": 0, "email": "kari+x@kunde.example"}
    vendor.get(ONE, json=conversation(primaryCustomer=nobody))
    vendor.post(f"{ONE}/reply", status=201, headers={"Resource-ID": "568"})
    desk.send_message("4001", Message(text="x", mark="m", draft=False))
    (body,) = sent(vendor, "POST", f"{ONE}/reply")
    assert body["customer"] == {"email": "kari+x@kunde.example"}
    vendor.get(f"{ONE}/threads", json=page("threads", [], 1, 0))
    vendor.get(f"{API}/v2/conversations", json=page("conversations", [], 1, 0))
    assert desk.find_mark("4001", "m") is None
    # A bare plus would be read as a blank.
    assert "query=%28email%3A%22kari%2Bx%40" in str(vendor.calls[-1].request.url)


@pytest.mark.parametrize(
    ("status", "sent_along"),
    [("open", "active"), ("spam", "spam"), ("pending", "pending")],
)
def test_only_a_status_that_may_be_sent_is_sent(
    vendor: responses.RequestsMock,
    desk: HelpScoutAdapter,
    status: str,
    sent_along: str,
) -> None:
    vendor.get(ONE, json=conversation(status=status))
    vendor.post(f"{ONE}/notes", status=201, headers={"Resource-ID": "567"})
    desk.add_note("4001", NOTE)
    assert sent(vendor, "POST", f"{ONE}/notes")[0]["status"] == sent_along


@pytest.mark.parametrize("missing", [None, "open mind"])
def test_nothing_is_written_where_the_status_is_not_known(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, missing: object
) -> None:
    vendor.get(ONE, json=conversation(status=missing))
    with pytest.raises(VendorUnavailable, match="nothing was written"):
        desk.add_note("4001", NOTE)


@pytest.mark.parametrize(
    ("draft", "status", "extra"),
    [(False, "closed", {}), (True, "active", {"draft": True})],
)
def test_a_full_conversation_is_carried_on_in_a_new_one(
    vendor: responses.RequestsMock,
    desk: HelpScoutAdapter,
    draft: bool,
    status: str,
    extra: dict[str, bool],
) -> None:
    vendor.get(ONE, json=conversation())
    vendor.post(f"{ONE}/reply", status=412, json={"message": "Too many threads"})
    everything = f"{API}/v2/conversations"
    vendor.post(everything, status=201, headers={"Resource-ID": "6006"})
    message = Message(text="Det er løst.", mark="cc-m1", draft=draft)
    written = desk.send_message("4001", message)
    assert written == Written("6006", TicketRef("desk", "6006"))
    assert sent(vendor, "POST", everything) == [
        {
            "subject": "Pakken (#71)",
            "customer": {"id": 901},
            "mailboxId": 31,
            "type": "email",
            "status": status,
            "threads": [
                {
                    "type": "reply",
                    "customer": {"id": 901},
                    "text": "Det er løst.<br><br>Ref. cc-m1",
                    **extra,
                }
            ],
        }
    ]


def test_a_message_is_never_sent_again_by_the_adapter_after_a_lost_answer(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation())
    vendor.post(f"{ONE}/reply", body=requests.exceptions.ReadTimeout("slow"))
    with pytest.raises(VendorUnavailable) as caught:
        desk.send_message("4001", Message(text="x", mark="m", draft=False))
    assert caught.value.uncertain
    assert len(sent(vendor, "POST", f"{ONE}/reply")) == 1


@pytest.mark.parametrize(
    ("more", "error"),
    [({"state": "deleted"}, TicketGone), ({"primaryCustomer": None}, VendorRefused)],
)
def test_nothing_is_sent_where_nobody_can_receive_it(
    vendor: responses.RequestsMock,
    desk: HelpScoutAdapter,
    more: dict[str, object],
    error: type[Exception],
) -> None:
    vendor.get(ONE, json=conversation(**more))
    with pytest.raises(error):
        desk.send_message("4001", Message(text="x", mark="m", draft=False))
    assert sent(vendor, "POST", f"{ONE}/reply") == []


# -- marks --


def test_a_mark_is_found_on_the_second_page_after_a_lost_answer(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation())
    ours = thread(7, "x<br><br>Ref. cc-m1", type="message", state="draft")
    pages = {1: [thread(9, "Ref. cc-m1")], 2: [thread(8, "Ref. cc-m12"), ours]}
    for number, items in pages.items():
        vendor.get(
            f"{ONE}/threads",
            json=page("threads", items, number, 4),
            match=[matchers.query_param_matcher({"page": number})],
        )
    assert desk.find_mark("4001", "cc-m1") == Written("7")


def test_a_mark_is_looked_for_in_two_pages_and_then_in_follow_ups(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation())
    vendor.get(f"{ONE}/threads", json=page("threads", [thread(9)], 1, 4))
    ours = thread(70, "x<br><br>Ref. cc-m1", type="message")
    others = [
        conversation(subject="itself (#71)"),
        conversation(id=6005, subject="something else"),
        conversation(id=6006, subject="Pakken (#71)"),
        conversation(id=6007, subject="Pakken (#71)"),
    ]
    wanted = {
        "query": "(customerIds:901)",
        "status": "all",
        "sortField": "createdAt",
        "sortOrder": "desc",
    }
    vendor.get(
        f"{API}/v2/conversations",
        json=page("conversations", others, 1, 1),
        match=[matchers.query_param_matcher(wanted)],
    )
    for ident, item in ((6006, thread(60)), (6007, ours)):
        vendor.get(
            f"{API}/v2/conversations/{ident}/threads",
            json=page("threads", [item], 1, 1),
        )
    assert desk.find_mark("4001", "cc-m1") == Written("6007", TicketRef("desk", "6007"))
    assert len(sent(vendor, "GET", f"{ONE}/threads")) == 2


def test_the_fate_of_a_follow_up_is_not_taken_for_the_tickets_own(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    other = f"{API}/v2/conversations/6006"
    vendor.get(ONE, json=conversation())
    vendor.get(f"{ONE}/threads", json=page("threads", [], 1, 0))
    listed = [conversation(id=6006, subject="Pakken (#71)")]
    listing = page("conversations", listed, 1, 1)
    vendor.get(f"{API}/v2/conversations", json=listing)
    vendor.get(f"{other}/threads", status=404, json={})
    vendor.get(other, status=301, headers={"Location": ONE})
    assert desk.find_mark("4001", "cc-m1") is None


def test_a_mark_that_was_never_written_is_not_found(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(ONE, json=conversation())
    vendor.get(f"{ONE}/threads", json=page("threads", [], 1, 0))
    vendor.get(f"{API}/v2/conversations", json=page("conversations", [], 1, 0))
    assert desk.find_mark("4001", "cc-m1") is None


# -- check --

EVENTS = [
    "convo.created",
    "convo.customer.reply.created",
    "convo.agent.reply.created",
    "convo.status",
    "convo.merged",
    "convo.deleted",
    "satisfaction.ratings",
]
HOOK = {
    "id": 10,
    "url": "https://connector.example/webhooks/desk",
    "label": "ours",
    "state": "enabled",
    "events": EVENTS,
}
FOREIGN = {**HOOK, "id": 11, "url": "https://other.example/hook"}
USER = {"id": 1, "firstName": "Complaint", "lastName": "Connector", "role": "user"}


def healthy(
    vendor: responses.RequestsMock,
    hooks: list[dict[str, Any]],
    date: datetime = NOW,
) -> None:
    shown = {"Date": date.strftime("%a, %d %b %Y %H:%M:%S GMT")}
    vendor.get(f"{API}/v2/users/me", json=USER, headers=shown)
    vendor.get(f"{API}/v2/webhooks", json=page("webhooks", hooks, 1, 1))


def test_a_healthy_account_has_only_good_findings(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    healthy(vendor, [HOOK])
    findings = desk.check(NOW)
    assert [found.level for found in findings] == [Level.OK, Level.OK]
    assert "Complaint Connector, role user" in findings[0].message


@pytest.mark.parametrize(
    ("hooks", "level", "words"),
    [
        ([], Level.PROBLEM, "there is none"),
        ([{**HOOK, "state": "disabled"}], Level.PROBLEM, "webhook 10 (ours) is off"),
        ([{**HOOK, "notification": True}], Level.WARNING, "addresses only"),
        ([{**HOOK, "events": EVENTS[1:]}], Level.WARNING, "convo.created"),
        ([{**HOOK, "events": None}], Level.WARNING, "convo.merged"),
        ([FOREIGN], Level.PROBLEM, "none of 1 calls this source"),
        ([FOREIGN, {**HOOK, "state": "disabled"}], Level.PROBLEM, "10 (ours) is off"),
        ([FOREIGN, {**HOOK, "events": EVENTS[1:]}], Level.WARNING, "convo.created"),
    ],
)
def test_a_webhook_that_brings_too_little_is_found_with_a_remedy(
    vendor: responses.RequestsMock,
    desk: HelpScoutAdapter,
    hooks: list[dict[str, Any]],
    level: Level,
    words: str,
) -> None:
    healthy(vendor, hooks)
    (_, found) = desk.check(NOW)
    assert found.level is level
    assert words in found.message
    assert f"complaint-connector webhooks register {desk.name}" in found.remedy


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(61, "61 s ahead of"), (-90, "90 s behind"), (60, ""), (0, "")],
)
def test_a_clock_that_is_a_minute_off_is_found(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter, seconds: int, words: str
) -> None:
    healthy(vendor, [HOOK], NOW - timedelta(seconds=seconds))
    said = [one for one in desk.check(NOW) if one.level is Level.WARNING]
    assert [words in one.message and bool(one.remedy) for one in said] == (
        [True] if words else []
    )


@pytest.mark.parametrize("rel", ["mailboxes", "inboxes"])
def test_an_inbox_that_cannot_be_seen_is_found(
    vendor: responses.RequestsMock, rel: str
) -> None:
    vendor.post(f"{API}/v2/oauth2/token", json=token("t1"))
    healthy(vendor, [HOOK])
    inboxes = [{"id": 31, "name": "Hjelp"}]
    vendor.get(f"{API}/v2/mailboxes", json=page(rel, inboxes, 1, 1))
    assert build(mailboxes=[31]).check(NOW)[-1].message == "listening to 31 Hjelp"
    found = build(mailboxes=[31, 99]).check(NOW)[-1]
    assert (found.level, found.message) == (Level.PROBLEM, "not to be seen: 99")


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        ({"status": 401, "json": {"error": "invalid_client"}}, "app_secret"),
        ({"status": 503, "body": "<html>"}, "reaches api_base"),
        ({"body": requests.exceptions.ConnectionError("no route")}, "reaches api_base"),
        ({"body": "not json"}, "reaches api_base"),
    ],
)
def test_a_check_that_cannot_start_is_one_problem_with_a_remedy(
    vendor: responses.RequestsMock, answer: dict[str, Any], remedy: str
) -> None:
    vendor.post(f"{API}/v2/oauth2/token", **answer)
    (found,) = build().check(NOW)
    assert found.level is Level.PROBLEM
    assert remedy in found.remedy
    assert "hush" not in found.message


def test_odd_answers_do_not_break_the_check(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(f"{API}/v2/users/me", json=["odd"], headers={"Date": "yesterday"})
    vendor.get(f"{API}/v2/webhooks", json={"_embedded": {"webhooks": "odd"}})
    assert [one.level for one in desk.check(NOW)] == [Level.OK, Level.PROBLEM]


def test_a_right_that_is_missing_is_told_apart(
    vendor: responses.RequestsMock, desk: HelpScoutAdapter
) -> None:
    vendor.get(f"{API}/v2/users/me", json=USER)
    vendor.get(f"{API}/v2/webhooks", status=403, json={"message": "Forbidden"})
    (_, found) = desk.check(NOW)
    assert (found.level, "rights" in found.remedy) == (Level.PROBLEM, True)


# -- the page for admins --


def test_the_readme_has_its_headings_and_every_setting() -> None:
    path = Path(__file__).parent.parent / "adapters" / "helpscout" / "README.md"
    text = path.read_text(encoding="utf-8")
    headings = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    wanted = ["What it does", "Set up", "Permissions", "Limits", "Troubleshooting"]
    assert headings[:5] == wanted
    for key in KIND.config.model_fields:
        assert f"`{key}`" in text, key
