"""When a ticket's customer was answered, and when it was solved and closed.

Helpdesks tell of each comment who wrote it and when; of the end of a ticket only that
it has ended. What we write ourselves is public too, and is nobody's answer.
"""

from __future__ import annotations

from datetime import datetime

from connector.case import Case
from connector.models import Author, Comment, Ticket, TicketStatus
from connector.store import outbox, tickets

SOLVED = (TicketStatus.RESOLVED, TicketStatus.CLOSED)


def date(case: Case) -> None:
    """Write down when the ticket was first and last answered, solved and closed.

    Once answered is answered. An end is dated by the reading that first shows it, and
    forgotten when the ticket is opened again.
    """
    ticket, stored, answered = case.ticket, case.stored, answers(case)
    seen = min(ticket.updated_at, case.now)
    solved = ticket.status in SOLVED
    closed = ticket.status is TicketStatus.CLOSED
    case.stored = stored._replace(
        first_answer_at=stored.first_answer_at or _first_answer(case, answered),
        answered_at=max(answered, default=None),
        solved_at=(stored.solved_at or seen) if solved else None,
        closed_at=(stored.closed_at or seen) if closed else None,
    )
    if case.stored != stored:
        tickets.date(case.connection, case.stored)


def messages(ticket: Ticket) -> list[Comment]:
    """Return what its customer was written, oldest first, ours too."""
    return [
        comment
        for comment in ticket.comments
        if comment.author is Author.AGENT and comment.public and not comment.draft
    ]


def answers(case: Case) -> list[datetime]:
    """Return when people answered the customer, oldest first."""
    return [comment.created_at for comment in answering(case)]


def answering(case: Case) -> list[Comment]:
    """Return what people, and not we, wrote to the customer, oldest first."""
    if case.answering is None:
        written = messages(case.ticket)
        ours = [] if case.is_new or not written else _marks(case)
        case.answering = [
            comment
            for comment in written
            if not any(mark in comment.body for mark in ours)
        ]
    return case.answering


def _marks(case: Case) -> list[str]:
    # A draft of ours is an answer of the person who sent it.
    return outbox.sent_marks(case.connection, case.ticket_id)


def _first_answer(case: Case, answered: list[datetime]) -> datetime | None:
    began = case.judged.began_at
    after = [at for at in answered if began is not None and at >= began]
    return min(after, default=None)
