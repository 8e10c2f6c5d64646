"""A receipt for a complaint: that it has arrived, and until when it will be answered.

At once or not at all, and once per matter. Whether the helpdesk answers by itself,
too, is not known here: an admin switches on one of them.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from connector import replies, texts
from connector.case import Case
from connector.config import Config
from connector.models import Mode, Operation, OutboxState, TicketStatus
from connector.recipients import is_nobodys
from connector.store import acknowledged, customers, outbox
from connector.store.schema import AnyRow

RULE = "acknowledge"

#: Nobody answers these any more.
OVER = (TicketStatus.RESOLVED, TicketStatus.CLOSED)
WORKED_ON = (TicketStatus.NEW, TicketStatus.OPEN, TicketStatus.PENDING)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
#: Longer than this is said in days.
HOURS_SAID = 48


def plan(case: Case, group_id: int | None) -> None:
    """Ask for the receipt of a complaint that nobody has answered yet."""
    settings, at = case.config.acknowledge, case.complained_at
    if not settings.enabled or at is None or not _is_to_answer(case, at):
        return
    source = case.ticket.ref.source
    until = case.config.calendar(source).after(at, settings.expected)
    if until <= case.now or _is_known(case, group_id):
        return
    mode, key = case.config.autonomy.messages, acknowledged.key(case.ticket_id)
    is_observed = mode is Mode.OBSERVE
    language = texts.text_language(case.judged.language)
    text = texts.fill(
        case.config.texts,
        "acknowledged",
        language,
        [persona["name"] for persona in case.trace.personas],
        subject=case.ticket.subject,
        number=case.ticket.number,
        signature=case.config.messages.signature,
        **span(until - case.now),
    )
    case.effects.append(
        outbox.Effect(
            source=source,
            operation=Operation.SEND_MESSAGE,
            target=case.ticket.ref.external_id,
            dedup_key=f"observed:{key}" if is_observed else key,
            ordering_key=f"ticket:{case.ticket_id}",
            payload={
                "text": text.words,
                "text_version": text.version,
                "draft": mode is Mode.SUGGEST,
                "language": language,
                "until": until.isoformat(),
            },
            state=OutboxState.OBSERVED if is_observed else OutboxState.PENDING,
            note="autonomy.messages is observe" if is_observed else "",
            ticket_id=case.ticket_id,
            delivery_id=case.delivery_id,
            rule=RULE,
            reason="a complaint that nobody has answered yet",
        )
    )


def against(config: Config, row: AnyRow, ticket: AnyRow, now: datetime) -> str:
    """Say why a receipt is not to be sent, now that it would be; empty if it is."""
    if not config.acknowledge.enabled:
        return "receipts are switched off"
    if datetime.fromisoformat(row.payload["until"]) <= now:
        return "the time it promises is over"
    if ticket.status in OVER:
        return f"the ticket is {ticket.status}"
    answered = ticket.first_answer_at
    if answered is not None and answered >= row.created_at:
        return "an agent answered first"
    return ""


def span(length: timedelta) -> dict[str, str]:
    """Say a time in whole hours or days, so that it is no shorter than it was."""
    hours = -(-length // HOUR)
    if hours <= HOURS_SAID:
        return {"hours": str(hours), "days": ""}
    return {"hours": "", "days": str(-(-length // DAY))}


def _is_to_answer(case: Case, at: datetime) -> bool:
    """Tell whether a person complained who can be written to, and waits."""
    ticket = case.ticket
    return (
        case.judged.is_trusted
        and not case.verdict.auto_reply
        and ticket.status not in OVER
        and case.config.takes_writes(ticket.ref.source)
        and not is_nobodys(ticket.customer.email or "")
        and not any(one.created_at >= at for one in replies.messages(ticket))
    )


def _is_known(case: Case, group_id: int | None) -> bool:
    """Tell whether the customer has, or need not have, a receipt for this matter."""
    customer = customers.get(case.connection, case.customer_id)
    if customer.opted_out_at is not None:
        return True
    since = case.now - case.config.acknowledge.once_in
    ref = case.ticket.ref
    return any(
        row.id == case.ticket_id
        or (group_id is not None and row.group_id == group_id)
        or (row.source == ref.source and row.merged_into == ref.external_id)
        or (row.status in WORKED_ON and row.at > since)
        for row in acknowledged.of_customer(case.connection, case.customer_id)
    )
