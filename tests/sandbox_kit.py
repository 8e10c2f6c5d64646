"""A real connector between sandbox vendors, and what the sandbox witnessed of it.

``Live`` runs with its own threads and the real time; ``Stepped`` takes each step when
the test says so, on a clock that both sides share. What is asserted comes from the
sandbox; the connector itself is only asked whether it is at rest.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

import pytest
from kit import Clock
from werkzeug.serving import make_server

from connector import health
from connector.app import Runtime
from connector.config import check
from connector.demo import (
    HELPSCOUT_EVENTS,
    JIRA_EVENTS,
    ZENDESK_EVENTS,
    free_port,
    sandbox_config,
)
from connector.models import OutboxState
from connector.sandbox import Running, SandboxSettings, World, serve
from connector.sandbox.deliveries import Deliveries
from connector.scheduler import queue_due
from connector.store import deliveries, locks, outbox

#: Both kinds of Jira and both databases, though not each with each: a whole loop takes
#: seconds, and neither knows of the other.
EACH_WAY = pytest.mark.parametrize(
    ("flavour", "database_url"),
    [("cloud", "sqlite"), ("data_center", "postgresql")],
    indirect=["database_url"],
)

DESKS = {"helpscout": "support", "zendesk": "desk"}
TYPE_TAG = "cc-discount_pricing"
THRESHOLD = 5
DAY = timedelta(days=1)

#: Everything that our own writes cause; the connector must take it in its stride.
ECHOES = {
    "helpscout": ["convo.note.created", "convo.agent.reply.created", "convo.status"],
    "zendesk": [
        "zen:event-type:ticket.tags_changed",
        "zen:event-type:ticket.status_changed",
    ],
    "jira": ["comment_created"],
}
EVENTS = {
    "helpscout": HELPSCOUT_EVENTS,
    "zendesk": ZENDESK_EVENTS,
    "jira": JIRA_EVENTS,
}

#: What the diary calls reading, refusing and delivering rather than writing.
NO_WRITES = frozenset({"fault", "refused", "webhook_create"})

#: How the message to a customer begins to speak, by language.
SPEAKS = {"en": "you wrote to us", "nb": "du skrev til oss", "fi": "otit meihin"}

COMPLAINTS = (
    (
        "en",
        "Discount code",
        "The discount code HARVEST30 does not work at checkout. I get error E-7041. "
        "This is really annoying, please fix it!",
    ),
    (
        "nb",
        "Rabattkode",
        "Rabattkoden HARVEST30 virker ikke i kassen, jeg får feil E-7041. Veldig "
        "skuffet!",
    ),
    (
        "fi",
        "Alennuskoodi",
        "Alennuskoodi HARVEST30 ei toimi kassalla, tulee virhe E-7041. Olen todella "
        "pettynyt!",
    ),
    (
        "en",
        "HARVEST30",
        "Your discount code HARVEST30 is rejected at checkout with E-7041. Terrible.",
    ),
    (
        "nb",
        "Koden virker ikke",
        "Jeg får ikke brukt rabattkoden HARVEST30, kassen viser feil E-7041. Dette er "
        "for dårlig.",
    ),
)

#: Mail that must change nothing.
CALM = (
    ("Thanks", "Thank you so much, everything arrived yesterday!"),
    ("Åpningstider", "Hei, hva er åpningstidene deres på fredag?"),
    ("Kiitos", "Kiitos paljon, paketti tuli perille eilen!"),
    ("Size", "Which size should I take if I usually wear 42?"),
)


class Writer(NamedTuple):
    """One customer's complaint, and where it was sent."""

    vendor: str
    ticket: str
    email: str
    language: str


def deep_merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        known = merged.get(key)
        both = isinstance(known, Mapping) and isinstance(value, Mapping)
        merged[key] = deep_merge(known, value) if both else value
    return merged


