"""The priority of a ticket: raised, never lowered."""

from __future__ import annotations

from adapters.zendesk import payloads
from adapters.zendesk.account import Account
from adapters.zendesk.values import text
from connector.errors import TakesNoWrites, VendorConflict
from connector.models import PRIORITIES, TicketStatus

OVER = (TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.DELETED)


def hasten(account: Account, external_id: str, priority: str, left: str) -> bool:
    """Give a ticket that is worked on this priority, unless it has one as high."""
    if priority.casefold() not in PRIORITIES:
        said = f"{account.name} has no priority {priority!r}; its own are"
        raise TakesNoWrites(f"{said} {', '.join(PRIORITIES)}")
    wanted, floor = _rank(priority), _rank(left)
    try:
        return _hasten_once(account, external_id, wanted, floor)
    except VendorConflict:  # somebody was faster: read again, once
        return _hasten_once(account, external_id, wanted, floor)


def _hasten_once(account: Account, external_id: str, wanted: int, floor: int) -> bool:
    ticket = account.show(external_id)
    is_settled = not floor <= _rank(text(ticket.get("priority"))) < wanted
    if is_settled or payloads.status(ticket) in OVER:
        return False
    wish = payloads.priority(PRIORITIES[wanted], text(ticket.get("updated_at")))
    answer = account.update("PUT", external_id, json={"ticket": wish})
    written = answer.get("ticket")
    if not isinstance(written, dict) or "id" not in written:
        raise account.nonsense("the ticket it changed")
    if _rank(text(written.get("priority"))) < wanted:
        # Zendesk answers 200 and drops what an account has switched off.
        raise TakesNoWrites(f"{account.name} keeps no priorities")
    return True


def _rank(priority: str) -> int:
    """Return the place of a priority; none is below all others."""
    word = priority.casefold()
    return PRIORITIES.index(word) if word in PRIORITIES else -1
