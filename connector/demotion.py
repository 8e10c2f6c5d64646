"""A rule that people contradict too often only suggests its tags from then on.

Once a day it is looked at what people did with tags. Whoever is responsible is told
once, with examples; a person can let the rule write again, and a new version of it
starts anew. Tags that are there stay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from connector import notices, precision
from connector.config import Config
from connector.config_learning import Learning
from connector.models import Block, BlockKind, Finding, Level
from connector.precision import Figure
from connector.rulebook import Book
from connector.store import Store, demotions, locks
from connector.store.demotions import Unit
from connector.store.labels import Label
from connector.store.schema import AnyRow
from connector.tagging import PACK_PERSONA, PACK_TYPE

_log = structlog.get_logger(__name__)

EVERY = timedelta(days=1)
FACT = "demotion"

RULE = "learning"

#: Tickets that are named as examples.
EXAMPLES = 5


def review(
    store: Store,
    config: Config,
    versions: Mapping[str, str],
    now: datetime,
    stopped: Callable[[], bool],
) -> list[Unit]:
    """Label what was left alone, and hold back what is below the floor, once a day.

    ``versions`` are those in force, by rule. Returns what only suggests from now on.
    """
    with store.write() as connection:
        if not locks.is_due(connection, FACT, now, EVERY):
            return []
    precision.keep(store, config, now, stopped)
    with store.write(wake="outbox") as connection:
        found = [
            one
            for one in _figures(connection, now - config.learning.window)
            if versions.get(one.unit.rule) == one.unit.rule_version
            and is_below(one, config.learning)
            and demotions.demote(connection, one.unit, one.good, one.judged, now)
        ]
        for one in found:
            _tell(connection, config, one, now)
    for one in found:
        _log.warning("rules.demoted", **one.unit._asdict())
    return [one.unit for one in found]


def in_force(book: Book) -> dict[str, str]:
    """Return the version of each rule, and of what the packs find."""
    packs = dict.fromkeys((PACK_TYPE, PACK_PERSONA), book.judge.version)
    return packs | {rule.id: rule.version for rule in book.rules.rules}


def is_below(figure: Figure, learning: Learning) -> bool:
    """Tell whether a unit is wrong too often, surely enough."""
    return figure.judged >= learning.least and figure.interval[1] < learning.floor


def _figures(connection: Connection, since: datetime) -> Iterator[Figure]:
    """Count for each unit what was labelled after a person last let it write again."""
    promoted = demotions.promotions(connection)
    for one in precision.figures(connection, since):
        again = promoted.get(one.unit)
        if again is None or again <= since:
            yield one
            continue
        newer = precision.figures(connection, again)
        yield from (other for other in newer if other.unit == one.unit)


def _tell(connection: Connection, config: Config, one: Figure, now: datetime) -> None:
    unit = one.unit
    examples = demotions.contradicted(connection, unit, Label.REMOVED, EXAMPLES)
    key = f"demoted:{unit.rule}:{unit.tag}:{unit.language}:{unit.rule_version}"
    body = [
        Block(BlockKind.PARAGRAPH, f"{_words(one.good, one.judged)}; for example:"),
        *(
            Block(BlockKind.BULLET, f"{row.source} {row.number}", row.url)
            for row in examples
        ),
        Block(BlockKind.PARAGRAPH, f"From now on it only suggests it. {_remedy(unit)}"),
    ]
    notices.tell(
        connection,
        config,
        config.learning.role,
        # It may be held back again after a person let it write again.
        f"{key}:{now:%Y-%m-%d}",
        f"{_name(unit)} is held back",
        body,
        now,
        rule=RULE,
        reason=_words(one.good, one.judged),
    )


def findings(connection: Connection, versions: Mapping[str, str]) -> list[Finding]:
    """Say which rules in force only suggest."""
    return [
        Finding(
            Level.WARNING,
            f"rule {row.rule}",
            f"{_name(_unit(row))} is only suggested since {row.demoted_at:%Y-%m-%d}: "
            f"{_words(row.good, row.labels)}",
            _remedy(_unit(row)),
        )
        for row in demotions.standing(connection)
        if versions.get(row.rule) == row.rule_version
    ]


def _unit(row: AnyRow) -> Unit:
    return Unit(*(getattr(row, name) for name in demotions.KEY))


def _name(unit: Unit) -> str:
    where = f" in {unit.language}" if unit.language else ""
    return f"the tag {unit.tag}{where} by {unit.rule}"


def _words(good: int, count: int) -> str:
    return f"people took it off {count - good} of {count} tickets they looked at"


def _remedy(unit: Unit) -> str:
    return (
        "Mend the rule, or let it write again: "
        f"complaint-connector rules promote {unit.rule} --tag {unit.tag}"
    )
