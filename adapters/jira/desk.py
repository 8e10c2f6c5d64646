"""Jira Service Management as a helpdesk: settings, then the calls in the order of
``adapters/base.py``.

What its documents mean is in ``desk_payloads.py``, how it is called in
``desk_client.py``. A request is an issue, so labels are tags; comments are read and
written through the service desk alone, where each says whether a customer reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field, StringConstraints

from adapters.base import Hastener, Helpdesk, Historian, Subscriber, TagRules
from adapters.jira import (
    account,
    bodies,
    deliveries,
    desk_payloads,
    desk_tickets,
    history,
    paging,
    readings,
    webhooks,
)
from adapters.jira.account import Account
from adapters.jira.client import segment
from adapters.jira.desk_check import DeskChecks
from adapters.jira.desk_client import DeskClient
from adapters.jira.flavour import Flavour
from adapters.jira.registration import Registration
from adapters.jira.values import as_object, to_id
from connector.errors import (
    NotFound,
    ProjectClosed,
    TakesNoWrites,
    TicketGone,
    TicketLocked,
    TicketOutside,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    HIGH,
    ChangedPage,
    Delivery,
    Finding,
    IssueChange,
    Message,
    Note,
    Signed,
    Subscribed,
    Subscription,
    Ticket,
    TicketEvent,
    WebhookRequest,
    Written,
)

ProjectKey = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]+$")]

Answer = TypeVar("Answer")

#: Beside the request itself, in the same call.
EXPAND = "requestType,participant,sla"


class JiraDeskConfig(Account):
    """Settings of a service desk."""

    projects: tuple[ProjectKey, ...] = Field(
        min_length=1,
        description="keys of the service projects whose requests are tickets",
    )
    pending_statuses: tuple[str, ...] = Field(
        default=("Waiting for customer",),
        description="names of statuses in which somebody else than us is waited for",
    )


class JiraDesk(Helpdesk, Historian, Subscriber, Hastener, TagRules):
    """The service projects of one Jira."""

    kind: ClassVar[str] = "jira_service_management"
    kept_headers: ClassVar[frozenset[str]] = deliveries.KEPT_HEADERS

    def __init__(self, name: str, config: JiraDeskConfig) -> None:
        self.name = name
        self.config = config
        self._client = account.connect(name, config, DeskClient)
        self._checks = DeskChecks(name, config, self._client, config.projects)
        self._registration = Registration(name, config, self._client)

    # -- adapter --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        account.verify(self.config, request, now)

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return deliveries.delivery_id(request)

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        window, projects = self.config.signature_window, self.config.projects
        return (desk_payloads.parse(delivery, window, projects),)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        return account.sign(self.config, body, now)

    def check(self, now: datetime) -> list[Finding]:
        return self._checks.all(now, self._registration.listed)

    def close(self) -> None:
        self._client.close()

    # -- tickets --

    def fetch_ticket(self, external_id: str) -> Ticket:
        with self._in_its_project(external_id):
            issue = self._issue_inside(external_id)
            reading = self._reading(external_id, issue)
        return desk_tickets.to_ticket(
            self.name, self.config.site_url, reading, self.config.pending_statuses
        )

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        wanted = frozenset(bodies.checked_labels(sorted(add - remove)))
        with self._in_its_project(external_id):
            try:
                return self._change_labels(external_id, wanted, remove)
            except VendorConflict:
                # Somebody was faster: read again, once.
                return self._change_labels(external_id, wanted, remove)

    def add_note(self, external_id: str, note: Note) -> Written:
        return self._comment(external_id, note.text, note.mark, public=False)

    def send_message(self, external_id: str, message: Message) -> Written:
        if message.draft:
            # A service desk has no drafts: an agent reads what to send in a note.
            text = desk_payloads.suggestion(message.text)
            return self._comment(external_id, text, message.mark, public=False)
        return self._comment(external_id, message.text, message.mark, public=True)

    def hasten(self, external_id: str, priority: str = HIGH, left: str = "") -> bool:
        issue = self._gone(lambda: self._issue(external_id, ("priority", "status")))
        listed = paging.priorities(self._client, self.config.flavour)
        wanted = readings.named(listed, priority)
        if wanted is None:
            raise TakesNoWrites(f"{self.name} has no priority {priority!r}")
        now = desk_payloads.priority_of(issue)
        is_lower = readings.is_between(listed, now, left, wanted)
        if not is_lower or desk_payloads.is_done(issue):
            return False
        path = f"issue/{segment(external_id)}"
        body = {"fields": {"priority": {"id": to_id(listed[wanted])}}}
        try:
            self._gone(lambda: self._client.write("PUT", path, body))
        except VendorRefused as err:
            if err.status != 400:
                raise
            # Projects differ in whether their requests have one.
            raise TakesNoWrites(str(err), status=err.status) from err
        return True

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        with self._in_its_project(external_id):
            comments = self._comments(external_id)
        for comment in comments:
            wanted = desk_payloads.meant_public(comment, mark)
            if wanted is None:
                continue
            # Somebody may have copied our words to where we would not have put them.
            if comment.get("public") is wanted or self._is_ours(comment):
                return self._verified(external_id, comment, public=wanted)
        return None

    def refused_tags(self, tags: Iterable[str]) -> Mapping[str, str]:
        return bodies.refused_labels(tags)

    # -- history --

    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        # A rating tells nobody, and nothing says that it counts as a change.
        stamps = ("updated", *filter(None, (self._fields.satisfaction_date,)))
        return history.changed(
            self.name,
            self._client,
            self.config.flavour,
            since,
            cursor,
            history.Scope(self.config.projects, stamps),
        )

    # -- webhooks --

    def ping(self, word: str) -> tuple[bytes, str | None]:
        return webhooks.ping(word)

    def subscriptions(self, address: str) -> list[Subscription]:
        return self._registration.subscriptions(address)

    def subscribe(self, address: str) -> Subscribed:
        return self._registration.subscribe(address)

    def unsubscribe(self, address: str) -> list[Subscription]:
        return self._registration.unsubscribe(address)

    # -- reading --

    def _issue_inside(self, external_id: str) -> Mapping[str, Any]:
        """Read an issue that is a customer's request of one of our projects."""
        wanted = (*desk_payloads.ISSUE_FIELDS, *self._fields.known)
        issue = self._gone(lambda: self._issue(external_id, wanted))
        if desk_payloads.project_of(issue) not in self.config.projects:
            raise TicketOutside(f"{self.name}: it is in a project that is not ours")
        if desk_payloads.is_ours(issue, self._me):
            raise TicketOutside(f"{self.name}: the connector filed it itself")
        return issue

    def _issue(self, external_id: str, fields: tuple[str, ...]) -> Mapping[str, Any]:
        kept = (desk_payloads.OWN_PROPERTY, desk_payloads.CHANNEL_PROPERTY)
        return self._client.read(
            f"issue/{segment(external_id)}",
            {"fields": ",".join(fields), "properties": ",".join(kept)},
        )

    def _reading(
        self, external_id: str, issue: Mapping[str, Any]
    ) -> desk_tickets.Reading:
        path = f"request/{segment(external_id)}"
        try:
            request = self._client.desk(path, {"expand": EXPAND})
        except NotFound as err:
            # There is an issue: agents make some that are nobody's request.
            raise TicketOutside(f"{self.name}: it is no customer's request") from err
        reporter = desk_payloads.account_id(as_object(request.get("reporter")))
        return desk_tickets.Reading(
            issue=issue,
            request=request,
            comments=list(self._comments(external_id)),
            organizations=self._organizations(reporter),
            feedback=self._feedback(external_id, issue),
            fields=self._fields,
            me=self._me,
        )

    def _comments(self, external_id: str) -> list[Mapping[str, Any]]:
        path = f"request/{segment(external_id)}/comment"
        return self._gone(
            lambda: list(self._client.pages(path, {"expand": "renderedBody"}))
        )

    def _organizations(self, customer: str) -> list[str]:
        """Name the organisations of a customer, where Jira can be asked for them."""
        if self.config.flavour is not Flavour.CLOUD or not customer:
            return []
        try:
            found = self._client.pages("organization", {"accountId": customer})
            return [str(each["name"]) for each in found if each.get("name")]
        except VendorRefused as err:
            if err.status not in (403, 404):
                raise
            return []  # only for agents; and not for accounts that were deleted

    def _feedback(
        self, external_id: str, issue: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Read the rating, if there can be one."""
        field = self._fields.satisfaction
        rated = desk_payloads.rating(issue, field) if field else ""
        if not rated and (field or not desk_payloads.is_done(issue)):
            return {}
        try:
            return self._client.desk(f"request/{segment(external_id)}/feedback")
        except VendorRefused as err:
            if err.status not in (400, 403, 404):
                raise
            return {}  # none was given, or this release has no such call

    def _gone(self, call: Callable[[], Answer]) -> Answer:
        """Call about one request: what is not found is a ticket that is gone."""
        try:
            return call()
        except TicketGone:
            raise
        except NotFound as err:
            raise TicketGone(str(err), status=err.status) from err

    @contextmanager
    def _in_its_project(self, external_id: str) -> Iterator[None]:
        """Tell a project that is closed to us from a site that is.

        All work waits for a site; a project is not to stop the work in the others.
        """
        try:
            yield
        except VendorRefused as err:
            if type(err) is not VendorRefused or err.status != 403:
                raise
            project = self._project(external_id)
            others = [key for key in self.config.projects if key != project]
            if not project or not self._checks.is_any_open(others):
                raise
            words = f"{self.name}: our account may not work in project {project}"
            raise ProjectClosed(f"{words}: {err}", status=err.status) from err

    def _project(self, external_id: str) -> str:
        """Return in which of several projects a request is, empty if nobody tells."""
        if len(self.config.projects) == 1:
            return ""
        try:
            return desk_payloads.project_of(self._issue(external_id, ("project",)))
        except VendorError:
            return ""

    @cached_property
    def _me(self) -> str:
        return desk_payloads.account_id(self._client.myself())

    @cached_property
    def _fields(self) -> desk_payloads.SiteFields:
        return desk_payloads.site_fields(self._client.read_list("field"))

    # -- writing --

    def _change_labels(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        labels = self._labels(external_id)
        change = bodies.change_body(
            IssueChange(add_labels=add - labels, remove_labels=remove & labels)
        )
        if not change:
            return labels
        path = f"issue/{segment(external_id)}"
        try:
            self._gone(lambda: self._client.write("PUT", path, change))
        except VendorRefused as err:
            if err.status in (400, 403) and self._is_read_only(external_id):
                raise TicketLocked(str(err), status=err.status) from err
            raise
        labels = self._labels(external_id)
        if not add <= labels or remove & labels:
            raise VendorConflict(
                f"{self.name}: the labels were changed again meanwhile"
            )
        return labels

    def _labels(self, external_id: str) -> frozenset[str]:
        issue = self._gone(lambda: self._issue(external_id, ("labels",)))
        return desk_payloads.labels(issue)

    def _is_read_only(self, external_id: str) -> bool:
        """Tell whether the workflow lets nobody change it, as often when closed."""
        path = f"issue/{segment(external_id)}/editmeta"
        try:
            return not self._client.read(path, {}).get("fields")
        except VendorError:
            return False

    def _comment(
        self, external_id: str, text: str, mark: str, *, public: bool
    ) -> Written:
        body = desk_payloads.comment_body(text, mark, public=public)
        with self._in_its_project(external_id):
            answer = self._gone(lambda: self._client.comment(external_id, body))
        return self._verified(external_id, answer, public=public)

    def _verified(
        self, external_id: str, comment: Mapping[str, Any], *, public: bool
    ) -> Written:
        """Return what was written if those can read it who should, and nobody else.

        Anything else is taken back, so that it can be tried again.
        """
        written = Written(readings.to_comment_id(self.name, comment))
        seen = comment.get("public")
        if seen is public:
            return written
        if not isinstance(seen, bool):
            raise VendorUnavailable(f"{self.name} did not say who can read a comment")
        outcome = self._take_back(external_id, written.external_id)
        if public:
            raise VendorRefused(
                f"{self.name} kept our reply internal: the customer cannot read it; "
                f"{outcome}"
            )
        raise VendorRefused(
            f"{self.name} showed our internal note to the customer; {outcome}. "
            "Is our account an agent of this service project?"
        )

    def _is_ours(self, comment: Mapping[str, Any]) -> bool:
        author = as_object(comment.get("author"))
        return desk_payloads.account_id(author) == self._me

    def _take_back(self, external_id: str, comment_id: str) -> str:
        try:
            self._client.delete_comment(external_id, comment_id)
        except VendorError:
            return "it could not be taken back"
        return "it was deleted at once"
