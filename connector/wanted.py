"""Asking once more, at the moment of doing it, whether an effect is still wanted.

Between the decision and that moment somebody may have changed the mode, marked a ticket
as spam, opened an issue again; or somebody's rules may be answering ours.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, RowMapping

from connector import acknowledging, checkins, followups, recipients, recurrence
from connector.config import Config
from connector.errors import NotYet
from connector.models import (
    GroupState,
    Mode,
    Operation,
    OutboxState,
    TicketRef,
    TicketStatus,
)
from connector.store import Store, clocks, customers, groups, members, messages, tickets
from connector.store import outbox as rows
from connector.store.schema import AnyRow

#: The time in which writes to one ticket are counted.
LOOP_WINDOW = timedelta(minutes=10)

#: So long what was read of a fix is believed when a customer is told of it.
KNOWN_FOR = timedelta(hours=1)
RECHECK = timedelta(minutes=1)

#: Tickets in these states are written nothing at all.
UNWRITTEN = (TicketStatus.SPAM, TicketStatus.DELETED)

#: What says something to a customer, or about what they said.
SAYING = (Operation.SEND_MESSAGE, Operation.ADD_NOTE)

GATHERING = (Operation.CREATE_PROBLEM, Operation.ADD_INCIDENT)

#: What is done to tickets; everything else but notices is done to issues.
ON_TICKETS = (
    Operation.CHANGE_TAGS,
    Operation.CHANGE_FIELDS,
    Operation.ADD_NOTE,
    Operation.SEND_MESSAGE,
    Operation.UNPLAN_MESSAGE,
    Operation.SHOW_ISSUE,
    Operation.CREATE_PROBLEM,
    Operation.ADD_INCIDENT,
    Operation.HASTEN,
    Operation.ROUTE,
)


class LoopSuspected(Exception):
    """A ticket was written to so often that somebody's rules may be answering ours.

    ``is_news``: nothing to this ticket waits for a person because of that yet.
    """

    def __init__(self, why: str, is_news: bool) -> None:
        super().__init__(why)
        self.is_news = is_news


class Withdrawn(Exception):
    """At the moment of doing it, it is not wanted any more."""

    def __init__(self, state: OutboxState, why: str) -> None:
        super().__init__(why)
        self.state = state


def ensure_wanted(store: Store, config: Config, now: datetime, row: AnyRow) -> None:
    """Raise ``Withdrawn`` or ``LoopSuspected`` if a row is not to be carried out.

    ``NotYet`` if nobody can tell before something was read.
    """
    operation = Operation(row.operation)
    if operation is Operation.NOTIFY:
        _ensure_still_due(store, row)
        return  # who set up a channel wants to hear, whatever else is only watched
    # Who takes back what was done wants it done, whatever else is only watched.
    is_undoing = "undo" in row.payload
    if _mode(config, operation) is Mode.OBSERVE and not is_undoing:
        raise Withdrawn(OutboxState.OBSERVED, "the mode is observe by now")
    if operation is Operation.CREATE_ISSUE and row.group_id is not None:
        _ensure_to_file(store, row)
    elif operation in GATHERING:
        _ensure_to_gather(store, config, row)
    if operation not in ON_TICKETS or row.ticket_id is None:
        return
    with store.read() as connection:
        _ensure_no_loop(connection, config, now, row)
        ticket = tickets.get(connection, row.ticket_id)
        customer = customers.get(connection, ticket.customer_id)
        if operation is Operation.SEND_MESSAGE:
            _ensure_theirs(connection, row, ticket)
        group = groups.find(connection, row.group_id) if row.group_id else None
        is_back = bool(
            group is not None
            and operation is Operation.SEND_MESSAGE
            and members.complained_after(
                connection, row.group_id, ticket.customer_id, group["done_at"]
            )
        )
    if operation in SAYING and customer.erased_at is not None:
        raise Withdrawn(OutboxState.DISCARDED, recipients.ERASED)
    if ticket.status in UNWRITTEN and ticket.merged_into is None:
        raise Withdrawn(OutboxState.DISCARDED, f"the ticket is {ticket.status}")
    if operation is Operation.SEND_MESSAGE and customer.opted_out_at is not None:
        raise Withdrawn(OutboxState.DISCARDED, recipients.OPTED_OUT)
    if "until" in row.payload:
        _ensure_still_to_acknowledge(config, row, ticket, now)
    if operation is Operation.SEND_MESSAGE and group is not None:
        _ensure_still_fixed(store, group, row)
        if is_back:
            why = "its customer complained again after the fix"
            raise Withdrawn(OutboxState.DISCARDED, why)
        # Also after a lost answer: nothing was found of that try, or nobody would ask.
        _ensure_known_lately(store, config, row.group_id, now)
    if "checkin" in row.payload:
        _ensure_still_to_ask(store, config, row, now)


def _ensure_theirs(connection: Connection, row: AnyRow, ticket: AnyRow) -> None:
    """Raise ``Withdrawn`` if a merge would bring it to somebody who is not to have it.

    Tickets of several people can be merged; the message goes where its ticket went.
    """
    into = tickets.find(connection, TicketRef(row.source, row.target))
    if into is None or into.customer_id == ticket.customer_id:
        return
    reader = customers.get(connection, into.customer_id)
    if reader.erased_at is not None:
        raise Withdrawn(OutboxState.DISCARDED, recipients.ERASED)
    if reader.opted_out_at is not None:
        raise Withdrawn(OutboxState.DISCARDED, recipients.OPTED_OUT)
    if row.group_id is None:
        raise Withdrawn(OutboxState.DISCARDED, "the ticket is somebody else's now")
    episode = row.payload["episode"]
    if messages.is_told(connection, row.group_id, episode, into.customer_id):
        why = "who reads that ticket is told on it already"
        raise Withdrawn(OutboxState.DISCARDED, why)


def _ensure_still_to_acknowledge(
    config: Config, row: AnyRow, ticket: AnyRow, now: datetime
) -> None:
    why = acknowledging.against(config, row, ticket, now)
    if why:
        raise Withdrawn(OutboxState.DISCARDED, why)


def _ensure_still_fixed(store: Store, group: RowMapping, row: AnyRow) -> None:
    same = group["episode"] == row.payload["episode"]
    if group["merged_into"] is not None:
        # Only what may have been sent before is left: it counts for the other one.
        with store.read() as connection:
            group = groups.find(connection, group["merged_into"]) or group
    state = group["state"]
    if state == GroupState.MUTED and row.uncertain_since is None:
        state = group["muted_from"]  # it was under way when the mute began
    if not same or state not in (GroupState.FIXED, GroupState.CLOSED):
        raise Withdrawn(OutboxState.DISCARDED, "it is not fixed any more")
    if group["successor_id"] is not None:
        why = f"it came back: what came since is problem {group['successor_id']}"
        raise Withdrawn(OutboxState.DISCARDED, why)


def _ensure_known_lately(
    store: Store, config: Config, group_id: int, now: datetime
) -> None:
    """Raise ``NotYet`` if it is long known that a problem is fixed: it is read again.

    After a pause nobody knows what people did meanwhile.
    """
    with store.read() as connection:
        group = groups.heir(connection, groups.get(connection, group_id))
    known_at, asked_at = group.announced_at, group.announce_at
    if group.tracker not in config.sources:
        return  # nobody can be asked
    if known_at is not None:
        if now - known_at < KNOWN_FOR:
            return
        with store.write() as connection:
            followups.recheck(connection, group.id, now)
        asked_at = now
    # While the tracker does not answer there may be thousands of such rows.
    wait = min(max(now - asked_at, RECHECK), config.problems.reread)
    why = f"{group.issue_key} is read again first: what is known of it is old"
    raise NotYet(why, now + wait)


def _ensure_still_due(store: Store, row: AnyRow) -> None:
    if "clocks" not in row.payload:
        return
    ids, step = row.payload["clocks"], row.payload["step"]
    with store.read() as connection:
        if not clocks.at_step(connection, ids, step):
            why = "it was met meanwhile, or is told of as a later step"
            raise Withdrawn(OutboxState.DISCARDED, why)


def _ensure_still_to_ask(
    store: Store, config: Config, row: AnyRow, now: datetime
) -> None:
    with store.read() as connection:
        why = checkins.against(connection, config, row.payload["checkin"], now)
    if why:
        raise Withdrawn(OutboxState.DISCARDED, why)


def _ensure_to_file(store: Store, row: AnyRow) -> None:
    follows = row.payload.get("follows")
    with store.read() as connection:
        group = groups.get(connection, row.group_id)
    is_aside = group.state == GroupState.MUTED or groups.is_declined(group)
    if is_aside or group.state == GroupState.MERGED:
        why = f"a person decided about the problem: it is {group.state}"
        raise Withdrawn(OutboxState.DISCARDED, why)
    if follows is not None and not recurrence.is_to_follow(group, follows):
        why = "the issue before it was opened again, or is not followed any more"
        raise Withdrawn(OutboxState.DISCARDED, why)


def _ensure_to_gather(store: Store, config: Config, row: AnyRow) -> None:
    if not config.gathers_tickets(row.source):
        why = "the settings do not ask for it any more"
        raise Withdrawn(OutboxState.OBSERVED, why)
    with store.read() as connection:
        group = groups.get(connection, row.group_id)
        member = row.ticket_id and members.find(connection, row.ticket_id)
    if row.ticket_id is None:
        if group.state != GroupState.FILED:
            # Asked for again should it come back.
            why = f"the problem is {group.state} by now"
            raise Withdrawn(OutboxState.OBSERVED, why)
    elif member is None or member.group_id != row.group_id:
        raise Withdrawn(OutboxState.DISCARDED, "it is not of this problem any more")


def _ensure_no_loop(
    connection: Connection, config: Config, now: datetime, row: AnyRow
) -> None:
    """Raise ``LoopSuspected`` if the ticket had all the writes it may have.

    It holds until a person has dealt with every row that waits because of it; a
    row that a person lets go is let through.
    """
    if row.done_at is not None:  # it was parked, and is tried again
        return
    limit = config.work.writes_per_ticket
    since = now - LOOP_WINDOW
    written = rows.written(connection, row.ticket_id, list(ON_TICKETS), since)
    is_held = rows.is_held(connection, row.ticket_id)
    if is_held or written >= limit:
        why = (
            f"{rows.HELD}: {limit} writes of ours to this ticket within ten "
            "minutes; look there for a rule that answers them, then retry"
        )
        raise LoopSuspected(why, is_news=not is_held)


def _mode(config: Config, operation: Operation) -> Mode:
    """Return how far the connector goes with this kind of write."""
    if operation in (
        Operation.CHANGE_TAGS,
        Operation.CHANGE_FIELDS,
        Operation.HASTEN,
        Operation.ROUTE,
    ):
        return config.autonomy.tags
    if operation in (Operation.ADD_NOTE, Operation.SHOW_ISSUE, *GATHERING):
        return config.autonomy.notes
    if operation in (Operation.SEND_MESSAGE, Operation.UNPLAN_MESSAGE):
        return config.autonomy.messages
    return config.autonomy.issues
