"""Other rules tried on old tickets from a page, beside the requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_kit import post, signed_in
from flask.testing import FlaskClient
from kit import START, Bench

from connector.dashboard import backtests
from connector.dashboard.errands import Errand, Errands, State, Tell
from connector.errors import StoreUnavailable
from connector.models import Role

RULES = """\
rules:
  - id: vouchers
    mode: act
    when: {field: subject, op: contains, value: voucher}
    then: [{add_tag: voucher}]
"""


@pytest.fixture(scope="module")
def world(past_world: Bench) -> Iterator[tuple[Bench, FlaskClient, str]]:
    client = past_world.runtime.create_app().test_client()
    yield past_world, client, signed_in(past_world, client)


@pytest.fixture(autouse=True)
def begun(monkeypatch: pytest.MonkeyPatch) -> list[Errand[object]]:
    """Collect what was begun, so that a test can wait for it."""
    found: list[Errand[object]] = []
    begin = Errands.begin

    def noted(self: Errands[object], *asked: Any) -> Errand[object] | None:
        one = begin(self, *asked)
        found.extend([one] if one else [])
        return one

    monkeypatch.setattr(Errands, "begin", noted)
    return found


def test_candidate_is_held_against_the_rules_in_force_in_pictures(
    world: tuple[Bench, FlaskClient, str], begun: list[Errand[object]]
) -> None:
    _, client, code = world
    form = {"days": "30", "rules": RULES, "customers": "2", "hours": "48"}
    done = post(client, "/rules/backtest", code, **form)
    assert done.headers["Location"] == "/rules/backtest"
    begun[0].join()
    page = " ".join(client.get("/rules/backtest").text.split())
    assert '<th scope="row">voucher</th><td>act</td> <td class="n">0</td>' in page
    assert 'aria-label="0 → 3"' in page and "/tickets/support/voucher-1" in page
    assert 'class="will"' in page and "<b>3</b> would differ" in page
    assert "hx-trigger" not in page  # it is over
    assert (
        "id: vouchers" in page and 'name="hours" inputmode="numeric" value="48"' in page
    )
    assert "rules backtest" in client.get("/activity?box=people").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"rules": "rules: [{id: X}]"}, "expected"),
        ({"rules": "rules: ["}, "rules:"),
        ({"days": "0"}, "days: expected a number from 1 to 365"),
        ({"customers": "many"}, "customers: expected a number"),
    ],
)
def test_what_cannot_be_tried_is_told_and_begins_nothing(
    world: tuple[Bench, FlaskClient, str],
    begun: list[Errand[object]],
    form: dict[str, str],
    said: str,
) -> None:
    _, client, code = world
    answer = post(client, "/rules/backtest", code, **form)
    assert answer.status_code == 422 and said in answer.text
    assert begun == []


def test_one_at_a_time_and_it_can_be_cancelled(
    world: tuple[Bench, FlaskClient, str],
    begun: list[Errand[object]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, client, code = world
    going, may_go = threading.Event(), threading.Event()

    def slow(*_: object, tell: Tell) -> None:
        tell(3, 60)
        going.set()
        may_go.wait(10)
        tell(4, 60)

    monkeypatch.setattr(backtests, "compare", slow)
    assert post(client, "/rules/backtest", code).status_code == 303
    assert going.wait(10)
    page = client.get("/rules/backtest").text
    assert "3 of 60 tickets" in page and 'hx-trigger="every 1s"' in page
    second = post(client, "/rules/backtest", code)
    assert second.status_code == 409 and "under way" in second.text
    post(client, "/rules/backtest/cancel", code)
    may_go.set()
    begun[0].join()
    assert "cancelled" in client.get("/rules/backtest").text


def test_agents_begin_none(world: tuple[Bench, FlaskClient, str]) -> None:
    bench, client, _ = world
    other = client.application.test_client()
    code = signed_in(bench, other, Role.AGENT)
    assert post(other, "/rules/backtest", code).status_code == 403


@pytest.mark.parametrize(
    ("err", "said"),
    [
        (StoreUnavailable("the database is gone"), "the database is gone"),
        (ZeroDivisionError("a customer's words"), "it broke off; the log says why"),
    ],
)
def test_errand_that_fails_says_so(err: Exception, said: str) -> None:
    def broken(_: Tell) -> None:
        raise err

    errand = Errand("anna", START, broken)
    errand.join()
    assert (errand.state, errand.error) == (State.FAILED, said)
