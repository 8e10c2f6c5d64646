"""Webhooks on their way out: a queue, each vendor's retry rules, and chaos on demand.

Bodies are made when something happens and sent later, so they are as stale as the real
ones. Order is not promised, as no vendor promises it.
"""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import requests

from connector.sandbox.signatures import (
    helpscout_headers,
    jira_headers,
    zendesk_headers,
)
from connector.sandbox.stage import SYSTEM, Json, Stage

WORKERS = 4
DISCARDS_ALLOWED = 10  # Help Scout switches a webhook off after so many


@dataclass
class Webhook:
    """A subscription. ``state``: enabled or disabled, whatever the vendor calls it."""

    id: str
    vendor: str
    url: str
    secret: str
    events: list[str]
    state: str = "enabled"
    discards: int = 0
    paused_until: float = 0.0
    recent: deque[tuple[float, bool]] = field(default_factory=deque)
    extra: Json = field(default_factory=dict)

    def as_json(self) -> Json:
        keys = ("id", "url", "events", "state", "discards")
        return {key: getattr(self, key) for key in keys}


@dataclass
class Delivery:
    webhook: Webhook
    event: str
    body: bytes
    identifier: str
    attempt: int = 0


class Answer(NamedTuple):
    """What the receiver said. ``status`` None: nothing, or too late."""

    status: int | None
    retry_after: float | None = None

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class Chaos(NamedTuple):
    duplicate_probability: float = 0.0
    reorder_window_seconds: float = 0.0


def helpscout_retry(answer: Answer, attempt: int, chance: float) -> float | None:
    """Ten retries for anything but success and 410; the back-off is a guess."""
    if answer.status == 410 or attempt > 10:
        return None
    return float(min(60 * 2 ** (attempt - 1), 3600))


def zendesk_retry(answer: Answer, attempt: int, chance: float) -> float | None:
    """Silence five times, 409 three times, 429 and 503 only with a short
    ``Retry-After``; a plain 500 is lost."""
    if answer.status is None:
        return 30.0 * attempt if attempt <= 5 else None
    if answer.status == 409:
        return 5.0 * attempt if attempt <= 3 else None
    short = answer.retry_after is not None and answer.retry_after < 60
    if answer.status in (429, 503) and short and attempt <= 5:
        return answer.retry_after
    return None


def jira_retry(answer: Answer, attempt: int, chance: float) -> float | None:
    """Five retries, five to fifteen minutes apart, for what may pass."""
    status = answer.status
    passing = status is None or status in (408, 409, 425, 429) or status >= 500
    return 300.0 + 600.0 * chance if passing and attempt <= 5 else None


RETRY: dict[str, Callable[[Answer, int, float], float | None]] = {
    "helpscout": helpscout_retry,
    "zendesk": zendesk_retry,
    "jira": jira_retry,
}


