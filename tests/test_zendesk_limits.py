"""Limits of Zendesk: one ticket's, an endpoint's, the account's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import responses

from adapters.pace import Call
from adapters.zendesk import limits
from adapters.zendesk.adapter import ZendeskAdapter
from adapters.zendesk.settings import ZendeskConfig
from connector.errors import VendorBusy
from connector.models import Message, Note

BASE = "https://fjord.zendesk.com"
API = f"{BASE}/api/v2"
NOW = datetime(2026, 11, 3, 8, 16, tzinfo=UTC)
UPDATE = Call("PUT", "/api/v2/tickets/7301")
TAGS = Call("PUT", "/api/v2/tickets/7301/tags")
EXPORT = Call("GET", "/api/v2/incremental/tickets/cursor")
LEFT, SPENT = {"X-Rate-Limit-Remaining": "12"}, {"X-Rate-Limit-Remaining": "0"}


def own(remaining: int, resets: int = 9) -> dict[str, str]:
    value = f"total=100; remaining={remaining}; resets={resets}"
    return {"Zendesk-RateLimit-Tickets-Update": value}


@pytest.fixture
def zendesk() -> Iterator[ZendeskAdapter]:
    values = {"email": "a@b.example", "api_token": "t", "webhook_secret": "s"}
    made = ZendeskAdapter("zd", ZendeskConfig(base_url=BASE, **values))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("call", "headers", "expected"),
    [
        (TAGS, {}, True),
        (TAGS, SPENT, True),
        (TAGS, LEFT, False),
        (UPDATE, {}, True),
        (UPDATE, SPENT, True),
        (UPDATE, LEFT, False),
        (UPDATE, {**LEFT, **own(0)}, False),
        (UPDATE, {**LEFT, **own(7)}, False),
        (UPDATE, own(0), False),
        (EXPORT, LEFT, False),
        (EXPORT, {"RateLimit-Remaining": "0"}, True),
    ],
)
def test_only_a_spent_account_stops_everything(
    call: Call, headers: dict[str, str], expected: bool
) -> None:
    assert limits.is_account_wide(call, headers) is expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({**LEFT, **own(0, 9)}, 9),
        ({**LEFT, **own(3, 9)}, None),
        ({"zendesk-rate-limit-tickets-update": "total=20; remaining=0; resets=31"}, 31),
        ({**SPENT, "ratelimit-reset": "24"}, 24),
        ({**LEFT, "ratelimit-reset": "24"}, None),
        (own(0, 9) | {"zendesk-ratelimit-other": "nonsense"}, 9),
    ],
)
def test_wait_is_read_from_the_counter_that_is_spent(
    headers: dict[str, str], expected: float | None
) -> None:
    from requests.structures import CaseInsensitiveDict

    found = limits.reset(UPDATE, CaseInsensitiveDict(headers), NOW)
    assert found == expected


def test_refusal_without_retry_after_waits_for_the_counter(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    web.put(f"{API}/tickets/7301", status=429, headers={**LEFT, **own(0, 9)})
    with pytest.raises(VendorBusy) as caught:
        zendesk.add_note("7301", Note(text="n", mark="CC-1"))
    assert (caught.value.retry_after, caught.value.whole_source) == (9, False)


def test_tickets_own_limit_leaves_the_others_going(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    headers = {"Retry-After": "300", **LEFT}
    web.put(f"{API}/tickets/7301", status=429, body="Too many", headers=headers)
    with pytest.raises(VendorBusy) as caught:
        zendesk.add_note("7301", Note(text="n", mark="CC-1"))
    assert (caught.value.retry_after, caught.value.whole_source) == (300, False)


def test_pace_of_a_ticket_ends_before_zendesks_limit_and_begins_again() -> None:
    now = [1000.0]
    pace = limits.TicketPace(lambda: now[0])
    assert limits.UPDATES_PER_TICKET < 30
    for _ in range(limits.UPDATES_PER_TICKET):
        pace.spend("zd", "7301")
        now[0] += 1
    pace.spend("zd", "7302")
    with pytest.raises(VendorBusy, match="ticket 7301 in ten minutes") as caught:
        pace.spend("zd", "7301")
    assert caught.value.whole_source is False
    assert caught.value.retry_after == 600 - limits.UPDATES_PER_TICKET
    now[0] += caught.value.retry_after or 0
    pace.spend("zd", "7301")


def test_ticket_in_a_quarrel_is_not_written_to_any_more(
    web: responses.RequestsMock, zendesk: ZendeskAdapter
) -> None:
    """Notes, messages and tags count together; what is not sent is not counted."""
    document = {"id": 7301, "status": "open", "tags": [], "requester_id": 1}
    audit = {"events": [{"id": 5, "type": "Comment"}]}
    stamps = {"updated_at": "2026-11-03T08:15:30Z"}
    web.get(f"{API}/tickets/7301", json={"ticket": {**document, **stamps}})
    web.put(f"{API}/tickets/7301", json={"ticket": document, "audit": audit})
    for number in range(limits.UPDATES_PER_TICKET):
        zendesk.add_note("7301", Note(text="n", mark=f"CC-{number}"))
    sent = len(web.calls)
    with pytest.raises(VendorBusy):
        zendesk.add_note("7301", Note(text="n", mark="CC-99"))
    with pytest.raises(VendorBusy):
        zendesk.send_message("7301", Message(text="m", mark="CC-98", draft=False))
    with pytest.raises(VendorBusy):
        zendesk.change_tags("7301", frozenset({"cc-vip"}), frozenset())
    assert [call.request.method for call in web.calls][sent:] == ["GET", "GET"]
