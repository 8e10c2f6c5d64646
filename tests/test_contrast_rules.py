"""Of two problems that a person told apart, what makes the difference decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from test_scenario_people import BANK, BANK_NEXT, CRASH, CRASH_NEXT

from rules.contrast import settle
from rules.duplicates import Grouper, Proposal
from rules.features import Features, features
from rules.judge import default_judge

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NEXT_DAY = START + timedelta(days=1)
APART = [("crash", "bank")]


def read(language: str, text: str) -> Features:
    types = default_judge().judge("Help", text, language).types
    return features("Help", text, language, types)


@pytest.fixture(scope="module")
def grouper() -> Grouper:
    made = Grouper()
    for name, texts in (("crash", CRASH), ("bank", BANK)):
        for number, (language, text) in enumerate(texts):
            made.add(name, f"{name}{number}", read(language, text), START)
    return made


def placed(grouper: Grouper, language: str, text: str, proposal: Proposal) -> Proposal:
    return settle(grouper, proposal, read(language, text), NEXT_DAY, APART)


NOWHERE = Proposal(None, 0.4, ("nothing alike",))


@pytest.mark.parametrize(
    ("side", "language", "text"),
    [("crash", *one) for one in CRASH_NEXT] + [("bank", *one) for one in BANK_NEXT],
)
def test_newcomer_joins_the_side_that_speaks_like_it(
    grouper: Grouper, side: str, language: str, text: str
) -> None:
    rival = "bank" if side == "crash" else "crash"
    for proposal in (NOWHERE, Proposal(side, 0.6, ()), Proposal(rival, 0.6, ())):
        assert placed(grouper, language, text, proposal).group == side


@pytest.mark.parametrize(
    "text",
    [
        "My parcel never arrived, this is terrible!",
        "The app shows the wrong prices in my basket. Really annoying!",
        "I want to pay. Really annoying!",
    ],
)
def test_what_neither_side_is_marked_by_joins_none(grouper: Grouper, text: str) -> None:
    assert placed(grouper, "en", text, NOWHERE) is NOWHERE


def test_what_belongs_elsewhere_stays_there(grouper: Grouper) -> None:
    elsewhere = Proposal("another", 0.55, ("same kind",))
    assert placed(grouper, *CRASH_NEXT[0], elsewhere) is elsewhere


def test_pair_that_is_forgotten_decides_nothing() -> None:
    assert placed(Grouper(), *CRASH_NEXT[0], NOWHERE) is NOWHERE


def test_the_kind_of_complaint_alone_marks_no_side() -> None:
    """Kinds are guessed from the very words that both sides have."""
    said = "trouble while paying for the blue tent"
    made = Grouper()
    for number in range(4):
        crash = features("", f"{said} frozen{number}", "en", ["product_quality"])
        bank = features("", f"{said} refused{number}", "en", ["billing_invoice"])
        made.add("crash", f"crash{number}", crash, START)
        made.add("bank", f"bank{number}", bank, START)
    newcomer = features("", said, "en", ["product_quality"])
    assert made.compare("crash", newcomer, NEXT_DAY).score > made.strictness
    assert settle(made, NOWHERE, newcomer, NEXT_DAY, APART) is NOWHERE
