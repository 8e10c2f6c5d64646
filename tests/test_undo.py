"""What a rule did is taken back as far as it is still ours, and stays away."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from kit import Bench, settings
from loop_kit import COMPLAINTS, rows

from connector import undoing
from connector.cli import cli
from connector.models import OutboxState

OLE = "ole@shop.example"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def build(extra: str = "", url: str = "", **more: Any) -> Bench:
        when = {"field": "text", "op": "matches", "value": f"discount{extra}"}
        then = [{"add_tag": "codes"}, {"note": "Look at the codes."}]
        rule = {"id": "codes", "mode": "act", "when": when, "then": then}
        config = settings(
            url or f"sqlite:///{tmp_path / 'c.db'}", rules={"rules": [rule]}, **more
        )
        bench = Bench(config, made[0].clock if made else None)
        if made:  # started again with another rule
            for sender in made[0].runtime.senders:
                sender.close()
            bench.support.tickets.update(made[0].support.tickets)
        made.append(bench)
        return bench

    yield build
    for bench in made:
        bench.close()


def complain(bench: Bench, ticket: str = "1") -> None:
    bench.write(ticket, COMPLAINTS[0], OLE)
    bench.settle()


def take_back(bench: Bench, **ago: float) -> undoing.Deeds:
    since = bench.clock() - timedelta(**ago)
    found = undoing.undo(bench.store, "codes", since, "anna", bench.clock())
    bench.settle()
    return found


def tags(bench: Bench, ticket: str = "1") -> set[str]:
    return set(bench.support.tickets[ticket].tags)


def test_tags_of_the_rule_go_and_others_stay(make: Callable[..., Bench]) -> None:
    bench = make()
    complain(bench)
    assert tags(bench) == {"codes", "cc-discount_pricing"}
    take_back(bench, hours=1)
    assert tags(bench) == {"cc-discount_pricing"}
    complain(bench)
    assert tags(bench) == {"cc-discount_pricing"}
    assert take_back(bench, hours=1).tags == []


def test_changed_rule_may_set_them_again(make: Callable[..., Bench]) -> None:
    bench = make()
    complain(bench)
    take_back(bench, hours=1)
    other = make("|rabatt")
    complain(other)
    assert "codes" in tags(other)


def test_what_came_before_that_time_stays(make: Callable[..., Bench]) -> None:
    bench = make()
    complain(bench)
    bench.clock.pass_(hours=2)
    complain(bench, "2")
    take_back(bench, hours=1)
    assert ("codes" in tags(bench), "codes" in tags(bench, "2")) == (True, False)


def test_what_a_person_set_is_not_taken_off(make: Callable[..., Bench]) -> None:
    bench = make()
    ticket = bench.support.write("1", "Hello, my discount?", email=OLE)
    bench.support.tickets["1"] = replace(ticket, tags=frozenset({"codes"}))
    complain(bench)
    assert take_back(bench, hours=1).tags == []
    assert "codes" in tags(bench)


def test_what_waits_is_not_sent_and_what_is_out_is_named(
    make: Callable[..., Bench], database_url: str
) -> None:
    bench = make(url=database_url)
    complain(bench)
    bench.write("2", COMPLAINTS[0], OLE)
    bench.runtime.worker.run_once()
    found = take_back(bench, hours=1)
    assert [row.target for row in found.waiting] == ["2"]
    assert [(row.operation, row.target) for row in found.out] == [("add_note", "1")]
    assert {line.external_id for line in found.tags} == {"1", "2"}
    assert "codes" not in tags(bench) | tags(bench, "2")
    (discarded,) = rows(bench, OutboxState.DISCARDED)
    assert discarded["error"].startswith("anna took back what rule codes did since ")
    said = [text for call, target, text in bench.support.calls if target == "2"]
    assert "Look at the codes." not in said


def test_it_is_taken_back_even_where_tags_are_only_observed(
    make: Callable[..., Bench],
) -> None:
    complain(make())
    bench = make(autonomy={"tags": "observe"})
    take_back(bench, hours=1)
    assert tags(bench) == {"cc-discount_pricing"}


def test_dry_run_says_what_would_be_done_and_does_nothing(
    make: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = make()
    complain(bench)
    file = tmp_path / "config.yaml"
    url = bench.store.engine.url.render_as_string(hide_password=False)
    sources = {"support": {"kind": "memory"}}
    raw = {"database": {"url": url}, "sources": sources}
    file.write_text(yaml.safe_dump(raw), encoding="utf-8")
    asked = ["undo", "--rule", "codes", "--since", "2026-03-01", "--config", str(file)]
    said = CliRunner().invoke(cli, [*asked, "--dry-run"]).output
    assert "1 tags would be taken off\n  codes: support:1\n" in said
    assert "1 cannot be taken back\n  add_note: support:1\n" in said
    bench.settle()
    assert "codes" in tags(bench)
    lines = CliRunner().invoke(cli, [*asked, "--json"]).output.splitlines()
    assert json.loads(lines[0]) == {
        "what": "tags",
        "source": "support",
        "id": "1",
        "did": "codes",
    }
    bench.clock.now = max(bench.clock(), datetime.now(UTC))  # the command's own time
    bench.settle()
    assert "codes" not in tags(bench)
