"""Which tickets people say belong together, and which problems never do.

For the command line and the dashboard; how two problems become one stands in
``connector.merging``, what else a person can say about one in ``connector.steering``.

Each function says in words what it did, what follows, and how to take it back. What a
person did is binding: later arrivals obey it, and nothing of ours undoes it. Callers
open the transaction; all effects are enqueued in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from connector import escalation, followups, recurrence
from connector.config import Config
from connector.errors import ConnectorError
from connector.grouping import title
from connector.models import (
    GroupState,
    Operation,
    TicketRef,
)
from connector.store import (
    bonds,
    corrections,
    dialects,
    groups,
    members,
    memory,
    outbox,
    timeline,
)
from connector.store.schema import AnyRow
from rules.features import Features

#: What is asked for on behalf of tickets in a problem; taken back when they leave it.
_ON_BEHALF = (Operation.LINK_TICKET, Operation.SHOW_ISSUE, Operation.ADD_INCIDENT)


class Refused(ConnectorError):
    """A correction that cannot be made; the text says why, and what to do instead."""


_SEE_EXPLAIN = "; explain says what is known of a ticket"


class Done(NamedTuple):
    """What a person's correction did. ``undo`` is the command that takes it back."""

    group_id: int
    did: str
    follows: tuple[str, ...] = ()
    undo: str = ""


# -- which tickets belong together


def split(
    connection: Connection,
    config: Config,
    group_id: int,
    refs: Sequence[TicketRef],
    who: str,
    now: datetime,
    into: int | None = None,
) -> Done:
    """Take tickets out of a problem, into a new one or ``into`` another.

    The two are never the same again, until a person puts them together.
    """
    source, *others = open_problems(
        connection, group_id, *([] if into is None else [into])
    )
    rows = _members(connection, source, refs)
    if others:
        target = others[0]
        _ensure_takes(target)
    elif len(rows) == source.tickets + source.archived:
        raise Refused(
            f"these are all tickets of problem {group_id}; nothing would be left of it"
        )
    else:
        target = _new_problem(connection, rows, now)
    bonds.keep_apart(connection, source.id, target.id, who, now)
    follows = _regroup(connection, config, rows, source, target, who, now)
    if not others:
        follows += (
            f"problem {target.id} has a count of its own, and is filed at its own "
            "threshold",
        )
    return Done(
        target.id,
        f"{count_tickets(rows)} of problem {source.id} went into "
        f"{'' if others else 'a new one, '}problem {target.id}; newcomers follow them",
        (*follows, f"problems {source.id} and {target.id} are kept apart"),
        f"groups split {target.id} {' '.join(map(str, refs))} --into {source.id}"
        if others
        else f"groups merge {source.id} {target.id}",
    )


def move(
    connection: Connection,
    config: Config,
    ref: TicketRef,
    group_id: int,
    who: str,
    now: datetime,
) -> Done:
    """Put one ticket into another problem; whatever else is alike stays where it is."""
    known = corrections.find_members(connection, [ref]).get(ref)
    if known is None:
        raise Refused(f"{ref} is in no problem{_SEE_EXPLAIN}")
    if known.group_id == group_id:
        raise Refused(f"{ref} is in problem {group_id} already")
    source, target = open_problems(connection, known.group_id, group_id)
    _ensure_takes(target)
    rows = _members(connection, source, [ref])
    follows = _regroup(connection, config, rows, source, target, who, now)
    return Done(
        target.id,
        f"{ref} went from problem {source.id} into problem {target.id}",
        follows,
        f"groups move {ref} {source.id}",
    )


def _regroup(
    connection: Connection,
    config: Config,
    rows: Sequence[AnyRow],
    source: AnyRow,
    target: AnyRow,
    who: str,
    now: datetime,
) -> tuple[str, ...]:
    """Let members go over to another problem, and newcomers follow them."""
    ticket_ids = [row.ticket_id for row in rows]
    clusters = corrections.clusters_of(connection, ticket_ids) | {target.id}
    reason = f"put here by {who}; was in problem {source.id}"
    corrections.move(connection, ticket_ids, target.id, who, reason)
    for cluster in sorted(clusters):
        newest = corrections.newest_of_cluster(connection, cluster)
        memory.correct(connection, cluster, newest)
    return go_over(connection, config, ticket_ids, source, target, who, now)


