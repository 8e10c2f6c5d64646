"""Tables of phrases by language, beside this file, and whether a text has one.

Which language a text is in does not matter: people mix them, and neighbours share them.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import yaml

#: Longer words are no sentence of a person.
MAX_CHARS = 20_000

_WORD = re.compile(r"\w+")


class Found(NamedTuple):
    """A phrase, and where in the text it begins."""

    phrase: str
    place: int


def find(table: str, text: str) -> Found | None:
    """Return the phrase of a table that comes first in a text.

    Its words have to follow each other; what stands between them does not count.
    """
    # The letter as it is: other ways of folding change the places.
    words = [(m[0].lower(), m.start()) for m in _WORD.finditer(text[:MAX_CHARS])]
    for index, (word, place) in enumerate(words):
        for phrase in _by_first_word(table).get(word, ()):
            said = tuple(one for one, _ in words[index : index + len(phrase)])
            if said == phrase:
                return Found(" ".join(phrase), place)
    return None


def languages(table: str) -> tuple[str, ...]:
    """Return the languages that a table has phrases of."""
    return tuple(_read(table))


@cache
def _by_first_word(table: str) -> dict[str, list[tuple[str, ...]]]:
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrases in _read(table).values():
        for phrase in phrases:
            words = tuple(phrase.split())
            found.setdefault(words[0], []).append(words)
    return found


@cache
def _read(table: str) -> dict[str, list[str]]:
    place = files("rules.phrases").joinpath(f"{table}.yaml")
    found: dict[str, list[str]] = yaml.safe_load(place.read_text(encoding="utf-8"))
    return found
