"""When a problem is ready to be filed: who complained when, held against thresholds.

What a threshold is stands in ``rules.thresholds``; what follows from one that is
crossed, in ``connector.escalation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from connector.config import Config
from connector.models import GroupState
from connector.store import groups
from connector.store.schema import AnyRow
from rules.thresholds import Crossing, Sighting, crossed


def check(connection: Connection, config: Config, group: AnyRow, now: datetime) -> bool:
    """Make a group ready if it crosses a threshold now."""
    needed = (config.problems.customers, config.problems.fast_customers)
    if group.customers < min((one for one in needed if one), default=0):
        return False  # too few whatever the window; most groups are never more
    found = crossing(connection, config, group.id, now)
    if found:
        groups.change(
            connection,
            group.id,
            state=GroupState.READY,
            rule=found.rule,
            reason=found.reason,
            file_at=now + config.problems.settle,
        )
    return found is not None


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
