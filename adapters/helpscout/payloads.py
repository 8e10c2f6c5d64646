"""What Help Scout sends and takes, as pure functions: values in, values out.

No network, no clock, no state, no settings. Every reader here accepts missing keys,
nulls and unknown words, because the vendor's own samples contain all of them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from adapters.signatures import hmac_base64
from adapters.words import plain
from connector.errors import MalformedPayload
from connector.models import (
    Author,
    Comment,
    Customer,
    EventKind,
    Finding,
    Level,
    Ticket,
    TicketEvent,
    TicketRef,
    TicketStatus,
)

Json = Mapping[str, Any]

# -- links --

_CONVERSATION = re.compile(r"/conversations/(\d{1,20})(?![\w-])")


def conversation_in(uri: object) -> str | None:
    """Return the conversation's id from an address of the API."""
    found = _CONVERSATION.search(uri) if isinstance(uri, str) else None
    return found[1] if found else None


def ticket_url(conversation: Json, web_base: str) -> str:
    """Return the address that opens a conversation for an agent."""
    href = _object(_object(conversation.get("_links")).get("web")).get("href")
    if isinstance(href, str) and href.startswith(("https://", "http://")):
        return plain(href)
    number, ident = conversation.get("number"), conversation.get("id")
    tail = f"{number}/" if number else ""
    return f"{web_base.rstrip('/')}/conversation/{ident}/{tail}"


# -- shapes --


def load(raw: bytes) -> dict[str, Any]:
    """Read a webhook body; the message of the error never quotes it."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise MalformedPayload("the body is not JSON") from None
    if not isinstance(body, dict):
        raise MalformedPayload(f"expected an object, got {type(body).__name__}")
    return body


def identifier(value: object) -> str | None:
    """Return a vendor id as text; ids are numbers, 0 means nobody."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    is_id = text.isascii() and text.isdigit() and len(text) <= 20 and int(text) > 0
    return text if is_id else None


def embedded(document: object, *rels: str) -> list[dict[str, Any]]:
    """Return the items of a HAL document; an empty list has no ``_embedded`` at all."""
    inside = _object(_object(document).get("_embedded"))
    for rel in rels:
        if isinstance(inside.get(rel), list):
            return [item for item in inside[rel] if isinstance(item, dict)]
    return []


def total_pages(document: object) -> int:
    total = _object(_object(document).get("page")).get("totalPages")
    return total if isinstance(total, int) else 0


