"""What tickets are judged by: the rules and the words in force, and since when.

Files are looked at again every few seconds. What cannot be used leaves in force what
was before it, and is told as a trouble until it is put right.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import structlog

from connector import rulefiles
from connector.config import Config
from connector.errors import ConfigError
from connector.metrics import RULES_BROKEN
from connector.models import Finding, Level
from connector.store import Store
from connector.store.switches import Switch
from connector.switched import Switched, switched
from connector.taught import Taught
from rules.judge import Judge, default_judge
from rules.pack import load_packs, packs_with
from rules.schema import RuleSet

_log = structlog.get_logger(__name__)

#: How often files are looked at; processes agree again after so long.
LOOK = timedelta(seconds=2)


@dataclass(frozen=True)
class Book:
    """What is in force, all of it from one moment."""

    rules: RuleSet
    judge: Judge
    since: datetime  #: when this process took it up
    switches: tuple[Switch, ...] = ()  #: what differs in the rules from their files

    @cached_property
    def version(self) -> str:
        """Short hash; with other rules or other words it is another one."""
        parts = [f"{rule.id} {rule.version}" for rule in self.rules.rules]
        said = "\n".join([self.judge.version, *parts])
        return hashlib.sha256(said.encode()).hexdigest()[:12]


class Trouble(NamedTuple):
    """Why a change is not in force. ``problems`` quote only what admins wrote."""

    since: datetime
    place: str
    problems: tuple[str, ...]


class Former(NamedTuple):
    """What was in force before; ``added`` are the words of the house, by file."""

    rules: RuleSet
    added: Mapping[str, str]


class _Stamp(NamedTuple):
    rules: rulefiles.Stamp
    words: rulefiles.Stamp


class Rulebook:
    """The book in force. One for each process; used by several threads."""

    def __init__(
        self, config: Config, now: datetime, former: Former | None = None
    ) -> None:
        """Read everything; raises ``ConfigError`` if it cannot be used.

        What was in force ``former``ly is so again in place of what cannot be.
        """
        self._config = config
        self._lock = threading.Lock()
        self._looked = now
        self._stamp = self._stamped()
        self._taught: Taught | None = None
        self._switched: Switched | None = None
        self._trouble: Trouble | None = None
        try:
            self._judge, self._words = self._read_words(), self._stamp.words
        except ConfigError as err:
            if former is None:
                raise
            self._judge, self._words = Judge(packs_with(former.added)), ()
            self._note(err, now)
        try:
            self._written = self._read_rules()
        except ConfigError as err:
            if former is None:
                raise
            self._written = former.rules
            self._note(err, now)
        self._book = self._made(now)

    @property
    def book(self) -> Book:
        return self._book

    @property
    def trouble(self) -> Trouble | None:
        return self._trouble

    def learned_findings(self) -> list[Finding]:
        """Say what is wrong with the learned model that the database names."""
        packs = self._judge.version
        return self._taught.findings(packs) if self._taught else []

    def follow(self, store: Store) -> None:
        """From the next look on, heed a database: the learned model that it names, and
        how far people let rules go."""
        self._taught = Taught(store)
        self._switched = Switched(store)
        self.hurry()

    def hurry(self) -> None:
        """Look again at the next call, however short ago that was done."""
        self._looked = datetime.min.replace(tzinfo=UTC)

    def look(self, now: datetime) -> Book:
        """Return what is in force now, after a look at the files if one is due."""
        with self._lock:
            if abs(now - self._looked) >= LOOK:
                self._looked = now
                is_new = [one.look() for one in (self._taught, self._switched) if one]
                stamped = self._stamped()
                if stamped != self._stamp:
                    self._stamp = stamped
                    self._renew(now)
                if any(is_new):
                    self._book = self._made(now)
            return self._book

    def _renew(self, now: datetime) -> None:
        try:
            rules = self._read_rules()
            if self._words != self._stamp.words:  # to compile words takes a while
                self._judge, self._words = self._read_words(), self._stamp.words
        except ConfigError as err:
            self._note(err, now)
            return
        self._written = rules
        self._trouble = None
        RULES_BROKEN.set(0)
        book = self._made(now)
        if book.version != self._book.version:
            self._book = book
        _log.info("rules.read", version=self._book.version)

    def _note(self, err: ConfigError, now: datetime) -> None:
        since = self._trouble.since if self._trouble else now
        self._trouble = Trouble(since, err.path, err.problems)
        RULES_BROKEN.set(1)
        _log.error("rules.broken", file=err.path, mistakes=len(err.problems))

    def _stamped(self) -> _Stamp:
        rules, words = self._config.rules, self._config.judging.packs
        return _Stamp(
            rulefiles.stamp(rules) if isinstance(rules, Path) else (),
            rulefiles.stamp(Path(words)) if words else (),
        )

    def _read_rules(self) -> RuleSet:
        given = self._config.rules
        return rulefiles.read_set(given) if isinstance(given, Path) else given

    def _made(self, now: datetime) -> Book:
        learned = self._taught.model if self._taught else None
        switches = self._switched.now if self._switched else ()
        rules, counting = switched(self._written, switches)
        return Book(rules, self._judge.with_learned(learned), now, counting)

    def _read_words(self) -> Judge:
        given = self._config.judging
        if not given.trade and not given.packs:
            return default_judge()
        own = Path(given.packs) if given.packs else None
        return Judge(load_packs(given.trade, own))


def findings(rulebook: Rulebook) -> list[Finding]:
    """Say what keeps rules, words or what was learned from being in force."""
    trouble = rulebook.trouble
    if trouble is None:
        return rulebook.learned_findings()
    since = rulebook.book.since
    return [
        Finding(
            Level.PROBLEM,
            trouble.place,
            f"not in force since {trouble.since:%Y-%m-%d %H:%M} UTC: "
            f"{'; '.join(trouble.problems)}; the rules of {since:%Y-%m-%d %H:%M} UTC "
            "are",
            "put it right and save it; 'complaint-connector rules lint' tells more",
        ),
        *rulebook.learned_findings(),
    ]
