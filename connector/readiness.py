"""When a problem is ready to be filed: who complained when, held against thresholds.

What a threshold is stands in ``rules.thresholds``; what follows from one that is
crossed, in ``connector.escalation``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from connector import launches
from connector.config import Config
from connector.grouping import Grouping
from connector.models import GroupState
from connector.store import groups, members
from connector.store.schema import AnyRow
from rules.companies import company
from rules.thresholds import Crossing, Sighting, Thresholds, crossed, usual

#: How many windows of the past say what is usual.
WINDOWS_COMPARED = 12
NOT_FILED = "; not filed: "


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
    if group.state != GroupState.EMERGING or not may_cross(
        config, group.customers, now
    ):
        return
    problems = config.problems
    found = crossing(connection, config, group_id, now)
    since = now - max(problems.window, problems.fast_window)
    alerted = groups.alerted(connection, group_id, since)
    doubt = grouping.doubt(cluster_id, alerted, found.times if found else 0.0)
    if doubt != group.doubt:
        groups.change(connection, group_id, doubt=doubt)


def check(connection: Connection, config: Config, group: AnyRow, now: datetime) -> bool:
    """Make a group ready if it crosses a threshold, and nothing speaks against.

    A complaint may be read late: what it crossed when it was written counts as well.
    """
    if not may_cross(config, group.customers, now):
        return False
    at, found = now, crossing(connection, config, group.id, now)
    if found is None:
        written = members.newest_read(connection, group.id, now)
        if written is not None and written < now:
            at, found = written, crossing(connection, config, group.id, written)
    if found is None or group.doubt:
        reason = f"{found.reason}{NOT_FILED}{group.doubt}" if found else ""
        if reason != group.reason and (found or NOT_FILED in group.reason):
            groups.change(connection, group.id, reason=reason)
        return False
    make_ready(connection, config, group.id, found, at)
    return True


def make_ready(
    connection: Connection,
    config: Config,
    group_id: int,
    found: Crossing,
    at: datetime,
) -> None:
    """Let a problem settle that crossed a threshold then, and be filed after that."""
    groups.change(
        connection,
        group_id,
        state=GroupState.READY,
        rule=found.rule,
        reason=found.reason,
        file_at=at + config.problems.settle,
    )


def may_cross(config: Config, customers: int, now: datetime) -> bool:
    """Tell whether there are enough customers at all; most groups never have them."""
    problems = config.problems
    needed = {problems.customers, problems.fast_customers} - {0}
    needed |= {one.customers for one in launches.current(config, now)}
    return customers * problems.vip_weight >= min(needed, default=0)


def crossing(
    connection: Connection, config: Config, group_id: int, now: datetime
) -> Crossing | None:
    """Hold who complained when against the thresholds, those of launches first.

    What was imported, and what problems before this one had, counts for nothing but
    says what is usual.
    """
    expected = launches.crossing(connection, config, group_id, now)
    if expected is not None:
        return expected
    problems = config.problems
    before = groups.predecessors(connection, group_id)
    counted, past = [], []
    for row in members.sightings(
        connection, [group_id, *before], now - reach(problems)
    ):
        employer = company(row.organization, row.key)
        sighting = Sighting(str(row.customer_id), row.at, employer, row.vip)
        past.append(sighting)
        if row.group_id == group_id and not row.archived:
            counted.append(sighting)
    return crossed(counted, problems, now, usual(past, problems, now))


def reach(thresholds: Thresholds) -> timedelta:
    """Return how long a complaint counts, be it for what is usual."""
    windows = (1 + WINDOWS_COMPARED) * thresholds.window
    return max(windows, thresholds.fast_window)


def customers_between(
    connection: Connection, group_id: int, since: datetime, until: datetime
) -> int:
    """Count who complained between two times, without what was imported."""
    rows = members.sightings(connection, [group_id], since)
    return len({r.customer_id for r in rows if r.at <= until and not r.archived})
