"""A vendor that is down or locks us out: one finding, work waits, it ends by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import responses
from click.testing import CliRunner
from kit import Bench, Clock
from loop_kit import COMPLAINTS, Failing, calls, complain, rows

from adapters.memory import MemoryAdapter
from connector import health
from connector.app import Runtime
from connector.cli.setup import doctor
from connector.config import check
from connector.dashboard import status
from connector.errors import (
    CredentialsRejected,
    NotFound,
    VendorBusy,
    VendorError,
    VendorRefused,
    VendorUnavailable,
    VendorUnreachable,
)
from connector.health import FAILURES, PAUSES, SOON, Condition, Health, Side, pause
from connector.models import Finding, Level, Operation, OutboxState
from connector.store import Store, deliveries, outbox

DOWN = VendorUnavailable("desk answered 503: down for maintenance", status=503)
LOCKED_OUT = CredentialsRejected("desk answered 401: token expired", status=401)
DENIED = VendorRefused("desk answered 403: Forbidden", status=403)


@pytest.fixture
def bench(make_bench: Callable[..., Bench]) -> Bench:
    """A connector that files nothing: each ticket is one reading and two writes."""
    return make_bench(problems={"customers": 99})


def trouble(bench: Bench, source: str = "support") -> health.Shut | None:
    with bench.store.read() as connection:
        return health.troubles(connection).get(source)


def break_down(
    one: Health,
    errors: list[VendorError],
    side: Side = Side.READ,
    works: list[str] | None = None,
) -> health.Shut | None:
    adapter, found = MemoryAdapter("desk"), None
    for number, error in enumerate(errors):
        work = works[number] if works else str(number)
        found = one.troubled("desk", side, error, work, adapter)
    return found


# -- the breaker


@pytest.mark.parametrize(
    ("errors", "works", "is_down"),
    [
        ([DOWN] * FAILURES, None, True),
        ([DOWN] * (FAILURES - 1), None, False),
        # One thing that a vendor stumbles over does not mean that it is down.
        ([DOWN] * 20, ["same"] * 20, False),
        ([VendorUnreachable("x")] * FAILURES, ["same"] * FAILURES, True),
        # Any answer between shows that it is there.
        ([DOWN, DOWN, DOWN, NotFound("x", status=404), DOWN, DOWN], None, False),
        ([VendorBusy("x", status=429)] * 20, None, False),
        ([VendorRefused("x", status=422)] * 20, None, False),
    ],
)
def test_vendor_is_down_after_failures_in_a_row(
    store: Store, errors: list[VendorError], works: list[str] | None, is_down: bool
) -> None:
    one = Health(store, Clock())
    shut = break_down(one, errors, works=works)
    assert (shut is not None) is is_down
    assert one.is_shut("desk", Side.WRITE) is is_down
    assert not one.is_shut("other", Side.WRITE)


def test_good_answer_between_failures_keeps_a_vendor_up(store: Store) -> None:
    one = Health(store, Clock())
    for _ in range(10):
        assert break_down(one, [DOWN] * (FAILURES - 1)) is None
        one.answered("desk", Side.READ)


def test_one_caller_at_a_time_tries_a_vendor_that_is_down(store: Store) -> None:
    clock = Clock()
    both = [Health(store, clock), Health(store, clock)]
    for one in both:
        assert one.enter("desk", Side.READ) is None
    break_down(both[0], [DOWN] * FAILURES)
    clock.pass_(seconds=2)  # until the other has heard of it
    assert all(one.enter("desk", side) for one in both for side in Side)
    clock.pass_(seconds=10)
    tries = [one.enter("desk", side) is None for one in both for side in Side]
    assert tries == [True, False, False, False, False, False]


def test_pauses_grow_and_have_an_end(store: Store) -> None:
    clock = Clock()
    one = Health(store, clock)
    break_down(one, [DOWN] * FAILURES)
    waits = []
    for _ in range(12):
        began = clock()
        while one.enter("desk", Side.READ) is not None:
            clock.pass_(seconds=5)
        waits.append(clock() - began)
        break_down(one, [DOWN])
    assert waits[:4] == [timedelta(seconds=n) for n in (5, 10, 20, 40)]
    assert waits[-1] == PAUSES[Condition.DOWN].longest


def test_vendor_says_itself_when_it_will_be_back(store: Store) -> None:
    clock = Clock()
    one = Health(store, clock)
    break_down(one, [VendorUnavailable("x", status=503, retry_after=600)] * FAILURES)
    clock.pass_(seconds=599)
    assert one.is_shut("desk", Side.READ)


def test_first_answer_ends_it_for_all_processes(store: Store) -> None:
    clock = Clock()
    one, other = Health(store, clock), Health(store, clock)
    break_down(one, [DOWN] * FAILURES)
    clock.pass_(seconds=6)
    assert other.enter("desk", Side.WRITE) is None
    other.answered("desk", Side.WRITE)
    clock.pass_(seconds=2)
    assert one.enter("desk", Side.READ) is None
    assert one.enter("desk", Side.READ) is None


@pytest.mark.parametrize("condition", Condition)
def test_pause_never_overflows(condition: Condition) -> None:
    assert pause(condition, 10_000) == PAUSES[condition].longest


# -- locked out


def test_one_side_refused_leaves_the_other_alone(store: Store) -> None:
    one = Health(store, Clock())
    break_down(one, [LOCKED_OUT], Side.WRITE)
    assert one.is_shut("desk", Side.WRITE)
    assert not one.is_shut("desk", Side.READ)
    one.answered("desk", Side.READ)  # reading proves nothing for writing
    assert one.is_shut("desk", Side.WRITE)
    one.answered("desk", Side.WRITE)
    assert not one.is_shut("desk", Side.WRITE)


def test_new_process_tries_at_once_whether_it_is_let_in(store: Store) -> None:
    clock = Clock()
    old = Health(store, clock)
    break_down(old, [LOCKED_OUT])
    assert old.enter("desk", Side.READ) is not None
    fresh = Health(store, clock)
    assert fresh.enter("desk", Side.READ) is None


def test_try_that_showed_nothing_is_repeated_soon(store: Store) -> None:
    clock = Clock()
    one = Health(store, clock)
    break_down(one, [LOCKED_OUT])
    for _ in range(6):  # pauses have grown to an hour
        clock.pass_(hours=1)
        assert one.enter("desk", Side.READ) is None
        break_down(one, [LOCKED_OUT])
    clock.pass_(hours=1)
    assert one.enter("desk", Side.READ) is None
    break_down(one, [DOWN])
    clock.now += SOON
    assert one.enter("desk", Side.READ) is None


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], health.REMEDIES[Condition.REFUSED]),
        ([Finding(Level.OK, "desk", "fine", "no")], health.REMEDIES[Condition.REFUSED]),
        (
            [Finding(Level.PROBLEM, "desk", "expired", "make a new token under API")],
            "make a new token under API",
        ),
    ],
)
def test_finding_says_what_to_click(
    store: Store, monkeypatch: pytest.MonkeyPatch, found: list[Finding], said: str
) -> None:
    monkeypatch.setattr(MemoryAdapter, "check", lambda self, now: found)
    break_down(Health(store, Clock()), [LOCKED_OUT])
    with store.read() as connection:
        listed = health.findings(connection)
    assert [one.remedy for one in listed] == [said]
    assert "token expired" in listed[0].message
    assert listed[0].level is Level.PROBLEM


def test_both_sides_refused_are_one_finding(store: Store) -> None:
    one = Health(store, Clock())
    break_down(one, [LOCKED_OUT], Side.WRITE)
    break_down(one, [LOCKED_OUT], Side.READ)
    break_down(one, [DOWN] * FAILURES)
    with store.read() as connection:
        assert len(health.findings(connection)) == 1
        assert health.troubles(connection)["desk"].condition is Condition.REFUSED


# -- the connector


def test_work_waits_while_a_vendor_is_down_and_others_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    complain(bench, 8)
    bench.runtime.worker.run_once()
    failing = Failing(monkeypatch, bench.support, "change_tags", DOWN, 50, False)
    bench.write("5", COMPLAINTS[0], "other@mail.example", source="shop")
    bench.settle()
    shut = trouble(bench)
    assert shut is not None and shut.condition is Condition.DOWN
    assert failing.left == 50 - FAILURES  # and no further try
    assert "cc-discount_pricing" in bench.shop.tickets["5"].tags
    for _ in range(100):  # hours; each try is one
        bench.clock.pass_(minutes=6)
        before = failing.left
        bench.settle()
        assert failing.left >= before - 1
        if not failing.left:
            break
    assert max(row["attempts"] for row in rows(bench)) <= 3
    bench.clock.pass_(minutes=6)
    bench.settle()
    bench.clock.pass_(minutes=6)
    bench.settle()
    assert trouble(bench) is None
    assert len(calls(bench, "change_tags")) == 9
    assert rows(bench, OutboxState.PARKED) == []


def test_deliveries_wait_while_a_vendor_is_down(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def fetch(self: MemoryAdapter, external_id: str) -> Any:
        nonlocal asked
        asked += 1
        raise DOWN

    with monkeypatch.context() as patched:
        patched.setattr(MemoryAdapter, "fetch_ticket", fetch)
        complain(bench, 30)
        bench.settle()
        most = FAILURES + bench.config.work.readers
        assert FAILURES <= asked <= most
        for _ in range(30):
            bench.clock.pass_(minutes=6)
            bench.settle()
        assert asked <= most + 30
    bench.clock.pass_(minutes=6)
    bench.settle()
    bench.clock.pass_(minutes=6)
    bench.settle()
    assert all(ticket.tags for ticket in bench.support.tickets.values())
    with bench.store.read() as connection:
        assert deliveries.counts(connection) == {"handled": 30}


@pytest.mark.parametrize("error", [LOCKED_OUT, DENIED], ids=["401", "403"])
def test_missing_right_is_one_finding_and_nothing_is_parked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, error: VendorError
) -> None:
    failing = Failing(monkeypatch, bench.support, "change_tags", error, 9, False)
    complain(bench, 10)
    bench.settle()
    assert failing.left == 8
    for _ in range(40):
        bench.clock.pass_(hours=1)
        bench.settle()
        if failing.left:
            assert trouble(bench) is not None
    assert failing.left == 0
    assert rows(bench, OutboxState.PARKED) == []
    assert len(calls(bench, "change_tags")) == 10
    assert trouble(bench) is None


def test_403_about_one_ticket_is_parked_when_others_can_be_written(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = bench.support.change_tags

    def change(external_id: str, *rest: Any) -> Any:
        if external_id == "0":
            raise DENIED
        return real(external_id, *rest)

    monkeypatch.setattr(bench.support, "change_tags", change)
    complain(bench, 3)
    for _ in range(6):
        bench.settle()
        bench.clock.pass_(hours=1)
    assert [row["error"] for row in rows(bench, OutboxState.PARKED)] == [str(DENIED)]
    assert sorted(calls(bench, "change_tags")) == ["1", "2"]
    assert trouble(bench) is None


def test_status_page_shows_the_finding_and_what_to_do(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Failing(monkeypatch, bench.support, "change_tags", LOCKED_OUT, 1, False)
    complain(bench, 1)
    bench.settle()
    shown = status(bench.store, bench.config, bench.runtime.rulebook, bench.clock())
    support = shown["sources"]["support"]
    assert support["condition"] == "refused"
    assert "token expired" in support["finding"]
    assert "new credentials" in support["remedy"]
    assert shown["sources"]["shop"] == {"kind": "memory", "condition": "well"}
    page = bench.runtime.create_app().test_client().get("/").get_data(as_text=True)
    assert "support does not let us write" in page
    assert "What to do: make new credentials" in page
    bench.clock.pass_(minutes=6)
    bench.settle()
    shown = status(bench.store, bench.config, bench.runtime.rulebook, bench.clock())
    assert shown["sources"]["support"]["condition"] == "well"


def test_write_that_was_accepted_before_the_failure_is_looked_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A first request was accepted, a second one was turned away for a while."""
    from adapters import pace

    real, times = bench.support.add_note, iter([True])

    def add(external_id: str, note: Any) -> Any:
        written = real(external_id, note)
        if next(times, False):
            turn = pace.current()
            assert turn is not None
            turn.wrote = True
            raise VendorBusy("slow down", retry_after=1)
        return written

    monkeypatch.setattr(bench.support, "add_note", add)
    complain(bench, 1)
    bench.settle()
    bench.clock.pass_(minutes=5)
    bench.settle()
    assert calls(bench, "add_note") == ["0"]
    assert {row["state"] for row in rows(bench)} == {"done"}


