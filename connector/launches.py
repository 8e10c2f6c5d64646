"""Problems expected after a launch: noticed by fewer customers than others.

What makes a complaint one that was expected is told in ``rules.launches``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector.config import Config
from connector.config_problems import Launch
from connector.store import members
from rules.features import Features
from rules.launches import is_about, label
from rules.thresholds import Crossing, Sighting, Thresholds, crossed


def current(config: Config, now: datetime) -> Sequence[Launch]:
    """Return the launches that are watched now."""
    return [one for one in config.problems.launches if one.since <= now < one.until]


def crossing(
    connection: Connection, config: Config, group_id: int, now: datetime
) -> Crossing | None:
    """Say whether what was expected of a launch has come to a problem.

    Only complaints count that are about it themselves, and came since it.
    """
    watched = current(config, now)
    if not watched:
        return None
    rows = members.complaints(
        connection, group_id, now - max(one.window for one in watched)
    )
    complaints = [
        (Sighting(str(row.customer_id), row.at), Features.from_json(row.features))
        for row in rows
    ]
    return expected(watched, complaints, now)


def expected(
    watched: Iterable[Launch],
    complaints: Sequence[tuple[Sighting, Features]],
    now: datetime,
) -> Crossing | None:
    """Say whether one problem's complaints are what was expected of a launch."""
    for launch in watched:
        about = [
            sighting
            for sighting, said in complaints
            if sighting.at >= launch.since
            and is_about(said, launch.types, launch.words)
        ]
        found = crossed(about, _thresholds(launch.customers, launch.window), now)
        if found is not None:
            reason = f"{found.reason} after {launch.name}"
            return found._replace(rule=label(launch.name), reason=reason)
    return None


def labels(config: Config, rule: str) -> list[str]:
    """Return the label of the launch by whose threshold something is filed."""
    known = {label(launch.name) for launch in config.problems.launches}
    return [rule] if rule in known else []


def _thresholds(customers: int, window: timedelta) -> Thresholds:
    return Thresholds(
        customers=customers, window=window, fast_customers=0, usual_factor=0
    )
