"""Writing words: notes, replies, suggestions, and follow-ups of closed tickets."""

from __future__ import annotations

from typing import Any

from adapters.zendesk import payloads
from adapters.zendesk.account import Account, path
from adapters.zendesk.conversations import is_messaging
from adapters.zendesk.merging import merged_into
from adapters.zendesk.values import Json, as_object, identity
from connector.errors import TicketLocked, TicketMerged, VendorRefused
from connector.models import Message, Note, TicketRef, TicketStatus, Written

#: The next comment is refused; other changes still pass.
MOST_COMMENTS = 5000


class TicketFull(TicketLocked):
    """The ticket takes no more comments, and is not closed: nothing follows it up."""


def add_note(account: Account, external_id: str, note: Note) -> Written:
    """Write an internal note and nothing else."""
    return _comment(account, external_id, note.text, note.mark, public=False)


def send_message(account: Account, external_id: str, message: Message) -> Written:
    """Write to the customer, in a follow-up where the ticket is closed for good."""
    if message.draft:
        # Zendesk has no drafts. A closed ticket has no place for one either: a
        # follow-up could set off the account's own mail to the customer.
        proposal = f"{payloads.DRAFT_HEADING}\n\n{message.text}"
        return _comment(account, external_id, proposal, message.mark, public=False)
    ticket = account.show(external_id)
    if payloads.status(ticket) is TicketStatus.CLOSED:
        return _follow_up(account, ticket, message)
    if is_messaging(ticket) and not account.config.messaging_replies:
        # Nobody can tell whether a public comment would be seen there.
        raise VendorRefused(
            f"{account.name}: ticket {external_id} is a messaging conversation, which "
            "a person has to answer"
        )
    try:
        return _comment(account, external_id, message.text, message.mark, public=True)
    except TicketFull:
        raise
    except TicketLocked:  # closed just now
        return _follow_up(account, account.show(external_id), message)


def _comment(
    account: Account, external_id: str, words: str, mark: str, *, public: bool
) -> Written:
    update = payloads.comment_update(words, mark, public=public)
    try:
        answer = account.update("PUT", external_id, json={"ticket": update})
    except VendorRefused as err:
        if err.status == 422 and not isinstance(err, TicketLocked):
            _ensure_room(account, external_id, err)
        raise
    return Written(_written_id(account, answer))


def _ensure_room(account: Account, external_id: str, err: VendorRefused) -> None:
    """Raise ``TicketFull`` if it was refused because no comment fits any more."""
    answer = account.read_optional(path(external_id, "/comments/count"))
    count = as_object(answer.get("count")).get("value")
    if isinstance(count, int) and count >= MOST_COMMENTS:
        raise TicketFull(f"{err}; it has {count} comments", status=422) from err


def _follow_up(account: Account, source: Json, message: Message) -> Written:
    if into := merged_into(account, source):
        raise TicketMerged(f"the ticket was merged into {into}", into=into)
    try:
        wish = payloads.follow_up(source, message.text, message.mark)
    except KeyError as err:
        raise account.nonsense("a ticket") from err
    answer = account.about_ticket(
        "POST",
        "/tickets",
        json={"ticket": wish},
        headers={"Idempotency-Key": message.mark[:255]},
    )
    opened = identity(as_object(answer.get("ticket")).get("id"))
    if not opened:
        raise account.nonsense("the follow-up it opened")
    return Written(_written_id(account, answer), TicketRef(account.name, opened))


def _written_id(account: Account, answer: dict[str, Any]) -> str:
    """Return the new comment's id; without one the answer counts as lost."""
    try:
        if written := payloads.written_id(answer):
            return written
    except (KeyError, TypeError, AttributeError):
        pass
    raise account.nonsense("what it wrote")
