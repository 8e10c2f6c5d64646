"""The port for a vendor's rate budget: what a call costs, and whose turn it is.

An adapter says what its vendor counts (a ``Tariff``) and nothing else. Who calls an
adapter on behalf of somebody opens a ``turn``; each request of that thread is then
announced to the turn's pace, which may hold it back. Without a turn nothing happens.
How a budget is kept, and shared by processes, is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import NamedTuple, Protocol

#: The budget that most vendors have: one for all calls of an account.
ACCOUNT = "account"
MINUTE = 60.0

#: Longest wait within a call, in seconds. A longer one is the caller's: it has other
#: work to do meanwhile.
PATIENCE = 2.0

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})

Headers = Mapping[str, str]


class Priority(IntEnum):
    """What a call is for. Lower goes first, and may use more of the budget."""

    MESSAGE = 1  #: a customer is waiting for it
    TAG = 2  #: agents work by it: tags, and the issue of a problem
    NOTE = 3  #: notes, comments, links
    REFRESH = 4  #: reading what has changed
    BACKFILL = 5  #: reading history


class Call(NamedTuple):
    """A request, as far as budgets go."""

    method: str
    path: str


class Charge(NamedTuple):
    """What a call takes from one budget.

    ``limit`` units in ``seconds`` is what holds until the vendor tells its own number;
    None where there is no telling. ``is_narrow``: without it only calls like this one
    wait, and everything else goes on. What follows a colon in a bucket's name tells it
    from others of its kind; people are not shown that.
    """

    bucket: str
    units: int = 1
    limit: int | None = None
    seconds: float = MINUTE
    is_narrow: bool = False

    @property
    def kind(self) -> str:
        """Return what the budget is of, as people are told."""
        return self.bucket.partition(":")[0]


class Told(NamedTuple):
    """What an answer told of one budget. ``resets``: seconds until it is full again."""

    bucket: str
    limit: int | None = None
    remaining: int | None = None
    resets: float | None = None
    seconds: float | None = None


def _plain_charges(call: Call) -> tuple[Charge, ...]:
    return (Charge(ACCOUNT),)


def _told_nothing(call: Call, headers: Headers, now: datetime) -> tuple[Told, ...]:
    return ()


def _whole_account(call: Call, headers: Headers) -> str | None:
    return ACCOUNT


@dataclass(frozen=True, slots=True)
class Tariff:
    """How a vendor counts: pure functions of a call and of an answer's headers.

    ``charges`` says what a call takes, ``told`` what an answer says of the budgets,
    ``held`` which budget a 429 is about (None: only the thing that was called).
    """

    charges: Callable[[Call], Sequence[Charge]] = _plain_charges
    told: Callable[[Call, Headers, datetime], Sequence[Told]] = _told_nothing
    held: Callable[[Call, Headers], str | None] = _whole_account


#: For a vendor of whose budgets nothing is known: only its 429 is heeded.
PLAIN = Tariff()


class Pace(Protocol):
    """Keeps the budgets of all accounts. Used by several threads at once."""

    def enter(self, account: str, charges: Sequence[Charge], turn: Turn) -> None:
        """Return when the call may be made; raise ``BudgetSpent`` if that is long."""

    def learn(self, account: str, told: Sequence[Told]) -> None:
        """Take note of what the vendor told."""

    def hold(self, account: str, bucket: str, seconds: float) -> None:
        """Let nobody call for so long: the vendor said so."""


@dataclass(slots=True)
class Turn:
    """Somebody's calls, one after the other.

    ``wrote`` becomes true once the vendor has accepted a write: what fails after that
    must be looked for before it is tried again.
    """

    pace: Pace | None
    priority: Priority
    patience: float = PATIENCE
    wrote: bool = False


_current: ContextVar[Turn | None] = ContextVar("turn", default=None)


@contextmanager
def turn(
    pace: Pace | None, priority: Priority, patience: float = PATIENCE
) -> Iterator[Turn]:
    """Make all calls of this thread within the block count for ``pace``."""
    opened = Turn(pace, priority, patience)
    before = _current.set(opened)
    try:
        yield opened
    finally:
        _current.reset(before)


def current() -> Turn | None:
    """Return the turn that this thread's calls belong to."""
    return _current.get()


@contextmanager
def asking() -> Iterator[None]:
    """Let the calls within count, but not as writes: a POST that changes nothing."""
    opened = current()
    wrote = opened.wrote if opened else False
    try:
        yield
    finally:
        if opened:
            opened.wrote = wrote


# -- reading headers, for tariffs --

_NUMBER = re.compile(r"\s*(\d{1,9})(?:\.\d+)?\s*(?:;.*|,.*)?")


def number(headers: Headers, *names: str) -> int | None:
    """Return the first of these headers that holds a number."""
    for name in names:
        found = _NUMBER.fullmatch(headers.get(name, ""))
        if found:
            return int(found[1])
    return None


def until(value: str | None, now: datetime) -> float | None:
    """Return the seconds until a reset: told as such, as an epoch or as ISO time."""
    if not value:
        return None
    try:
        seconds = float(value)
        moment = seconds - now.timestamp()
        return max(0.0, moment if seconds > 1e8 else seconds)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(value)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - now).total_seconds())
    except (ValueError, OverflowError):
        return None