def test_less_urgent_rows_wait_for_the_budget_and_messages_do_not(
    bench: Bench,
) -> None:
    from adapters import pace
    from connector.errors import BudgetSpent

    real_tags, real_note = bench.support.change_tags, bench.support.add_note
    asked: list[str] = []

    def tags(*args: Any) -> Any:
        asked.append("tags")
        return real_tags(*args)

    def note(*args: Any) -> Any:
        asked.append("note")
        turn = pace.current()
        assert turn is not None and turn.priority is pace.Priority.NOTE
        if bench.clock.now < late:
            raise BudgetSpent("waiting", retry_after=60)
        return real_note(*args)

    late = bench.clock.now + timedelta(seconds=50)
    bench.support.change_tags = tags  # type: ignore[method-assign]
    bench.support.add_note = note  # type: ignore[method-assign]
    complain(bench, 6)
    bench.settle()
    # One note found out; the others did not have to, and tags went on.
    assert asked.count("note") == 1
    assert asked.count("tags") == 6
    assert max(row["attempts"] for row in rows(bench)) == 1
    bench.clock.pass_(seconds=62)
    bench.settle()
    assert len(calls(bench, "add_note")) == 6


# -- the vendor's own words


def answer_of(status: int, body: Any, **headers: str) -> dict[str, Any]:
    """Describe an answer; a body that is text is no JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, str):
        return {"status": status, "body": body, "headers": named}
    return {"status": status, "body": json.dumps(body), "headers": named}


WORDS = {
    # Help Scout: all the shapes it has for an error
    "helpscout-validation": (
        "support",
        answer_of(
            400,
            {
                "logRef": "7b2a-1",
                "message": "Bad request",
                "_embedded": {
                    "errors": [
                        {
                            "path": "text",
                            "message": "may not be empty",
                            "source": "JSON",
                            "_links": {"about": {"href": "http://x.example/#NotEmpty"}},
                        }
                    ]
                },
            },
        ),
        ("400", "Bad request", "text", "may not be empty"),
    ),
    "helpscout-message-only": (
        "support",
        answer_of(400, {"message": "Unknown conversation state"}),
        ("400", "Unknown conversation state"),
    ),
    "helpscout-page": (
        "support",
        answer_of(503, "<html><h1>Scheduled maintenance</h1></html>"),
        ("503", "without JSON"),
    ),
    "helpscout-busy": (
        "support",
        answer_of(429, {"message": "Rate limit"}, X_RateLimit_Retry_After="9"),
        ("429", "Rate limit"),
    ),
    "helpscout-forbidden": (
        "support",
        answer_of(403, {"message": "Your plan has no API"}),
        ("403", "Your plan has no API"),
    ),
    # Zendesk: five envelopes and plain text
    "zendesk-title": (
        "desk",
        answer_of(403, {"error": {"title": "Forbidden", "message": "No such right"}}),
        ("403", "Forbidden", "No such right"),
    ),
    "zendesk-invalid": (
        "desk",
        answer_of(
            422,
            {
                "error": "RecordInvalid",
                "description": "Record validation errors",
                "details": {"360001": [{"description": "Product: is required"}]},
            },
        ),
        ("422", "RecordInvalid", "Record validation errors"),
    ),
    "zendesk-errors": (
        "desk",
        answer_of(
            400,
            {"errors": [{"code": "X1", "title": "Bad tag", "detail": "too long"}]},
        ),
        ("400", "Bad tag", "too long"),
    ),
    "zendesk-many": (
        "desk",
        answer_of(400, {"error": "TooManyValues", "max_count": 100}),
        ("400", "TooManyValues"),
    ),
    "zendesk-busy": (
        "desk",
        answer_of(429, {"error": "APIRateLimitExceeded"}, Retry_After="3"),
        ("429", "APIRateLimitExceeded"),
    ),
    "zendesk-login": (
        "desk",
        answer_of(401, {"error": "Couldn't authenticate you"}),
        ("401", "Couldn't authenticate you"),
    ),
    # Jira: messages, fields, gateways
    "jira-fields": (
        "tracker",
        answer_of(400, {"errorMessages": [], "errors": {"customfield_1": "required"}}),
        ("400", "customfield_1: required"),
    ),
    "jira-messages": (
        "tracker",
        answer_of(
            400, {"errorMessages": ["Field 'priority' is required"], "errors": {}}
        ),
        ("400", "Field priority is required"),
    ),
    "jira-gateway": (
        "tracker",
        answer_of(401, {"code": 401, "message": "Unauthorized; scope does not match"}),
        ("401", "scope does not match"),
    ),
    "jira-edge": (
        "tracker",
        answer_of(403, {"errorMessage": "Not on the allowlist"}),
        ("403", "Not on the allowlist"),
    ),
    "jira-locked": (
        "tracker",
        answer_of(403, {}, X_Authentication_Denied_Reason="CAPTCHA_CHALLENGE"),
        ("403", "CAPTCHA_CHALLENGE"),
    ),
}

VENDORS = {
    "support": {
        "kind": "helpscout",
        "app_id": "app",
        "app_secret": "secret",
        "webhook_secret": "hook",
        "api_base": "https://hs.example",
    },
    "desk": {
        "kind": "zendesk",
        "base_url": "https://zd.example",
        "email": "bot@agents.example",
        "api_token": "secret",
        "webhook_secret": "hook",
    },
    "tracker": {
        "kind": "jira",
        "flavour": "cloud",
        "site_url": "https://jira.example",
        "email": "bot@agents.example",
        "api_token": "secret",
        "webhook_secret": "hook",
    },
}

OPERATIONS = {
    "support": (Operation.ADD_NOTE, {"text": "hello"}),
    "desk": (Operation.ADD_NOTE, {"text": "hello"}),
    "tracker": (
        Operation.LINK_TICKET,
        {"global_id": "g", "url": "https://x.example", "title": "t"},
    ),
}


@pytest.fixture
def runtime(tmp_path: Any) -> Iterator[Runtime]:
    raw = {
        "database": {"url": f"sqlite:///{tmp_path}/connector.db"},
        "sources": VENDORS,
        "problems": {"tracker": "tracker", "project": "SHOP"},
    }
    made = Runtime(check(raw, "test"), clock=Clock())
    made.store.upgrade()
    yield made
    made.worker.close()
    for adapter in made.adapters.values():
        adapter.close()
    made.store.close()


@pytest.mark.parametrize("case", WORDS)
def test_vendors_own_words_stand_in_the_outbox_row(runtime: Runtime, case: str) -> None:
    source, answer, words = WORDS[case]
    operation, payload = OPERATIONS[source]
    effect = outbox.Effect(
        source=source,
        operation=operation,
        target="1",
        dedup_key="k",
        ordering_key="o",
        payload=payload,
    )
    with runtime.store.write() as connection:
        outbox.enqueue(connection, [effect], runtime.clock())
    sender = next(one for one in runtime.senders if one.source == source)
    with responses.RequestsMock(assert_all_requests_are_fired=False) as vendor:
        token = {"access_token": "t", "expires_in": 7200}
        vendor.post("https://hs.example/v2/oauth2/token", json=token)
        for method in ("GET", "PUT", "POST"):
            for host in ("hs", "zd", "jira"):
                vendor.add(
                    method,
                    re.compile(f"https://{host}.example/.*"),
                    **answer,
                )
        sender.run_once()
    with runtime.store.read() as connection:
        row = outbox.listing(connection, None, 1)[0]
    assert row["state"] in ("pending", "parked")
    for word in words:
        assert word in row["error"]
    assert "secret" not in row["error"]


def test_doctor_tells_what_the_running_connector_has_met(
    store: Store, tmp_path: Any
) -> None:
    url = store.engine.url.render_as_string(hide_password=False)
    path = tmp_path / "config.yaml"
    raw = {"database": {"url": url}, "sources": {"desk": {"kind": "memory"}}}
    path.write_text(json.dumps(raw))
    ended = CliRunner().invoke(doctor, ["--config", str(path)])
    assert "does not let us read" not in ended.output
    break_down(Health(store, Clock()), [LOCKED_OUT])
    ended = CliRunner().invoke(doctor, ["--config", str(path)])
    assert ended.exit_code == 1
    assert ended.output.count("desk: does not let us read") == 1
    assert "→ make new credentials at the vendor" in ended.output
