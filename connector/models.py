"""Words shared by every part: tickets, issues, deliveries. No behaviour, no I/O.

*Ticket* is always the helpdesk side, *issue* always the tracker side, *source* the name
of a block in the configuration. All datetimes are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple


class TicketStatus(StrEnum):
    NEW = "new"  #: nobody has looked at it
    OPEN = "open"  #: waiting for an agent
    PENDING = "pending"  #: waiting for the customer or a third party
    RESOLVED = "resolved"  #: done; a new word of the customer reopens it
    CLOSED = "closed"  #: done for good; the vendor refuses ordinary changes
    SPAM = "spam"  #: not from a customer
    DELETED = "deleted"  #: in the vendor's bin
    UNKNOWN = "unknown"  #: the vendor used a word we do not know


class Author(StrEnum):
    CUSTOMER = "customer"  #: the person who asked, or somebody on their side
    AGENT = "agent"  #: staff, including the account the connector uses
    ROBOT = "robot"  #: the vendor, a workflow, an app
    UNKNOWN = "unknown"


class Topic(StrEnum):
    """What a field of a ticket can be kept at, where a source is told to do so."""

    TYPE = "type"  #: the types of the complaint
    PERSONA = "persona"  #: how the customer behaves
    VIP = "vip"  #: whether the customer is one: yes or no
    PROBLEM = "problem"  #: the key of the issue about the ticket's problem


#: Priorities of tickets in the words that every vendor is told, the lowest first.
PRIORITIES = ("low", "normal", "high", "urgent")
HIGH = "high"


class Place(NamedTuple):
    """A field that is to be kept: the vendor's id of it, and what stands there.

    ``value`` is in the vendor's own spelling, and empty where nothing stands.
    """

    external_id: str
    value: str


class TicketRef(NamedTuple):
    source: str
    external_id: str

    def __str__(self) -> str:
        return f"{self.source}:{self.external_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who wrote. ``email`` is lower-cased; ``tags`` are the helpdesk's own marks.

    ``emails`` and ``organizations`` are further ones, where somebody has several.
    """

    external_id: str
    email: str | None = None
    name: str | None = None
    organization: str | None = None
    emails: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """What a directory says of a customer. ``vip`` is None where it does not say."""

    vip: bool | None
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """One contribution to a ticket. ``body`` is HTML if ``is_html``, else plain text.

    ``public`` is true when the customer can read it; ``draft`` when nobody was sent it.
    ``channel`` is how this comment came in, in the vendor's word. Not ``is_dated``: the
    vendor does not tell when it was made; ``created_at`` is the earliest it can be.
    """

    external_id: str
    author: Author
    author_id: str | None
    public: bool
    body: str
    is_html: bool
    created_at: datetime
    draft: bool = False
    channel: str = ""
    is_dated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A ticket as it stands now. ``comments`` are oldest first; ``number`` is what
    people see; ``url`` opens it for an agent; ``version`` is the vendor's stamp for
    safe updates (empty where there is none). ``places`` are the fields to be kept, as
    far as the ticket has them."""

    ref: TicketRef
    number: str
    subject: str
    status: TicketStatus
    customer: Customer
    comments: tuple[Comment, ...]
    tags: frozenset[str]
    created_at: datetime
    updated_at: datetime
    url: str
    channel: str = ""
    version: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[Topic, Place] = field(default_factory=dict)


class IssueCategory(StrEnum):
    TODO = "new"  #: not started
    IN_PROGRESS = "indeterminate"  #: somebody works on it
    DONE = "done"  #: whatever the status is called
    UNKNOWN = "undefined"  #: the tracker does not say


class Meaning(StrEnum):
    FIXED = "fixed"  #: it works again
    WONT_DO = "wont_do"  #: it stays as it is
    DUPLICATE = "duplicate"  #: another issue is about it
    CANNOT_REPRODUCE = "cannot_reproduce"  #: nobody could make it happen


class IssueRef(NamedTuple):
    """An issue. ``external_id`` never changes; ``key`` does when it is moved."""

    source: str
    external_id: str
    key: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue as it stands now. ``resolution`` is a name, or empty.

    ``meaning`` is what the source's own settings say of that resolution; None where
    they do not name it. ``usually`` is what its name means in most trackers, and counts
    for less. ``duplicates`` are the other ends of its links to duplicates, the
    likeliest original first. ``resolved_at`` is when the tracker says it was done.
    """

    ref: IssueRef
    summary: str
    category: IssueCategory
    status_name: str
    resolution: str
    labels: frozenset[str]
    updated_at: datetime
    project: str = ""
    priority: str = ""
    meaning: Meaning | None = None
    usually: Meaning | None = None
    duplicates: tuple[IssueRef, ...] = ()
    resolved_at: datetime | None = None


