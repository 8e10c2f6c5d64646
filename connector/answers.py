"""What the answer to a row of the outbox makes true, written down with the row's end.

Of most calls nothing follows: that they were made is all there is to know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from adapters.base import IssueLinker, Party
from connector import (
    escalation,
    filing,
    incidents,
    ladder,
    recurrence,
    share,
    upkeep,
)
from connector.config import Config
from connector.models import Filled, IssueRef, Operation, Place, Topic
from connector.store import fields, groups, tickets
from connector.store.schema import AnyRow
from connector.store.tickets import TagState


class Answer(NamedTuple):
    """What an adapter answered to a row, and in which transaction that is recorded."""

    connection: Connection
    config: Config
    adapter: Party
    row: AnyRow
    result: dict[str, Any]
    now: datetime


def record(operation: Operation, answer: Answer) -> None:
    """Write down what the vendor's answer makes true."""
    if operation in _RECORDS:
        _RECORDS[operation](answer)


def _tags_changed(answer: Answer) -> None:
    connection, _, _, row, result, now = answer
    added, removed = result["added"], result["removed"]
    ours, theirs = (TagState.WANTED, TagState.WRITTEN), (TagState.ASKED, TagState.SEEN)
    tickets.set_tags(connection, row.ticket_id, added, *ours, now)
    tickets.set_tags(connection, row.ticket_id, added, *theirs, now)
    gone = TagState.DROPPED, TagState.VETOED
    tickets.set_tags(connection, row.ticket_id, removed, *gone, now)
    tickets.drop_tags(connection, row.ticket_id, removed, TagState.UNWANTED)
    # A reading from before this write must not look like a person's removal.
    tickets.touch(connection, row.ticket_id)


def _fields_changed(answer: Answer) -> None:
    connection, _, _, row, result, now = answer
    if "asked" not in result:
        return
    asked = {Topic(topic): words for topic, words in result["asked"].items()}
    found = {
        Topic(topic): Filled(Place(place, value), is_ours)
        for topic, (place, value, is_ours) in result["found"].items()
    }
    fields.settle(connection, row.ticket_id, asked, found, now)
    tickets.touch(connection, row.ticket_id)


def _issue_created(answer: Answer) -> None:
    connection, config, adapter, row, result, now = answer
    ref = IssueRef(adapter.name, result["id"], result["key"], result["url"])
    if row.group_id is None:
        share.filed(connection, row.payload, ref, now)
        return
    follows = row.payload.get("follows")
    escalation.issue_created(connection, config, row.group_id, ref, now, follows)
    ladder.filed(connection, row, ref.external_id)
    upkeep.invite(connection, config, groups.get(connection, row.group_id), now)
    # An earlier try of it may show up yet.
    if row.uncertain_since and isinstance(adapter, IssueLinker):
        filing.look_for_doubles(connection, config, row, ref, now)


def _issue_reopened(answer: Answer) -> None:
    connection, config, adapter, row, result, now = answer
    recurrence.reopen_done(
        connection,
        config,
        row.group_id,
        row.target,
        result["moved"],
        now,
        can_link=isinstance(adapter, IssueLinker),
    )


def _priority_raised(answer: Answer) -> None:
    ladder.raised(answer.connection, answer.row, answer.result)


def _issues_linked(answer: Answer) -> None:
    connection, config, _, row, result, now = answer
    if doubles := result.get("doubles"):
        filing.tell_of_doubles(connection, config, row, doubles, now)


def _problem_created(answer: Answer) -> None:
    connection, config, _, row, _, now = answer
    incidents.keep_up(connection, config, groups.get(connection, row.group_id), now)


_RECORDS: Mapping[Operation, Callable[[Answer], None]] = {
    Operation.CHANGE_TAGS: _tags_changed,
    Operation.CHANGE_FIELDS: _fields_changed,
    Operation.CREATE_ISSUE: _issue_created,
    Operation.REOPEN_ISSUE: _issue_reopened,
    Operation.RAISE_PRIORITY: _priority_raised,
    Operation.LINK_ISSUES: _issues_linked,
    Operation.CREATE_PROBLEM: _problem_created,
}
