"""Notes and messages on their way into a conversation, and finding them again.

The calls only; how texts and bodies look is decided in ``writing``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import requests

from adapters.helpscout import people, tickets, writing
from adapters.helpscout.account import ANSWERED, Account
from adapters.helpscout.shapes import Json, identifier
from connector.errors import (
    TicketGone,
    TicketLocked,
    TicketMerged,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import Message, Note, TicketRef, Written

LOCKED = (412, 423)  # too many threads, or too old
MARK_PAGES = 2


class Messages:
    """What we write into the conversations of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._name = account.name

    def add_note(self, external_id: str, note: Note) -> Written:
        conversation = self._account.living(external_id)
        body = {
            "text": writing.note_html(note.text, note.mark),
            "status": self._status(conversation),
        }
        try:
            response = self._account.call("POST", external_id, "/notes", json=body)
        except VendorRefused as err:
            if err.status in LOCKED:
                raise TicketLocked(str(err), status=err.status) from err
            raise
        return Written(_resource(response))

    def send(self, external_id: str, message: Message) -> Written:
        conversation = self._account.living(external_id)
        if people.recipient(conversation) is None:
            raise VendorRefused(
                f"{self._name}: conversation {external_id} has no customer to write to"
            )
        if message.scheduled_at is None or message.draft:
            return self._write(conversation, message, message.draft)
        return self._plan(conversation, message, message.scheduled_at)

    def unplan(self, external_id: str, thread: str) -> None:
        """Take back the time; the vendor keeps the message as a draft."""
        try:
            self._account.call("DELETE", external_id, f"/threads/{thread}/schedule")
        except TicketGone:
            raise
        except VendorRefused as err:
            # Not planned any more: sent, or taken back by an agent or an answer.
            if err.status not in (400, 404, 409):
                raise

    def find(self, external_id: str, mark: str) -> Written | None:
        conversation = self._account.conversation(external_id)
        return self._find(conversation, external_id, mark)

    # -- writing --

    def _write(self, conversation: Json, message: Message, draft: bool) -> Written:
        """Write into the conversation, or into a new one if it takes no more."""
        text = writing.message_html(message.text, message.mark)
        status = self._status(conversation)
        body = writing.reply(conversation, text, status, draft)
        ident = str(conversation["id"])
        try:
            return Written(
                _resource(self._account.call("POST", ident, "/reply", json=body))
            )
        except VendorRefused as err:
            if err.status not in LOCKED:
                raise
        return self._follow_up(writing.follow_up(conversation, text, status, draft))

    def _follow_up(self, body: Json) -> Written:
        response = self._account.client.call(
            "POST", "/v2/conversations", json=body, expect=ANSWERED
        )
        ident = _resource(response)
        return Written(ident, TicketRef(self._name, ident) if ident else None)

    def _status(self, conversation: Json) -> str:
        """Return the status to send along, which is the one it has.

        Without a status, writing anything makes a closed conversation active.
        """
        status = tickets.kept_status(conversation)
        if status is None:
            raise VendorUnavailable(
                f"{self._name} did not say which status conversation "
                f"{conversation['id']} has; nothing was written"
            )
        return status

    # -- scheduled messages --

    def _plan(self, conversation: Json, message: Message, when: datetime) -> Written:
        """Prepare a draft and let the vendor send it; return the draft's own id.

        Safe to repeat: these are two calls, so an earlier try may have left the draft
        behind. By its id it can be taken back, also in a conversation that was opened
        for it.
        """
        external_id = str(conversation["id"])
        written = self._find(conversation, external_id, message.mark)
        if written is None:
            written = self._write(conversation, message, draft=True)
            if written.ticket is None and written.external_id:
                self._schedule(external_id, written.external_id, when)
                return written
        place = written.ticket.external_id if written.ticket else external_id
        thread = self._thread(place, message.mark)
        if thread is None:
            raise VendorUnavailable(
                f"{self._name} does not show the draft in conversation {place} yet"
            )
        ident = identifier(thread.get("id")) or ""
        if writing.waits_to_be_planned(thread):
            self._schedule(place, ident, when)
        return Written(ident, written.ticket)

    def _schedule(self, external_id: str, thread: str, when: datetime) -> None:
        tail = f"/threads/{thread}/schedule"
        try:
            self._account.call("PUT", external_id, tail, json=writing.schedule(when))
        except VendorError as err:
            # Whether the time was set can be seen, and setting it twice does no harm;
            # looking for the mark would only find the draft.
            err.uncertain, err.repeatable = False, True
            raise

    def _thread(self, external_id: str, mark: str) -> dict[str, Any] | None:
        return writing.marked(self._account.threads(external_id, MARK_PAGES), mark)

    # -- finding --

    def _find(self, conversation: Json, external_id: str, mark: str) -> Written | None:
        thread = self._thread(external_id, mark)
        if thread is not None:
            return Written(identifier(thread.get("id")) or "")
        for ident in self._follow_ups(conversation):
            if self._has_mark(ident, mark):
                return Written(ident, TicketRef(self._name, ident))
        return None

    def _follow_ups(self, conversation: Json) -> Iterator[str]:
        query = writing.query_of_customer(conversation)
        if query is None:
            return
        params = {
            "query": query,
            "status": "all",  # the default is active ones only
            "sortField": "createdAt",
            "sortOrder": "desc",
        }
        page = self._account.client.read("/v2/conversations", params)
        yield from writing.follow_ups(conversation, page)

    def _has_mark(self, external_id: str, mark: str) -> bool:
        try:
            threads = self._account.threads(external_id, 1)
            return writing.marked(threads, mark) is not None
        except (TicketGone, TicketMerged):
            return False  # must not be taken for the fate of the ticket asked about


def _resource(response: requests.Response) -> str:
    return response.headers.get("Resource-ID", "")