class Deliveries:
    """The queue and the threads that empty it. Threads start with the first webhook."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._wake = threading.Condition()
        self._heap: list[tuple[float, int, Delivery]] = []
        self._count = itertools.count()
        self._in_flight = 0
        self._paused = False
        self._closed = False
        self._threads: list[threading.Thread] = []
        self._random = random.Random(stage.settings.seed)
        self._chaos = Chaos()

    def enqueue(self, webhook: Webhook, event: str, body: bytes) -> None:
        """Send ``body`` to one subscriber, or twice and later if chaos wants so."""
        if webhook.state != "enabled":
            return
        # A number, not chance, so that chaos does not change other vendors' ids.
        identifier = f"01{self._stage.number('delivery'):024d}"
        with self._wake:
            if self._closed:
                return
            copies = 1 + (self._random.random() < self._chaos.duplicate_probability)
            for _ in range(copies):
                delay = self._random.random() * self._chaos.reorder_window_seconds
                self._push(Delivery(webhook, event, body, identifier), delay)
            self._start()

    def pause(self, paused: bool) -> None:
        with self._wake:
            self._paused = paused
            self._wake.notify_all()

    def cause_chaos(self, chaos: Chaos, seed: int | None = None) -> None:
        with self._wake:
            self._chaos = chaos
            self._random = random.Random(
                self._stage.settings.seed if seed is None else seed
            )

    def pending(self) -> int:
        """Return how many are waiting or being sent."""
        with self._wake:
            return len(self._heap) + self._in_flight

    def wait_quiet(self, timeout: float = 10.0) -> bool:
        """Wait until nothing is on its way; tell whether that came true in time."""
        with self._wake:
            return self._wake.wait_for(
                lambda: not self._heap and not self._in_flight, timeout
            )

    @contextmanager
    def still(self, timeout: float = 10.0) -> Iterator[None]:
        """Start no attempt meanwhile, and wait for those that are under way.

        A signature tells the time; who moves the clock while one travels makes it old.
        """
        with self._wake:
            if not self._wake.wait_for(lambda: not self._in_flight, timeout):
                raise TimeoutError("deliveries are still under way")
            yield

    def clear(self) -> None:
        with self._wake:
            self._heap.clear()
            self._paused = False
            self._chaos = Chaos()
            self._wake.notify_all()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._heap.clear()
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(timeout=self._stage.settings.delivery_timeout + 1)

    def _push(self, delivery: Delivery, delay: float) -> None:
        due = time.monotonic() + delay
        heapq.heappush(self._heap, (due, next(self._count), delivery))
        self._wake.notify()

    def _start(self) -> None:
        while len(self._threads) < WORKERS:
            name = f"sandbox-delivery-{len(self._threads)}"
            thread = threading.Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while (delivery := self._take()) is not None:
                try:
                    self._attempt(session, delivery)
                finally:
                    with self._wake:
                        self._in_flight -= 1
                        self._wake.notify_all()

    def _take(self) -> Delivery | None:
        with self._wake:
            while not self._closed:
                wait = None
                if self._heap and not self._paused:
                    wait = self._heap[0][0] - time.monotonic()
                    if wait <= 0:
                        self._in_flight += 1
                        return heapq.heappop(self._heap)[2]
                self._wake.wait(wait)
        return None

    def _attempt(self, session: requests.Session, delivery: Delivery) -> None:
        webhook = delivery.webhook
        if webhook.state != "enabled":
            return
        if webhook.paused_until > time.monotonic():
            self._note("webhook_dropped", delivery, reason="circuit broken")
            return
        delivery.attempt += 1
        answer = self._send(session, delivery)
        self._note("webhook", delivery, status=answer.status)
        if webhook.vendor == "zendesk":
            self._break_circuit(webhook, answer)
        if answer.good:
            webhook.discards = 0
        else:
            self._failed(delivery, answer)

    def _send(self, session: requests.Session, delivery: Delivery) -> Answer:
        try:
            response = session.post(
                delivery.webhook.url,
                data=delivery.body,
                headers=self._headers(delivery),
                timeout=self._stage.settings.delivery_timeout,
                allow_redirects=False,
            )
        except requests.RequestException:
            return Answer(None)
        value = response.headers.get("Retry-After", "")
        return Answer(response.status_code, float(value) if value.isdigit() else None)

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        webhook, body = delivery.webhook, delivery.body
        if webhook.vendor == "helpscout":
            return helpscout_headers(webhook.secret, delivery.event, body)
        if webhook.vendor == "zendesk":
            now = self._stage.clock()
            return zendesk_headers(
                webhook.secret, webhook.id, delivery.identifier, body, now
            )
        cloud = self._stage.settings.jira_flavour == "cloud"
        return jira_headers(
            webhook.secret, delivery.identifier, delivery.attempt, body, cloud=cloud
        )

    def _failed(self, delivery: Delivery, answer: Answer) -> None:
        webhook = delivery.webhook
        with self._wake:
            chance = self._random.random()
        delay = RETRY[webhook.vendor](answer, delivery.attempt, chance)
        if delay is not None:
            with self._wake:
                if not self._closed:
                    self._push(delivery, delay * self._stage.settings.time_scale)
            return
        webhook.discards += 1
        self._note("webhook_discarded", delivery, status=answer.status)
        too_many = webhook.discards >= DISCARDS_ALLOWED or answer.status == 410
        if webhook.vendor == "helpscout" and too_many and webhook.state == "enabled":
            webhook.state = "disabled"
            self._note("webhook_disabled", delivery)

    def _break_circuit(self, webhook: Webhook, answer: Answer) -> None:
        """Pause for five minutes when seven of ten attempts in five minutes failed."""
        settings = self._stage.settings
        if not settings.zendesk_circuit_breaker:
            return
        window, now = 300 * settings.time_scale, time.monotonic()
        with self._wake:
            webhook.recent.append((now, answer.good))
            while webhook.recent and webhook.recent[0][0] < now - window:
                webhook.recent.popleft()
            bad = sum(not good for _, good in webhook.recent)
            # Below that many attempts a share says nothing.
            if len(webhook.recent) >= 50 and bad >= 0.7 * len(webhook.recent):
                webhook.paused_until = now + window
                webhook.recent.clear()

    def _note(self, act: str, delivery: Delivery, **detail: Any) -> None:
        webhook = delivery.webhook
        self._stage.witness(
            webhook.vendor,
            act,
            webhook.id,
            SYSTEM,
            event=delivery.event,
            delivery=delivery.identifier,
            attempt=delivery.attempt,
            **detail,
        )
