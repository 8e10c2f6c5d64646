"""Paging through the comments of a ticket. What they mean is in ``payloads``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.zendesk import payloads
from adapters.zendesk.account import Account, path
from adapters.zendesk.values import Json

PAGE_SIZE = 100
COMMENT_PAGES = 5  #: of a longer ticket: these oldest ones, and the newest page


def comment_pages(
    account: Account, external_id: str, limit: int, **params: Any
) -> Iterator[dict[str, Any]]:
    """Read up to ``limit`` pages of a ticket's comments."""
    wish = {"page[size]": PAGE_SIZE, **params}
    for _ in range(limit):
        page = account.about_ticket("GET", path(external_id, "/comments"), params=wish)
        yield page
        cursor = payloads.next_page(page)
        if not cursor:
            return
        wish["page[after]"] = cursor


def read_comments(
    account: Account, external_id: str
) -> tuple[list[Json], dict[str, Json]]:
    """Read comments oldest first; of a very long ticket both ends only."""
    comments: dict[str, Json] = {}
    users: dict[str, Json] = {}
    pages = list(comment_pages(account, external_id, COMMENT_PAGES, include="users"))
    if payloads.next_page(pages[-1]):
        newest = {"include": "users", "sort": "-created_at"}
        for page in comment_pages(account, external_id, 1, **newest):
            pages.append({**page, "comments": (page.get("comments") or [])[::-1]})
    for page in pages:
        comments.update(payloads.by_id(page.get("comments")))
        users.update(payloads.by_id(page.get("users")))
    return list(comments.values()), users
