"""What a row of the outbox asks of an adapter, and how that is done once.

Each effect is asked about again at the moment of doing it, and looked for by its mark
where an earlier try may have worked. When a row is due, and what follows from an error,
are the outbox's part; what is true once it is done is in ``connector.answers``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from adapters.base import (
    Channel,
    FieldWriter,
    Gatherer,
    Hastener,
    Helpdesk,
    Inviter,
    IssueLinker,
    Party,
    Planner,
    Prioritizer,
    Router,
    Shower,
    Tracker,
)
from connector import (
    checkins,
    drafts,
)
from connector.config import Config
from connector.errors import (
    NotFound,
    NotYet,
    TakesNoWrites,
    TicketMerged,
    VendorRefused,
)
from connector.models import (
    HIGH,
    Filling,
    IssueRef,
    Message,
    Mode,
    Note,
    Operation,
    OutboxState,
    ProblemDraft,
    TicketLink,
    Topic,
    Written,
)
from connector.store import Store, fields, groups, outbox, ruled, tickets
from connector.store.fields import FieldState
from connector.store.schema import AnyRow
from connector.store.tickets import TagState
from connector.wanted import ON_TICKETS, Withdrawn, ensure_wanted

LOOKING = "waiting until the vendor would show it, had it been done"

#: What the outbox takes for a write that was not needed.
NOTHING: Mapping[str, list[str]] = {"added": [], "removed": []}


class Effects:
    """Carries out the effects that are meant for one adapter."""

    def __init__(
        self,
        store: Store,
        adapter: Party,
        config: Config,
        clock: Callable[[], datetime],
    ) -> None:
        self.store = store
        self.adapter = adapter
        self.config = config
        self.clock = clock

    def call(self, operation: Operation, row: AnyRow) -> dict[str, Any]:
        """Do it, unless it was done; return what to keep of the answer.

        Raises ``VendorError``, ``Withdrawn`` and ``LoopSuspected``.
        """
        if operation in ON_TICKETS:
            if not isinstance(self.adapter, Helpdesk):
                raise VendorRefused(f"{self.adapter.name} has no tickets")
            return _HELPDESK_CALLS[operation](self, self.adapter, row)
        if operation is Operation.NOTIFY:
            return self._notify(row)
        if not isinstance(self.adapter, Tracker):
            raise VendorRefused(f"{self.adapter.name} takes no issues")
        return _TRACKER_CALLS[operation](self, self.adapter, row)

    def _ensure_wanted(self, row: AnyRow) -> None:
        ensure_wanted(self.store, self.config, self.clock(), row)

    def _notify(self, row: AnyRow) -> dict[str, Any]:
        if not isinstance(self.adapter, Channel):
            raise VendorRefused(f"{self.adapter.name} is no channel")
        self._ensure_wanted(row)
        with self.store.read() as connection:
            notice = drafts.notice(connection, self.config, row)
        # Nobody can be asked whether a lost one arrived; its mark shows it is the same.
        self.adapter.notify(notice)
        return {}

    def _change_tags(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        with self.store.read() as connection:
            ledger = tickets.ledger(connection, row.ticket_id)
        # What a person vetoed, or a newer decision took back, is not written any more.
        add = _in_state(ledger, row.payload["add"], *tickets.TO_ADD)
        remove = _in_state(ledger, row.payload["remove"], *tickets.TO_REMOVE)
        if add or remove:
            adapter.change_tags(row.target, add, remove)
        return {"added": sorted(add), "removed": sorted(remove)}

    def _change_fields(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        if not isinstance(adapter, FieldWriter):
            raise TakesNoWrites(f"{self.adapter.name} fills in no fields")
        with self.store.read() as connection:
            ledger = fields.ledger(connection, row.ticket_id)
        wanted = _still_wanted(row, ledger)
        if not wanted:
            return dict(NOTHING)
        try:
            filled = adapter.change_fields(row.target, wanted)
        except TicketMerged as err:
            # The ticket it became part of has fields of its own, and is decided itself.
            raise Withdrawn(OutboxState.DISCARDED, str(err)) from err
        asked = {str(topic): list(filling.words) for topic, filling in wanted.items()}
        found = {
            # What a person wrote there is theirs, and kept nowhere.
            str(topic): [place.external_id, place.value if is_ours else "", is_ours]
            for topic, (place, is_ours) in filled.items()
        }
        return {"asked": asked, "found": found}

    def _add_note(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        found = self._look(row, adapter.find_mark)
        if found is None:
            self._ensure_wanted(row)
            found = adapter.add_note(
                row.target, Note(text=row.payload["text"], mark=row.mark)
            )
        return _written(found)

    def _send_message(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        planned = checkins.planned_time(row.payload, self.clock())
        found = self._look(row, adapter.find_mark)
        # What is found of a planned message is its draft, perhaps without its time.
        if found is None or planned:
            self._ensure_wanted(row)
            suggested = self.config.autonomy.messages is Mode.SUGGEST
            message = Message(
                text=row.payload["text"],
                mark=row.mark,
                draft=row.payload["draft"] or suggested,
                language=row.payload["language"],
                scheduled_at=planned,
            )
            try:
                found = adapter.send_message(row.target, message)
            except TicketMerged as err:
                if "checkin" not in row.payload:
                    raise
                raise Withdrawn(OutboxState.DISCARDED, checkins.MERGED) from err
        return _written(found)

    def _unplan_message(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        if not isinstance(adapter, Planner):
            raise TakesNoWrites(f"{self.adapter.name} plans no messages")
        adapter.unplan_message(row.target, row.payload["message"])
        return {}

    def _create_issue(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        ref = adapter.find_issue(row.payload["project"], row.mark)
        if ref is None:
            ref = self._find_lost(adapter, row)
        if ref is None:
            self._ensure_looked(row, self.config.problems.search_lag)
            self._ensure_wanted(row)
            with self.store.write() as connection:
                draft = drafts.issue(connection, self.config, row)
            ref = adapter.create_issue(draft)
        return {"id": ref.external_id, "key": ref.key, "url": ref.url}

    def _find_lost(self, adapter: Tracker, row: AnyRow) -> IssueRef | None:
        """Find the issue of a creation whose answer was lost, and that was given up."""
        with self.store.read() as connection:
            before = outbox.lost(connection, row)
        found = (adapter.find_issue(one.payload["project"], one.mark) for one in before)
        return next((ref for ref in found if ref is not None), None)

    def _look(
        self, row: AnyRow, find: Callable[[str, str], Written | None]
    ) -> Written | None:
        """Find what an earlier try of this row may have written."""
        if row.uncertain_since is None:
            return None
        found = find(row.target, row.mark)
        if found is None:
            self._ensure_looked(row, self.config.work.lost_answer)
        return found

    def _ensure_looked(self, row: AnyRow, lag: timedelta) -> None:
        """Raise ``NotYet`` while an earlier try may yet show up.

        Look often at first, then less; the last look is when it would be there.
        """
        if row.uncertain_since is None:
            return
        now, until = self.clock(), row.uncertain_since + lag
        if now < until:
            waited: timedelta = now - row.uncertain_since
            until = min(until, now + max(waited, self.config.work.backoff))
            raise NotYet(LOOKING, until)

    def _update_issue(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        with self.store.read() as connection:
            change = drafts.change(connection, row)
            is_done = drafts.is_done(connection, row)
        try:
            left_out = adapter.update_issue(row.target, change)
        except VendorRefused as err:
            # Many workflows take no edits of what is closed. It says that it is done.
            if not is_done or err.status != 400:
                raise
            return {"left_out": [str(err)]}
        return {"left_out": sorted(left_out)} if left_out else {}

    def _comment_issue(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        found = self._look(row, adapter.find_comment)
        if found is None:
            self._ensure_wanted(row)
            body = drafts.blocks(row.payload["body"])
            found = adapter.comment_issue(row.target, body, row.mark)
        return _written(found)

    def _reopen_issue(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        return {"moved": adapter.reopen_issue(row.target)}

    def _raise_priority(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        if not isinstance(adapter, Prioritizer):
            raise TakesNoWrites(f"{self.adapter.name} raises no priorities")
        with self.store.read() as connection:
            left = groups.get(connection, row.group_id).priority
        raised = adapter.raise_priority(row.target, row.payload["priority"], left)
        return {"raised": raised}

    def _add_watcher(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        if not isinstance(adapter, Inviter):
            raise TakesNoWrites(f"{self.adapter.name} has no watchers")
        adapter.add_watcher(row.target, row.payload["who"])
        return {}

    def _link_ticket(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        adapter.link_ticket(row.target, TicketLink(**row.payload))
        return {}

    def _link_issues(self, adapter: Tracker, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        if not isinstance(adapter, IssueLinker):
            raise TakesNoWrites(f"{self.adapter.name} links no issues")
        if "mark" in row.payload:
            return {"doubles": self._link_doubles(adapter, row)}
        if "is_duplicate" in row.payload:
            with suppress(NotFound):  # no such links there: the usual one has to do
                adapter.link_duplicate(row.target, row.payload["other"])
                return {}
        adapter.link_issues(row.target, row.payload["other"])
        return {}

    def _link_doubles(self, adapter: IssueLinker, row: AnyRow) -> list[list[str]]:
        """Link whatever else carries the mark of an issue; return what that is.

        The search is given its time first.
        """
        shown = row.created_at + self.config.problems.search_lag
        if self.clock() < shown:
            raise NotYet(LOOKING, shown)
        found = adapter.find_issues(row.payload["project"], row.payload["mark"])
        doubles = [ref for ref in found if ref.external_id != row.target]
        for ref in doubles:
            # Where there are no such links, what we say about it has to do.
            with suppress(NotFound):
                adapter.link_duplicate(ref.external_id, row.target)
        return [[ref.key, ref.url] for ref in doubles]

    def _show_issue(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        self._ensure_wanted(row)
        if not isinstance(adapter, Shower):
            raise TakesNoWrites(f"{self.adapter.name} shows no issues")
        adapter.show_issue(row.target, IssueRef(**row.payload))
        return {}

    def _hasten(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        if row.uncertain_since is not None:
            # It may have been done, and a person may have decided otherwise since.
            return {}
        self._ensure_wanted(row)
        if not isinstance(adapter, Hastener):
            raise TakesNoWrites(f"{self.adapter.name} has no priorities")
        with self.store.read() as connection:
            left = ruled.raised(connection, row.ticket_id)
        priority = row.payload.get("priority", HIGH)
        return {"raised": adapter.hasten(row.target, priority, left)}

    def _route(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        if row.uncertain_since is not None:
            # It may have been done, and a person may have decided otherwise since.
            return {}
        self._ensure_wanted(row)
        if not isinstance(adapter, Router):
            raise TakesNoWrites(f"{self.adapter.name} has no groups or inboxes")
        with self.store.read() as connection:
            left = ruled.put_into(connection, row.ticket_id)
        return {"place": adapter.route(row.target, row.payload["place"], left)}

    def _create_problem(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        gatherer = self._gatherer(adapter)
        found = gatherer.find_problem(row.mark)
        if found is None:
            self._ensure_looked(row, self.config.work.lost_answer)
            self._ensure_wanted(row)
            subject, text = row.payload["subject"], row.payload["text"]
            found = gatherer.create_problem(
                ProblemDraft(subject=subject, text=text, mark=row.mark)
            )
        return {"id": found}

    def _add_incident(self, adapter: Helpdesk, row: AnyRow) -> dict[str, Any]:
        gatherer = self._gatherer(adapter)
        if self._look(row, gatherer.find_incident) is not None:
            return {"is_added": True}
        self._ensure_wanted(row)
        problem = row.payload["problem"]
        return {"is_added": gatherer.add_incident(row.target, problem, row.mark)}

    def _gatherer(self, adapter: Helpdesk) -> Gatherer:
        if not isinstance(adapter, Gatherer):
            raise TakesNoWrites(f"{self.adapter.name} gathers no tickets")
        return adapter


_HELPDESK_CALLS: Mapping[
    Operation, Callable[[Effects, Helpdesk, AnyRow], dict[str, Any]]
] = {
    Operation.CHANGE_TAGS: Effects._change_tags,
    Operation.CHANGE_FIELDS: Effects._change_fields,
    Operation.ADD_NOTE: Effects._add_note,
    Operation.SEND_MESSAGE: Effects._send_message,
    Operation.UNPLAN_MESSAGE: Effects._unplan_message,
    Operation.SHOW_ISSUE: Effects._show_issue,
    Operation.CREATE_PROBLEM: Effects._create_problem,
    Operation.ADD_INCIDENT: Effects._add_incident,
    Operation.HASTEN: Effects._hasten,
    Operation.ROUTE: Effects._route,
}
_TRACKER_CALLS: Mapping[
    Operation, Callable[[Effects, Tracker, AnyRow], dict[str, Any]]
] = {
    Operation.CREATE_ISSUE: Effects._create_issue,
    Operation.UPDATE_ISSUE: Effects._update_issue,
    Operation.COMMENT_ISSUE: Effects._comment_issue,
    Operation.REOPEN_ISSUE: Effects._reopen_issue,
    Operation.RAISE_PRIORITY: Effects._raise_priority,
    Operation.ADD_WATCHER: Effects._add_watcher,
    Operation.LINK_TICKET: Effects._link_ticket,
    Operation.LINK_ISSUES: Effects._link_issues,
}


def _written(written: Written) -> dict[str, Any]:
    return {
        "id": written.external_id,
        "ticket": written.ticket.external_id if written.ticket else None,
    }


def _in_state(
    ledger: Mapping[str, AnyRow], tags: list[str], *states: TagState
) -> frozenset[str]:
    return frozenset(
        tag for tag in tags if tag in ledger and ledger[tag].state in states
    )


def _still_wanted(row: AnyRow, ledger: Mapping[Topic, AnyRow]) -> dict[Topic, Filling]:
    """Return what of a row no person and no newer decision has taken back.

    A try whose answer was lost is ended first even if it is out of date: what the newer
    one finds has to be known as ours.
    """
    wanted = {}
    for name, words in row.payload["fields"].items():
        line = ledger.get(Topic(name))
        if line is None or line.state != FieldState.WANTED:
            continue
        if line.wanted == words or row.uncertain_since is not None:
            wanted[Topic(name)] = Filling(tuple(words), fields.known(line))
    return wanted
