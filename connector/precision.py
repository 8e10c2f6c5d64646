"""How often a rule is right about a tag, by what people did with it.

Counted for each version of a rule, and what the packs find for each language. A tag
that an agent left alone is a label too, and written here: nobody tells us of it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector.config import Config
from connector.store import Store, labels
from connector.store.demotions import Unit, language_of
from connector.store.labels import GOOD, SAID, Label
from connector.store.schema import AnyRow
from connector.store.tickets import TagState
from connector.tagging import UNJUDGED

#: Tags that are labelled in one transaction.
STEP = 500

#: How sure an interval is: 95 of 100 hold the truth.
SURE = 1.96


@dataclass(frozen=True, slots=True)
class Figure:
    """How people labelled what a unit did, and since when there are labels of it."""

    unit: Unit
    counts: Mapping[str, int]
    first_at: datetime

    @property
    def good(self) -> int:
        return sum(self.counts.get(label, 0) for label in GOOD)

    @property
    def judged(self) -> int:
        """How many labels say whether it was right."""
        return self.good + self.counts.get(Label.REMOVED, 0)

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.good, self.judged)

    def as_dict(self) -> dict[str, Any]:
        low, high = self.interval
        right = round(self.good / self.judged, 3) if self.judged else None
        return {
            "rule": self.unit.rule,
            "tag": self.unit.tag,
            "language": self.unit.language,
            "version": self.unit.rule_version,
            **{str(label): self.counts.get(label, 0) for label in SAID},
            "right": right,
            "at_least": round(low, 3),
            "at_most": round(high, 3),
        }


def wilson(good: int, count: int) -> tuple[float, float]:
    """Return between what a share truly lies, seen so often; of nothing, anywhere."""
    if not count:
        return 0.0, 1.0
    share, square = good / count, SURE * SURE
    middle = share + square / (2 * count)
    spread = SURE * math.sqrt((share * (1 - share) + square / (4 * count)) / count)
    whole = 1 + square / count
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def figures(connection: Connection, since: datetime) -> list[Figure]:
    """Return what people's labels since then say of each unit."""
    return _figures(labels.counts(connection, since))


def _figures(rows: Iterable[AnyRow]) -> list[Figure]:
    counts: dict[Unit, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    first: dict[Unit, datetime] = {}
    for row in rows:
        language = language_of(row.rule, row.language)
        unit = Unit(row.rule, row.tag, language, row.rule_version)
        counts[unit][row.label] += row.many
        first[unit] = min(first.get(unit, row.first_at), row.first_at)
    return [Figure(unit, counts[unit], first[unit]) for unit in sorted(counts)]


def keep(
    store: Store, config: Config, now: datetime, stopped: Callable[[], bool]
) -> None:
    """Label the tags that agents left where they were; what is left is for tomorrow."""
    settled, first = now - config.learning.settled, 0
    while not stopped():
        with store.read() as connection:
            found = labels.left(connection, settled, UNJUDGED, first, STEP)
        if not found:
            break
        with store.write() as connection:
            labels.add(connection, [_kept(row, now) for row in found])
        first = found[-1].ticket_id


def _kept(row: AnyRow, now: datetime) -> dict[str, Any]:
    is_ours = row.state == TagState.WRITTEN
    return {
        "ticket_id": row.ticket_id,
        "tag": row.tag,
        "rule": row.rule,
        "rule_version": row.rule_version,
        "label": Label.KEPT if is_ours else Label.CONFIRMED,
        "at": now,
    }
