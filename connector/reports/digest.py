"""The weekly digest: what came, what was done about it, and what waits for people.

Numbers, ids and links; no customer is named or quoted. What waits is as it is when the
digest is made, everything else is of its week.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from statistics import median
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connector import filing, issue_text, quiet
from connector.config import Config
from connector.models import Block, BlockKind
from connector.quiet import Quiet
from connector.reports import effect
from connector.reports.periods import Period, weeks_before
from connector.reports.words import promise, say
from connector.store import demotions, reports
from connector.store.schema import AnyRow
from rules.verdict import TYPES

#: So many weeks before say what is usual; with fewer than half of them nobody knows.
WEEKS_COMPARED = 8

#: More of one kind are only counted.
SHOWN = 10

#: Fewer tags that people took off may be chance.
LEAST_TAKEN_OFF = 2

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Digest(NamedTuple):
    title: str
    body: list[Block]


def digest(connection: Connection, config: Config, week: Period) -> Digest:
    """Tell about a week that is over."""
    telling = _Telling(connection, config, week)
    parts = {
        "volume": telling.volume(),
        "praise": telling.praise(),
        "new": telling.new(),
        "fixed": telling.fixed(),
        "effect": telling.effect(),
        "clocks": telling.clocks(),
        "waiting": telling.waiting(),
        "quiet": telling.quiet(),
        "rules": telling.rules(),
    }
    body: list[Block] = []
    for name, blocks in parts.items():
        listed = list(blocks)
        if listed:
            body += [Block(BlockKind.HEADING, telling.say(name)), *listed]
    return Digest(telling.say("title", week=week.name), body)


class _Telling:
    """One digest while it is written."""

    def __init__(self, connection: Connection, config: Config, week: Period) -> None:
        self._connection = connection
        self._config = config
        self._week = week
        self._language = config.problems.language
        self._zone = ZoneInfo(config.reports.timezone)

    def say(self, name: str, /, **values: object) -> str:
        return say(self._language, name, **values)

    def volume(self) -> Iterator[Block]:
        """Compare the types of complaints with the week before and with the usual."""
        now, *before = [
            reports.by_type(self._connection, one.since, one.until)
            for one in (
                self._week,
                *weeks_before(self._week, WEEKS_COMPARED, self._zone),
            )
        ]
        # Before the first ticket there was no connector.
        while before and not before[-1]:
            before.pop()
        yield self._count(
            self.say("all"), sum(now.values()), [sum(one.values()) for one in before]
        )
        for kind in sorted(TYPES, key=lambda kind: -now.get(kind, 0)):
            counts = [one.get(kind, 0) for one in before]
            if kind in now or any(counts):
                name = issue_text.kind(self._language, kind)
                yield self._count(name, now.get(kind, 0), counts)

    def _count(self, name: str, count: int, before: Sequence[int]) -> Block:
        last = before[0] if before else 0
        if 2 * len(before) < WEEKS_COMPARED:
            said = self.say("compared_to_last", name=name, count=count, last=last)
        else:
            usual = f"{median(before):g}"
            said = self.say(
                "compared_to", name=name, count=count, last=last, usual=usual
            )
        return Block(BlockKind.BULLET, said)

    def praise(self) -> Iterator[Block]:
        """Name the tickets with praise, and weigh them against the complaints."""
        week = self._week
        rows = reports.praise(self._connection, week.since, week.until)
        complaints = sum(
            reports.by_type(self._connection, week.since, week.until).values()
        )
        if not rows:
            yield Block(BlockKind.BULLET, self.say("no_praise"))
            return
        ratio = f"{complaints / len(rows):.1f}"
        said = self.say("ratio", praise=len(rows), ratio=ratio)
        yield Block(BlockKind.BULLET, said)
        yield from self._listed(_ticket(row) for row in rows)

    def new(self) -> Iterator[Block]:
        week = self._week
        filed = reports.filed(self._connection, week.since, week.until)
        emerging = reports.emerging(self._connection, week.since, week.until)
        yield from self._problems([*filed, *emerging])

    def fixed(self) -> Iterator[Block]:
        week = self._week
        found = reports.fixed(self._connection, week.until, week.since)
        yield from self._problems(found)

    def _problems(self, rows: Iterable[AnyRow]) -> Iterator[Block]:
        yield from self._listed(self._problem(row) for row in rows)

    def _problem(self, row: AnyRow) -> Block:
        said = self.say(
            "problem",
            title=filing.title(self._connection, self._config, row),
            customers=issue_text.customers(self._language, row.customers),
            issue=row.issue_key or self.say("no_issue"),
        )
        return Block(BlockKind.BULLET, said, row.issue_url or "")

    def effect(self) -> Iterator[Block]:
        """Tell what is known since this week of what fixes did."""
        week = self._week
        since = week.since - effect.LONGEST
        for one in effect.effects(self._connection, self._config, week.until, since):
            learnt = one.learnt(week.since, week.until)
            if learnt is not None:
                did = effect.you_said_we_did(self._config, one)
                said = f"{did} {effect.compared(self._config, learnt)}"
                yield Block(BlockKind.BULLET, said, one.url)

    def clocks(self) -> Iterator[Block]:
        """Tell of what was due in the week how much was in time."""
        week = self._week
        for row in reports.kept(self._connection, week.since, week.until):
            title = promise(self._language, row.kind)
            said = self.say("clock", title=title, met=row.met, due=row.due)
            yield Block(BlockKind.BULLET, said)

    def waiting(self) -> Iterator[Block]:
        counts = {
            **reports.open_tasks(self._connection),
            "broadcasts": reports.unapproved(self._connection),
            "parked": reports.parked(self._connection),
        }
        for name, count in counts.items():
            if count:
                yield Block(BlockKind.BULLET, self.say(name, count=count))
        unsure, oldest = reports.unsure(self._connection)
        if oldest is not None:
            day = f"{oldest.astimezone(self._zone):%Y-%m-%d}"
            said = self.say("unsure", count=unsure, day=day)
            yield Block(BlockKind.BULLET, said)

    def quiet(self) -> Iterator[Block]:
        """Name the tickets of customers who became quiet in this week."""
        week = self._week
        found = quiet.customers(self._connection, self._config, week.since, week.until)
        yield from self._listed(_ticket(one, self._why(one)) for one in found)

    def _why(self, one: Quiet) -> str:
        why = self.say(f"why_{one.kind}", day=one.solved_on)
        if one.complaints > 1:
            why = self.say("so_far", why=why, count=one.complaints)
        return f": {why}"

    def rules(self) -> Iterator[Block]:
        """Name the rules of which people took off more tags than before, or too many.

        Of the latter there is a line for each tag that they only suggest since then.
        """
        week = self._week
        before = reports.taken_off(self._connection, BEGINNING, week.since)
        recent = reports.taken_off(self._connection, week.since, week.until)
        for rule, (taken, count) in sorted(recent.items()):
            known, of = before.get(rule, (0, 0))
            usual = known / of if of else 0
            if taken >= LEAST_TAKEN_OFF and taken / count > usual:
                said = self.say(
                    "rule", rule=rule, taken=taken, all=count, before=round(100 * usual)
                )
                yield Block(BlockKind.BULLET, said)
        for row in demotions.since(self._connection, week.since, week.until):
            said = self.say(
                "held_back",
                rule=row.rule,
                tag=f"{row.tag} ({row.language})" if row.language else row.tag,
                taken=row.labels - row.good,
                all=row.labels,
            )
            yield Block(BlockKind.BULLET, said)

    def _listed(self, blocks: Iterable[Block]) -> Iterator[Block]:
        """Show the first of many, and say how many more there are."""
        listed: list[Any] = list(blocks)
        yield from listed[:SHOWN]
        if len(listed) > SHOWN:
            said = self.say("more", count=len(listed) - SHOWN)
            yield Block(BlockKind.BULLET, said)


def _ticket(row: AnyRow | Quiet, after: str = "") -> Block:
    said = f"{row.source} {row.number or row.external_id}{after}"
    return Block(BlockKind.BULLET, said, row.url)
