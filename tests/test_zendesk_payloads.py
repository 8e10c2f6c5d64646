"""Zendesk's words and shapes: deliveries in, events out; documents in, tickets out."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing_kit import is_let_in

from adapters.zendesk import deliveries, payloads, refusals
from connector.errors import MalformedPayload, SignatureRejected
from connector.models import (
    Author,
    EventKind,
    TicketEvent,
    TicketRef,
    TicketStatus,
    WebhookRequest,
)

NOW = datetime(2026, 11, 3, 8, 16, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
FIXTURES = Path(__file__).parent / "fixtures" / "zendesk"
DELIVERIES = sorted(
    path for path in FIXTURES.glob("*__*.json") if ".expected" not in path.name
)


def signed(body: bytes, timestamp: str, secret: str = "s3cret") -> WebhookRequest:
    return WebhookRequest(
        {
            deliveries.SIGNATURE.lower(): deliveries.signature(secret, timestamp, body),
            deliveries.TIMESTAMP.lower(): timestamp,
        },
        body,
    )


# -- signatures --


@pytest.mark.parametrize(
    "timestamp",
    ["2026-11-03T08:16:00Z", "2026-11-03T08:11:00Z", "2026-11-03T08:20:59.5Z"],
)
@pytest.mark.parametrize("body", [b'{\n  "id": 1\n}\n', b""])
def test_signed_delivery_is_accepted(timestamp: str, body: bytes) -> None:
    request = signed(body, timestamp)
    assert is_let_in(deliveries.verify, request, ["old", "s3cret"], NOW, WINDOW)
    assert not is_let_in(deliveries.verify, request, ["old"], NOW, WINDOW)


def test_signature_accepts_only_the_exact_bytes() -> None:
    good = signed(b'{\n  "id": 1\n}\n', "2026-11-03T08:16:00Z")
    deliveries.verify(good, ["s3cret"], NOW, WINDOW)
    for body in (b'{"id": 1}', b'{\n  "id": 1\n}', b""):
        with pytest.raises(SignatureRejected, match="does not match"):
            changed = WebhookRequest(good.headers, body)
            deliveries.verify(changed, ["s3cret"], NOW, WINDOW)


def test_wrong_secret_is_rejected_and_never_quoted() -> None:
    request = signed(b"{}", "2026-11-03T08:16:00Z", "another")
    with pytest.raises(SignatureRejected) as caught:
        deliveries.verify(request, ["s3cret"], NOW, WINDOW)
    assert "s3cret" not in str(caught.value)
    assert deliveries.signature("s3cret", "2026-11-03T08:16:00Z", b"{}") not in str(
        caught.value
    )


@pytest.mark.parametrize("missing", [deliveries.SIGNATURE, deliveries.TIMESTAMP])
def test_missing_header_is_rejected(missing: str) -> None:
    request = signed(b"{}", "2026-11-03T08:16:00Z")
    headers = {k: v for k, v in request.headers.items() if k != missing.lower()}
    with pytest.raises(SignatureRejected, match="missing"):
        deliveries.verify(WebhookRequest(headers, b"{}"), ["s3cret"], NOW, WINDOW)


@pytest.mark.parametrize(
    ("timestamp", "complaint"),
    [
        ("2026-11-03T08:10:59Z", "our clock"),
        ("2026-11-03T08:21:01Z", "our clock"),
        ("1234", "our clock"),
        ("yesterday", "not a time"),
        ("99999999999999999999", "not a time"),
        ("0001-01-01T00:00:00+23:59", "not a time"),
    ],
)
def test_stale_or_unreadable_time_is_rejected(timestamp: str, complaint: str) -> None:
    with pytest.raises(SignatureRejected, match=complaint):
        deliveries.verify(signed(b"{}", timestamp), ["s3cret"], NOW, WINDOW)


# -- deliveries --


@pytest.mark.parametrize("path", DELIVERIES, ids=lambda path: path.stem)
def test_delivery_says_what_to_read_again(path: Path) -> None:
    expected = json.loads(path.with_suffix(".expected.json").read_text("utf-8"))
    if "malformed" in expected:
        with pytest.raises(MalformedPayload, match=expected["malformed"]):
            deliveries.parse(path.read_bytes(), "zd")
        return
    assert deliveries.parse(path.read_bytes(), "zd") == tuple(
        TicketEvent(
            EventKind(each["kind"]), "zd", each["external_id"], each.get("reason", "")
        )
        for each in expected["events"]
    )


def test_every_delivery_has_its_expectation() -> None:
    assert len(DELIVERIES) >= 23
    assert {path.with_suffix(".expected.json") for path in DELIVERIES} == set(
        FIXTURES.glob("*.expected.json")
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"<ticket><id>7</id></ticket>",
        b'{"ticket_id": "7", "title": "he said "no""}',
        b'{"ticket_id": "7"',
        b"\xff\xfe{}",
        b"[]",
        b"7",
        b"null",
        b'{"id": true}',
        b'{"id": 7.5}',
        b'{"id": "0"}',
        b'{"id": "-7"}',
        b'{"ticket_id_2": "7"}',
        b'{"type": "zen:event-type:ticket.created", "detail": [], "event": 1}',
        b"[" * 100_000,
    ],
)
def test_unreadable_delivery_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPayload) as caught:
        deliveries.parse(body, "zd")
    assert "he said" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["id", "ticket", "ticket_id", "type", "detail", "event"]),
            inner | st.just("zen:event-type:ticket.merged"),
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(JSON)
def test_any_json_is_events_or_malformed(document: object) -> None:
    try:
        events = deliveries.parse(json.dumps(document).encode(), "zd")
    except MalformedPayload:
        return
    assert events
    assert all(each.external_id.isdigit() or each.reason for each in events)


# -- tickets --

DOCUMENT = {
    "id": 7301,
    "raw_subject": "Pakken kom aldri",
    "subject": "dynamic",
    "status": "hold",
    "priority": "high",
    "type": None,
    "requester_id": 90011,
    "organization_id": 6001,
    "tags": ["frakt"],
    "via": {"channel": "email"},
    "custom_fields": [
        {"id": 11, "value": "post_nord"},
        {"id": 12, "value": True},
        {"id": 13, "value": ["a", "b"]},
        {"id": 14, "value": None},
    ],
    "satisfaction_rating": {"score": "bad", "comment": "Treigt"},
    "created_at": "2026-11-01T07:00:00Z",
    "updated_at": "2026-11-03T08:15:30Z",
}
REQUESTER = {
    "id": 90011,
    "name": "Kari Nordmann",
    "email": "Kari@Example.com",
    "role": "end-user",
    "tags": ["loyal"],
    "user_fields": {"plan": "gold", "since": None},
}
ORGANIZATION = {
    "id": 6001,
    "name": "Fjord AS",
    "tags": ["key_account"],
    "organization_fields": {"tier": 1},
}


def written(author_id: int, **more: object) -> dict[str, object]:
    return {
        "id": 551,
        "author_id": author_id,
        "body": "Hei",
        "public": True,
        "created_at": "2026-11-01T07:00:00Z",
        **more,
    }


def test_ticket_is_translated() -> None:
    people = {"90011": REQUESTER}
    ticket = payloads.ticket(
        "zd",
        "https://x.zendesk.com",
        DOCUMENT,
        [written(90011, html_body="<p>Hei</p>")],
        people,
        ORGANIZATION,
    )
    assert ticket.ref == TicketRef("zd", "7301")
    assert (ticket.number, ticket.subject) == ("7301", "Pakken kom aldri")
    assert ticket.status is TicketStatus.PENDING
    assert ticket.url == "https://x.zendesk.com/agent/tickets/7301"
    assert ticket.version == "2026-11-03T08:15:30Z"
    assert ticket.updated_at == datetime(2026, 11, 3, 8, 15, 30, tzinfo=UTC)
    assert ticket.tags == {"frakt"}
    assert ticket.fields == {
        "priority": "high",
        "organization_id": "6001",
        "custom_fields_11": "post_nord",
        "custom_fields_12": "true",
        "custom_fields_13": "a b",
        "satisfaction": "bad",
        "satisfaction_comment": "Treigt",
    }
    assert ticket.customer.external_id == "90011"
    assert ticket.customer.email == "kari@example.com"
    assert ticket.customer.organization == "Fjord AS"
    assert ticket.customer.tags == {"loyal", "key_account"}
    assert ticket.customer.fields == {"plan": "gold", "organization.tier": "1"}
    (comment,) = ticket.comments
    assert (comment.body, comment.is_html, comment.public) == ("<p>Hei</p>", True, True)


def test_what_cannot_be_stored_is_dropped_from_a_ticket() -> None:
    odd = "x\x00y\ud83d"
    document = {
        **DOCUMENT,
        "subject": odd,
        "raw_subject": odd,
        "tags": [odd, "\x00"],
        "custom_fields": [{"id": 7, "value": odd}],
    }
    user = {"name": odd, "email": odd, "tags": [odd], "user_fields": {odd: odd}}
    words = {**written(90011), "plain_body": odd, "html_body": None}
    ticket = payloads.ticket(
        "zd", "", document, [words], {"90011": user}, {"name": odd}
    )
    assert (ticket.subject, ticket.tags) == ("xy", {"xy"})
    assert ticket.fields["custom_fields_7"] == "xy"
    who = ticket.customer
    assert (who.name, who.email, who.organization) == ("xy", "xy", "xy")
    assert (who.tags, who.fields) == ({"xy"}, {"xy": "xy"})
    assert ticket.comments[0].body == "xy"


@pytest.mark.parametrize(
    ("rest", "event", "expected"),
    [
        ("new", "NEW", TicketStatus.NEW),
        ("open", "OPEN", TicketStatus.OPEN),
        ("pending", "PENDING", TicketStatus.PENDING),
        ("hold", "HOLD", TicketStatus.PENDING),
        ("solved", "SOLVED", TicketStatus.RESOLVED),
        ("closed", "CLOSED", TicketStatus.CLOSED),
        ("archived", "ARCHIVED", TicketStatus.CLOSED),
        ("deleted", "DELETED", TicketStatus.DELETED),
        ("scrubbed", "SCRUBBED", TicketStatus.DELETED),
        ("waiting_for_parts", None, TicketStatus.UNKNOWN),
    ],
)
def test_values_of_events_and_rest_mean_the_same(
    rest: str, event: str | None, expected: TicketStatus
) -> None:
    assert payloads.status({"status": rest}) is expected
    assert payloads.status({"status": event}) is (
        expected if event else TicketStatus.UNKNOWN
    )


@pytest.mark.parametrize(
    ("word", "expected"),
    [("mail", "email"), ("email", "email"), ("WEB_SERVICE", "api"), (4, "email")],
)
def test_channels_have_one_name_each(word: object, expected: str) -> None:
    assert payloads.channel({"via": {"channel": word}}) == expected
    assert payloads.channel({"via": None}) == ""


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (written(90011), Author.CUSTOMER),
        (written(90012), Author.CUSTOMER),
        (written(70001), Author.AGENT),
        (written(70002), Author.AGENT),
        (written(-1), Author.ROBOT),
        (written(70001, via={"channel": "rule"}), Author.ROBOT),
        (written(80000), Author.UNKNOWN),
    ],
)
def test_author_is_told_from_role(
    document: dict[str, object], expected: Author
) -> None:
    users = {
        "90012": {"role": "end-user"},
        "70001": {"role": "agent"},
        "70002": {"role": "admin"},
    }
    assert payloads.comment(document, "90011", users).author is expected


@pytest.mark.parametrize("score", ["good", "bad", "BAD", "Good"])
def test_rating_is_read_in_either_style_with_its_reason(score: str) -> None:
    rating = {"score": score, "comment": "Treigt", "reason": "Too slow", "reason_id": 5}
    document = {**DOCUMENT, "satisfaction_rating": rating}
    fields = payloads.ticket("zd", "", document, [], {}, {}).fields
    assert fields["satisfaction"] == score.lower()
    assert fields["satisfaction_comment"] == "Treigt"
    assert fields["satisfaction_reason"] == "Too slow"


@pytest.mark.parametrize("score", ["offered", "unoffered", "received", "", None])
def test_offered_survey_is_no_rating(score: str | None) -> None:
    document = {**DOCUMENT, "satisfaction_rating": {"score": score}}
    ticket = payloads.ticket("zd", "", document, [], {}, {})
    assert "satisfaction" not in ticket.fields
    assert ticket.customer.email is None


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("Hei\n\nRef. CC-7F3A", True),
        ("> Ref. CC-7F3A.", True),
        ("Ref. CC-7F3AB", False),
        ("Ref. XCC-7F3A", False),
        ("Ref. CC-7F3A-2", False),
        ("Ref. cc-7f3a", False),
    ],
)
def test_only_the_exact_mark_is_found(body: str, found: bool) -> None:
    assert payloads.has_mark({"body": body}, "CC-7F3A") is found


def test_mark_survives_a_very_long_text() -> None:
    text = payloads.with_mark("å" * 100_000, "CC-1")
    assert len(text.encode()) < 64 * 1024
    assert text.endswith(" …\n\nRef. CC-1")


# -- errors --


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"error":"Couldn\'t authenticate you"}', "Couldn't authenticate you"),
        (
            '{"error":{"title":"Forbidden","message":"No access"}}',
            "Forbidden: No access",
        ),
        (
            '{"error":"RecordNotFound","description":"Not found"}',
            "RecordNotFound: Not found",
        ),
        (
            '{"errors":[{"code":"InvalidPaginationDepth","title":"Too deep",'
            '"detail":"kari@example.com"}]}',
            "InvalidPaginationDepth: Too deep: …",
        ),
        (
            '{"error":"RecordInvalid","description":"Record validation errors",'
            '"details":{"email":[{"description":"kari@example.com is taken"}]}}',
            "RecordInvalid: Record validation errors: fields: email",
        ),
        (
            '{"error":"invalid_client","error_description":"bad"}',
            "invalid_client: bad",
        ),
        (
            '{"error":"X","description":"\\"min pakke\\" kari@example.com"}',
            "X: … …",
        ),
        (
            '{"error":"RecordInvalid","details":{"status":[{"description":'
            '"Status: closed prevents ticket update"}]}}',
            "RecordInvalid: fields: status (closed prevents ticket update)",
        ),
        (
            '{"error":"RecordInvalid","details":{"subject":[{"description":'
            '"Kari: hei"}],"base":[{"description":"Base: Kari Nordmann"}],"x":7}}',
            "RecordInvalid: fields: base, subject, x",
        ),
        (
            '{"errors":[{"code":"InvalidWebhook","title":"Invalid",'
            '"detail":"endpoint is not reachable"}]}',
            "InvalidWebhook: Invalid: endpoint is not reachable",
        ),
        (
            '{"error":"TooManyValues","description":"Parameter ids cannot specify '
            'more than 100 values","max_count":100}',
            "TooManyValues: Parameter ids cannot specify more than 100 values",
        ),
        (
            '{"error":"UpdateConflict","description":"Safe Update prevented it"}',
            "UpdateConflict: Safe Update prevented it",
        ),
        (
            '{"error":"APIRateLimitExceeded","description":"Number of allowed API '
            'requests per minute exceeded"}',
            "APIRateLimitExceeded: Number of allowed API requests per minute exceeded",
        ),
        (
            '{"error":"InvalidEndpoint","description":"Not found"}',
            "InvalidEndpoint: Not found",
        ),
        ("Number of allowed API requests exceeded", ""),
        ("<html><h1>502</h1> kari@example.com</html>", ""),
        ("", ""),
        ("[1]", ""),
        ('{"error": 7, "errors": [3], "details": []}', ""),
        ('{"errors": 7, "details": "x"}', ""),
    ],
)
def test_error_keeps_the_vendors_words_and_no_others(body: str, expected: str) -> None:
    assert refusals.words(body) == expected


@pytest.mark.parametrize(
    ("warning", "expected"),
    [
        ('{:unpermitted_keys=>["ticket.a", "b_c"], :invalid_values=>["Kari"]}', 2),
        ('Removed restricted keys ["ticket.a", "b_c"] from parameters', 2),
        ("something about Kari", 0),
    ],
)
def test_only_names_of_dropped_fields_are_kept(warning: str, expected: int) -> None:
    assert refusals.ignored_keys(warning) == ["ticket.a", "b_c"][:expected]