def moment(value: object) -> datetime | None:
    """Read a time; ratings lack the zone, which is UTC everywhere else."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)


def words(document: object) -> str:
    """Return the vendor's own words from any of its error shapes.

    ``rejectedValue`` is left out: it repeats what was sent, so it may be a customer's.
    """
    body = _object(document)
    said = [_text(body.get("message") or body.get("error_description"))]
    said += [
        ": ".join(filter(None, (_text(error.get("path")), _text(error.get("message")))))
        for error in embedded(body, "errors")
    ]
    if not any(said):
        said = [_text(body.get("error"))]
    if log_ref := _text(body.get("logRef")):
        said.append(f"logRef {log_ref}")
    return "; ".join(filter(None, said))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return ""
    return plain(str(value)).strip() if isinstance(value, str | int | float) else ""


# -- tables --

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

NO_WEBHOOK = (
    "there is none, so nothing will arrive",
    "Make one, as under Set up.",
)
TURN_ON = (
    "Help Scout turns a webhook off when deliveries keep failing. Check the secret and "
    "that the address answers, then delete the webhook and make it again."
)
WHOLE = "Make the webhook again with notification set to false."
SHOW_INBOX = "Check the ids in mailboxes, and give the app's user these inboxes."
SUBSCRIBE = "Add the events to the webhook, as under Set up."

RATING = {"great": "great", "okay": "okay", "not_good": "not_good", "bad": "not_good"}

#: What has to be subscribed so that no complaint, answer or end of one is missed.
NEEDED_EVENTS = (
    "convo.created",
    "convo.customer.reply.created",
    "convo.agent.reply.created",
    "convo.status",
    "convo.merged",
    "convo.deleted",
    "satisfaction.ratings",
)

TEST_EVENT = "helpscout.test"
RATING_EVENT = "satisfaction.ratings"

#: Beginning of an event's name -> why it changes no ticket.
IGNORED_EVENTS = {
    TEST_EVENT: "a test delivery",
    "customer.": "a customer's profile; it is read again with the next ticket",
    "tag.": "the account's list of tags, not the tags of a ticket",
    "organization.": "an organization's profile; read again with the next ticket",
    "beacon.chat.": "a chat; its conversation has events of its own",
    "message.survey.": "an answer to a message campaign, not to a ticket",
    "user.": "an agent's presence",
}

# A version 1 body shares names with version 2 but not their meaning.
_VERSION_1 = ("mailbox", "owner", "threadCount", "isDraft", "ticketId", "ticket")
_EVENT_NAME = re.compile(r"[a-z][a-z0-9._-]{0,60}")

# -- verify --


def sign(secret: str, body: bytes) -> str:
    """Return the signature header: base64 of HMAC-SHA1 over the exact bytes.

    Not over re-written JSON: the vendor escapes ``/`` and every non-ASCII letter.
    """
    return hmac_base64(secret, body, "sha1")


# -- parse --


def infer_event(body: Json) -> str:
    """Guess from a body's shape which event it belongs to; empty if it is unclear."""
    keys = body.keys()
    if keys == {"id"}:
        return "convo.deleted"
    if "rating" in keys and keys & {"conversationId", "threadId", "ticketId"}:
        return RATING_EVENT
    if "subject" in keys or {"threads", "mailboxId"} <= keys:
        return "convo.created"
    if "id" not in keys and conversation_in(_uri(body)):
        return "convo.created"
    if "conversationCount" in keys and "domains" in keys:
        return "organization.created"
    if keys & {"firstName", "lastName"}:
        return "customer.created"
    if {"name", "slug", "color"} <= keys:
        return "tag.created"
    return ""


def parse(
    source: str, event: str, raw: bytes, mailboxes: Sequence[int] = ()
) -> tuple[TicketEvent, ...]:
    """Say which conversations a delivery is about; never more than "read it again"."""
    if event == TEST_EVENT:  # its body is not described anywhere
        return (_ignored(source, IGNORED_EVENTS[TEST_EVENT]),)
    body = load(raw)
    name = event or infer_event(body)
    if reason := _reason_to_ignore(name, body, mailboxes):
        return (_ignored(source, reason),)
    return tuple(
        TicketEvent(EventKind.TICKET_CHANGED, source, ident)
        for ident in _conversations(name, body)
    )


def _reason_to_ignore(name: str, body: Json, mailboxes: Sequence[int]) -> str:
    for beginning, reason in IGNORED_EVENTS.items():
        if name.startswith(beginning):
            return reason
    if "mailboxId" not in body and any(key in body for key in _VERSION_1):
        return "a version 1 body; create the webhook again with payloadVersion V2"
    if name != RATING_EVENT and not name.startswith("convo."):
        return _unknown(name, body)
    if "id" not in body and _uri(body) and not conversation_in(_uri(body)):
        return "a bare address that is not a conversation; set notification to false"
    mailbox = body.get("mailboxId")
    if mailboxes and isinstance(mailbox, int) and mailbox not in mailboxes:
        return f"inbox {mailbox} is not one of the configured inboxes"
    return ""


def _unknown(name: str, body: Json) -> str:
    if "id" not in body and not _uri(body):
        raise MalformedPayload("the body has neither an id nor an address")
    if not name:
        return "a body of unknown shape, and no event name"
    # The header is not signed, so only a name that looks like one is repeated.
    return f"unknown event {name}" if _EVENT_NAME.fullmatch(name) else "unknown event"


def _conversations(name: str, body: Json) -> list[str]:
    field = "conversationId" if name == RATING_EVENT else "id"
    ident = identifier(body.get(field)) or conversation_in(_uri(body))
    if ident is None:
        raise MalformedPayload(f"{field} is missing or not a conversation's id")
    found = [ident]
    if name == "convo.merged":
        # Told so that the merged ones are read too, and found to live on elsewhere.
        found += [old for old in _merged_ids(body) if old not in found]
    return found


