"""Four hundred days of all that happens because time passes, with two schedulers.

From December 2027 on: a leap day, two changes of the clocks, Christmas and Easter, two
weeks in which nothing runs. What came of it is witnessed at the helpdesk and in the
folder of the house.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import holidays
import pytest
from kit import Bench, Clock, settings
from loop_kit import COMPLAINTS
from sqlalchemy import event, exists, func, or_, select

from connector.models import Author, IssueCategory, TicketStatus
from connector.store.problem_tables import groups
from connector.store.schema import deliveries, outbox, tickets

OSLO = ZoneInfo("Europe/Oslo")
FIRST = date(2027, 12, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(400)]

#: Eight days in which nothing runs, and after which it runs again on the leap day.
#: Then eight with the change of the clocks in October.
AWAY = {
    first + timedelta(days=number)
    for first in (date(2028, 2, 21), date(2028, 10, 23))
    for number in range(8)
}
#: Nothing is due on a weekend but what is due on the first of a month.
RUNNING = [
    day for day in DAYS if day not in AWAY and (day.weekday() < 5 or day.day == 1)
]
BACK = (date(2028, 2, 29), date(2028, 10, 31))

KINDS = [
    "My parcel has still not arrived after weeks, a scandal!",
    "The invoice is wrong, you charged me twice, I am furious!",
    "The shoes fell apart after two days, such poor quality!",
    "Nobody answers my mails, terrible customer service!",
]


class Seen(NamedTuple):
    """What left the connectors: on which days tickets got a message; notices by day."""

    messages: dict[str, list[date]]
    notices: dict[date, list[str]]
    one: Bench
    other: Bench


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), OSLO)


def is_free(day: date) -> bool:
    return day.weekday() > 4 or day in holidays.country_holidays("NO")


def third_working_day(day: date) -> date:
    left = 3
    while left:
        day += timedelta(days=1)
        left -= not is_free(day)
    return day


def run_jobs(bench: Bench) -> None:
    """Let a scheduler do everything it does; what fails there fails here."""
    for job in bench.runtime.scheduler._ticker.get_jobs():
        (work,) = job.args
        work()


def has_work(bench: Bench) -> bool:
    """Tell whether worker or senders would find anything."""
    arrived = exists().where(deliveries.c.state == "pending")
    due = (outbox.c.state == "pending") & (outbox.c.due_at <= bench.clock())
    with bench.store.read() as connection:
        return bool(connection.scalar(select(or_(arrived, exists().where(due)))))


def say(bench: Bench, ticket: str, status: TicketStatus) -> None:
    """Let an agent answer a ticket and leave it so."""
    known = bench.support.tickets[ticket]
    answer = replace(
        known.comments[0],
        external_id=f"answer-{ticket}",
        author=Author.AGENT,
        author_id="agent",
        body="Here is your money back.",
        created_at=bench.clock(),
    )
    bench.support.tickets[ticket] = replace(
        known,
        comments=(*known.comments, answer),
        status=status,
        updated_at=bench.clock(),
    )
    bench.changed("support", ticket)


def live(bench: Bench, day: date) -> None:
    """Let customers, agents and the product team do what they do on a day."""
    week, weekday = divmod((day - FIRST).days, 7)
    ticket = f"week{week}"
    email = f"{ticket}@mail.example"
    if weekday == 0:
        bench.write(ticket, KINDS[week % len(KINDS)], email)
    elif weekday == solved_on(week):
        say(bench, ticket, TicketStatus.RESOLVED)
    elif weekday == 5 and says_thanks(week):
        bench.write(ticket, "Thank you, it arrived!", email)
    if day == date(2028, 1, 10):
        for number, text in enumerate(COMPLAINTS):
            bench.write(f"code{number}", text, f"code{number}@mail.example")
    if day == date(2028, 1, 14):
        (issue,) = bench.tracker.issues
        bench.tracker.move_issue(issue, IssueCategory.DONE, "Fixed", bench.clock())
        bench.issue_changed(issue)


def solved_on(week: int) -> int | None:
    """Return on which day of a week, that begins on Wednesday, its ticket is solved."""
    return 1 + (week + 1) % 4 if week % 5 else None


def says_thanks(week: int) -> bool:
    return week % 3 == 0


@pytest.fixture(scope="module")
def seen(blank_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("long")
    database = folder / "connector.db"
    database.write_bytes(blank_file.read_bytes())
    clock = Clock(noon(FIRST))
    one, other = (
        Bench(settings(f"sqlite:///{database}", **changes(folder)), clock)
        for _ in range(2)
    )
    for bench in (one, other):
        event.listen(bench.store.engine, "connect", in_haste)
        bench.store.engine.dispose()
        bench.runtime.scheduler._ticker.start(paused=True)
    for name in ("support", "shop", "tracker"):  # one world, two connectors
        vars(other._memory(name)).update(vars(one._memory(name)))
    found = Seen({}, {}, one, other)
    for day in DAYS:
        clock.now = noon(day)
        live(one, day)
        if day in RUNNING:
            before = len(one.support.calls)
            run_jobs(one)
            if day.weekday() in (0, 3) or day.day == 1 or day in BACK:
                run_jobs(other)  # for the rest of the week it has no time
            if has_work(one):
                one.settle()
            for name, ticket, _ in one.support.calls[before:]:
                if name == "send_message":
                    found.messages.setdefault(ticket, []).append(day)
            found.notices[day] = notices(folder / "lead" / f"{clock.now:%Y-%m-%d}.txt")
    yield found
    for bench in (one, other):
        bench.runtime.scheduler._ticker.shutdown()
        bench.close()


def changes(folder: Path) -> dict[str, Any]:
    return {
        "notify": {
            "channels": {"folder": {"kind": "file", "folder": str(folder / "lead")}},
            "roles": {"lead": ["folder"]},
        },
        "reports": {
            "timezone": "Europe/Oslo",
            "digest_to": "lead",
            "register_to": "lead",
        },
        "checkins": {"enabled": True, "timezone": "Europe/Oslo", "holidays": "NO"},
        "clocks": {
            "pack": "plain",
            "role": "lead",
            "ladder": [{"name": "late", "after": "2h", "role": "lead"}],
        },
        "retention": {"texts": "90d", "deliveries": "7d"},
        "sweep": {"without": ["support", "shop", "tracker"]},
    }


def in_haste(connection: Any, record: object) -> None:
    """Wait for no disk: nothing is killed here."""
    connection.execute("PRAGMA synchronous=OFF")


def notices(file: Path) -> list[str]:
    if not file.exists():
        return []
    said = file.read_text(encoding="utf-8")
    return re.findall(r"^\d\d:\d\d (.+) \[cc-\w+\]$", said, re.MULTILINE)


def reports(seen: Seen, beginning: str) -> list[tuple[date, str]]:
    return [
        (day, said.removeprefix(beginning))
        for day, listed in seen.notices.items()
        for said in listed
        if said.startswith(beginning)
    ]


def test_digest_of_each_week_goes_out_once_and_of_those_missed_only_the_last(
    seen: Seen,
) -> None:
    expected: list[tuple[date, str]] = []
    for day in RUNNING:
        year, week, _ = (day - timedelta(days=7)).isocalendar()
        name = f"{year}-W{week:02}"
        if day >= FIRST + timedelta(days=5) and name not in {
            one for _, one in expected
        }:
            expected.append((day, name))
    assert reports(seen, "Complaints in week ") == expected
    assert "2028-W07" not in {name for _, name in expected}
    assert (BACK[0], "2028-W08") in expected


def test_register_of_each_month_goes_out_once(seen: Seen) -> None:
    names = [f"2027-{12:02}", *(f"2028-{month:02}" for month in range(1, 13))]
    days = [date(2028, month, 1) for month in range(1, 13)] + [date(2029, 1, 1)]
    found = reports(seen, "Complaint register of ")
    assert found == list(zip(days, names, strict=True))


def test_each_is_asked_once_on_the_third_working_day_or_not_at_all(seen: Seen) -> None:
    expected = {}
    for week in range(len(DAYS) // 7 - 1):  # that of the last one is due later
        solved = solved_on(week)
        if solved is None or says_thanks(week):
            continue
        known = first_running(FIRST + timedelta(days=7 * week + solved))
        due = third_working_day(known)
        asked = first_running(due)
        if asked <= due + timedelta(days=5):
            expected[f"week{week}"] = [asked]
    asked = {
        ticket: days
        for ticket, days in seen.messages.items()
        if ticket.startswith("week")
    }
    assert asked == expected
    assert "week11" not in asked  # due on the second day of the first pause
    assert len(asked) > 25
    days = [day for found in asked.values() for day in found]
    assert not any(map(is_free, days))


def first_running(day: date) -> date:
    return next(one for one in RUNNING if one >= day)


def test_customers_are_told_of_the_fix_once(seen: Seen) -> None:
    told = {name: len(days) for name, days in seen.messages.items() if "code" in name}
    assert told == {f"code{number}": 1 for number in range(5)}
    with seen.one.store.read() as connection:
        query = select(groups.c.state).where(groups.c.issue_id.is_not(None))
        assert connection.scalars(query).all() == ["closed"]


def test_no_day_brings_a_flood_and_none_after_a_pause(seen: Seen) -> None:
    by_day = {day: len(said) for day, said in seen.notices.items()}
    assert max(by_day.values()) <= 4
    for day in BACK:
        # What was missed is summed up.
        assert by_day[day] <= 4
        assert sum(day in days for days in seen.messages.values()) <= 1


def test_what_is_old_is_let_go_of(seen: Seen) -> None:
    now = noon(RUNNING[-1])
    with seen.one.store.read() as connection:
        kept = select(func.count()).where(
            deliveries.c.received_at < now - timedelta(days=9)
        )
        assert connection.scalar(kept) == 2  # the first of each source
        last = select(func.min(tickets.c.updated_at)).where(tickets.c.text != "")
        oldest = connection.scalar(last)
    assert oldest is not None
    assert now - timedelta(days=93) < oldest < now - timedelta(days=80)


def test_looking_again_brings_nothing_new(seen: Seen) -> None:
    def count() -> int:
        with seen.one.store.read() as connection:
            return int(connection.scalar(select(func.count(outbox.c.id))) or 0)

    before = count()
    run_jobs(seen.other)
    run_jobs(seen.one)
    seen.one.settle()
    assert count() == before
