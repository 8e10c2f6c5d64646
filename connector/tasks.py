"""What of a ticket is a task for a person, and when it is none any more."""

from __future__ import annotations

from connector.case import Case
from connector.models import Ticket
from connector.ratings import NPS, Rating, is_explained, rating
from connector.store import tasks as rows
from connector.store.tasks import TaskKind

REASON = "rated bad without a word: ask what went wrong"


def look(case: Case) -> None:
    """Ask a person to look after a bad rating that nobody gave a reason for.

    Words beside it are judged like any others. That somebody would not recommend us is
    said in the weekly list instead: such answers come by the hundred.
    """
    if rating(case.ticket) is None:
        return
    key = f"{TaskKind.BAD_RATING}:{case.ticket_id}"
    if not _is_bad_without_words(case.ticket):
        rows.settle(case.connection, key, case.now)
        return
    rows.ask(
        case.connection,
        key,
        TaskKind.BAD_RATING,
        REASON,
        case.now,
        customer_id=case.customer_id,
        ticket_id=case.ticket_id,
    )


def _is_bad_without_words(ticket: Ticket) -> bool:
    is_bad = ticket.channel != NPS and rating(ticket) is Rating.BAD
    return is_bad and not is_explained(ticket)
