"""How a ticket was rated, and whether with words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kit import START

from adapters.memory import MemoryAdapter
from connector.models import Author, Ticket
from connector.ratings import is_explained, rating


def rated(channel: str = "email", **fields: str) -> Ticket:
    desk = MemoryAdapter("support")
    ticket = desk.write("1", "It broke.", email="kari@mail.example", now=START)
    return replace(ticket, channel=channel, fields=fields)


@pytest.mark.parametrize(
    ("ticket", "expected"),
    [
        (rated(satisfaction="great"), "good"),
        (rated(satisfaction="okay"), "neutral"),
        (rated(satisfaction="not_good"), "bad"),
        (rated(satisfaction="bad"), "bad"),
        (rated(satisfaction="2"), "bad"),
        (rated(satisfaction="4.0"), "good"),
        (rated(rating_percent="25"), "bad"),
        (rated(rating_percent="50"), "neutral"),
        (rated(rating_percent="60"), "good"),
        (rated("nps", rating_percent="60"), "bad"),  # 6 of 10 is a detractor
        (rated("nps", rating_percent="70"), "neutral"),
        (rated("nps", rating_percent="90"), "good"),
        (rated(rating_percent="three stars"), None),
        (rated(satisfaction="offered"), None),
        (rated(), None),
    ],
)
def test_ratings_of_all_helpdesks_are_one_scale(
    ticket: Ticket, expected: str | None
) -> None:
    assert rating(ticket) == expected


def test_words_beside_a_rating_are_told_from_the_words_before_it() -> None:
    ticket = rated(satisfaction="bad")
    assert not is_explained(ticket)
    beside = replace(ticket.comments[0], channel="rating")
    assert is_explained(replace(ticket, comments=(*ticket.comments, beside)))
    silent = replace(beside, body=" ")
    assert not is_explained(replace(ticket, comments=(silent,)))
    robot = replace(beside, author=Author.ROBOT)
    assert not is_explained(replace(ticket, comments=(robot,)))


def test_words_of_a_survey_are_beside_its_rating() -> None:
    answer = rated("nps", rating_percent="20")
    assert is_explained(answer)
    assert not is_explained(replace(answer, comments=()))
