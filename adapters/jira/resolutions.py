"""What a resolution means: fixed, won't do, duplicate, cannot reproduce. Pure.

Names are editable and translated, ids are neither; the settings may use both. What
follows from a meaning is decided elsewhere, and so is what a resolution means that the
settings do not name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from adapters.words import plain
from connector.models import Meaning

Meanings = Mapping[Meaning, tuple[str, ...]]

#: How we speak of a resolution that the settings name.
SPOKEN = {
    Meaning.FIXED: "Fixed",
    Meaning.WONT_DO: "Won't Do",
    Meaning.DUPLICATE: "Duplicate",
    Meaning.CANNOT_REPRODUCE: "Cannot Reproduce",
}

#: Names that mean the same in most Jiras, beside those that mean fixed.
USUAL: Meanings = {
    Meaning.WONT_DO: (
        "won't do",
        "won't fix",
        "wontfix",
        "declined",
        "rejected",
        "invalid",
        "not a bug",
        "not a problem",
        "gjøres ikke",
        "avvist",
        "ei tehdä",
        "ei korjata",
    ),
    Meaning.DUPLICATE: ("duplicate", "duplikat", "dublett", "kaksoiskappale"),
    Meaning.CANNOT_REPRODUCE: (
        "cannot reproduce",
        "can't reproduce",
        "works for me",
        "kan ikke gjenskapes",
        "ei toistettavissa",
    ),
}


def spoken(resolution: object, configured: Meanings) -> str:
    """Return the word the rest of the connector judges by.

    A resolution that the settings name gets one word in every Jira; any other keeps
    its own name, which may be all that somebody listed as fixed.
    """
    if meaning := meaning_of(resolution, configured):
        return SPOKEN[meaning]
    return _name(resolution)


def judged(
    resolution: object, configured: Meanings, fixed: Collection[str]
) -> Meaning | None:
    """Return what the connector will take a resolution for.

    The settings go before the names that mean ``fixed`` for every tracker; what is
    neither is not fixed, and may have a usual name for why.
    """
    if meaning := meaning_of(resolution, configured):
        return meaning
    if _name(resolution).casefold() in {name.casefold() for name in fixed}:
        return Meaning.FIXED
    return meaning_of(resolution, USUAL)


def key(word: str) -> str:
    """Return a name or id in the form in which two of them are compared."""
    return " ".join(word.replace("’", "'").casefold().split())


def meaning_of(resolution: object, meanings: Meanings) -> Meaning | None:
    """Return under which meaning a resolution is listed."""
    known = {key(word): meaning for meaning in meanings for word in meanings[meaning]}
    raw = resolution if isinstance(resolution, dict) else {}
    # The id first: a name can be given to another resolution tomorrow.
    for word in (_id(raw), _name(raw)):
        if word and key(word) in known:
            return known[key(word)]
    return None


def _id(raw: Mapping[str, Any]) -> str:
    value = raw.get("id")
    return str(value) if isinstance(value, (str, int)) else ""


def _name(resolution: object) -> str:
    value = resolution.get("name") if isinstance(resolution, dict) else None
    return plain(value) if isinstance(value, str) else ""
