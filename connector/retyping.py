"""A person says by a button what a ticket is about: their word, written by us.

It is as if they had changed the tags themselves: what they take off is vetoed, what
they set is theirs, and both are labelled to be learnt from. Types only; other tags are
changed in the helpdesk.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from connector.config import Config
from connector.correcting import Refused
from connector.models import Mode, Operation, TicketRef
from connector.store import accounts, dialects, labels, outbox, tickets
from connector.store.labels import Label
from connector.store.schema import AnyRow
from connector.store.tickets import TagState
from connector.tagging import PACK_TYPE
from rules.verdict import TYPES

RULE = "person"

#: Tags in these states are on the ticket, or will be.
ON_TICKET = (TagState.WANTED, TagState.WRITTEN, TagState.SEEN, TagState.ASKED)

#: Tags in these states stay off.
OFF = (TagState.VETOED, TagState.DROPPED)


class Types(NamedTuple):
    """What a ticket is said to be about, the main type first.

    ``are_tags``: that stands on the ticket; else it is only what was understood.
    """

    names: tuple[str, ...]
    are_tags: bool


def types_of(config: Config, ticket: AnyRow, ledger: Mapping[str, AnyRow]) -> Types:
    """Return a ticket's types: by its tags, or what was judged and no person denied."""
    prefix = config.tags.prefix
    judged = [one for one in ticket.verdict.get("types", ()) if one in TYPES]
    order = [*judged, *(one for one in TYPES if one not in judged)]
    tagged = [one for one in order if _is_on(ticket, ledger, prefix + one)]
    if tagged:
        # What a person set says more than what was judged.
        tagged.sort(key=lambda one: not _is_theirs(ledger.get(prefix + one)))
        return Types(tuple(tagged), True)
    denied = [one for one in judged if _is_off(ledger.get(prefix + one))]
    return Types(tuple(one for one in judged if one not in denied), False)


def retype(
    connection: Connection,
    config: Config,
    ref: TicketRef,
    wrong: Collection[str],
    right: str,
    who: str,
    now: datetime,
) -> bool:
    """Take types off a ticket and set one (empty: none); False if nothing changed.

    Where tags are only observed, it is labelled and nothing is written. Raises
    ``Refused``.
    """
    if not {*wrong, *filter(None, [right])} <= set(TYPES):
        raise Refused(f"expected types: {', '.join(TYPES)}")
    # Whoever decides about the ticket meanwhile decides before or after.
    dialects.serialise(connection, dialects.GROUPING_LOCK)
    ticket = tickets.find(connection, ref, lock=True)
    if ticket is None:
        raise Refused("this ticket is not known yet; try again in a moment")
    deed = _Deed(connection, config, ticket, now)
    for kind in wrong:
        if kind != right:
            deed.drop(kind)
    if right:
        deed.ask(right)
    if not deed.labels:
        return False
    off, on = ", ".join(deed.dropped), right or "none"
    said = f"not {off}; right: {on}" if off else f"right: {on}"
    number = accounts.record(connection, who, "tickets retype", str(ref), said, now)
    deed.write(who, f"retype:{ticket.id}:{number}")
    return True


class _Deed:
    """What a person's word changes in the ledger, and asks for on the ticket."""

    def __init__(
        self, connection: Connection, config: Config, ticket: AnyRow, now: datetime
    ) -> None:
        self._connection = connection
        self._ticket = ticket
        self._now = now
        self._prefix = config.tags.prefix
        self._ledger = tickets.ledger(connection, ticket.id)
        observed = config.autonomy.tags is Mode.OBSERVE
        self._writes = not observed and config.takes_writes(ticket.source)
        self._lines: list[dict[str, Any]] = []
        self._add: list[str] = []
        self._remove: list[str] = []
        self.labels: list[dict[str, Any]] = []
        self.dropped: list[str] = []

    def drop(self, kind: str) -> None:
        tag = self._prefix + kind
        line = self._ledger.get(tag)
        if _is_off(line):
            return
        state = TagState.VETOED
        if self._writes and (line is not None or tag in self._ticket.tags):
            self._remove.append(tag)
            state = TagState.DROPPED
        self._enter(tag, state)
        self._label(tag, Label.REMOVED)
        self.dropped.append(kind)

    def ask(self, kind: str) -> None:
        tag = self._prefix + kind
        line = self._ledger.get(tag)
        if _is_theirs(line):
            return
        if _is_on(self._ticket, self._ledger, tag) and not _is_waiting(line):
            self._enter(tag, TagState.SEEN)
        elif self._writes:
            self._add.append(tag)
            self._enter(tag, TagState.ASKED)
        judged = kind in self._ticket.verdict.get("types", ())
        self._label(tag, Label.CONFIRMED if judged else Label.MISSED)

    def write(self, who: str, key: str) -> None:
        tickets.put_tags(self._connection, self._lines)
        labels.put(self._connection, self.labels)
        # A reading from before this must not be taken for the answer to it.
        tickets.touch(self._connection, self._ticket.id)
        if not self._add and not self._remove:
            return
        effect = outbox.Effect(
            source=self._ticket.source,
            operation=Operation.CHANGE_TAGS,
            target=self._ticket.external_id,
            dedup_key=key,
            ordering_key=f"ticket:{self._ticket.id}",
            payload={"add": sorted(self._add), "remove": sorted(self._remove)},
            ticket_id=self._ticket.id,
            rule=RULE,
            reason=f"{who} said so",
        )
        outbox.enqueue(self._connection, [effect], self._now)

    def _enter(self, tag: str, state: TagState) -> None:
        line = {"tag": tag, "state": state, "reason": "a person said so"}
        self._lines.append({**line, **self._judging(tag)})

    def _label(self, tag: str, label: Label) -> None:
        self.labels.append({"tag": tag, "label": label, **self._judging(tag)})

    def _judging(self, tag: str) -> dict[str, Any]:
        """Say what is right or wrong by that: what wrote the tag, or could have."""
        line = self._ledger.get(tag)
        rule, version = PACK_TYPE, self._ticket.verdict.get("pack_version", "")
        if line is not None:
            rule, version = line.rule, line.rule_version
        known = {"rule": rule, "rule_version": version}
        return {"ticket_id": self._ticket.id, "at": self._now, **known}


def _is_on(ticket: AnyRow, ledger: Mapping[str, AnyRow], tag: str) -> bool:
    line = ledger.get(tag)
    return tag in ticket.tags if line is None else line.state in ON_TICKET


def _is_off(line: AnyRow | None) -> bool:
    return line is not None and line.state in OFF


def _is_theirs(line: AnyRow | None) -> bool:
    return line is not None and line.state in (TagState.ASKED, TagState.SEEN)


def _is_waiting(line: AnyRow | None) -> bool:
    return line is not None and line.state == TagState.WANTED
