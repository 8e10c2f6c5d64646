"""Single values as Jira writes them: ids, times, texts. Pure.

What whole documents mean is in ``deliveries`` and ``readings``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.words import plain
from connector.errors import VendorUnavailable

ID = re.compile(r"[0-9]{1,19}")


def to_moment(value: object) -> datetime:
    """Read Jira's time stamps, ``2026-11-02T09:15:00.000+0100``."""
    try:
        moment = datetime.fromisoformat(as_string(value))
    except ValueError:
        raise VendorUnavailable("Jira answered without a readable time") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def as_object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def as_string(value: object) -> str:
    return plain(value) if isinstance(value, str) else ""


def to_id(raw: Mapping[str, Any]) -> str | None:
    """Return the id of anything, if it has one."""
    return identity(raw.get("id"))


def identity(value: object) -> str | None:
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if ID.fullmatch(text) else None
