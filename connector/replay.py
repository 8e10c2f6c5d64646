"""What becomes of complaints when they are placed, counted and filed again, in memory.

Complaints in order of time in; problems and alarms out. What decides is asked of those
who decide on the road; only what a database holds there is held here. Nobody corrects
anything here, and nothing is fixed: what was filed stays filed and draws what is alike.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple

from connector import launches, readiness, share, turns
from connector.config import Config
from connector.grouping import REMEMBERED, says_anything, title
from connector.models import GroupState
from rules.doubts import doubt
from rules.duplicates import Grouper
from rules.features import Features
from rules.thresholds import Crossing, Sighting, crossed, usual

#: Members by whose words a problem is named, and launches are told.
NAMING = 50

#: Tickets that stand for a problem.
SHOWN = 5

#: So many complaints later what is over is let go of.
TIDY_EVERY = 1000


class Complaint(NamedTuple):
    """A complaint; ``problem`` is where it belongs in the database, if it does."""

    ticket: str
    sighting: Sighting
    features: Features
    problem: int | None = None

    @property
    def kind(self) -> str:
        return self.features.types[0] if self.features.types else "other"


@dataclass(slots=True, kw_only=True)
class Problem:
    """A problem of the replay."""

    number: int
    kind: str
    first_at: datetime
    last_at: datetime
    state: GroupState = GroupState.EMERGING
    rule: str = ""
    reason: str = ""
    title: str = ""
    waiting_since: datetime | None = None
    filed_at: datetime | None = None
    tickets: int = 0
    customers: set[str] = field(default_factory=set)
    problems: Counter[int] = field(default_factory=Counter)  # in the database
    shown: list[str] = field(default_factory=list)
    sightings: deque[Sighting] = field(default_factory=deque)
    said: deque[tuple[Sighting, Features]] = field(
        default_factory=lambda: deque(maxlen=NAMING)
    )

    def take(self, one: Complaint) -> None:
        self.tickets += 1
        self.last_at = one.sighting.at
        self.customers.add(one.sighting.customer)
        if one.problem is not None:
            self.problems[one.problem] += 1
        if len(self.shown) < SHOWN:
            self.shown.append(one.ticket)
        if self.state is not GroupState.FILED:
            self.sightings.append(one.sighting)
            # What is like what, the grouper knows; of that there is most.
            self.said.append((one.sighting, replace(one.features, grams=())))

    @property
    def in_database(self) -> int | None:
        """The problem that most of its tickets belong to there."""
        most = sorted(self.problems.items(), key=lambda item: (-item[1], item[0]))
        return most[0][0] if most else None


class Alarm(NamedTuple):
    """One type made up too much of all complaints."""

    kind: str
    at: datetime
    share: float
    complaints: int


class Recent(NamedTuple):
    """A complaint of the time over which shares are counted."""

    at: datetime
    kind: str
    customer: str
    problem: int


class Replay:
    """The problems of one run."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._grouper = Grouper()
        self._problems: dict[str, Problem] = {}
        self._due: list[tuple[datetime, int]] = []
        self._filings: deque[datetime] = deque()
        self._shares = _Shares(config)
        self._made = 0
        self._count = 0
        self.filed: list[Problem] = []

    @property
    def alarms(self) -> list[Alarm]:
        return self._shares.alarms

    def place(self, one: Complaint) -> Problem:
        """Put a complaint where it belongs; ``weigh`` says what that leads to."""
        at = one.sighting.at
        self.pass_time(at)
        self._grouper.forget(at - REMEMBERED)
        proposal = self._grouper.propose(one.features, at)
        problem = self._problem(proposal.group, one)
        if says_anything(one.features):
            name = str(problem.number)
            self._grouper.add(name, one.ticket, one.features, at)
        problem.take(one)
        self._shares.add(Recent(at, one.kind, one.sighting.customer, problem.number))
        self._count += 1
        if self._count % TIDY_EVERY == 0:
            self._tidy(at)
        return problem

    def weigh(self, problem: Problem, now: datetime) -> None:
        """Let a problem settle that crosses a threshold now."""
        if problem.state is not GroupState.EMERGING:
            return
        if not readiness.may_cross(self._config, len(problem.customers), now):
            return
        crossing = self._crossing(problem, now)
        if crossing is None or self._is_doubted(problem, crossing, now):
            return
        problem.state = GroupState.READY
        problem.rule, problem.reason = crossing.rule, crossing.reason
        settled = now + self._config.problems.settle
        heappush(self._due, (settled, problem.number))

    def pass_time(self, now: datetime) -> None:
        """File what has settled, and look at the shares as often as is usual."""
        while self._due and self._due[0][0] <= now:
            at, number = heappop(self._due)
            self._shares.look(at, self._problems)
            self._file(self._problems[str(number)], at)
        self._shares.look(now, self._problems)

    def _problem(self, name: str | None, one: Complaint) -> Problem:
        if name is not None and name in self._problems:
            return self._problems[name]
        self._made += 1
        at, number = one.sighting.at, self._made
        problem = Problem(number=number, kind=one.kind, first_at=at, last_at=at)
        self._problems[str(number)] = problem
        return problem

    def _is_doubted(self, problem: Problem, crossing: Crossing, now: datetime) -> bool:
        thresholds = self._config.problems
        since = now - max(thresholds.window, thresholds.fast_window)
        alerted = [
            str(other.number)
            for other in self._problems.values()
            if other.state in (GroupState.READY, GroupState.FILED)
            and other.last_at > since
        ]
        name = str(problem.number)
        return doubt(self._grouper, name, alerted, crossing.times) is not None

    def _crossing(self, problem: Problem, now: datetime) -> Crossing | None:
        watched = launches.current(self._config, now)
        if watched:
            since = now - max(one.window for one in watched)
            newest = [pair for pair in problem.said if pair[0].at > since]
            expected = launches.expected(watched, newest, now)
            if expected is not None:
                return expected
        thresholds, seen = self._config.problems, problem.sightings
        while seen and seen[0].at <= now - readiness.reach(thresholds):
            seen.popleft()
        return crossed(seen, thresholds, now, usual(seen, thresholds, now))

    def _file(self, problem: Problem, now: datetime) -> None:
        """File a problem that has settled, unless it has to wait for its turn."""
        crossing = self._crossing(problem, now)
        if crossing is None and problem.waiting_since is not None:
            crossing = self._crossing(problem, problem.waiting_since)
        if crossing is None:
            problem.state, problem.waiting_since = GroupState.EMERGING, None
            return
        problem.kind, problem.title = title([found for _, found in problem.said])
        turn = self._next_turn(problem, now)
        if turn is not None:
            heappush(self._due, (turn, problem.number))
            return
        self._filings.append(now)
        problem.state, problem.filed_at = GroupState.FILED, now
        problem.rule, problem.reason = crossing.rule, crossing.reason
        problem.sightings.clear()
        problem.said.clear()
        self.filed.append(problem)

    def _next_turn(self, problem: Problem, now: datetime) -> datetime | None:
        """Return when a problem is looked at again, None if it may be filed."""
        limits = self._config.problems
        mute = turns.muted(self._config, problem.kind, now)
        if mute is not None:
            return min(mute.until, now + limits.reread)
        while self._filings and self._filings[0] <= now - turns.HOUR:
            self._filings.popleft()
        if not limits.new_per_hour or len(self._filings) < limits.new_per_hour:
            return None
        problem.waiting_since = problem.waiting_since or now
        return self._filings[-limits.new_per_hour] + turns.HOUR

    def _tidy(self, now: datetime) -> None:
        """Let go of problems that nobody speaks of any more and that led to nothing."""
        self._problems = {
            name: problem
            for name, problem in self._problems.items()
            if name in self._grouper
            or problem.state is not GroupState.EMERGING
            or problem.last_at > now - self._config.problems.share_window
        }


