"""Complaints placed and counted in memory: what is filed and raised, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from kit import START, settings

from connector.replay import Complaint, Replay
from rules.features import features
from rules.thresholds import Sighting

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ALIKE = "the discount code autumn20 is refused at checkout with E-4012"


def replay(**problems: Any) -> Replay:
    given = {"settle": "10m", **problems}
    return Replay(settings("sqlite:///none.db", problems=given))


def complaint(
    number: int, at: datetime, kind: str, text: str = "", customer: str = ""
) -> Complaint:
    """Return a complaint like no other, or one that says ``text``."""
    letters = Random(number).choices("abcdefghijklmnopqrstuvwxyz", k=60)
    words = text or " ".join("".join(letters[n : n + 6]) for n in range(0, 60, 6))
    found = features("", words, "en", (kind,))
    return Complaint(f"support:{number}", Sighting(customer or str(number), at), found)


def add(run: Replay, complaints: Sequence[Complaint]) -> None:
    for one in complaints:
        run.weigh(run.place(one), one.sighting.at)


def many(count: int, kind: str, start: datetime, text: str = "") -> list[Complaint]:
    first = (start - START) // MINUTE
    return [complaint(first + n, start + n * MINUTE, kind, text) for n in range(count)]


@pytest.mark.parametrize(
    ("problems", "alarms"),
    [
        ({}, 1),
        ({"share": 0}, 0),
        ({"share_least": 50}, 0),
        ({"muted": [{"type": "delivery", "until": "2027-01-01"}]}, 0),
    ],
)
def test_type_that_makes_up_too_much_is_an_alarm_once(
    problems: dict[str, Any], alarms: int
) -> None:
    run = replay(**problems)
    add(run, many(40, "delivery", START))
    run.pass_time(START + 12 * HOUR)
    assert len(run.alarms) == alarms
    if alarms:
        (alarm,) = run.alarms
        assert START + 29 * MINUTE <= alarm.at <= START + 36 * MINUTE
        assert (alarm.kind, alarm.share) == ("delivery", 1.0)


def test_alarm_is_over_after_a_window_below() -> None:
    run = replay()
    add(run, many(40, "delivery", START))
    add(run, many(40, "delivery", START + 26 * HOUR))
    assert len(run.alarms) == 1
    add(run, many(40, "delivery", START + 5 * DAY))
    assert len(run.alarms) == 2


def test_one_problem_is_no_alarm_of_its_type() -> None:
    run = replay(customers=5)
    add(run, many(40, "delivery", START, ALIKE))
    run.pass_time(START + HOUR)
    assert [problem.tickets for problem in run.filed] == [40]
    assert run.alarms == []


def test_customer_counts_once() -> None:
    run = replay(customers=3)
    add(
        run,
        [complaint(n, START + n * MINUTE, "delivery", ALIKE, "x") for n in range(9)],
    )
    run.pass_time(START + HOUR)
    assert run.filed == []


def test_what_settles_is_filed_even_if_nobody_writes_any_more() -> None:
    run = replay(customers=3)
    add(run, many(3, "delivery", START, ALIKE))
    run.pass_time(START + 11 * MINUTE)
    assert run.filed == []
    run.pass_time(START + 12 * MINUTE)
    assert [one.filed_at for one in run.filed] == [START + 12 * MINUTE]


def test_muted_type_is_filed_when_that_ends() -> None:
    until = START + 2 * HOUR
    mute = {"type": "delivery", "until": until.isoformat()}
    run = replay(customers=3, muted=[mute], reread="45m")
    add(run, many(3, "delivery", START, ALIKE))
    run.pass_time(START + DAY)
    assert [one.filed_at for one in run.filed] == [until]


def test_no_more_are_filed_in_an_hour_than_may() -> None:
    run = replay(customers=3, new_per_hour=1)
    other = "the blue sofa has arrived with two broken legs and a stain"
    add(run, many(3, "delivery", START, ALIKE))
    add(run, many(3, "product_quality", START + 5 * MINUTE, other))
    run.pass_time(START + DAY)
    first, second = run.filed
    assert first.filed_at == START + 12 * MINUTE
    assert second.filed_at == START + 72 * MINUTE


def test_launch_has_its_own_threshold() -> None:
    launch = {
        "name": "Spring app",
        "since": START.isoformat(),
        "until": (START + DAY).isoformat(),
        "words": ["autumn20"],
    }
    run = replay(launches=[launch])
    add(run, many(2, "delivery", START, ALIKE))
    run.pass_time(START + HOUR)
    assert [one.rule for one in run.filed] == ["launch-spring-app"]


def test_what_is_over_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.replay.TIDY_EVERY", 10)
    run = replay(customers=3, share=0)
    for day in range(0, 200, 2):
        add(run, [complaint(day, START + day * DAY, "delivery")])
    assert len(run._problems) <= 40
