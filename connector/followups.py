"""What customers are told of a fix: the words, when they go out, and that once.

Who they are is found out in ``connector.recipients``; what a person decides about a
larger number of them is in ``connector.broadcasts``.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connector import texts
from connector.config import Config
from connector.models import GroupState, Mode, Operation, OutboxState
from connector.recipients import Recipient, affected, is_of_this_fix
from connector.store import (
    broadcasts,
    dialects,
    groups,
    messages,
    outbox,
    tickets,
    timeline,
)
from connector.store.broadcasts import BroadcastState
from connector.store.schema import AnyRow

#: Whoever was told nothing by these is told after an approval only.
UNTOLD = (BroadcastState.OBSERVED, BroadcastState.WITHDRAWN)


class Announced(NamedTuple):
    """How many customers are told by this, how many are not and why not."""

    told: int
    left_out: int = 0
    waiting: int = 0  # for a person who approves it
    is_cancelled: bool = False


def announce(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> Announced:
    """Enqueue the message that a problem is fixed, once for each affected customer.

    If they are many, a person is asked instead, and it is called again once that one
    has approved. May be called again for members that came late, too. Who is left out
    is written down.
    """
    found = affected(connection, config, group)
    fix = group.id, group.episode
    known = broadcasts.find(connection, *fix)
    if config.autonomy.messages is Mode.OBSERVE:
        effects = [_effect(connection, config, group, one) for one in found.recipients]
        outbox.enqueue(connection, effects, now)
        broadcasts.leave_out(connection, *fix, found.left_out, now)
        if known is None or known.state == BroadcastState.WITHDRAWN:
            broadcasts.ask(connection, *fix, now, BroadcastState.OBSERVED)
        return Announced(len(effects), len(found.left_out))
    if known is not None and known.state == BroadcastState.CANCELLED:
        return Announced(0, is_cancelled=True)
    broadcasts.leave_out(connection, *fix, found.left_out, now)
    count, out = len(found.recipients), len(found.left_out)
    if known is not None and known.state == BroadcastState.WAITING:
        return Announced(0, out, waiting=count)
    if _needs_approval(connection, config, group, known, count):
        broadcasts.ask(connection, *fix, now)
        words = f"{customers(count)} would be told that it is fixed"
        timeline.note(connection, group.id, "approval", words, now)
        return Announced(0, out, waiting=count)
    effects = [
        _effect(connection, config, group, one)
        for one in found.recipients
        if _enter(connection, group, one, now)
    ]
    outbox.enqueue(connection, effects, now)
    broadcasts.sent(connection, *fix, now)
    return Announced(len(effects), out)


def _needs_approval(
    connection: Connection,
    config: Config,
    group: AnyRow,
    known: AnyRow | None,
    count: int,
) -> bool:
    """Tell whether a person has to see the list of a fix before it goes out.

    Who comes after an approval was not on that list: if they are many, it is asked for
    again. Without one all count who were told of the fix. Of one that was only
    observed, or taken back by a mute, people think that nobody is told.
    """
    if known is not None and known.state in UNTOLD:
        return True
    if known is not None and known.state == BroadcastState.APPROVED:
        return False
    if known is None or known.decided_at is None:
        told = messages.told(connection, group.id)
        count += sum(is_of_this_fix(group, line) for line in told)
    return count > config.messages.approve_above


def _enter(
    connection: Connection, group: AnyRow, one: Recipient, now: datetime
) -> bool:
    return messages.plan(
        connection,
        {
            "group_id": group.id,
            "customer_id": one.customer_id,
            "episode": group.episode,
            "ticket_id": one.ticket.id,
            "language": texts.text_language(one.language),
            "at": now,
        },
    )


def is_fixed(group: AnyRow) -> bool:
    return group.state in (GroupState.FIXED, GroupState.CLOSED)


def recheck(connection: Connection, group_id: int, now: datetime) -> None:
    """Let the issue be read again before anybody else is told that it is fixed.

    Whoever affected customers are then is told, as with the first reading.
    """
    dialects.serialise(connection, dialects.GROUPING_LOCK)
    group = groups.get(connection, group_id, lock=True)
    if is_fixed(group):
        groups.change(
            connection,
            group_id,
            state=GroupState.FIXED,
            announce_at=now,
            announced_at=None,
        )


def customers(count: int) -> str:
    return "1 customer" if count == 1 else f"{count} customers"


def withdraw(connection: Connection, group_id: int, now: datetime) -> None:
    """Take back messages that nobody was sent yet and that are not true any more."""
    why = "the problem is open again"
    ids = outbox.untried(connection, group_id, Operation.SEND_MESSAGE)
    outbox.discard(connection, ids, why, now)
    _take_back_request(connection, group_id, why, now)


def _take_back_request(
    connection: Connection, group_id: int, why: str, now: datetime
) -> None:
    if broadcasts.withdraw(connection, group_id):
        words = f"nobody has to approve messages any more: {why}"
        timeline.note(connection, group_id, "approval", words, now)


def untell(
    connection: Connection,
    group_id: int,
    ticket_ids: Collection[int] | None,
    why: str,
    now: datetime,
) -> bool:
    """Take back what these tickets, or all, were not sent yet; tell if any was.

    As if it had never been asked for: their customers can be told of the same fix yet.
    An approval of all is asked for anew then.
    """
    if ticket_ids is None:
        _take_back_request(connection, group_id, why, now)
    ids = outbox.untried(connection, group_id, Operation.SEND_MESSAGE, ticket_ids)
    if not ids:
        return False
    outbox.unask(connection, ids, why, now)
    rows = [outbox.get(connection, row_id) for row_id in ids]
    messages.untell(connection, group_id, [row["ticket_id"] for row in rows if row])
    return True


def lose(connection: Connection, group_id: int, ticket_id: int, now: datetime) -> None:
    """Let a ticket that is spam or gone be sent nothing of a fix.

    Its customer may have another one, and is told there, or is listed as left out.
    """
    why = "the ticket is not of this problem any more"
    if untell(connection, group_id, [ticket_id], why, now):
        recheck(connection, group_id, now)


def message_key(group: AnyRow, customer_id: int) -> str:
    """Return the key of what a customer is told of the group's present fix."""
    return f"fixed:{group.id}:{group.episode}:{customer_id}"