def go_over(
    connection: Connection,
    config: Config,
    ticket_ids: Sequence[int],
    source: AnyRow,
    target: AnyRow,
    who: str,
    now: datetime,
) -> tuple[str, ...]:
    """Let follow what hangs on tickets that are in another problem by now.

    Return in words what follows for the problem they were in.
    """
    for operation in _ON_BEHALF:
        ids = outbox.untried(connection, source.id, operation, ticket_ids)
        outbox.unask(connection, ids, "the ticket is in another problem", now)
    why = "the ticket is not of this problem any more"
    if followups.untell(connection, source.id, ticket_ids, why, now):
        # Their customers may have other tickets there, and are to be told on these.
        groups.change(connection, source.id, announce_at=now, announced_at=None)
    for group_id in (source.id, target.id):
        members.recount(connection, group_id)
    words = count_tickets(ticket_ids)
    timeline.note(
        connection, source.id, "left", f"{words} went to {target.id}", now, who
    )
    timeline.note(
        connection, target.id, "came", f"{words} came from {source.id}", now, who
    )
    escalation.plan(connection, config, source.id, now)
    take_in(connection, config, target.id, ticket_ids, now)
    if source.issue_id is None:
        return ()
    return (
        f"{source.issue_key} counts without them from now on",
        f"links to them stay on {source.issue_key}; take them off by hand",
    )


def take_in(
    connection: Connection,
    config: Config,
    group_id: int,
    ticket_ids: Collection[int],
    now: datetime,
) -> None:
    """Let a problem react to tickets that came to it."""
    newest = corrections.newest_complaint(connection, group_id, ticket_ids)
    if newest is not None:
        recurrence.complained(
            connection, config, group_id, newest.ticket_id, newest.at, now
        )
    escalation.plan(connection, config, group_id, now)


def _members(
    connection: Connection, group: AnyRow, refs: Sequence[TicketRef]
) -> list[AnyRow]:
    """Return the memberships of tickets in a problem, or say which are not in it."""
    found = corrections.find_members(connection, refs)
    for ref in refs:
        row = found.get(ref)
        if row is None:
            raise Refused(f"{ref} is in no problem{_SEE_EXPLAIN}")
        if row.group_id != group.id:
            raise Refused(f"{ref} is in problem {row.group_id}, not in {group.id}")
    return list(found.values())


def _new_problem(
    connection: Connection, rows: Sequence[AnyRow], now: datetime
) -> AnyRow:
    kind, name = title([Features.from_json(row.features) for row in rows])
    created = groups.create(
        connection,
        {
            "type": kind,
            "title": name,
            "state": GroupState.EMERGING,
            "created_at": now,
            "first_at": min(row.at for row in rows),
            "last_at": max(row.at for row in rows),
        },
    )
    return groups.get(connection, created)


# -- problems that are never the same


def keep_apart(
    connection: Connection, group_id: int, other_id: int, who: str, now: datetime
) -> Done:
    """Say that two problems are never the same."""
    one, other = open_problems(connection, group_id, other_id)
    if not bonds.keep_apart(connection, one.id, other.id, who, now):
        raise Refused(f"problems {one.id} and {other.id} are kept apart already")
    for group, its_other in ((one, other), (other, one)):
        words = f"never the same as problem {its_other.id}"
        timeline.note(connection, group.id, "kept apart", words, now, who)
    return Done(
        one.id,
        f"problems {one.id} and {other.id} are kept apart",
        undo=f"groups allow {one.id} {other.id}",
    )


def allow(
    connection: Connection, group_id: int, other_id: int, who: str, now: datetime
) -> Done:
    """Take back that two problems are never the same."""
    one, other = open_problems(connection, group_id, other_id)
    if not bonds.release(connection, one.id, other.id):
        raise Refused(f"nobody said that {one.id} and {other.id} are never the same")
    for group, its_other in ((one, other), (other, one)):
        words = f"may be the same as problem {its_other.id}"
        timeline.note(connection, group.id, "allowed", words, now, who)
    return Done(
        one.id,
        f"problems {one.id} and {other.id} may be the same again",
        ("nothing is put together by that",),
        f"groups never {one.id} {other.id}",
    )


# -- shared


def open_problems(connection: Connection, *group_ids: int) -> list[AnyRow]:
    """Lock problems for a correction; refuse what is not there or not on its own."""
    dialects.serialise(connection, dialects.GROUPING_LOCK)
    if len(set(group_ids)) < len(group_ids):
        raise Refused(f"name two different problems, not {group_ids[0]} twice")
    for group_id in group_ids:
        found = groups.find(connection, group_id)
        if found is None:
            raise Refused(f"no problem {group_id}; groups list shows which there are")
        if found["merged_into"] is not None:
            into = found["merged_into"]
            raise Refused(f"problem {group_id} became part of problem {into}; name it")
    by_id = {
        group_id: groups.get(connection, group_id, lock=True)
        for group_id in sorted(group_ids)
    }
    return [by_id[group_id] for group_id in group_ids]


def _ensure_takes(target: AnyRow) -> None:
    if target.state == GroupState.CLOSED:
        raise Refused(f"problem {target.id} is closed; newcomers do not go there")


def count_tickets(them: Sequence[object]) -> str:
    return "1 ticket" if len(them) == 1 else f"{len(them)} tickets"