def _merged_ids(body: Json) -> list[str]:
    found = []
    for thread in embedded(body, "threads"):
        action = _object(thread.get("action"))
        if action.get("type") == "merged":
            entities = _object(action.get("associatedEntities"))
            found.append(identifier(entities.get("originalConversation")))
    return [ident for ident in found if ident]


def _uri(body: Json) -> str:
    """Return the address a notification consists of; the key's name is undocumented."""
    links = _object(_object(body.get("_links")).get("self"))
    candidates = [*body.values(), links.get("href")] if "id" not in body else []
    for value in candidates:
        if isinstance(value, str) and value.startswith(("https://", "http://")):
            return value
    return ""


def _ignored(source: str, reason: str) -> TicketEvent:
    return TicketEvent(EventKind.IGNORED, source, reason=reason)


# -- read --


def has_all_threads(conversation: Json) -> bool:
    """Tell whether the embedded threads are complete.

    Embedding cuts the threads of chats, and some answers embed none at all. The count
    on the conversation leaves out drafts and line items.
    """
    count = conversation.get("threads")
    if conversation.get("type") == "chat" or not isinstance(count, int):
        return False
    threads = embedded(conversation, "threads")
    return count <= sum(_is_published(thread) for thread in threads) and bool(threads)


def status_of(conversation: Json) -> TicketStatus:
    if conversation.get("state") == "deleted":
        return TicketStatus.DELETED
    return STATUS.get(_text(conversation.get("status")), TicketStatus.UNKNOWN)


def tags_of(conversation: Json) -> list[str] | None:
    """Return the tags as they are spelled; None if they cannot be told for certain.

    None must stop a write: the vendor takes whole lists, so a tag that was not
    understood would be removed by it.
    """
    items = conversation.get("tags")
    if not isinstance(items, list):
        return None
    names = [_tag_name(item) for item in items]
    return None if "" in names else names


def merge_tags(
    existing: Sequence[str], add: Iterable[str], remove: Iterable[str]
) -> list[str]:
    """Return the whole list to write; keeps the spelling of what is there already."""
    gone = {_fold(tag) for tag in remove}
    kept = [tag for tag in existing if _fold(tag) not in gone]
    taken = gone | {_fold(tag) for tag in kept}
    return kept + sorted({tag.lower() for tag in add if _fold(tag) not in taken})


def primary_customer(conversation: Json) -> str | None:
    """Return the id of the customer, whom a reply has to name."""
    return identifier(_object(conversation.get("primaryCustomer")).get("id"))


def ticket(
    source: str,
    conversation: Json,
    threads: Iterable[Json],
    customer: Customer,
    web_base: str,
) -> Ticket:
    """Put a conversation and all its threads into our words."""
    listed = list(threads)
    comments = sorted(_comments(listed), key=lambda one: one.created_at)
    created = moment(conversation.get("createdAt")) or datetime.fromtimestamp(0, UTC)
    origin = _object(conversation.get("source")).get("type")
    return Ticket(
        ref=TicketRef(source, str(conversation["id"])),
        number=_text(conversation.get("number")),
        subject=_text(conversation.get("subject")),
        status=status_of(conversation),
        customer=customer,
        comments=tuple(comments),
        tags=frozenset(tags_of(conversation) or ()),
        created_at=created,
        updated_at=max([created, *_changes(conversation, comments)]),
        url=ticket_url(conversation, web_base),
        channel=_text(origin) or _text(conversation.get("type")),
        fields=_fields(conversation, listed),
    )


def customer(
    conversation: Json, profile: Json, emails: Json, organization: Json
) -> Customer:
    """Put together who wrote, from the conversation and whatever else could be read."""
    person = _object(conversation.get("primaryCustomer"))
    addresses = embedded(profile, "emails") or embedded(emails, "emails")
    listed = next((_text(one.get("value")) for one in addresses), "")
    company = _text(organization.get("name")) or _text(profile.get("organization"))
    return Customer(
        external_id=primary_customer(conversation) or "",
        email=(_text(person.get("email")) or listed).lower() or None,
        name=_name(person) or _name(profile) or None,
        organization=company or None,
        fields={
            **_properties(embedded(profile, "properties"), ""),
            **_properties(_list(organization.get("properties")), "organization."),
        },
    )


