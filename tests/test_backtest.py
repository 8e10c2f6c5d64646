"""Rules held against the tickets of the last weeks: what would have been otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from backtest_kit import FIFTH, HELD, VOUCHER, VOUCHERS, rule, run, side
from kit import Bench
from sqlalchemy import func, select

from connector.models import Mode
from connector.store import Store, schema
from rules.judge import Judge


def test_same_rules_change_nothing(past_world: Bench) -> None:
    report = run(past_world, side(past_world, VOUCHER), side(past_world, VOUCHER))
    assert (report.tickets, report.without_words) == (60, 1)
    assert not report.differs
    assert report.complaints == [10, 10]


def test_candidate_changes_exactly_the_tickets_it_is_about(past_world: Bench) -> None:
    report = run(past_world, side(past_world), side(past_world, VOUCHER))
    change = report.changes[0]
    assert (change.what.name, change.mode) == ("voucher", Mode.ACT)
    assert (change.added, change.removed, report.changed) == (3, 0, 3)
    assert set(change.more) == {f"support:{name}" for name in VOUCHERS}
    assert [one.what.name for one in report.changes if one.added or one.removed] == [
        "voucher"
    ]


def test_rule_that_goes_takes_its_tag_along(past_world: Bench) -> None:
    report = run(past_world, side(past_world, VOUCHER), side(past_world))
    assert (report.changes[0].added, report.changes[0].removed) == (0, 3)
    assert len(report.changes[0].less) == 3


def test_rule_that_may_do_more_changes_what_is_written(past_world: Bench) -> None:
    observing = rule("vouchers", "voucher", "voucher")
    report = run(past_world, side(past_world, observing), side(past_world, VOUCHER))
    found = [(one.mode, one.added, one.removed) for one in report.changes[:2]]
    assert found == [(Mode.ACT, 3, 0), (Mode.OBSERVE, 0, 3)]


def test_tag_that_people_hold_back_is_only_suggested(past_world: Bench) -> None:
    anew = {**HELD, "then": [{"add_tag": "held"}, {"add_tag": "two"}]}
    report = run(past_world, side(past_world, HELD), side(past_world, anew))
    held = [one for one in report.changes if one.what.name == "held"]
    found = [(one.mode, one.added, one.removed) for one in held]
    assert found == [(Mode.ACT, 3, 0), (Mode.SUGGEST, 0, 3)]


def test_what_rules_do_beside_tags_is_told_by_rule(past_world: Bench) -> None:
    also = {**VOUCHER, "then": [*VOUCHER["then"], {"note": "Call."}, {"notify": "x"}]}
    report = run(past_world, side(past_world, VOUCHER), side(past_world, also))
    found = {(one.what.rule, one.what.name, one.added) for one in report.changes[:2]}
    assert found == {("vouchers", "a note", 3), ("vouchers", "tell x", 3)}


def test_people_have_said_how_right_a_tag_would_be(past_world: Bench) -> None:
    wider = {"field": "subject", "op": "matches", "value": "(?i)voucher|question"}
    report = run(
        past_world,
        side(past_world, rule("vouchers", "voucher", "voucher")),
        side(past_world, {**rule("vouchers", "", "voucher"), "when": wider}),
    )
    (change,) = (one for one in report.changes if one.what.name == "voucher")
    assert (change.before.precision, change.after.precision) == (0.5, 0.5)
    assert not change.drops
    kept = next(one for one in report.changes if one.what.name == "cc-product_quality")
    assert (kept.before.right, kept.before.wrong) == (1, 1)


def test_tag_that_would_be_right_less_often_is_told(past_world: Bench) -> None:
    exact = {"field": "customer.email", "op": "contains", "value": "voucher-1"}
    report = run(
        past_world,
        side(past_world, {**VOUCHER, "when": exact}),
        side(past_world, VOUCHER),
    )
    assert report.changes[0].before.precision == 1.0
    assert report.changes[0].drops


def test_tags_are_those_that_the_road_wrote(past_world: Bench) -> None:
    with past_world.store.read() as connection:
        table = schema.ticket_tags
        query = select(table.c.tag, func.count()).group_by(table.c.tag)
        written = {tag: count for tag, count in connection.execute(query).all()}
    report = run(past_world, side(past_world), side(past_world))
    replayed = {one.what.name: one.before.tickets for one in report.changes}
    assert "cc-persona-frequent" in replayed
    # What a problem is numbered is the database's own.
    assert replayed == {tag: n for tag, n in written.items() if "problem" not in tag}


def test_problem_is_filed_when_the_road_filed_it(past_world: Bench) -> None:
    report = run(past_world, side(past_world), side(past_world, VOUCHER))
    (problem,) = report.before.filed
    assert problem.filed_at == FIFTH + timedelta(minutes=10)
    (live,) = report.live.values()
    assert (live.filed_at, live.id) == (problem.filed_at, problem.in_database)
    assert (report.before.issues, report.before.messages) == (1, 5)


def test_lower_threshold_files_earlier(past_world: Bench) -> None:
    report = run(past_world, side(past_world), side(past_world, customers=3))
    (problem,) = report.after.filed
    assert problem.filed_at == FIFTH - timedelta(minutes=10)
    assert problem.customers == report.before.filed[0].customers
    assert report.differs


def test_problem_that_was_filed_before_is_not_news(past_world: Bench) -> None:
    report = run(past_world, side(past_world), side(past_world), days=5)
    assert report.tickets < 20
    assert report.before.filed == []


def test_rules_see_the_problem_as_it_stood(past_world: Bench) -> None:
    third = {"field": "problem.customers", "op": "equals", "value": 3}
    asks = {**rule("third", "", "third"), "when": third}
    report = run(past_world, side(past_world), side(past_world, asks))
    assert report.changes[0].more == ["support:code-2"]


def test_what_nobody_kept_is_named_and_untrue(past_world: Bench) -> None:
    asked = {"any": [{"field": "fields.17", "op": "exists", "value": True},
                     {"field": "customer.segment", "op": "equals", "value": "a"},
                     {"field": "messages", "op": "lt", "value": 9}]}  # fmt: skip
    report = run(
        past_world,
        side(past_world),
        side(past_world, {**rule("asks", "", "asked"), "when": asked}),
    )
    assert report.unknown == {"asks": ["customer.segment", "fields.17", "messages"]}
    assert report.changed == 0


def other_words(judge: Judge) -> Judge:
    """Return a judge that says the same under another version."""
    return Judge(judge._packs._replace(version="another"))


def test_other_words_judge_anew(past_world: Bench) -> None:
    old = side(past_world)
    report = run(past_world, old, replace(old, judge=other_words(old.judge)))
    assert report.complaints == [10, 10]
    assert report.changed == 0
    assert [one.filed_at for one in report.after.filed] == [
        one.filed_at for one in report.before.filed
    ]


def test_result_is_the_same_twice_and_however_it_is_read(
    past_world: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = side(past_world), side(past_world, VOUCHER, customers=3)
    first = run(past_world, *sides)
    assert run(past_world, *sides) == first
    monkeypatch.setattr("connector.backtest.SLICE", 7)
    assert run(past_world, *sides) == first


def test_nothing_is_written(past_world: Bench) -> None:
    before = counted(past_world.store)
    run(past_world, side(past_world), side(past_world, VOUCHER, customers=2))
    assert counted(past_world.store) == before


def counted(store: Store) -> dict[str, Any]:
    with store.read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in schema.metadata.sorted_tables
        }
