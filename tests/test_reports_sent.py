"""Reports that go out by themselves: once each, the latest only, to a role."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from kit import Bench, Clock, settings
from loop_kit import COMPLAINTS, complain, rows

from connector.models import OutboxState
from connector.reports import posting, register
from connector.reports.periods import month
from connector.store import outbox

OSLO = ZoneInfo("Europe/Oslo")


def oslo(words: str) -> datetime:
    return datetime.fromisoformat(words).replace(tzinfo=OSLO)


def with_reports(folder: Path, **reports: Any) -> dict[str, Any]:
    return {
        "notify": {
            "channels": {"folder": {"kind": "file", "folder": str(folder)}},
            "roles": {"lead": ["folder"]},
        },
        "reports": {
            "timezone": "Europe/Oslo",
            "digest_to": "lead",
            "register_to": "lead",
            **reports,
        },
    }


@pytest.fixture
def make(blank_sqlite: str, tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def build(start: str = "2026-10-14T12:00", **reports: Any) -> Bench:
        changes = with_reports(tmp_path / "lead", **reports)
        made.append(Bench(settings(blank_sqlite, **changes), Clock(oslo(start))))
        complain(made[-1], 3)
        made[-1].settle()
        return made[-1]

    yield build
    for bench in made:
        bench.close()


def tick(bench: Bench, at: str) -> int:
    """Let the scheduler look, at a time in Oslo; return how many reports it made."""
    bench.clock.now = oslo(at)
    made = posting.queue_due(bench.store, bench.config, bench.clock())
    bench.settle()
    return made


def asked(bench: Bench) -> list[tuple[str, str]]:
    found = [row for row in rows(bench) if row["operation"] == "notify"]
    return sorted((row["dedup_key"].split(":", 2)[2], row["state"]) for row in found)


def test_digest_goes_out_on_monday_at_its_hour_and_once(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make(register_to="")
    assert tick(bench, "2026-10-19T06:59") == 0
    assert tick(bench, "2026-10-19T07:00") == 1
    assert tick(bench, "2026-10-19T07:00") == 0
    assert tick(bench, "2026-10-25T23:59") == 0
    assert asked(bench) == [("digest:2026-W42:folder", "done")]
    said = (tmp_path / "lead" / "2026-10-19.txt").read_text(encoding="utf-8")
    assert "Complaints in week 2026-W42" in said
    assert "All complaints: 3" in said
    # The clocks changed on Sunday.
    assert tick(bench, "2026-10-26T07:00") == 1


def test_register_goes_along_as_it_is_when_it_is_sent(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make(digest_to="", format="json")
    assert tick(bench, "2026-10-31T23:59") == 0
    assert tick(bench, "2026-11-01T07:00") == 1
    with bench.store.read() as connection:
        lines = register.lines(connection, bench.config, month("2026-10", OSLO))
        row = outbox.by_key(connection, "notice:report:register:2026-10:folder")
    sent = (tmp_path / "lead" / "register-2026-10.json").read_text(encoding="utf-8")
    assert sent == register.as_json(lines)
    assert len(lines) == 3
    # It is not kept with the notice, where nobody would look for what is to be erased.
    assert row is not None
    assert "support:0" not in str(row.payload)
    assert "3 complaints were received in 2026-10." in str(row.payload)


def test_of_reports_that_were_missed_only_the_latest_goes_out(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    assert tick(bench, "2026-12-24T12:00") == 2
    assert tick(bench, "2026-12-24T12:05") == 0
    assert asked(bench) == [
        ("digest:2026-W51:folder", "done"),
        ("register:2026-11:folder", "done"),
    ]


def test_nothing_is_told_of_a_time_before_the_first_ticket(
    make: Callable[..., Bench],
) -> None:
    bench = make()
    assert tick(bench, "2026-10-14T13:00") == 0


def test_digest_that_nobody_could_be_sent_gives_way_to_the_next(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make()
    (tmp_path / "lead").write_text("not a folder")
    tick(bench, "2026-10-19T08:00")
    tick(bench, "2026-10-26T08:00")
    tick(bench, "2026-11-02T08:00")
    (tmp_path / "lead").unlink()
    assert asked(bench) == [
        ("digest:2026-W42:folder", "discarded"),
        ("digest:2026-W43:folder", "discarded"),
        ("digest:2026-W44:folder", "pending"),
        ("register:2026-10:folder", "pending"),
    ]


def test_two_schedulers_make_a_report_once(database_url: str, tmp_path: Path) -> None:
    changes = with_reports(tmp_path / "lead")
    clock = Clock(oslo("2026-10-14T12:00"))
    one, other = (Bench(settings(database_url, **changes), clock) for _ in range(2))
    one.write("1", COMPLAINTS[0], "kari@mail.example")
    one.settle()
    clock.now = oslo("2026-11-02T08:00")
    real = posting.reports.is_wanted
    made = []

    def both_look_first(*asked: Any) -> bool:
        """Let the other one make it while this one still writes its own."""
        is_wanted = real(*asked)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(posting.reports, "is_wanted", real)
            made.append(posting.queue_due(other.store, other.config, clock()))
        return is_wanted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(posting.reports, "is_wanted", both_look_first)
        assert posting.queue_due(one.store, one.config, clock()) == 0
    assert made == [2, 0]
    assert len(asked(one)) == 2
    one.close()
    other.close()


def test_nobody_is_told_who_did_not_ask_for_it(make: Callable[..., Bench]) -> None:
    bench = make(digest_to="", register_to="")
    assert tick(bench, "2026-11-02T08:00") == 0


def test_scheduler_makes_reports(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.clock.now = oslo("2026-10-19T08:00")
    job = bench.runtime.scheduler._ticker.get_job("reports")
    job.func(*job.args)
    assert len(rows(bench, OutboxState.PENDING)) == 1
