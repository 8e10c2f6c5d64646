"""Problems that a person says nothing is done about, whatever their issue says.

They count, and no more: nothing is filed for them, nobody is told of a fix, and their
issue stays as it is. It is for people to say otherwise, so what may change their mind
is shown to them. What its own team closed without a fix is in ``connector.unfixed``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from connector import followups, muting, resolution
from connector.config import Config
from connector.models import (
    Finding,
    GroupState,
    IssueCategory,
    Level,
    Meaning,
)
from connector.store import groups, timeline
from connector.store.schema import AnyRow


def begin(
    connection: Connection, config: Config, group: AnyRow, who: str, now: datetime
) -> None:
    """Let nothing be done about a problem; agents read so after a settle time.

    Said again of the same problem, it is compared with as many as there are by then.
    """
    if not groups.is_declined(group):
        muting.set_aside(
            connection, group, GroupState.WONT_DO, "nothing is done about it", now
        )
        settled_at = now + config.problems.fix_settle
        groups.change(connection, group.id, announce_at=settled_at)
    words = f"nothing is done about it, with {followups.customers(group.customers)}"
    groups.change(
        connection,
        group.id,
        reason=f"{who} said that {words}",
        done_customers=group.customers,
    )
    timeline.note(connection, group.id, "declined", words, now, who)


def settle(connection: Connection, group: AnyRow, now: datetime) -> AnyRow:
    """Let agents read what nobody has taken back in the settle time."""
    if group.announce_at is None or group.announce_at > now:
        return group
    groups.change(connection, group.id, announce_at=None)
    return groups.get(connection, group.id)


def leave(connection: Connection, group: AnyRow, now: datetime) -> None:
    """Prepare a declined problem for its next state, which agents read about anew."""
    if group.announce_at is None:
        resolution.end_episode(connection, group, now)
    groups.change(connection, group.id, announce_at=None)


def end(connection: Connection, group: AnyRow, who: str, now: datetime) -> None:
    """Let a problem go on as before; what became of its issue is read anew."""
    leave(connection, group, now)
    groups.change(connection, group.id, muted_from=None)
    muting.resume(connection, group, GroupState(group.muted_from), now)
    words = "something may be done about it again"
    timeline.note(connection, group.id, "reconsidered", words, now, who)


def has_risen(config: Config, group: AnyRow) -> bool:
    """Tell whether twice as many complain as when a person decided, and enough."""
    return bool(
        group.customers >= max(2 * group.done_customers, config.problems.customers)
    )


def findings(connection: Connection, config: Config) -> Iterator[Finding]:
    """Say of which declined problems a person may think otherwise by now."""
    for group in groups.declined(connection):
        before = followups.customers(group.done_customers)
        said = f"nothing is done about it, as was said with {before}"
        meanwhile = _meanwhile(config, group)
        if meanwhile:
            yield Finding(
                Level.WARNING,
                f"problem {group.id}",
                f"{said}; {meanwhile}",
                "look at it again: complaint-connector groups reconsider "
                f"{group.id}; or say so once more: groups wont-do {group.id}",
            )


def _meanwhile(config: Config, group: AnyRow) -> str:
    is_done = group.issue_category == IssueCategory.DONE
    if is_done and group.issue_meaning == Meaning.FIXED:
        return f"{group.issue_key} is done as fixed, and no customer is told"
    if has_risen(config, group):
        return f"by now there are {group.customers}"
    return ""
