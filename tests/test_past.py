"""Tickets are read back in the order they came, a few at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from kit import START
from labels_kit import add_ticket

from connector.models import TicketStatus
from connector.store import Store, groups, labels, members, past, tickets
from connector.store.labels import Label

DAY = timedelta(days=1)


@pytest.fixture
def ids(store: Store) -> dict[str, int]:
    """Four tickets: a complaint of its third day, a question, spam, and one merged."""
    known = {
        name: add_ticket(store, name, created_at=START + days * DAY, **more)
        for name, days, more in (
            ("complaint", 1, {"text": "late"}),
            ("question", 2, {}),
            ("spam", 2, {"status": TicketStatus.SPAM}),
            ("merged", 2, {"merged_into": "7"}),
        )
    }
    at = START + 3 * DAY
    with store.write() as connection:
        named = {"type": "delivery", "title": "", "state": "filed", "filed_at": at}
        times = dict.fromkeys(("created_at", "first_at", "last_at"), at)
        group_id = groups.create(connection, {**named, **times})
        row = tickets.get(connection, known["complaint"])
        member = {"ticket_id": row.id, "customer_id": row.customer_id, "at": at}
        placed = {"group_id": group_id, "joined_at": at, "features": {}, "reason": ""}
        members.add(connection, {**member, **placed})
        for vip in ("the list of addresses", "the tag vip"):
            decision = {"ticket_id": row.id, "rules_version": "1", "verdict": {}}
            more = {"delivery_id": None, "at": at, "trace": {"vip": vip}}
            tickets.add_decisions(connection, [{**decision, **more}])
        rule = {"rule": "x", "rule_version": "1", "at": at}
        said = {"ticket_id": row.id, "tag": "cc-delivery", "label": Label.KEPT}
        labels.put(connection, [{**said, **rule}])
    return known


def test_order_is_that_of_complaints(store: Store, ids: dict[str, int]) -> None:
    with store.read() as connection:
        all_ = past.order(connection, START, START + 9 * DAY)
        first = past.order(connection, START, START + 2 * DAY)
    assert all_ == [
        (START + 2 * DAY, ids["question"]),
        (START + 3 * DAY, ids["complaint"]),
    ]
    assert first == all_[:1]


def test_ticket_comes_with_what_was_known_of_it(
    store: Store, ids: dict[str, int]
) -> None:
    wanted = [ids["complaint"], ids["question"]]
    with store.read() as connection:
        rows = past.read(connection, wanted)
        said = past.said(connection, wanted)
        (filed,) = past.filed(connection, [rows[wanted[0]].group_id]).values()
    complaint, question = (rows[one] for one in wanted)
    assert (complaint.text, complaint.vip) == ("late", "the tag vip")
    assert (question.vip, question.group_id) == (None, None)
    assert said == {ids["complaint"]: {"cc-delivery": Label.KEPT}}
    assert filed.filed_at == START + 3 * DAY
