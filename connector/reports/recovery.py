"""Whether a quick answer wins customers back: how soon they were answered, against how
they rated it and whether they had to complain again."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from connector.ratings import Rating
from connector.store import reports
from connector.store.schema import AnyRow

#: Who complains again within this was not won back.
AGAIN = timedelta(days=30)

#: Names of the bands, and up to which wait by the clock on the wall they go.
BANDS = (
    ("up to 1 h", timedelta(hours=1)),
    ("up to 24 h", timedelta(hours=24)),
    ("later", timedelta.max),
)
UNANSWERED = "not answered"


class Band(NamedTuple):
    """Complaints that were answered about as soon, and what came of it."""

    answered: str
    complaints: int
    rated: int
    good: int
    bad: int
    again: int


def bands(connection: Connection, since: datetime, until: datetime) -> list[Band]:
    """Sort the complaints received in a time by how soon they were first answered."""
    rows = reports.answered(connection, since, until)
    times = reports.complaints_by_customer(connection, since, until + AGAIN)
    sorted_in: dict[str, list[AnyRow]] = {name: [] for name, _ in BANDS}
    sorted_in[UNANSWERED] = []
    for row in rows:
        sorted_in[_band(row)].append(row)
    return [_count(name, found, times) for name, found in sorted_in.items()]


def _band(row: AnyRow) -> str:
    if row.first_answer_at is None:
        return UNANSWERED
    wait = row.first_answer_at - row.created_at
    return next(name for name, limit in BANDS if wait <= limit)


def _count(name: str, rows: Sequence[AnyRow], times: dict[int, list[datetime]]) -> Band:
    rated = [row.rating for row in rows if row.rating]
    return Band(
        answered=name,
        complaints=len(rows),
        rated=len(rated),
        good=rated.count(Rating.GOOD),
        bad=rated.count(Rating.BAD),
        again=sum(_complained_again(row, times[row.customer_id]) for row in rows),
    )


def _complained_again(row: AnyRow, times: Sequence[datetime]) -> bool:
    """Tell whether the customer's next complaint came soon after this one."""
    following = bisect_right(times, row.created_at)
    return following < len(times) and times[following] <= row.created_at + AGAIN