def subscribe(
    world: World,
    connector: str,
    settings: SandboxSettings,
    events: Mapping[str, list[str]] = EVENTS,
) -> None:
    """Register the connector's webhooks for just these events."""
    token = settings.jira_webhook_secret
    query = "" if settings.jira_flavour == "cloud" else f"?token={token}"
    for vendor, path, secret in (
        ("helpscout", "support", settings.helpscout_webhook_secret),
        ("zendesk", "desk", settings.zendesk_webhook_secret),
        ("jira", f"tracker{query}", settings.jira_webhook_secret),
    ):
        url = f"{connector}/webhooks/{path}"
        world.subscribe(vendor, url, secret, list(events[vendor]))


def with_echoes() -> dict[str, list[str]]:
    return {vendor: [*EVENTS[vendor], *ECHOES[vendor]] for vendor in EVENTS}


# -- customers


def complain(
    world: World, number: int, vendor: str | None = None, email: str = ""
) -> Writer:
    """Let customer ``number`` complain of the one incident."""
    language, subject, text = COMPLAINTS[number % len(COMPLAINTS)]
    chosen = vendor or list(DESKS)[number % len(DESKS)]
    email = email or f"customer{number}@mail.example"
    ticket = world.write(
        chosen, email=email, subject=subject, text=text, language=language
    )
    return Writer(chosen, ticket, email, language)


def write_calmly(world: World, number: int) -> Writer:
    subject, text = CALM[number % len(CALM)]
    vendor = list(DESKS)[number % len(DESKS)]
    email = f"calm{number}@mail.example"
    ticket = world.write(vendor, email=email, subject=subject, text=text)
    return Writer(vendor, ticket, email, "")


# -- the witness


def tickets(world: World) -> list[tuple[str, dict[str, Any]]]:
    state = world.state()
    return [(vendor, one) for vendor in DESKS for one in state[vendor]["tickets"]]


def ours(ticket: Mapping[str, Any], what: str) -> list[str]:
    """Return the texts of our ``notes`` or ``messages`` on a ticket."""
    return [one["text"] for one in ticket[what] if one["actor"] == "api"]


def judgements(ticket: Mapping[str, Any]) -> list[str]:
    """Return our notes that say what was understood of a ticket."""
    return [text for text in ours(ticket, "notes") if text.startswith("Complaint: ")]


def proposals(ticket: Mapping[str, Any]) -> list[str]:
    """Return our notes that propose a reply, where a helpdesk has no drafts."""
    begin = "Suggested reply, not sent to the customer:"
    return [text for text in ours(ticket, "notes") if text.startswith(begin)]


def states(ticket: Mapping[str, Any]) -> list[str]:
    """Return how each of our notes on a ticket begins to speak of an issue."""
    return [
        line.partition(":")[0]
        for text in ours(ticket, "notes")
        for line in text.splitlines()
        if "SHOP-" in line and "/browse/" not in line
    ]


def our_tags(ticket: Mapping[str, Any]) -> list[str]:
    return sorted(tag for tag in ticket["tags"] if tag.startswith("cc-"))


def issues(world: World) -> list[dict[str, Any]]:
    return list(world.state()["jira"]["issues"])


def messages(world: World) -> list[tuple[str, str]]:
    """Return customer and text of everything we wrote to customers."""
    return [
        (ticket["customer"]["email"], text)
        for _, ticket in tickets(world)
        for text in ours(ticket, "messages")
    ]


def writes(world: World, after: int = 0) -> list[dict[str, Any]]:
    """Return what our account did, from a place in the diary on."""
    return [
        act
        for act in world.log(after)
        if act["actor"] == "api" and act["act"] not in NO_WRITES
    ]


def outcome(world: World) -> dict[str, Any]:
    """Say how things stand outside, without what may differ from run to run."""
    state = sorted(
        (
            vendor,
            ticket["customer"]["email"],
            our_tags(ticket),
            len(judgements(ticket)),
            [_spoken(text) for text in ours(ticket, "messages")],
        )
        for vendor, ticket in tickets(world)
    )
    filed = [
        (
            issue["category"],
            sorted(link["object"]["url"] != "" for link in issue["remote_links"]),
            len(issue["comments"]),
        )
        for issue in issues(world)
    ]
    return {"tickets": state, "issues": filed}


