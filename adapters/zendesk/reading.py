"""Reading a ticket with everybody in it, and finding our own marks again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from adapters.zendesk import payloads
from adapters.zendesk.account import Account, path
from adapters.zendesk.values import Json, as_object, identity, text
from connector.errors import TicketGone
from connector.models import Ticket, TicketRef, Written

PAGE_SIZE = 100
COMMENT_PAGES = 5  #: of a longer ticket: these oldest ones, and the newest page
FOLLOW_UPS = 5  #: newest follow-ups that are searched for a mark


def fetch_ticket(account: Account, external_id: str) -> Ticket:
    """Read a ticket, its comments, its requester and their organisation."""
    answer = account.about_ticket(
        "GET", path(external_id), params={"include": "users,organizations"}
    )
    try:
        comments, people = _comments(account, external_id)
        document = answer["ticket"]
        users = {**payloads.by_id(answer.get("users")), **people}
        _complete_requester(account, document, users)
        requester = users.get(str(document.get("requester_id")), {})
        organization = _organization(account, answer, document, requester)
        return payloads.ticket(
            account.name,
            account.config.base_url,
            document,
            comments,
            users,
            organization,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise account.nonsense("a ticket") from err


def find_mark(account: Account, external_id: str, mark: str) -> Written | None:
    """Find what we wrote under ``mark``, in the ticket or in one that follows it up."""
    newest_first = _comment_pages(
        account, external_id, COMMENT_PAGES, sort="-created_at"
    )
    if found := _marked(newest_first, mark):
        return Written(found)
    follow_ups = account.show(external_id).get("followup_ids") or []
    for follow_up in map(text, follow_ups[-FOLLOW_UPS:]):
        if found := _opening(account, follow_up, mark):
            return Written(found, TicketRef(account.name, follow_up))
    return None


def _comment_pages(
    account: Account, external_id: str, limit: int, **params: Any
) -> Iterator[dict[str, Any]]:
    wish = {"page[size]": PAGE_SIZE, **params}
    for _ in range(limit):
        page = account.about_ticket("GET", path(external_id, "/comments"), params=wish)
        yield page
        cursor = payloads.next_page(page)
        if not cursor:
            return
        wish["page[after]"] = cursor


def _comments(account: Account, external_id: str) -> tuple[list[Json], dict[str, Json]]:
    """Read comments oldest first; of a very long ticket both ends only."""
    comments: dict[str, Json] = {}
    users: dict[str, Json] = {}
    pages = list(_comment_pages(account, external_id, COMMENT_PAGES, include="users"))
    if payloads.next_page(pages[-1]):
        newest = {"include": "users", "sort": "-created_at"}
        for page in _comment_pages(account, external_id, 1, **newest):
            pages.append({**page, "comments": (page.get("comments") or [])[::-1]})
    for page in pages:
        comments.update(payloads.by_id(page.get("comments")))
        users.update(payloads.by_id(page.get("users")))
    return list(comments.values()), users


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
        return _marked(_comment_pages(account, follow_up, 1), mark)
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
