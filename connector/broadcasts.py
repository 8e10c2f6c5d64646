"""What a person decides about a message to many: who would be told, yes or no.

Nothing is sent from here. An approval lets the issue be read once more; if it is still
done, ``connector.followups`` tells whoever is affected then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from connector import followups, texts
from connector.config import Config
from connector.correcting import Done, Refused
from connector.models import Mode, Operation
from connector.recipients import Recipient, affected
from connector.store import broadcasts, dialects, groups, members, outbox, timeline
from connector.store.broadcasts import BroadcastState
from connector.store.schema import AnyRow


class Line(NamedTuple):
    """A customer on the list of a fix. ``state`` is that of the message, if any."""

    source: str
    ticket: str
    id: str
    customer: str
    language: str
    state: str
    url: str


class Shown(NamedTuple):
    """A list as it stands: before it went out as it would be, then as it was."""

    row: AnyRow
    group: AnyRow
    recipients: Sequence[Line]
    words: Mapping[str, str]  # by language and version, to the first who reads it
    left_out: Sequence[tuple[str, str]]  # customer and reason
    came_since: int  # recipients who came after the approval was asked for


def listed(
    connection: Connection, config: Config, state: str | None, limit: int
) -> list[dict[str, Any]]:
    """Return the newest with how many are told, or would be as things stand."""
    found = [dict(row) for row in broadcasts.listing(connection, state, limit)]
    for row in found:
        if row["state"] in broadcasts.OPEN:
            group = groups.get(connection, row["group_id"])
            row["recipients"] = len(affected(connection, config, group).recipients)
    return found


def shown(connection: Connection, config: Config, broadcast_id: int) -> Shown | None:
    """Return who is told of a fix, in which words, and who is left out and why."""
    row = broadcasts.get(connection, broadcast_id)
    if row is None:
        return None
    group = groups.get(connection, row.group_id)
    if row.state not in broadcasts.OPEN:
        return _as_it_was(connection, row, group)
    found = affected(connection, config, group)
    words: dict[str, str] = {}
    for one in found.recipients:
        text = followups.text_for(connection, config, group, one)
        words.setdefault(text.version, text.words)
    known = (
        *members.tickets_of(connection, group.id),
        *timeline.turned_spam(connection, group.id),
    )
    keys = {row.customer_id: row.customer_key for row in known}
    return Shown(
        row,
        group,
        [_line(one) for one in found.recipients],
        words,
        [(keys[customer], why) for customer, why in found.left_out.items()],
        sum(one.ticket.joined_at > row.asked_at for one in found.recipients),
    )


def _line(one: Recipient) -> Line:
    ticket = one.ticket
    return Line(
        ticket.source,
        ticket.number,
        ticket.external_id,
        ticket.customer_key,
        texts.text_language(one.language),
        "",
        ticket.url,
    )


def _as_it_was(connection: Connection, row: AnyRow, group: AnyRow) -> Shown:
    told = broadcasts.told(connection, row.group_id, row.episode)
    words: dict[str, str] = {}
    lines = []
    for one in told:
        said = one.payload
        if said["text"]:  # empty: its customer was erased
            words.setdefault(said.get("text_version", one.language), said["text"])
        state = f"{one.state}: {one.error}" if one.error else one.state
        lines.append(
            Line(
                one.source,
                one.number,
                one.external_id,
                one.customer_key,
                one.language,
                state,
                one.url,
            )
        )
    out = broadcasts.left_out_of(connection, row.group_id, row.episode)
    reasons = [(one.customer_key, one.reason) for one in out]
    return Shown(row, group, lines, words, reasons, 0)


def approve(
    connection: Connection,
    config: Config,
    broadcast_id: int,
    who: str,
    now: datetime,
) -> Done:
    """Let customers be told of a fix, if it still is one; once, however often asked."""
    row, group = _opened(connection, broadcast_id)
    if row.state in (BroadcastState.APPROVED, BroadcastState.SENT):
        by = f"by {row.decided_by}" if row.decided_by else "without a person"
        return Done(group.id, f"it was approved already, {by}")
    _ensure_waiting(config, row)
    _ensure_fixed(row, group)
    found = affected(connection, config, group)
    broadcasts.decide(connection, row.id, BroadcastState.APPROVED, who, now)
    # Read again first: nobody may have told us that somebody opened it.
    followups.recheck(connection, group.id, now)
    count = followups.customers(len(found.recipients))
    words = f"{count} are told that it is fixed"
    timeline.note(connection, group.id, "approved", words, now, who)
    late = sum(one.ticket.joined_at > row.asked_at for one in found.recipients)
    follows = [f"{late} of them came after the approval was asked for"] if late else []
    if found.left_out:
        follows.append(f"{followups.customers(len(found.left_out))} left out")
    return Done(
        group.id,
        f"{count} of problem {group.id} are told as soon as {group.issue_key} was read "
        "again as still done",
        tuple(follows),
    )


def cancel(connection: Connection, broadcast_id: int, who: str, now: datetime) -> Done:
    """Let nobody be told of a fix who was not yet, also while it goes out."""
    row, group = _opened(connection, broadcast_id)
    if row.state == BroadcastState.CANCELLED:
        return Done(group.id, f"it was cancelled already, by {row.decided_by}")
    if row.state == BroadcastState.WITHDRAWN:
        raise Refused(f"broadcast {row.id} is {row.state}")
    broadcasts.decide(connection, row.id, BroadcastState.CANCELLED, who, now)
    ids: Sequence[int] = ()
    if row.episode == group.episode:  # else what waits is of another fix
        ids = outbox.untried(connection, group.id, Operation.SEND_MESSAGE)
    left = outbox.discard(connection, ids, "the message to all was cancelled", now)
    follows = ["a later fix is another matter"]
    if row.state == BroadcastState.SENT:
        follows.insert(0, f"{left} messages that were not sent yet are taken back")
    words = "nobody is told that it is fixed who was not yet"
    timeline.note(connection, group.id, "cancelled", words, now, who)
    did = f"nobody else of problem {group.id} is told of this fix"
    return Done(group.id, did, tuple(follows))


def _opened(connection: Connection, broadcast_id: int) -> tuple[AnyRow, AnyRow]:
    """Return a broadcast and its problem, locked in the order that all others keep."""
    dialects.serialise(connection, dialects.GROUPING_LOCK)
    row = broadcasts.get(connection, broadcast_id)
    if row is None:
        raise Refused(f"no broadcast {broadcast_id}; broadcasts list shows which are")
    group = groups.get(connection, row.group_id, lock=True)
    row = broadcasts.get(connection, broadcast_id, lock=True)
    assert row is not None
    return row, group


def _ensure_waiting(config: Config, row: AnyRow) -> None:
    if config.autonomy.messages is Mode.OBSERVE:
        raise Refused("autonomy.messages is observe: nobody would be told")
    if row.state != BroadcastState.OBSERVED and row.state != BroadcastState.WAITING:
        raise Refused(f"broadcast {row.id} is {row.state}; it is asked for anew if due")


def _ensure_fixed(row: AnyRow, group: AnyRow) -> None:
    if group.successor_id is not None:
        raise Refused(f"it came back: what came since is problem {group.successor_id}")
    if not followups.is_fixed(group) or row.episode != group.episode:
        raise Refused(f"problem {group.id} is {group.state}: it is not fixed any more")
