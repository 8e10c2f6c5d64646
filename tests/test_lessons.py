"""What people did with tags becomes lessons, and so do the lines of a file."""

from __future__ import annotations

import json

import pytest
from kit import START
from labels_kit import add_ticket, label

from connector import lessons
from connector.errors import MalformedPayload
from connector.samples import Lesson
from connector.store import Store, labels
from connector.store.labels import Label

KEPT, REMOVED, MISSED = Label.KEPT, Label.REMOVED, Label.MISSED


@pytest.mark.parametrize(
    ("said", "complaint", "kind"),
    [
        ({"cc-delivery": KEPT}, True, "delivery"),
        ({"cc-delivery": REMOVED}, False, ""),
        ({"cc-delivery": REMOVED, "cc-other": MISSED}, True, "other"),
        ({"cc-other": KEPT, "cc-delivery": KEPT}, True, "delivery"),  # judged first
        ({"cc-other": MISSED, "cc-social_media": MISSED}, True, ""),
        ({"cc-persona-quiet": REMOVED, "cc-delivery": KEPT}, True, "delivery"),
    ],
)
def test_tags_say_whether_it_is_a_complaint_and_of_what(
    store: Store, said: dict[str, Label], complaint: bool, kind: str
) -> None:
    ticket = add_ticket(store, "1", verdict={"types": ["delivery", "returns_refunds"]})
    with store.write() as connection:
        labels.put(connection, [label(ticket, tag, one) for tag, one in said.items()])
    with store.read() as connection:
        (found,) = lessons.of_tickets(connection, "cc-", START)
    assert (found.complaint, found.kind) == (complaint, kind)
    assert (found.subject, found.text) == ("Parcel", "late again 1")


def test_other_tags_teach_nothing_and_untagged_tickets_that_it_is_none(
    store: Store,
) -> None:
    personal, foreign = add_ticket(store, "1"), add_ticket(store, "2")
    add_ticket(store, "3", text="when do you open")
    with store.write() as connection:
        labels.put(connection, [label(personal, "cc-persona-quiet", KEPT)])
        labels.put(connection, [label(foreign, "delivery", KEPT)])
    with store.read() as connection:
        (found,) = lessons.of_tickets(connection, "cc-", START)
    assert found == Lesson("Parcel", "when do you open", found.customer, False, "")


def test_lines_of_a_file_are_lessons() -> None:
    lines = [
        '{"text": "late", "labels": {"complaint": true, "types": ["delivery"]}}',
        "",
        '{"subject": "Hi", "text": "x", "customer": 7, "labels": {"complaint": false}}',
        '{"text": "y", "labels": {"topic": "z", "types": ["new_type"]}}',
    ]
    assert list(lessons.of_file(line.encode() for line in lines)) == [
        Lesson("", "late", "line 1", True, "delivery"),
        Lesson("Hi", "x", "7", False, ""),
        Lesson("", "y", "line 4", None, ""),
    ]


@pytest.mark.parametrize(
    "line",
    [
        b"secret",
        b"\xff\xfe",
        b"[" * 100_000,
        b'"secret"',
        b'{"text": "secret"}',
        b'{"labels": {}}',
        b'{"text": 5, "labels": {}}',
        b'{"text": "secret", "labels": {"complaint": "yes"}}',
        b'{"text": "secret", "labels": {"types": "delivery"}}',
        b'{"text": "secret", "labels": {"types": [1]}}',
    ],
)
def test_a_line_that_is_none_is_named_without_its_words(line: bytes) -> None:
    good = json.dumps({"text": "x", "labels": {}}).encode()
    with pytest.raises(MalformedPayload, match="line 2: ") as raised:
        list(lessons.of_file([good, line]))
    assert "secret" not in str(raised.value)
