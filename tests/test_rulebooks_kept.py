"""What tickets were judged by is kept, each once, and can be read later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
import yaml
from click.testing import CliRunner, Result
from kit import START, Bench, settings

from connector import earlier
from connector.cli import cli
from connector.rulebook import Book, Rulebook
from connector.store import Store, rulebooks
from connector.store.traces import Traces, take_out
from rules.judge import Judge
from rules.pack import load_packs
from rules.schema import RuleSet


def test_rulebook_is_kept_once_from_when_it_first_came_into_force(
    store: Store,
) -> None:
    body = {"rules": [{"id": "vip-delivery"}]}
    with store.write() as connection:
        rulebooks.keep(connection, "a1b2", body, START)
        rulebooks.keep(connection, "a1b2", {}, START + timedelta(days=1))
        rulebooks.keep(connection, "a1c3", {}, START + timedelta(days=2))
    with store.read() as connection:
        (found,) = rulebooks.find(connection, "a1b")
        newest_first = [row.version for row in rulebooks.find(connection, "a1")]
    assert (found.body, found.at) == (body, START)
    assert newest_first == ["a1c3", "a1b2"]


RULES = """\
rules:
  - id: lamps
    mode: {mode}
    when: {{field: text, op: contains, value: {word}}}
    then: [{{add_tag: lamp}}]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    place = tmp_path / "rules.yaml"
    place.write_text(RULES.format(mode="act", word="lamp"))
    return place


@pytest.fixture
def decided(place: Path, blank_sqlite: str) -> Iterator[Bench]:
    """A ticket, decided by a rule for lamps and again once that is for lights."""
    bench = Bench(settings(blank_sqlite).model_copy(update={"rules": place}))
    for number, word in enumerate(("lamp", "light"), start=1):
        place.write_text(RULES.format(mode="act", word=word))
        bench.clock.now = START + number * timedelta(days=30)
        bench.write("1", "my lamp gives no light", "kari@mail.example")
        bench.settle()
    yield bench
    bench.close()
    structlog.reset_defaults()


def explain(place: Path, *words: str) -> Result:
    config = place.parent / "config.yaml"
    sources = {name: {"kind": "memory"} for name in ("support", "shop", "tracker")}
    url = f"sqlite:///{place.parent}/connector.db"
    raw = {"database": {"url": url}, "sources": sources, "rules": place.name}
    config.write_text(yaml.safe_dump(raw))
    return CliRunner().invoke(
        cli, ["explain", "support:1", *words, "--config", str(config)]
    )


@pytest.mark.parametrize("time", ["500ms", "90s", "14d", "100w"])
def test_time_in_a_rule_is_read_as_it_was_kept(store: Store, time: str) -> None:
    given = {
        "id": "slow",
        "when": {"field": "text", "op": "contains", "value": "lamp"},
        "then": [{"clock": {"solution": time}}],
    }
    rules = RuleSet.model_validate({"rules": [given]})
    book = Book(rules, Judge(load_packs()), START)
    with store.write() as connection:
        earlier.keep(connection, book)
    with store.read() as connection:
        (found,) = earlier.find(connection, book.version)
    assert found.rules == rules.rules
    assert found.rules[0].version == rules.rules[0].version


@pytest.mark.parametrize(
    ("today", "then", "now"),
    [
        (RULES.format(mode="act", word="light"), "changed since", "still in force"),
        (RULES.format(mode="suggest", word="light"), "changed since", "changed since"),
        ("rules: []", "gone by now", "gone by now"),
        ("rules: [{", "cannot be read", "cannot be read"),
    ],
)
def test_decision_is_explained_by_the_rules_of_its_day(
    decided: Bench, place: Path, today: str, then: str, now: str
) -> None:
    place.write_text(today)
    month_later = (START + timedelta(days=45)).isoformat()
    old, new = explain(place, "--at", month_later), explain(place)
    assert "when text contains lamp\n" in old.output
    assert "then tag lamp (act)" in old.output
    assert then in old.output
    assert "when text contains light\n" in new.output
    assert now in new.output
    assert f"in force from {START:%Y-%m-%d}" in old.output
    assert f"in force from {START + timedelta(days=60):%Y-%m-%d}" in new.output


def test_programs_read_the_rules_of_that_day_as_well(
    decided: Bench, place: Path
) -> None:
    lines = explain(place, "--all", "--json").output.splitlines()
    rules = [json.loads(line)["rules"][0] for line in lines]
    assert rules[0]["when"] == "text contains lamp"
    assert rules[0]["now"] == "changed since"
    assert rules[-1]["now"] == "still in force"


def test_before_the_first_decision_there_is_nothing_to_explain(
    decided: Bench, place: Path
) -> None:
    found = explain(place, "--at", "2020-01-01")
    assert found.exit_code == 1
    assert "not decided about by then" in found.output


def test_rulebook_of_a_decision_that_failed_is_kept_with_the_next(
    store: Store, place: Path
) -> None:
    config = settings("sqlite:///none.db").model_copy(update={"rules": place})
    book = Rulebook(config, START).book
    there = []
    for fails in (True, False, False):
        with suppress(ZeroDivisionError), store.write() as connection:
            there.append(earlier.keep(connection, book))
            if fails:
                raise ZeroDivisionError
    assert there == [False, False, True]
    with store.read() as connection:
        (kept,) = earlier.find(connection, book.version)
    assert (kept.rules, kept.since) == (book.rules.rules, START)


def test_words_of_the_house_are_kept_without_their_place(
    store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    text = "language: en\ngroups: [{name: broken, words: [kaput]}]"
    (folder / "en.yaml").write_text(text)
    judge = Judge(load_packs(own=folder))
    with store.write() as connection:
        earlier.keep(connection, Book(RuleSet(), judge, START))
    with store.read() as connection:
        (kept,) = earlier.find(connection, "")
    assert (kept.added, kept.words) == ({"words/en.yaml": text}, judge.version)


def test_rule_of_a_form_that_is_not_known_any_more_is_named(store: Store) -> None:
    body = {"words": "1", "added": {}, "rules": [{"id": "old", "if": "complaint"}]}
    with store.write() as connection:
        rulebooks.keep(connection, "a1", body, START)
    with store.read() as connection:
        (found,) = earlier.find(connection, "a1")
    assert (found.rules, found.unread) == ((), ("old",))


def test_address_in_a_rule_of_an_earlier_day_is_erased(store: Store) -> None:
    when = {"field": "customer.email", "op": "equals", "value": "kari@mail.example"}
    body = {"words": "1", "added": {}, "rules": [{"id": "kari", "when": when}]}
    with store.write() as connection:
        rulebooks.keep(connection, "a1", body, START)
    take_out(store, Traces(["kari@mail.example"]))
    with store.read() as connection:
        (row,) = rulebooks.find(connection, "a1")
    assert row.body["rules"][0]["when"]["value"] == "erased"
