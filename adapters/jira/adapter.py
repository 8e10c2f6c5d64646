"""Jira as a tracker: settings, then the calls in the order of ``adapters/base.py``.

How Jira words things is in ``payloads.py``, how it is called in ``client.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from adapters.base import Tracker
from adapters.jira import account, payloads
from adapters.jira.account import Account
from adapters.jira.client import JiraClient, segment
from adapters.jira.payloads import Flavour
from adapters.jira.text import has_mark
from connector.errors import CredentialsRejected, VendorError
from connector.models import (
    Block,
    Delivery,
    Finding,
    Issue,
    IssueChange,
    IssueDraft,
    IssueRef,
    Level,
    Signed,
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
CLOCK_TOLERANCE = timedelta(minutes=5)


class JiraConfig(Account):
    """Settings of a Jira source."""


class JiraAdapter(Tracker):
    """One Jira."""

    kind: ClassVar[str] = "jira"
    kept_headers: ClassVar[frozenset[str]] = payloads.KEPT_HEADERS

    def __init__(self, name: str, config: JiraConfig) -> None:
        self.name = name
        self.config = config
        self._client = account.connect(name, config, JiraClient)

    # -- adapter --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        account.verify(self.config, request, now)

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return payloads.delivery_id(request)

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        return (payloads.parse(delivery, self.config.signature_window),)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        return account.sign(self.config, body, now)

    def check(self, now: datetime) -> list[Finding]:
        try:
            me = self._client.myself()
        except VendorError as err:
            # One failed login is enough: more of them lock the account.
            return [self._problem("credentials", err)]
        name = me.get("displayName") or me.get("name") or "an account"
        login = Finding(Level.OK, f"{self.name}: credentials", f"signed in as {name}")
        return [login, *self._check_server(now)]

    def close(self) -> None:
        self._client.close()

    # -- tracker --

    def fetch_issue(self, external_id: str) -> Issue:
        raw = self._client.issue(external_id, payloads.ISSUE_FIELDS)
        return payloads.to_issue(self.name, self.config.site_url, raw)

    def find_issue(self, project: str, mark: str) -> IssueRef | None:
        refs = [self._ref(raw) for raw in self._search(project, mark)]
        return min(refs, key=lambda ref: int(ref.external_id), default=None)

    def create_issue(self, draft: IssueDraft) -> IssueRef:
        body = payloads.issue_body(draft, self.config.flavour)
        return self._ref(self._client.write("POST", "issue", body))

    def update_issue(self, external_id: str, change: IssueChange) -> None:
        path = f"issue/{segment(external_id)}"
        if body := payloads.change_body(change):
            self._client.write("PUT", path, body)
        for key, value in change.properties.items():
            self._client.write("PUT", f"{path}/properties/{segment(key)}", dict(value))

    def comment_issue(
        self, external_id: str, body: Sequence[Block], mark: str
    ) -> Written:
        answer = self._client.write(
            "POST",
            f"issue/{segment(external_id)}/comment",
            payloads.comment_body(body, mark, self.config.flavour),
        )
        return Written(payloads.to_comment_id(self.name, answer))

    def find_comment(self, external_id: str, mark: str) -> Written | None:
        start = 0
        for _ in range(COMMENT_PAGES):
            comments, total = self._comments(external_id, start)
            for comment in comments:
                if has_mark(comment.get("body"), mark):
                    return Written(payloads.to_comment_id(self.name, comment))
            start += len(comments)
            if not comments or start >= total:
                break
        return None

    def reopen_issue(self, external_id: str) -> bool:
        raw = self._client.issue(external_id, ("status",))
        if not payloads.is_done(raw):
            return True
        offered = self._client.transitions(external_id)
        chosen = payloads.find_reopening(offered)
        if chosen is None:
            return False
        self._client.write(
            "POST",
            f"issue/{segment(external_id)}/transitions",
            {"transition": {"id": chosen}},
        )
        return True

    def link_ticket(self, external_id: str, link: TicketLink) -> None:
        path = f"issue/{segment(external_id)}/remotelink"
        self._client.write("POST", path, payloads.link_body(link))

    # -- own --

    def _ref(self, raw: Any) -> IssueRef:
        return payloads.to_ref(self.name, self.config.site_url, raw)

    def _search(self, project: str, mark: str) -> list[Any]:
        params: dict[str, Any] = {
            "jql": payloads.search_query(project, mark),
            "fields": "summary",
            "maxResults": SEARCH_SIZE,
        }
        # Each flavour has only its own way: the other one is gone, or never was.
        if self.config.flavour is Flavour.DATA_CENTER:
            answer = self._client.read("search", params)
            return payloads.to_page(self.name, answer, "issues")
        for _ in range(SEARCH_PAGES):
            answer = self._client.read("search/jql", params)
            found = payloads.to_page(self.name, answer, "issues")
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
        found = payloads.to_page(self.name, answer, "comments")
        return found, total if isinstance(total, int) else start + len(found)

    def _check_server(self, now: datetime) -> list[Finding]:
        try:
            info = self._client.server_info()
        except VendorError as err:
            return [self._problem("server", err)]
        return [self._check_flavour(info), *self._check_clock(info, now)]

    def _check_flavour(self, info: Any) -> Finding:
        subject = f"{self.name}: server"
        version = f"Jira {info.get('version') or 'of unknown version'}"
        cloud = info.get("deploymentType") == "Cloud"
        if cloud is (self.config.flavour is Flavour.CLOUD):
            return Finding(Level.OK, subject, version)
        seen = Flavour.CLOUD if cloud else Flavour.DATA_CENTER
        return Finding(
            Level.PROBLEM,
            subject,
            f"{version} is not flavour {self.config.flavour}",
            f"set flavour to {seen}",
        )

    def _check_clock(self, info: Any, now: datetime) -> list[Finding]:
        try:
            skew = abs(payloads.to_moment(info.get("serverTime")) - now)
        except VendorError:
            return []  # Cloud does not always say
        if skew <= CLOCK_TOLERANCE:
            return []
        return [
            Finding(
                Level.WARNING,
                f"{self.name}: clock",
                f"Jira's clock and ours differ by {skew.total_seconds():.0f} s",
                "set both by a time server; deliveries are judged by their age",
            )
        ]

    def _problem(self, what: str, err: VendorError) -> Finding:
        remedy = "check site_url, api_base and the network between us"
        if isinstance(err, CredentialsRejected):
            remedy = "make a new token; a scoped token needs api_base (README, Set up)"
        return Finding(Level.PROBLEM, f"{self.name}: {what}", str(err), remedy)