def find_mark(threads: Iterable[Json], mark: str) -> str | None:
    """Return the id of the note, draft or message that ends with our reference.

    Customers' threads do not count: their mail programs quote what we wrote.
    """
    wanted = re.compile(rf"(?<!\S){re.escape(_reference(mark))}(?!\S)")
    for thread in threads:
        if thread.get("type") not in ("message", "note"):
            continue
        text = html.unescape(re.sub(r"<[^>]*>", " ", _text(thread.get("body"))))
        if wanted.search(" ".join(text.split())):
            return identifier(thread.get("id")) or ""
    return None


def follow_ups(conversation: Json, page: object) -> list[str]:
    """Return the ids of those listed that carry on this conversation."""
    own, ending = conversation.get("id"), _back_reference(conversation)
    listed = embedded(page, "conversations")
    return [
        str(one["id"])
        for one in listed
        if identifier(one.get("id"))
        and one.get("id") != own
        and _text(one.get("subject")).endswith(ending)
    ]


def describe_user(user: object) -> str:
    """Name the account we act as, for people."""
    person = _object(user)
    role = _text(person.get("role")) or "unknown"
    return f"{_name(person) or 'a user without a name'}, role {role}"


def judge_webhooks(subject: str, hooks: Sequence[Json]) -> list[Finding]:
    """Say whether the account's webhooks are on and bring what is needed."""
    found = [Finding(Level.PROBLEM, subject, *NO_WEBHOOK)] if not hooks else []
    for hook in hooks:
        label = _text(hook.get("label")) or "without a label"
        which = f"webhook {_text(hook.get('id'))} ({label})"
        if hook.get("state") == "disabled":
            found.append(Finding(Level.PROBLEM, subject, f"{which} is off", TURN_ON))
        elif hook.get("notification") is True:
            found.append(
                Finding(Level.WARNING, subject, f"{which} sends addresses only", WHOLE)
            )
    on = [hook for hook in hooks if hook.get("state") != "disabled"]
    events = {event for hook in on for event in _strings(hook.get("events"))}
    missing = [event for event in NEEDED_EVENTS if event not in events]
    if on and missing:
        said = f"no webhook is subscribed to {', '.join(missing)}"
        found.append(Finding(Level.WARNING, subject, said, SUBSCRIBE))
    return found or [Finding(Level.OK, subject, f"{len(on)} on, nothing is missing")]


def judge_mailboxes(
    subject: str, seen: Sequence[Json], wanted: Sequence[int]
) -> list[Finding]:
    """Say which of the configured inboxes the account can really see."""
    names = {identifier(one.get("id")): _text(one.get("name")) for one in seen}
    hidden = [str(ident) for ident in wanted if str(ident) not in names]
    if hidden:
        said = f"not to be seen: {', '.join(hidden)}"
        return [Finding(Level.PROBLEM, subject, said, SHOW_INBOX)]
    listed = ", ".join(f"{ident} {names[str(ident)]}".strip() for ident in wanted)
    return [Finding(Level.OK, subject, f"listening to {listed}")]


def _is_published(thread: Json) -> bool:
    is_skipped = thread.get("type") in SKIPPED_THREADS
    return not is_skipped and thread.get("state", "published") == "published"


def _tag_name(item: object) -> str:
    if isinstance(item, str):
        return plain(item)
    tag = _object(item)
    return _text(tag.get("tag") or tag.get("name") or tag.get("slug"))


def _fold(tag: str) -> str:
    return " ".join(tag.split()).casefold()


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
        body=_text(thread.get("body")),
        is_html=True,
        created_at=created or datetime.fromtimestamp(0, UTC),
        # "review": held back because somebody else was writing at the same time.
        draft=state in ("draft", "review", "underreview"),
        channel=_text(_object(thread.get("source")).get("type")),
    )


