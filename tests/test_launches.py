"""After a launch fewer customers make a problem, if it is one that was expected."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from kit import START, Bench
from loop_kit import calls, complain, the_group

from rules.features import features
from rules.launches import is_about, label


def launch(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Spring app 2.0",
        "since": START.isoformat(),
        "until": (START + timedelta(days=3)).isoformat(),
        "words": ["rabattkoder"],
        **changes,
    }


def settle(bench: Bench) -> None:
    bench.settle()
    bench.clock.pass_(minutes=11)
    bench.settle()


def drafts(bench: Bench) -> list[Any]:
    return [draft for name, _, draft in bench.tracker.calls if name == "create_issue"]


@pytest.mark.parametrize(
    ("changes", "is_filed"),
    [
        ({}, True),
        ({"words": ["e-4012"]}, True),
        ({"words": [], "types": ["discount_pricing"]}, True),
        ({"words": ["parcel"], "types": ["delivery"]}, False),
        ({"customers": 3}, False),
        ({"since": "2026-01-01", "until": START.isoformat()}, False),
        ({"since": (START + timedelta(days=1)).isoformat()}, False),
    ],
)
def test_what_is_expected_of_a_launch_has_its_own_threshold(
    make_bench: Callable[..., Bench], changes: dict[str, Any], is_filed: bool
) -> None:
    bench = make_bench(problems={"launches": [launch(**changes)]})
    complain(bench, 2)
    settle(bench)
    assert len(calls(bench, "create_issue")) == is_filed


def test_issue_names_the_launch(make_bench: Callable[..., Bench]) -> None:
    bench = make_bench(problems={"launches": [launch()]})
    complain(bench, 2)
    settle(bench)
    assert the_group(bench)["reason"] == "2 customers in 24 h after Spring app 2.0"
    (draft,) = drafts(bench)
    assert "launch-spring-app-2-0" in draft.labels


def test_complaints_before_the_launch_do_not_count(
    make_bench: Callable[..., Bench],
) -> None:
    since = (START + timedelta(hours=1)).isoformat()
    bench = make_bench(problems={"launches": [launch(since=since)]})
    complain(bench, 2)
    bench.clock.pass_(hours=2)
    complain(bench, 1, start=2)
    settle(bench)
    assert calls(bench, "create_issue") == []
    complain(bench, 1, start=3)
    settle(bench)
    assert len(calls(bench, "create_issue")) == 1


@pytest.mark.parametrize(
    ("text", "lang", "words"),
    [
        ("The checkout is broken", "en", ("checkouts",)),
        ("Error code E-4012 again", "en", ("E-4012",)),
    ],
)
def test_word_is_met_by_its_forms(text: str, lang: str, words: tuple[str, ...]) -> None:
    assert is_about(features("", text, lang), (), words)
    assert not is_about(features("", text, lang), (), ("giraffe",))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("App 2.0", "launch-app-2-0"), ("  Høst!  ", "launch-høst")],
)
def test_label_is_one_word(name: str, expected: str) -> None:
    assert label(name) == expected
