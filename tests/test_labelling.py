"""What people do with tags is labelled, so that it can be learnt from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from kit import Bench, settings
from sqlalchemy import select

from connector.store import demotions
from connector.store.demotions import Unit
from connector.store.rule_tables import labels

LATE = "My parcel never arrived, the delivery is three weeks late. I am very angry!"
NOTICED: dict[str, Any] = {
    "id": "late",
    "when": {"field": "types", "op": "contains", "value": "delivery"},
    "then": [{"add_tag": "late-delivery"}],
}


@pytest.fixture
def bench(blank_sqlite: str) -> Iterator[Bench]:
    bench = Bench(settings(blank_sqlite))
    yield bench
    bench.close()


def write(bench: Bench, ticket: str = "1", text: str = LATE) -> None:
    bench.write(ticket, text, f"customer{ticket}@mail.example")
    bench.settle()


def retag(
    bench: Bench, ticket: str = "1", add: Iterable[str] = (), off: Iterable[str] = ()
) -> None:
    """Let a person change tags, and the webhook arrive."""
    known = bench.support.tickets[ticket]
    bench.support.tickets[ticket] = replace(
        known, tags=(known.tags | set(add)) - set(off)
    )
    bench.changed("support", ticket)
    bench.settle()


def said(bench: Bench) -> list[tuple[str, str, str]]:
    with bench.store.read() as connection:
        rows = connection.execute(select(labels).order_by(labels.c.tag)).all()
    return [(row.tag, row.rule, row.label) for row in rows]


def test_removed_tag_is_a_label_and_put_back_it_is_confirmed(bench: Bench) -> None:
    write(bench)
    retag(bench, off=["cc-delivery"])
    assert said(bench) == [("cc-delivery", "pack.type", "removed")]
    retag(bench, add=["cc-delivery"])
    assert said(bench) == [("cc-delivery", "pack.type", "confirmed")]


def test_tag_that_no_longer_holds_and_is_taken_off_was_wrong(bench: Bench) -> None:
    write(bench)
    known = bench.support.tickets["1"]
    praise = replace(known.comments[0], body="Thank you so much, lovely service!")
    bench.support.tickets["1"] = replace(known, comments=(praise,))
    retag(bench, off=["cc-delivery"])
    assert said(bench) == [("cc-delivery", "pack.type", "removed")]


def test_type_or_persona_set_by_a_person_was_missed(bench: Bench) -> None:
    write(bench)
    retag(bench, add=["cc-other", "cc-persona-quiet", "cc-mine", "delivery", "cc-vip"])
    assert said(bench) == [
        ("cc-other", "pack.type", "missed"),
        ("cc-persona-quiet", "pack.persona", "missed"),
    ]


def test_tag_that_was_there_from_the_beginning_says_nothing(bench: Bench) -> None:
    bench.write("1", LATE, "a@mail.example")
    retag(bench, add=["cc-other"])
    retag(bench)
    assert said(bench) == [("cc-other", "pack.type", "found")]


def test_tag_of_a_merged_ticket_says_nothing(bench: Bench) -> None:
    write(bench, "1")
    write(bench, "2", "The invoice is wrong, you charged me twice! Terrible.")
    retag(bench, add=bench.support.tickets["2"].tags)
    assert {label for _, _, label in said(bench)} == {"missed"}
    bench.support.merged["2"] = "1"
    bench.changed("support", "2")
    bench.settle()
    assert {label for _, _, label in said(bench)} == {"found"}


def test_tag_that_a_rule_only_observes_is_confirmed_by_a_person(
    blank_sqlite: str,
) -> None:
    config = settings(blank_sqlite)
    raw = config.rules.model_validate({"rules": [NOTICED]})
    bench = Bench(config.model_copy(update={"rules": raw}))
    write(bench)
    retag(bench, add=["late-delivery"])
    assert said(bench) == [("late-delivery", "late", "confirmed")]
    bench.close()


def test_tag_of_a_rule_that_is_held_back_is_suggested_and_a_persons_to_set(
    bench: Bench,
) -> None:
    write(bench, "1")
    version = bench.runtime.rulebook.book.judge.version
    unit = Unit("pack.type", "cc-delivery", "en", version)
    with bench.store.write() as connection:
        demotions.demote(connection, unit, 0, 20, bench.clock())
    retag(bench, "1", add=["mine"])
    write(bench, "2")
    tags = [bench.support.tickets[one].tags for one in "12"]
    assert ["cc-delivery" in one for one in tags] == [True, False]
    notes = [note for call, _, note in bench.support.calls if call == "add_note"]
    line = "Rule pack.type suggests: tag cc-delivery"
    assert [line in str(note) for note in notes] == [False, True]
    retag(bench, "2", add=["cc-delivery"])
    retag(bench, "2", off=["cc-delivery"])
    assert said(bench) == [("cc-delivery", "pack.type", "removed")]


def test_what_is_known_and_not_judged_is_not_labelled(blank_sqlite: str) -> None:
    vips = {"addresses": ["customer1@mail.example"]}
    bench = Bench(settings(blank_sqlite, vip=vips))
    write(bench)
    assert "cc-vip" in bench.support.tickets["1"].tags
    retag(bench, off=["cc-vip"])
    assert said(bench) == []
    bench.close()
