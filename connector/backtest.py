"""What rules would have done to the tickets that are held, beside what others would.

Everything is judged, placed and counted again in memory, in order of time; nothing is
written and nothing sent. Tickets from before the time that is asked for are taken, too,
but only as what the others come upon. What was imported counts as if it had come then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from connector import readiness
from connector.comparison import Asked, Outcome, Report, Tally
from connector.config import Config
from connector.grouping import REMEMBERED
from connector.judging import Judged, facts
from connector.models import Customer, Mode, Ticket, TicketRef, TicketStatus
from connector.pipeline import HISTORY
from connector.replay import Complaint, Problem, Replay
from connector.store import Store, demotions, past
from connector.store.demotions import Unit
from connector.store.schema import AnyRow
from connector.store.tickets import STRONG, Past
from connector.tagging import WantedTag, is_held_back, judged_tags
from rules.companies import company
from rules.conditions import is_open
from rules.engine import RuleMatch, evaluate
from rules.features import features
from rules.judge import Judge
from rules.personas import CustomerHistory, Persona, personas
from rules.schema import RuleSet
from rules.thresholds import Sighting
from rules.verdict import Verdict
from rules.words import Words

#: Tickets read at a time; nobody who writes waits meanwhile.
SLICE = 500

#: What rules may ask for and nobody keeps, beside what vendors and directories name:
#: no comparison with it is true here.
FORGOTTEN = "messages"

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Side:
    """What tickets are judged by on one side of a comparison."""

    config: Config
    rules: RuleSet
    judge: Judge

    def goes_like(self, other: Side) -> bool:
        """Tell whether problems come out alike: rules have no part in them."""
        return self.judge.version == other.judge.version and self.config.problems == (
            other.config.problems
        )


class Seen(NamedTuple):
    """One ticket as one side sees it; ``problem`` is how that of the replay stood."""

    judged: Judged
    personas: Sequence[Persona]
    problem: Mapping[str, Any] | None


def compare(
    store: Store,
    before: Side,
    after: Side,
    since: datetime,
    until: datetime,
    examples: int = 5,
    tell: Tell = lambda done, of: None,
) -> Report:
    """Judge the tickets between two times by both sides, and say what differs."""
    report = Report(since, until)
    old = _Course(before)
    new = old if after.goes_like(before) else _Course(after)
    tally = Tally(examples)
    complaints = [0, 0]
    start = since - max(HISTORY, REMEMBERED, _reach(before), _reach(after))
    with store.read() as connection:
        order = past.order(connection, start, until)
        demoted = demotions.demoted(connection)
    for done, (at, row, labels) in enumerate(_rows(store, order), start=1):
        tell(done, len(order))
        counts = at > since
        report.tickets += counts
        if not (row.text or row.subject):
            report.without_words += counts
            continue
        one = old.take(row, at)
        other = one if new is old else new.take(row, at, one.judged)
        if not counts:
            continue
        complaints[0] += one.judged.verdict.complaint
        complaints[1] += other.judged.verdict.complaint
        report.changed += tally.add(
            _name(row),
            labels,
            _asked(before, row, one, demoted),
            _asked(after, row, other, demoted),
        )
    for course in {id(old): old, id(new): new}.values():
        course.replay.pass_time(until)
    report.complaints = complaints
    report.changes = tally.sorted()
    report.before, report.after = old.outcome(since), new.outcome(since)
    report.unknown = {**_unknown(before.rules), **_unknown(after.rules)}
    report.live = _live(store, [*report.before.filed, *report.after.filed])
    return report


def _reach(side: Side) -> Any:
    return readiness.reach(side.config.problems)


def _rows(
    store: Store, order: Sequence[tuple[datetime, int]]
) -> Iterator[tuple[datetime, AnyRow, Mapping[str, str]]]:
    for begin in range(0, len(order), SLICE):
        part = order[begin : begin + SLICE]
        ids = [ticket for _, ticket in part]
        with store.read() as connection:
            rows = past.read(connection, ids)
            labels = past.said(connection, ids)
        for at, ticket in part:
            if ticket in rows:  # nobody erased it meanwhile
                yield at, rows[ticket], labels.get(ticket, {})


def _live(store: Store, problems: Sequence[Problem]) -> Mapping[int, AnyRow]:
    ids = {one.in_database for one in problems} - {None}
    with store.read() as connection:
        return past.filed(connection, sorted(filter(None, ids)))


class _Course:
    """All that one side remembers of the tickets before: people and problems."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._people = _People()
        self.replay = Replay(side.config)

    def take(self, row: AnyRow, at: datetime, twin: Judged | None = None) -> Seen:
        """Judge the next ticket; ``twin`` is it as the other side judged it."""
        judged = _judged(row, at, self._verdict(row, twin), twin)
        verdict = judged.verdict
        before = self._people.history(row.customer_id, at)
        this = Past(1, verdict.complaint, verdict.emotion >= STRONG)
        self._people.add(row.customer_id, at, this)
        found: Sequence[Persona] = ()
        if verdict.complaint and not verdict.auto_reply:
            known = CustomerHistory(
                tickets_90d=before.tickets,
                complaints_90d=before.complaints,
                strong_tickets_90d=before.strong,
                vip=bool(row.vip),
                vip_source=row.vip or "",
            )
            found = personas(verdict, known)
        return Seen(judged, found, self._place(row, at, judged))

    def outcome(self, since: datetime) -> Outcome:
        """Return what was filed and raised after a time."""
        filed = [p for p in self.replay.filed if p.filed_at and p.filed_at > since]
        return Outcome(filed, [a for a in self.replay.alarms if a.at > since])

    def _verdict(self, row: AnyRow, twin: Judged | None) -> Verdict:
        """Judge a ticket; one that these very packs have judged is not judged again."""
        judge = self._side.judge
        said = Verdict.from_dict(row.verdict)
        for known in (said, twin.verdict if twin else said):
            if known.pack_version == judge.version:
                return known
        words = Words(row.text, said.auto_reply, "as it was taken for one before")
        return judge.judge_words(row.subject, words)

    def _place(
        self, row: AnyRow, at: datetime, judged: Judged
    ) -> Mapping[str, Any] | None:
        """Place a complaint; return how its problem stood before that was weighed."""
        if judged.features is None:
            return None
        sighting = Sighting(
            str(row.customer_id),
            at,
            company(row.organization, row.key),
            bool(row.vip),
        )
        one = Complaint(_name(row), sighting, judged.features, row.group_id)
        problem = self.replay.place(one)
        stood = {"state": problem.state, "customers": len(problem.customers)}
        self.replay.weigh(problem, at)
        return stood


