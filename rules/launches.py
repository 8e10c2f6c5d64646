"""What customers are expected to write about after a launch, and whether they do."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from rules.features import Features, features

_NO_LABEL = re.compile(r"[^\w]+")


def label(name: str) -> str:
    """Return the label of issues that a launch led to; trackers take no spaces."""
    return f"launch-{_NO_LABEL.sub('-', name.casefold()).strip('-')}"


def is_about(found: Features, types: Collection[str], words: tuple[str, ...]) -> bool:
    """Say whether a complaint is of one of the types, or has one of the words.

    A word is also met by its other forms, and by what means the same in another
    language, where we know that.
    """
    if set(types) & set(found.types):
        return True
    written = {*found.words, *found.concepts, *map(str.casefold, found.entities)}
    return not written.isdisjoint(_terms(words))


@lru_cache(maxsize=64)
def _terms(words: tuple[str, ...]) -> frozenset[str]:
    terms: set[str] = set()
    for word in words:
        asked = features(word, "", "")
        terms.update(asked.words, asked.concepts, map(str.casefold, asked.entities))
    return frozenset(terms)
