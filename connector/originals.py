"""An issue that is done as a duplicate: its problem goes on with the original.

If that is another problem's issue, the two problems are one. If it is an issue that the
product team wrote itself, it is the problem's from now on: counts, links and the
message about a fix follow it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import escalation, merging, resolution
from connector.config import Config
from connector.models import GroupState, Issue, IssueRef, Meaning
from connector.store import bonds, former, groups, timeline
from connector.store.schema import AnyRow


def issue_read(
    connection: Connection,
    config: Config,
    issue: Issue,
    read_at: datetime,
    now: datetime,
) -> str:
    """Follow an issue that was read, and on to its original if it is a duplicate."""
    waiting = _waiting_for(connection, issue.ref)
    if waiting is not None:
        _adopt(connection, config, waiting, issue.ref, now)
    said = escalation.issue_read(connection, config, issue, read_at, now)
    group = groups.by_issue(connection, issue.ref.source, issue.ref.external_id)
    if group is None or group.checked_at != read_at or not _is_duplicate(group):
        return said
    for original in issue.duplicates:
        heir = _problem_of(connection, original)
        if heir is None:
            former.wait_for(connection, group, original, now)
            return f"a duplicate of {original.key}, which is read next"
        if heir.id != group.id:
            return _join(connection, config, group, heir, now)
    former.forget_awaited(connection, group.id)
    if not issue.duplicates:
        return said
    why = "is a duplicate of nothing but what was a duplicate of it"
    return _stay(connection, group, f"{group.issue_key} {why}", now)


def gone(connection: Connection, config: Config, ref: IssueRef, now: datetime) -> str:
    """Record that an issue cannot be seen; an original is waited for."""
    waiting = _waiting_for(connection, ref)
    if waiting is None:
        return resolution.gone(connection, config, ref.source, ref.external_id, now)
    known = former.find(connection, ref.source, ref.external_id)
    assert known is not None
    why = f"is a duplicate of {known.key}, which cannot be seen by us"
    return _stay(connection, waiting, f"{waiting.issue_key} {why}", now)


def _is_duplicate(group: AnyRow) -> bool:
    """Tell whether a problem's issue is done as a duplicate, whatever of."""
    is_done = group.state == GroupState.WONT_DO and not groups.is_declined(group)
    return bool(is_done and group.issue_meaning == Meaning.DUPLICATE)


def _waiting_for(connection: Connection, ref: IssueRef) -> AnyRow | None:
    """Return the problem that is to go on with an issue which nobody had read yet."""
    known = former.find(connection, ref.source, ref.external_id)
    if known is None or not former.is_awaited(known):
        return None
    group = groups.get(connection, known.group_id, lock=True)
    return group if _is_duplicate(group) else None


def _problem_of(connection: Connection, ref: IssueRef) -> AnyRow | None:
    """Return the problem that goes on with an issue, or did and has another by now."""
    group = groups.by_issue(connection, ref.source, ref.external_id)
    if group is None:
        known = former.find(connection, ref.source, ref.external_id)
        if known is None or former.is_awaited(known):
            return None
        group = groups.get(connection, known.group_id)
    return groups.heir(connection, group)


def _join(
    connection: Connection, config: Config, group: AnyRow, heir: AnyRow, now: datetime
) -> str:
    """Let a problem become part of the one whose issue is the original."""
    its_own = f"{group.issue_key} is a duplicate of {_name(heir)}"
    if bonds.are_apart(connection, group.id, heir.id):
        why = f"which a person keeps apart from this, as problem {heir.id}"
        return _stay(connection, group, f"{its_own}, {why}", now)
    if heir.state == GroupState.CLOSED:
        why = "which was fixed before; what came since is counted here"
        return _stay(connection, group, f"{its_own}, {why}", now)
    return merging.merge(connection, config, heir.id, group.id, "", now).did


def _name(heir: AnyRow) -> str:
    # Its issue may be gone, and another one not filed yet.
    return heir.issue_key or f"the issue that problem {heir.id} had"


def _stay(connection: Connection, group: AnyRow, reason: str, now: datetime) -> str:
    """Go on counting silently, and say why, once."""
    if reason != group.reason:
        groups.change(connection, group.id, reason=reason)
        timeline.note(connection, group.id, "duplicate", reason, now)
    return reason


def _adopt(
    connection: Connection, config: Config, group: AnyRow, ref: IssueRef, now: datetime
) -> None:
    """Let the original be the problem's issue, in place of the duplicate."""
    reason = f"{group.issue_key} is a duplicate of {ref.key}, which counts from now on"
    former.drop(connection, ref.source, ref.external_id)
    timeline.note(connection, group.id, "duplicate", reason, now)
    escalation.linked(connection, config, group, ref, "", now)
    groups.change(connection, group.id, reason=reason)
