"""A problem that comes back: its issue is opened again, or a new one follows it.

What a reading of an issue means is decided in ``connector.resolution``; what an issue
says, in ``connector.issue_text``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from connector import filing, issue_text, resolution, upkeep
from connector.config import Config
from connector.models import (
    Block,
    BlockKind,
    GroupState,
    IssueCategory,
    IssueRef,
    Operation,
)
from connector.store import groups, members, outbox
from connector.store.schema import AnyRow
from rules.thresholds import Crossing, Sighting, Thresholds, crossed


class Why(NamedTuple):
    """Why a problem is open again: one of the texts of issues, and what fills it."""

    text: str
    customers: int = 1
    within: timedelta = timedelta()

    def words(self, language: str) -> str:
        return issue_text.say(
            language,
            self.text,
            customers=issue_text.customers(language, self.customers),
            span=issue_text.span(language, self.within),
        )


def complained(
    connection: Connection,
    config: Config,
    group_id: int,
    ticket_id: int,
    at: datetime,
    now: datetime,
) -> None:
    """React to a complaint of a member, new or known: after a fix, it is back.

    A complaint written before the fix and only seen now is no such thing; its customer
    is told like the others, once the issue was read again as still done.
    """
    group = groups.get(connection, group_id, lock=True)
    if group.state != GroupState.FIXED:
        return
    if at <= group.done_at:
        if group.announced_at is not None:
            groups.change(connection, group_id, announce_at=now, announced_at=None)
        return
    if at <= _watched_until(config, group):
        why = Why("complained_again")
    else:
        crossing = returns(config, after_fix(connection, group), now)
        if crossing is None:
            return
        why = Why("after_fix", crossing.customers, config.problems.window)
    come_back(connection, config, group, why, now, ticket_id)


def _watched_until(config: Config, group: AnyRow) -> datetime:
    """Return how long a single complaint is enough; after that it takes several."""
    problems = config.problems
    more: timedelta = max(problems.reopen_within - problems.watch, timedelta(0))
    until: datetime = group.watch_until - more
    return until


def after_fix(connection: Connection, group: AnyRow) -> list[Sighting]:
    """Return who complained of a problem after its issue was done."""
    return [
        Sighting(str(row.customer_id), row.at)
        for row in members.sightings(connection, [group.id], group.done_at)
        if not row.archived
    ]


def returns(
    config: Config, sightings: Sequence[Sighting], now: datetime
) -> Crossing | None:
    """Say whether these complaints from after a fix make a return of the problem."""
    problems = config.problems
    needed = Thresholds(
        customers=problems.return_customers,
        window=problems.window,
        fast_customers=0,
    )
    found = crossed(sightings, needed, now)
    return found and found._replace(rule="returned")


def come_back(
    connection: Connection,
    config: Config,
    group: AnyRow,
    why: Why,
    now: datetime,
    ticket_id: int | None = None,
) -> None:
    """Open a problem again, and ask for that of its issue, with the evidence."""
    language, reason = config.problems.language, why.words("en")
    resolution.open_again(connection, group, reason, now)
    episode = f"{group.id}:{group.episode}"
    blocks = [
        Block(
            BlockKind.PARAGRAPH,
            issue_text.say(language, "came_back", why=why.words(language)),
        ),
        *issue_text.evidence(language, _returned(connection, group)),
    ]
    effects = [
        filing.issue_effect(
            config,
            group,
            Operation.REOPEN_ISSUE,
            f"reopen:{episode}",
            {},
            reason,
            ticket_id,
        ),
        filing.issue_effect(
            config,
            group,
            Operation.COMMENT_ISSUE,
            f"returned:{episode}",
            {"body": issue_text.stored(blocks)},
            reason,
            ticket_id,
        ),
    ]
    outbox.enqueue(connection, effects, now)


def reopen_done(
    connection: Connection,
    config: Config,
    group_id: int,
    issue_id: str,
    moved: bool,
    now: datetime,
    can_link: bool,
) -> None:
    """Record the outcome of our own reopening of ``issue_id``.

    Where there was no way, a new issue is filed for the return, if the tracker
    ``can_link`` it to the old one.
    """
    group = groups.get(connection, group_id, lock=True)
    if group.issue_id != issue_id:
        return  # another one follows it by now
    if moved:
        groups.change(connection, group_id, issue_category=IssueCategory.IN_PROGRESS)
        return
    groups.change(
        connection,
        group_id,
        reason="came back, but the workflow offers no way to reopen the issue",
    )
    if can_link and group.state == GroupState.FILED:
        _file_return(connection, config, group, now)


def _file_return(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """File the return of a problem whose issue stays done, once for each episode."""
    draft = return_draft(connection, config, group)
    if draft is None:  # who complained again was deleted or merged since
        return
    effect = filing.creation(
        config,
        group,
        group.tracker,
        f"issue:{group.id}:{group.episode}",
        draft,
        "problems.returned",
        f"complained of again after the fix, and {group.issue_key} cannot be reopened",
    )
    outbox.enqueue(connection, [effect], now)


def return_draft(
    connection: Connection, config: Config, group: AnyRow
) -> dict[str, Any] | None:
    """Write down the return of a problem whose issue is done; None: nobody complains.

    ``follows`` says after which issue, and in which episode.
    """
    rows = _returned(connection, group)
    if not rows:
        return None
    blocks = [
        Block(
            BlockKind.PARAGRAPH,
            issue_text.say(config.problems.language, "returned", key=group.issue_key),
        ),
        Block(BlockKind.BULLET, group.issue_key, group.issue_url),
        *issue_text.evidence(config.problems.language, rows),
    ]
    draft = filing.draft(connection, config, group)
    return {
        **draft,
        "summary": issue_text.say(
            config.problems.language, "returned_title", title=draft["summary"]
        ),
        "description": issue_text.stored(blocks),
        "follows": {"id": group.issue_id, "episode": group.episode},
    }


def _returned(connection: Connection, group: AnyRow) -> list[AnyRow]:
    return [
        row
        for row in members.tickets_of(connection, group.id)
        if row.complained_at > group.done_at
    ]


def is_to_follow(group: AnyRow, follows: Mapping[str, Any]) -> bool:
    """Tell whether a new issue is still to take the place of the one it ``follows``.

    Somebody may have opened that one again, deleted it, or muted the problem.
    """
    return bool(
        group.state == GroupState.FILED
        and group.issue_id == follows["id"]
        and group.episode == follows["episode"]
        and group.issue_category == IssueCategory.DONE
    )


def succession(
    config: Config, group: AnyRow, ref: IssueRef, follows: Mapping[str, Any]
) -> list[outbox.Effect]:
    """Ask for the link from a new issue to the one it follows."""
    return [
        filing.issue_effect(
            config,
            group,
            Operation.LINK_ISSUES,
            f"follows:{group.id}:{ref.external_id}",
            {"other": follows["id"]},
            "the same problem, come back",
            issue_id=ref.external_id,
        )
    ]


def relinking(
    connection: Connection, config: Config, group: AnyRow, ref: IssueRef
) -> list[outbox.Effect]:
    """Ask for links from a new issue to the tickets of the problem's return.

    They may be on the issue before it; whatever comes later is linked to the new one.
    """
    return [
        effect
        for row in _returned(connection, group)
        for effect in upkeep.links(config, group, row, ref, f":{ref.external_id}")
    ]
