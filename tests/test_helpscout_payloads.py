"""Help Scout's payloads: a table of files, and the rules that need no file.

A new event is two JSON files, ``<event>__<case>.json`` and its ``.expected.json``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from signing_kit import is_let_in

from adapters.helpscout import (
    KIND,
    HelpScoutAdapter,
    HelpScoutConfig,
    people,
    refusals,
    tags,
    tickets,
    writing,
)
from adapters.helpscout.rates import charges
from adapters.helpscout.shapes import moment
from adapters.helpscout.subscriptions import NEEDED_EVENTS
from adapters.pace import ACCOUNT, Call
from connector.errors import MalformedPayload, SignatureRejected
from connector.models import Delivery, EventKind, Ticket, WebhookRequest

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parent.parent
FIXTURES = Path(__file__).parent / "fixtures" / "helpscout"
SHARED = ROOT.parent / "shared" / "vendors" / "fixtures" / "helpscout"

SAMPLES = sorted(
    path for path in FIXTURES.glob("*.json") if ".expected" not in path.suffixes
)
DELIVERIES = [path for path in SAMPLES if not path.name.startswith("ticket__")]
TICKETS = [path for path in SAMPLES if path.name.startswith("ticket__")]


def adapter(secret: object = "asdfasdf", **settings: object) -> HelpScoutAdapter:
    config = KIND.config.model_validate(
        {"app_id": "app", "app_secret": "s", "webhook_secret": secret, **settings}
    )
    built = KIND.build("desk", config)
    assert isinstance(built, HelpScoutAdapter)
    return built


def delivery(body: bytes, event: str = "") -> Delivery:
    headers = {"x-helpscout-event": event} if event else {}
    return Delivery(id=1, source="desk", received_at=NOW, headers=headers, body=body)


def expected(path: Path) -> dict[str, object]:
    return json.loads(path.with_suffix(".expected.json").read_text(encoding="utf-8"))


def outcome(body: bytes, event: str, mailboxes: list[int]) -> dict[str, object]:
    try:
        events = adapter(mailboxes=mailboxes).parse(delivery(body, event))
    except MalformedPayload as err:
        return {"malformed": str(err)}
    assert {found.source for found in events} == {"desk"}
    if events[0].kind is EventKind.IGNORED:
        assert len(events) == 1
        return {"ignored": events[0].reason}
    assert {found.kind for found in events} == {EventKind.TICKET_CHANGED}
    return {"changed": [found.external_id for found in events]}


@pytest.mark.parametrize("path", DELIVERIES, ids=lambda path: path.stem)
def test_every_recorded_delivery_says_what_to_read_again(path: Path) -> None:
    event = path.name.split("__")[0]
    found = outcome(path.read_bytes(), "" if event == "none" else event, [31])
    wanted = expected(path)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        if key == "changed":
            assert found[key] == value
        else:
            assert str(value) in str(found[key])


def test_second_delivery_says_the_same_and_counts_as_news() -> None:
    body = (FIXTURES / "convo.created__email.json").read_bytes()
    one = adapter()
    first = one.parse(delivery(body, "convo.created"))
    assert one.parse(delivery(body, "convo.created")) == first
    assert one.delivery_id(WebhookRequest({}, body)) is None


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xfe{", b"", b"null", b"[" * 100_000, b'{"id": ' + b"9" * 5000 + b"}"],
    ids=["not-utf8", "empty", "null", "deep", "endless-number"],
)
def test_hostile_bodies_are_malformed_and_never_another_error(raw: bytes) -> None:
    with pytest.raises(MalformedPayload):
        adapter().parse(delivery(raw, "convo.created"))


def test_a_malformed_body_is_not_quoted_in_the_error() -> None:
    with pytest.raises(MalformedPayload) as caught:
        adapter().parse(delivery(b'{"subject": "Kari Nordmann 12345', "convo.created"))
    assert "Kari" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_event_name_that_is_no_name_is_not_repeated() -> None:
    (found,) = adapter().parse(delivery(b'{"id": 5}', "kari@example.com sent <this>"))
    assert found.reason == "unknown event"


@pytest.mark.shared
@pytest.mark.skipif(
    not SHARED.is_dir() and not os.environ.get("CI"),
    reason="the payloads kept beside the repository are not here",
)
def test_no_real_payload_breaks_the_parser() -> None:
    paths = sorted(SHARED.glob("*.json"))
    assert paths
    for path in paths:
        for event in ("", "convo.created", "satisfaction.ratings", "tag.created"):
            try:
                assert adapter().parse(delivery(path.read_bytes(), event)), path
            except MalformedPayload:
                continue


# -- signatures --


def request(body: bytes, signature: str | None) -> WebhookRequest:
    headers = {} if signature is None else {"x-helpscout-signature": signature}
    return WebhookRequest(headers, body)


VECTOR = "7S2+kN8bZsrdAEADJ+yYfWWsf/4="


@pytest.mark.parametrize(("secret", "fits"), [("asdfasdf", True), ("asdfasdg", False)])
def test_the_published_vector_is_accepted(secret: str, fits: bool) -> None:
    signed = request(b'{"id":123}', VECTOR)
    assert is_let_in(adapter(secret).verify, signed, NOW) is fits


@pytest.mark.parametrize(
    ("body", "signature"),
    [
        (b'{"id": 123}', VECTOR),  # the same JSON, other bytes
        (b'{"id":123}', VECTOR[:-2] + "5="),
        (b'{"id":123}', "sha1=ed2dbe90df1b66cadd00400327ec987d65ac7ffe"),
        (b'{"id":123}', "é"),
        (b'{"id":123}', ""),
        (b'{"id":123}', None),
    ],
)
def test_a_wrong_signature_is_refused(body: bytes, signature: str | None) -> None:
    with pytest.raises(SignatureRejected) as caught:
        adapter().verify(request(body, signature), NOW)
    assert "asdfasdf" not in str(caught.value)


def test_escapes_on_the_wire_are_part_of_what_is_signed() -> None:
    body = b'{"url":"https:\\/\\/x.example","name":"\\u00c5se"}'
    signature = base64.b64encode(
        hmac.new(b"asdfasdf", body, hashlib.sha1).digest()
    ).decode()
    adapter().verify(request(body, signature), NOW)
    again = json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert json.loads(again) == json.loads(body)
    with pytest.raises(SignatureRejected):
        adapter().verify(request(again, signature), NOW)


def test_both_secrets_are_accepted_while_one_replaces_the_other() -> None:
    both = adapter(["new", "asdfasdf"])
    both.verify(request(b'{"id":123}', VECTOR), NOW)
    with pytest.raises(SignatureRejected):
        adapter(["new", "other"]).verify(request(b'{"id":123}', VECTOR), NOW)


@pytest.mark.parametrize("secret", ["", [], ["a", ""], ["a", "b", "c"], "x" * 41])
def test_a_secret_that_cannot_work_is_refused_without_being_shown(
    secret: object,
) -> None:
    with pytest.raises(ValueError, match="webhook_secret") as caught:
        adapter(secret)
    assert "xxx" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "event", "header"),
    [
        (b'{"id":123}', None, "convo.deleted"),
        (b'{"rating":"great","conversationId":3}', None, "satisfaction.ratings"),
        (b'{"id":1,"threads":2,"mailboxId":3}', None, "convo.created"),
        (b'{"id":1,"firstName":"Kari"}', None, "customer.created"),
        (b'{"id":1,"name":"a","slug":"a","color":"b"}', None, "tag.created"),
        (b'{"id":1,"colour":"b"}', None, "helpscout.test"),
        (b"not json", None, "helpscout.test"),
        (b'{"id":123}', "customer.deleted", "customer.deleted"),
    ],
)
def test_what_we_sign_is_accepted_and_names_its_event(
    body: bytes, event: str | None, header: str
) -> None:
    signed = adapter(["new", "old"]).sign(body, event, NOW)
    assert signed.headers["X-HelpScout-Event"] == header
    lowered = {name.lower(): value for name, value in signed.headers.items()}
    adapter(["new", "old"]).verify(WebhookRequest(lowered, body), NOW)
    with pytest.raises(SignatureRejected):
        adapter("old").verify(WebhookRequest(lowered, body), NOW)


#: What a webhook can be asked for; other names are met in samples and do not exist.
DOCUMENTED = {
    *("convo.created", "convo.assigned", "convo.status", "convo.tags", "convo.moved"),
    *("convo.merged", "convo.deleted", "convo.custom-fields", "convo.note.created"),
    *("convo.customer.reply.created", "convo.agent.reply.created"),
    *("customer.created", "customer.updated", "customer.deleted"),
    *("satisfaction.ratings", "tag.created", "tag.updated", "tag.deleted"),
}


def test_only_events_that_exist_are_asked_for_and_all_are_understood() -> None:
    assert set(NEEDED_EVENTS) <= DOCUMENTED
    body = json.dumps({"id": 5, "conversationId": 5}).encode()
    for event in sorted(DOCUMENTED):
        (found,) = adapter().parse(delivery(body, event))
        is_of_a_ticket = event.startswith(("convo.", "satisfaction."))
        assert (found.kind is EventKind.TICKET_CHANGED) is is_of_a_ticket, event


# -- tickets --


@pytest.mark.parametrize(
    ("said", "hour"),
    [
        ("2026-11-02T10:00:00Z", 10),
        ("2026-11-02T10:00:00", 10),  # ratings
        ("2026-11-02T10:00:00.123456Z", 10),  # chats
        ("2026-11-02T10:00:00+02:00", 8),
        ("yesterday", None),
        (None, None),
    ],
)
def test_every_way_to_write_a_time_is_read_as_utc(
    said: object, hour: int | None
) -> None:
    read = moment(said)
    assert (read.hour, read.tzinfo) == (hour, UTC) if read else hour is None


def plain(ticket: Ticket) -> dict[str, object]:
    """Return a ticket as the JSON of an expected file."""
    values = asdict(ticket)
    values["tags"] = sorted(ticket.tags)
    values["customer"]["tags"] = sorted(ticket.customer.tags)
    return json.loads(json.dumps(values, default=lambda one: one.isoformat()))


@pytest.mark.parametrize("path", TICKETS, ids=lambda path: path.stem)
def test_every_recorded_conversation_becomes_a_ticket(path: Path) -> None:
    given = json.loads(path.read_text(encoding="utf-8"))
    conversation = given["conversation"]
    customer = people.customer(
        conversation, given.get("profile", {}), {}, given.get("organization", {})
    )
    ticket = tickets.ticket(
        "desk", conversation, given["threads"], customer, "https://desk.example/"
    )
    assert plain(ticket) == expected(path)


def published(count: int, **more: object) -> list[dict[str, object]]:
    return [{"id": n, "state": "published", **more} for n in range(1, count + 1)]


@pytest.mark.parametrize(
    ("conversation", "complete"),
    [
        ({"threads": 2, "_embedded": {"threads": published(2)}}, True),
        ({"threads": 1, "_embedded": {"threads": published(2)}}, True),
        ({"threads": 2, "_embedded": {"threads": []}}, False),
        ({"threads": 2}, False),
        ({"_embedded": {"threads": published(2)}}, False),
        ({"threads": 2, "_embedded": {"threads": published(1)}}, False),
        # line items and drafts are not in the count
        (
            {"threads": 2, "_embedded": {"threads": published(2, type="lineitem")}},
            False,
        ),
        ({"threads": 2, "_embedded": {"threads": published(2, state="draft")}}, False),
        ({"threads": 2, "type": "chat", "_embedded": {"threads": published(2)}}, False),
    ],
)
def test_threads_are_read_in_full_unless_all_are_embedded(
    conversation: dict[str, object], complete: bool
) -> None:
    assert tickets.has_all_threads(conversation) is complete


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        ("active", "open"),
        ("pending", "pending"),
        ("closed", "resolved"),
        ("spam", "spam"),
        ("snoring", "unknown"),
        (None, "unknown"),
    ],
)
def test_status_words(status: object, ours: str) -> None:
    assert tickets.status_of({"status": status, "state": "published"}) == ours


@pytest.mark.parametrize(
    ("assignee", "shown"),
    [
        ({"id": 4, "type": "user", "first": "Hanna", "email": "h@x.example"}, None),
        ({"type": "team", "name": "Returns"}, "Returns"),
        ({"firstName": "Hanna", "lastName": "Virta"}, "Hanna Virta"),
        ({"id": 4}, ""),
    ],
)
def test_old_and_new_shapes_of_people_and_teams_have_names(
    assignee: dict[str, object], shown: str | None
) -> None:
    nobody = people.customer({}, {}, {}, {})
    conversation = {"id": 1, "assignee": assignee}
    fields = tickets.ticket("desk", conversation, [], nobody, "https://x").fields
    assert fields.get("assignee", "") == ("h@x.example" if shown is None else shown)


def test_properties_of_an_organization_are_found_in_either_place() -> None:
    item = {"slug": "tier", "value": "Gold"}
    for organization in (
        {"properties": [item]},
        {"_embedded": {"properties": [item]}},
    ):
        fields = people.customer({}, {}, {}, organization).fields
        assert fields == {"organization.tier": "Gold"}


# -- tags --


@pytest.mark.parametrize(
    ("existing", "add", "remove", "wanted"),
    [
        (["VIP"], {"cc-delivery"}, set(), ["VIP", "cc-delivery"]),
        (["CC-Delivery"], {"cc-delivery"}, set(), ["CC-Delivery"]),
        (["VIP", "cc-delivery"], set(), {"cc-delivery"}, ["VIP"]),
        (["VIP", "CC-Delivery"], set(), {"cc-delivery"}, ["VIP", "CC-Delivery"]),
        (["cc-æø", "Cc-Æø"], set(), {"CC-Æø"}, ["Cc-Æø"]),
        (["VIP"], {"CC-Æø"}, set(), ["VIP", "cc-æø"]),
        (["b", "a"], set(), {"c"}, ["b", "a"]),
        (["a"], {"b"}, {"b"}, ["a"]),
        ([], {"b", "a"}, set(), ["a", "b"]),
        ([], {"A", "a"}, set(), ["a"]),
    ],
)
def test_merging_tags_touches_only_what_was_asked(
    existing: list[str], add: set[str], remove: set[str], wanted: list[str]
) -> None:
    assert tags.merge_tags(existing, add, remove) == wanted


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        ([{"id": 1, "tag": "VIP"}, {"tag": "b", "styles": {}}], ["VIP", "b"]),
        (["a"], ["a"]),
        ([{"id": None, "slug": "chat-tag"}], ["chat-tag"]),
        ([], []),
        (None, None),
        ("a,b", None),
        ([{"id": 1}], None),
        ([7], None),
    ],
)
def test_tags_that_are_not_understood_are_not_known(
    listed: object, names: list[str] | None
) -> None:
    assert tags.tags_of({"tags": listed}) == names


# -- marks and texts --


def thread(body: str, **more: object) -> dict[str, object]:
    return {"id": 5, "type": "message", "body": body, **more}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (writing.message_html("Hei", "cc-7f3a"), True),
        (writing.note_html("Hei", "cc-7f3a"), True),
        ("Hei<br><br>Ref.&nbsp;cc-7f3a<p>Ola</p>", True),
        ("Hei Ref. cc-7f3", False),
        ("Hei Ref. cc-7f3ab", False),
        ("Hei Ref. cc-7f3a-2", False),
        ("Hei Ref. x-cc-7f3a", False),
        ("see cc-7f3a", False),
        (None, False),
    ],
)
def test_only_the_exact_mark_is_found(body: str, found: bool) -> None:
    assert (writing.marked([thread(body)], "cc-7f3a") is not None) is found


def test_a_mark_that_a_customer_quotes_is_not_ours() -> None:
    quoted = thread("> Ref. cc-7f3a Takk!", type="customer")
    assert writing.marked([quoted], "cc-7f3a") is None


def test_a_mark_with_html_letters_survives_writing_and_reading() -> None:
    html = writing.note_html("a", "<b>&1")
    assert "<b>" not in html
    assert writing.marked([thread(html)], "<b>&1") == thread(html)


def test_text_is_inert_and_keeps_its_lines() -> None:
    html = writing.message_html("1 < 2 & <script>\r\n\nHilsen", "m")
    assert html == "1 &lt; 2 &amp; &lt;script&gt;<br><br>Hilsen<br><br>Ref. m"


@pytest.mark.parametrize(
    ("method", "units"), [("GET", 1), ("POST", 2), ("PUT", 2), ("DELETE", 2)]
)
def test_a_write_counts_twice_in_the_budget(method: str, units: int) -> None:
    taken = {one.bucket: one.units for one in charges(Call(method, "/v2/x"))}
    assert taken[ACCOUNT] == units


def test_config_fields_all_have_words_for_the_docs() -> None:
    for name, field in HelpScoutConfig.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            {
                "logRef": "abc#1",
                "message": "Bad request",
                "_embedded": {
                    "errors": [
                        {
                            "path": "status",
                            "message": "unknown value",
                            "rejectedValue": "Kari Nordmann",
                        },
                        {"message": "may not be empty"},
                    ]
                },
            },
            "Bad request; status: unknown value; may not be empty; logRef abc#1",
        ),
        (
            {
                "message": "Validation error",
                "_embedded": {"errors": [{"path": "a", "message": "b", "links": []}]},
                "links": [],
            },
            "Validation error; a: b",
        ),
        (
            {
                "message": "Bad request",
                "_embedded": {
                    "errors": [
                        {
                            "path": "subject",
                            "message": "may not be empty",
                            "_links": {"about": {"href": "http://x/errors#NotEmpty"}},
                        },
                        {"links": [{"rel": "about", "href": "http://x/errors#1"}]},
                        {"path": "a", "_links": {"about": {"href": "http://x/errors"}}},
                    ]
                },
            },
            "Bad request; subject: may not be empty (NotEmpty); 1; a",
        ),
        ({"message": "API rate limit exceeded"}, "API rate limit exceeded"),
        (
            {"error": "invalid_client", "error_description": "Not known"},
            "Not known",
        ),
        ({"error": "invalid_client"}, "invalid_client"),
        ({"message": {"odd": 1}, "_embedded": []}, ""),
        (["odd"], ""),
    ],
)
def test_every_shape_of_error_gives_the_vendors_words(body: object, words: str) -> None:
    assert refusals.words(body) == words
