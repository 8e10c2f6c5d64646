"""What people do on the pages: the same commands as on the command line.

Each is the words of a command, so that what takes it back is one, too. All of them are
written down with who did it, and shown on the page that follows.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from flask import g, redirect
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, RowMapping

from adapters.base import Tracker
from connector import broadcasts, correcting, merging, steering, switching
from connector.correcting import Done, Refused
from connector.dashboard.desk import Desk
from connector.dashboard.pages import row_number
from connector.errors import VendorError
from connector.models import Issue, Role, TicketRef
from connector.store import accounts, outbox


class Asked(NamedTuple):
    """A command with what it needs."""

    connection: Connection
    desk: Desk
    words: Sequence[str]
    who: str
    now: datetime
    issue: Issue | None = None
    undoes_of: datetime | None = None  #: when what it takes back was done

    def number(self, place: int) -> int:
        return _number(self.words[place])


def do(desk: Desk, words: Sequence[str], back: str) -> ResponseReturnValue:
    """Carry a command out for the visitor and lead back to a page that says so."""
    audit_id = perform(desk, words, g.visitor.name)
    mark = "&" if "?" in back else "?"
    return redirect(f"{back}{mark}did={audit_id}", 303)


def perform(
    desk: Desk, words: Sequence[str], who: str, undoes: RowMapping | None = None
) -> int:
    """Carry a command out and return the number of its entry; raise ``Refused``.

    ``undoes`` is the entry that it takes back, which can be done once.
    """
    verb = " ".join(words[:2])
    act = _ACTS.get(verb)
    if act is None:
        raise Refused(f"{verb}: there is no such command on this page")
    # Before the transaction: a vendor may take its time.
    issue = _read_issue(desk, words[3]) if verb == "groups link" else None
    now = desk.clock()
    with desk.store.write(wake=outbox.WAKE) as connection:
        if undoes is not None and not accounts.undone(connection, undoes["id"], now):
            raise Refused("that was taken back already")
        at = undoes["at"] if undoes is not None else None
        done = act(Asked(connection, desk, words[2:], who, now, issue, at))
        number = accounts.record(
            connection,
            who,
            verb,
            f"problem {done.group_id}" if done.group_id else f"rule {words[2]}",
            ". ".join([done.did, *done.follows]),
            now,
            done.undo,
        )
    if verb == "rules switch":
        desk.rulebook.hurry()  # the page that follows is to show it
    return number


def take_back(desk: Desk, audit_id: int, who: str) -> int:
    """Take back what somebody did, once."""
    with desk.store.read() as connection:
        deed = accounts.deed(connection, audit_id)
    if deed is None or not deed["undo"]:
        raise Refused("there is nothing to take back")
    return perform(desk, shlex.split(deed["undo"]), who, undoes=deed)


def who_may(deed: RowMapping | None) -> Role:
    """Return who may take something back."""
    verb = deed["undo"].partition(" ")[0] if deed is not None else ""
    return Role.ADMIN if verb in _OF_ADMINS else Role.AGENT


def deed(desk: Desk, said: str | None) -> RowMapping | None:
    """Return what the page before did, if it says so."""
    number = row_number(said or "")
    if not number:
        return None
    with desk.store.read() as connection:
        return accounts.deed(connection, number)


def _merge(asked: Asked) -> Done:
    return merging.merge(
        asked.connection,
        asked.desk.config,
        asked.number(0),
        asked.number(1),
        asked.who,
        asked.now,
    )


def _split(asked: Asked) -> Done:
    words, options = _options(asked.words)
    if "part" in options:
        return merging.undo(
            asked.connection,
            asked.desk.config,
            _number(words[0]),
            _number(options["part"]),
            asked.who,
            asked.now,
        )
    if len(words) < 2:
        raise Refused("mark the tickets that do not belong to this problem")
    return correcting.split(
        asked.connection,
        asked.desk.config,
        _number(words[0]),
        [_ticket(word) for word in words[1:]],
        asked.who,
        asked.now,
        _number(options["into"]) if "into" in options else None,
    )


def _move(asked: Asked) -> Done:
    return correcting.move(
        asked.connection,
        asked.desk.config,
        _ticket(asked.words[0]),
        asked.number(1),
        asked.who,
        asked.now,
    )


def _rename(asked: Asked) -> Done:
    return steering.rename(
        asked.connection, asked.number(0), asked.words[1], asked.who, asked.now
    )


def _mute(asked: Asked) -> Done:
    words, options = _options(asked.words)
    until = options.get("until")
    return steering.mute(
        asked.connection,
        _number(words[0]),
        _moment(until) if until else None,
        asked.who,
        asked.now,
    )


def _unmute(asked: Asked) -> Done:
    return steering.unmute(
        asked.connection, asked.desk.config, asked.number(0), asked.who, asked.now
    )


def _wont_do(asked: Asked) -> Done:
    return steering.wont_do(
        asked.connection, asked.desk.config, asked.number(0), asked.who, asked.now
    )


def _reconsider(asked: Asked) -> Done:
    return steering.reconsider(
        asked.connection, asked.desk.config, asked.number(0), asked.who, asked.now
    )


def _file(asked: Asked) -> Done:
    return steering.file_now(
        asked.connection, asked.desk.config, asked.number(0), asked.who, asked.now
    )


def _link(asked: Asked) -> Done:
    assert asked.issue is not None
    return steering.link(
        asked.connection,
        asked.desk.config,
        asked.number(0),
        asked.issue,
        asked.who,
        asked.now,
    )


def _unlink(asked: Asked) -> Done:
    return steering.unlink(
        asked.connection, asked.desk.config, asked.number(0), asked.who, asked.now
    )


def _never(asked: Asked) -> Done:
    one, other = asked.number(0), asked.number(1)
    return correcting.keep_apart(asked.connection, one, other, asked.who, asked.now)


def _allow(asked: Asked) -> Done:
    one, other = asked.number(0), asked.number(1)
    return correcting.allow(asked.connection, one, other, asked.who, asked.now)


def _approve(asked: Asked) -> Done:
    return broadcasts.approve(
        asked.connection, asked.desk.config, asked.number(0), asked.who, asked.now
    )


def _cancel(asked: Asked) -> Done:
    return broadcasts.cancel(asked.connection, asked.number(0), asked.who, asked.now)


def _switch(asked: Asked) -> Done:
    book = asked.desk.rulebook.look(asked.now)
    rule, mode = asked.words
    return switching.switch(asked.connection, book, rule, mode, asked.who, asked.now)


def _promote(asked: Asked) -> Done:
    rule, *rest = asked.words
    tag = _options(rest)[1].get("tag")
    return switching.promote(asked.connection, rule, tag, asked.who, asked.now)


def _hold(asked: Asked) -> Done:
    rule, *rest = asked.words
    tag = _options(rest)[1].get("tag")
    # Somebody may have let it write again since, which is theirs to take back.
    return switching.hold(asked.connection, rule, tag, asked.undoes_of)


#: What only admins do, and take back.
_OF_ADMINS = ("broadcasts", "rules")

_ACTS: Mapping[str, Callable[[Asked], Done]] = {
    "groups merge": _merge,
    "groups split": _split,
    "groups move": _move,
    "groups rename": _rename,
    "groups mute": _mute,
    "groups unmute": _unmute,
    "groups wont-do": _wont_do,
    "groups reconsider": _reconsider,
    "groups file": _file,
    "groups link": _link,
    "groups unlink": _unlink,
    "groups never": _never,
    "groups allow": _allow,
    "broadcasts approve": _approve,
    "broadcasts cancel": _cancel,
    "rules switch": _switch,
    "rules promote": _promote,
    "rules hold": _hold,
}


def _options(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Take the options, each with one word after it, out of a command."""
    plain: list[str] = []
    options: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if word.startswith("--"):
            options[word[2:]] = next(rest, "")
        else:
            plain.append(word)
    return plain, options


def _number(word: str) -> int:
    number = row_number(word)
    if not number:
        raise Refused(f"{word or 'nothing'}: expected the number of a problem")
    return number


def _ticket(word: str) -> TicketRef:
    source, _, external_id = word.partition(":")
    if not source or not external_id:
        raise Refused(f"{word}: expected a ticket as SOURCE:ID")
    return TicketRef(source, external_id)


def _moment(word: str) -> datetime:
    try:
        at = datetime.fromisoformat(word)
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Refused(f"{word}: expected a date, such as 2026-12-01") from None


def _read_issue(desk: Desk, key: str) -> Issue:
    tracker = desk.adapters.get(desk.config.problems.tracker or "")
    if not isinstance(tracker, Tracker):
        raise Refused("problems.tracker is not set: there is no tracker")
    try:
        return tracker.fetch_issue(key)
    except VendorError as err:
        raise Refused(f"{key} could not be read: {err}") from err
