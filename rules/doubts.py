"""What speaks against an alert for a group that crosses a threshold, if anything.

Asked when a ticket of it comes, of whoever holds the memory of words; whether a
threshold is crossed is decided in ``rules.thresholds``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rules.duplicates import Grouper


class Doubt(NamedTuple):
    """Why there is to be no alert; ``twin`` is the group that has one already."""

    reason: str
    twin: str | None = None


def doubt(grouper: Grouper, group: str, alerted: Iterable[str]) -> Doubt | None:
    """Say what speaks against an alert for ``group`` now.

    ``alerted`` are the busy groups that had theirs. One the memory does not hold any
    more is not doubted.
    """
    if group not in grouper:
        return None
    if not grouper.is_unusual(group):
        return Doubt("its words come no more often than usual")
    twin = grouper.twin(group, alerted)
    if twin is None:
        return None
    return Doubt("another problem says the same in other words", twin)
