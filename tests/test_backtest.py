"""Rules held against the tickets of the last weeks: what would have been otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from kit import START, Bench, settings
from loop_kit import COMPLAINTS
from sqlalchemy import func, select

from connector.backtest import Report, Side, compare
from connector.models import Mode
from connector.store import Store, erasing, labels, schema
from connector.store.labels import Label
from rules.judge import Judge, default_judge
from rules.schema import read_rules

DAY = timedelta(days=1)
UNTIL = START + 30 * DAY
#: When the fifth customer complained of the same.
FIFTH = START + 20 * DAY + timedelta(minutes=40)
VOUCHERS = {"voucher-1", "voucher-2", "voucher-3"}

QUESTIONS = [
    "Hello, when does the shop in Bergen open on Saturdays? Thank you!",
    "Could you tell me which size fits a bed of 160 cm?",
    "Hei, kan jeg endre adressen på bestillingen min?",
    "Hei, onko tuotetta saatavilla myös sinisenä? Kiitos!",
]
#: Each of something else, so that none of them gathers customers.
OTHERS = [
    "The lamp arrived broken, the glass is in pieces. I am very disappointed!",
    "Your support never answers the phone. Terrible service, I waited for two hours.",
    "I was charged twice for one invoice. This is unacceptable, refund it at once!",
    "Sofaen dere leverte er skjev og stygg, dette er elendig kvalitet.",
    "Huono palvelu, kukaan ei vastaa sähköposteihini. Olen todella pettynyt.",
]


def write(bench: Bench, number: str, at: datetime, text: str, subject: str) -> None:
    bench.clock.now = at
    who = "often" if number.startswith("other") else number
    bench.write(number, text, f"{who}@mail.example", subject=subject)
    bench.settle()


def happen(bench: Bench) -> None:
    """Let 60 tickets come as they come, and be decided about."""
    told = [
        *((START + (n + 1) * DAY * 0.6, f"question-{n}", QUESTIONS[n % 4], "A question")
          for n in range(47)),
        *((START + (3 + 5 * n) * DAY, f"other-{n}", text, "Complaint")
          for n, text in enumerate(OTHERS)),
        *((START + (10 + n) * DAY, name, QUESTIONS[0], "Voucher")
          for n, name in enumerate(sorted(VOUCHERS))),
        *((FIFTH - timedelta(minutes=10 * (4 - n)), f"code-{n}", text, "Discount code")
          for n, text in enumerate(COMPLAINTS)),
    ]  # fmt: skip
    for at, name, text, subject in sorted(told):
        write(bench, name, at, text, subject)
        if name == "code-4":
            bench.clock.pass_(minutes=10)
            bench.settle()
    bench.clock.now = UNTIL


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Sixty tickets; nothing in it is changed by those who look."""
    path = tmp_path_factory.mktemp("world") / "connector.db"
    bench = Bench(settings(f"sqlite:///{path}", autonomy={"messages": "observe"}))
    happen(bench)
    with bench.store.write() as connection:
        known = {
            row.external_id: row.id
            for row in connection.execute(select(schema.tickets))
        }
        erasing.take_words(connection, [known["question-3"]])
        labels.put(
            connection,
            [
                _label(known["other-0"], "cc-product_quality", Label.KEPT),
                _label(known["other-3"], "cc-product_quality", Label.REMOVED),
                _label(known["voucher-1"], "voucher", Label.MISSED),
                _label(known["voucher-2"], "voucher", Label.REMOVED),
            ],
        )
    yield bench
    bench.close()


def _label(ticket: int, tag: str, said: Label) -> dict[str, Any]:
    values = {"rule": "x", "rule_version": "1", "at": START}
    return {"ticket_id": ticket, "tag": tag, "label": said, **values}


def side(world: Bench, *rules: dict[str, Any], **problems: Any) -> Side:
    changed = world.config.problems.model_copy(update=problems)
    config = world.config.model_copy(update={"problems": changed})
    return Side(config, read_rules(list(rules)), default_judge())


def rule(name: str, word: str, tag: str, **more: Any) -> dict[str, Any]:
    when = {"field": "subject", "op": "contains", "value": word}
    return {"id": name, "when": when, "then": [{"add_tag": tag}], **more}


VOUCHER = rule("vouchers", "voucher", "voucher", mode="act")


def run(world: Bench, before: Side, after: Side, days: int = 30) -> Report:
    return compare(world.store, before, after, UNTIL - days * DAY, UNTIL)


def test_same_rules_change_nothing(world: Bench) -> None:
    report = run(world, side(world, VOUCHER), side(world, VOUCHER))
    assert (report.tickets, report.without_words) == (60, 1)
    assert not report.differs
    assert report.complaints == [10, 10]


def test_candidate_changes_exactly_the_tickets_it_is_about(world: Bench) -> None:
    report = run(world, side(world), side(world, VOUCHER))
    change = report.tags[0]
    assert (change.tag, change.mode) == ("voucher", Mode.ACT)
    assert (change.added, change.removed, report.changed) == (3, 0, 3)
    assert set(change.more) == {f"support:{name}" for name in VOUCHERS}
    assert [one.tag for one in report.tags if one.added or one.removed] == ["voucher"]


