"""Tables of phrases: what agents ask with, and what blames customers."""

from __future__ import annotations

import pytest

from connector import texts
from rules import phrases


@pytest.mark.parametrize("table", ["asked", "blame"])
def test_table_has_every_language(table: str) -> None:
    assert phrases.languages(table) == texts.LANGUAGES


@pytest.mark.parametrize(
    "text",
    [
        "Hi Kari, we have sent a new code. Did that solve it for you?",
        "I just wanted to ask:\nDOES IT WORK NOW?",
        "Please let me know if it works.",
        "Hei! Virker det nå?",
        "Gi beskjed, om det virker.",
        "Hei, fekk du det til?",
        "Hei, ratkesiko ongelma?",
        "Kerrothan, toimiiko se.",
        "Hej! Löste det sig?",
        "Hej, virker det nu?",
        "Guten Tag, hat es geklappt?",
    ],
)
def test_agent_asks_the_same(text: str) -> None:
    assert phrases.find("asked", text)


@pytest.mark.parametrize(
    "text",
    [
        "Try the code NEW10 instead.",
        "Let me know if there is anything else.",
        "Si fra om det er noe mer.",
        "Det virker nå igjen.",
        "Kerro, jos tarvitset lisää apua.",
        "Wenn nicht, antworten Sie einfach.",
        "",
    ],
)
def test_agent_asks_something_else(text: str) -> None:
    assert phrases.find("asked", text) is None


def test_first_phrase_is_told_with_its_place() -> None:
    text = "Hello,\nyou  should have known. Your fault."
    assert phrases.find("blame", text) == ("you should have", 7)