class Count(StrEnum):
    """What is counted of a problem, for fields of its issue."""

    CUSTOMERS = "customers"
    TICKETS = "tickets"
    VIPS = "vips"
    FIRST_SEEN = "first_seen"
    LAST_SEEN = "last_seen"


class BlockKind(StrEnum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    BULLET = "bullet"  #: neighbours form one list
    QUOTE = "quote"  #: words of a customer, already masked
    FACT = "fact"  #: a line of ours to be seen at a glance; neighbours form one panel


class Block(NamedTuple):
    """One piece of neutral text; each tracker renders it so that ``text`` is inert.

    ``href``, if set, links the whole text (``http`` or ``https`` only).
    """

    kind: BlockKind
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueDraft:
    """An issue to be created.

    ``mark`` is a deterministic label by which a lost create is found again;
    ``properties`` are small JSON values stored on the issue, without personal data;
    ``fields`` are passed through by tracker field id, ``moments`` in the format that
    the field has. ``counts`` are lines that begin the description and are kept up to
    date there; the first of them leads to ``address``, if that is set.
    """

    project: str
    issue_type: str
    summary: str
    description: tuple[Block, ...]
    mark: str
    labels: tuple[str, ...] = ()
    priority: str | None = None
    components: tuple[str, ...] = ()
    assignee: str = ""
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    moments: Mapping[str, datetime] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueChange:
    """Changes to an existing issue; labels are added and removed, never replaced.

    ``counts`` take the place of those lines in the description, if they are still
    there, and ``as_of`` is one below them that says of when they are: it alone is not
    written. ``known_counts`` are lines that may stand there as ours. Whatever else
    stands in the description stays.
    """

    add_labels: frozenset[str] = frozenset()
    remove_labels: frozenset[str] = frozenset()
    properties: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    moments: Mapping[str, datetime] = field(default_factory=dict)
    counts: tuple[str, ...] = ()
    known_counts: frozenset[str] = frozenset()
    address: str = ""
    as_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemDraft:
    """A ticket to be created that stands for a problem, to be seen by agents only.

    ``text`` is plain, and masked; by ``mark`` a lost create is found again.
    """

    subject: str
    text: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketLink:
    """A link from an issue to a ticket. ``global_id`` makes it an upsert."""

    global_id: str
    url: str
    title: str
    resolved: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """An internal note. ``text`` is plain; ``mark`` is part of what gets written."""

    text: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Words to the customer. ``draft``: prepared for an agent, not sent.

    ``text`` is plain; ``mark`` is a short visible reference that gets written with it.
    ``scheduled_at``: where the vendor can do so, it is shown to agents until then, sent
    by the vendor, and not sent if the customer writes before; elsewhere it is ignored.
    """

    text: str
    mark: str
    draft: bool
    language: str = ""
    scheduled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Words to people of the house, never to a customer.

    ``mark`` is the same whenever it is tried, ``at`` when it was asked for. ``files``
    are texts by their names, for channels that can carry them.
    """

    subject: str
    body: tuple[Block, ...]
    mark: str
    at: datetime
    files: Mapping[str, str] = field(default_factory=dict)


class Filling(NamedTuple):
    """What a field is to hold: ``words``, the most important first; none: nothing.

    ``known`` is what our last write left there; None: we never wrote it.
    """

    words: tuple[str, ...]
    known: Place | None = None


class Filled(NamedTuple):
    """What stands in a field by now; not ``is_ours``: somebody else decided that."""

    place: Place
    is_ours: bool


class Written(NamedTuple):
    """What an adapter wrote: the vendor's id, and the ticket it went to if that is
    another one (a follow-up of a closed ticket)."""

    external_id: str
    ticket: TicketRef | None = None


class EventKind(StrEnum):
    TICKET_CHANGED = "ticket_changed"  #: read this ticket again
    ISSUE_CHANGED = "issue_changed"  #: read this issue again
    IGNORED = "ignored"  #: understood, and nothing for us; ``reason`` says why


class TicketEvent(NamedTuple):
    """What a delivery says, which is never more than "this changed"."""

    kind: EventKind
    source: str
    external_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """A request as it arrived: header names in lower case, the body's exact bytes."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


class Opened(NamedTuple):
    """Who opens our page beside which ticket, as the vendor signed it."""

    ticket: str  #: its id; empty: the page itself has to ask which
    who: str = ""  #: the vendor's id of the agent, if it says so
    proof: str = ""  #: what can be used only once; empty: it says nothing of the kind
    is_markup: bool = False  #: the vendor shows what is answered, without a frame


class Signed(NamedTuple):
    """What to send beside a body so that the receiver accepts it."""

    headers: Mapping[str, str]
    query: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A stored webhook delivery. ``headers`` are the few the adapter keeps."""

    id: int
    source: str
    received_at: datetime
    headers: Mapping[str, str]
    body: bytes
    attempts: int = 0


class Carried(NamedTuple):
    """A ticket as a delivery holds it: a reading as old as ``ticket.updated_at``.

    ``knows_tags``: the sender said which tags there are. Without that, a tag that is
    missing was not removed by anybody.
    """

    ticket: Ticket
    knows_tags: bool


class DeliveryState(StrEnum):
    PENDING = "pending"  #: waiting for the worker
    CLAIMED = "claimed"  #: being worked on; taken back when the lease runs out
    HANDLED = "handled"  #: its tickets or issues were read again and decided
    IGNORED = "ignored"  #: understood, nothing to do; the reason says why
    PARKED = "parked"  #: needs a person; shown, can be replayed or discarded
    DISCARDED = "discarded"  #: a person said it is not needed


class Operation(StrEnum):
    CHANGE_TAGS = "change_tags"
    CHANGE_FIELDS = "change_fields"
    ADD_NOTE = "add_note"
    SEND_MESSAGE = "send_message"
    UNPLAN_MESSAGE = "unplan_message"
    CREATE_ISSUE = "create_issue"
    UPDATE_ISSUE = "update_issue"
    COMMENT_ISSUE = "comment_issue"
    REOPEN_ISSUE = "reopen_issue"
    RAISE_PRIORITY = "raise_priority"
    ADD_WATCHER = "add_watcher"
    LINK_TICKET = "link_ticket"
    LINK_ISSUES = "link_issues"
    SHOW_ISSUE = "show_issue"
    CREATE_PROBLEM = "create_problem"
    ADD_INCIDENT = "add_incident"
    HASTEN = "hasten"
    ROUTE = "route"
    NOTIFY = "notify"


class OutboxState(StrEnum):
    PENDING = "pending"  #: waiting for its turn or for the next attempt
    SENDING = "sending"  #: claimed; taken back when the sender's lease runs out
    DONE = "done"  #: the vendor accepted it
    PARKED = "parked"  #: needs a person; shown on the status page
    OBSERVED = "observed"  #: recorded only: the mode is ``observe``, or nobody takes it
    DISCARDED = "discarded"  #: a person, or a newer state of things, took it back


class GroupState(StrEnum):
    EMERGING = "emerging"  #: below the threshold
    READY = "ready"  #: over the threshold, settling before it is filed
    FILED = "filed"  #: has an issue that is not done
    FIXED = "fixed"  #: its issue is done as fixed; watched for a return
    CLOSED = "closed"  #: the watch ended without a return
    WONT_DO = "wont_do"  #: its issue was closed unfixed, or a person said so; it counts
    MUTED = "muted"  #: a person said: count, but do not file
    MERGED = "merged"  #: became part of another one, which has its members


class Mode(StrEnum):
    OBSERVE = "observe"  #: decide and record only
    SUGGEST = "suggest"  #: prepare it for a person
    ACT = "act"  #: do it


class Role(StrEnum):
    """What somebody who signs in to the dashboard may do; each more than the last."""

    VIEWER = "viewer"  #: look
    AGENT = "agent"  #: also say what belongs together, do tasks, try again
    ADMIN = "admin"  #: also approve messages, set modes, stop and resume


class ChangedPage(NamedTuple):
    """A piece of what changed at a vendor.

    ``ids`` are tickets (of a tracker: issues), each at least once. ``cursor`` is the
    vendor's or the adapter's own word for where to go on: at once if ``more``, else
    when time has passed. It can be stored, and holds nothing secret. ``changed_at``
    says of those ids where the vendor tells it when they changed, in the words of
    ``Ticket.updated_at``: what was read since then is not read again.
    """

    ids: tuple[str, ...]
    cursor: str
    more: bool
    changed_at: Mapping[str, datetime] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Something of ours at the vendor that makes it call us: a webhook or a trigger.

    ``address`` is where it calls, without secrets. ``enabled`` is False when the vendor
    or a person switched it off. ``missing`` are events that we want and it lacks.
    ``remedy`` is what a person has to do where making it anew does not help.
    """

    kind: str
    external_id: str
    address: str
    enabled: bool
    missing: frozenset[str] = frozenset()
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """What ``subscribe`` made or mended, and what it found in order.

    ``settings`` are keys of the source's settings with values that the vendor chose (a
    signing secret); they belong into the secrets file and never into a log.
    """

    changed: tuple[Subscription, ...]
    kept: tuple[Subscription, ...]
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(NamedTuple):
    """One line of ``doctor``: what was looked at, what was seen, what to do."""

    level: Level
    subject: str
    message: str
    remedy: str = ""
