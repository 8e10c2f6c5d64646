"""A helpdesk and tracker in memory: answers at once, remembers every call.

For tests, benchmarks and trying rules. It signs like nobody else does (a shared token),
so that nothing real can be mistaken for it.
"""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, SecretStr

from adapters import AdapterKind
from adapters.base import (
    Framer,
    Hastener,
    Helpdesk,
    Historian,
    Inviter,
    IssueLinker,
    Prioritizer,
    Router,
    Shower,
    Tracker,
)
from adapters.signatures import matches
from connector.errors import (
    MalformedPayload,
    NotFound,
    SignatureRejected,
    TakesNoWrites,
    TicketGone,
    TicketMerged,
)
from connector.models import (
    HIGH,
    Author,
    Block,
    ChangedPage,
    Comment,
    Customer,
    Delivery,
    EventKind,
    Finding,
    Issue,
    IssueCategory,
    IssueChange,
    IssueDraft,
    IssueRef,
    Level,
    Meaning,
    Message,
    Note,
    Opened,
    Signed,
    Ticket,
    TicketEvent,
    TicketLink,
    TicketRef,
    TicketStatus,
    WebhookRequest,
    Written,
)
from connector.models import PRIORITIES as TICKET_PRIORITIES

#: The highest first, as Jira has them.
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")


PLACES = ("front", "legal", "logistics")


