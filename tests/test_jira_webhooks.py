"""Deliveries of Jira: who sent them, and what they ask us to read again."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from signing_kit import is_let_in

from adapters.jira import KIND
from adapters.jira.adapter import JiraAdapter, JiraConfig
from connector.errors import MalformedPayload, SignatureRejected
from connector.models import Delivery, EventKind, TicketEvent, WebhookRequest

HERE = Path(__file__).parent
FIXTURES = HERE / "fixtures" / "jira"
SHARED = HERE.parent.parent / "shared" / "vendors" / "fixtures" / "jira"
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)

# Published by the vendor to test an implementation against.
SECRET = "It's a Secret to Everybody"
BODY = b"Hello World!"
DIGEST = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
TOKEN = "f3b9c1d27e5a48609b7d"


def cloud(**changes: object) -> JiraAdapter:
    settings: dict[str, object] = {
        "flavour": "cloud",
        "site_url": "https://nordvik.atlassian.net",
        "email": "connector@nordvik.example",
        "api_token": "token",
        "webhook_secret": SECRET,
    }
    return KIND.build("jira", JiraConfig.model_validate({**settings, **changes}))


def data_center() -> JiraAdapter:
    settings = {
        "flavour": "data_center",
        "site_url": "https://jira.nordvik.example/jira",
        "token": "pat",
        "webhook_token": [TOKEN, TOKEN[::-1]],
    }
    return KIND.build("jira", JiraConfig.model_validate(settings))


def signed(value: str, body: bytes = BODY) -> WebhookRequest:
    return WebhookRequest({"x-hub-signature": value}, body)


def delivery(body: bytes, received_at: datetime = NOW) -> Delivery:
    return Delivery(id=1, source="jira", received_at=received_at, headers={}, body=body)


# -- verify --


@pytest.mark.parametrize(
    ("secrets", "fits"),
    [
        (SECRET, True),
        ([SECRET, "new"], True),
        (["new", SECRET], True),
        (["new", "newer"], False),
    ],
)
def test_published_signature_is_accepted(secrets, fits):
    adapter = cloud(webhook_secret=secrets)
    assert is_let_in(adapter.verify, signed(f"sha256={DIGEST}"), NOW) is fits


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (WebhookRequest({}, BODY), "missing"),
        (WebhookRequest({"x-hub-signature-256": f"sha256={DIGEST}"}, BODY), "missing"),
        (signed(""), "missing"),
        (signed("sha256="), "missing"),
        (signed(DIGEST), "missing"),
        (signed(f"sha1={DIGEST}"), "not a sha256"),
        (signed(f"={DIGEST}"), "not a sha256"),
        (signed(f"sha256={DIGEST[:-1]}4"), "does not fit"),
        (signed(f"sha256={DIGEST[:10]}"), "does not fit"),
        (signed("sha256=å"), "does not fit"),
        (signed(f"sha256={DIGEST}", BODY + b"\n"), "does not fit"),
    ],
)
def test_delivery_without_our_signature_is_rejected(request_, why):
    with pytest.raises(SignatureRejected, match=why) as caught:
        cloud().verify(request_, NOW)
    assert SECRET not in str(caught.value)


def test_signature_made_with_an_empty_key_is_rejected():
    adapter = cloud()
    # Past the validator, as if a template had left the secret out.
    update = {"webhook_secret": (SecretStr(""),)}
    adapter.config = adapter.config.model_copy(update=update)
    digest = hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    with pytest.raises(SignatureRejected):
        adapter.verify(signed(f"sha256={digest}"), NOW)


@pytest.mark.parametrize(
    ("token", "fits"), [(TOKEN, True), (TOKEN[::-1], True), (TOKEN[1:], False)]
)
def test_token_in_the_address_is_accepted(token, fits):
    carrying = WebhookRequest({}, BODY, {"token": token})
    assert is_let_in(data_center().verify, carrying, NOW) is fits


@pytest.mark.parametrize("query", [{}, {"token": ""}, {"token": TOKEN[:-1]}])
def test_delivery_without_our_token_is_rejected(query):
    with pytest.raises(SignatureRejected) as caught:
        data_center().verify(WebhookRequest({}, BODY, query), NOW)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("adapter", [cloud(), data_center()])
def test_what_we_sign_is_accepted(adapter):
    proof = adapter.sign(BODY, None, NOW)
    headers = {name.lower(): value for name, value in proof.headers.items()}
    assert is_let_in(adapter.verify, WebhookRequest(headers, BODY, proof.query), NOW)
    assert not is_let_in(adapter.verify, WebhookRequest({}, BODY), NOW)


IDENTIFIER = "x-atlassian-webhook-identifier"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [({IDENTIFIER: "a1"}, "a1"), ({IDENTIFIER: ""}, None), ({}, None)],
)
def test_delivery_is_known_by_the_identifier_of_the_vendor(headers, expected):
    adapter = cloud()
    assert adapter.delivery_id(WebhookRequest(headers, BODY)) == expected
    assert IDENTIFIER in adapter.kept_headers
    assert "authorization" not in adapter.kept_headers
    assert "x-hub-signature" not in adapter.kept_headers


def test_delivery_without_identifier_is_known_by_its_bytes_if_they_tell_the_time():
    body = b'{"timestamp": 1763629200000, "webhookEvent": "jira:issue_updated"}'
    later = body.replace(b"200000", b"200001")
    adapter = data_center()
    first, again, other = (
        adapter.delivery_id(WebhookRequest({}, each)) for each in (body, body, later)
    )
    assert first is not None
    assert first == again != other
    assert adapter.delivery_id(WebhookRequest({}, b'{"webhookEvent": "x"}')) is None


# -- parse --


def cases() -> list[Path]:
    return sorted(
        path
        for path in FIXTURES.glob("*__*.json")
        if not path.name.endswith(".expected.json")
    )


def test_there_are_recorded_deliveries():
    assert len(cases()) >= 15


@pytest.mark.parametrize("path", cases(), ids=lambda path: path.stem)
def test_delivery_says_what_to_read_again(path):
    expected = json.loads(path.with_suffix(".expected.json").read_text("utf-8"))
    if "malformed" in expected:
        with pytest.raises(MalformedPayload) as caught:
            cloud().parse(delivery(path.read_bytes()))
        assert str(caught.value) == expected["malformed"]
        return
    (event,) = cloud().parse(delivery(path.read_bytes()))
    assert event._asdict() == {
        "source": "jira",
        "external_id": "",
        "reason": "",
        **expected,
    }


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"\xff\xfe", b'"text"', b"[" * 100_000, b"1" * 5000],
    ids=["empty", "cut", "null", "bytes", "text", "deep", "number"],
)
def test_what_is_no_object_is_malformed(body):
    with pytest.raises(MalformedPayload):
        cloud().parse(delivery(body))


def test_same_delivery_twice_says_the_same():
    body = (FIXTURES / "issue_updated__cloud_resolved.json").read_bytes()
    assert cloud().parse(delivery(body)) == cloud().parse(delivery(body))


@pytest.mark.parametrize(
    "item",
    [
        {"field": "Status", "fieldId": "status", "toString": "Done"},
        {"field": "status", "toString": "Done"},
        {"field": "resolution", "toString": "Fixed"},
        {"field": "labels", "fromString": "a b", "toString": "b"},
        {"field": "Key", "fromString": "SHOP-1", "toString": "OPS-1"},
        None,
    ],
)
@pytest.mark.parametrize("kind", ["issue_generic", "issue_resolved", None])
@pytest.mark.parametrize("name", ["created", "updated", "deleted"])
def test_what_a_delivery_tells_of_the_change_changes_nothing(name, kind, item):
    body = {
        "timestamp": int(NOW.timestamp() * 1000),
        "webhookEvent": f"jira:issue_{name}",
        "issue_event_type_name": kind,
        "issue": {"id": "10100", "key": "SHOP-1", "fields": {"description": {}}},
        "changelog": {"id": "1", "items": [item]},
        "matchedWebhookIds": [1],
    }
    (event,) = cloud().parse(delivery(json.dumps(body).encode()))
    assert event == TicketEvent(EventKind.ISSUE_CHANGED, "jira", "10100")


def test_window_is_what_the_configuration_says():
    body = (FIXTURES / "issue_updated__cloud_resolved.json").read_bytes()
    late = delivery(body, NOW + timedelta(minutes=31))
    (event,) = cloud(signature_window="30m").parse(late)
    assert event.kind is EventKind.IGNORED
    assert event.reason == "older than 30 min when it arrived"


def test_unknown_event_is_quoted_short_and_on_one_line():
    body = json.dumps({"webhookEvent": "new\nthing " + "x" * 500}).encode()
    (event,) = cloud().parse(delivery(body))
    assert event.kind is EventKind.IGNORED
    assert "\n" not in event.reason
    assert len(event.reason) < 100


# -- real recordings, kept beside the repository --


def recordings() -> list[Path]:
    return sorted(SHARED.glob("*.json"))


@pytest.mark.shared
def test_recordings_are_there():
    if not SHARED.is_dir() and not os.environ.get("CI"):
        pytest.skip("no recordings beside the repository")
    assert recordings()


@pytest.mark.shared
@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
def test_recording_is_read_or_parked(path):
    body = path.read_bytes()
    for adapter in (cloud(), data_center()):
        try:
            (event,) = adapter.parse(delivery(body))
        except MalformedPayload:
            assert not path.name.startswith("wh-")
        else:
            assert event.kind is EventKind.ISSUE_CHANGED or event.reason


@pytest.mark.shared
@pytest.mark.parametrize(
    "path",
    [path for path in recordings() if path.name.startswith("wh-")],
    ids=lambda path: path.stem,
)
def test_recorded_delivery_names_its_issue_when_fresh(path):
    body = path.read_bytes()
    raw = json.loads(body)
    arrived = datetime.fromtimestamp(raw["timestamp"] / 1000, UTC)
    (event,) = cloud().parse(delivery(body, arrived + timedelta(seconds=2)))
    assert event.kind is EventKind.ISSUE_CHANGED
    known = (raw.get("issue") or {}).get("id")
    assert event.external_id == (known or raw["comment"]["self"].split("/")[-3])
