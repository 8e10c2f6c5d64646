"""Bearer tokens that really expire, and budgets per minute. Nothing vendor-specific."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timedelta

from connector.sandbox.stage import Stage


class Tokens:
    """Issued tokens with their end and what they may do."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._issued: dict[str, tuple[datetime, str]] = {}

    def issue(self, life: float, scope: str = "") -> str:
        with self._stage.lock:
            value = self._stage.token(40)
            end = self._stage.clock() + timedelta(seconds=life)
            self._issued[value] = end, scope
            return value

    def scope(self, authorization: str) -> str | None:
        """Return the scope of a bearer header, None if it is not accepted."""
        kind, _, value = authorization.partition(" ")
        with self._stage.lock:
            found = self._issued.get(value.strip())
            if kind.lower() != "bearer" or found is None:
                return None
            return found[1] if self._stage.clock() < found[0] else None

    def valid(self, authorization: str) -> bool:
        return self.scope(authorization) is not None


class Limit:
    """A budget over a sliding window."""

    def __init__(self, stage: Stage, allowed: int, seconds: float = 60) -> None:
        self.allowed = allowed
        self._stage = stage
        self._window = timedelta(seconds=seconds)
        self._spent: deque[tuple[datetime, int]] = deque()
        self._sum = 0

    def spend(self, cost: int = 1) -> int | None:
        """Spend, or return the seconds to wait when nothing is left."""
        with self._stage.lock:
            now = self._forget()
            if self._sum + cost > self.allowed:
                oldest = self._spent[0][0] if self._spent else now
                wait = (oldest + self._window - now).total_seconds()
                return max(1, math.ceil(wait))
            self._spent.append((now, cost))
            self._sum += cost
            return None

    def left(self) -> int:
        with self._stage.lock:
            self._forget()
            return self.allowed - self._sum

    def _forget(self) -> datetime:
        now = self._stage.clock()
        while self._spent and self._spent[0][0] <= now - self._window:
            self._sum -= self._spent.popleft()[1]
        return now
