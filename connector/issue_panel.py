"""What the panel on an issue says at a glance: how its problem stands, who complains.

All of it follows from what is known of the problem, so that the same is never written
twice; personas stay in the helpdesk. Where it is put is the tracker's adapter's to
know, and what else an issue says, ``connector.issue_text``.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from connector import issue_text
from connector.config import Config
from connector.models import Count, GroupState, IssueCategory
from connector.store import groups, members
from connector.store.schema import AnyRow

WEEK = timedelta(days=7)

#: Types and languages that are named, the most usual first, of so many complaints.
NAMED = 4
LOOKED_AT = 100


def lines(
    connection: Connection,
    config: Config,
    group: AnyRow,
    found: dict[Count, int | datetime],
) -> list[str]:
    """Return the lines; the first of them says how the problem stands."""
    language = config.problems.language

    def fact(name: str, value: object) -> str:
        return f"{issue_text.say(language, name)}: {value}"

    about = members.about(connection, group.id, LOOKED_AT)
    kinds = Counter(row.kind for row in about if row.kind)
    spoken = Counter(row.language for row in about if row.language)
    named = [issue_text.kind(language, kind) for kind in _most(kinds)]
    stands = state(language, group)
    said = [issue_text.say(language, "stands", number=group.id, state=stands)]
    said += [
        fact(count, _words(value))
        for count, value in found.items()
        if value or count is not Count.VIPS
    ]
    said.append(fact("trend", _trend(connection, language, group)))
    if named:
        said.append(fact("kinds", ", ".join(named)))
    if spoken:
        # By their names: each reply in another language would turn the order round.
        said.append(fact("spoken", ", ".join(sorted(_most(spoken)))))
    return said


def as_of(language: str, now: datetime) -> str:
    """Return the line that says of when the others are."""
    return f"{issue_text.say(language, 'as_of')}: {_words(now)}"


def address(config: Config, group: AnyRow) -> str:
    """Return where the problem's page is; empty if nobody told us our address."""
    base = config.server.public_url
    return f"{base.rstrip('/')}/problems/{group.id}" if base else ""


def state(language: str, group: AnyRow) -> str:
    """Say how a problem stands, in words that stay true while it does."""
    done = f"{group.done_at:%Y-%m-%d}" if group.done_at else ""
    return issue_text.say(language, f"state_{_state(group)}", day=done)


def _state(group: AnyRow) -> str:
    if groups.is_declined(group):
        return "declined"
    if group.state == GroupState.WONT_DO:
        return "unfixed"
    if group.state == GroupState.FIXED:
        return "fixed"
    if group.state == GroupState.CLOSED:
        return "closed"
    if group.done_at is not None and group.episode > 1:
        return "returned" if group.last_at > group.done_at else "again"
    if group.issue_category == IssueCategory.IN_PROGRESS:
        return "in_progress"
    return "known"


def _trend(connection: Connection, language: str, group: AnyRow) -> str:
    """Compare the week up to the last complaint with the one before it."""
    last = group.last_at
    newer = members.complainers(connection, group.id, last - WEEK, last)
    older = members.complainers(connection, group.id, last - 2 * WEEK, last - WEEK)
    who = issue_text.customers(language, newer)
    return issue_text.say(language, "weeks", newer=who, older=older)


def _most(counted: Counter[str]) -> list[str]:
    return sorted(counted, key=lambda one: (-counted[one], one))[:NAMED]


def _words(value: Any) -> str:
    return f"{value:%Y-%m-%d %H:%M} UTC" if isinstance(value, datetime) else str(value)
