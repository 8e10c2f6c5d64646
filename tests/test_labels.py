"""What people said about tags: which label counts, and who may learn from it."""

from __future__ import annotations

from typing import Any

import pytest
from kit import START
from labels_kit import DAY, add_ticket, enter, label
from sqlalchemy import select

from connector.models import TicketStatus
from connector.store import Store, labels
from connector.store.labels import Label
from connector.store.rule_tables import labels as table
from connector.store.tickets import TagState


def left(store: Store, settled_days: int = -1) -> list[tuple[int, str]]:
    with store.read() as connection:
        settled = START + settled_days * DAY
        found = labels.left(connection, settled, ["clocks"], 0, 10)
    return [(row.ticket_id, row.tag) for row in found]


def test_last_word_of_a_person_counts_and_the_same_again_is_no_news(
    store: Store,
) -> None:
    ticket = add_ticket(store, "1")
    for days, said in enumerate([Label.MISSED, Label.REMOVED, Label.REMOVED]):
        with store.write() as connection:
            labels.put(connection, [label(ticket, "cc-delivery", said, days)])
    with store.write() as connection:
        labels.add(connection, [label(ticket, "cc-delivery", Label.KEPT, 9)])
    with store.read() as connection:
        (row,) = connection.execute(select(table)).all()
    assert (row.label, row.at) == (Label.REMOVED, START + DAY)


@pytest.mark.parametrize(
    ("changes", "state", "is_left"),
    [
        ({}, TagState.WRITTEN, True),
        ({}, TagState.SEEN, True),
        ({}, TagState.VETOED, False),
        ({}, TagState.WANTED, False),
        ({"answered_at": None}, TagState.WRITTEN, False),
        ({"answered_at": START - DAY}, TagState.WRITTEN, False),
        ({"status": TicketStatus.OPEN}, TagState.WRITTEN, False),
    ],
)
def test_tag_counts_as_kept_once_an_agent_answered_and_solved(
    store: Store, changes: dict[str, Any], state: TagState, is_left: bool
) -> None:
    ticket = add_ticket(store, "1", **changes)
    enter(store, ticket, "cc-delivery", state)
    enter(store, ticket, "cc-due", state, "clocks")
    assert left(store) == ([(ticket, "cc-delivery")] if is_left else [])


def test_tag_left_alone_for_long_counts_on_an_open_ticket_too(store: Store) -> None:
    ticket = add_ticket(store, "1", status=TicketStatus.OPEN)
    enter(store, ticket, "cc-delivery", TagState.WRITTEN)
    assert (left(store, -1), left(store, 0)) == ([], [(ticket, "cc-delivery")])


def test_what_was_labelled_is_left_out(store: Store) -> None:
    ticket = add_ticket(store, "1")
    for tag in ("cc-delivery", "cc-other"):
        enter(store, ticket, tag, TagState.WRITTEN)
    with store.write() as connection:
        labels.put(connection, [label(ticket, "cc-other", Label.MISSED)])
    assert left(store) == [(ticket, "cc-delivery")]


def test_examples_are_what_was_labelled_since_on_tickets_with_words(
    store: Store,
) -> None:
    first, second = add_ticket(store, "1"), add_ticket(store, "2")
    wordless = add_ticket(store, "3", subject="", text="")
    said = [
        label(first, "cc-delivery", Label.REMOVED, 1),
        label(first, "cc-other", Label.KEPT, -1),
        label(second, "cc-delivery", Label.MISSED, 2),
        label(second, "cc-other", Label.FOUND, 2),
        label(wordless, "cc-delivery", Label.KEPT, 2),
    ]
    with store.write() as connection:
        labels.put(connection, said)
    with store.read() as connection:
        found = list(labels.examples(connection, START))
    assert [(one.ticket_id, one.tag, one.label, one.text) for one in found] == [
        (first, "cc-delivery", Label.REMOVED, "late again 1"),
        (second, "cc-delivery", Label.MISSED, "late again 2"),
    ]


def test_tags_found_in_history_are_examples_too(store: Store) -> None:
    history = add_ticket(store, "1", archived_until=START)
    live = add_ticket(store, "2")
    with store.write() as connection:
        for ticket in (history, live):
            labels.put(connection, [label(ticket, "cc-other", Label.FOUND)])
    with store.read() as connection:
        found = list(labels.examples(connection, START))
    assert [one.ticket_id for one in found] == [history]


def test_answered_tickets_without_any_tag_are_examples_of_no_complaint(
    store: Store,
) -> None:
    add_ticket(store, "1", text="when do you open")
    labelled = add_ticket(store, "2")
    add_ticket(store, "3", complaint=True)
    add_ticket(store, "4", status=TicketStatus.OPEN)
    add_ticket(store, "5", answered_at=None)
    add_ticket(store, "6", text="")
    add_ticket(store, "7", updated_at=START - DAY)
    with store.write() as connection:
        labels.put(connection, [label(labelled, "cc-other", Label.REMOVED)])
    with store.read() as connection:
        found = list(labels.untagged(connection, START))
    assert [row.text for row in found] == ["when do you open"]
