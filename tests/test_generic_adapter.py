"""The generic adapter: documents in, and signed calls out at the HTTP edge."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from pydantic import ValidationError

from adapters.generic import KIND, document, signing
from adapters.generic.adapter import GenericAdapter, GenericConfig
from connector.errors import (
    CredentialsRejected,
    MalformedPayload,
    NotFound,
    TakesNoWrites,
    TicketGone,
    VendorBusy,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Author,
    Delivery,
    EventKind,
    Level,
    Message,
    Note,
    Ticket,
    TicketStatus,
    WebhookRequest,
    Written,
)

FOLDER = Path(__file__).resolve().parent.parent / "adapters" / "generic"
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET, OLD, BACK = (
    f"whsec_{base64.b64encode(bytes([number]) * 32).decode()}" for number in (1, 2, 3)
)
CALLBACK = "https://forms.example.com/complaints"
TICKET_URL = "https://forms.example.com/tickets/{id}"
WRITES = {"callback_url": CALLBACK, "callback_secret": BACK}


def adapter(**settings: Any) -> GenericAdapter:
    config = GenericConfig(**{"webhook_secret": SECRET, **settings})
    return GenericAdapter("forms", config, clock=lambda: NOW)


def delivery(body: object, number: int = 1, received_at: datetime = NOW) -> Delivery:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Delivery(
        id=number, source="forms", received_at=received_at, headers={}, body=raw
    )


def changed(**data: Any) -> dict[str, Any]:
    return {"type": "ticket.changed", "data": {"id": "7", "text": "Help!", **data}}


def read(body: object) -> Ticket:
    found = adapter().carried(delivery(body))
    assert found is not None
    return found.ticket


# -- settings --


def test_registry_knows_generic() -> None:
    assert KIND.kind == GenericAdapter.kind == "generic"
    assert isinstance(
        KIND.build("forms", GenericConfig(webhook_secret=SECRET)), GenericAdapter
    )


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"webhook_secret": ""}, "whsec_"),
        ({"webhook_secret": []}, "at least 1"),
        ({"webhook_secret": [SECRET, OLD, BACK]}, "at most 2"),
        ({"callback_url": CALLBACK}, "callback_secret"),
        ({"callback_secret": BACK}, "callback_url"),
        ({**WRITES, "callback_secret": SECRET}, "has to differ"),
        ({"token": "t"}, "neither"),
        ({"ticket_url": "https://forms.example.com/tickets"}, "one {id}"),
        ({"ticket_url": "https://{id}.example.com/{id}"}, "one {id}"),
        ({"ticket_url": "/tickets/{id}"}, "begins with https://"),
        ({**WRITES, "callback_url": "ftp://forms.example.com"}, "begins with https://"),
        ({**WRITES, "callback_url": "https://a:b@forms.example.com"}, "credentials"),
    ],
)
def test_settings_that_cannot_work_are_refused(
    settings: dict[str, Any], why: str
) -> None:
    with pytest.raises(ValidationError, match=re.escape(why)) as caught:
        adapter(**settings)
    assert SECRET not in str(caught.value)


# -- documents --


def test_examples_of_the_page_are_read() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    tickets = [read(example.encode()) for example in examples]
    assert [t.ref.external_id for t in tickets] == ["2041", "chat-77", "nps-9001"]


def test_schema_beside_the_page_is_that_of_the_code() -> None:
    """To renew it, write what ``document.schema`` returns into the file."""
    kept = (FOLDER / "schema.json").read_text(encoding="utf-8")
    assert json.loads(kept) == json.loads(document.schema())


def test_page_names_every_key_of_a_document() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    models = (document.TicketDocument, document.Message, document.Person)
    keys = {key for model in (*models, document.Rating) for key in model.model_fields}
    assert {key for key in keys if f"`{key}`" not in page} == set()


def test_conversation_becomes_a_ticket() -> None:
    ticket = read(
        changed(
            text=None,
            subject="Rabattkode",
            status="pending",
            channel="chat",
            tags=["checkout"],
            url="https://chat.example.com/7",
            customer={
                "id": 501,
                "email": " Ola@Example.COM ",
                "name": "Ola",
                "organization": "Fjord",
                "tags": ["vip"],
                "fields": {"since": 2019},
            },
            fields={"order": "A-1", "express": True, "total": 12.5},
            messages=[
                {"at": "2026-03-02T10:30:00+01:00", "text": "second", "id": "m2"},
                {"author": "agent", "at": "2026-03-02T09:00:00Z", "html": "<p>a</p>"},
                {"author": "robot", "text": "auto", "internal": True},
            ],
            created_at="2026-03-02T08:00:00Z",
            updated_at="2026-03-02T09:30:00Z",
        )
    )
    assert (ticket.subject, ticket.status) == ("Rabattkode", TicketStatus.PENDING)
    assert (ticket.channel, ticket.url) == ("chat", "https://chat.example.com/7")
    assert ticket.tags == {"checkout"}
    assert ticket.created_at == datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    assert ticket.fields == {"order": "A-1", "express": "true", "total": "12.5"}
    customer = ticket.customer
    assert (customer.external_id, customer.email) == ("501", "ola@example.com")
    assert (customer.organization, customer.tags) == ("Fjord", {"vip"})
    assert customer.fields == {"since": "2019"}
    assert [
        (c.external_id, c.author, c.public, c.body, c.is_html) for c in ticket.comments
    ] == [
        ("3", Author.ROBOT, False, "auto", False),
        ("2", Author.AGENT, True, "<p>a</p>", True),
        ("m2", Author.CUSTOMER, True, "second", False),
    ]
    assert ticket.comments[-1].author_id == "501"


@pytest.mark.parametrize(
    ("rating", "fields"),
    [
        (
            {"score": 2, "worst": 0, "best": 10},
            {"rating": "2", "rating_percent": "20"},
        ),
        (
            {"score": 1, "worst": 1, "best": 5},
            {"rating": "1", "rating_percent": "0"},
        ),
        (
            {"score": 4.5, "worst": 1, "best": 5},
            {"rating": "4.5", "rating_percent": "88"},
        ),
    ],
)
def test_rating_can_stand_alone_and_is_comparable(
    rating: dict[str, float], fields: dict[str, str]
) -> None:
    ticket = read(changed(text=None, rating=rating))
    assert (ticket.fields, ticket.comments) == (fields, ())


def test_language_of_the_sender_is_a_field() -> None:
    assert read(changed(language="nb")).fields == {"language": "nb"}


@pytest.mark.parametrize("typed", ["n/a", "@", "kari@", "a b@example.com", "", None])
def test_junk_in_an_address_field_costs_no_complaint(typed: str | None) -> None:
    ticket = read(changed(customer={"email": typed}))
    assert (ticket.customer.email, ticket.customer.external_id) == (None, "")


def test_characters_that_no_database_takes_are_dropped() -> None:
    body = b'{"type":"ticket.changed","data":{"id":"7","text":"a\\u0000b\\ud800c"}}'
    assert read(body).comments[0].body == "abc"


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (changed(updated_at="2026-03-02T09:00:00Z"), "09:00"),
        ({**changed(), "timestamp": "2026-03-02T08:00:00Z"}, "08:00"),
        (
            {
                **changed(updated_at="2026-03-02T07:00:00Z"),
                "timestamp": NOW.isoformat(),
            },
            "07:00",
        ),
        (changed(), "09:30"),
        (changed(updated_at="2036-01-01T00:00:00Z"), "09:30"),
    ],
)
def test_ticket_is_as_old_as_its_sender_says_but_never_of_the_future(
    body: object, at: str
) -> None:
    assert f"{read(body).updated_at:%H:%M}" == at


@pytest.mark.parametrize(("tags", "known"), [(None, False), ([], True), (["a"], True)])
def test_sender_without_tags_is_told_from_one_with_none(
    tags: list[str] | None, known: bool
) -> None:
    found = adapter().carried(delivery(changed(tags=tags)))
    assert found is not None
    assert found.knows_tags is known


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ([], 'expected {"type"'),
        ({"data": {}}, 'expected {"type"'),
        ({"type": "ticket.changed"}, "data: "),
        ({"type": "ticket.changed", "data": []}, "data: "),
        ({**changed(), "timestamp": "yesterday"}, "timestamp: "),
        (changed(id=None), "data.id"),
        (changed(id=""), "data.id"),
        (changed(text=None), "give text, messages or a rating"),
        (changed(messages=[{"text": "a"}]), "not both"),
        (changed(text=None, messages=[{}]), "data.messages.0: "),
        (changed(cutsomer={}), "data.cutsomer: Extra inputs"),
        (changed(status="hold"), "data.status: "),
        (changed(url="javascript:alert(1)"), "data.url: "),
        (changed(created_at="2026-03-02T09:00:00"), "data.created_at: "),
        (changed(rating={"score": 6, "worst": 1, "best": 5}), "between worst and best"),
        (changed(rating={"score": 1, "worst": 1, "best": 1}), "between worst and best"),
    ],
)
def test_body_that_cannot_be_read_is_told_by_its_place(body: object, why: str) -> None:
    with pytest.raises(MalformedPayload, match=re.escape(why)):
        adapter().parse(delivery(body))


def test_words_of_a_customer_are_in_no_message() -> None:
    private = "my-private-words"
    body = changed(
        status=private,
        url=private,
        created_at=private,
        messages=[{"text": private, "html": private, "author": private}],
        rating={"score": private, "worst": private, "best": 1},
    )
    with pytest.raises(MalformedPayload) as caught:
        adapter().parse(delivery(body))
    told = f"{caught.value} {caught.value.__cause__}"
    assert private not in told
    assert "and 1 more" in told


def test_delivery_names_its_ticket() -> None:
    (event,) = adapter().parse(delivery(changed(id=7)))
    assert (event.kind, event.source) == (EventKind.TICKET_CHANGED, "forms")
    assert event.external_id == "7"


def test_other_types_are_ignored_whatever_they_hold() -> None:
    (event,) = adapter().parse(delivery({"type": "invoice.paid", "data": 1}))
    assert event.kind is EventKind.IGNORED
    assert "only ticket.changed" in event.reason


def test_test_delivery_is_ignored_with_its_reason() -> None:
    ours = adapter()
    body, event = ours.ping("some word")
    assert b"some word" in body
    (said,) = ours.parse(delivery(json.loads(body)))
    assert (said.kind, said.reason) == (EventKind.IGNORED, "a test delivery of doctor")
    assert event is None


def test_pointer_is_enough_where_a_ticket_can_be_fetched() -> None:
    body = delivery({"type": "ticket.changed", "data": {"id": 7, "more": 1}})
    fetching = adapter(ticket_url=TICKET_URL)
    (event,) = fetching.parse(body)
    assert event.external_id == "7"
    assert fetching.carried(body) is None


# -- signatures --


def test_what_send_signs_is_let_in() -> None:
    one, body = adapter(webhook_secret=[SECRET, OLD]), b"{}"
    signed = one.sign(body, None, NOW)
    assert one.sign(body, None, NOW).headers[signing.ID] != signed.headers[signing.ID]
    given = WebhookRequest(signed.headers, body)
    one.verify(given, NOW)
    assert one.delivery_id(given) == signed.headers[signing.ID]
    adapter(webhook_secret=[OLD, SECRET]).verify(given, NOW)


# -- fetching --


def test_ticket_is_fetched_with_the_token(web: responses.RequestsMock) -> None:
    answer = changed(id="a/7 ?", tags=["x"])["data"]
    web.get("https://forms.example.com/tickets/a%2F7%20%3F", json=answer)
    found = adapter(ticket_url=TICKET_URL, token="t0").fetch_ticket("a/7 ?")
    assert (found.ref.external_id, found.tags) == ("a/7 ?", {"x"})
    assert web.calls[0].request.headers["Authorization"] == "Bearer t0"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 404}, TicketGone),
        ({"status": 410}, TicketGone),
        ({"status": 401}, CredentialsRejected),
        ({"status": 302, "headers": {"Location": "https://x.example"}}, VendorRefused),
        ({"status": 503}, VendorUnavailable),
        ({"body": "<html>"}, VendorUnavailable),
        ({"body": requests.ConnectionError("reset")}, VendorUnavailable),
        ({"json": {"id": "8", "text": "another one"}}, VendorRefused),
        ({"json": {"id": "7"}}, VendorRefused),
        ({"status": 429, "headers": {"Retry-After": "9"}}, VendorBusy),
    ],
)
def test_ticket_that_cannot_be_fetched_says_whether_to_try_again(
    web: responses.RequestsMock, answer: dict[str, Any], error: type[Exception]
) -> None:
    web.get(TICKET_URL.replace("{id}", "7"), **answer)
    with pytest.raises(error) as caught:
        adapter(ticket_url=TICKET_URL).fetch_ticket("7")
    assert type(caught.value) is error
    if isinstance(caught.value, VendorBusy):
        assert caught.value.retry_after == 9


def test_ticket_that_nobody_kept_is_not_taken_for_a_deleted_one() -> None:
    with pytest.raises(VendorRefused, match="come in deliveries only") as caught:
        adapter().fetch_ticket("7")
    assert not isinstance(caught.value, NotFound)


# -- writing --


def sent(web: responses.RequestsMock, number: int = -1) -> dict[str, Any]:
    """Return what was posted, once its signature has been checked."""
    call = web.calls[number].request
    headers = {name.lower(): value for name, value in call.headers.items()}
    given = WebhookRequest(headers, call.body)
    signing.verify(given, [signing.key_of(BACK)], NOW, timedelta(minutes=5))
    assert headers["content-type"] == "application/json"
    said: dict[str, Any] = json.loads(call.body)
    assert said["timestamp"] == "2026-03-02T09:30:00Z"
    return {"id": headers["webhook-id"], "type": said["type"], **said["data"]}


def test_note_is_a_signed_call(web: responses.RequestsMock) -> None:
    web.post(CALLBACK, status=202)
    written = adapter(**WRITES).add_note("7", Note(text="Klage på frakt", mark="cc-1"))
    assert written == Written("cc-1")
    expected = {"ticket": "7", "text": "Klage på frakt"}
    assert sent(web) == {"id": "cc-1", "type": "ticket.note", **expected}


@pytest.mark.parametrize("draft", [True, False])
def test_message_says_whether_it_is_only_prepared(
    web: responses.RequestsMock, draft: bool
) -> None:
    web.post(CALLBACK)
    message = Message(text="It works again.", mark="cc-2", draft=draft, language="en")
    adapter(**WRITES, token="t0").send_message("7", message)
    said = sent(web)
    assert (said["type"], said["draft"], said["language"]) == (
        "ticket.message",
        draft,
        "en",
    )
    assert web.calls[0].request.headers["Authorization"] == "Bearer t0"


def test_call_that_is_made_again_has_the_same_id(web: responses.RequestsMock) -> None:
    web.post(CALLBACK, body=requests.ConnectionError("reset"))
    web.post(CALLBACK)
    one, note = adapter(**WRITES), Note(text="a", mark="cc-3")
    with pytest.raises(VendorUnavailable) as caught:
        one.add_note("7", note)
    assert caught.value.uncertain
    assert one.find_mark("7", "cc-3") is None
    one.add_note("7", note)
    assert sent(web, 0) == sent(web, 1)


def test_both_secrets_sign_while_one_is_changed(web: responses.RequestsMock) -> None:
    web.post(CALLBACK)
    adapter(callback_url=CALLBACK, callback_secret=[OLD, BACK]).change_tags(
        "7", frozenset("a"), frozenset()
    )
    assert sent(web)["add"] == ["a"]
    assert len(web.calls[0].request.headers["webhook-signature"].split()) == 2


def test_tags_are_sent_as_what_changes(web: responses.RequestsMock) -> None:
    web.post(CALLBACK)
    web.post(CALLBACK)
    one = adapter(**WRITES)
    assert one.change_tags("7", frozenset("ab"), frozenset("bc")) == {"a"}
    one.change_tags("7", frozenset("ab"), frozenset("bc"))
    said = sent(web, 0)
    assert (said["add"], said["remove"]) == (["a"], ["b", "c"])
    assert said["id"] != sent(web, 1)["id"]  # else the second would be dropped


def test_tags_that_are_there_are_not_sent(web: responses.RequestsMock) -> None:
    web.get(TICKET_URL.replace("{id}", "7"), json=changed(tags=["a"])["data"])
    one = adapter(**WRITES, ticket_url=TICKET_URL)
    assert one.change_tags("7", frozenset("a"), frozenset("z")) == {"a"}


def test_tags_are_read_again_where_that_is_possible(
    web: responses.RequestsMock,
) -> None:
    url = TICKET_URL.replace("{id}", "7")
    web.get(url, json=changed(tags=["human"])["data"])
    web.post(CALLBACK)
    web.get(url, json=changed(tags=["human", "a"])["data"])
    one = adapter(**WRITES, ticket_url=TICKET_URL)
    assert one.change_tags("7", frozenset("a"), frozenset()) == {"human", "a"}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 410}, TicketGone),
        ({"status": 404}, NotFound),
        ({"status": 401}, CredentialsRejected),
        ({"status": 422, "json": {"error": {"message": "no"}}}, VendorRefused),
        ({"status": 429, "headers": {"Retry-After": "9"}}, VendorBusy),
        ({"status": 500}, VendorUnavailable),
    ],
)
def test_answer_of_a_callback_says_whether_to_try_again(
    web: responses.RequestsMock, answer: dict[str, Any], error: type[Exception]
) -> None:
    web.post(CALLBACK, **answer)
    with pytest.raises(error) as caught:
        adapter(**WRITES).add_note("7", Note(text="a", mark="cc-4"))
    assert type(caught.value) is error
    if "json" in answer:
        assert "no" in str(caught.value)


def test_without_a_callback_nothing_is_written() -> None:
    one = adapter()
    for write in (
        lambda: one.change_tags("7", frozenset("a"), frozenset()),
        lambda: one.add_note("7", Note(text="a", mark="m")),
        lambda: one.send_message("7", Message(text="a", mark="m", draft=False)),
    ):
        with pytest.raises(TakesNoWrites, match="this source takes no writes"):
            write()


# -- health --


def found(one: GenericAdapter) -> list[tuple[Level, str]]:
    return [(finding.level, finding.message) for finding in one.check(NOW)]


def test_check_says_that_nothing_is_written() -> None:
    assert found(adapter()) == [(Level.OK, "takes no writes: no callback_url")]


def test_check_proves_both_addresses(web: responses.RequestsMock) -> None:
    web.get(TICKET_URL.replace("{id}", "connector.check"), status=404)
    web.post(CALLBACK)
    one = adapter(**WRITES, ticket_url=TICKET_URL)
    assert [level for level, _ in found(one)] == [Level.OK, Level.OK]
    assert sent(web)["type"] == "connector.check"


@pytest.mark.parametrize(
    ("answer", "level", "message"),
    [
        ({"status": 401}, Level.PROBLEM, "ticket_url: forms answered 401"),
        ({"body": requests.ConnectionError("x")}, Level.PROBLEM, "gave no answer"),
        ({"json": {}}, Level.PROBLEM, "ticket_url answered id"),
        (
            {"json": {"id": "connector.check", "text": "?"}},
            Level.WARNING,
            "knows any id",
        ),
    ],
)
def test_check_reports(
    web: responses.RequestsMock, answer: dict[str, Any], level: Level, message: str
) -> None:
    web.get(TICKET_URL.replace("{id}", "connector.check"), **answer)
    first = adapter(ticket_url=TICKET_URL).check(NOW)[0]
    assert first.level is level
    assert message in first.message
    assert first.remedy


def test_check_warns_of_an_open_line(web: responses.RequestsMock) -> None:
    web.post("http://forms.example.com/", status=401)
    one = adapter(callback_url="http://forms.example.com/", callback_secret=BACK)
    levels = [level for level, _ in found(one)]
    assert levels == [Level.WARNING, Level.PROBLEM]
