"""Recorded payloads that are kept beside the repository, because they are not ours."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.zendesk import deliveries, values
from connector.errors import MalformedPayload, SignatureRejected
from connector.models import EventKind, WebhookRequest

SHARED = Path(__file__).parents[2] / "shared" / "vendors" / "fixtures" / "zendesk"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(
        not SHARED.is_dir() and "CI" not in os.environ,
        reason="the shared payloads are not beside the repository",
    ),
]


def test_every_recorded_file_is_events_or_malformed() -> None:
    files = sorted(SHARED.glob("*"))
    assert files
    for path in files:
        try:
            events = deliveries.parse(path.read_bytes(), "zd")
        except MalformedPayload:
            continue
        assert events, path.name


@pytest.mark.parametrize(
    ("name", "kind", "external_id"),
    [
        ("webhook_event_ticket_created", EventKind.TICKET_CHANGED, "5158"),
        ("webhook_event_comment_added_private", EventKind.TICKET_CHANGED, "71447"),
        (
            "webhook_event_comment_added_public_customer",
            EventKind.TICKET_CHANGED,
            "71447",
        ),
        ("webhook_trigger_custom_body", EventKind.TICKET_CHANGED, "12345"),
        ("webhook_event_user_active_changed", EventKind.IGNORED, ""),
    ],
)
def test_recorded_delivery_is_understood(
    name: str, kind: EventKind, external_id: str
) -> None:
    (event,) = deliveries.parse((SHARED / f"{name}.json").read_bytes(), "zd")
    assert (event.kind, event.external_id) == (kind, external_id)


def test_recorded_signatures_are_judged_as_stated() -> None:
    vectors = json.loads((SHARED / "signature_vectors.json").read_text("utf-8"))
    assert {each["valid"] for each in vectors["vectors"]} == {True, False}
    for each in vectors["vectors"]:
        stamp = each["timestamp"]
        now = (
            datetime.fromtimestamp(int(stamp), UTC)
            if stamp.isdigit()
            else values.moment(stamp)
        )
        headers = {
            deliveries.SIGNATURE.lower(): each["signature"],
            deliveries.TIMESTAMP.lower(): stamp,
        }
        request = WebhookRequest(headers, each["body"].encode())
        try:
            deliveries.verify(request, [each["secret"]], now, timedelta(minutes=5))
        except SignatureRejected:
            accepted = False
        else:
            accepted = True
        assert accepted is each["valid"], each["name"]
