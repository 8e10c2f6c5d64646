"""Inboxes: which there are, and moving a conversation into one of them."""

from __future__ import annotations

from collections.abc import Collection

from adapters.helpscout import tickets
from adapters.helpscout.account import Account
from adapters.helpscout.shapes import identifier, text_of
from connector.errors import TakesNoWrites, VendorError
from connector.models import Finding, Level, TicketStatus

OVER = (TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.SPAM)


def move(account: Account, external_id: str, place: str, left: str) -> str:
    """Move a conversation that nobody has taken to an inbox; return the inbox's id."""
    number = _inboxes(account).get(place.casefold())
    if number is None:
        raise TakesNoWrites(f"{account.name} has no inbox {place!r}")
    conversation = account.living(external_id)
    now = identifier(conversation.get("mailboxId"))
    is_settled = now == number or bool(conversation.get("assignee"))
    is_settled = is_settled or bool(left and now != left)
    if is_settled or tickets.status_of(conversation) in OVER:
        return ""
    # One operation, and no list of them.
    wish = {"op": "move", "path": "/mailboxId", "value": int(number)}
    account.call("PATCH", external_id, "", json=wish)
    return number


def check(account: Account, places: Collection[str]) -> list[Finding]:
    """Say which of these inboxes there are not, or are not read; never raise."""
    try:
        known = _inboxes(account)
    except VendorError as err:
        said = f"inboxes cannot be read: {err}"
        return [Finding(Level.PROBLEM, account.name, said, "Try again.")]
    found = []
    for place in sorted(places):
        number = known.get(place.casefold())
        if number is None:
            said = f"there is no inbox {place!r}, which a rule names"
            remedy = "Name one that our user can see, or its id."
            found.append(Finding(Level.PROBLEM, account.name, said, remedy))
        elif account.config.mailboxes and int(number) not in account.config.mailboxes:
            said = f"what a rule moves to inbox {place!r} is not looked after any more"
            remedy = "Add it to mailboxes, unless that is what you want."
            found.append(Finding(Level.WARNING, account.name, said, remedy))
    return found


def _inboxes(account: Account) -> dict[str, str]:
    """Read the ids of all inboxes, by name and by id."""
    found: dict[str, str] = {}
    for row in account.items("/v2/mailboxes", "mailboxes", "inboxes"):
        if number := identifier(row.get("id")):
            found |= {text_of(row.get("name")).casefold(): number, number: number}
    return found
