"""Lengths and moments of time: how people write them, and how we say them.

What a configuration or a command line holds is read here. When something is due, and
what counts as working time, is told elsewhere.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, PlainSerializer

# With an exponent, because that is how a long one is written down below.
_DURATION = re.compile(r"\s*(\d+(?:\.\d+)?(?:e\+\d\d)?)\s*(ms|s|m|h|d|w)\s*")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}

_LONGEST = 100 * 365 * 86400.0


def parse_duration(value: object) -> object:
    """Read ``10m``, ``4h``, ``7d`` or ``1h 30m``; leave a timedelta as it is.

    A bare number is refused: nobody can tell whether 7 means days or seconds.
    """
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError("expected a duration with its unit; write for example 30s")
    total, position = 0.0, 0
    for match in _DURATION.finditer(value):
        if match.start() != position:
            break
        total += float(match[1]) * _UNITS[match[2]]
        position = match.end()
    if position == 0 or position != len(value):
        raise ValueError("expected a duration; write for example 30s, 10m, 4h or 7d")
    if total > _LONGEST:  # no calendar goes so far
        raise ValueError("expected a duration of 100 years at most; shorten it")
    return timedelta(seconds=total)


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(lambda value: f"{value.total_seconds():g}s"),
]


def in_words(span: timedelta) -> str:
    """Say a time as people say it."""
    seconds = span.total_seconds()
    for upto, length, unit in ((60, 1, "s"), (3600, 60, "min"), (48 * 3600, 3600, "h")):
        if seconds < upto:
            return f"{round(seconds / length, 2):.10g} {unit}"
    return f"{round(seconds / 86400, 2):.10g} days"


def parse_moment(value: object) -> object:
    """Read ``2026-12-01`` or ``2026-12-01T08:00``; without an offset it is UTC."""
    if isinstance(value, str):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time())
    if not isinstance(value, datetime):
        raise ValueError("expected a time; write for example 2026-12-01T08:00")
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


Moment = Annotated[AwareDatetime, BeforeValidator(parse_moment)]
