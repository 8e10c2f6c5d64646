"""The priority of a ticket: raised to "high", never lowered."""

from __future__ import annotations

from adapters.zendesk import payloads
from adapters.zendesk.account import Account
from adapters.zendesk.values import text
from connector.errors import TakesNoWrites, VendorConflict
from connector.models import TicketStatus

HIGH = "high"
ABOVE = (HIGH, "urgent")
OVER = (TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.DELETED)


def hasten(account: Account, external_id: str) -> bool:
    """Give a ticket that is worked on a high priority, unless it has one."""
    try:
        return _hasten_once(account, external_id)
    except VendorConflict:  # somebody was faster: read again, once
        return _hasten_once(account, external_id)


def _hasten_once(account: Account, external_id: str) -> bool:
    ticket = account.show(external_id)
    is_high = text(ticket.get("priority")).lower() in ABOVE
    if is_high or payloads.status(ticket) in OVER:
        return False
    wish = payloads.priority(HIGH, text(ticket.get("updated_at")))
    answer = account.update("PUT", external_id, json={"ticket": wish})
    written = answer.get("ticket")
    if not isinstance(written, dict) or "id" not in written:
        raise account.nonsense("the ticket it changed")
    if text(written.get("priority")).lower() not in ABOVE:
        # Zendesk answers 200 and drops what an account has switched off.
        raise TakesNoWrites(f"{account.name} keeps no priorities")
    return True
