"""Commands for the person who runs it: looking without reading, and the global stop."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from kit import Bench

from connector.cli import cli
from connector.models import OutboxState
from connector.store import outbox

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, bench: Bench) -> Invoke:
    """Run a command on the bench's own database."""

    def run(*words: str, **autonomy: bool) -> Result:
        file = tmp_path / "config.yaml"
        raw = {
            "database": {"url": bench.config.database.url},
            "sources": {"support": {"kind": "memory"}},
            "autonomy": autonomy,
        }
        file.write_text(yaml.safe_dump(raw), encoding="utf-8")
        return CliRunner().invoke(cli, [*words, "--config", str(file)])

    return run


def complain(bench: Bench) -> None:
    bench.write("1", "My parcel never arrived, terrible!", "olga@private.example")


def count(bench: Bench, state: OutboxState) -> int:
    with bench.store.read() as connection:
        return len(outbox.listing(connection, state, 50))


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["table", "json"])
def test_listing_of_writes_quotes_no_customer(
    bench: Bench, invoke: Invoke, form: tuple[str, ...]
) -> None:
    complain(bench)
    bench.settle()
    with bench.store.read() as connection:
        reasons = [row["reason"] for row in outbox.listing(connection, None, 50)]
    assert any("terrible" in reason for reason in reasons if reason)
    result = invoke("outbox", "list", *form)
    assert result.exit_code == 0
    assert "terrible" not in result.output
    if form:
        rows = [json.loads(line) for line in result.output.splitlines()]
        assert rows
        assert all("rule" in row and "reason" not in row for row in rows)


def test_one_write_is_shown_with_its_reason(bench: Bench, invoke: Invoke) -> None:
    complain(bench)
    bench.settle()
    with bench.store.read() as connection:
        quoting = next(
            row["id"]
            for row in outbox.listing(connection, None, 50)
            if "terrible" in (row["reason"] or "")
        )
    shown = json.loads(invoke("outbox", "show", str(quoting), "--json").output)
    assert "terrible" in shown["reason"]
    assert (
        "customer's words" in CliRunner().invoke(cli, ["outbox", "show", "-h"]).output
    )


def test_stop_holds_every_write_until_resume(bench: Bench, invoke: Invoke) -> None:
    result = invoke("stop")
    assert result.exit_code == 0
    assert "complaint-connector resume" in result.output
    complain(bench)
    bench.settle()
    assert not bench.support.tickets["1"].tags
    assert count(bench, OutboxState.PENDING) > 0
    assert invoke("stop").exit_code == 0  # twice is once
    result = invoke("resume")
    assert result.exit_code == 0
    bench.settle()
    assert bench.support.tickets["1"].tags
    assert count(bench, OutboxState.PENDING) == 0


def test_resume_says_when_the_configuration_still_stops(invoke: Invoke) -> None:
    result = invoke("resume", stop=True)
    assert result.exit_code == 1
    assert "autonomy.stop" in result.output
