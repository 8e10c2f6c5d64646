"""What a person says by a button a ticket is about: written, kept, and learnt from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kit import Bench

from connector import retyping
from connector.correcting import Refused
from connector.models import TicketRef, TicketStatus
from connector.store import accounts, labels, tickets
from connector.store.rule_tables import labels as label_table
from connector.store.tickets import TagState

REF = TicketRef("support", "1")
CODE = "The discount code does not work at checkout, I am very disappointed."
ME = "user 7"


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    bench = make_bench()
    bench.write("1", CODE, "a@mail.example")
    bench.settle()
    assert tags(bench) == {"cc-discount_pricing"}
    return bench


def tags(bench: Bench) -> set[str]:
    return {tag for tag in bench.support.tickets["1"].tags if tag.startswith("cc-")}


def say(bench: Bench, wrong: str, right: str) -> bool:
    with bench.store.write() as connection:
        return retyping.retype(
            connection,
            bench.config,
            REF,
            wrong.split(),
            right,
            ME,
            bench.clock(),
        )


def said(bench: Bench) -> dict[str, str]:
    with bench.store.read() as connection:
        rows = connection.execute(label_table.select()).all()
    return {row.tag: row.label for row in rows}


def types(bench: Bench) -> retyping.Types:
    with bench.store.read() as connection:
        row = tickets.find(connection, REF)
        assert row is not None
        ledger = tickets.ledger(connection, row.id)
    return retyping.types_of(bench.config, row, ledger)


def test_other_type_is_written_stays_and_is_learnt(bench: Bench) -> None:
    assert types(bench) == (("discount_pricing",), True)
    assert say(bench, "discount_pricing", "delivery")
    assert types(bench) == (("delivery",), True)
    bench.changed("support", "1")  # decided before the vendor has heard of it
    bench.settle()
    assert tags(bench) == {"cc-delivery"}
    wanted = {"cc-discount_pricing": "removed", "cc-delivery": "missed"}
    assert said(bench) == wanted
    for _ in range(2):  # and neither an echo nor new words take it back
        bench.clock.pass_(hours=1)
        bench.write("1", CODE, "a@mail.example")
        bench.settle()
        assert tags(bench) == {"cc-delivery"}
    assert said(bench) == wanted
    with bench.store.read() as connection:
        (deed,) = accounts.recorded(connection, 5)
        assert (deed["who"], deed["subject"]) == (ME, "support:1")
        assert deed["said"] == "not discount_pricing; right: delivery"


def test_the_same_again_changes_nothing(bench: Bench) -> None:
    assert say(bench, "discount_pricing", "delivery")
    assert not say(bench, "discount_pricing", "delivery")
    bench.settle()
    assert not say(bench, "discount_pricing", "delivery")
    with bench.store.read() as connection:
        assert len(accounts.recorded(connection, 5)) == 1


def test_thinking_again_brings_the_tag_back(bench: Bench) -> None:
    say(bench, "discount_pricing", "delivery")
    bench.settle()
    assert say(bench, "delivery", "discount_pricing")
    bench.settle()
    assert tags(bench) == {"cc-discount_pricing"}
    assert said(bench)["cc-discount_pricing"] == labels.Label.CONFIRMED


def test_no_complaint_takes_all_types_off(bench: Bench) -> None:
    assert say(bench, "discount_pricing", "")
    bench.settle()
    assert tags(bench) == set()
    assert types(bench) == ((), False)
    assert said(bench) == {"cc-discount_pricing": "removed"}


def test_what_a_person_set_and_took_off_by_hand_is_vetoed_like_any_tag(
    bench: Bench,
) -> None:
    say(bench, "", "discount_pricing")  # right as it is: theirs from now on
    assert said(bench) == {"cc-discount_pricing": "confirmed"}
    bench.support.change_tags("1", frozenset(), frozenset({"cc-discount_pricing"}))
    bench.changed("support", "1")
    bench.settle()
    assert tags(bench) == set()
    assert said(bench) == {"cc-discount_pricing": "removed"}


def test_while_tags_are_observed_it_only_teaches(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench(autonomy={"tags": "observe"})
    bench.write("1", CODE, "a@mail.example")
    bench.settle()
    assert types(bench) == (("discount_pricing",), False)
    assert say(bench, "discount_pricing", "delivery")
    bench.settle()
    assert tags(bench) == set()
    assert said(bench) == {"cc-discount_pricing": "removed", "cc-delivery": "missed"}


def test_word_of_a_person_stands_where_it_cannot_be_written(bench: Bench) -> None:
    say(bench, "discount_pricing", "delivery")
    with bench.store.write() as connection:
        tickets.note_status(connection, REF, TicketStatus.SPAM, bench.clock())
    bench.settle()
    assert tags(bench) == {"cc-discount_pricing"}
    with bench.store.read() as connection:
        row = tickets.find(connection, REF)
        assert row is not None
        ledger = tickets.ledger(connection, row.id)
    assert {tag: line.state for tag, line in ledger.items()} == {
        "cc-discount_pricing": TagState.VETOED
    }


@pytest.mark.parametrize(("wrong", "right"), [("x", ""), ("", "cc-delivery")])
def test_what_is_no_type_is_refused(bench: Bench, wrong: str, right: str) -> None:
    with pytest.raises(Refused, match="expected types"):
        say(bench, wrong, right)


def test_ticket_that_is_not_known_is_refused(bench: Bench) -> None:
    with bench.store.write() as connection, pytest.raises(Refused, match="not known"):
        retyping.retype(
            connection,
            bench.config,
            TicketRef("support", "2"),
            [],
            "delivery",
            ME,
            bench.clock(),
        )
