"""What speaks against an alert for a group that crosses a threshold, if anything.

Asked when a ticket of it comes, of whoever holds the memory of words; whether a
threshold is crossed is decided in ``rules.thresholds``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from rules.duplicates import Grouper
from rules.likeness import Cluster, Vector, are_apart, cosine
from rules.surges import LATELY, Surges

TWIN, PLAINLY = 0.32, 0.32  # by unusual words, and by all of them
MOST_TIMES = 4.0  # the usual; more of it makes two groups no more alike
RELATED = 0.05  # so little in common may be one incident told from several sides
BESIDE = 1.4  # times as large has to be what came up beside a problem with an alert
COMMON, UNUSUAL = 0.5, 1.7  # what so many members speak of, so many times the usual
AT_ONE, NEWLY = 0.72, 0.5  # so alike are all members, and so many of them came lately


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
    if not is_unusual(grouper, group):
        return Doubt("its words come no more often than usual")
    busy = list(alerted)
    same = twin(grouper, group, busy)
    if same is not None:
        return Doubt("says the same in other words", same, tells=True)
    beside = companion(grouper, group, busy) if times < BESIDE else None
    if beside is not None:
        more = f"{100 * (BESIDE - 1):.0f} % more customers"
        return Doubt(f"came up at the same time, so it takes {more}", beside)
    return None


def is_unusual(grouper: Grouper, group: str) -> bool:
    """Say whether members share something that is spoken of more than usual.

    What people always write about, and words many tickets share by chance, gather
    customers too; that is no incident. Without a past anything may be one, and so may
    usual words that are suddenly put together in one way.
    """
    known, surges = grouper[group], grouper.surges
    if not surges.knows_what_is_usual():
        return True
    if (
        known.words[known.family].cohesion >= AT_ONE
        and known.lately(LATELY) >= NEWLY * known.members
    ):
        return True
    return any(
        count >= COMMON * known.members and surges.times_usual(term) >= UNUSUAL
        for term, count in known.terms.items()
        if isinstance(term, str)
    )


def twin(grouper: Grouper, group: str, among: Iterable[str]) -> str | None:
    """Look up which of ``among`` is about the same problem as ``group``.

    Meant for groups that are busy at the same time: people describe one incident in
    ways too different to be put together ticket by ticket, and two incidents that
    coincide seldom share this much. Words that are written all the time say little
    here.
    """
    own = grouper[group]
    said = own.words[own.family].sums
    unusual = by_unusual(said, grouper.surges)
    best, most = None, TWIN
    for name, other in _rivals(grouper, group, among):
        theirs = other.words[own.family].sums
        alike = cosine(unusual, by_unusual(theirs, grouper.surges))
        # One surging word that both have would do for the first of the two.
        if alike >= most and cosine(said, theirs) >= PLAINLY:
            best, most = name, alike
    return best


def companion(grouper: Grouper, group: str, among: Iterable[str]) -> str | None:
    """Look up which of ``among`` came up together with ``group``, and is related.

    An incident is often told from several sides that share next to no words. How
    little is more than chance, only the past can tell.
    """
    if not grouper.surges.knows_what_is_usual():
        return None
    own = grouper[group]
    said = own.words[own.family].sums
    for name, other in _rivals(grouper, group, among):
        apart = abs(own.recent[0] - other.recent[0])
        alike = cosine(said, other.words[own.family].sums)
        if apart <= LATELY and alike >= RELATED:
            return name
    return None


def by_unusual(sums: Vector, surges: Surges) -> Vector:
    """Weigh the words of a group by how much more than usual they are written."""
    times = surges.times_usual
    return {key: v * min(MOST_TIMES, times(key)) for key, v in sums.items()}


def _rivals(
    grouper: Grouper, group: str, among: Iterable[str]
) -> Iterator[tuple[str, Cluster]]:
    """Go through those of the same language that speak of nothing else by name."""
    own = grouper[group]
    for name in among:
        other = grouper.get(name)
        if (
            other is not None
            and name != group
            and own.family in other.words
            and not are_apart(own.held, other.held)
        ):
            yield name, other
