"""What a person says about how far a rule goes, and what takes it back.

When a rule is held back without anybody saying so is decided in
``connector.demotion``.
"""

from __future__ import annotations

import shlex
from datetime import datetime

from sqlalchemy import Connection

from connector.correcting import Done, Refused
from connector.models import Mode
from connector.rulebook import Book
from connector.store import demotions, switches
from connector.store.demotions import Unit
from connector.store.switches import Switch
from connector.switched import written

#: In place of a mode: as far as the file says.
AS_WRITTEN = "as-written"

CHOICES = (*(mode.value for mode in Mode), AS_WRITTEN)


def switch(
    connection: Connection, book: Book, rule_id: str, word: str, who: str, now: datetime
) -> Done:
    """Let a rule go as far as ``word`` says. Raises ``Refused``."""
    rule = next((one for one in book.rules.rules if one.id == rule_id), None)
    if rule is None:
        raise Refused(f"{rule_id}: there is no such rule in force")
    if word not in CHOICES:
        raise Refused(f"{word}: expected one of {', '.join(CHOICES)}")
    # What the book was made of may be some seconds old.
    known = {one.rule: one for one in switches.listing(connection)}
    file = written(rule, book.switches)
    current = known.get(rule_id)
    if current is not None and current.rule_version != file.version:
        current = None
    before = current.mode if current else file.mode
    mode = file.mode if word == AS_WRITTEN else Mode(word)
    if mode is before:
        raise Refused(f"rule {rule_id} is in {before} already")
    if mode is file.mode:
        switches.drop(connection, rule_id)
    else:
        new = Switch(rule_id, file.version, mode, now, who)
        switches.put(connection, new)
    told = f"rule {rule_id} went from {before} to {mode}"
    follows = f"Its file says {file.mode}, and counts again once it is changed"
    said = () if mode is file.mode else (follows,)
    return Done(0, told, said, f"rules switch {rule_id} {before}")


def promote(
    connection: Connection, rule: str, tag: str | None, who: str, now: datetime
) -> Done:
    """Let a rule write what it only suggests, because people took it off."""
    found = demotions.promote(connection, rule, tag, who, now)
    if not found:
        raise Refused(f"rule {rule} is not held back; rules precision shows which are")
    again = f"rule {rule} writes {_named(found)} again"
    follows = "It is looked at again once there are enough new labels of people"
    return Done(0, again, (follows,), _command("hold", rule, tag))


def hold(
    connection: Connection, rule: str, tag: str | None, at: datetime | None = None
) -> Done:
    """Take back that a person let a rule write, ``at`` a time or the last time."""
    found = demotions.hold(connection, rule, tag, at)
    if not found:
        raise Refused(f"nobody let rule {rule} write again, or it is held back by now")
    held = f"rule {rule} only suggests {_named(found)}, as before"
    return Done(0, held, (), _command("promote", rule, tag))


def _named(units: list[Unit]) -> str:
    named = (f"{u.tag} in {u.language}" if u.language else u.tag for u in units)
    return ", ".join(sorted(set(named)))


def _command(verb: str, rule: str, tag: str | None) -> str:
    return shlex.join(["rules", verb, rule, *(["--tag", tag] if tag else [])])
