"""Rulebooks as they are kept: what tickets were judged by on an earlier day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from connector.config import Config
from connector.errors import ConfigError
from connector.rulebook import Book, Former, Rulebook
from connector.store import Store, rulebooks, tickets
from connector.store.schema import AnyRow
from rules.judge import Judge
from rules.schema import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class Earlier:
    """A kept rulebook. ``unread`` are rules in a form that is not known any more."""

    version: str
    since: datetime
    rules: tuple[Rule, ...]
    words: str  # the version of the packs
    added: Mapping[str, str]  # to the product's, texts by file
    unread: tuple[str, ...] = ()

    def rule(self, name: str) -> Rule | None:
        return next((rule for rule in self.rules if rule.id == name), None)


def open_rulebook(config: Config, store: Store, now: datetime) -> Rulebook:
    """Read rules and words; in place of what cannot be used, the last of it.

    A start is not the moment to let deliveries go unanswered for a slip in a file.
    Raises ``ConfigError`` where nothing was decided before.
    """
    try:
        return Rulebook(config, now)
    except ConfigError:
        store.upgrade()
        with store.read() as connection:
            version = tickets.newest_version(connection)
            known = find(connection, version) if version else []
        if not known or known[0].unread:
            raise
        former = Former(RuleSet(rules=known[0].rules), known[0].added)
        return Rulebook(config, now, former)


def keep(connection: Connection, book: Book) -> bool:
    """Keep what is in force with what it decides; tell if it is there for good."""
    if rulebooks.find(connection, book.version):
        return True
    rulebooks.keep(connection, book.version, plain(book), book.since)
    return False


def plain(book: Book) -> dict[str, Any]:
    """Return a rulebook as it is kept."""
    dumped = [
        rule.model_dump(mode="json", by_alias=True, exclude_none=True)
        for rule in book.rules.rules
    ]
    judge = book.judge
    return {"rules": dumped, "words": judge.version, "added": added(judge)}


def added(judge: Judge) -> dict[str, str]:
    """Return the words of a trade and of the house, by file without its folders."""
    return {"/".join(Path(name).parts[-2:]): text for name, text in judge.added.items()}


def find(connection: Connection, start: str) -> list[Earlier]:
    """Return the kept rulebooks whose version begins like that, the newest first."""
    return [_read(row) for row in rulebooks.find(connection, start)]


def _read(row: AnyRow) -> Earlier:
    known, unread = [], []
    for given in row.body["rules"]:
        try:
            known.append(Rule.model_validate(given))
        except ValidationError:  # what a rule may say has changed since
            unread.append(str(given["id"]))
    return Earlier(
        version=row.version,
        since=row.at,
        rules=tuple(known),
        words=row.body["words"],
        added=row.body["added"],
        unread=tuple(unread),
    )
