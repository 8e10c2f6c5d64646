"""The first page: how much was complained of what, and what needs a person now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from connector import share
from connector.dashboard.desk import Desk
from connector.dashboard.pages import kinds, page
from connector.dashboard.status import gather
from connector.store import overview as counts
from connector.store.clocks import ClockState
from rules.verdict import TYPES

#: Days on the chart, and of the share of each type.
DAYS = 30
SHARE_DAYS = 7

#: Tickets of which nobody knows yet if they are complaints: counted, and named.
UNSURE, NAMED = 100, 5


class Share(NamedTuple):
    """A type's part of the last week's complaints, and of the weeks before."""

    name: str
    complaints: int
    part: float
    usual: float | None
    is_alarming: bool


def register(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/")
    def overview() -> ResponseReturnValue:
        now = desk.clock()
        with desk.store.read() as connection:
            shown = _gather(desk, connection, now)
        return page(
            "overview.html",
            s=gather(desk, now),
            **shown,
        )


def _gather(desk: Desk, connection: Connection, now: datetime) -> dict[str, Any]:
    midnight = datetime.combine(now.date(), datetime.min.time(), UTC)
    since = midnight - timedelta(days=DAYS - 1)
    volume = counts.by_day(connection, since, DAYS)
    # The days whose complaints are counted, so that each number is of the same time.
    week = since + timedelta(days=DAYS - SHARE_DAYS)
    ended = counts.clocks_ended(connection, week, now)
    late = counts.overdue(connection, week, now)
    met, all_ended = ended.get(ClockState.MET, 0), sum(ended.values()) + late
    complaints = sum(
        count for (day, _), count in volume.items() if day >= DAYS - SHARE_DAYS
    )
    return {
        "chart_data": _chart(volume, since),
        "shares": _shares(desk, volume, share.alarms(connection)),
        "complaints": complaints,
        "praised": counts.praised(connection, week, now),
        "clocks": {"met": met, "ended": all_ended},
        "days": SHARE_DAYS,
        "unsure": counts.unsure(connection, since, UNSURE + 1),
        "unsure_named": NAMED,
        "unsure_most": UNSURE,
    }


def _chart(volume: Mapping[tuple[int, str], int], since: datetime) -> dict[str, Any]:
    """Return the days, and for each type that came up how many there were on each."""
    came = [kind for kind in TYPES if any(one == kind for _, one in volume)]
    return {
        "days": [f"{since + timedelta(days=day):%Y-%m-%d}" for day in range(DAYS)],
        "series": [
            {
                "name": kinds([kind]),
                "values": [volume.get((day, kind), 0) for day in range(DAYS)],
            }
            for kind in came
        ],
    }


def _shares(
    desk: Desk, volume: Mapping[tuple[int, str], int], alarms: Mapping[str, Any]
) -> list[Share]:
    first = DAYS - SHARE_DAYS
    late = {
        kind: sum(volume.get((day, kind), 0) for day in range(first, DAYS))
        for kind in TYPES
    }
    early = {
        kind: sum(volume.get((day, kind), 0) for day in range(first)) for kind in TYPES
    }
    whole, before = sum(late.values()), sum(early.values())
    return [
        Share(
            kinds([kind]),
            count,
            count / whole,
            early[kind] / before if before else None,
            kind in alarms,
        )
        for kind, count in sorted(late.items(), key=lambda item: -item[1])
        if count
    ]
