"""Several sums as one: numbers side by side in a whole number, added up together.

A text's words are looked up for many outcomes, and it is in the way of every ticket:
one sum is several times as fast as one for each outcome. Sums of whole numbers are the
same in any order, too, so that a verdict is the same in every process.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

#: What 1.0 is as a whole number; and that is how fine the sums are.
ONE = 1 << 20

#: A larger number might run over into the one beside it when thousands are added up.
LARGEST = 1000.0

_WIDTH = 64


def beside(numbers: Iterable[float]) -> int:
    """Put numbers side by side; such rows can be added, and multiplied by an int."""
    return sum(
        round(number * ONE) << _WIDTH * place for place, number in enumerate(numbers)
    )


class Apart:
    """Takes a sum of such rows apart again, into numbers that are ``ONE`` times as
    large. A number below zero borrows one from the next, which is too little to see."""

    def __init__(self, count: int) -> None:
        self._fields = Struct(f"<{count}q")

    def __call__(self, row: int) -> tuple[int, ...]:
        fields = self._fields
        return fields.unpack(row.to_bytes(fields.size, "little", signed=True))
