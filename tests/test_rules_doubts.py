"""Whether a group deserves an alert: unusual, told already, or a side of another."""

from __future__ import annotations

from datetime import timedelta

import pytest
from grouper_kit import MUCH_LATER, about, add_all, after, always

from rules.doubts import companion, doubt, is_unusual, twin
from rules.duplicates import Grouper
from rules.likeness import Vector
from rules.surges import Surges


def two_busy_groups(first: str, second: str) -> Grouper:
    tickets = [("p", about(first)), ("q", about(second))] * 4
    return after(tickets, hours=0.1)


@pytest.mark.parametrize(
    ("case", "first", "second", "same"),
    [
        (
            "one incident in two wordings",
            "the wallet page crashes since the update",
            "crash when I open the wallet page",
            "p",
        ),
        (
            "the same about two products",
            "my Nordlys lamp stopped working after two weeks",
            "my Havre lamp stopped working after two weeks",
            None,
        ),
        ("different matters", "the lamp flickers", "my invoice is wrong", None),
    ],
)
def test_two_busy_groups_about_one_incident_are_recognised(
    case: str, first: str, second: str, same: str | None
) -> None:
    grouper = two_busy_groups(first, second)
    assert twin(grouper, "q", ["gone", "q", "other-1", "p"]) == same, case


def test_what_says_the_same_as_an_alert_needs_none_of_its_own() -> None:
    words = "the wallet page crashes since the update"
    against = doubt(two_busy_groups(words, words), "q", ["p"], 9.0)
    assert against is not None
    assert (against.other, against.tells) == ("p", True)


def test_group_of_another_language_is_no_twin() -> None:
    said = "alarm E-4012 on Nordlys"
    tickets = [("p", about(said, "en")), ("q", about(said, "fi"))] * 4
    assert twin(after(tickets, hours=0.1), "q", ["p"]) is None


def test_only_the_groups_asked_about_can_be_twins() -> None:
    words = "the wallet page crashes since the update"
    assert twin(two_busy_groups(words, words), "q", ["other-1"]) is None


RINGING = (
    "the alarm rings and my neighbour wakes up",
    "it rings again, my alarm of last summer",
    "an alarm rings while nobody pays for it",
)


def test_what_people_always_write_about_is_nothing_unusual() -> None:
    grouper = always("your alarm rings too early")
    add_all(grouper, "p", *RINGING)
    assert not is_unusual(grouper, "p")
    assert not is_unusual(grouper, "old")


def test_usual_words_that_suddenly_all_put_alike_are_unusual() -> None:
    grouper = always("your alarm rings too early")
    add_all(grouper, "p", *["the alarm rings, help"] * 4)
    assert is_unusual(grouper, "p")
    for number in range(5):  # that came now and then before
        at = MUCH_LATER - timedelta(days=20 + number)
        grouper.add("q", f"q{number}", about("the alarm rings, help"), at)
    add_all(grouper, "q", *["the alarm rings, help"] * 4)
    assert not is_unusual(grouper, "q")


def test_what_suddenly_many_share_is_unusual() -> None:
    grouper = always("your alarm rings too early")
    add_all(grouper, "p", *["the alarm rings after the recall"] * 3)
    assert is_unusual(grouper, "p")


def test_without_a_past_everything_is_unusual() -> None:
    assert is_unusual(after([("p", about("the lamp flickers"))]), "p")


def test_words_written_all_the_time_make_no_twins() -> None:
    said = {"p": "alarm rings, Tuesday cinema", "q": "alarm rings, Friday swimming"}
    new, old = after([]), always("your alarm rings too early")
    for grouper in (new, old):
        for group, text in said.items():
            add_all(grouper, group, *[text] * 4)
    assert twin(new, "q", ["p"]) == "p"
    assert twin(old, "q", ["p"]) is None


def test_one_surging_word_makes_no_twins(monkeypatch: pytest.MonkeyPatch) -> None:
    grouper = always("where is my invoice")
    add_all(grouper, "p", *["the recall, who pays my way to your cinema"] * 4)
    add_all(grouper, "q", *["a recall, blue swimming rings smell of Friday soup"] * 4)
    add_all(grouper, "r", *["recall, who pays for my way to you"] * 4)

    def only_surging(sums: Vector, surges: Surges) -> Vector:
        return {term: weight for term, weight in sums.items() if term == "recal"}

    monkeypatch.setattr("rules.doubts.by_unusual", only_surging)
    assert twin(grouper, "q", ["p"]) is None
    assert twin(grouper, "r", ["q", "p"]) == "p"


@pytest.mark.parametrize(
    ("case", "text", "later", "beside"),
    [
        ("another side of it", "the login page says my account is locked", 1, "p"),
        ("nothing in common", "my parcel is wet and torn", 1, None),
        ("days after", "the login page says my account is locked", 30, None),
    ],
)
def test_what_comes_up_together_and_is_related_is_told(
    case: str, text: str, later: int, beside: str | None
) -> None:
    grouper = always("where is my invoice")
    add_all(grouper, "p", *["nobody of us can get into the account today"] * 4)
    for number in range(4):
        at = MUCH_LATER + timedelta(hours=later, minutes=number)
        grouper.add("q", f"q{number}", about(text), at)
    assert twin(grouper, "q", ["p"]) is None
    assert companion(grouper, "q", ["gone", "q", "p"]) == beside, case


def test_without_a_past_nobody_knows_what_is_related() -> None:
    grouper = two_busy_groups("nobody can get into it", "nobody can pay with it")
    assert companion(grouper, "q", ["p"]) is None


def test_group_that_is_forgotten_is_not_doubted() -> None:
    assert doubt(always("your alarm rings too early"), "gone", ["old"], 1.0) is None
