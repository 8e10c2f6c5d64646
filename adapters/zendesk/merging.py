"""Merged tickets: Zendesk closes one and names the other only in passing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.zendesk import payloads
from adapters.zendesk.account import Account
from adapters.zendesk.comments import COMMENT_PAGES, comment_pages, read_comments
from adapters.zendesk.values import Json, as_object, text
from connector.errors import TicketGone
from connector.models import TicketStatus

MERGED_TAG = "closed_by_merge"
NAMED = 3  #: as many numbers of the closing comment are looked at


def merged_into(
    account: Account, document: Json, comments: Sequence[Json] | None = None
) -> str:
    """Return the ticket that a closed one lives on as, or nothing.

    Zendesk's documents do not say so. The event does; else a tag and a comment, whose
    number counts only if that ticket names this one, too.
    """
    number = text(document.get("id"))
    if payloads.status(document) is not TicketStatus.CLOSED:
        return ""
    if told := account.merges.get(number):
        return told
    if MERGED_TAG not in payloads.tags(document):
        return ""
    if comments is None:
        comments, _ = read_comments(account, number)
    named = merge_targets(document, comments)
    return next((one for one in named if _is_named(account, number, one)), "")


def _is_named(account: Account, number: str, target: str) -> bool:
    pages = comment_pages(account, target, COMMENT_PAGES, sort="-created_at")
    try:
        return any(
            mentions(comment, number)
            for page in pages
            for comment in payloads.by_id(page.get("comments")).values()
        )
    except TicketGone:
        return False


def merge_targets(document: Json, comments: Sequence[Json]) -> list[str]:
    """Return the tickets that a merged one names, one of which it went into.

    The tag alone proves nothing: a follow-up takes it over from its source.
    """
    via = as_object(as_object(document.get("via")).get("source"))
    if MERGED_TAG not in payloads.tags(document) or via.get("rel") == "follow_up":
        return []
    own, requester = text(document.get("id")), text(document.get("requester_id"))
    for each in reversed(comments):
        if text(each.get("author_id")) != requester:
            named = re.findall(r"#(\d{1,20})\b", text(each.get("body")))
            return [one for one in dict.fromkeys(named) if one != own][-NAMED:]
    return []


def mentions(document: Json, external_id: str) -> bool:
    """Tell whether a comment names a ticket by its number."""
    return f"#{external_id}" in re.findall(r"#\d+", text(document.get("body")))
