"""People who put problems right: what they type, and what is then so."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from kit import Bench
from loop_kit import Failing, complain, rows

from connector.cli import cli
from connector.errors import VendorUnavailable
from connector.models import IssueDraft, IssueRef, OutboxState
from connector.store import groups, members, outbox, timeline

CRASHES = [
    "The app crashes when I open my profile picture, every single time. Very annoying!",
    "App crashes again when opening the profile picture. This is really bad.",
    "Every time I tap my profile picture the app crashes. Please fix, I am angry.",
    "Your app crashes on the profile picture page, terrible.",
    "The app keeps crashing as soon as I open the profile picture. Awful!",
    "App crash on opening my profile picture, so frustrating.",
]
Say = Callable[..., Result]


def typist(bench: Bench, file: Path) -> Say:
    """Type a ``groups`` command of Anna's on the bench's own database."""

    def type_(*words: object, **more: Any) -> Result:
        raw = {
            "database": {"url": bench.config.database.url},
            "sources": {
                "support": {"kind": "memory"},
                "shop": {"kind": "memory"},
                "tracker": {"kind": "memory"},
            },
            "problems": {
                "tracker": "tracker",
                "project": "SHOP",
                "fast_customers": 0,
                "settle": "0s",
            },
            **more,
        }
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        by = [] if words[0] in ("show", "list") else ["--by", "anna"]
        line = ["groups", *map(str, words), "--config", str(file), *by]
        return CliRunner().invoke(cli, line)

    return type_


def crash(bench: Bench, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        bench.write(
            f"c{number}",
            CRASHES[number % len(CRASHES)],
            f"crasher{number}@mail.example",
            subject="App crash",
        )


def group(bench: Bench, number: int) -> groups.RowMapping:
    with bench.store.read() as connection:
        row = groups.find(connection, number)
    assert row is not None
    return row


def where(bench: Bench, *numbers: int) -> dict[int, list[str]]:
    """Return the tickets of these problems."""
    with bench.store.read() as connection:
        return {
            number: [row.external_id for row in members.tickets_of(connection, number)]
            for number in numbers
        }


def happened(bench: Bench, number: int) -> list[tuple[str, str]]:
    with bench.store.read() as connection:
        return [(one.who, one.kind) for one in timeline.of(connection, number)]


def file_after(bench: Bench) -> None:
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()


def file_unanswered(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    """File what is ready, and lose the answer: before the issue is made, or after."""
    bench.settle()
    bench.clock.pass_(minutes=11)
    lost = VendorUnavailable("no answer")
    Failing(monkeypatch, bench.tracker, "create_issue", lost, 1, after)
    bench.settle()


def listed(bench: Bench) -> list[Any]:
    with bench.store.read() as connection:
        return list(groups.listing(connection, None, 10))


def two_filed(bench: Bench) -> tuple[str, str]:
    complain(bench, 5)
    crash(bench, 5)
    file_after(bench)
    return str(group(bench, 1)["issue_id"]), str(group(bench, 2)["issue_id"])


def approve(bench: Bench) -> None:
    with bench.store.write() as connection:
        ids = [row["id"] for row in rows(bench, OutboxState.PARKED)]
        outbox.retry(connection, ids, bench.clock())
    bench.settle()


def shown(say: Say, number: int) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in say("show", number, "--json").output.splitlines()
    ]


def an_issue(bench: Bench) -> IssueRef:
    draft = IssueDraft(
        project="SHOP", issue_type="Bug", summary="x", description=(), mark="m"
    )
    ref = bench.tracker.create_issue(draft)
    bench.tracker.calls.clear()
    return ref


def read_from(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module("connector.cli.groups")
    opened = nullcontext(bench.runtime.adapters)
    monkeypatch.setattr(module, "open_adapters", lambda _: opened)


def issue_of_others(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> IssueRef:
    """Let two customers complain, and an issue about it be there already."""
    read_from(bench, monkeypatch)
    ref = an_issue(bench)
    complain(bench, 2)
    bench.settle()
    return ref
