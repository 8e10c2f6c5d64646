"""Custom fields of a conversation, as a ticket shows them. Pure.

Which of them are written, and how, is in ``filling``.
"""

from __future__ import annotations

from adapters.helpscout.shapes import Json, embedded, identifier, objects, text_of


def lacks_labels(conversation: Json) -> bool:
    """Tell whether a value may be the bare id of an option of a drop-down list."""
    fields = objects(conversation.get("customFields"))
    return any(_is_bare(field) for field in fields)


def values(conversation: Json, definitions: object) -> dict[str, str]:
    """Return fields by their names, chosen options by their labels.

    ``definitions`` are those of the conversation's inbox, if they were read.
    """
    labels = _labels(definitions)
    return {
        text_of(field.get("name")): _value(field, labels)
        for field in objects(conversation.get("customFields"))
    }


def _value(field: Json, labels: dict[tuple[str, str], str]) -> str:
    if not _is_bare(field):
        return text_of(field.get("text")) or text_of(field.get("value"))
    value = text_of(field.get("value"))
    return labels.get((text_of(field.get("id")), value), value)


def _is_bare(field: Json) -> bool:
    is_id = identifier(field.get("value")) is not None
    return is_id and not text_of(field.get("text"))


def _labels(definitions: object) -> dict[tuple[str, str], str]:
    return {
        (text_of(field.get("id")), text_of(option.get("id"))): text_of(
            option.get("label")
        )
        for field in embedded(definitions, "fields")
        for option in objects(field.get("options"))
    }
