"""What the look-alikes share: one lock, one clock, one diary of witnessed acts."""

from __future__ import annotations

import html
import random
import re
import threading
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from connector.sandbox.settings import SandboxSettings

Json = dict[str, Any]

#: Who did something: the account the connector uses, a human agent, a customer, or the
#: vendor itself.
API, AGENT, CUSTOMER, SYSTEM = "api", "agent", "customer", "system"

VENDORS = ("helpscout", "zendesk", "jira")


class Refusal(Exception):
    """An answer that is not the one asked for, in the vendor's own shape."""

    def __init__(
        self, status: int, body: Any, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body
        self.headers = headers or {}


class Act(NamedTuple):
    """One line of the diary."""

    seq: int
    at: datetime
    vendor: str
    act: str
    target: str
    actor: str
    detail: Json

    def as_json(self) -> Json:
        return {**self._asdict(), "at": self.at.isoformat()}


def utc_now() -> datetime:
    return datetime.now(UTC)


class Stage:
    """Shared ground. Everything that changes state holds ``lock`` while it does."""

    def __init__(
        self, settings: SandboxSettings, clock: Callable[[], datetime]
    ) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self.clock = clock
        self.base_url = "http://127.0.0.1:8820"
        self.clear()

    def clear(self) -> None:
        self.random = random.Random(self.settings.seed)
        self.acts: list[Act] = []
        self._seq = 0
        self._numbers: dict[str, int] = defaultdict(int)

    def number(self, kind: str, start: int = 1, step: int = 1) -> int:
        """Return the next id of a kind."""
        with self.lock:
            self._numbers[kind] += 1
            return start + (self._numbers[kind] - 1) * step

    def token(self, length: int = 32) -> str:
        with self.lock:
            return "".join(self.random.choices("0123456789abcdef", k=length))

    def witness(
        self, vendor: str, act: str, target: object, actor: str, **detail: Any
    ) -> None:
        """Write one act into the diary."""
        with self.lock:
            self._seq += 1
            now = self.clock()
            line = Act(self._seq, now, vendor, act, str(target), actor, detail)
            self.acts.append(line)

    def acts_after(self, seq: int) -> list[Act]:
        with self.lock:
            # The diary counts from one without gaps.
            return self.acts[max(0, seq) :]


def stamp(moment: datetime) -> str:
    """ISO 8601 in UTC to the second, with ``Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def to_html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def to_text(markup: str) -> str:
    """What a person reads in a small piece of HTML."""
    broken = re.sub(r"(?i)<br\s*/?>|</(p|div|li)>", "\n", markup)
    return html.unescape(re.sub(r"<[^>]*>", "", broken)).strip()


def split_name(name: str, email: str) -> tuple[str, str]:
    """First and last name, from the address where no name is known."""
    words = name.split() or [part.capitalize() for part in _local(email).split(".")]
    return words[0], " ".join(words[1:])


def _local(email: str) -> str:
    return email.partition("@")[0] or "someone"
