"""What a text denies and what it only supposes, and how far that reaches."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable

from rules.index import Hit
from rules.packfile import PackFile

_CONDITIONAL_SHARE = 0.3
# A negation reaches three words, and an "if" to the end of its sentence.
_DENIED = re.compile(r"(?:[^\w.,;:!?\n]*+\w++(?:'\w++)?){0,2}+[^\w.,;:!?\n]*+")
_SUPPOSED = re.compile(r"[^.!?\n]*+")
_WORD = re.compile(r"\w+(?:'\w+)?")


class Clauses:
    """What a text denies and supposes, looked for only before the hits in it."""

    def __init__(
        self, spec: PackFile, folded: str, turns: Iterable[tuple[int, int]]
    ) -> None:
        self._spec, self._folded = spec, folded
        self._denied, self._supposed = _Scopes(), _Scopes()
        for start, end in turns:
            if folded[start:end] in spec.conditions:
                self._supposed.add(end, _reach(_SUPPOSED, folded, end))
            else:
                self._denied.add(end, self._reach_of_denial(end))

    def share(self, hit: Hit) -> float:
        """Return how much of a hit counts: negative if denied, less after an "if"."""
        if hit.group.firm:
            return 1.0
        if self._denied.hold(hit.start) and not self._denies(hit):
            return -1.0
        return _CONDITIONAL_SHARE if self._supposed.hold(hit.start) else 1.0

    def _reach_of_denial(self, end: int) -> int:
        reach = _reach(_DENIED, self._folded, end)
        for word in _WORD.finditer(self._folded, end, reach):
            if word[0] in self._spec.breaks:
                return word.end() - 1
        return reach

    def _denies(self, hit: Hit) -> bool:
        """Tell whether a hit has a negation of its own."""
        words = _WORD.findall(self._folded, hit.start, hit.end)
        return any(
            word in self._spec.negators or word.endswith("n't") for word in words
        )


class _Scopes:
    """Where words of one kind end in a text, and how far what they say reaches."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._reaches: list[int] = []

    def add(self, end: int, reach: int) -> None:
        self._ends.append(end)
        self._reaches.append(reach)

    def hold(self, start: int) -> bool:
        """Tell whether the last such word before a place reaches there."""
        place = bisect_right(self._ends, start) - 1
        return place >= 0 and start <= self._reaches[place]


def _reach(scope: re.Pattern[str], folded: str, end: int) -> int:
    reached = scope.match(folded, end)
    return reached.end() if reached else end
