"""What tests of the loop in memory share: complaints, a fix, what was written."""

from __future__ import annotations

from typing import Any

import pytest
from kit import Bench

from connector.errors import VendorError
from connector.models import IssueCategory, OutboxState
from connector.store import groups, outbox

COMPLAINTS = [
    "The discount code AUTUMN20 does not work at checkout. I get error E-4012. This is "
    "really annoying, please fix it!",
    "Rabattkoden AUTUMN20 virker ikke i kassen, jeg får feil E-4012. Veldig skuffet!",
    "Alennuskoodi AUTUMN20 ei toimi kassalla, tulee virhe E-4012. Olen todella "
    "pettynyt!",
    "Your discount code AUTUMN20 is rejected at checkout with E-4012. Terrible.",
    "Jeg får ikke brukt rabattkoden AUTUMN20, kassen viser feil E-4012. Dette er for "
    "dårlig.",
]


def complain(bench: Bench, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        bench.write(
            str(number),
            COMPLAINTS[number % len(COMPLAINTS)],
            f"customer{number}@mail.example",
            subject="Discount code",
        )


def the_group(bench: Bench) -> groups.RowMapping:
    with bench.store.read() as connection:
        listed = groups.listing(connection, None, 10)
    assert len(listed) == 1
    return listed[0]


def calls(bench: Bench, name: str) -> list[str]:
    return [
        target
        for adapter in (bench.support, bench.shop, bench.tracker)
        for call, target, _ in adapter.calls
        if call == name
    ]


def file_issue(bench: Bench) -> str:
    complain(bench, 5)
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()
    return str(the_group(bench)["issue_id"])


def fix(bench: Bench, issue: str) -> None:
    """Let the product team fix it, and the fix stand for its settle time."""
    bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed")
    bench.issue_changed(issue)
    bench.settle()
    bench.clock.pass_(minutes=16)
    bench.settle()


def rows(bench: Bench, state: OutboxState | None = None) -> list[dict[str, Any]]:
    with bench.store.read() as connection:
        return [dict(row) for row in outbox.listing(connection, state, 100)]


class Failing:
    """Makes one method of an adapter fail, before or after doing its work."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        adapter: Any,
        name: str,
        error: VendorError,
        times: int,
        after: bool,
    ) -> None:
        self.left = times
        real = getattr(adapter, name)

        def call(*args: Any) -> Any:
            if not self.left:
                return real(*args)
            self.left -= 1
            if after:
                real(*args)
            raise error

        monkeypatch.setattr(adapter, name, call)