def _spoken(text: str) -> str:
    return next((code for code, words in SPEAKS.items() if words in text), "?")


def assert_told_once(world: World, writers: list[Writer]) -> None:
    """Each customer has one message, in the language of their complaint."""
    told = sorted((email, _spoken(text)) for email, text in messages(world))
    assert told == sorted({(one.email, one.language) for one in writers})


def assert_tagged_and_noted(world: World, writers: list[Writer]) -> None:
    """Each complaint has its tag and its note, and nothing else has any.

    Of its problem it is said once a fix that it is known, or came back, or fixed.
    """
    complaints = {(one.vendor, one.ticket) for one in writers}
    for vendor, ticket in tickets(world):
        where = (vendor, ticket["id"], ticket["subject"])
        if (vendor, ticket["id"]) in complaints:
            assert TYPE_TAG in ticket["tags"], where
            assert len(judgements(ticket)) == 1, where
            said = Counter(states(ticket))
            fixes = {"Known problem": 1, "Came back": 1, "Fixed": 2}
            assert said <= Counter(fixes), where
        else:
            assert our_tags(ticket) == [], where
            assert ours(ticket, "notes") == [], where


def linked(issue: Mapping[str, Any]) -> list[str]:
    return sorted(link["object"]["url"] for link in issue["remote_links"])


def urls(world: World, writers: list[Writer]) -> list[str]:
    return sorted(world.ticket(one.vendor, one.ticket)["url"] for one in writers)


# -- the connector


def configuration(
    sandbox: Running, database_url: str, port: int, changes: Mapping[str, Any]
) -> dict[str, Any]:
    written = sandbox_config(sandbox.url, sandbox.world.settings, database_url, port)
    return deep_merge(written, changes)


@contextmanager
def serving(app: WSGIApplication, port: int) -> Iterator[int]:
    """Serve ``app`` while the block runs; give the port, a free one for 0."""
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
    )
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Scene:
    """What both drivers share: the world, the connector, and whether it rests."""

    def __init__(self, world: World, runtime: Runtime) -> None:
        self.world = world
        self.runtime = runtime

    def waiting(self) -> int:
        """Count what is still to be done, but what waits for a day of its own."""
        with self.runtime.store.read() as connection:
            rows = deliveries.counts(connection), outbox.counts(connection)
            pending = outbox.listing(connection, OutboxState.PENDING, 1000)
        states = ("pending", "claimed", "sending")
        later = sum(row["due_at"] - row["created_at"] > DAY for row in pending)
        return sum(part.get(key, 0) for part in rows for key in states) - later

    def assert_nothing_parked(self) -> None:
        with self.runtime.store.read() as connection:
            parked = outbox.listing(connection, OutboxState.PARKED, 10)
            parked_in = deliveries.listing(connection, "parked", 10)
        said = [(row["operation"], row["error"]) for row in parked]
        assert said + [(row["source"], row["reason"]) for row in parked_in] == []

    def facts(self) -> dict[str, Any]:
        with self.runtime.store.read() as connection:
            return locks.all_facts(connection)

    def troubles(self) -> dict[str, health.Shut]:
        with self.runtime.store.read() as connection:
            return health.troubles(connection)


class Live(Scene):
    """A connector with threads and the real time."""

    def until(
        self, what: str, true: Callable[[], object], patience: float = 45.0
    ) -> None:
        """Wait until something is true and the connector has come to rest."""
        self.until_busy(what, lambda: true() and self.is_quiet(), patience)

    def until_busy(
        self, what: str, true: Callable[[], object], patience: float = 45.0
    ) -> None:
        """Wait until something is true, whatever else may still be under way."""
        end = time.monotonic() + patience
        seen = 0
        while time.monotonic() < end:
            seen = seen + 1 if true() else 0
            if seen >= 2:  # not just between two steps
                return
            time.sleep(0.05)
        raise AssertionError(f"waited {patience:g} s in vain until {what}")

    def is_quiet(self) -> bool:
        return not self.world.deliveries.pending() and not self.waiting()