def test_rule_that_goes_takes_its_tag_along(world: Bench) -> None:
    report = run(world, side(world, VOUCHER), side(world))
    assert (report.tags[0].added, report.tags[0].removed) == (0, 3)
    assert len(report.tags[0].less) == 3


def test_rule_that_may_do_more_changes_what_is_written(world: Bench) -> None:
    observing = rule("vouchers", "voucher", "voucher")
    report = run(world, side(world, observing), side(world, VOUCHER))
    found = [(one.mode, one.added, one.removed) for one in report.tags[:2]]
    assert found == [(Mode.ACT, 3, 0), (Mode.OBSERVE, 0, 3)]


def test_people_have_said_how_right_a_tag_would_be(world: Bench) -> None:
    wider = {"field": "subject", "op": "matches", "value": "(?i)voucher|question"}
    report = run(
        world,
        side(world, rule("vouchers", "voucher", "voucher")),
        side(world, {**rule("vouchers", "", "voucher"), "when": wider}),
    )
    (change,) = (one for one in report.tags if one.tag == "voucher")
    assert (change.before.precision, change.after.precision) == (0.5, 0.5)
    assert not change.drops
    kept = next(one for one in report.tags if one.tag == "cc-product_quality")
    assert (kept.before.right, kept.before.wrong) == (1, 1)


def test_tag_that_would_be_right_less_often_is_told(world: Bench) -> None:
    exact = {"field": "customer.email", "op": "contains", "value": "voucher-1"}
    report = run(
        world,
        side(world, {**VOUCHER, "when": exact}),
        side(world, VOUCHER),
    )
    assert report.tags[0].before.precision == 1.0
    assert report.tags[0].drops


def test_tags_are_those_that_the_road_wrote(world: Bench) -> None:
    with world.store.read() as connection:
        table = schema.ticket_tags
        query = select(table.c.tag, func.count()).group_by(table.c.tag)
        written = {tag: count for tag, count in connection.execute(query).all()}
    report = run(world, side(world), side(world))
    replayed = {one.tag: one.before.tickets for one in report.tags}
    assert "cc-persona-frequent" in replayed
    # What a problem is numbered is the database's own.
    assert replayed == {tag: n for tag, n in written.items() if "problem" not in tag}


def test_problem_is_filed_when_the_road_filed_it(world: Bench) -> None:
    report = run(world, side(world), side(world, VOUCHER))
    (problem,) = report.before.filed
    assert problem.filed_at == FIFTH + timedelta(minutes=10)
    (live,) = report.live.values()
    assert (live.filed_at, live.id) == (problem.filed_at, problem.in_database)
    assert (report.before.issues, report.before.messages) == (1, 5)


def test_lower_threshold_files_earlier(world: Bench) -> None:
    report = run(world, side(world), side(world, customers=3))
    (problem,) = report.after.filed
    assert problem.filed_at == FIFTH - timedelta(minutes=10)
    assert problem.customers == report.before.filed[0].customers
    assert report.differs


def test_problem_that_was_filed_before_is_not_news(world: Bench) -> None:
    report = run(world, side(world), side(world), days=5)
    assert report.tickets < 20
    assert report.before.filed == []


def test_rules_see_the_problem_as_it_stood(world: Bench) -> None:
    third = {"field": "problem.customers", "op": "equals", "value": 3}
    asks = {**rule("third", "", "third"), "when": third}
    report = run(world, side(world), side(world, asks))
    assert report.tags[0].more == ["support:code-2"]


def test_what_nobody_kept_is_named_and_untrue(world: Bench) -> None:
    asked = {"any": [{"field": "fields.17", "op": "exists", "value": False},
                     {"field": "messages", "op": "lt", "value": 9}]}  # fmt: skip
    report = run(
        world, side(world), side(world, {**rule("asks", "", "asked"), "when": asked})
    )
    assert report.unknown == {"asks": ["fields.17", "messages"]}


def other_words(judge: Judge) -> Judge:
    """Return a judge that says the same under another version."""
    return Judge(judge._packs._replace(version="another"))


def test_other_words_judge_anew(world: Bench) -> None:
    old = side(world)
    report = run(world, old, replace(old, judge=other_words(old.judge)))
    assert report.complaints == [10, 10]
    assert report.changed == 0
    assert [one.filed_at for one in report.after.filed] == [
        one.filed_at for one in report.before.filed
    ]


def test_result_is_the_same_twice_and_however_it_is_read(
    world: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides = side(world), side(world, VOUCHER, customers=3)
    first = run(world, *sides)
    assert run(world, *sides) == first
    monkeypatch.setattr("connector.backtest.SLICE", 7)
    assert run(world, *sides) == first


def test_nothing_is_written(world: Bench) -> None:
    before = counted(world.store)
    run(world, side(world), side(world, VOUCHER, customers=2))
    assert counted(world.store) == before


def counted(store: Store) -> dict[str, Any]:
    with store.read() as connection:
        return {
            table.name: connection.scalar(select(func.count()).select_from(table))
            for table in schema.metadata.sorted_tables
        }