class _People:
    """Who wrote how often of late."""

    def __init__(self) -> None:
        self._order: deque[tuple[datetime, int, Past]] = deque()
        self._counts: dict[int, Past] = {}

    def history(self, customer: int, now: datetime) -> Past:
        """Return how many tickets there are of a customer."""
        while self._order and self._order[0][0] < now - HISTORY:
            _, other, gone = self._order.popleft()
            left = Past(
                *(n - m for n, m in zip(self._counts[other], gone, strict=True))
            )
            self._counts[other] = left
            if not left.tickets:
                del self._counts[other]
        return self._counts.get(customer, Past())

    def add(self, customer: int, at: datetime, this: Past) -> None:
        before = self._counts.get(customer, Past())
        both = zip(before, this, strict=True)
        self._counts[customer] = Past(*(n + m for n, m in both))
        self._order.append((at, customer, this))


def _judged(row: AnyRow, at: datetime, verdict: Verdict, twin: Judged | None) -> Judged:
    """Build what judging a ticket anew would return, out of what is kept of it."""
    if twin is not None and twin.verdict == verdict:
        return twin
    about = (
        features(row.subject, row.text, verdict.lang, verdict.types)
        if verdict.complaint
        else None
    )
    return Judged(
        _ticket(row),
        verdict,
        row.text,
        row.language or verdict.lang,
        about,
        (at,) if verdict.complaint else (),
        verdict.emotion,
        at,
        None,
    )


def _ticket(row: AnyRow) -> Ticket:
    return Ticket(
        ref=TicketRef(row.source, row.external_id),
        number=row.number,
        subject=row.subject,
        status=TicketStatus(row.status),
        customer=Customer(
            external_id=str(row.customer_id),
            email=row.key if "@" in row.key else None,
            organization=row.organization or None,
        ),
        comments=(),
        tags=frozenset(row.tags),
        created_at=row.created_at,
        updated_at=row.updated_at,
        url=row.url,
        channel=row.channel,
    )


def _asked(
    side: Side, row: AnyRow, seen: Seen, demoted: Collection[Unit]
) -> dict[Asked, Mode]:
    """Return what is asked for a ticket, each with how far that goes."""
    prefix, vip = side.config.tags.prefix, row.vip or ""
    judged = judged_tags(prefix, seen.judged, seen.personas, vip)
    tags = [(one, Mode.ACT) for one in judged]
    asked: dict[Asked, Mode] = {}
    for match in _matches(side, row, seen):
        for action in match.actions:
            if action.kind == "add_tag":
                tag = WantedTag(action.value, match.rule_id, match.version, "")
                tags.append((tag, match.mode))
            else:
                asked[Asked(action.brief, match.rule_id)] = match.mode
    for tag, mode in tags:
        if mode is Mode.ACT and is_held_back(tag, seen.judged.language, demoted):
            mode = Mode.SUGGEST
        what = Asked(tag.tag)
        asked[what] = _further(asked.get(what), mode)
    return asked


def _further(one: Mode | None, other: Mode) -> Mode:
    modes = list(Mode)
    return other if one is None else max(one, other, key=modes.index)


def _matches(side: Side, row: AnyRow, seen: Seen) -> Sequence[RuleMatch]:
    zone = side.config.calendar(row.source).zone
    known = facts(seen.judged, seen.personas, row.vip or "", zone, seen.problem)
    del known[FORGOTTEN]
    return evaluate(side.rules, known | {"rating": row.rating})


def _unknown(rules: RuleSet) -> dict[str, list[str]]:
    """Return the fields that rules ask for and nobody keeps, by rule."""
    found = {
        rule.id: sorted(
            name for name in rule.when.fields() if is_open(name) or name == FORGOTTEN
        )
        for rule in rules.rules
    }
    return {rule: fields for rule, fields in found.items() if fields}


def _name(row: AnyRow) -> str:
    return f"{row.source}:{row.external_id}"
