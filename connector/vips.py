"""A VIP who complains again: what they complained of before, and who is told of it."""

from __future__ import annotations

from connector import notices
from connector.case import Case
from connector.models import Block, BlockKind
from connector.store import tickets

RULE = "vip"


def look(case: Case) -> None:
    """Find the last complaint of a VIP before this one."""
    if not case.trace.vip or not case.judged.is_trusted or case.verdict.auto_reply:
        return
    before = tickets.complaint_before(
        case.connection, case.customer_id, case.ticket.ref, case.ticket.created_at
    )
    if before is not None:
        case.trace.before = {
            "ticket": f"{before.source} {before.number}",
            "on": f"{before.created_at:%Y-%m-%d}",
            "url": before.url,
        }


def tell(case: Case) -> None:
    """Tell the role that is to know, once for each ticket that is worked on.

    What was solved before we saw it, or before there was such a role, is no news.
    """
    before = case.trace.before
    if not before or case.stored.solved_at is not None:
        return
    ticket = case.ticket
    due = [
        Block(BlockKind.PARAGRAPH, f"{one['title']} due {one['due']}")
        for one in case.trace.clocks
    ]
    earlier = f"Before: {before['ticket']} of {before['on']}"
    body = [
        Block(BlockKind.BULLET, f"{ticket.ref.source} {ticket.number}", ticket.url),
        Block(BlockKind.BULLET, earlier, before["url"]),
        *due,
    ]
    notices.tell(
        case.connection,
        case.config,
        case.config.vip.role,
        f"vip:{case.ticket_id}",
        "A VIP complains again",
        body,
        case.now,
        rule=RULE,
        reason=f"VIP by {case.trace.vip}",
        ticket_id=case.ticket_id,
    )
