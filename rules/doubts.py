"""What speaks against an alert for a group that crosses a threshold, if anything.

Asked when a ticket of it comes, of whoever holds the memory of words; whether a
threshold is crossed is decided in ``rules.thresholds``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rules.duplicates import Grouper

#: What came up beside a problem that had its alert has to be so many times as large.
BESIDE = 1.4


class Doubt(NamedTuple):
    """Why there is to be no alert; ``other`` is the group that has one already.

    If that one ``tells`` the same, this group needs none of its own.
    """

    reason: str
    other: str | None = None
    tells: bool = False


def doubt(
    grouper: Grouper, group: str, alerted: Iterable[str], times: float
) -> Doubt | None:
    """Say what speaks against an alert for ``group`` now.

    ``alerted`` are the busy groups that had theirs, and ``times`` says how many times
    as many customers as its threshold needs the group has. One the memory does not hold
    any more is not doubted.
    """
    if group not in grouper:
        return None
    if not grouper.is_unusual(group):
        return Doubt("its words come no more often than usual")
    busy = list(alerted)
    twin = grouper.twin(group, busy)
    if twin is not None:
        return Doubt("says the same in other words", twin, tells=True)
    beside = grouper.companion(group, busy) if times < BESIDE else None
    if beside is not None:
        more = f"{100 * (BESIDE - 1):.0f} % more customers"
        return Doubt(f"came up at the same time, so it takes {more}", beside)
    return None
