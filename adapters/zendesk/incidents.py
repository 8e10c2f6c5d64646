"""Problem tickets, and the tickets of customers as their incidents.

Zendesk solves the incidents when somebody solves the problem, so that is left to
people; so is every ticket whose type or problem they chose themselves.
"""

from __future__ import annotations

from typing import Any

from adapters.zendesk import payloads
from adapters.zendesk.account import Account, path
from adapters.zendesk.values import Json, as_object, identity, text
from connector.errors import (
    CredentialsRejected,
    TakesNoWrites,
    TicketGone,
    VendorConflict,
)
from connector.models import ProblemDraft, TicketStatus, Written

PROBLEM, INCIDENT = "problem", "incident"
OVER = (TicketStatus.CLOSED, TicketStatus.DELETED)

AUDIT_PAGES = 3
PAGE_SIZE = 100


def find_problem(account: Account, mark: str) -> str | None:
    """Return the oldest ticket that we made for a problem under ``mark``.

    By the list and not by search, which lags.
    """
    wanted = f"{payloads.PROBLEM_PREFIX}{mark}"
    answer = as_object(account.read("/tickets", {"external_id": wanted}))
    if not isinstance(answer.get("tickets"), list):
        raise account.nonsense("a list of tickets")
    rows = payloads.by_id(answer["tickets"])
    # Whoever does not know the filter shows everything.
    found = [key for key, row in rows.items() if row.get("external_id") == wanted]
    return min(found, key=int, default=None)


def create_problem(account: Account, draft: ProblemDraft) -> str:
    """Create a ticket of our own user's, with an internal note as its first comment."""
    me = as_object(as_object(account.read("/users/me")).get("user"))
    requester = identity(me.get("id"))
    if not requester:
        raise CredentialsRejected(f"{account.name} takes us for an anonymous user")
    wish = payloads.problem(draft.subject, draft.text, draft.mark, int(requester))
    answer = account.about_ticket(
        "POST",
        "/tickets",
        json={"ticket": wish},
        headers={"Idempotency-Key": draft.mark},
    )
    created = identity(as_object(answer.get("ticket")).get("id"))
    if not created:
        raise account.nonsense("the problem ticket it made")
    return created


def add_incident(
    account: Account, external_id: str, problem_id: str, mark: str
) -> bool:
    """Put a ticket under a problem ticket, unless a person decided otherwise."""
    try:
        return _add_once(account, external_id, problem_id, mark)
    except VendorConflict:  # somebody was faster: read again, once
        return _add_once(account, external_id, problem_id, mark)


def _add_once(account: Account, external_id: str, problem_id: str, mark: str) -> bool:
    ticket = account.show(external_id)
    if identity(ticket.get("problem_id")) == problem_id:
        return True
    if not is_free(ticket) or not _takes_incidents(account, problem_id):
        return False
    wish = payloads.incident(problem_id, mark, text(ticket.get("updated_at")))
    answer = account.update("PUT", external_id, json={"ticket": wish})
    written = as_object(answer.get("ticket"))
    if "id" not in written:
        raise account.nonsense("the ticket it changed")
    if identity(written.get("problem_id")) != problem_id:
        # Zendesk answers 200 and drops what an account has switched off.
        raise TakesNoWrites(f"{account.name} links no incidents to problems here")
    return True


def is_free(ticket: Json) -> bool:
    """Tell whether nobody has said yet what a ticket is, or what it belongs to."""
    return (
        text(ticket.get("type")).lower() in ("", INCIDENT)
        and not identity(ticket.get("problem_id"))
        and payloads.status(ticket) not in OVER
    )


def _takes_incidents(account: Account, problem_id: str) -> bool:
    """Tell whether a problem ticket still is one, and agents are not done with it."""
    try:
        problem = account.show(problem_id)
    except TicketGone:
        return False
    over = (*OVER, TicketStatus.RESOLVED)
    is_problem = text(problem.get("type")).lower() == PROBLEM
    return is_problem and payloads.status(problem) not in over


def find_incident(account: Account, external_id: str, mark: str) -> Written | None:
    """Find our update in the ticket's own history, which nobody can undo."""
    wish: dict[str, Any] = {"page[size]": PAGE_SIZE, "sort": "-created_at"}
    for _ in range(AUDIT_PAGES):
        page = account.about_ticket("GET", path(external_id, "/audits"), params=wish)
        for audit_id, audit in payloads.by_id(page.get("audits")).items():
            if payloads.is_marked(audit, mark):
                return Written(audit_id)
        cursor = payloads.next_page(page)
        if not cursor:
            break
        wish["page[after]"] = cursor
    return None
