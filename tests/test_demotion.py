"""How often rules are right, and what follows if people contradict them too often."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from kit import START, settings
from labels_kit import DAY, add_labels, add_ticket, enter
from sqlalchemy import select

from connector import demotion, precision
from connector.cli import cli
from connector.config import Config
from connector.config_learning import Learning
from connector.models import OutboxState
from connector.precision import Figure, wilson
from connector.store import Store, accounts, demotions
from connector.store.demotions import Unit
from connector.store.labels import Label
from connector.store.schema import outbox
from connector.store.tickets import TagState

DELIVERY = Unit("pack.type", "cc-delivery", "en", "1")
IN_FORCE = {"pack.type": "1"}


@pytest.fixture
def config(database_url: str) -> Config:
    channels = {"log": {"kind": "file", "folder": "/nowhere"}}
    notify = {"channels": channels, "roles": {"owner": ["log"]}}
    return settings(database_url, notify=notify, learning={"role": "owner"})


def review(store: Store, config: Config, days: float = 1, **changes: Any) -> list[Unit]:
    now: datetime = START + days * DAY
    versions = changes.get("versions", IN_FORCE)
    return demotion.review(store, config, versions, now, lambda: False)


def notices(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        rows = connection.execute(select(outbox).order_by(outbox.c.id))
        return [dict(row) for row in rows.mappings()]


def demoted(store: Store) -> set[Unit]:
    with store.read() as connection:
        return set(demotions.demoted(connection))


@pytest.mark.parametrize(
    ("good", "count", "low", "high"),
    [(0, 0, 0, 1), (0, 10, 0, 0.278), (8, 10, 0.490, 0.943), (90, 100, 0.826, 0.945)],
)
def test_interval_is_wilsons(good: int, count: int, low: float, high: float) -> None:
    assert wilson(good, count) == pytest.approx((low, high), abs=0.001)


def test_figures_are_of_a_version_and_of_packs_for_each_language(store: Store) -> None:
    add_labels(store, Label.KEPT, 3)
    add_labels(store, Label.REMOVED, 1)
    add_labels(store, Label.MISSED, 2)
    add_labels(store, Label.FOUND, 5)
    add_labels(store, Label.CONFIRMED, 1, rule="late", rule_version="2")
    with store.read() as connection:
        of_late, of_packs = precision.figures(connection, START - DAY)
        assert precision.figures(connection, START + DAY) == []
    assert of_late.unit == Unit("late", "cc-delivery", "", "2")
    said = of_packs.as_dict()
    assert of_packs.unit == DELIVERY
    assert (said["kept"], said["removed"], said["missed"]) == (3, 1, 2)
    assert (said["right"], said["at_least"], said["at_most"]) == (0.75, 0.301, 0.954)


def test_what_agents_left_is_labelled_once_a_day(store: Store, config: Config) -> None:
    ticket = add_ticket(store, "1")
    enter(store, ticket, "cc-delivery", TagState.WRITTEN)
    enter(store, ticket, "cc-other", TagState.SEEN)
    enter(store, ticket, "cc-due", TagState.WRITTEN, rule="clocks")
    review(store, config, 2)
    with store.read() as connection:
        found = precision.figures(connection, START)
    assert [(one.unit.tag, dict(one.counts)) for one in found] == [
        ("cc-delivery", {"kept": 1}),
        ("cc-other", {"confirmed": 1}),
    ]


def test_rule_below_the_floor_is_held_back_and_its_owner_told_once(
    store: Store, config: Config
) -> None:
    add_labels(store, Label.KEPT, 8)
    add_labels(store, Label.REMOVED, 12)
    assert [review(store, config, day) for day in (1, 1.5, 2)] == [[DELIVERY], [], []]
    (notice,) = notices(store)
    body = notice["payload"]["body"]
    examples = [(block[1], block[2]) for block in body if block[0] == "bullet"]
    assert examples == [
        (f"support removed-0-{n}-0", f"https://support.example/removed-0-{n}-0")
        for n in range(11, 6, -1)
    ]
    assert "12 of 20" in body[0][1]
    assert "rules promote pack.type --tag cc-delivery" in body[-1][1]
    assert "late again" not in str(notice)


@pytest.mark.parametrize(
    ("kept", "removed", "is_below"),
    # Nineteen are too few; of twenty it may be chance, of a hundred it is not.
    [(0, 19, False), (12, 8, False), (60, 40, True)],
)
def test_rule_that_may_be_good_enough_goes_on(
    kept: int, removed: int, is_below: bool
) -> None:
    counts = {Label.KEPT: kept, Label.REMOVED: removed, Label.MISSED: 50}
    assert demotion.is_below(Figure(DELIVERY, counts, START), Learning()) is is_below


def test_other_version_starts_anew(store: Store, config: Config) -> None:
    add_labels(store, Label.REMOVED, 20)
    assert review(store, config, versions={"pack.type": "2"}) == []
    add_labels(store, Label.KEPT, 20, 1, rule_version="2")
    assert review(store, config, 2, versions={"pack.type": "2"}) == []


def test_promotion_by_a_person_holds_until_there_are_new_labels(
    store: Store, config: Config
) -> None:
    add_labels(store, Label.REMOVED, 20)
    assert review(store, config) == [DELIVERY]
    now = START + 1.5 * DAY
    with store.write() as connection:
        told = [
            demotions.promote(connection, "pack.type", tag, "anna", now)
            for tag in ("cc-other", "cc-delivery", None)
        ]
    assert told == [[], [DELIVERY], []]
    assert (review(store, config, 2), demoted(store)) == ([], set())
    add_labels(store, Label.REMOVED, 19, 3)
    assert review(store, config, 4) == []
    add_labels(store, Label.REMOVED, 1, 5)
    assert review(store, config, 6) == [DELIVERY]
    states = [row["state"] for row in notices(store)]
    assert states == [OutboxState.PENDING, OutboxState.PENDING]


def test_only_the_last_word_of_a_person_is_taken_back(store: Store) -> None:
    units = [DELIVERY, DELIVERY._replace(language="nb"), DELIVERY._replace(tag="cc-x")]
    with store.write() as connection:
        for place, unit in enumerate(units):
            demotions.demote(connection, unit, 1, 20, START)
            at = START + (place + 1) * DAY
            demotions.promote(connection, "pack.type", unit.tag, "anna", at)
        assert demotions.hold(connection, "pack.type", "cc-delivery") == [units[1]]
        assert demotions.hold(connection, "pack.type", None) == [units[2]]
        assert demotions.hold(connection, "pack.other", None) == []
    assert demoted(store) == set(units[1:])


def test_what_is_held_back_is_a_finding_while_its_version_is_in_force(
    store: Store, config: Config
) -> None:
    add_labels(store, Label.REMOVED, 20)
    review(store, config)
    with store.read() as connection:
        (finding,) = demotion.findings(connection, IN_FORCE)
        assert demotion.findings(connection, {"pack.type": "2"}) == []
    assert "20 of 20" in finding.message
    assert finding.remedy.endswith("rules promote pack.type --tag cc-delivery")


def test_rules_precision_shows_figures_and_promote_ends_what_holds_back(
    blank_sqlite: str, tmp_path: Path
) -> None:
    store = Store(blank_sqlite)
    now = datetime.now(UTC) - START
    add_labels(store, Label.KEPT, 1, now / DAY - 1)
    add_labels(store, Label.REMOVED, 3, now / DAY - 1)
    add_labels(store, Label.REMOVED, 3, now / DAY - 40)
    with store.write() as connection:
        demotions.demote(connection, DELIVERY, 1, 20, START)
    store.close()
    file = tmp_path / "config.yaml"
    sources = {"support": {"kind": "memory"}}
    raw = {"database": {"url": blank_sqlite}, "sources": sources}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["rules", *words, "--config", str(file)])
        return done.exit_code, done.output

    _, told = run("precision", "--days", "30", "--json")
    said = json.loads(told)
    assert (said["tag"], said["removed"], said["right"]) == ("cc-delivery", 3, 0.25)
    assert said["only_suggested"] is True
    code, told = run("promote", "pack.type", "--by", "anna")
    assert code == 0
    assert told.startswith("Rule pack.type writes cc-delivery in en again. It is ")
    assert told.endswith("take it back: complaint-connector rules hold pack.type\n")
    code, told = run("promote", "pack.type")
    assert (code, "is not held back" in told) == (1, True)
    code, told = run("hold", "pack.type", "--by", "anna")
    assert (code, "only suggests cc-delivery in en, as before" in told) == (0, True)
    assert '"only_suggested": true' in run("precision", "--days", "30", "--json")[1]
    code, told = run("hold", "pack.type")
    assert (code, "or it is held back by now" in told) == (1, True)
    store = Store(blank_sqlite)
    with store.read() as connection:
        deeds = accounts.recorded(connection, 5)
    store.close()
    done = [(one["who"], one["action"]) for one in deeds]
    assert done == [("anna", "rules hold"), ("anna", "rules promote")]
    code, told = run("precision")
    assert (code, "14%" in told) == (0, True)
