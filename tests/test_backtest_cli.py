"""``rules backtest`` and ``rules diff`` as a person, or CI, types them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
import yaml
from backtest_kit import FIFTH, UNTIL, VOUCHER, VOUCHERS, rule
from click.testing import CliRunner, Result
from kit import Bench

from connector.cli import cli
from connector.store import rule_tables, rulebooks
from rules.differences import differences
from rules.schema import read_rules

Type = Callable[..., Result]
OBSERVING = rule("vouchers", "voucher", "voucher")


@pytest.fixture
def type_(past_world: Bench, tmp_path: Path) -> Iterator[Type]:
    """Type commands at the small world, which has no rules."""
    raw = {
        "database": {"url": f"sqlite:///{past_world.store.engine.url.database}"},
        "sources": {n: {"kind": "memory"} for n in ("support", "shop", "tracker")},
        "problems": {"tracker": "tracker", "project": "SHOP", "fast_customers": 0},
    }
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(raw))
    more = "--until", UNTIL.isoformat(), "--config", str(config)

    def run(*words: str) -> Result:
        return CliRunner().invoke(cli, ["rules", *words, *more])

    yield run
    structlog.reset_defaults()


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    def write(*rules: dict[str, Any], name: str = "new.yaml") -> str:
        path = tmp_path / name
        path.write_text(yaml.safe_dump({"rules": list(rules)}))
        return str(path)

    return write


def found(result: Result, kind: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in result.output.splitlines()]
    return [line for line in lines if line["kind"] == kind]


def test_backtest_tells_people_what_would_change(
    type_: Type, save: Callable[..., str]
) -> None:
    result = type_("backtest", "--rules", save(VOUCHER))
    assert result.exit_code == 0, result.output
    assert "60 tickets, 10 complaints; 1 without words left out" in result.output
    assert "+ voucher: support:voucher-1, support:voucher-2" in result.output
    assert result.output.count(f"{FIFTH:%Y-%m-%d} 09:50") == 2
    assert "the same" in result.output
    assert "Jira issues: 1\n" in result.output
    assert "told once all is fixed: 5\n" in result.output


def test_backtest_tells_programs_the_same(
    type_: Type, save: Callable[..., str]
) -> None:
    result = type_("backtest", "--rules", save(VOUCHER), "--customers", "3", "--json")
    (summary,) = found(result, "summary")
    assert summary["changed"] == 3
    assert summary["without_words"] == 1
    first = found(result, "tag")[0]
    assert (first["name"], first["added"], first["after"]["precision"]) == (
        *("voucher", 3),
        0.5,
    )
    (problem,) = found(result, "problem")
    assert problem["before"]["filed"] == problem["live"]["filed"]
    assert problem["after"]["filed"] < problem["before"]["filed"]
    assert problem["delay_seconds"] == -20 * 60


@pytest.mark.parametrize(
    ("rules", "words", "failed"),
    [
        ([], ["change"], []),
        ([VOUCHER], ["change", "more-issues", "precision-drop"], ["change"]),
        ([], ["more-issues"], []),
        ([rule("all", "o", "all", mode="act")], [], []),
    ],
)
def test_backtest_fails_on_what_it_is_told_to(
    type_: Type,
    save: Callable[..., str],
    rules: list[dict[str, Any]],
    words: list[str],
    failed: list[str],
) -> None:
    asked = [part for word in words for part in ("--fail-on", word)]
    result = type_("backtest", "--rules", save(*rules), *asked)
    assert result.exit_code == bool(failed), result.output
    said = [line for line in result.output.splitlines() if line.startswith("failed")]
    assert said == [f"failed: {name}" for name in failed]


def test_backtest_fails_on_more_issues(type_: Type) -> None:
    more = type_("backtest", "--customers", "1", "--fail-on", "more-issues")
    assert more.exit_code == 1
    assert "failed: more-issues" in more.output
    fewer = type_("backtest", "--customers", "6", "--fail-on", "more-issues")
    assert fewer.exit_code == 0
    assert "Jira issues: 1 → 0" in fewer.output
    sooner = type_("backtest", "--customers", "3").output
    assert "20 min earlier" in sooner


def test_rules_with_a_mistake_are_not_tried(type_: Type, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("rules: [{id: x}]")
    result = type_("backtest", "--rules", str(broken))
    assert result.exit_code == 1
    assert "mistake" in result.output


def test_words_of_ones_own_are_tried(type_: Type, tmp_path: Path) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    group = {"name": "doors", "effects": {"complaint": 2.0, "delivery": 2.0}}
    pack = {"language": "en", "groups": [{**group, "words": ["bergen"]}]}
    (folder / "en.yaml").write_text(yaml.safe_dump(pack))
    result = type_("backtest", "--packs", str(folder), "--json")
    (summary,) = found(result, "summary")
    before, after = summary["complaints"]["before"], summary["complaints"]["after"]
    # The question of Bergen is asked by every fourth ticket, and for vouchers.
    assert after - before == 12 + len(VOUCHERS)
    assert found(result, "tag")[0]["name"] == "cc-delivery"
    (folder / "en.yaml").write_text("language: en\ngroup: []")
    broken = type_("backtest", "--packs", str(folder))
    assert broken.exit_code == 1
    assert "en.yaml: group" in broken.output


def test_nobody_is_quoted(type_: Type, save: Callable[..., str]) -> None:
    every = rule("all", "o", "all", mode="act")
    for words in ((), ("--json",)):
        shown = type_("backtest", "--rules", save(every), *words).output
        assert "mail.example" not in shown
        assert "disappointed" not in shown


# -- two sets of rules


def test_diff_says_what_differs_in_words(type_: Type, save: Callable[..., str]) -> None:
    old = save(OBSERVING, rule("lamps", "lamp", "lamp"), name="old.yaml")
    result = type_("diff", old, save(VOUCHER, rule("sofas", "sofa", "sofa")))
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "~ vouchers changed",
        "    mode act (was: mode observe)",
        "+ sofas added",
        "    when subject contains sofa",
        "    then tag sofa",
        "    mode observe",
        "- lamps removed",
        "    when subject contains lamp",
        "    then tag lamp",
        "    mode observe",
    ]


def test_diff_of_the_same_is_none(type_: Type, save: Callable[..., str]) -> None:
    result = type_("diff", save(VOUCHER), save(VOUCHER, name="same.yaml"))
    assert (result.exit_code, result.output) == (0, "They say the same.\n")


def test_diff_names_the_tickets_that_would_differ(
    type_: Type, save: Callable[..., str]
) -> None:
    result = type_("diff", "running", save(VOUCHER), "--days", "30", "--examples", "1")
    assert result.exit_code == 1
    assert "3 of 60 tickets would differ." in result.output
    assert "+ voucher: support:voucher-1 and 2 more" in result.output
    plain = type_("diff", "running", save(VOUCHER), "--days", "30", "--json")
    assert [line["added"] for line in found(plain, "tag")] == [3]
    assert [line["what"] for line in found(plain, "rule")] == ["added"]


def test_diff_takes_what_was_in_force_before(
    past_world: Bench, type_: Type, save: Callable[..., str]
) -> None:
    with past_world.store.read() as connection:
        (kept,) = rulebooks.find(connection, "")
    same = type_("diff", kept.version[:6], "running")
    assert (same.exit_code, same.output) == (0, "They say the same.\n")
    nothing = type_("diff", "fff", "running")
    assert nothing.exit_code == 2
    assert kept.version in nothing.output


def test_diff_shows_lines_of_the_words_of_the_house(
    past_world: Bench, type_: Type
) -> None:
    body = {"rules": [], "words": "w1", "added": {"words/en.yaml": "one\ntwo"}}
    other = {**body, "words": "w2", "added": {"words/en.yaml": "one\n2"}}
    with past_world.store.write() as connection:
        rulebooks.keep(connection, "f001", body, UNTIL)
        rulebooks.keep(connection, "f002", other, UNTIL)
    result = type_("diff", "f001", "f002")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        "~ words: w1 became w2",
        "    words/en.yaml: -two",
        "    words/en.yaml: +2",
    ]
    with past_world.store.write() as connection:
        for version in ("f001", "f002"):
            table = rule_tables.rulebooks
            connection.execute(table.delete().where(table.c.version == version))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"then": [{"note": "Call."}]}, 'then note "Call." (was: then tag voucher)'),
        ({"mode": "suggest"}, "mode suggest (was: mode act)"),
        (
            {"when": {"not": {"field": "vip", "op": "equals", "value": True}}},
            "when not (vip equals true) (was: when subject contains voucher)",
        ),
    ],
)
def test_difference_names_the_part(changes: dict[str, Any], words: str) -> None:
    old, new = read_rules([VOUCHER]), read_rules([{**VOUCHER, **changes}])
    assert [one.words for one in differences(old.rules, new.rules)] == [(words,)]


def test_other_order_is_a_difference() -> None:
    rules = read_rules([VOUCHER, rule("lamps", "lamp", "lamp")]).rules
    (one,) = differences(rules, rules[::-1])
    assert (one.what, one.words) == ("order", ("the order is lamps, vouchers",))