class _Shares:
    """How complaints spread over types, looked at as often as on the road."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._recent: deque[Recent] = deque()
        self._people: dict[str, Counter[str]] = {}
        self._standing: dict[str, datetime | None] = {}  # since when below
        self._looked: datetime | None = None
        self.alarms: list[Alarm] = []

    def add(self, one: Recent) -> None:
        self._recent.append(one)
        self._people.setdefault(one.kind, Counter())[one.customer] += 1

    def look(self, now: datetime, problems: Mapping[str, Problem]) -> None:
        """Look as often as is usual since the last time; where nothing can be, once."""
        if not self._config.problems.share:
            return
        while (
            self._looked is not None
            and self._looked + share.EVERY <= now
            and not self._is_calm()
        ):
            self._looked += share.EVERY
            self._check(self._looked, problems)
        if self._looked is None or self._is_calm():
            self._forget(now - self._config.problems.share_window)
            self._looked = now

    def _is_calm(self) -> bool:
        few = len(self._recent) < self._config.problems.share_least
        return few and not self._standing

    def _check(self, now: datetime, problems: Mapping[str, Problem]) -> None:
        settings = self._config.problems
        self._forget(now - settings.share_window)
        counts = {kind: len(people) for kind, people in self._people.items() if people}
        total = sum(counts.values())
        above = share.above(settings, counts)
        for kind in sorted(above | set(self._standing)):
            if kind not in self._standing:
                muted = turns.muted(self._config, kind, now)
                if not muted and not self._is_one_problem(kind, total, problems):
                    self._standing[kind] = None
                    part = counts[kind] / total
                    self.alarms.append(Alarm(kind, now, part, total))
                continue
            since = share.below_since(self._standing[kind], kind in above, now)
            self._standing[kind] = since
            if since is not None and now - since >= settings.share_window:
                del self._standing[kind]

    def _forget(self, before: datetime) -> None:
        while self._recent and self._recent[0].at <= before:
            old = self._recent.popleft()
            people = self._people[old.kind]
            people[old.customer] -= 1
            if not people[old.customer]:
                del people[old.customer]

    def _is_one_problem(
        self, kind: str, total: int, problems: Mapping[str, Problem]
    ) -> bool:
        """Tell whether the news is one problem, of which its own issue speaks."""
        people: dict[int, set[str]] = {}
        for one in self._recent:
            if one.kind == kind:
                people.setdefault(one.problem, set()).add(one.customer)
        most = min(people, key=lambda number: (-len(people[number]), number))
        told = problems[str(most)].state in (GroupState.READY, GroupState.FILED)
        return told and 2 * len(people[most]) > total
