"""Answers to Zendesk's newer kind of survey, which tickets themselves do not show.

Survey responses: https://developer.zendesk.com/api-reference/ticketing/ticket-management/csat_survey_responses/
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from adapters.zendesk import payloads
from adapters.zendesk.account import Account
from adapters.zendesk.ratings import CHANNEL
from adapters.zendesk.values import Json, as_object, identity, moment, text
from connector.errors import (
    VendorRefused,
    VendorUnavailable,
    VendorUnreachable,
)
from connector.models import Author, Comment, Ticket, TicketStatus

PATH = "/guide/survey_responses"
PAGE_SIZE = 100

#: How an event is called that tells of an answer, as it stands in a delivery.
RECEIVED = b"csat_received"

#: Seconds for which an account without surveys is not asked for any.
LOOK_AGAIN = 3600.0


class Surveys:
    """Whether an account sends such surveys, which costs a call for each ticket."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._are_sent = False
        self._asked_at: float | None = None

    def expect(self) -> None:
        """Look again soon: somebody has answered one."""
        with self._lock:
            self._asked_at = None

    def are_sent(self, account: Account) -> bool:
        """Tell whether the account has any survey with an answer, or without."""
        with self._lock:
            asked = self._asked_at
            is_known = asked is not None and self._clock() - asked < LOOK_AGAIN
        if self._are_sent or is_known:
            return self._are_sent
        try:
            found = bool(_rows(account.read(PATH, {"page[size]": 1})))
        except (VendorUnavailable, VendorUnreachable):
            return False  # nothing was learned, and no ticket waits for it
        except VendorRefused:
            found = False  # not in this plan, or not for our user
        with self._lock:
            # Once there is one there always will be, so no answer goes and comes.
            self._are_sent, self._asked_at = found, self._clock()
        return found


class Answer(NamedTuple):
    """What a customer answered: ``score`` is good, neutral, bad or empty."""

    external_id: str
    author_id: str
    at: datetime | None
    score: str
    words: str
    reason: str


def with_answers(
    account: Account, surveys: Surveys, document: Json, ticket: Ticket
) -> Ticket:
    """Return a ticket with what was answered about it, if anything was."""
    # Surveys are sent about what was solved, and nothing becomes new again.
    if payloads.status(document) is TicketStatus.NEW or not surveys.are_sent(account):
        return ticket
    number = ticket.ref.external_id
    wish = {"filter[subject_zrns]": f"zen:ticket:{number}", "page[size]": PAGE_SIZE}
    try:
        given = answers(account.read(PATH, wish), number)
    except VendorRefused:
        return ticket
    known = {one.body for one in ticket.comments if one.channel == CHANNEL}
    said = [_comment(one, ticket) for one in given if one.words not in {"", *known}]
    return replace(
        ticket,
        comments=tuple(sorted((*ticket.comments, *said), key=lambda c: c.created_at)),
        fields={**ticket.fields, **_fields(given)},
    )


def answers(page: object, ticket_id: str) -> list[Answer]:
    """Return what was answered about a ticket, in the order it was.

    A filter may be passed over, and nobody's words belong to another's ticket.
    """
    about = [row for row in _rows(page) if _is_about(row, ticket_id)]
    found = [one for row in about if (one := _answer(row)) is not None]
    return sorted(found, key=lambda one: (one.at is not None, one.at))


def _rows(page: object) -> list[dict[str, Any]]:
    rows = as_object(page).get("survey_responses")
    return [as_object(row) for row in rows] if isinstance(rows, list) else []


def _is_about(row: Json, ticket_id: str) -> bool:
    """Tell it from either list of subjects; names begin with ``zen`` or ``zrn``."""
    named = [text(one) for one in _list(row, "subject_zrns")]
    for one in map(as_object, _list(row, "subjects")):
        named += [
            text(one.get("zrn")),
            f"{text(one.get('type'))}:{text(one.get('id'))}",
        ]
    wanted = ("ticket", ticket_id)
    return any(tuple(one.split(":")[-2:]) == wanted for one in named)


def _list(row: Json, key: str) -> list[Any]:
    value = row.get(key)
    return value if isinstance(value, list) else []


def _answer(row: Json) -> Answer | None:
    """Read one response; None if it was only offered, or all of it was skipped."""
    parts = [as_object(one) for one in _list(row, "answers")]
    parts = [one for one in parts if text(one.get("type")) != "skipped"]
    if not parts:
        return None
    open_ended = [one for one in parts if one.get("type") == "open_ended"]
    return Answer(
        external_id=f"{text(row.get('id'))}-survey",
        author_id=identity(row.get("responder_id")),
        at=_newest(open_ended or parts),
        score=next(filter(None, map(_score, parts)), ""),
        words="\n".join(filter(None, map(_words, open_ended))),
        reason=" ".join(label for one in parts for label in _chosen(one)),
    )


def _newest(parts: Iterable[Json]) -> datetime | None:
    stamps = [text(one.get("updated_at") or one.get("created_at")) for one in parts]
    return max((moment(stamp) for stamp in stamps if stamp), default=None)


def _score(part: Json) -> str:
    word = text(part.get("rating_category")).lower()
    is_rating = part.get("type") == "rating_scale"
    return word if is_rating and word in ("good", "neutral", "bad") else ""


def _words(part: Json) -> str:
    value = part.get("value")
    said = as_object(value).get("text") if isinstance(value, dict) else value
    return text(said).strip()


def _chosen(part: Json) -> list[str]:
    """Return the labels of what was chosen from a list of reasons."""
    if part.get("type") != "closed_ended":
        return []
    options = payloads.by_id(as_object(part.get("question")).get("options"))
    chosen = [as_object(one) for one in _list(part, "selections")]
    shown = [options.get(text(one.get("option_id")), one) for one in chosen]
    labels = [as_object(one.get("label")) for one in shown]
    return [word for one in labels if (word := text(one.get("value")))]


def _comment(answer: Answer, ticket: Ticket) -> Comment:
    return Comment(
        external_id=answer.external_id,
        author=Author.CUSTOMER,
        author_id=answer.author_id or ticket.customer.external_id,
        public=True,
        body=answer.words,
        is_html=False,
        created_at=answer.at or ticket.created_at,
        channel=CHANNEL,
        is_dated=answer.at is not None,
    )


def _fields(given: list[Answer]) -> dict[str, str]:
    """Return what rules can look at: the newest rating, in the words of older ones."""
    rated = [one for one in given if one.score]
    if not rated:
        return {}
    newest = rated[-1]
    said = {
        "satisfaction": newest.score,
        "satisfaction_reason": newest.reason,
        "satisfaction_comment": newest.words,
    }
    return {key: word for key, word in said.items() if word}
