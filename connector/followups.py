"""What customers are told: who, on which ticket, in which language, and that once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from connector import texts
from connector.config import Config
from connector.models import Mode, Operation, OutboxState, TicketStatus
from connector.store import members, messages, outbox, tickets
from connector.store.schema import AnyRow

#: Why a message is only recorded for whom none can be sent.
UNREACHABLE = "not reachable: the source of the customer's tickets takes no messages"


class Announced(NamedTuple):
    """How many customers are told by this, and how many nobody can write to."""

    told: int
    unreachable: int


def announce(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> Announced:
    """Enqueue the message that a problem is fixed, once for each affected customer.

    Affected is who complained since the last such message to them, and not after the
    fix: who did that has seen it fail. It goes to the newest ticket, in the language
    the customer last wrote. May be called again for members that came late. Who has
    only tickets that nobody can write to counts as not told; that is recorded, too.
    """
    told = messages.told(connection, group.id)
    rows = members.tickets_of(connection, group.id)
    affected = _recipients(config, rows, told, group)
    chosen = [row for row in affected if config.takes_writes(row.source)]
    lost = [row for row in affected if not config.takes_writes(row.source)]
    mode = config.autonomy.messages
    already = sum(_is_of_this_fix(group, line) for line in told)
    crowd = already + len(chosen) > config.messages.approve_above
    effects = []
    for row in chosen:
        language = texts.text_language(row.language)
        if mode is not Mode.OBSERVE and not messages.plan(
            connection,
            {
                "group_id": group.id,
                "customer_id": row.customer_id,
                "episode": group.episode,
                "ticket_id": row.id,
                "language": language,
                "at": now,
            },
        ):
            continue
        effects.append(_effect(connection, config, group, row, language, mode, crowd))
    unreachable = [_unreachable(connection, config, group, row) for row in lost]
    outbox.enqueue(connection, [*effects, *unreachable], now)
    return Announced(len(effects), len(unreachable))


def withdraw(connection: Connection, group_id: int, now: datetime) -> None:
    """Take back messages that nobody was sent yet and that are not true any more."""
    ids = outbox.untried(connection, group_id, Operation.SEND_MESSAGE)
    outbox.discard(connection, ids, "the problem is open again", now)


def untell(
    connection: Connection,
    group_id: int,
    ticket_ids: Collection[int] | None,
    why: str,
    now: datetime,
) -> bool:
    """Take back what these tickets, or all, were not sent yet; tell if any was.

    As if it had never been asked for: their customers can be told of the same fix yet.
    """
    ids = outbox.untried(connection, group_id, Operation.SEND_MESSAGE, ticket_ids)
    if not ids:
        return False
    outbox.unask(connection, ids, why, now)
    rows = [outbox.get(connection, row_id) for row_id in ids]
    messages.untell(connection, group_id, [row["ticket_id"] for row in rows if row])
    return True


def message_key(group: AnyRow, customer_id: int) -> str:
    """Return the key of what a customer is told of the group's present fix."""
    return f"fixed:{group.id}:{group.episode}:{customer_id}"


def _recipients(
    config: Config, rows: Sequence[AnyRow], told: Sequence[AnyRow], group: AnyRow
) -> list[AnyRow]:
    """Choose each customer's newest ticket, preferring ones that are still open.

    One that can be written to goes before any other.

    A ticket that was written to about this fix is left out even if it now belongs to
    another customer: people merge profiles and learn addresses.
    """
    last = {line.customer_id: line.at for line in told}
    written_to = {line.ticket_id for line in told if _is_of_this_fix(group, line)}
    again = {row.customer_id for row in rows if row.complained_at > group.done_at}
    newest: dict[int, AnyRow] = {}
    for row in rows:
        if row.customer_id in again:
            continue
        at = last.get(row.customer_id)
        if row.id in written_to or (at is not None and row.joined_at <= at):
            continue
        if row.status in (TicketStatus.SPAM, TicketStatus.DELETED):
            continue
        best = newest.get(row.customer_id)
        if best is None or _rank(config, row) > _rank(config, best):
            newest[row.customer_id] = row
    return list(newest.values())


def _is_of_this_fix(group: AnyRow, line: AnyRow) -> bool:
    """Tell whether somebody was told about the present fix, and not an earlier one."""
    if line.group_id == group.id:
        return bool(line.episode == group.episode)
    return bool(line.at >= group.done_at)  # of a problem that became part of this one


def _rank(config: Config, row: AnyRow) -> tuple[bool, bool, datetime]:
    ended = row.status in (TicketStatus.RESOLVED, TicketStatus.CLOSED)
    return config.takes_writes(row.source), not ended, row.created_at


def _effect(
    connection: Connection,
    config: Config,
    group: AnyRow,
    row: AnyRow,
    language: str,
    mode: Mode,
    crowd: bool,
) -> outbox.Effect:
    key = message_key(group, row.customer_id)
    state, note = OutboxState.PENDING, ""
    if mode is Mode.OBSERVE:
        state, note, key = (
            OutboxState.OBSERVED,
            "autonomy.messages is observe",
            f"observed:{key}",
        )
    elif crowd:
        limit = config.messages.approve_above
        state, note = OutboxState.PARKED, f"more than {limit} recipients: approve first"
    return outbox.Effect(
        dedup_key=key,
        payload=_payload(connection, config, group, row, language, mode),
        state=state,
        note=note,
        **_place(group, row),
    )


def _unreachable(
    connection: Connection, config: Config, group: AnyRow, row: AnyRow
) -> outbox.Effect:
    """Record whom nobody told, under a key that is not in the way of telling them."""
    language = texts.text_language(row.language)
    return outbox.Effect(
        dedup_key=f"unreachable:{group.id}:{group.episode}:{row.customer_id}",
        payload=_payload(
            connection, config, group, row, language, config.autonomy.messages
        ),
        state=OutboxState.OBSERVED,
        note=UNREACHABLE,
        **_place(group, row),
    )


def _place(group: AnyRow, row: AnyRow) -> dict[str, Any]:
    """Say to which ticket a message goes, and why."""
    return {
        "source": row.source,
        "operation": Operation.SEND_MESSAGE,
        "target": row.external_id,
        "ordering_key": f"ticket:{row.id}",
        "ticket_id": row.id,
        "group_id": group.id,
        "rule": "followups.fixed",
        "reason": f"{group.issue_key} is fixed",
    }


def _payload(
    connection: Connection,
    config: Config,
    group: AnyRow,
    row: AnyRow,
    language: str,
    mode: Mode,
) -> dict[str, Any]:
    text = texts.fill(
        config.texts,
        "fixed",
        language,
        tickets.personas(connection, row.id),
        subject=row.subject,
        number=row.number,
        signature=config.messages.signature,
    )
    return {
        "text": text.words,
        "text_version": text.version,
        "draft": mode is Mode.SUGGEST,
        "language": language,
        "episode": group.episode,
    }
