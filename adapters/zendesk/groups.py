"""Groups of agents: which there are, and putting a ticket into one of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from adapters.zendesk import payloads
from adapters.zendesk.account import Account
from adapters.zendesk.values import as_object, identity, text
from connector.errors import TakesNoWrites, VendorConflict, VendorError
from connector.models import Finding, Level, TicketStatus

PAGE = 100
#: More groups than anybody has; a list that does not end is not read for ever.
MAX_PAGES = 20
OVER = (TicketStatus.RESOLVED, TicketStatus.CLOSED, TicketStatus.DELETED)


def route(account: Account, external_id: str, place: str, left: str) -> str:
    """Put a ticket that nobody has taken into a group; return the group's id."""
    number = _groups(account).get(place.casefold())
    if number is None:
        raise TakesNoWrites(f"{account.name} has no group {place!r}")
    try:
        return _route_once(account, external_id, number, left)
    except VendorConflict:  # somebody was faster: read again, once
        return _route_once(account, external_id, number, left)


def _route_once(account: Account, external_id: str, number: str, left: str) -> str:
    ticket = account.show(external_id)
    now = identity(ticket.get("group_id"))
    # Who has taken a ticket may not be in the other group, and would lose it.
    is_settled = now == number or bool(identity(ticket.get("assignee_id")))
    is_settled = is_settled or bool(left and now != left)
    if is_settled or payloads.status(ticket) in OVER:
        return ""
    wish = payloads.group(int(number), text(ticket.get("updated_at")))
    answer = account.update("PUT", external_id, json={"ticket": wish})
    written = answer.get("ticket")
    if not isinstance(written, dict) or "id" not in written:
        raise account.nonsense("the ticket it changed")
    # A trigger of theirs may have put it elsewhere at once: that stands.
    return number if identity(written.get("group_id")) == number else ""


def check(account: Account, places: Collection[str]) -> list[Finding]:
    """Say which of these groups there are not; never raise."""
    try:
        known = _groups(account)
    except VendorError as err:
        said = f"groups cannot be read: {err}"
        return [Finding(Level.PROBLEM, account.name, said, "Try again.")]
    return [
        Finding(
            Level.PROBLEM,
            account.name,
            f"there is no group {place!r}, which a rule names",
            "Name one of Admin Center > People > Groups, or its id.",
        )
        for place in sorted(places)
        if place.casefold() not in known
    ]


def _groups(account: Account) -> dict[str, str]:
    """Read the ids of all groups, by name and by id."""
    found: dict[str, str] = {}
    wish: dict[str, Any] = {"page[size]": PAGE}
    for _ in range(MAX_PAGES):
        answer = as_object(account.read("/groups", wish))
        rows = payloads.by_id(answer.get("groups")).values()
        living = [row for row in rows if row.get("deleted") is not True]
        for row in living:
            number = identity(row.get("id"))
            found |= {text(row.get("name")).casefold(): number, number: number}
        meta = as_object(answer.get("meta"))
        after = text(meta.get("after_cursor"))
        if meta.get("has_more") is not True or not after:
            break
        wish["page[after]"] = after
    return found