def _effect(
    connection: Connection, config: Config, group: AnyRow, one: Recipient
) -> outbox.Effect:
    ticket, text = one.ticket, text_for(connection, config, group, one)
    mode, key = config.autonomy.messages, message_key(group, one.customer_id)
    is_observed = mode is Mode.OBSERVE
    return outbox.Effect(
        source=ticket.source,
        operation=Operation.SEND_MESSAGE,
        target=ticket.external_id,
        dedup_key=f"observed:{key}" if is_observed else key,
        ordering_key=f"ticket:{ticket.id}",
        payload={
            "text": text.words,
            "text_version": text.version,
            "draft": mode is Mode.SUGGEST,
            "language": texts.text_language(one.language),
            "episode": group.episode,
        },
        state=OutboxState.OBSERVED if is_observed else OutboxState.PENDING,
        note="autonomy.messages is observe" if is_observed else "",
        ticket_id=ticket.id,
        group_id=group.id,
        rule="followups.fixed",
        reason=f"{group.issue_key} is fixed",
    )


def text_for(
    connection: Connection, config: Config, group: AnyRow, one: Recipient
) -> texts.Text:
    """Return what a customer is told of a fix."""
    language = texts.text_language(one.language)
    return texts.fill(
        config.texts,
        "fixed",
        language,
        tickets.personas(connection, one.ticket.id),
        subject=one.ticket.subject,
        number=one.ticket.number,
        signature=config.messages.signature,
        said_did=said_did(config, group, language),
    )


def said_did(config: Config, group: AnyRow, language: str) -> str:
    """Say what customers of a fixed problem said, and when that was put right."""
    day = group.done_at.astimezone(ZoneInfo(config.reports.timezone)).date()
    return texts.said_did(language, group.type, group.customers, day)
