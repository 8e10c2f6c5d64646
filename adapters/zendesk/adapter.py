"""The Zendesk adapter: the methods in the order of ``adapters.base``, nothing more.

What a call does is in ``reading``, ``tags``, ``writing``, ``incidents``,
``priorities``, ``groups``, ``jira_links``, ``history``, ``subscriptions`` and
``checks``; what Zendesk's documents mean is in ``deliveries``, ``payloads`` and
``refusals``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from adapters.base import (
    Gatherer,
    Hastener,
    Helpdesk,
    Historian,
    Packager,
    Router,
    Shower,
    Subscriber,
    TagRules,
)
from adapters.signatures import origin
from adapters.zendesk import (
    app,
    deliveries,
    groups,
    history,
    incidents,
    payloads,
    priorities,
    reading,
    sidebar,
    surveys,
    tags,
    writing,
)
from adapters.zendesk.account import Account
from adapters.zendesk.checks import Checks
from adapters.zendesk.jira_links import JiraLinks
from adapters.zendesk.settings import ZendeskConfig
from adapters.zendesk.subscriptions import Subscriptions
from connector.models import (
    HIGH,
    ChangedPage,
    Delivery,
    Finding,
    IssueRef,
    Message,
    Note,
    Opened,
    ProblemDraft,
    Signed,
    Subscribed,
    Subscription,
    Ticket,
    TicketEvent,
    WebhookRequest,
    Written,
)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class ZendeskAdapter(
    Helpdesk,
    Historian,
    Subscriber,
    Shower,
    Gatherer,
    Hastener,
    Router,
    TagRules,
    Packager,
):
    """Reads and writes tickets of one Zendesk Support account."""

    kind: ClassVar[str] = "zendesk"
    kept_headers: ClassVar[frozenset[str]] = frozenset(
        {
            deliveries.INVOCATION,
            deliveries.TIMESTAMP.lower(),
            "x-zendesk-webhook-id",
            "x-zendesk-account-id",
        }
    )

    def __init__(
        self,
        name: str,
        config: ZendeskConfig,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        self.name = name
        self.config = config
        self._sleep = sleep
        self._clock = clock
        self._account = Account(name, config)
        self._jira_links = JiraLinks(self._account)
        self._surveys = surveys.Surveys()

    # -- webhooks --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        window = self.config.signature_window
        deliveries.verify(request, self.config.secrets(), now, window)

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return request.headers.get(deliveries.INVOCATION) or None

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        events = deliveries.parse(delivery.body, self.name)
        if len(events) == 2:  # only a merge concerns two tickets
            source, target = events
            self._account.remember_merge(source.external_id, target.external_id)
        if surveys.RECEIVED in delivery.body:
            self._surveys.expect()
        return events

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        timestamp = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        signed = deliveries.signature(self.config.secrets()[0], timestamp, body)
        headers = {deliveries.SIGNATURE: signed, deliveries.TIMESTAMP: timestamp}
        return Signed(headers, {})

    # -- health --

    def check(self, now: datetime) -> list[Finding]:
        return Checks(self._account, self._jira_links).run(now)

    def close(self) -> None:
        self._account.close()

    # -- sidebar --

    @property
    def frame_origins(self) -> tuple[str, ...]:
        return (origin(self.config.base_url),) if self.config.sidebar_key else ()

    def opened(self, request: WebhookRequest, now: datetime) -> Opened:
        key, base_url = self.config.sidebar_key or "", self.config.base_url
        return sidebar.opened(request.body, key, base_url, now)

    def sidebar_app(self, address: str) -> bytes:
        return app.package(address)

    def check_frame(self) -> list[Finding]:
        return sidebar.check(self.name, self.frame_origins)

    # -- tickets --

    def fetch_ticket(self, external_id: str) -> Ticket:
        return reading.fetch_ticket(self._account, self._surveys, external_id)

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        return tags.change_tags(self._account, external_id, add, remove, self._sleep)

    def add_note(self, external_id: str, note: Note) -> Written:
        return writing.add_note(self._account, external_id, note)

    def send_message(self, external_id: str, message: Message) -> Written:
        return writing.send_message(self._account, external_id, message)

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        return reading.find_mark(self._account, external_id, mark)

    def refused_tags(self, tags: Iterable[str]) -> Mapping[str, str]:
        return payloads.refused_tags(tags)

    def show_issue(self, external_id: str, issue: IssueRef) -> None:
        self._jira_links.show(external_id, issue)

    def find_problem(self, mark: str) -> str | None:
        return incidents.find_problem(self._account, mark)

    def create_problem(self, draft: ProblemDraft) -> str:
        return incidents.create_problem(self._account, draft)

    def add_incident(self, external_id: str, problem_id: str, mark: str) -> bool:
        return incidents.add_incident(self._account, external_id, problem_id, mark)

    def find_incident(self, external_id: str, mark: str) -> Written | None:
        return incidents.find_incident(self._account, external_id, mark)

    def hasten(self, external_id: str, priority: str = HIGH, left: str = "") -> bool:
        return priorities.hasten(self._account, external_id, priority, left)

    def route(self, external_id: str, place: str, left: str) -> str:
        return groups.route(self._account, external_id, place, left)

    def check_places(self, places: Collection[str]) -> list[Finding]:
        return groups.check(self._account, places)

    # -- what changed --

    def changed(self, since: datetime, cursor: str | None) -> ChangedPage:
        return history.changed(self._account, since, cursor, self._clock())

    # -- set-up --

    def ping(self, word: str) -> tuple[bytes, str | None]:
        said = {"type": "zen:event-type:connector.ping", "test": word}
        return json.dumps(said).encode(), None

    def subscriptions(self, address: str) -> list[Subscription]:
        return Subscriptions(self._account, address).found()

    def subscribe(self, address: str) -> Subscribed:
        return Subscriptions(self._account, address).make()

    def unsubscribe(self, address: str) -> list[Subscription]:
        return Subscriptions(self._account, address).remove()


def build(name: str, config: ZendeskConfig) -> ZendeskAdapter:
    """Build the adapter for one source."""
    return ZendeskAdapter(name, config)
