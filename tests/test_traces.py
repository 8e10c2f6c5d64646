"""What names a person is found however it is written, and nobody else's."""

from __future__ import annotations

import json

import pytest

from connector.store.tables import metadata
from connector.store.traces import Traces

KARI = Traces(["kari.ø@mail.example", "support:12"], ["Kari Øst", "Kari"], "gone")


@pytest.mark.parametrize(
    ("said", "without"),
    [
        ("From: Kari.Ø@Mail.Example!", "From: gone!"),
        ("<kari.ø@mail.example>, b@mail.example", "<gone>, b@mail.example"),
        ("/u?of=kari.%C3%B8%40mail.example&x=1", "/u?of=gone&x=1"),
        ("it was kari.ø@mail.example.", "it was gone."),
        ("support:12", "gone"),
        ("customer support:12, again", "customer gone, again"),
        # Somebody else's.
        ("hanna.kari.ø@mail.example", "hanna.kari.ø@mail.example"),
        ("kari.ø@mail.example.net", "kari.ø@mail.example.net"),
        ("support:120 and desk-support:12", "support:120 and desk-support:12"),
        # A name alone may be anybody's.
        ("Kari Øst", "Kari Øst"),
        (12, 12),
        (None, None),
    ],
)
def test_keys_are_taken_out_of_a_value(said: object, without: object) -> None:
    assert KARI.out_of(said) == without
    assert KARI.out_of({"a": [said], "b": {"c": said}}) == {
        "a": [without],
        "b": {"c": without},
    }


@pytest.mark.parametrize(
    ("body", "is_hers"),
    [
        (json.dumps({"from": "KARI.Ø@mail.example"}).encode(), True),
        ("kari.ø@mail.example".encode(), True),
        (b"email=kari.%C3%B8%40mail.example", True),
        ("hilsen Kari Øst".encode(), True),
        (json.dumps("Kari Øst").encode(), True),
        (b"hilsen Kari", False),  # that is many people's name
        (b"\xff\xfe Karianne \xd8stby", False),
        (b"", False),
    ],
)
def test_body_that_names_somebody_is_found(body: bytes, is_hers: bool) -> None:
    assert KARI.are_in(body) is is_hers


def test_nobody_is_in_nothing() -> None:
    assert Traces([]).out_of("kari") == "kari"
    assert not Traces([]).are_in(b"kari")


#: What erasing does to a table, beside taking addresses out of all its words. Whoever
#: adds a table, or words to one, adds it here and, if need be, to the erasing.
TREATED = {
    "words taken out, rows kept": {
        "customers",
        "decisions",
        "deliveries",
        "members",
        "outbox",
        "ticket_fields",
        "ticket_tags",
        "tickets",
    },
    "rows dropped": {
        "carried",
        "customer_keys",
        "departures",
        "directory_entries",
        "grouping_memory",
    },
    "ended": {"checkins", "clocks", "tasks"},
    "ids, times and words of ours or of the house": {
        "audit",
        "broadcasts",
        "budgets",
        "cursors",
        "demotions",
        "facts",
        "failed_sign_ins",
        "former_issues",
        "group_bonds",
        "group_events",
        "groups",
        "health",
        "labels",
        "learned_models",
        "left_out",
        "locks",
        "messages",
        "regroupings",
        "reports",
        "sessions",
        "users",
        "visits",
        "rule_switches",
        "rulebooks",
    },
}


def test_erasing_knows_every_table() -> None:
    known = [name for names in TREATED.values() for name in names]
    assert sorted(known) == sorted(metadata.tables)
