"""Customers who asked not to be written to, as a helpdesk's tags say.

What a person types is in ``connector.cli.customers``. Both count for every message of
ours to a customer, and neither keeps an agent from writing.
"""

from __future__ import annotations

from connector.case import Case
from connector.models import Ticket, TicketRef
from connector.store import customers, tickets


def heed(case: Case) -> None:
    """Follow the tags of a ticket and of its customer's profile.

    Who was opted out by a tag, and has none any more on any ticket, is written to
    again; who was opted out by a person is not.
    """
    wanted = case.config.messages.opt_out_tags
    if not wanted:
        return
    connection, ticket, customer_id = case.connection, case.ticket, case.customer_id
    said = _said(ticket, wanted)
    if said:
        customers.opt_out(connection, customer_id, said[0], case.now)
        return
    if not customers.opt_in(connection, customer_id, _by_these(ticket, wanted)):
        return
    for other in tickets.of_customer(connection, customer_id):
        marks = {tag.casefold() for tag in other.tags}
        ref = TicketRef(other.source, other.external_id)
        for tag in wanted:
            if tag in marks and ref != ticket.ref:
                customers.opt_out(connection, customer_id, _on(tag, ref), case.now)


def _said(ticket: Ticket, wanted: tuple[str, ...]) -> list[str]:
    on_ticket = {tag.casefold() for tag in ticket.tags}
    on_profile = {tag.casefold() for tag in ticket.customer.tags}
    return [
        *(_on(tag, ticket.ref) for tag in wanted if tag in on_ticket),
        *(_of_profile(tag, ticket.ref.source) for tag in wanted if tag in on_profile),
    ]


def _by_these(ticket: Ticket, wanted: tuple[str, ...]) -> list[str]:
    return [
        *(_on(tag, ticket.ref) for tag in wanted),
        *(_of_profile(tag, ticket.ref.source) for tag in wanted),
    ]


def _on(tag: str, ref: TicketRef) -> str:
    return f"{customers.TAG}{tag} on {ref.source}:{ref.external_id}"


def _of_profile(tag: str, source: str) -> str:
    return f"{customers.TAG}{tag} of the profile in {source}"