class MemoryConfig(BaseModel):
    """Settings of an in-memory source."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    secret: SecretStr = SecretStr("memory")
    takes_writes: bool = True
    shows_issues: bool = False
    frame_origins: tuple[str, ...] = ()


class MemoryAdapter(
    Helpdesk,
    Tracker,
    Framer,
    Hastener,
    Historian,
    Inviter,
    IssueLinker,
    Prioritizer,
    Router,
    Shower,
):
    """Implements every interface; ``calls`` lists every write in order.

    ``page`` is how many changes it tells at a time; without ``can_reopen`` its workflow
    offers no way back from done.
    """

    kind: ClassVar[str] = "memory"
    kept_headers: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, name: str, config: MemoryConfig | None = None) -> None:
        self.name = name
        self.config = config or MemoryConfig()
        self.tickets: dict[str, Ticket] = {}
        self.merged: dict[str, str] = {}
        self.issues: dict[str, Issue] = {}
        self.drafts: dict[str, IssueDraft] = {}
        self.marks: dict[str, Written] = {}
        self.calls: list[tuple[str, str, object]] = []
        self.page = 100
        self.can_reopen = True
        self._changes: list[tuple[str, datetime]] = []  # in the order they happened
        self._ids = itertools.count(1000)
        self._lock = threading.RLock()

    # -- what a test or a benchmark does to it --

    def write(
        self,
        external_id: str,
        text: str,
        *,
        email: str,
        subject: str = "",
        now: datetime | None = None,
    ) -> Ticket:
        """Let a customer open a ticket or add to it."""
        moment = now or datetime.now(UTC)
        customer = Customer(external_id=email, email=email.lower(), name=None)
        comment = Comment(
            external_id=str(next(self._ids)),
            author=Author.CUSTOMER,
            author_id=email,
            public=True,
            body=text,
            is_html=False,
            created_at=moment,
        )
        with self._lock:
            self._changes.append((external_id, moment))
            known = self.tickets.get(external_id)
            self.tickets[external_id] = (
                replace(known, comments=(*known.comments, comment), updated_at=moment)
                if known
                else Ticket(
                    ref=TicketRef(self.name, external_id),
                    number=external_id,
                    subject=subject,
                    status=TicketStatus.OPEN,
                    customer=customer,
                    comments=(comment,),
                    tags=frozenset(),
                    created_at=moment,
                    updated_at=moment,
                    url=f"https://memory.invalid/{self.name}/{external_id}",
                    channel="email",
                )
            )
            return self.tickets[external_id]

    def move_issue(
        self,
        external_id: str,
        category: IssueCategory,
        resolution: str = "",
        now: datetime | None = None,
        *,
        meaning: Meaning | None = None,
        duplicates: tuple[IssueRef, ...] = (),
    ) -> None:
        """Let the product team change an issue's status."""
        moment = now or datetime.now(UTC)
        with self._lock:
            self._changes.append((external_id, moment))
            self.issues[external_id] = replace(
                self.issues[external_id],
                category=category,
                status_name=category.value,
                resolution=resolution,
                meaning=meaning,
                duplicates=duplicates,
                updated_at=moment,
            )

    # -- adapter --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        expected = self.config.secret.get_secret_value()
        if not matches(request.headers.get("x-memory-token", ""), [expected]):
            raise SignatureRejected("X-Memory-Token is missing or wrong")

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return request.headers.get("x-memory-id")

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        try:
            body = json.loads(delivery.body)
        except (ValueError, RecursionError) as err:
            raise MalformedPayload(f"not JSON: {err}") from err
        if not isinstance(body, dict):
            raise MalformedPayload("expected an object")
        if "ticket" in body:
            return (self._event(EventKind.TICKET_CHANGED, body["ticket"]),)
        if "issue" in body:
            return (self._event(EventKind.ISSUE_CHANGED, body["issue"]),)
        return (TicketEvent(EventKind.IGNORED, self.name, reason="nothing for us"),)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        return Signed({"X-Memory-Token": self.config.secret.get_secret_value()}, {})

    def check(self, now: datetime) -> list[Finding]:
        return [Finding(Level.OK, self.name, "in memory, always there")]

    def close(self) -> None:
        self.tickets.clear()

    # -- helpdesk --

    def fetch_ticket(self, external_id: str) -> Ticket:
        if external_id in self.merged:
            raise TicketMerged(
                f"{external_id} was merged", into=self.merged[external_id]
            )
        try:
            return self.tickets[external_id]
        except KeyError as err:
            raise TicketGone(f"no ticket {external_id}", status=404) from err

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        with self._lock:
            ticket = self.fetch_ticket(external_id)
            tags = (ticket.tags | add) - remove
            if tags != ticket.tags:
                self.calls.append(("change_tags", external_id, tags))
                self.tickets[external_id] = replace(ticket, tags=tags)
            return tags

    def add_note(self, external_id: str, note: Note) -> Written:
        return self._comment(
            "add_note", external_id, note.text, note.mark, public=False, draft=False
        )

    def send_message(self, external_id: str, message: Message) -> Written:
        return self._comment(
            "send_message",
            external_id,
            message.text,
            message.mark,
            public=True,
            draft=message.draft,
        )

    def hasten(self, external_id: str, priority: str = HIGH, left: str = "") -> bool:
        ticket = self.fetch_ticket(external_id)
        rising = ("", *TICKET_PRIORITIES)
        if priority not in rising:
            raise TakesNoWrites(f"no priority {priority!r}")
        now = rising.index(ticket.fields.get("priority", ""))
        if not rising.index(left) <= now < rising.index(priority):
            return False
        raised = {**ticket.fields, "priority": priority}
        self.tickets[external_id] = replace(ticket, fields=raised)
        self.calls.append(("hasten", external_id, priority))
        return True

    def route(self, external_id: str, place: str, left: str) -> str:
        ticket = self.fetch_ticket(external_id)
        now = ticket.fields.get("place", "")
        if place not in PLACES:
            raise TakesNoWrites(f"no place {place!r}")
        if now == place or (left and now != left) or "assignee" in ticket.fields:
            return ""
        moved = {**ticket.fields, "place": place}
        self.tickets[external_id] = replace(ticket, fields=moved)
        self.calls.append(("route", external_id, place))
        return place

    def check_places(self, places: Collection[str]) -> list[Finding]:
        strange = sorted(set(places) - set(PLACES))
        return [Finding(Level.PROBLEM, self.name, f"no place {one}") for one in strange]

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        return self.marks.get(f"{external_id}/{mark}")

    # -- tracker --

    def fetch_issue(self, external_id: str) -> Issue:
        try:
            return self.issues[external_id]
        except KeyError as err:
            raise NotFound(f"no issue {external_id}", status=404) from err

    def find_issue(self, project: str, mark: str) -> IssueRef | None:
        return next(iter(self.find_issues(project, mark)), None)

    def create_issue(self, draft: IssueDraft) -> IssueRef:
        with self._lock:
            number = str(next(self._ids))
            key = f"{draft.project}-{number}"
            ref = IssueRef(self.name, number, key, f"https://memory.invalid/{key}")
            self.issues[number] = Issue(
                ref=ref,
                summary=draft.summary,
                category=IssueCategory.TODO,
                status_name="To Do",
                resolution="",
                labels=frozenset({draft.mark, *draft.labels}),
                updated_at=datetime.now(UTC),
                project=draft.project,
                priority=draft.priority or "Medium",
            )
            self.drafts[number] = draft
            self.calls.append(("create_issue", number, draft))
            return ref

    def update_issue(self, external_id: str, change: IssueChange) -> frozenset[str]:
        issue = self.fetch_issue(external_id)
        labels = (issue.labels | change.add_labels) - change.remove_labels
        self.issues[external_id] = replace(issue, labels=labels)
        self.calls.append(("update_issue", external_id, change))
        return frozenset()

    def comment_issue(
        self, external_id: str, body: Sequence[Block], mark: str
    ) -> Written:
        self.fetch_issue(external_id)
        return self._mark("comment_issue", external_id, tuple(body), mark)

    def find_comment(self, external_id: str, mark: str) -> Written | None:
        return self.marks.get(f"{external_id}/{mark}")

    def reopen_issue(self, external_id: str) -> bool:
        issue = self.fetch_issue(external_id)
        if issue.category is IssueCategory.DONE:
            if not self.can_reopen:
                return False
            self.move_issue(external_id, IssueCategory.IN_PROGRESS)
            self.calls.append(("reopen_issue", external_id, None))
        return True

    def add_watcher(self, external_id: str, who: str) -> None:
        self.fetch_issue(external_id)
        self.calls.append(("add_watcher", external_id, who))

    def check_people(
        self, project: str, components: Collection[str], assignee: str
    ) -> list[Finding]:
        return []

    def raise_priority(self, external_id: str, priority: str, left: str) -> bool:
        issue = self.fetch_issue(external_id)
        if issue.priority == priority:
            return True
        rank = PRIORITIES.index
        if issue.priority != left or rank(priority) > rank(issue.priority):
            return False
        self.issues[external_id] = replace(issue, priority=priority)
        self.calls.append(("raise_priority", external_id, priority))
        return True

    def check_priorities(self, priorities: Sequence[str]) -> list[Finding]:
        known = set(priorities) <= set(PRIORITIES)
        level = Level.OK if known else Level.PROBLEM
        return [Finding(level, "priorities", ", ".join(PRIORITIES))]

    def link_ticket(self, external_id: str, link: TicketLink) -> None:
        self.fetch_issue(external_id)
        self.calls.append(("link_ticket", external_id, link))

    # -- links --

    def link_issues(self, external_id: str, other_external_id: str) -> None:
        self.fetch_issue(other_external_id)
        self.calls.append(("link_issues", external_id, other_external_id))

    def find_issues(self, project: str, mark: str) -> tuple[IssueRef, ...]:
        return tuple(one.ref for one in self.issues.values() if mark in one.labels)

    def link_duplicate(self, external_id: str, original_id: str) -> None:
        self.fetch_issue(external_id)
        self.fetch_issue(original_id)
        self.calls.append(("link_duplicate", external_id, original_id))

    def show_issue(self, external_id: str, issue: IssueRef) -> None:
        self.fetch_ticket(external_id)
        call = ("show_issue", external_id, issue)
        if call not in self.calls:
            self.calls.append(call)

    # -- framer --

    @property
    def frame_origins(self) -> tuple[str, ...]:
        return self.config.frame_origins

    def opened(self, request: WebhookRequest, now: datetime) -> Opened:
        """Take the token from the query, and whatever else is said there."""
        query = dict(request.query)
        if not matches(query.pop("token", ""), [self.config.secret.get_secret_value()]):
            raise SignatureRejected("the token is missing or wrong")
        markup = bool(query.pop("markup", ""))
        return Opened(**{"ticket": "", **query}, is_markup=markup)

    def check_frame(self) -> list[Finding]:
        return []

    # -- history --

    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        with self._lock:
            start = self._first_after(since) if cursor is None else int(cursor)
            part = self._changes[start : start + self.page]
            end = start + len(part)
            more = end < len(self._changes)
        return ChangedPage(
            tuple(dict.fromkeys(external_id for external_id, _ in part)),
            str(end),
            more,
            dict(part),
        )

    def _first_after(self, since: datetime) -> int:
        after = [n for n, (_, at) in enumerate(self._changes) if at >= since]
        return min(after, default=len(self._changes))

    # -- own --

    def _event(self, kind: EventKind, external_id: object) -> TicketEvent:
        return TicketEvent(kind, self.name, str(external_id))

    def _mark(self, what: str, target: str, value: object, mark: str) -> Written:
        with self._lock:
            written = Written(str(next(self._ids)))
            self.marks[f"{target}/{mark}"] = written
            self.calls.append((what, target, value))
            return written

    def _comment(
        self,
        what: str,
        external_id: str,
        text: str,
        mark: str,
        *,
        public: bool,
        draft: bool,
    ) -> Written:
        with self._lock:
            ticket = self.fetch_ticket(external_id)
            written = self._mark(what, external_id, text, mark)
            comment = Comment(
                external_id=written.external_id,
                author=Author.AGENT,
                author_id="connector",
                public=public,
                body=text,
                is_html=False,
                created_at=datetime.now(UTC),
                draft=draft,
            )
            self.tickets[external_id] = replace(
                ticket, comments=(*ticket.comments, comment)
            )
            return written


KIND = AdapterKind(
    "memory",
    MemoryConfig,
    MemoryAdapter,
    takes_writes=lambda settings: settings.takes_writes,
    has_priorities=True,
    has_places=True,
    shows_issues=lambda settings: settings.shows_issues,
)
