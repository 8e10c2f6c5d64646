"""Links between issues: which type to write, and whom a duplicate is one of. Pure.

Types of links are the administrator's: their names are edited and translated, and even
which end is which has been seen both ways.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from adapters.jira.resolutions import key
from adapters.words import plain

RELATES = "relates"  #: the type of link that every new Jira has
#: What is part of the names of a type for duplicates, in English and translated.
DUPLICATES = ("duplic", "duplik", "dublett", "dubblett", "kaksoiskappale")

_ID = re.compile(r"[0-9]{1,19}")


def find_type(types: Iterable[Mapping[str, Any]]) -> str | None:
    """Choose the type of a link between issues: "Relates", else the first there is."""
    usable = [
        (_text(each, "name").casefold() != RELATES, place, found)
        for place, each in enumerate(types)
        if (found := _id(each))
    ]
    return min(usable)[2] if usable else None


def find_duplicate_type(
    types: Iterable[Mapping[str, Any]], configured: Collection[str] = ()
) -> str | None:
    """Choose the type of a link from a duplicate to its original."""
    found = duplicate_types(types, configured)
    return _id(found[0]) if found else None


def duplicate_types(
    types: Iterable[Mapping[str, Any]], configured: Collection[str]
) -> list[Mapping[str, Any]]:
    """Return the types of links between a duplicate and its original."""
    return [
        each for each in types if _id(each) and _is_for_duplicates(each, configured)
    ]


def duplicates(shown: object, configured: Collection[str]) -> list[dict[str, Any]]:
    """Return the issues at the other end of an issue's links to duplicates.

    Those it duplicates go first, then those that duplicate it: people link them either
    way round.
    """
    listed = shown if isinstance(shown, list) else []
    linked = [each for each in listed if isinstance(each, dict)]
    return [
        {"id": found, "key": _text(other, "key")}
        for end in ("outwardIssue", "inwardIssue")
        for each in linked
        if isinstance(other := each.get(end), dict)
        and (found := _id(other))
        and _text(other, "key")
        and _is_for_duplicates(each.get("type"), configured)
    ]


def body(link_type: str, external_id: str, other: str) -> dict[str, Any]:
    """Build a link between two issues; Jira refuses a comment that is null.

    It begins at the inward one, whatever that is called: there it is shown with the
    words of the outward direction, such as "duplicates".
    """
    return {
        "type": {"id": link_type},
        "inwardIssue": {"id": external_id},
        "outwardIssue": {"id": other},
    }


def _is_for_duplicates(raw: object, configured: Collection[str]) -> bool:
    if not isinstance(raw, dict):
        return False
    named = {key(word) for word in configured}
    if named:
        return bool(named & {_id(raw), key(_text(raw, "name"))})
    words = [_text(raw, name).casefold() for name in ("name", "inward", "outward")]
    return any(word in text for word in DUPLICATES for text in words)


def _id(raw: Mapping[str, Any]) -> str:
    # Jira's own examples have ids that end in the L of a Java number.
    text = str(raw.get("id", "")).removesuffix("L")
    return text if _ID.fullmatch(text) else ""


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    return plain(value) if isinstance(value, str) else ""
