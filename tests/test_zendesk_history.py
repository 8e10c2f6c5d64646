"""What changed in a Zendesk account, asked of the sandbox and of odd answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import responses
from kit import Clock
from responses import matchers

from adapters.base import Historian
from adapters.zendesk import history
from adapters.zendesk.adapter import ZendeskAdapter
from adapters.zendesk.settings import ZendeskConfig
from connector.errors import (
    NotFound,
    TicketGone,
    VendorBusy,
    VendorRefused,
    VendorUnavailable,
)
from connector.sandbox import Running, SandboxSettings

BASE = "https://fjord.zendesk.com"
EXPORT = f"{BASE}/api/v2/incremental/tickets/cursor"
NOW = datetime(2026, 11, 3, 8, 16, tzinfo=UTC)
SINCE = NOW - timedelta(days=1)


def config(base_url: str, **more: object) -> ZendeskConfig:
    settings = SandboxSettings()
    return ZendeskConfig(
        **{
            "base_url": base_url,
            "email": settings.zendesk_email,
            "api_token": settings.zendesk_api_token,
            "webhook_secret": "hook-secret",
            **more,
        }
    )


# -- with the sandbox --


@pytest.fixture
def zendesk(sandbox: Running, clock: Clock) -> Iterator[ZendeskAdapter]:
    adapter = ZendeskAdapter("zd", config(f"{sandbox.url}/zendesk"), clock=clock)
    yield adapter
    adapter.close()


def write(sandbox: Running, number: int) -> str:
    return sandbox.world.write(
        "zendesk", email=f"c{number}@mail.example", subject="Sent", text="Where is it?"
    )


def walk(historian: Historian, since: datetime, cursor: str | None = None) -> Any:
    """Read every page; return all ids in order, and the last cursor."""
    ids: list[str] = []
    for _ in range(50):
        page = historian.changed(since, cursor)
        ids += page.ids
        cursor = page.cursor
        if not page.more:
            return ids, cursor
    raise AssertionError("there is always more")


def test_everything_that_changed_comes_page_by_page(
    sandbox: Running,
    zendesk: ZendeskAdapter,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(history, "PAGE_SIZE", 2)
    since = clock()
    written = [write(sandbox, number) for number in range(5)]
    clock.pass_(minutes=5)
    ids, cursor = walk(zendesk, since)
    assert ids == written
    assert walk(zendesk, since, cursor) == ([], cursor)


def test_later_run_brings_what_changed_since_and_nothing_else(
    sandbox: Running, zendesk: ZendeskAdapter, clock: Clock
) -> None:
    since = clock()
    first, second = write(sandbox, 1), write(sandbox, 2)
    clock.pass_(minutes=5)
    ids, cursor = walk(zendesk, since)
    assert ids == [first, second]
    sandbox.world.agent("zendesk", first, "note", text="looked at it")
    clock.pass_(minutes=5)
    assert walk(zendesk, since, cursor)[0] == [first]


def test_most_recent_minute_comes_with_the_next_run(
    sandbox: Running, zendesk: ZendeskAdapter, clock: Clock
) -> None:
    since = clock()
    early = write(sandbox, 1)
    clock.pass_(minutes=5)
    late = write(sandbox, 2)
    ids, cursor = walk(zendesk, since)
    assert ids == [early]
    clock.pass_(minutes=5)
    assert walk(zendesk, since, cursor)[0] == [late]


def test_deleted_ticket_comes_and_is_found_to_be_gone(
    sandbox: Running, zendesk: ZendeskAdapter, clock: Clock
) -> None:
    since = clock()
    number = write(sandbox, 1)
    sandbox.world.agent("zendesk", number, "delete")
    clock.pass_(minutes=5)
    assert walk(zendesk, since)[0] == [number]
    with pytest.raises(TicketGone):
        zendesk.fetch_ticket(number)


def test_start_of_just_now_is_moved_out_of_the_minute_zendesk_refuses(
    sandbox: Running, zendesk: ZendeskAdapter, clock: Clock
) -> None:
    number = write(sandbox, 1)
    clock.pass_(seconds=30)
    for since in (clock(), clock() + timedelta(hours=1)):
        assert zendesk.changed(since, None).ids == (number,)


def test_forgotten_cursor_begins_again_by_itself(
    sandbox: Running, zendesk: ZendeskAdapter, clock: Clock
) -> None:
    since = clock()
    number = write(sandbox, 1)
    clock.pass_(minutes=5)
    page = zendesk.changed(since, "bm90IGEgY3Vyc29y")
    assert page.ids == (number,)
    assert page.cursor == zendesk.changed(since, None).cursor


# -- with odd answers --


@pytest.fixture
def alone() -> Iterator[ZendeskAdapter]:
    adapter = ZendeskAdapter("zd", config(BASE), clock=lambda: NOW)
    yield adapter
    adapter.close()


def export(*ids: object, **more: object) -> dict[str, object]:
    rows = [{"id": number, "generated_timestamp": 1} for number in ids]
    return {"tickets": rows, "after_cursor": "c2", "end_of_stream": True, **more}


def test_first_page_asks_by_time_and_the_next_by_cursor_alone(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    start = int((SINCE - timedelta(minutes=2)).timestamp())
    rest = {"per_page": "500", "support_type_scope": "all"}
    first = {**rest, "start_time": str(start)}
    web.get(
        EXPORT,
        json=export(1, end_of_stream=False, after_cursor="c1"),
        match=[matchers.query_param_matcher(first)],
    )
    web.get(
        EXPORT,
        json=export(2),
        match=[matchers.query_param_matcher({**rest, "cursor": "c1"})],
    )
    page = alone.changed(SINCE, None)
    assert (page.cursor, page.more) == ("c1", True)
    page = alone.changed(SINCE, page.cursor)
    assert (page.ids, page.cursor, page.more) == (("2",), "c2", False)


def test_ticket_that_comes_twice_is_named_once(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    web.get(EXPORT, json=export(7, 8, 7, None, "9"))
    assert alone.changed(SINCE, None).ids == ("7", "8", "9")


@pytest.mark.parametrize(
    ("answer", "cursor", "more"),
    [
        (export(after_cursor=None), "c1", False),
        (export(after_cursor="c1", end_of_stream=False), "c1", False),
        ({"tickets": []}, "c1", False),
    ],
)
def test_export_that_does_not_move_on_has_no_more(
    web: responses.RequestsMock,
    alone: ZendeskAdapter,
    answer: dict[str, object],
    cursor: str,
    more: bool,
) -> None:
    web.get(EXPORT, json=answer)
    page = alone.changed(SINCE, "c1")
    assert (page.cursor, page.more) == (cursor, more)


@pytest.mark.parametrize("status", [400, 404, 410, 422])
def test_any_refusal_of_a_cursor_begins_again_once(
    web: responses.RequestsMock, alone: ZendeskAdapter, status: int
) -> None:
    web.get(EXPORT, status=status, json={"error": "InvalidCursor"})
    with pytest.raises(VendorRefused):
        alone.changed(SINCE, "old")
    asked = [call.request.params for call in web.calls]
    assert ["cursor" in one for one in asked] == [True, False]


def test_export_without_permission_is_refused_and_not_begun_again(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    web.get(EXPORT, status=403, json={"error": {"title": "Forbidden"}})
    with pytest.raises(VendorRefused, match="Forbidden"):
        alone.changed(SINCE, "c1")
    assert len(web.calls) == 1


def test_account_without_the_export_says_so(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    web.get(EXPORT, status=404, json={"error": "InvalidEndpoint"})
    with pytest.raises(NotFound, match="InvalidEndpoint"):
        alone.changed(SINCE, None)


@pytest.mark.parametrize("answer", [[], {}, {"tickets": None}])
def test_answer_that_is_no_export_is_no_end_of_it(
    web: responses.RequestsMock, alone: ZendeskAdapter, answer: object
) -> None:
    web.get(EXPORT, json=answer)
    with pytest.raises(VendorUnavailable, match="an export"):
        alone.changed(SINCE, None)


def test_full_bucket_of_the_export_does_not_stop_the_rest(
    web: responses.RequestsMock, alone: ZendeskAdapter
) -> None:
    words = "Number of allowed incremental export API requests per minute exceeded"
    web.get(
        EXPORT,
        status=429,
        json={"error": "APIRateLimitExceeded", "description": words},
        headers={"Retry-After": "37", "X-Rate-Limit-Remaining": "180"},
    )
    with pytest.raises(VendorBusy, match="incremental export") as caught:
        alone.changed(SINCE, None)
    assert (caught.value.retry_after, caught.value.whole_source) == (37, False)
