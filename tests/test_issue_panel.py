"""The panel on an issue says how its problem stands, and follows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from checkin_kit import SQLITE
from kit import Bench
from loop_kit import Failing, complain, file_issue, fix, rows, the_group
from sqlalchemy import update

from connector import issue_panel, steering
from connector.errors import VendorRefused
from connector.models import IssueCategory, IssueChange, Operation, OutboxState
from connector.store import outbox, schema

DONE = datetime(2026, 3, 1, tzinfo=UTC)


def written(bench: Bench) -> list[IssueChange]:
    return [said for name, _, said in bench.tracker.calls if name == "update_issue"]


def later(bench: Bench, issue: str, minutes: int = 11) -> None:
    """Let the issue be read, and what there is to say of it be written."""
    bench.clock.pass_(minutes=minutes)
    bench.issue_changed(issue)
    bench.settle()
    bench.clock.pass_(minutes=minutes)
    bench.settle()


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, "known, not fixed yet"),
        ({"issue_category": "new"}, "known, not fixed yet"),
        ({"issue_category": "indeterminate"}, "known, being fixed"),
        (
            {"episode": 2, "done_at": DONE},
            "came back: complaints again after it was done on 2026-03-01",
        ),
        (
            {"episode": 2, "done_at": DONE, "last_at": DONE},
            "open again, after it was done on 2026-03-01",
        ),
        (
            {"state": "fixed", "done_at": DONE, "issue_category": "done"},
            "fixed on 2026-03-01, watched for a return",
        ),
        (
            {"state": "closed", "done_at": DONE, "issue_category": "done"},
            "fixed on 2026-03-01, and did not come back",
        ),
        (
            {"state": "wont_do", "done_at": DONE},
            "closed without a fix; it is counted, and no customer is told",
        ),
        (
            {"state": "wont_do", "muted_from": "filed"},
            "nothing is done about it; it is counted, and no customer is told",
        ),
    ],
)
def test_state_is_said_in_words(known: dict[str, Any], said: str) -> None:
    usual = {"state": "filed", "muted_from": None, "done_at": None, "episode": 1}
    times = {"last_at": DONE.replace(day=9), "issue_category": None}
    group: Any = SimpleNamespace(**{**usual, **times, **known})
    assert issue_panel.state("en", group) == said


@SQLITE
def test_panel_says_all_at_a_glance_and_nothing_of_anybody(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(server={"public_url": "https://cc.example/in/"})
    issue = file_issue(bench)
    (draft,) = bench.tracker.drafts.values()
    assert draft.counts == (
        "Problem 1: known, not fixed yet",
        "Customers: 5",
        "Tickets: 5",
        "First seen: 2026-03-02 09:00 UTC",
        "Last seen: 2026-03-02 09:00 UTC",
        "Trend: 5 customers in the week up to the last complaint, 0 in the week before",
        "About: Discount pricing, Product quality",
        "Languages: en, fi, nb",
    )
    assert draft.address == "https://cc.example/in/problems/1"
    later(bench, issue)
    bench.clock.pass_(days=10)
    bench.tracker.calls.clear()
    complain(bench, 2, start=5)
    bench.settle()
    (change,) = written(bench)
    assert change.counts[5].startswith("Trend: 2 customers in the week up to the last")
    assert change.counts[5].endswith(", 5 in the week before")
    assert change.as_of == f"As of: {bench.clock():%Y-%m-%d %H:%M} UTC"


@SQLITE
def test_panel_follows_the_issue_and_is_not_written_for_nothing(bench: Bench) -> None:
    issue = file_issue(bench)
    later(bench, issue)
    bench.tracker.calls.clear()
    for _ in range(3):
        later(bench, issue)
    assert written(bench) == []
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)
    later(bench, issue)
    fix(bench, issue)
    later(bench, issue)
    said = [one.counts[0] for one in written(bench)]
    assert said == [
        "Problem 1: known, being fixed",
        "Problem 1: fixed on 2026-03-02, watched for a return",
    ]


@SQLITE
def test_issue_that_takes_no_edits_once_it_is_done_needs_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = file_issue(bench)
    later(bench, issue)
    no = VendorRefused("the issue is closed", status=400)
    refused = Failing(monkeypatch, bench.tracker, "update_issue", no, 9, after=False)
    fix(bench, issue)
    later(bench, issue)
    assert (refused.left, rows(bench, OutboxState.PARKED)) == (8, [])
    bench.tracker.move_issue(issue, IssueCategory.IN_PROGRESS)
    later(bench, issue)
    assert [row["operation"] for row in rows(bench, OutboxState.PARKED)] == [
        Operation.UPDATE_ISSUE
    ]


@SQLITE
def test_panel_says_that_nothing_is_done(bench: Bench) -> None:
    issue = file_issue(bench)
    later(bench, issue)
    with bench.store.write() as connection:
        steering.wont_do(connection, bench.config, 1, "anna", bench.clock())
    bench.settle()
    assert written(bench)[-1].counts[0].startswith("Problem 1: nothing is done about")


@SQLITE
def test_issue_of_an_earlier_version_is_brought_up_to_date_once(bench: Bench) -> None:
    issue = file_issue(bench)
    later(bench, issue)
    numbers = ["Customers: 5", "Tickets: 5"]
    with bench.store.write() as connection:
        last = outbox.latest(connection, the_group(bench)["id"], Operation.UPDATE_ISSUE)
        assert last is not None
        new = {"address", "as_of"}
        said = {key: last.payload[key] for key in last.payload.keys() - new}
        change = update(schema.outbox).where(schema.outbox.c.id == last.id)
        connection.execute(change.values(payload={**said, "counts": numbers}))
    bench.tracker.calls.clear()
    for _ in range(3):
        later(bench, issue)
    (one,) = written(bench)
    assert one.counts[0] == "Problem 1: known, not fixed yet"
    assert one.known_counts >= set(numbers)
