"""What a customer wrote beside a rating: their words, as any others.

Ratings: https://developer.zendesk.com/api-reference/ticketing/ticket-management/satisfaction_ratings/
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from adapters.zendesk import payloads
from adapters.zendesk.account import Account
from adapters.zendesk.values import Json, as_object, identity, moment, text
from connector.models import Author, Comment, Ticket

CHANNEL = "rating"


def read_rating(account: Account, document: Json, ticket: Ticket) -> list[Comment]:
    """Return the words beside the rating of a ticket, if there are any.

    The ticket does not tell when they were written, and the rating itself is shown to
    administrators only. Without it they have no date but that of the ticket.
    """
    rating = as_object(document.get("satisfaction_rating"))
    if not payloads.is_rated(rating) or not text(rating.get("comment")):
        return []
    ident = identity(rating.get("id"))
    answer = account.read_optional(f"/satisfaction_ratings/{ident}") if ident else {}
    told = rated_at(answer)
    words = rating_comment(
        rating, ticket.customer.external_id, told or ticket.created_at
    )
    return [replace(words, is_dated=told is not None)]


def rated_at(answer: Json) -> datetime | None:
    """Return when a rating was given, where that is told."""
    shown = answer.get("satisfaction_rating")
    # Described as a list of one, and seen as the object itself.
    first = shown[0] if isinstance(shown, list) and shown else shown
    stamps = as_object(first)
    stamp = text(stamps.get("updated_at")) or text(stamps.get("created_at"))
    return moment(stamp) if stamp else None


def rating_comment(rating: Json, customer: str, written: datetime) -> Comment:
    return Comment(
        external_id=f"{identity(rating.get('id'))}-rating".lstrip("-"),
        author=Author.CUSTOMER,
        author_id=customer or None,
        public=True,
        body=text(rating.get("comment")),
        is_html=False,
        created_at=written,
        channel=CHANNEL,
    )
