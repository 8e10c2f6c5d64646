"""Which learned model is used is one fact for all machines, and can be taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from kit import START, settings

from connector.models import Level
from connector.rulebook import LOOK, Rulebook, findings
from connector.store import Store, learned
from rules.judge import default_judge
from rules.learned import Model


def fitted(store: Store, *versions: str) -> None:
    for day, version in enumerate(versions):
        with store.write() as connection:
            at = START + timedelta(days=day)
            learned.add(connection, version, f"<{version}>", {"of": version}, at)


def used(store: Store) -> str:
    with store.read() as connection:
        return learned.version(connection)


def test_newest_model_is_used_and_few_are_kept(store: Store) -> None:
    assert used(store) == ""
    fitted(store, "a", "b", "c", "d")
    assert used(store) == "d"
    with store.read() as connection:
        kept = [(row.version, row.used) for row in learned.listing(connection)]
        bodies = [learned.body(connection, name) for name in ("a", "b")]
    assert kept == [("d", True), ("c", False), ("b", False)]
    assert bodies == [None, "<b>"]


def test_going_back_ends_at_the_oldest_that_is_kept(store: Store) -> None:
    fitted(store, "a", "b")
    with store.write() as connection:
        assert learned.go_back(connection) == "a"
        assert learned.go_back(connection) is None
    assert used(store) == "a"


def test_model_that_was_switched_off_can_be_used_again(store: Store) -> None:
    fitted(store, "a", "b")
    with store.write() as connection:
        assert learned.stop(connection)
        assert not learned.stop(connection)
    assert used(store) == ""
    with store.write() as connection:
        assert learned.go_back(connection) == "b"
    assert used(store) == "b"


def test_damaged_or_outdated_model_is_told_and_judging_goes_on(store: Store) -> None:
    plain = Model("", "", ("complaint",), (0.0,), {}, {}, {}, {}, ())
    current = replace(plain, packs=default_judge().version)
    rulebook = Rulebook(settings("sqlite:///unused.db"), START)
    rulebook.follow(store)
    told = []
    models = (current, replace(plain, packs="2019.1"), current)
    for turn, unread in enumerate(models):
        model = replace(unread, version=unread.fingerprint())
        body = model.to_json()
        if turn == 2:
            body = body.replace("0.0", "9.0")
        with store.write() as connection:
            learned.add(connection, f"{turn}", body, {}, START)
        rulebook.look(START + turn * LOOK)
        told.append([(one.level, one.message) for one in findings(rulebook)])
    (outdated,), (damaged,) = told[1:]
    assert told[0] == []
    assert outdated[0] is Level.WARNING
    assert "was fitted to packs 2019.1; in force are" in outdated[1]
    assert damaged[0] is Level.PROBLEM
    assert "model 2 is not used: it was changed after it was written" in damaged[1]
    assert rulebook.book.judge.version == default_judge().version
