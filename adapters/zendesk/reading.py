"""Reading a ticket with everybody in it, and finding our own marks again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from adapters.zendesk import payloads
from adapters.zendesk.account import Account, path
from adapters.zendesk.comments import COMMENT_PAGES, comment_pages, read_comments
from adapters.zendesk.conversations import read_conversation
from adapters.zendesk.merging import merged_into
from adapters.zendesk.ratings import read_rating
from adapters.zendesk.surveys import Surveys, with_answers
from adapters.zendesk.values import Json, as_object, identity, text
from connector.errors import TicketGone, TicketMerged, TicketOutside
from connector.models import Comment, Ticket, TicketRef, Written

FOLLOW_UPS = 5  #: newest follow-ups that are searched for a mark


def fetch_ticket(account: Account, surveys: Surveys, external_id: str) -> Ticket:
    """Read a ticket, its comments, its requester and their organisation."""
    answer = account.about_ticket(
        "GET", path(external_id), params={"include": "users,organizations"}
    )
    if payloads.stands_for_problem(as_object(answer.get("ticket"))):
        raise TicketOutside(f"{account.name}: the connector made it for a problem")
    try:
        comments, people = read_comments(account, external_id)
        document = answer["ticket"]
        if into := merged_into(account, document, comments):
            raise TicketMerged(
                f"ticket {external_id} was merged into {into}", into=into
            )
        users = {**payloads.by_id(answer.get("users")), **people}
        _complete_requester(account, document, users)
        requester = users.get(str(document.get("requester_id")), {})
        organization = _organization(account, answer, document, requester)
        ticket = payloads.ticket(
            account.name,
            account.config.base_url,
            document,
            comments,
            users,
            organization,
        )
        said = read_conversation(account, document)
        said += read_rating(account, document, ticket)
        ticket = replace(ticket, comments=_in_order(ticket.comments, said))
        return with_answers(account, surveys, document, ticket)
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise account.nonsense("a ticket") from err


def _in_order(
    comments: tuple[Comment, ...], said: list[Comment]
) -> tuple[Comment, ...]:
    return tuple(sorted((*comments, *said), key=lambda one: one.created_at))


def find_mark(account: Account, external_id: str, mark: str) -> Written | None:
    """Find what we wrote under ``mark``, in the ticket or in one that follows it up."""
    newest_first = comment_pages(
        account, external_id, COMMENT_PAGES, sort="-created_at"
    )
    if found := _marked(newest_first, mark):
        return Written(found)
    follow_ups = account.show(external_id).get("followup_ids") or []
    for follow_up in map(text, follow_ups[-FOLLOW_UPS:]):
        if found := _opening(account, follow_up, mark):
            return Written(found, TicketRef(account.name, follow_up))
    return None


def _complete_requester(
    account: Account, document: dict[str, Any], users: dict[str, Json]
) -> None:
    requester = identity(document.get("requester_id"))
    if requester and not payloads.is_complete(users.get(requester, {})):
        answer = account.read_optional(f"/users/{requester}")
        users[requester] = {
            **users.get(requester, {}),
            **as_object(answer.get("user")),
        }


def _organization(
    account: Account, answer: Json, document: dict[str, Any], requester: Json
) -> Json:
    wanted = identity(document.get("organization_id"))
    wanted = wanted or identity(requester.get("organization_id"))
    known = payloads.by_id(answer.get("organizations"))
    if not wanted or wanted in known:
        return known.get(wanted, {})
    read = account.read_optional(f"/organizations/{wanted}")
    return as_object(read.get("organization"))


def _opening(account: Account, follow_up: str, mark: str) -> str:
    """Search the start of a follow-up: what opened it is its first comment."""
    try:
        return _marked(comment_pages(account, follow_up, 1), mark)
    except TicketGone:
        return ""


def _marked(pages: Iterable[Json], mark: str) -> str:
    """Return the id of the comment with this mark, the earliest one on its page."""
    for page in pages:
        comments = payloads.by_id(page.get("comments"))
        for comment_id, comment in sorted(comments.items(), key=_age):
            if payloads.has_mark(comment, mark):
                return comment_id
    return ""


def _age(item: tuple[str, Json]) -> str:
    return text(item[1].get("created_at"))
