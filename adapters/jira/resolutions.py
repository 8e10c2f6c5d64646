"""What a resolution means: fixed, won't do, duplicate, cannot reproduce. Pure.

Names are editable and translated, ids are neither; the settings may use both. What
follows from a meaning is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from adapters.words import plain


class Meaning(StrEnum):
    FIXED = "fixed"  #: it works again
    WONT_DO = "wont_do"  #: it stays as it is
    DUPLICATE = "duplicate"  #: another issue is about it
    CANNOT_REPRODUCE = "cannot_reproduce"  #: nobody could make it happen


Meanings = Mapping[Meaning, tuple[str, ...]]

#: How we speak of a resolution that the settings name.
SPOKEN = {
    Meaning.FIXED: "Fixed",
    Meaning.WONT_DO: "Won't Do",
    Meaning.DUPLICATE: "Duplicate",
    Meaning.CANNOT_REPRODUCE: "Cannot Reproduce",
}

#: Names that mean the same in most Jiras.
USUAL: Meanings = {
    Meaning.FIXED: (
        "done",
        "fixed",
        "resolved",
        "complete",
        "completed",
        "ferdig",
        "valmis",
    ),
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
    if meaning := _found(resolution, configured):
        return SPOKEN[meaning]
    return _name(resolution)


def meaning_of(resolution: object, configured: Meanings) -> Meaning | None:
    """Return what a resolution means; the settings go before what is usual."""
    return _found(resolution, configured) or _found(resolution, USUAL)


def key(word: str) -> str:
    """Return a name or id in the form in which two of them are compared."""
    return " ".join(word.replace("’", "'").casefold().split())


def _found(resolution: object, meanings: Meanings) -> Meaning | None:
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
