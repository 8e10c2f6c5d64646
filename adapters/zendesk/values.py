"""Single values in either of Zendesk's styles: ids, times, texts. Pure.

Events write ids as text and "0" for none, REST writes numbers and null. What whole
documents mean is in ``payloads`` and ``deliveries``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.words import plain

Json = Mapping[str, Any]

DIGITS = re.compile(r"[0-9]{1,20}")


def identity(value: object) -> str:
    """Return a Zendesk id as text, whether it came as text or number; else empty.

    User events write "0" for "none".
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        return ""
    text = str(value).strip()
    return text if DIGITS.fullmatch(text) and text.strip("0") else ""


def moment(value: str) -> datetime:
    """Read an RFC 3339 time with any number of fractional digits."""
    read = datetime.fromisoformat(value)
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def text(value: object) -> str:
    """Return a value as storable text; null is empty, booleans as JSON writes them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return " ".join(text(each) for each in value)
    return "" if value is None else plain(str(value))


def word(name: str) -> str:
    """Return a vendor's identifier as it may be shown, whatever was sent as one."""
    return re.sub(r"[^\w.]", "", name)[:80]


def as_object(value: object) -> dict[str, Any]:
    """Return a JSON object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}
