"""What is to be seen of a problem on its tickets, and that all of them show it.

Tag and notes are computed when a ticket is decided, from the problem as it stands then;
``keep_up`` lets its tickets be decided again once there is something else to show.
What notes say is ``connector.noting``.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection

from connector.case import Case
from connector.config import Config
from connector.models import (
    EventKind,
    GroupState,
    IssueCategory,
    TicketStatus,
)
from connector.store import deliveries, groups, shown
from connector.store.schema import AnyRow

#: Tickets that nothing is shown on any more.
OVER = (TicketStatus.CLOSED, TicketStatus.SPAM, TicketStatus.DELETED)

#: So many tickets of a source are read again at once; of more, each some time later.
AT_ONCE = 20
APART = timedelta(seconds=3)


class Kind(StrEnum):
    NOTHING = "nothing"  #: too few complain of it to call it a problem
    READY = "ready"  #: a problem, with no issue yet
    KNOWN = "known"  #: it has an issue
    FIXED = "fixed"  #: its issue is done as fixed, and customers were told
    AGAIN = "again"  #: its issue was done, and is open again
    WONT_DO = "wont_do"  #: its issue is done, but not as fixed, or a person said so


class Sight(NamedTuple):
    """What is to be seen of a problem. Nobody is told of a state that is ``passing``.

    Who has no note yet reads about that, too.
    """

    group: AnyRow
    kind: Kind
    passing: bool

    @property
    def stage(self) -> str:
        """Name all that agents can see, and the counts change nothing of."""
        group = self.group
        if self.kind is Kind.NOTHING:
            return ""
        if self.passing:
            return f"{group.id} passing"
        if self.kind is Kind.READY:
            return f"{group.id} {self.kind}"
        return f"{group.id} {self.kind} {group.episode} {group.issue_key}"

    @property
    def news(self) -> str:
        """Name what a ticket gets at most one note of; empty: there is none."""
        group = self.group
        if self.kind is Kind.WONT_DO and groups.is_declined(group):
            return f"{self.kind}:{group.episode}:declined"
        if self.kind is Kind.READY and is_reconsidered(group):
            return f"{self.kind}:{group.episode}"
        if group.issue_id is None or self.kind is Kind.NOTHING:
            return ""
        return f"{self.kind}:{group.episode}:{group.tracker}:{group.issue_id}"

    @property
    def tag(self) -> str:
        return "" if self.kind is Kind.NOTHING else f"problem-{self.group.id}"


def sight(config: Config, group: AnyRow, now: datetime) -> Sight:
    """Say what is to be seen of a problem as it stands."""
    passing = _is_passing(config, group, now)
    kind = _kind(group, passing)
    return Sight(group, kind, passing and kind is not Kind.NOTHING)


def _kind(group: AnyRow, passing: bool) -> Kind:
    state = GroupState(group.state)
    if state is GroupState.WONT_DO and not passing:
        return Kind.WONT_DO
    if state is GroupState.MERGED:
        return Kind.NOTHING
    if GroupState.EMERGING in (state, group.muted_from) and not is_reconsidered(group):
        return Kind.NOTHING
    if group.issue_id is None:
        return Kind.READY
    if state in (GroupState.FIXED, GroupState.CLOSED) and not passing:
        return Kind.FIXED
    return Kind.AGAIN if group.episode > 1 and group.done_at else Kind.KNOWN


def is_reconsidered(group: AnyRow) -> bool:
    """Tell whether agents may have read that nothing is done about it, as it is not so.

    Without an issue only that ends an episode.
    """
    return group.episode > 1 and group.issue_id is None


def _is_passing(config: Config, group: AnyRow, now: datetime) -> bool:
    """Tell whether the next look may find something else: nobody is told of it yet."""
    state = GroupState(group.state)
    if state in (GroupState.FIXED, GroupState.CLOSED):
        return group.announced_at is None
    if groups.is_declined(group):
        return group.announce_at is not None
    if state is GroupState.WONT_DO:
        # Workflows may set the resolution in a step of its own.
        return bool(now < group.done_at + config.problems.fix_settle)
    if state is GroupState.FILED:
        return bool(group.issue_category == IssueCategory.DONE)
    if groups.is_held(group):
        return group.announce_at is not None
    return state is GroupState.MUTED


def keep_up(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """Let tickets be decided again that show an earlier state, or another problem.

    Called at any time and any number of times: a ticket is asked once a state. Of one
    that is passing only those are that came from another problem.
    """
    seen = sight(config, group, now)
    behind = shown.behind(connection, group.id, seen.stage, seen.passing)
    if not behind:
        return
    turns: Counter[str] = Counter()
    asked = []
    for row in behind:
        if row.status in OVER or not config.takes_writes(row.source):
            continue
        # What vendors deliver meanwhile is not to stand behind all of them.
        wait = APART * max(0, turns[row.source] - AT_ONCE + 1)
        turns[row.source] += 1
        ref = (EventKind.TICKET_CHANGED, row.source, row.external_id)
        asked += deliveries.refresh_rows([ref], now + wait)
    deliveries.accept(connection, asked)
    shown.mark_all(connection, group.id, seen.stage, seen.passing)


# -- on one ticket


def look(case: Case, group_id: int | None) -> Sight | None:
    """See what a ticket has to show of its problem, and record that it does."""
    if group_id is None:
        return None
    seen = sight(case.config, groups.get(case.connection, group_id), case.now)
    if seen.kind is Kind.NOTHING:
        return None
    case.trace.shown = f"{seen.kind} {seen.group.issue_key or ''}".strip()
    shown.mark(case.connection, case.ticket_id, group_id, seen.stage, seen.passing)
    return seen
