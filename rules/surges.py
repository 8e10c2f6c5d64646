"""Which words are written more often than usual: two memories of each, long and short.

Here belongs only the counting of terms along the stream. What a surge is worth in
putting tickets together is decided in ``rules.likeness``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime, timedelta
from math import exp, inf, log

LATELY = timedelta(hours=24)
FEWEST = 50  # with less than that many tickets in a day, lately reaches further back
USUALLY = 30  # the long memory lasts so many times longer
UNSEEN = 20  # as if so many tickets had come before, while few have
HISTORY = 30  # tickets; with less, nobody knows what is usual
FEW = 30  # as above, where it is asked how much a term tells
SUDDEN = 2.0  # more than so many times the usual is a surge
SURE = 3.0  # how unlikely, as a logarithm, gives half the strength


class Surges:
    """Counts terms; both counts fade, so that memory of what is gone fades too."""

    def __init__(self) -> None:
        self._clock = 0.0
        self._last: datetime | None = None
        self._all = (0.0, 0.0, 0.0)  # tickets: short count, long count, as of when
        self._counts: dict[Hashable, tuple[float, float, float]] = {}

    def add(self, terms: Iterable[Hashable], at: datetime) -> None:
        """Count a ticket's terms."""
        if self._last is not None and at > self._last:
            self._clock += min((at - self._last) / LATELY, 1 / FEWEST)
        self._last = max(at, self._last or at)
        self._all = self._one_more(self._all)
        for term in terms:
            known = self._counts.get(term, (0.0, 0.0, self._clock))
            self._counts[term] = self._one_more(known)

    def drop(self, term: Hashable) -> None:
        """Forget a term nobody asks for any more."""
        self._counts.pop(term, None)

    def surge(self, term: Hashable) -> float:
        """Say how surely a term is in a surge, from 0 to 1."""
        lately, usual = self._lately(term)
        usual *= SUDDEN
        if lately <= max(1.0, usual) or not self.knows_what_is_usual():
            return 0.0
        unlikely = lately * log(lately / usual) - (lately - usual)
        return unlikely / (unlikely + SURE)

    def times_usual(self, term: Hashable) -> float:
        """Compare how often a term came lately with how often it usually does."""
        lately, usual = self._lately(term)
        return lately / usual if usual else 1.0

    def information(self, term: Hashable) -> float:
        """Say how much a term tells, by how many tickets usually have it.

        What came lately does not count, so that a burst stays visible.
        """
        known = self._counts.get(term)
        if known is None:
            return inf
        lately, long, then = known
        gap = self._clock - then
        before = max(0.0, long * exp(-gap / USUALLY) - lately * exp(-gap))
        tickets, tickets_long, _ = self._all
        return log((max(0.0, tickets_long - tickets) + FEW) / (before + 1))

    def knows_what_is_usual(self) -> bool:
        """Say whether there is a past to compare with."""
        return self._all[1] - self._all[0] >= HISTORY

    def _lately(self, term: Hashable) -> tuple[float, float]:
        """Return how often a term came lately, and how often was to be expected."""
        lately, long, then = self._counts.get(term, (0.0, 0.0, self._clock))
        gap = self._clock - then
        lately *= exp(-gap)
        before = max(0.0, long * exp(-gap / USUALLY) - lately)
        tickets, tickets_long, _ = self._all
        share = (before + 1) / (max(0.0, tickets_long - tickets) + UNSEEN)
        return lately, tickets * share

    def _one_more(
        self, count: tuple[float, float, float]
    ) -> tuple[float, float, float]:
        lately, long, then = count
        gap = self._clock - then
        return lately * exp(-gap) + 1, long * exp(-gap / USUALLY) + 1, self._clock
