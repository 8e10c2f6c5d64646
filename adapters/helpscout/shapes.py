"""How to read any JSON of Help Scout: ids, times, pages, people's names, addresses.

Pure, and about no thing in particular. Every reader accepts missing keys, nulls and
unknown words, because the vendor's own samples contain all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.words import plain
from connector.errors import MalformedPayload

Json = Mapping[str, Any]
_CONVERSATION = re.compile(r"/conversations/(\d{1,20})(?![\w-])")


def load(raw: bytes) -> dict[str, Any]:
    """Read a webhook body; the message of the error never quotes it."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise MalformedPayload("the body is not JSON") from None
    if not isinstance(body, dict):
        raise MalformedPayload(f"expected an object, got {type(body).__name__}")
    return body


def conversation_in(uri: object) -> str | None:
    """Return the conversation's id from an address of the API."""
    found = _CONVERSATION.search(uri) if isinstance(uri, str) else None
    return found[1] if found else None


def identifier(value: object) -> str | None:
    """Return a vendor id as text; ids are numbers, 0 means nobody."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    is_id = text.isascii() and text.isdigit() and len(text) <= 20 and int(text) > 0
    return text if is_id else None


def embedded(document: object, *rels: str) -> list[dict[str, Any]]:
    """Return the items of a HAL document; an empty list has no ``_embedded`` at all."""
    inside = as_object(as_object(document).get("_embedded"))
    for rel in rels:
        if isinstance(inside.get(rel), list):
            return [item for item in inside[rel] if isinstance(item, dict)]
    return []


def total_pages(document: object) -> int:
    total = as_object(as_object(document).get("page")).get("totalPages")
    return total if isinstance(total, int) else 0


def moment(value: object) -> datetime | None:
    """Read a time; ratings lack the zone, which is UTC everywhere else."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def full_name(person: Json) -> str:
    """Return a person's name; conversations and profiles name its parts differently."""
    first = text_of(person.get("first") or person.get("firstName"))
    last = text_of(person.get("last") or person.get("lastName"))
    # A team may have nothing but a name.
    return f"{first} {last}".strip() or text_of(person.get("name"))


def as_object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    return plain(str(value)).strip() if isinstance(value, str | int | float) else ""


def strings(value: object) -> list[str]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def objects(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]
