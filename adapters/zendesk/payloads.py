"""REST documents of Zendesk, read and built. Pure: values in, values out.

Not here: webhooks (``deliveries``), errors (``refusals``), calls, configuration, the
order in which things happen.

Tickets: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from adapters.words import plain
from adapters.zendesk.values import Json, as_object, moment, text
from connector.models import Author, Comment, Customer, Ticket, TicketRef, TicketStatus

STATUS = {  # compared in lower case: events shout, REST does not
    "new": TicketStatus.NEW,
    "open": TicketStatus.OPEN,
    "pending": TicketStatus.PENDING,
    "hold": TicketStatus.PENDING,  # waiting on a third party; customers see "open"
    "solved": TicketStatus.RESOLVED,
    "closed": TicketStatus.CLOSED,
    "archived": TicketStatus.CLOSED,
    "deleted": TicketStatus.DELETED,
    "scrubbed": TicketStatus.DELETED,
}

VIA = {  # events and REST name the same channel differently; REST may use a number
    "mail": "email",
    "web_service": "api",
    "web_form": "web",
    "0": "web",
    "4": "email",
    "5": "api",
    "8": "rule",
    "29": "chat",
    "57": "sms",
}

ROLE = {
    "end-user": Author.CUSTOMER,
    "agent": Author.AGENT,
    "admin": Author.AGENT,
}

SYSTEM_AUTHOR = "-1"
MARK_KEY = "complaint_connector"
#: How the external id begins of tickets that stand for a problem.
PROBLEM_PREFIX = "complaint-connector:"
DRAFT_HEADING = "Suggested reply, not sent to the customer:"
#: Set and corrected by Zendesk's own classifier; never ours to touch.
TRIAGE_TAGS = ("intent__", "language__", "sentiment__")
SAFE_TAG = re.compile(r"[a-z0-9_/-]{1,255}")

#: Zendesk cuts a comment at about 64 KiB without saying so; the mark comes last.
COMMENT_BYTES = 60_000


# -- read --


def ticket(
    source: str,
    base_url: str,
    document: Json,
    comments: Sequence[Json],
    users: Mapping[str, Json],
    organization: Json,
) -> Ticket:
    """Build a ticket from what was read about it.

    ``users`` by id: the requester and whoever wrote a comment, as far as known. Raises
    ``KeyError``, ``TypeError``, ``ValueError`` or ``AttributeError`` on other shapes.
    """
    number = str(document["id"])
    requester = str(document.get("requester_id"))
    return Ticket(
        ref=TicketRef(source, number),
        number=number,
        subject=text(document.get("raw_subject") or document.get("subject")),
        status=_status_for(document, users.get(requester, {})),
        customer=customer(requester, users.get(requester, {}), organization),
        comments=tuple(comment(each, requester, users) for each in comments),
        tags=tags(document),
        created_at=moment(document["created_at"]),
        updated_at=moment(document["updated_at"]),
        url=f"{base_url}/agent/tickets/{number}",
        channel=channel(document),
        version=document["updated_at"],
        fields=dict(_ticket_fields(document)),
    )


def status(document: Json) -> TicketStatus:
    return STATUS.get(text(document.get("status")).lower(), TicketStatus.UNKNOWN)


def _status_for(document: Json, requester: Json) -> TicketStatus:
    """Tell the status; what a suspended person wrote was marked as spam."""
    found = status(document)
    ended = (TicketStatus.CLOSED, TicketStatus.DELETED)
    is_spam = requester.get("suspended") is True and found not in ended
    return TicketStatus.SPAM if is_spam else found


def tags(document: Json) -> frozenset[str]:
    names = (text(tag) for tag in document.get("tags") or ())
    return frozenset(name for name in names if name)


def stands_for_problem(document: Json) -> bool:
    """Tell a ticket that we made for a problem from those of customers."""
    return text(document.get("external_id")).startswith(PROBLEM_PREFIX)


def channel(document: Json) -> str:
    word = text(as_object(document.get("via")).get("channel")).lower()
    return VIA.get(word, word)


def customer(external_id: str, user: Json, organization: Json) -> Customer:
    """Build the requester; the organisation's tags count as the customer's."""
    email = user.get("email")
    return Customer(
        external_id=external_id,
        email=plain(email).lower() or None if isinstance(email, str) else None,
        name=text(user.get("name")) or None,
        organization=text(organization.get("name")) or None,
        tags=tags(user) | tags(organization),
        fields={
            **dict(_texts("", as_object(user.get("user_fields")))),
            **dict(
                _texts(
                    "organization.", as_object(organization.get("organization_fields"))
                )
            ),
        },
    )


def comment(document: Json, requester: str, users: Mapping[str, Json]) -> Comment:
    author_id = text(document.get("author_id"))
    html = text(document.get("html_body"))
    plain = text(document.get("plain_body")) or text(document.get("body"))
    return Comment(
        external_id=str(document["id"]),
        author=_author(document, author_id, requester, users),
        author_id=author_id or None,
        public=bool(document.get("public")),
        body=html or plain,
        is_html=bool(html),
        created_at=moment(document["created_at"]),
        channel=channel(document),
    )


def _author(
    document: Json, author_id: str, requester: str, users: Mapping[str, Json]
) -> Author:
    if author_id == SYSTEM_AUTHOR or channel(document) == "rule":
        return Author.ROBOT
    if author_id == requester:
        return Author.CUSTOMER
    return ROLE.get(text(users.get(author_id, {}).get("role")), Author.UNKNOWN)


def is_complete(user: Json) -> bool:
    """Tell a full user record from the short one that a sideload may hold."""
    return "email" in user and "user_fields" in user


def is_marked(document: Json, mark: str) -> bool:
    """Tell whether a comment or an audit was written by us under this mark."""
    custom = as_object(as_object(document.get("metadata")).get("custom"))
    return custom.get(MARK_KEY) == mark


def has_mark(document: Json, mark: str) -> bool:
    """Tell whether a comment carries exactly this mark, and not a longer one.

    A customer's reply that quotes the mark counts: it proves that we were read.
    """
    if is_marked(document, mark):
        return True
    token = re.compile(rf"(?<![\w-]){re.escape(mark)}(?![\w-])")
    return any(
        token.search(text(document.get(key)))
        for key in ("body", "plain_body", "html_body")
    )


def written_id(answer: Json) -> str:
    """Return the id of the comment that an update or create wrote."""
    audit = as_object(answer.get("audit"))
    for event in audit.get("events") or ():
        if event.get("type") == "Comment":
            return str(event["id"])
    return text(audit.get("id")) or text(as_object(answer.get("ticket")).get("id"))


def by_id(documents: object) -> dict[str, Json]:
    """Index a sideloaded list; anything that is none is empty."""
    rows = documents if isinstance(documents, list) else []
    return {
        str(row["id"]): row for row in rows if isinstance(row, dict) and "id" in row
    }


def next_page(page: Json) -> str:
    """Return the cursor of the page that follows, or nothing."""
    meta = as_object(page.get("meta"))
    return text(meta.get("after_cursor")) if meta.get("has_more") else ""


def _ticket_fields(document: Json) -> Iterator[tuple[str, str]]:
    for name in (
        "priority",
        "type",
        "brand_id",
        "group_id",
        "assignee_id",
        "organization_id",
        "ticket_form_id",
        "problem_id",
        "external_id",
        "recipient",
    ):
        if value := text(document.get(name)).strip():
            yield name, value
    for field in document.get("custom_fields") or ():
        if value := text(field.get("value")):
            yield f"custom_fields_{text(field['id'])}", value
    yield from _satisfaction(as_object(document.get("satisfaction_rating")))


def is_rated(rating: Json) -> bool:
    """Tell a rating from a survey that was only offered, or not even that."""
    return text(rating.get("score")).lower() in ("good", "bad")


def _satisfaction(rating: Json) -> Iterator[tuple[str, str]]:
    if is_rated(rating):
        yield "satisfaction", text(rating.get("score")).lower()
        if reason := text(rating.get("reason")):
            yield "satisfaction_reason", reason
        if words := text(rating.get("comment")):
            yield "satisfaction_comment", words


def _texts(prefix: str, values: Json) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if word := text(value):
            yield f"{prefix}{plain(key)}", word


# -- built --


def comment_update(words: str, mark: str, *, public: bool) -> dict[str, Any]:
    """Build an update that only adds a comment.

    ``public`` is always sent: left out, it follows the ticket's first comment.
    """
    return {
        "comment": {"body": with_mark(words, mark), "public": public},
        "metadata": {MARK_KEY: mark},
    }


def problem(subject: str, words: str, mark: str, requester: int) -> dict[str, Any]:
    """Build the ticket that stands for a problem; only agents see what it says."""
    return {
        "type": "problem",
        "external_id": f"{PROBLEM_PREFIX}{mark}",
        "requester_id": requester,
        "subject": inert(subject),
        **comment_update(inert(words), mark, public=False),
    }


def incident(problem_id: str, mark: str, stamp: str) -> dict[str, Any]:
    """Build an update that puts a ticket under a problem's, unless it changed since."""
    return {
        "type": "incident",
        "problem_id": int(problem_id),
        "metadata": {MARK_KEY: mark},
        "safe_update": True,
        "updated_stamp": stamp,
    }


