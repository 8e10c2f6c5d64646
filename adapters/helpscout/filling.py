"""Custom fields that we keep: which they are, what fits into them, what to write. Pure.

How fields are read into a ticket is in ``custom_fields``; what ``doctor`` says of them,
in ``findings``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from adapters.helpscout.shapes import Json, embedded, identifier, objects, text_of
from connector.models import Filled, Filling, Place, Topic

#: What the configuration says: by topic, the name of a field or its id.
Kept = Mapping[Topic, str | int]

DROPDOWN, SINGLE, MULTI, NUMBER = "dropdown", "singleline", "multiline", "number"

#: The vendor takes no longer texts.
LONGEST = {SINGLE: 255, MULTI: 15_000}

#: How yes and no are written into a number.
NUMBERS = {"yes": "1", "no": "0"}


class Change(NamedTuple):
    """What will stand in the fields, and the list to write; None: nothing to write."""

    filled: Mapping[Topic, Filled]
    body: list[dict[str, Any]] | None


def definition(definitions: object, named: str | int) -> Json | None:
    """Return the field that is meant, by its name before its id.

    Ids differ from inbox to inbox, names need not.
    """
    listed = embedded(definitions, "fields")
    wanted = _fold(str(named))
    by_name = [one for one in listed if _fold(text_of(one.get("name"))) == wanted]
    by_id = [one for one in listed if identifier(one.get("id")) == str(named)]
    return next(iter([*by_name, *by_id]), None)


def kind_of(field: Json) -> str:
    """Return the kind of a field; it was spelled otherwise once."""
    return re.sub(r"[^a-z]", "", text_of(field.get("type")).lower())


def places(conversation: Json, definitions: object, kept: Kept) -> dict[Topic, Place]:
    """Return the fields to be kept, as far as the conversation's inbox has them.

    There are none where it cannot be told for certain what stands in them.
    """
    values = values_of(conversation)
    if values is None:
        return {}
    found = {}
    for topic, field in _kept_fields(definitions, kept).items():
        ident = str(field["id"])
        found[topic] = Place(ident, values.get(ident, "").strip())
    return found


def values_of(conversation: Json) -> dict[str, str] | None:
    """Return what stands in all fields, exactly as it is spelled, by their ids.

    None must stop a write: the vendor takes whole lists, so a field that was not
    understood would be emptied by it.
    """
    items = conversation.get("customFields")
    if not isinstance(items, list) or len(objects(items)) != len(items):
        return None
    values = {}
    for item in objects(items):
        ident, value = identifier(item.get("id")), item.get("value")
        is_told = value is None or isinstance(value, str | int)
        if ident is None or not is_told or isinstance(value, bool):
            return None
        values[ident] = "" if value is None else str(value)
    return values


def merge(
    values: Mapping[str, str],
    definitions: object,
    kept: Kept,
    wanted: Mapping[Topic, Filling],
) -> Change:
    """Put what is wanted among the values that are there.

    Ours is a field that holds what we last left there, or what it is to hold; all
    others go back as they were read. Empty ones are left out, which empties them.
    """
    filled, after = {}, dict(values)
    for topic, field in _kept_fields(definitions, kept).items():
        if topic not in wanted:
            continue
        ident, filling = str(field["id"]), wanted[topic]
        now, value = values.get(ident, "").strip(), fitting(field, filling.words)
        if now in (value, _left(ident, filling.known)):
            filled[topic] = Filled(Place(ident, value), is_ours=True)
            after[ident] = value if now != value else values.get(ident, "")
        else:
            filled[topic] = Filled(Place(ident, now), is_ours=False)
    if after == {**dict.fromkeys(after, ""), **values}:
        return Change(filled, None)
    return Change(
        filled,
        [{"id": int(ident), "value": after[ident]} for ident in after if after[ident]],
    )


def fitting(field: Json, words: Sequence[str]) -> str:
    """Return how a field says these words; an empty string if it cannot.

    A drop-down list and a number hold one of them: the first, or nothing.
    """
    kind = kind_of(field)
    first = next(iter(words), "")
    if kind == DROPDOWN:
        return option(field, first)
    if kind == NUMBER:
        return NUMBERS.get(first, "")
    text = ""
    for word in words:
        longer = f"{text}, {word}" if text else word
        if len(longer) > LONGEST.get(kind, 0):
            break
        text = longer
    return text


def option(field: Json, label: str) -> str:
    """Return the id of the option with this label, whatever its capitals and signs."""
    wanted = _fold(label)
    ids = [
        identifier(one.get("id"))
        for one in objects(field.get("options"))
        if wanted and _fold(text_of(one.get("label"))) == wanted
    ]
    return next((ident for ident in ids if ident), "")


def lacking(field: Json, words: Iterable[str]) -> list[str]:
    """Return which of the words the field cannot say."""
    return [word for word in words if not fitting(field, (word,))]


def _kept_fields(definitions: object, kept: Kept) -> dict[Topic, Json]:
    found = {topic: definition(definitions, named) for topic, named in kept.items()}
    return {
        topic: field
        for topic, field in found.items()
        if field is not None and identifier(field.get("id"))
    }


def _left(ident: str, known: Place | None) -> str:
    is_same = known is not None and known.external_id == ident
    return known.value if known is not None and is_same else ""


def _fold(label: str) -> str:
    return " ".join(re.findall(r"\w+", label.casefold().replace("_", " ")))
