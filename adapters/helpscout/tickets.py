"""A conversation and its threads in our words: status, authors, ratings, fields. Pure.

Who the customer is stands in ``people``; what is written back in ``tags`` and
``writing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from adapters.helpscout import custom_fields, filling
from adapters.helpscout.shapes import (
    Json,
    as_object,
    embedded,
    full_name,
    identifier,
    moment,
    text_of,
)
from adapters.helpscout.tags import tags_of
from adapters.words import plain
from connector.models import (
    Author,
    Comment,
    Customer,
    Ticket,
    TicketRef,
    TicketStatus,
)

#: What may be sent as a status; others are documented too, but not for this.
KEPT_STATUS = {
    "active": "active",
    "open": "active",
    "pending": "pending",
    "closed": "closed",
    "spam": "spam",
}

STATUS = {  # Help Scout -> ours
    "active": TicketStatus.OPEN,
    "open": TicketStatus.OPEN,  # an older word for active
    "pending": TicketStatus.PENDING,
    "closed": TicketStatus.RESOLVED,  # any reply of the customer opens it again
    "spam": TicketStatus.SPAM,
}

#: Who speaks in a thread of this type, where its ``createdBy`` does not decide.
THREAD_AUTHOR = {
    "customer": Author.CUSTOMER,
    "message": Author.AGENT,  # written as ``reply``, read as ``message``
    "note": Author.AGENT,
    "phone": Author.CUSTOMER,  # typed in by an agent, but the caller's words
    "forwardparent": Author.AGENT,
}

PERSON_AUTHOR = {
    "customer": Author.CUSTOMER,
    "user": Author.AGENT,
    "team": Author.AGENT,
    "system_user": Author.ROBOT,  # the vendor's own answering machine
}

#: Threads that come from here are written by machines, whoever they are filed under.
ROBOT_SOURCES = frozenset({"jira", "workflows"})

SKIPPED_THREADS = frozenset({"lineitem"})  # changes of state, without words
INTERNAL_THREADS = frozenset({"note", "forwardparent"})

SHARED_THREADS = frozenset(
    {"customer", "message", "phone", "chat", "beaconchat", "forwardchild"}
)

RATING = {"great": "great", "okay": "okay", "not_good": "not_good", "bad": "not_good"}


def ticket(
    source: str,
    conversation: Json,
    threads: Iterable[Json],
    customer: Customer,
    web_base: str,
    definitions: object = None,
    kept: filling.Kept = MappingProxyType({}),
) -> Ticket:
    """Put a conversation and all its threads into our words.

    ``definitions`` are those of the custom fields, where they are needed; ``kept`` are
    the fields that we fill in.
    """
    listed = list(threads)
    comments = sorted(_comments(listed), key=lambda one: one.created_at)
    created = moment(conversation.get("createdAt")) or datetime.fromtimestamp(0, UTC)
    origin = as_object(conversation.get("source")).get("type")
    return Ticket(
        ref=TicketRef(source, str(conversation["id"])),
        number=text_of(conversation.get("number")),
        subject=text_of(conversation.get("subject")),
        status=status_of(conversation),
        customer=customer,
        comments=tuple(comments),
        tags=frozenset(tags_of(conversation) or ()),
        created_at=created,
        updated_at=max([created, *_changes(conversation, comments)]),
        url=ticket_url(conversation, web_base),
        channel=text_of(origin) or text_of(conversation.get("type")),
        fields={
            **_named(custom_fields.values(conversation, definitions)),
            **_named(_fields(conversation, listed)),
        },
        places=filling.places(conversation, definitions, kept),
    )


def ticket_url(conversation: Json, web_base: str) -> str:
    """Return the address that opens a conversation for an agent."""
    href = as_object(as_object(conversation.get("_links")).get("web")).get("href")
    if isinstance(href, str) and href.startswith(("https://", "http://")):
        return plain(href)
    number, ident = conversation.get("number"), conversation.get("id")
    tail = f"{number}/" if number else ""
    return f"{web_base.rstrip('/')}/conversation/{ident}/{tail}"


def status_of(conversation: Json) -> TicketStatus:
    if conversation.get("state") == "deleted":
        return TicketStatus.DELETED
    return STATUS.get(text_of(conversation.get("status")), TicketStatus.UNKNOWN)


def kept_status(conversation: Json) -> str | None:
    """Return the status to send along so that it stays; None if it is not known."""
    return KEPT_STATUS.get(text_of(conversation.get("status")))


def has_all_threads(conversation: Json) -> bool:
    """Tell whether the embedded threads are complete.

    Embedding cuts the threads of chats, and some answers embed none at all. The count
    on the conversation leaves out drafts and line items.
    """
    count = conversation.get("threads")
    if conversation.get("type") == "chat" or not isinstance(count, int):
        return False
    threads = embedded(conversation, "threads")
    return count <= sum(is_published(thread) for thread in threads) and bool(threads)


def is_published(thread: Json) -> bool:
    is_skipped = thread.get("type") in SKIPPED_THREADS
    return not is_skipped and thread.get("state", "published") == "published"


def _comments(threads: Iterable[Json]) -> list[Comment]:
    found: dict[str, Comment] = {}  # by id: pages shift while they are read
    for thread in sorted(threads, key=lambda one: int(identifier(one.get("id")) or 0)):
        if thread.get("type") not in SKIPPED_THREADS:
            for comment in (_comment(thread), _rating_comment(thread)):
                if comment:
                    found[comment.external_id] = comment
    return list(found.values())


def _comment(thread: Json) -> Comment | None:
    created = moment(thread.get("createdAt"))
    ident = identifier(thread.get("id"))
    if ident is None:
        return None
    author = _author(thread)
    kind, state = thread.get("type"), thread.get("state", "published")
    is_shared = kind in SHARED_THREADS or (
        kind not in INTERNAL_THREADS and author is Author.CUSTOMER
    )
    return Comment(
        external_id=ident,
        author=author,
        author_id=_author_id(thread),
        public=is_shared and state == "published",
        body=text_of(thread.get("body")),
        is_html=True,
        created_at=created or datetime.fromtimestamp(0, UTC),
        # "review": held back because somebody else was writing at the same time.
        draft=state in ("draft", "review", "underreview"),
        channel=text_of(as_object(thread.get("source")).get("type")),
    )


def _rating_comment(thread: Json) -> Comment | None:
    """Return what the customer wrote beside a rating: their words, as any others."""
    rating = as_object(thread.get("rating"))
    text, ident = text_of(rating.get("comments")), identifier(thread.get("id"))
    if not text or ident is None:
        return None
    rated = rating.get("modifiedAt") or rating.get("createdAt")
    written = moment(rated) or moment(thread.get("createdAt"))
    return Comment(
        external_id=f"{ident}-rating",
        author=Author.CUSTOMER,
        author_id=identifier(rating.get("customerId")),
        public=True,
        body=text,
        is_html=False,
        created_at=written or datetime.fromtimestamp(0, UTC),
        channel="rating",
    )


def _author(thread: Json) -> Author:
    person = as_object(thread.get("createdBy"))
    by_person = PERSON_AUTHOR.get(text_of(person.get("type")), Author.UNKNOWN)
    origin = text_of(as_object(thread.get("source")).get("type"))
    if origin in ROBOT_SOURCES or by_person is Author.ROBOT:
        return Author.ROBOT
    said = THREAD_AUTHOR.get(text_of(thread.get("type")), by_person)
    if said is Author.UNKNOWN:
        via = text_of(as_object(thread.get("source")).get("via"))
        return PERSON_AUTHOR.get(via, Author.UNKNOWN)
    return said


def _author_id(thread: Json) -> str | None:
    for role in ("createdBy", "customer"):
        if ident := identifier(as_object(thread.get(role)).get("id")):
            return ident
    return None


def _changes(conversation: Json, comments: Iterable[Comment]) -> list[datetime]:
    return [*visible_changes(conversation), *(one.created_at for one in comments)]


def visible_changes(conversation: Json) -> list[datetime]:
    """Return the times of changes that are told; there is no "updated at"."""
    keys = ("createdAt", "userUpdatedAt", "closedAt")
    told = [conversation.get(key) for key in keys]
    told.append(as_object(conversation.get("customerWaitingSince")).get("time"))
    return [at for at in map(moment, told) if at]


def _fields(conversation: Json, threads: Iterable[Json]) -> dict[str, str]:
    assignee = as_object(conversation.get("assignee"))
    return {
        "mailbox": text_of(conversation.get("mailboxId")),
        "assignee": text_of(assignee.get("email")) or full_name(assignee),
        "satisfaction": _newest_rating(threads),
    }


def _named(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name and value}


def _newest_rating(threads: Iterable[Json]) -> str:
    newest, found = -1, ""
    for thread in threads:
        ident = int(identifier(thread.get("id")) or 0)
        word = text_of(as_object(thread.get("rating")).get("rating")).lower()
        if word in RATING and ident > newest:
            newest, found = ident, RATING[word]
    return found
