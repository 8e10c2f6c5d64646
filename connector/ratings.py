"""How a customer rated what was done for them, in one scale for all helpdesks."""

from __future__ import annotations

from enum import StrEnum

from connector.models import Author, Ticket

#: Of comments that are words beside a rating.
CHANNEL = "rating"

#: The channel of the question how likely it is that somebody recommends us.
NPS = "nps"

#: Where a survey says how much of its scale was given, from 0 to 100.
SHARE = "rating_percent"


class Rating(StrEnum):
    GOOD = "good"
    NEUTRAL = "neutral"
    BAD = "bad"


_WORDS = {
    "great": Rating.GOOD,
    "good": Rating.GOOD,
    "okay": Rating.NEUTRAL,
    "neutral": Rating.NEUTRAL,
    "not_good": Rating.BAD,
    "bad": Rating.BAD,
    # stars
    "5": Rating.GOOD,
    "4": Rating.GOOD,
    "3": Rating.NEUTRAL,
    "2": Rating.BAD,
    "1": Rating.BAD,
}


def rating(ticket: Ticket) -> Rating | None:
    """Return how a ticket was rated last; None: it was not."""
    share = ticket.fields.get(SHARE, "")
    if share.isdecimal():
        return _of_share(int(share), ticket.channel == NPS)
    # Some trackers give a whole number as a fraction.
    return _WORDS.get(ticket.fields.get("satisfaction", "").removesuffix(".0"))


def is_explained(ticket: Ticket) -> bool:
    """Tell whether a rating has words beside it, which are judged like any others."""
    is_survey = SHARE in ticket.fields
    return any(
        comment.author is Author.CUSTOMER
        and (is_survey or comment.channel == CHANNEL)
        and comment.body.strip()
        for comment in ticket.comments
    )


def _of_share(percent: int, is_nps: bool) -> Rating:
    """Put a share of the scale into words; of NPS, 0 to 6 of 10 are detractors."""
    bad, good = (60, 90) if is_nps else (49, 51)
    if percent <= bad:
        return Rating.BAD
    return Rating.GOOD if percent >= good else Rating.NEUTRAL