def priority(word: str, stamp: str) -> dict[str, Any]:
    """Build an update of the priority alone, unless the ticket changed since."""
    return {"priority": word, "safe_update": True, "updated_stamp": stamp}


def group(number: int, stamp: str) -> dict[str, Any]:
    """Build an update of the group alone, unless the ticket changed since."""
    return {"group_id": number, "safe_update": True, "updated_stamp": stamp}


def inert(words: str) -> str:
    """Return words in which Zendesk fills in no placeholders, whoever wrote them."""
    return re.sub(r"{(?=[{%])", "{ ", words)


def follow_up(source: Json, words: str, mark: str) -> dict[str, Any]:
    """Build the ticket that takes up a closed one; Zendesk copies its tags."""
    return {
        "via_followup_source_id": source["id"],
        "requester_id": source["requester_id"],
        "subject": text(source.get("raw_subject") or source.get("subject")),
        **comment_update(words, mark, public=True),
    }


def with_mark(words: str, mark: str) -> str:
    """Put the visible reference below the words, within what Zendesk keeps."""
    raw = words.encode()
    if len(raw) > COMMENT_BYTES:
        words = raw[:COMMENT_BYTES].decode(errors="ignore") + " …"
    return f"{words.rstrip()}\n\nRef. {mark}"


def refused_tags(tags: Iterable[str]) -> dict[str, str]:
    """Return which tags Zendesk would not take as they are, or not from us."""
    return {tag: why for tag in sorted(tags) if (why := _refusal(tag))}


def _refusal(tag: str) -> str:
    if not SAFE_TAG.fullmatch(tag):
        return "cannot be a tag: use a-z, 0-9, _, / and -"
    if tag.startswith(TRIAGE_TAGS):
        return "belongs to Zendesk's intelligent triage"
    return ""


def tag_update(changed: Iterable[str], stamp: str) -> dict[str, Any]:
    # The tag endpoints want the word "true", the ticket endpoints a boolean.
    return {"tags": sorted(changed), "updated_stamp": stamp, "safe_update": "true"}
