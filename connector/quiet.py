"""Quiet customers: who complained and fell silent, or is unhappy and says nothing why.

They are listed for people once a week, and nobody is written to because of that.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from connector.config import Config
from connector.ratings import NPS
from connector.store import quiet as rows
from connector.store import reports, tasks
from connector.store.schema import AnyRow
from connector.store.tasks import TaskKind

WEEK = timedelta(days=7)

#: After a longer pause of the scheduler what is older is not listed any more.
LOOKS_BACK = 4 * WEEK

#: Who wrote of anything within this has told us what is wrong.
LATELY = timedelta(days=30)


_WHY = {
    TaskKind.SILENT: "silent since it was solved on {day}",
    TaskKind.BAD_RATING: "rated bad without a word",
    TaskKind.DETRACTOR: "would not recommend us, without a ticket",
}


class Quiet(NamedTuple):
    """A ticket whose customer is to be looked after."""

    kind: TaskKind
    customer_id: int
    ticket_id: int
    source: str
    external_id: str
    number: str
    url: str
    emotion: int
    complaints: int
    solved_on: str

    @property
    def why(self) -> str:
        """Say why, in no words of theirs."""
        why = _WHY[self.kind].format(day=self.solved_on)
        if self.complaints > 1:
            return f"{why}; {self.complaints} complaints so far"
        return why


def customers(
    connection: Connection, config: Config, since: datetime, until: datetime
) -> list[Quiet]:
    """Return whom people should look after, of this time, the strongest feelings first.

    Of a silence the day counts on which it had lasted ``quiet.after``.
    """
    pause = config.quiet.after
    found = [
        *(
            _quiet(TaskKind.SILENT, row)
            for row in rows.silent(connection, since - pause, until - pause)
        ),
        *(
            _quiet(TaskKind.BAD_RATING, row)
            for row in rows.rated_bad(connection, since, until)
        ),
        *(
            _quiet(TaskKind.DETRACTOR, row)
            for row in rows.detractors(connection, NPS, since, until, LATELY)
        ),
    ]
    return sorted(
        found, key=lambda one: (-one.emotion, -one.complaints, one.kind, one.ticket_id)
    )


def queue_due(connection: Connection, config: Config, now: datetime) -> int:
    """Make tasks of the last whole week's quiet customers; return how many.

    Once for each week, whoever asks and how often; at most ``quiet.most`` of them.
    Weeks that nobody listed are listed with it. A bad rating is a task already.
    """
    most = config.quiet.most
    until = _monday(now)
    week = _name(until - WEEK)
    before = rows.newest_list(connection)
    if not most or not reports.begin(connection, rows.REPORT, week, now):
        return 0
    since = until - WEEK
    if before is not None:
        since = min(since, max(_end(before), until - LOOKS_BACK))
    listed = [
        one
        for one in customers(connection, config, since, until)
        if one.kind is not TaskKind.BAD_RATING
    ][:most]
    for one in listed:
        tasks.ask(
            connection,
            f"{one.kind}:{one.ticket_id}",
            one.kind,
            one.why,
            now,
            customer_id=one.customer_id,
            ticket_id=one.ticket_id,
        )
    return len(listed)


def _quiet(kind: TaskKind, row: AnyRow) -> Quiet:
    return Quiet(
        kind=kind,
        customer_id=row.customer_id,
        ticket_id=row.id,
        source=row.source,
        external_id=row.external_id,
        number=row.number,
        url=row.url,
        emotion=row.verdict.get("emotion", 0),
        complaints=row.complaints,
        solved_on=f"{row.solved_at:%Y-%m-%d}" if row.solved_at else "",
    )


def _monday(now: datetime) -> datetime:
    """Return when the present week began."""
    today = now.astimezone(UTC).date()
    return _start(today - timedelta(days=today.weekday()))


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _name(monday: datetime) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"


def _end(week: str) -> datetime:
    year, _, number = week.partition("-W")
    return _start(date.fromisocalendar(int(year), int(number), 1)) + WEEK
