"""When a problem is ready to be filed: who complained when, held against thresholds.

What a threshold is stands in ``rules.thresholds``; what follows from one that is
crossed, in ``connector.escalation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from connector.config import Config
from connector.grouping import Grouping
from connector.models import GroupState
from connector.store import groups
from connector.store.schema import AnyRow
from rules.thresholds import Crossing, Sighting, crossed


def weigh(
    connection: Connection,
    config: Config,
    grouping: Grouping,
    group_id: int,
    cluster_id: int,
    now: datetime,
) -> None:
    """Note what speaks against filing a problem, now that a complaint has come.

    Only who places complaints knows what is usual; everybody else goes by this.
    """
    group = groups.get(connection, group_id)
    if group.state != GroupState.EMERGING or not _may_cross(config, group):
        return
    problems = config.problems
    since = now - max(problems.window, problems.fast_window)
    alerted = groups.alerted(connection, group_id, since)
    doubt = grouping.doubt(cluster_id, alerted)
    if doubt != group.doubt:
        groups.change(connection, group_id, doubt=doubt)


def check(connection: Connection, config: Config, group: AnyRow, now: datetime) -> bool:
    """Make a group ready if it crosses a threshold now, and nothing speaks against."""
    if not _may_cross(config, group):
        return False
    found = crossing(connection, config, group.id, now)
    if found is None or group.doubt:
        reason = f"{found.reason}; not filed: {group.doubt}" if found else ""
        if reason != group.reason:
            groups.change(connection, group.id, reason=reason)
        return False
    groups.change(
        connection,
        group.id,
        state=GroupState.READY,
        rule=found.rule,
        reason=found.reason,
        file_at=now + config.problems.settle,
    )
    return True


def _may_cross(config: Config, group: AnyRow) -> bool:
    """Tell whether there are enough customers at all; most groups never have them."""
    needed = (config.problems.customers, config.problems.fast_customers)
    return bool(group.customers >= min((one for one in needed if one), default=0))


def crossing(
    connection: Connection, config: Config, group_id: int, now: datetime
) -> Crossing | None:
    sightings = [
        Sighting(str(row.customer_id), row.at)
        for row in groups.sightings(connection, group_id)
    ]
    usual = _usual(sightings, config, now)
    return crossed(sightings, config.problems, now, usual)


def _usual(sightings: Sequence[Sighting], config: Config, now: datetime) -> float:
    """Return how many customers this problem had per window before this window."""
    window = config.problems.window
    before = [sighting for sighting in sightings if sighting.at <= now - window]
    if not before:
        return 0.0
    span = now - window - min(sighting.at for sighting in before)
    return len({sighting.customer for sighting in before}) / max(span / window, 1.0)
