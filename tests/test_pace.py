"""What vendors count and tell, and how each request meets its pace at the transport."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
import responses
from kit import Bench, Clock
from loop_kit import Failing, calls, complain

from adapters import http, pace
from adapters.helpscout.adapter import HelpScoutAdapter
from adapters.helpscout.rates import TARIFF as HELPSCOUT
from adapters.helpscout.settings import HelpScoutConfig
from adapters.jira.client import JiraClient
from adapters.jira.rates import TARIFF as JIRA
from adapters.pace import ACCOUNT, Call, Charge, Priority, Tariff, Told, Turn
from adapters.zendesk.rates import TARIFF as ZENDESK
from connector.errors import BudgetSpent, CredentialsRejected, VendorBusy, VendorRefused
from connector.pacing import Budgets
from connector.store import Store

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
DESK = "https://desk.example"
WRITE_TO_ISSUE = {"one issue in 2 s": 1, "one issue in 30 s": 1}


def headers(**given: str) -> requests.structures.CaseInsensitiveDict[str]:
    named = {name.replace("_", "-"): value for name, value in given.items()}
    return requests.structures.CaseInsensitiveDict(named)


# -- what a call costs


@pytest.mark.parametrize(
    ("tariff", "call", "costs"),
    [
        (HELPSCOUT, Call("GET", "/v2/conversations/1"), {ACCOUNT: 1}),
        (HELPSCOUT, Call("PUT", "/v2/conversations/1/tags"), {ACCOUNT: 2, "writes": 1}),
        (HELPSCOUT, Call("POST", "/v2/oauth2/token"), {ACCOUNT: 2, "writes": 1}),
        (ZENDESK, Call("GET", "/api/v2/tickets/7"), {ACCOUNT: 1}),
        (
            ZENDESK,
            Call("PUT", "/api/v2/tickets/7"),
            {ACCOUNT: 1, "tickets-update": 1},
        ),
        (
            ZENDESK,
            Call("PUT", "/zendesk/api/v2/tickets/7.json"),
            {ACCOUNT: 1, "tickets-update": 1},
        ),
        # The tags of a ticket are another endpoint.
        (ZENDESK, Call("PUT", "/api/v2/tickets/7/tags"), {ACCOUNT: 1}),
        (
            ZENDESK,
            Call("GET", "/api/v2/incremental/tickets/cursor"),
            {ACCOUNT: 1, "incremental-exports": 1},
        ),
        (
            ZENDESK,
            Call("GET", "/api/v2/search/export"),
            {ACCOUNT: 1, "search-export": 1},
        ),
        (
            JIRA,
            Call("PUT", "/rest/api/3/issue/SHOP-12"),
            {ACCOUNT: 1, "PUT api/*/issue/*": 1, **WRITE_TO_ISSUE},
        ),
        (
            JIRA,
            Call("PUT", "/jira/rest/api/2/issue/10012/properties/our.group"),
            {ACCOUNT: 1, "PUT api/*/issue/*/properties/*": 1, **WRITE_TO_ISSUE},
        ),
        (
            JIRA,
            Call("POST", "/rest/servicedeskapi/request/10012/comment"),
            {
                ACCOUNT: 1,
                "POST servicedeskapi/request/*/comment": 1,
                **WRITE_TO_ISSUE,
            },
        ),
        # Neither reading an issue nor making one is a write to it.
        (
            JIRA,
            Call("GET", "/rest/api/3/issue/SHOP-12"),
            {ACCOUNT: 1, "GET api/*/issue/*": 1},
        ),
        (
            JIRA,
            Call("POST", "/rest/api/3/issue"),
            {ACCOUNT: 1, "POST api/*/issue": 1},
        ),
        # What customers must not read is taken back at once.
        (
            JIRA,
            Call("DELETE", "/rest/api/3/issue/10012/comment/7"),
            {ACCOUNT: 1, "DELETE api/*/issue/*/comment/*": 1},
        ),
    ],
)
def test_call_costs_what_the_vendor_counts(
    tariff: Tariff, call: Call, costs: dict[str, int]
) -> None:
    assert {one.kind: one.units for one in tariff.charges(call)} == costs


@pytest.mark.parametrize(
    ("tariff", "call", "bucket", "limit", "seconds"),
    [
        (HELPSCOUT, Call("GET", "/v2/conversations"), ACCOUNT, 200, 60),
        (HELPSCOUT, Call("POST", "/v2/conversations"), "writes", 10, 5),
        (ZENDESK, Call("GET", "/api/v2/tickets/1"), ACCOUNT, 200, 60),
        (ZENDESK, Call("PUT", "/api/v2/tickets/1"), "tickets-update", 100, 60),
        (ZENDESK, Call("GET", "/api/v2/incremental/x"), "incremental-exports", 10, 60),
        (JIRA, Call("GET", "/rest/api/3/myself"), ACCOUNT, 1000, 10),
        (JIRA, Call("PUT", "/rest/api/3/issue/7"), "one issue in 2 s", 20, 2),
        (JIRA, Call("PUT", "/rest/api/3/issue/7"), "one issue in 30 s", 100, 30),
    ],
)
def test_budget_holds_before_the_vendor_told_any(
    tariff: Tariff, call: Call, bucket: str, limit: int, seconds: float
) -> None:
    charge = next(one for one in tariff.charges(call) if one.kind == bucket)
    assert (charge.limit, charge.seconds) == (limit, seconds)


# -- what an answer tells

GET = Call("GET", "/api/v2/tickets/1")
UPDATE = Call("PUT", "/api/v2/tickets/1")
ISSUE = Call("GET", "/rest/api/3/issue/SHOP-1")
EDIT = Call("PUT", "/rest/api/3/issue/10012")
ENDPOINT = "GET api/*/issue/*"


@pytest.mark.parametrize(
    ("tariff", "call", "given", "told"),
    [
        (
            HELPSCOUT,
            GET,
            {
                "X_RateLimit_Limit_Minute": "400",
                "X_RateLimit_Remaining_Minute": "390",
            },
            [Told(ACCOUNT, 400, 390), Told("writes", 20)],
        ),
        (HELPSCOUT, GET, {}, [Told(ACCOUNT)]),
        (
            HELPSCOUT,
            GET,
            {"X_RateLimit_Limit_Minute": "lots"},
            [Told(ACCOUNT)],
        ),
        (
            ZENDESK,
            GET,
            {"x_rate_limit": "700", "X_Rate_Limit_Remaining": "699"},
            [Told(ACCOUNT, 700, 699)],
        ),
        (
            ZENDESK,
            GET,
            {
                "ratelimit_limit": "700",
                "ratelimit_remaining": "699",
                "ratelimit_reset": "41",
            },
            [Told(ACCOUNT, 700, 699, 41.0)],
        ),
        (
            ZENDESK,
            UPDATE,
            {"zendesk_ratelimit_tickets_update": "total=100; remaining=99; resets=58"},
            [Told(ACCOUNT), Told("tickets-update", 100, 99, 58)],
        ),
        (
            ZENDESK,
            UPDATE,
            {
                "X_Rate_Limit": "2500",
                "Zendesk_Rate_Limit_Tickets_Update": "total=20;remaining=3",
            },
            [Told(ACCOUNT, 2500), Told("tickets-update", 20, 3)],
        ),
        (
            ZENDESK,
            UPDATE,
            {"X_Rate_Limit": "2500"},
            [Told(ACCOUNT, 2500), Told("tickets-update", 300)],
        ),
        (
            JIRA,
            ISSUE,
            {
                "X_RateLimit_Limit": "350",
                "X_RateLimit_Remaining": "349",
                "X_RateLimit_Reset": "2026-11-20T10:00:02Z",
            },
            [Told(ENDPOINT, 350, 349, 2.0)],
        ),
        (
            JIRA,
            ISSUE,
            {"X_RateLimit_Remaining": "5", "X_RateLimit_Reset": "soon"},
            [Told(ENDPOINT, None, 5)],
        ),
        (
            JIRA,
            EDIT,
            {"RateLimit_Reason": "jira-per-issue-on-write", "X_RateLimit_Limit": "20"},
            [],
        ),
        (
            JIRA,
            ISSUE,
            {
                "X_RateLimit_Limit": "50",
                "X_RateLimit_Remaining": "12",
                "X_RateLimit_FillRate": "10",
                "X_RateLimit_Interval_Seconds": "1",
            },
            [Told(ACCOUNT, 10, 12, seconds=1.0)],
        ),
    ],
)
def test_answers_tell_of_budgets(
    tariff: Tariff, call: Call, given: dict[str, str], told: list[Told]
) -> None:
    assert list(tariff.told(call, headers(**given), NOW)) == told


@pytest.mark.parametrize(
    ("tariff", "call", "given", "bucket"),
    [
        (HELPSCOUT, GET, {}, ACCOUNT),
        (ZENDESK, GET, {}, ACCOUNT),
        (ZENDESK, UPDATE, {"X_Rate_Limit_Remaining": "0"}, ACCOUNT),
        (ZENDESK, UPDATE, {"X_Rate_Limit_Remaining": "500"}, "tickets-update"),
        (
            ZENDESK,
            UPDATE,
            {"zendesk_ratelimit_tickets_update": "total=100; remaining=0; resets=9"},
            "tickets-update",
        ),
        (JIRA, ISSUE, {}, ACCOUNT),
        (JIRA, ISSUE, {"RateLimit_Reason": "jira-quota-global-based"}, ACCOUNT),
        (JIRA, ISSUE, {"RateLimit_Reason": "jira-quota-tenant-based"}, ACCOUNT),
        (JIRA, EDIT, {"RateLimit_Reason": "one-of-next-year"}, ACCOUNT),
        (JIRA, ISSUE, {"RateLimit_Reason": "jira-burst-based"}, ENDPOINT),
        (JIRA, EDIT, {"RateLimit_Reason": "jira-burst-based"}, "PUT api/*/issue/*"),
        (
            JIRA,
            EDIT,
            {"RateLimit_Reason": "jira-per-issue-on-write"},
            "one issue in 30 s",
        ),
        # Which issue it was is not in the path.
        (JIRA, ISSUE, {"RateLimit_Reason": "jira-per-issue-on-write"}, None),
    ],
)
def test_429_holds_what_it_is_about(
    tariff: Tariff, call: Call, given: dict[str, str], bucket: str | None
) -> None:
    found = tariff.held(call, headers(**given))
    assert (found and found.partition(":")[0]) == bucket


def test_issues_have_a_budget_each_whatever_is_written() -> None:
    def budgets(method: str, path: str) -> set[str]:
        found = JIRA.charges(Call(method, f"/jira/rest/{path}"))
        return {one.bucket for one in found if one.kind.startswith("one issue")}

    one = budgets("PUT", "api/3/issue/10012")
    assert one == budgets("POST", "api/3/issue/10012/transitions")
    assert one == budgets("POST", "servicedeskapi/request/10012/comment")
    assert not one & budgets("PUT", "api/3/issue/10013")
    busy = headers(RateLimit_Reason="jira-per-issue-on-write")
    assert JIRA.held(Call("PUT", "/rest/api/3/issue/10012"), busy) in one
    # However many issues there are, rows of budgets are few.
    numbers = range(10_000, 15_000)
    every = {name for n in numbers for name in budgets("PUT", f"api/3/issue/{n}")}
    assert len(every) <= 512


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0.5", 0.5),
        (str(int(NOW.timestamp()) + 12), 12.0),
        ("2026-11-20T10:00:12+00:00", 12.0),
        ("2026-11-20T09:00:00Z", 0.0),
        ("2026-11-20T10:00:12", 12.0),
        ("", None),
        (None, None),
        ("later", None),
        ("nan", 0.0),
    ],
)
def test_reset_is_read_however_it_is_told(
    value: str | None, seconds: float | None
) -> None:
    assert pace.until(value, NOW) == seconds


# -- writes to one issue


def write(budgets: Budgets, number: int) -> BudgetSpent | None:
    """Ask for a write to an issue; return why it has to wait."""
    charges = JIRA.charges(Call("PUT", f"/rest/api/3/issue/{number}"))
    try:
        budgets.enter("n.example", charges, Turn(budgets, Priority.TAG))
    except BudgetSpent as err:
        return err
    return None


def test_writes_to_one_issue_keep_within_both_its_limits(store: Store) -> None:
    clock = Clock()
    processes = [Budgets(store, clock), Budgets(store, clock)]
    made: list[float] = []
    for step in range(45 * 4):
        for keeper in processes * 20:
            if write(keeper, 10012) is not None:
                break
            made.append(step / 4)
        clock.pass_(seconds=0.25)
    for limit, seconds in ((20, 2), (100, 30)):
        within = [sum(at <= one < at + seconds for one in made) for at in made]
        assert limit * 0.8 <= max(within) <= limit


def test_issue_that_has_to_wait_leaves_the_others_going(store: Store) -> None:
    budgets = Budgets(store, Clock())
    waits = [write(budgets, 10012) for _ in range(30)]
    assert waits[0] is None
    (kept,) = {(one.is_narrow, one.whole_source) for one in waits if one}
    assert kept == (True, False)
    assert "(one issue in 2 s)" in str(waits[-1])
    assert write(budgets, 10013) is None


def test_429_of_one_issue_holds_it_for_all_processes(store: Store) -> None:
    clock = Clock()
    here, there = Budgets(store, clock), Budgets(store, clock)
    assert write(here, 10012) is None
    busy = headers(RateLimit_Reason="jira-per-issue-on-write")
    bucket = JIRA.held(Call("PUT", "/rest/api/3/issue/10012"), busy)
    assert bucket is not None
    here.hold("n.example", bucket, 40)
    held = write(there, 10012)
    assert held is not None and 39 < (held.retry_after or 0) <= 40
    assert write(there, 10013) is None
    clock.pass_(seconds=41)
    assert write(there, 10012) is None


@pytest.mark.parametrize("is_narrow", [True, False])
def test_only_a_wide_budget_slows_what_else_there_is(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_narrow: bool
) -> None:
    spent = BudgetSpent("waiting", retry_after=600)
    spent.is_narrow = is_narrow
    Failing(monkeypatch, bench.support, "change_tags", spent, 1, after=False)
    complain(bench, 3)
    bench.settle()
    assert len(calls(bench, "change_tags")) == (2 if is_narrow else 0)


# -- at the transport


class Watch:
    """A pace that writes down what it was told, and refuses when it is to."""

    def __init__(self) -> None:
        self.entered: list[tuple[str, tuple[str, ...], Priority]] = []
        self.told: list[tuple[str, Told]] = []
        self.held: list[tuple[str, str, float]] = []
        self.is_closed = False

    def enter(self, account: str, charges: Sequence[Charge], turn: Turn) -> None:
        if self.is_closed:
            raise BudgetSpent("waiting", retry_after=9)
        buckets = tuple(charge.bucket for charge in charges)
        self.entered.append((account, buckets, turn.priority))

    def learn(self, account: str, told: Sequence[Told]) -> None:
        self.told += [(account, one) for one in told]

    def hold(self, account: str, bucket: str, seconds: float) -> None:
        self.held.append((account, bucket, seconds))


@pytest.fixture
def vendor() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def client() -> Iterator[http.VendorClient]:
    made = http.VendorClient("desk", f"{DESK}/base", lambda _: "", tariff=HELPSCOUT)
    yield made
    made.close()


def test_request_is_announced_with_its_urgency(
    vendor: responses.RequestsMock, client: http.VendorClient
) -> None:
    vendor.get(f"{DESK}/base/x", json={}, headers={"X-RateLimit-Limit-Minute": "300"})
    watch = Watch()
    with pace.turn(watch, Priority.NOTE):
        client.call("GET", "/x")
    assert watch.entered == [("desk.example/base", (ACCOUNT,), Priority.NOTE)]
    assert ("desk.example/base", Told(ACCOUNT, 300)) in watch.told


def test_without_a_turn_nothing_changes(
    vendor: responses.RequestsMock, client: http.VendorClient
) -> None:
    vendor.get(f"{DESK}/base/x", json={})
    assert pace.current() is None
    assert client.call("GET", "/x").status_code == 200


def test_turn_ends_with_its_block_and_the_one_around_goes_on() -> None:
    watch = Watch()
    with pace.turn(watch, Priority.BACKFILL) as outer:
        with pytest.raises(VendorBusy), pace.turn(watch, Priority.MESSAGE):
            raise VendorBusy("x")
        assert pace.current() is outer
    assert pace.current() is None


def test_refused_request_never_leaves(
    vendor: responses.RequestsMock, client: http.VendorClient
) -> None:
    watch = Watch()
    watch.is_closed = True
    with pytest.raises(BudgetSpent), pace.turn(watch, Priority.MESSAGE):
        client.call("GET", "/x")
    assert len(vendor.calls) == 0


@pytest.mark.parametrize(
    ("given", "seconds"),
    [({}, 60.0), ({"Retry-After": "7"}, 8.0), ({"X-RateLimit-Retry-After": "3"}, 4.0)],
)
def test_429_is_held_a_second_longer_than_asked(
    vendor: responses.RequestsMock,
    client: http.VendorClient,
    given: dict[str, str],
    seconds: float,
) -> None:
    vendor.get(f"{DESK}/base/x", status=429, json={}, headers=given)
    watch = Watch()
    with pytest.raises(VendorBusy), pace.turn(watch, Priority.MESSAGE):
        client.call("GET", "/x")
    assert watch.held == [("desk.example/base", ACCOUNT, seconds)]


@pytest.mark.parametrize(
    ("method", "status", "wrote"),
    [
        ("GET", 200, False),
        ("POST", 201, True),
        ("PUT", 204, True),
        ("POST", 429, False),
        ("POST", 500, False),
    ],
)
def test_turn_knows_whether_something_was_written(
    vendor: responses.RequestsMock,
    client: http.VendorClient,
    method: str,
    status: int,
    wrote: bool,
) -> None:
    vendor.add(method, f"{DESK}/base/x", status=status)
    with pace.turn(None, Priority.NOTE) as turn:
        client.call(method, "/x", expect=(status,))
    assert turn.wrote is wrote


def test_new_token_is_no_write(vendor: responses.RequestsMock) -> None:
    vendor.post(f"{DESK}/token", json={"token": "t"})
    vendor.get(f"{DESK}/x", json={})
    vendor.put(f"{DESK}/x", json={})
    door = http.VendorClient("desk", DESK, lambda _: "")
    token = http.Token(lambda: (door.call("POST", "/token").json()["token"], None))
    client = http.VendorClient("desk", DESK, lambda _: "", token=token)
    with pace.turn(None, Priority.NOTE) as turn:
        client.call("GET", "/x")
        assert not turn.wrote
        client.call("PUT", "/x")
        assert turn.wrote
    client.close()
    door.close()


def test_library_within_an_adapter_keeps_the_pace_too(
    vendor: responses.RequestsMock,
) -> None:
    vendor.get("https://n.example/jira/rest/api/2/issue/1", json={"id": "1"})
    jira = JiraClient("tracker", "https://n.example/jira", cloud=False, token="t")
    watch = Watch()
    with pace.turn(watch, Priority.REFRESH):
        jira.issue("1", ["status"])
    jira.close()
    assert watch.entered == [
        ("n.example/jira", (ACCOUNT, "GET api/*/issue/*"), Priority.REFRESH)
    ]


def test_two_accounts_at_one_address_have_a_budget_each(
    vendor: responses.RequestsMock,
) -> None:
    token = {"access_token": "t", "expires_in": 7200}
    vendor.post("https://api.helpscout.net/v2/oauth2/token", json=token)
    vendor.get("https://api.helpscout.net/v2/conversations/1", status=404, json={})
    watch = Watch()
    for app in ("one", "two", "two"):
        config = HelpScoutConfig(app_id=app, app_secret="s", webhook_secret="w")
        adapter: Any = HelpScoutAdapter("support", config)
        with pytest.raises(VendorRefused), pace.turn(watch, Priority.REFRESH):
            adapter.fetch_ticket("1")
        adapter.close()
    assert {account for account, _, _ in watch.entered} == {
        "helpscout one",
        "helpscout two",
    }


@pytest.mark.parametrize(
    ("status", "given", "words", "error"),
    [
        (403, {}, "Missing the following required scopes: write", CredentialsRejected),
        (
            403,
            {"WWW-Authenticate": 'Bearer error="insufficient_scope"'},
            "",
            CredentialsRejected,
        ),
        (403, {}, "You do not have access to this page", VendorRefused),
        (403, {}, "Microscope", VendorRefused),
        (401, {}, "scope does not match", CredentialsRejected),
    ],
)
def test_missing_scope_is_a_matter_of_credentials(
    status: int, given: dict[str, str], words: str, error: type[Exception]
) -> None:
    response = requests.Response()
    response.status_code, response._content = status, b"{}"
    response.headers.update(given)
    assert type(http.problem("desk", response, words)) is error
