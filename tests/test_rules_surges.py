"""Surges: what is written more often than usual, and what never was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rules.surges import Surges

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def counted(*parts: tuple[int, float, list[str]], every: int = 4) -> Surges:
    """Tickets a quarter of an hour apart; each ``every``th says ``invoice`` too.

    A part is how many tickets, the hours between two of them, and their terms.
    """
    surges, at, number = Surges(), START, 0
    for tickets, hours, terms in parts:
        for _ in range(tickets):
            at += timedelta(hours=hours)
            number += 1
            usual = ["invoice"] if number % every == 0 else []
            surges.add([*terms, *usual], at)
    return surges


QUIET = (300, 0.5, ["hello"])


def test_a_word_that_suddenly_many_write_is_a_surge() -> None:
    surges = counted(QUIET, (8, 0.5, ["recall"]))
    assert surges.surge("recall") > 0.5
    assert surges.times_usual("recall") > 3


@pytest.mark.parametrize("term", ["invoice", "hello", "never written"])
def test_what_people_always_write_about_is_no_surge(term: str) -> None:
    surges = counted(QUIET, (8, 0.5, ["hello"]))
    assert surges.surge(term) == 0
    assert surges.times_usual(term) < 1.5


def test_one_ticket_is_no_surge() -> None:
    assert counted(QUIET, (1, 0.5, ["recall"])).surge("recall") == 0


def test_more_of_it_is_a_surer_surge() -> None:
    few, many = (counted(QUIET, (n, 0.5, ["recall"])) for n in (4, 12))
    assert few.surge("recall") < many.surge("recall") < 1


def test_a_surge_ends() -> None:
    surges = counted(QUIET, (8, 0.5, ["recall"]), (300, 0.5, ["hello"]))
    assert surges.surge("recall") == 0


def test_a_desk_with_few_tickets_looks_further_back() -> None:
    weekly = counted((100, 24.0 * 7, ["hello"]), (4, 24.0 * 7, ["recall"]))
    assert weekly.surge("recall") > 0


def test_tickets_out_of_order_do_no_harm() -> None:
    surges = counted(QUIET)
    surges.add(["recall"], START)
    surges.add(["recall"], START - timedelta(days=900))
    assert surges.times_usual("hello") == pytest.approx(1, abs=0.5)


def test_without_a_past_nobody_knows_what_is_usual() -> None:
    new = counted((20, 0.1, ["hello"]))
    assert not new.knows_what_is_usual()
    assert new.surge("hello") == 0
    assert counted(QUIET).knows_what_is_usual()


def test_a_dropped_term_is_forgotten() -> None:
    surges = counted(QUIET, (8, 0.5, ["recall"]))
    surges.drop("recall")
    assert surges.surge("recall") == 0


def test_a_word_that_usually_many_write_tells_little() -> None:
    surges = counted(QUIET, (8, 0.5, ["recall"]))
    assert surges.information("hello") < surges.information("invoice") < 2
    # Eight of the last tickets: a burst does not make its own words common.
    assert surges.information("recall") > 4
    assert surges.information("never written") > surges.information("recall")
