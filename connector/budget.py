"""A vendor's budget as a value: what may be taken now, and how long to wait for it.

A budget is so many units in a window of time. Units are taken some moments before they
are used, at most a ``life``, so that what was taken says when it was used, and no
window, wherever it begins, ever holds more than the budget. The less urgent a call, the
more it leaves to others. What a vendor tells replaces what we assume, and shows what
people and other programs use. Who takes, and where it is kept, is in
``connector.pacing``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from adapters.pace import Priority, Told

#: How much of a budget may be in use with calls of each kind, in percent.
SHARE = {
    Priority.MESSAGE: 100,
    Priority.TAG: 95,
    Priority.NOTE: 90,
    Priority.REFRESH: 85,
    Priority.BACKFILL: 80,
}

#: A window is counted in so many slots. It takes two more to be sure: the one that a
#: unit was taken in may have begun earlier, and a call is a while on its way.
SLOTS = 12
KEPT = SLOTS + 2

#: What a block holds: a fiftieth of the budget, and never many calls.
BLOCKS, LARGEST_BLOCK = 50, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One budget at one moment. Times are seconds since 1970, by one clock for all."""

    limit: int | None  #: units in a window; None: nobody knows
    seconds: float
    spent: Mapping[int, int] = field(default_factory=dict)  #: units by slot
    remaining: int | None = None  #: what the vendor told, less what was taken since
    remaining_until: float = 0.0
    held_until: float = 0.0
    is_told: bool = False  #: the vendor named the limit

    @property
    def slot(self) -> float:
        return self.seconds / SLOTS

    def number(self, now: float) -> int:
        """Return the slot that ``now`` is in."""
        return int(now // self.slot)

    @property
    def life(self) -> float:
        """Return for how long units may be used after they were taken."""
        return self.slot / 5


class Taken(NamedTuple):
    """A bucket after units were taken; or as it was, and how long to wait for them."""

    bucket: Bucket
    units: int
    wait: float


def take(bucket: Bucket, units: int, priority: Priority, now: float) -> Taken:
    """Take a block that ``units`` fit in, or just those if there is no more."""
    bucket = _current(bucket, now)
    for wanted in (block_size(bucket, units), units):
        wait = _wait(bucket, wanted, SHARE[priority], now)
        if wait <= 0:
            return Taken(_without(bucket, wanted, now), wanted, 0.0)
    return Taken(bucket, 0, wait)


def _current(bucket: Bucket, now: float) -> Bucket:
    oldest = bucket.number(now) - KEPT
    spent = {slot: units for slot, units in bucket.spent.items() if slot > oldest}
    return replace(bucket, spent=spent)


def _without(bucket: Bucket, units: int, now: float) -> Bucket:
    here = bucket.number(now)
    spent = {**bucket.spent, here: bucket.spent.get(here, 0) + units}
    told = None if bucket.remaining is None else bucket.remaining - units
    return replace(bucket, spent=spent, remaining=told)


def _wait(bucket: Bucket, units: int, percent: int, now: float) -> float:
    return max(
        bucket.held_until - now,
        _until_free(bucket, units, percent, now),
        _until_told(bucket, units, percent, now),
    )


def _until_free(bucket: Bucket, units: int, percent: int, now: float) -> float:
    """Return how long it takes until enough of what was taken is past."""
    used = sum(bucket.spent.values())
    # What costs more than all there is has to be tried some time.
    if bucket.limit is None or not used:
        return 0.0
    over = used + units - bucket.limit * percent // 100
    wait = 0.0
    for slot in sorted(bucket.spent):
        if over <= 0:
            break
        over -= bucket.spent[slot]
        wait = (slot + KEPT) * bucket.slot - now
    return wait


def _until_told(bucket: Bucket, units: int, percent: int, now: float) -> float:
    """Return how long the vendor's own count leaves too little."""
    if bucket.remaining is None or now >= bucket.remaining_until:
        return 0.0
    limit = bucket.limit or 0
    kept_free = limit - limit * percent // 100
    is_enough = bucket.remaining - units >= kept_free
    return 0.0 if is_enough else bucket.remaining_until - now


def learn(bucket: Bucket, told: Told, promised: int, age: float, now: float) -> Bucket:
    """Take in what an answer told ``age`` seconds ago.

    ``promised`` units were taken and not used yet, so the vendor does not know of them.
    """
    if told.seconds and told.seconds != bucket.seconds:
        whole = sum(bucket.spent.values())
        bucket = replace(bucket, seconds=told.seconds, spent={})
        bucket = replace(bucket, spent={bucket.number(now): whole} if whole else {})
    if told.limit:
        bucket = replace(bucket, limit=told.limit, is_told=True)
    # Without a reset it is soon out of date, where a window slides.
    believed = bucket.slot * 2 if told.resets is None else told.resets
    until = now - age + min(believed, bucket.seconds)
    if told.remaining is not None and now < until:
        bucket = replace(
            bucket, remaining=told.remaining - promised, remaining_until=until
        )
    return bucket


def give_back(bucket: Bucket, slot: int, units: int) -> Bucket:
    """Return units that were taken in ``slot`` and not used."""
    if slot not in bucket.spent:
        return bucket
    left = max(0, bucket.spent[slot] - units)
    told = None if bucket.remaining is None else bucket.remaining + units
    return replace(bucket, spent={**bucket.spent, slot: left}, remaining=told)


def block_size(bucket: Bucket, units: int) -> int:
    if bucket.limit is None:
        return max(units, LARGEST_BLOCK)
    return max(units, min(bucket.limit // BLOCKS, LARGEST_BLOCK))
