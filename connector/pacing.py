"""The pace of all processes with each vendor: who may call now, and who waits.

Processes take units out of the database in small blocks, and use them up at once. What
a budget allows is said in ``connector.budget``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from adapters.pace import MINUTE, Charge, Priority, Told, Turn
from connector.budget import Bucket, give_back, learn, take
from connector.errors import BudgetSpent
from connector.metrics import BUDGET_WAITS
from connector.store import Store, budgets, dialects
from connector.store.schema import AnyRow


@dataclass(slots=True)
class Block:
    """Units this process has taken, and until when it may use them."""

    slot: int
    units: int
    priority: Priority
    expires: float


@dataclass(slots=True)
class Account:
    """What this process holds of an account's budgets, and has heard of them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    blocks: dict[str, list[Block]] = field(default_factory=dict)
    news: dict[str, tuple[Told, float]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)  # a window, by bucket

    def at_hand(self, charge: Charge, priority: Priority, now: float) -> Block | None:
        """Find units that were taken for calls no more urgent than this one."""
        for block in self.blocks.get(charge.bucket, ()):
            fits = block.units >= charge.units and block.priority >= priority
            if fits and now < block.expires:
                return block
        return None

    def drop_expired(self, bucket: str, now: float) -> list[Block]:
        """Remove and return what was not used in time."""
        blocks = self.blocks.get(bucket, [])
        self.blocks[bucket] = [block for block in blocks if now < block.expires]
        return [block for block in blocks if now >= block.expires]

    def promised(self, bucket: str) -> int:
        return sum(block.units for block in self.blocks.get(bucket, ()))


class Budgets:
    """Implements ``adapters.pace.Pace`` on the database. One for each process.

    Never to be called within a transaction: it opens its own. ``clock`` None means the
    database's, which is the same for all machines.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime] | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._guard = threading.Lock()

    def enter(self, account: str, charges: Sequence[Charge], turn: Turn) -> None:
        """Return when the call may be made; raise ``BudgetSpent`` if that is long."""
        # A clock that somebody sets is not waited for.
        patience = turn.patience if self._clock is None else 0.0
        while True:
            wait, charge = self._take(account, charges, turn.priority)
            if charge is None:
                return
            outcome = "slept" if wait <= patience else "postponed"
            kind = turn.priority.name.lower()
            BUDGET_WAITS.labels(account, charge.kind, kind, outcome).inc()
            if outcome == "postponed":
                raise _spent(account, charge, wait, turn)
            time.sleep(wait)
            patience -= wait

    def learn(self, account: str, told: Sequence[Told]) -> None:
        """Take note of what the vendor told; it is shared with the next block."""
        known, now = self._account(account), self._timer()
        for one in told:
            if one.limit is not None or one.remaining is not None:
                known.news[one.bucket] = (one, now)

    def hold(self, account: str, bucket: str, seconds: float) -> None:
        """Let no process call for so long: the vendor said so."""
        window = self._account(account).seconds.get(bucket, MINUTE)
        with self._store.write() as connection:
            row = budgets.lock(connection, account, {bucket: window})[bucket]
            until = self._now(connection) + seconds
            if until > row.held_until:
                budgets.save(connection, account, bucket, {"held_until": until})

    # -- taking --

    def _take(
        self, account: str, charges: Sequence[Charge], priority: Priority
    ) -> tuple[float, Charge | None]:
        """Take what a call costs; or return how long to wait, and for what of it."""
        known = self._account(account)
        with known.lock:
            now = self._timer()
            found = {c: known.at_hand(c, priority, now) for c in charges}
            missing = [charge for charge, block in found.items() if block is None]
            if missing:
                wait, charge = self._reserve(account, known, missing, priority, now)
                if charge is not None:
                    return wait, charge
            for used, block in found.items():
                if block is not None:
                    block.units -= used.units
            return 0.0, None

    def _reserve(
        self,
        account: str,
        known: Account,
        charges: Sequence[Charge],
        priority: Priority,
        timer: float,
    ) -> tuple[float, Charge | None]:
        """Take a block of each bucket and use of it what the call costs, or of none."""
        blocks: dict[str, Block] = {}
        waits: dict[Charge, float] = {}
        with self._store.write() as connection:
            windows = {charge.bucket: charge.seconds for charge in charges}
            known.seconds.update(windows)
            rows = budgets.lock(connection, account, windows)
            now = self._now(connection)
            buckets = {
                c: _heard(known, c, _bucket(rows[c.bucket], c), timer, now)
                for c in charges
            }
            taken = {c: take(buckets[c], c.units, priority, now) for c in charges}
            waits = {c: t.wait for c, t in taken.items() if t.wait > 0}
            for charge, (after, units, _) in taken.items():
                bucket = buckets[charge] if waits else after
                budgets.save(connection, account, charge.bucket, _values(bucket))
                blocks[charge.bucket] = Block(
                    bucket.number(now),
                    units - charge.units,
                    priority,
                    timer + bucket.life,
                )
        if waits:
            longest = max(waits, key=lambda charge: waits[charge])
            return waits[longest], longest
        for name, block in blocks.items():
            known.blocks.setdefault(name, []).append(block)
        return 0.0, None

    def _account(self, name: str) -> Account:
        with self._guard:
            return self._accounts.setdefault(name, Account())

    def _now(self, connection: Connection) -> float:
        moment = self._clock() if self._clock else dialects.clock(connection)
        return moment.timestamp()

    def _timer(self) -> float:
        """Return the time by which blocks expire: a clock that nobody sets back."""
        return self._clock().timestamp() if self._clock else time.monotonic()


def _heard(
    known: Account, charge: Charge, bucket: Bucket, timer: float, now: float
) -> Bucket:
    """Return what was not used, and take in what the vendor told meanwhile."""
    for block in known.drop_expired(charge.bucket, timer):
        bucket = give_back(bucket, block.slot, block.units)
    if charge.bucket in known.news:
        told, at = known.news.pop(charge.bucket)
        promised = known.promised(charge.bucket)
        bucket = learn(bucket, told, promised, timer - at, now)
    return bucket


def _bucket(row: AnyRow, charge: Charge) -> Bucket:
    return Bucket(
        limit=charge.limit if row.allowed is None else row.allowed,
        is_told=row.allowed is not None,
        seconds=row.seconds,
        spent={int(slot): units for slot, units in row.spent.items()},
        remaining=row.remaining,
        remaining_until=row.remaining_until,
        held_until=row.held_until,
    )


def _values(bucket: Bucket) -> dict[str, Any]:
    values = asdict(bucket)
    limit, is_told = values.pop("limit"), values.pop("is_told")
    # What we only assume stays in the code, where a new version may know better.
    return {
        **values,
        "allowed": limit if is_told else None,
        "spent": {str(slot): units for slot, units in bucket.spent.items() if units},
    }


def _spent(account: str, charge: Charge, wait: float, turn: Turn) -> BudgetSpent:
    error = BudgetSpent(
        f"waiting: the budget of {account} ({charge.kind}) is used up for now",
        retry_after=wait,
    )
    error.is_narrow = charge.is_narrow
    # Part of what was asked for may be done already.
    error.uncertain = turn.wrote
    return error
