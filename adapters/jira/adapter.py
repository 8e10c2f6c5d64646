"""Jira as a tracker: the calls, in the order of ``adapters/base.py``.

Jira is read in ``deliveries.py`` and ``readings.py``; what it is told is built in
``bodies.py``; how it is called is in ``client.py``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from adapters.base import (
    FilingCheck,
    Historian,
    Inviter,
    IssueLinker,
    Prioritizer,
    Subscriber,
    Tracker,
)
from adapters.jira import (
    account,
    bodies,
    deliveries,
    history,
    links,
    managed,
    paging,
    readings,
    webhooks,
)
from adapters.jira.checks import Checks
from adapters.jira.client import JiraClient, segment
from adapters.jira.flavour import Flavour
from adapters.jira.registration import Registration
from adapters.jira.settings import JiraConfig as JiraConfig
from adapters.jira.text import has_mark
from adapters.jira.values import to_id
from connector.errors import NotFound, VendorRefused
from connector.models import (
    Block,
    ChangedPage,
    Delivery,
    Finding,
    Issue,
    IssueChange,
    IssueDraft,
    IssueRef,
    Signed,
    Subscribed,
    Subscription,
    TicketEvent,
    TicketLink,
    WebhookRequest,
    Written,
)

#: Jira may answer with an empty page and more behind it.
SEARCH_PAGES = 3
SEARCH_SIZE = 20
COMMENT_PAGES = 5
COMMENT_SIZE = 100

#: An issue without them is better than none; `doctor` says what is wrong with them.
OPTIONAL = frozenset({"priority", "components", "assignee"})


class JiraAdapter(
    Tracker, IssueLinker, Inviter, Prioritizer, Historian, Subscriber, FilingCheck
):
    """One Jira."""

    kind: ClassVar[str] = "jira"
    kept_headers: ClassVar[frozenset[str]] = deliveries.KEPT_HEADERS

    def __init__(self, name: str, config: JiraConfig) -> None:
        self.name = name
        self.config = config
        self._client = account.connect(name, config, JiraClient)
        self._checks = Checks(name, config, self._client)
        self._registration = Registration(name, config, self._client)
        self._kinds: Mapping[str, str] = {}

    # -- adapter --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        account.verify(self.config, request, now)

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return deliveries.delivery_id(request)

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        return (deliveries.parse(delivery, self.config.signature_window),)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        return account.sign(self.config, body, now)

    def check(self, now: datetime) -> list[Finding]:
        return self._checks.all(now, self._registration.listed)

    def check_filing(
        self, project: str, issue_type: str, fields: Collection[str]
    ) -> list[Finding]:
        return self._checks.filing(project, issue_type, fields)

    def check_resolutions(self, fixed: Collection[str]) -> list[Finding]:
        return self._checks.resolutions(fixed)

    def check_priorities(self, priorities: Sequence[str]) -> list[Finding]:
        return self._checks.priorities(priorities)

    def check_people(
        self, project: str, components: Collection[str], assignee: str
    ) -> list[Finding]:
        return self._checks.people(project, components, assignee)

    def close(self) -> None:
        self._client.close()

    # -- tracker --

    def fetch_issue(self, external_id: str) -> Issue:
        raw = self._client.issue(external_id, readings.ISSUE_FIELDS)
        return readings.to_issue(
            self.name,
            self.config.site_url,
            raw,
            self.config.resolutions,
            self.config.duplicate_links,
        )

    def find_issue(self, project: str, mark: str) -> IssueRef | None:
        return next(iter(self.find_issues(project, mark)), None)

    def create_issue(self, draft: IssueDraft) -> IssueRef:
        asked = {**draft.fields, **self._spelled(draft.moments)}
        fields = {**self.config.filled(draft.project), **asked}
        body = bodies.issue_body(replace(draft, fields=fields), self.config.flavour)
        answer, _ = self._write_fields("POST", "issue", body, {*asked, *OPTIONAL})
        return self._ref(answer)

    def update_issue(self, external_id: str, change: IssueChange) -> frozenset[str]:
        path, left_out = f"issue/{segment(external_id)}", frozenset[str]()
        fields = {**change.fields, **self._spelled(change.moments)}
        if change.counts:
            fields["description"] = self._with_counts(external_id, change)
        if body := bodies.change_body(replace(change, fields=fields)):
            _, left_out = self._write_fields("PUT", path, body, fields)
        for key, value in change.properties.items():
            checked = bodies.checked_property(key, value)
            self._client.write("PUT", f"{path}/properties/{segment(key)}", checked)
        return left_out

    def comment_issue(
        self, external_id: str, body: Sequence[Block], mark: str
    ) -> Written:
        answer = self._client.write(
            "POST",
            f"issue/{segment(external_id)}/comment",
            bodies.comment_body(body, mark, self.config.flavour),
        )
        return Written(readings.to_comment_id(self.name, answer))

    def find_comment(self, external_id: str, mark: str) -> Written | None:
        start = 0
        for _ in range(COMMENT_PAGES):
            comments, total = self._comments(external_id, start)
            for comment in comments:
                if has_mark(comment.get("body"), mark):
                    return Written(readings.to_comment_id(self.name, comment))
            start += len(comments)
            if not comments or start >= total:
                break
        return None

    def reopen_issue(self, external_id: str) -> bool:
        if not self._is_done(external_id):
            return True
        chosen = readings.find_reopening(self._client.transitions(external_id))
        if chosen is None:
            return False
        path = f"issue/{segment(external_id)}/transitions"
        try:
            self._client.write("POST", path, {"transition": {"id": chosen}})
        except VendorRefused as err:
            # It asks for a field, or somebody was faster: see which it was.
            if err.status != 400:
                raise
            return not self._is_done(external_id)
        return True

    def raise_priority(self, external_id: str, priority: str, left: str) -> bool:
        now = self.fetch_issue(external_id).priority
        listed = paging.priorities(self._client, self.config.flavour)
        current, aim, before = (
            readings.rank(listed, word) for word in (now, priority, left)
        )
        if aim is None or current is None or aim == current:
            return aim is not None and aim == current
        if current != before or current < aim:
            return False
        body = {"fields": {"priority": {"id": to_id(listed[aim])}}}
        path = f"issue/{segment(external_id)}"
        _, left_out = self._write_fields("PUT", path, body, OPTIONAL)
        return not left_out

    def add_watcher(self, external_id: str, who: str) -> None:
        # The library would look for people by that text, and take the first.
        self._client.write("POST", f"issue/{segment(external_id)}/watchers", who)

    def link_ticket(self, external_id: str, link: TicketLink) -> None:
        path = f"issue/{segment(external_id)}/remotelink"
        self._client.write("POST", path, bodies.link_body(link))

    # -- issues among each other --

    def link_issues(self, external_id: str, other_external_id: str) -> None:
        chosen = links.find_type(self._link_types())
        if chosen is None:
            raise NotFound(f"{self.name} has no type of link between issues")
        self._link(chosen, external_id, other_external_id)

    def find_issues(self, project: str, mark: str) -> tuple[IssueRef, ...]:
        refs = [self._ref(raw) for raw in self._search(project, mark)]
        return tuple(sorted(refs, key=lambda ref: int(ref.external_id)))

    def link_duplicate(self, external_id: str, original_id: str) -> None:
        chosen = links.find_duplicate_type(
            self._link_types(), self.config.duplicate_links
        )
        if chosen is None:
            raise NotFound(f"{self.name} has no type of link for duplicates")
        self._link(chosen, external_id, original_id)

    # -- what changed --

    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        flavour = self.config.flavour
        return history.changed(self.name, self._client, flavour, since, cursor)

    # -- webhooks --

    def ping(self, word: str) -> tuple[bytes, str | None]:
        return webhooks.ping(word)

    def subscriptions(self, address: str) -> list[Subscription]:
        return self._registration.subscriptions(address)

    def subscribe(self, address: str) -> Subscribed:
        return self._registration.subscribe(address)

    def unsubscribe(self, address: str) -> list[Subscription]:
        return self._registration.unsubscribe(address)

    # -- own --

    def _write_fields(
        self, method: str, path: str, body: Mapping[str, Any], optional: Collection[str]
    ) -> tuple[Mapping[str, Any], frozenset[str]]:
        """Send what has ``fields``, without those that Jira says no to.

        Only after a plain no: it did nothing then. Returns the answer and what was
        left out.
        """
        try:
            return self._client.write(method, path, body), frozenset()
        except VendorRefused as err:
            refused = err.fields & frozenset(optional) & body.get("fields", {}).keys()
            if err.status != 400 or not refused:
                raise
        kept = {name: body["fields"][name] for name in body["fields"].keys() - refused}
        rest = {key: value for key, value in body.items() if key != "fields"}
        if not kept and not rest:
            return {}, refused
        left = {**rest, "fields": kept} if kept else rest
        answer, more = self._write_fields(method, path, left, optional)
        return answer, refused | more

    def _with_counts(self, external_id: str, change: IssueChange) -> Any | None:
        """Read the description just before it is written: Jira knows no versions."""
        raw = self._client.issue(external_id, ("description",))
        fields = raw.get("fields")
        text = fields.get("description") if isinstance(fields, dict) else None
        return managed.renewed(text, change)

    def _spelled(self, moments: Mapping[str, datetime]) -> dict[str, str]:
        # What a field holds never changes, and the list of all of them is long.
        if moments.keys() - self._kinds.keys():
            found = readings.field_kinds(self._client.read_list("field"))
            self._kinds = {**self._kinds, **dict.fromkeys(moments, ""), **found}
        return {
            name: bodies.spelled(moment, self._kinds[name])
            for name, moment in moments.items()
        }

    def _link_types(self) -> list[dict[str, Any]]:
        answer = self._client.read("issueLinkType", {})
        return readings.to_page(self.name, answer, "issueLinkTypes")

    def _link(self, link_type: str, external_id: str, other: str) -> None:
        # Jira keeps one link of those made twice, so it is not asked for first.
        body = links.body(link_type, external_id, other)
        self._client.write("POST", "issueLink", body)

    def _is_done(self, external_id: str) -> bool:
        return readings.is_done(self._client.issue(external_id, ("status",)))

    def _ref(self, raw: Any) -> IssueRef:
        return readings.to_ref(self.name, self.config.site_url, raw)

    def _search(self, project: str, mark: str) -> list[Any]:
        params: dict[str, Any] = {
            "jql": bodies.search_query(project, mark),
            "fields": "summary",
            "maxResults": SEARCH_SIZE,
        }
        # Each flavour has only its own way: the other one is gone, or never was.
        if self.config.flavour is Flavour.DATA_CENTER:
            answer = self._client.read("search", params)
            return readings.to_page(self.name, answer, "issues")
        for _ in range(SEARCH_PAGES):
            answer = self._client.read("search/jql", params)
            found = readings.to_page(self.name, answer, "issues")
            if found or not answer.get("nextPageToken"):
                return found
            params["nextPageToken"] = answer["nextPageToken"]
        return []

    def _comments(self, external_id: str, start: int) -> tuple[list[Any], int]:
        answer = self._client.read(
            f"issue/{segment(external_id)}/comment",
            {"orderBy": "-created", "startAt": start, "maxResults": COMMENT_SIZE},
        )
        total = answer.get("total")
        found = readings.to_page(self.name, answer, "comments")
        return found, total if isinstance(total, int) else start + len(found)
