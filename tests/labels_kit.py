"""Tickets and what people said about their tags, put straight into a database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kit import START

from connector.models import TicketStatus
from connector.store import Store, customers, labels, tickets
from connector.store.labels import Label
from connector.store.tickets import TagState

DAY = timedelta(days=1)


def add_ticket(store: Store, number: str, **changes: Any) -> int:
    """Store a complaint that an agent answered and solved the day after."""
    with store.write() as connection:
        people = [customers.Person(f"{number}@mail.example")]
        known = customers.known(connection, people, START)
        values = {
            "source": "support",
            "external_id": number,
            "customer_id": known.ids[people[0].key],
            "number": number,
            "subject": "Parcel",
            "text": f"late again {number}",
            "status": TicketStatus.RESOLVED,
            "url": f"https://support.example/{number}",
            "language": "en",
            "verdict": {},
            "tags": [],
            "answered_at": START + DAY,
            **dict.fromkeys(("created_at", "updated_at", "decided_at"), START),
        }
        return tickets.put(connection, {**values, **changes}).id


def enter(
    store: Store, ticket: int, tag: str, state: TagState, rule: str = "pack.type"
) -> None:
    with store.write() as connection:
        line = {"tag": tag, "state": state, "rule": rule, "rule_version": "1"}
        row = {"ticket_id": ticket, "reason": "", "at": START, **line}
        tickets.put_tags(connection, [row])


def label(ticket: int, tag: str, said: Label, days: int = 0) -> dict[str, Any]:
    rule = {"rule": "pack.type", "rule_version": "1"}
    at = START + days * DAY
    return {"ticket_id": ticket, "tag": tag, "label": said, "at": at, **rule}


def add_labels(
    store: Store, said: Label, count: int, days: float = 0, **changes: Any
) -> None:
    """Let people label a tag of as many further tickets."""
    rows = []
    for number in range(count):
        ticket = add_ticket(store, f"{said}-{days}-{number}-{len(changes)}")
        rows.append({**label(ticket, "cc-delivery", said), **changes})
        rows[-1]["at"] = START + days * DAY + timedelta(seconds=number)
    with store.write() as connection:
        labels.put(connection, rows)