@contextmanager
def live(
    database_url: str, settings: SandboxSettings | None = None, **changes: Any
) -> Iterator[Live]:
    """Run a sandbox and a connector in this process, joined by HTTP alone."""
    settings = settings or SandboxSettings()
    quick = {
        "work": {
            "tick": "200ms",
            "backoff": "50ms",
            "backoff_limit": "1s",
            "lost_answer": "300ms",
        },
        # Helpdesks stamp whole seconds: a complaint must come more than one after the
        # fix to be later than it.
        "problems": {"settle": "300ms", "fix_settle": "1500ms", "search_lag": "1s"},
    }
    with serve(World(settings), port=0) as sandbox:
        port = free_port(0)
        raw = configuration(sandbox, database_url, port, deep_merge(quick, changes))
        runtime = Runtime(check(raw, "test"))
        runtime.start()
        try:
            with serving(runtime.create_app(), port):
                url = f"http://127.0.0.1:{port}"
                subscribe(sandbox.world, url, settings, with_echoes())
                yield Live(sandbox.world, runtime)
        finally:
            runtime.stop()


class SharedClock(Clock):
    """A clock of both sides: it is not moved while a signed webhook travels."""

    deliveries: Deliveries | None = None

    def pass_(self, **duration: float) -> datetime:
        if self.deliveries is None:
            return super().pass_(**duration)
        with self.deliveries.still(20):
            return super().pass_(**duration)


class Stepped(Scene):
    """A connector without threads of its own, on a clock that the sandbox shares."""

    def __init__(
        self, world: World, raw: Mapping[str, Any], runtime: Runtime, clock: Clock
    ) -> None:
        super().__init__(world, runtime)
        self.clock = clock
        self.raw = raw
        self._replaced: list[Runtime] = []

    def step(self) -> int:
        """Take every webhook in, and do whatever is due at this time."""
        assert self.world.deliveries.wait_quiet(20)
        moved = self.runtime.worker.run_once()
        moved += sum(sender.run_once() for sender in self.runtime.senders)
        return moved + queue_due(self.runtime.store, self.runtime.config, self.clock())

    def settle(self, minutes: float = 0, rounds: int = 400) -> None:
        """Let ``minutes`` pass, then as much more as retries need to come to rest."""
        self.clock.pass_(minutes=minutes)
        for _ in range(rounds):
            if self.step():
                continue
            if not self.world.deliveries.pending() and not self.waiting():
                return
            self.clock.pass_(seconds=5)
        raise AssertionError("the connector does not come to rest")

    def restart(self, **changes: Any) -> None:
        """Lose what was only in memory, as a killed process does; change settings."""
        self._replaced.append(self.runtime)
        raw = deep_merge(self.raw, changes)
        self.runtime = Runtime(check(raw, "test"), clock=self.clock)
        self.clock.pass_(seconds=61)  # a little longer than any lease

    def close(self) -> None:
        for runtime in (self.runtime, *self._replaced):
            runtime.worker.close()
            for adapter in runtime.adapters.values():
                adapter.close()
            runtime.store.close()


@contextmanager
def stepped(
    database_url: str, settings: SandboxSettings | None = None, **changes: Any
) -> Iterator[Stepped]:
    """Run a sandbox and a connector that moves only in ``step``."""
    settings = settings or SandboxSettings()
    clock = SharedClock()
    with serve(World(settings, clock), port=0) as sandbox:
        clock.deliveries = sandbox.world.deliveries
        port = free_port(0)
        raw = configuration(sandbox, database_url, port, changes)
        runtime = Runtime(check(raw, "test"), clock=clock)
        runtime.store.upgrade()
        runtime.acceptor.start()
        scene = Stepped(sandbox.world, raw, runtime, clock)
        try:
            with serving(runtime.create_app(), port):
                url = f"http://127.0.0.1:{port}"
                subscribe(sandbox.world, url, settings, with_echoes())
                yield scene
        finally:
            runtime.acceptor.stop()
            scene.close()