def _rating_comment(thread: Json) -> Comment | None:
    """Return what the customer wrote beside a rating: their words, as any others."""
    rating = _object(thread.get("rating"))
    text, ident = _text(rating.get("comments")), identifier(thread.get("id"))
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
    person = _object(thread.get("createdBy"))
    by_person = PERSON_AUTHOR.get(_text(person.get("type")), Author.UNKNOWN)
    origin = _text(_object(thread.get("source")).get("type"))
    if origin in ROBOT_SOURCES or by_person is Author.ROBOT:
        return Author.ROBOT
    said = THREAD_AUTHOR.get(_text(thread.get("type")), by_person)
    if said is Author.UNKNOWN:
        via = _text(_object(thread.get("source")).get("via"))
        return PERSON_AUTHOR.get(via, Author.UNKNOWN)
    return said


def _author_id(thread: Json) -> str | None:
    for role in ("createdBy", "customer"):
        if ident := identifier(_object(thread.get(role)).get("id")):
            return ident
    return None


def _changes(conversation: Json, comments: Iterable[Comment]) -> list[datetime]:
    """Return the times of all changes that can be seen; there is no "updated at"."""
    seen = [conversation.get("userUpdatedAt"), conversation.get("closedAt")]
    seen.append(_object(conversation.get("customerWaitingSince")).get("time"))
    times = [at for at in map(moment, seen) if at]
    return times + [comment.created_at for comment in comments]


def _fields(conversation: Json, threads: Iterable[Json]) -> dict[str, str]:
    fields = {
        _text(item.get("name")): _text(item.get("text")) or _text(item.get("value"))
        for item in _list(conversation.get("customFields"))
    }
    assignee = _object(conversation.get("assignee"))
    fields["mailbox"] = _text(conversation.get("mailboxId"))
    fields["assignee"] = _text(assignee.get("email")) or _name(assignee)
    fields["satisfaction"] = _newest_rating(threads)
    return {name: value for name, value in fields.items() if name and value}


def _newest_rating(threads: Iterable[Json]) -> str:
    newest, found = -1, ""
    for thread in threads:
        ident = int(identifier(thread.get("id")) or 0)
        word = _text(_object(thread.get("rating")).get("rating")).lower()
        if word in RATING and ident > newest:
            newest, found = ident, RATING[word]
    return found


def _properties(items: Iterable[Json], prefix: str) -> dict[str, str]:
    found = {}
    for item in items:
        slug = _text(item.get("slug"))
        value = _text(item.get("text")) or _text(item.get("value"))
        if slug and value:
            found[prefix + slug] = value
    return found


def _strings(value: object) -> list[str]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, str)]


def _list(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]


def _name(person: Json) -> str:
    """Return a person's name; conversations and profiles name its parts differently."""
    first = _text(person.get("first") or person.get("firstName"))
    last = _text(person.get("last") or person.get("lastName"))
    return f"{first} {last}".strip()


# -- build --


def note_html(text: str, mark: str) -> str:
    """Write a note's text with our reference as its small last line."""
    return f"{_html(text)}<br><br><small>{_html(_reference(mark))}</small>"


def message_html(text: str, mark: str) -> str:
    """Write a message's text with our reference as its last line."""
    return f"{_html(text)}<br><br>{_html(_reference(mark))}"


def follow_up(conversation: Json, text: str, draft: bool) -> dict[str, Any]:
    """Build a new conversation that carries on one which takes no more messages.

    It keeps the old status, so that a message alone gives nobody work; a draft makes
    it active, because somebody has to find it.
    """
    person = {"id": int(primary_customer(conversation) or 0)}
    reply = {"type": "reply", "customer": person, "text": text}
    subject = _text(conversation.get("subject"))
    return {
        "subject": f"{subject} {_back_reference(conversation)}".strip(),
        "customer": person,
        "mailboxId": conversation.get("mailboxId"),
        "type": "email",
        "status": "active" if draft else conversation.get("status"),
        "threads": [{**reply, "draft": True} if draft else reply],
    }


def _back_reference(conversation: Json) -> str:
    return f"(#{_text(conversation.get('number'))})"


def _reference(mark: str) -> str:
    return f"Ref. {mark}"


def _html(text: str) -> str:
    lines = html.escape(text, quote=False).splitlines()
    return "<br>".join(lines)
