"""Whom a fix concerns: who is told of it, on which ticket, in which language; and who
is left out, and why.

What they are told, and when, is decided in ``connector.followups``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from connector.config import Config
from connector.models import TicketStatus
from connector.store import members, messages, timeline
from connector.store.schema import AnyRow

OPTED_OUT = "the customer asked not to be written to"
ERASED = "the customer was erased"
ROBOT = "nobody reads this address: a machine writes from it"
SEEN_TO_FAIL = "the customer complained again after the fix"
SPAM = "what the customer wrote was marked as spam"
UNREACHABLE = "not reachable: the source of the customer's tickets takes no messages"

#: How addresses begin that no person reads.
_NOBODY = re.compile(
    r"(mailer-daemon|postmaster|no[-_.]?reply|do[-_.]?not[-_.]?reply|bounces?|"
    r"auto[-_.]?reply|ikke[-_.]?svar|svar[-_.]?ikke|ala[-_.]?vastaa)([-+_.=\d].*)?@",
    re.IGNORECASE,
)

#: What is closed for good takes a new ticket; what is solved takes a message as it is.
_ENDED = {TicketStatus.CLOSED: 0, TicketStatus.RESOLVED: 1}


class Recipient(NamedTuple):
    """A customer, by the ticket they are written to on, and the language for it."""

    ticket: AnyRow
    language: str  # as they wrote last; what we have texts in is another matter

    @property
    def customer_id(self) -> int:
        return int(self.ticket.customer_id)


class Affected(NamedTuple):
    """Everybody a fix concerns who was not told of it yet."""

    recipients: Sequence[Recipient]
    left_out: Mapping[int, str]  # why, by customer


def affected(connection: Connection, config: Config, group: AnyRow) -> Affected:
    """Find out who complained since they were last told, and not after the fix.

    Who did that has seen it fail. A ticket that was written to about this fix is left
    alone even if it now belongs to another customer, and so is one it was merged into:
    people merge profiles and tickets, and learn addresses.
    """
    told = messages.told(connection, group.id)
    last = {line.customer_id: line.at for line in told}
    now = [line for line in told if is_of_this_fix(group, line)]
    ids = {line.ticket_id for line in now}
    places = {
        (line.source, place)
        for line in now
        for place in (line.target, line.merged_into)
    }
    theirs: dict[int, list[AnyRow]] = {}
    for row in members.tickets_of(connection, group.id):
        theirs.setdefault(row.customer_id, []).append(row)
    found: list[Recipient] = []
    left_out: dict[int, str] = {}
    for customer_id, rows in theirs.items():
        at = last.get(customer_id)
        new = [
            row
            for row in rows
            if row.id not in ids
            and (row.source, row.external_id) not in places
            and (at is None or row.joined_at > at)
        ]
        if not new:
            continue
        why = _why_not(config, rows, new, group.done_at)
        if why:
            left_out[customer_id] = why
        else:
            found.append(_choose(config, new))
    for row in timeline.turned_spam(connection, group.id):
        if row.customer_id not in theirs and row.customer_id not in last:
            left_out[row.customer_id] = SPAM
    return Affected(found, left_out)


def is_of_this_fix(group: AnyRow, line: AnyRow) -> bool:
    """Tell whether somebody was told about the present fix, and not an earlier one."""
    if line.group_id == group.id:
        return bool(line.episode == group.episode)
    return bool(line.at >= group.done_at)  # of a problem that became part of this one


def is_nobodys(address: str) -> bool:
    """Tell whether an address is one that no person reads."""
    return _NOBODY.match(address) is not None


def _why_not(
    config: Config, rows: Sequence[AnyRow], new: Sequence[AnyRow], done_at: datetime
) -> str | None:
    """Say why a customer is not told; ``rows`` are all tickets of theirs in it."""
    one = rows[0]
    if one.erased_at is not None:
        return ERASED
    if one.opted_out_at is not None:
        return OPTED_OUT
    if is_nobodys(one.customer_key) or all(
        row.verdict.get("auto_reply") for row in rows
    ):
        return ROBOT
    if any(row.complained_at > done_at for row in rows):
        return SEEN_TO_FAIL
    if not _live(new):
        return f"the ticket is {new[-1].status}"
    if not any(config.takes_writes(row.source) for row in _live(new)):
        return UNREACHABLE
    return None


def _live(rows: Iterable[AnyRow]) -> list[AnyRow]:
    ended = (TicketStatus.SPAM, TicketStatus.DELETED)
    return [row for row in rows if row.status not in ended]


def _choose(config: Config, rows: Sequence[AnyRow]) -> Recipient:
    """Choose the newest ticket that is open, or solved, or closed for good.

    One that can be written to goes before any other. The language is that of the
    customer's latest words, on whichever of them they wrote.
    """
    live = _live(rows)
    latest = max(
        live, key=lambda row: (bool(row.language), row.wrote_at or row.complained_at)
    )
    return Recipient(max(live, key=lambda row: _rank(config, row)), latest.language)


def _rank(config: Config, row: AnyRow) -> tuple[bool, int, datetime]:
    place = _ENDED.get(row.status, len(_ENDED))
    return config.takes_writes(row.source), place, row.created_at
