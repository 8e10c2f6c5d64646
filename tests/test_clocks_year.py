"""Deadlines where the calendar is odd, and none of them told of twice.

Christmas, a leap day with the clocks' change and Easter, a week of nobody, and the
other change; that nothing floods in between is shown by ``test_long_run``. Two
schedulers look. Of the complaints some are answered in time, some late, some never.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from kit import Bench, Clock, settings
from loop_kit import COMPLAINTS

from connector import clocks
from connector.models import Author, TicketStatus
from connector.store import clocks as rows
from connector.store import outbox

SPANS = [
    (date(2027, 12, 20), 14),
    (date(2028, 2, 21), 64),
    (date(2028, 5, 29), 18),
    (date(2028, 10, 23), 12),
]
DAYS = [first + timedelta(days=day) for first, count in SPANS for day in range(count)]
#: Nobody looks in this week.
AWAY = (date(2028, 6, 5), date(2028, 6, 12))
OSLO = ZoneInfo("Europe/Oslo")
OFFICE = {
    "timezone": "Europe/Oslo",
    "holidays": "NO",
    "hours": dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-16:00"),
}
LADDER = [
    {"name": "first", "after": "2h", "role": "lead"},
    {"name": "second", "after": "2d", "role": "lead"},
]


def test_deadlines_are_met_or_told_of_once_when_people_work(
    blank_sqlite: str, tmp_path: Path
) -> None:
    bench = Bench(
        settings(
            blank_sqlite,
            calendars={"office": OFFICE},
            sources={
                "support": {"kind": "memory", "calendar": "office"},
                "shop": {"kind": "memory"},
                "tracker": {"kind": "memory"},
            },
            clocks={"pack": "plain", "within": "8h", "role": "lead", "ladder": LADDER},
            notify={
                "channels": {"all": {"kind": "file", "folder": str(tmp_path / "told")}},
                "roles": {"lead": ["all"]},
            },
        ),
        Clock(),
    )
    for day, today in enumerate(DAYS):
        bench.clock.now = datetime.combine(today, time(7), UTC)
        if day % 16 == 0:
            bench.write(str(day), COMPLAINTS[0], f"customer{day}@mail.example")
            bench.settle()
        began, number = day % 16, str(day - day % 16)
        # Every third at once, every third a week later, and the others never.
        if (began, day // 16 % 3) in ((0, 0), (7, 1)):
            answer_and_solve(bench, number)
        if AWAY[0] <= today < AWAY[1]:
            continue
        for _ in range(2):
            look_twice(bench)
            bench.clock.pass_(hours=6)
    found = everything(bench)
    bench.close()

    states = Counter((row.kind, row.state) for row in found)
    assert states["first_answer", "met"] == 3
    assert states["first_answer", "late"] == 2
    assert states["first_answer", "running"] == 2
    calendar = bench.config.calendar("support")
    for row in found:
        last = (row.due_at - timedelta(seconds=1)).astimezone(OSLO)
        assert calendar.is_open(last.date()), row
        assert 8 <= last.hour < 16, row
        assert row.step == 0 or row.state != "met" or row.ended_at <= row.due_at

    told = "".join(file.read_text("utf-8") for file in (tmp_path / "told").iterdir())
    lines = Counter(
        (notice.partition("[")[0][6:], line)
        for notice in told.split("\n\n")
        for line in notice.splitlines()[1:]
    )
    assert max(lines.values()) == 1, lines.most_common(1)
    # What came near, passed and passed again while nobody looked is told of once.
    missed = "support 80: Word to the customer due 2028-06-08 16:00"
    (said,) = [notice for notice, line in lines if line[2:].startswith(missed)]
    assert said.startswith("Deadlines that have passed: second")


def answer_and_solve(bench: Bench, number: str) -> None:
    known = bench.support.tickets[number]
    words = replace(
        known.comments[0],
        external_id=f"answer-{number}",
        author=Author.AGENT,
        body="It works again.",
        created_at=bench.clock.pass_(minutes=30),
    )
    bench.support.tickets[number] = replace(
        known,
        comments=(*known.comments, words),
        status=TicketStatus.RESOLVED,
        updated_at=bench.clock(),
    )
    bench.changed("support", number)
    bench.settle()


def look_twice(bench: Bench) -> None:
    moved = 0
    for _ in range(2):
        with bench.store.write() as connection:
            moved += clocks.review(connection, bench.config, bench.clock())
    if moved:
        bench.settle()
        bench.clock.pass_(minutes=1)
        bench.settle()


def everything(bench: Bench) -> list[Any]:
    with bench.store.read() as connection:
        parked = outbox.listing(connection, "parked", 1)
        assert not parked
        numbers = range(1, len(bench.support.tickets) + 1)
        return [row for one in numbers for row in rows.of_ticket(connection, one)]
