"""Jira as a tracker: the calls, in the order of ``adapters/base.py``.

How Jira words things is in ``payloads.py``, how it is called in ``client.py``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from adapters.base import Historian, Subscriber, Tracker
from adapters.jira import account, history, payloads, webhooks
from adapters.jira.checks import Checks
from adapters.jira.client import JiraClient, segment
from adapters.jira.payloads import Flavour
from adapters.jira.settings import JiraConfig as JiraConfig
from adapters.jira.text import has_mark
from adapters.jira.webhooks import Wanted
from connector.errors import NotFound, VendorRefused, VendorUnavailable
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


class JiraAdapter(Tracker, Historian, Subscriber):
    """One Jira."""

    kind: ClassVar[str] = "jira"
    kept_headers: ClassVar[frozenset[str]] = payloads.KEPT_HEADERS

    def __init__(self, name: str, config: JiraConfig) -> None:
        self.name = name
        self.config = config
        self._client = account.connect(name, config, JiraClient)
        self._checks = Checks(name, config, self._client)

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
        return self._checks.all(now, lambda: self._webhooks()[1])

    def check_filing(
        self, project: str, issue_type: str, fields: Collection[str]
    ) -> list[Finding]:
        """Prove that an issue can be filed there with ``fields`` set, and reopened.

        Harmless reads; never raises.
        """
        return self._checks.filing(project, issue_type, fields)

    def close(self) -> None:
        self._client.close()

    # -- tracker --

    def fetch_issue(self, external_id: str) -> Issue:
        raw = self._client.issue(external_id, payloads.ISSUE_FIELDS)
        site, meanings = self.config.site_url, self.config.resolutions
        return payloads.to_issue(self.name, site, raw, meanings)

    def find_issue(self, project: str, mark: str) -> IssueRef | None:
        refs = [self._ref(raw) for raw in self._search(project, mark)]
        return min(refs, key=lambda ref: int(ref.external_id), default=None)

    def create_issue(self, draft: IssueDraft) -> IssueRef:
        fields = {**self.config.filled(draft.project), **draft.fields}
        body = payloads.issue_body(replace(draft, fields=fields), self.config.flavour)
        return self._ref(self._client.write("POST", "issue", body))

    def update_issue(self, external_id: str, change: IssueChange) -> None:
        path = f"issue/{segment(external_id)}"
        if body := payloads.change_body(change):
            self._client.write("PUT", path, body)
        for key, value in change.properties.items():
            checked = payloads.checked_property(key, value)
            self._client.write("PUT", f"{path}/properties/{segment(key)}", checked)

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
        if not self._is_done(external_id):
            return True
        chosen = payloads.find_reopening(self._client.transitions(external_id))
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

    def link_ticket(self, external_id: str, link: TicketLink) -> None:
        path = f"issue/{segment(external_id)}/remotelink"
        self._client.write("POST", path, payloads.link_body(link))

    # -- what changed --

    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        flavour = self.config.flavour
        return history.changed(self.name, self._client, flavour, since, cursor)

    # -- webhooks --

    def ping(self, word: str) -> tuple[bytes, str | None]:
        said = {"webhookEvent": "connector_ping", "test": word}
        return json.dumps(said).encode(), None

    def subscriptions(self, address: str) -> list[Subscription]:
        _, found = self._own_webhooks(self._wanted(address))
        return [webhooks.to_subscription(raw) for raw in found]

    def subscribe(self, address: str) -> Subscribed:
        wanted = self._wanted(address)
        path, found = self._own_webhooks(wanted)
        # While a secret is being changed nobody can tell which of the two Jira has.
        is_new = len(self.config.webhook_secret) > 1
        kept, changed = [], []
        for raw in found or [{}]:
            if raw and webhooks.is_in_order(raw, wanted) and not is_new:
                kept.append(webhooks.to_subscription(raw))
            else:
                changed.append(self._put_webhook(path, wanted, raw))
        return Subscribed(changed=tuple(changed), kept=tuple(kept))

    def unsubscribe(self, address: str) -> list[Subscription]:
        path, found = self._own_webhooks(self._wanted(address))
        removed = [webhooks.to_subscription(raw) for raw in found]
        for each in removed:
            try:
                self._client.call_site("DELETE", f"{path}/{each.external_id}")
            except NotFound:
                continue  # somebody was faster
        return removed

    # -- own --

    def _is_done(self, external_id: str) -> bool:
        return payloads.is_done(self._client.issue(external_id, ("status",)))

    def _wanted(self, address: str) -> Wanted:
        config = self.config
        if config.flavour is Flavour.DATA_CENTER:
            token = account.values(config.webhook_token)[0]
            return Wanted(self.name, address, token=token)
        if not config.webhook_secret:
            raise VendorRefused(
                f"{self.name}: dynamic webhooks are made by their app; for one of ours "
                "set webhook_secret"
            )
        secret = account.values(config.webhook_secret)[0]
        return Wanted(self.name, address, secret=secret)

    def _webhooks(self) -> tuple[str, list[dict[str, Any]]]:
        """Return every webhook of this Jira, and the path they are kept under."""
        *newer, oldest = webhooks.PATHS[self.config.flavour]
        for path in newer:
            try:
                return path, self._listed(path)
            except NotFound:
                continue  # an older Jira
        return oldest, self._listed(oldest)

    def _listed(self, path: str) -> list[dict[str, Any]]:
        found = self._client.call_site("GET", path)
        return payloads.to_page(self.name, {"webhooks": found}, "webhooks")

    def _own_webhooks(self, wanted: Wanted) -> tuple[str, list[dict[str, Any]]]:
        path, found = self._webhooks()
        return path, [raw for raw in found if webhooks.is_ours(raw, wanted)]

    def _put_webhook(
        self, path: str, wanted: Wanted, raw: dict[str, Any]
    ) -> Subscription:
        """Make a webhook, or mend ``raw``."""
        body = webhooks.body(path, wanted, raw)
        if raw:
            known = f"{path}/{webhooks.to_id(raw)}"
            self._client.call_site("PUT", known, body)
            return webhooks.to_subscription({**raw, **body})
        self._client.call_site("POST", path, body)
        # Some Jiras answer nothing to that, or without its number.
        made = [one for one in self._listed(path) if one.get("url") == wanted.url]
        if not made:
            raise VendorUnavailable(f"{self.name} does not show the webhook it took")
        return webhooks.to_subscription(made[-1])

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
