"""Writing words: notes, replies, suggestions, and follow-ups of closed tickets."""

from __future__ import annotations

from typing import Any

from adapters.zendesk import payloads
from adapters.zendesk.account import Account, path
from adapters.zendesk.values import as_object, identity
from connector.errors import TicketLocked
from connector.models import Message, Note, TicketRef, Written


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
    try:
        return _comment(account, external_id, message.text, message.mark, public=True)
    except TicketLocked:
        return _follow_up(account, external_id, message)


def _comment(
    account: Account, external_id: str, words: str, mark: str, *, public: bool
) -> Written:
    update = payloads.comment_update(words, mark, public=public)
    answer = account.about_ticket("PUT", path(external_id), json={"ticket": update})
    return Written(_written_id(account, answer))


def _follow_up(account: Account, external_id: str, message: Message) -> Written:
    source = account.show(external_id)
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
