"""A copy of the database that was made while all is at work, put back after a loss."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import yaml
from click.testing import CliRunner
from kit import Bench, Clock, settings
from loop_kit import calls, complain, file_issue, fix, the_group

from adapters.memory import MemoryAdapter
from connector.cli import cli
from connector.models import DeliveryState
from connector.store import deliveries

#: What a vendor would have twice if it were made twice.
WRITES = ("add_note", "comment_issue", "create_issue", "send_message")


def copy(source: Path, target: Path) -> None:
    """Do what ``sqlite3 FILE ".backup TARGET"`` does."""
    with (
        closing(sqlite3.connect(source)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        old.backup(new)


def restored(path: Path, lost: Bench) -> Bench:
    """Start anew on the copy, with the vendors as they are by now."""
    bench = Bench(settings(f"sqlite:///{path}"), lost.clock)
    for name, adapter in bench.runtime.adapters.items():
        before = lost.runtime.adapters[name]
        assert isinstance(adapter, MemoryAdapter)
        vars(adapter).update(vars(before))
    return bench


def writes(bench: Bench) -> dict[str, int]:
    return {name: len(calls(bench, name)) for name in WRITES}


def test_what_was_sent_after_the_copy_is_not_sent_again(
    blank_sqlite: str, tmp_path: Path
) -> None:
    bench = Bench(settings(blank_sqlite), Clock())
    source, target = bench.store.engine.url.database, tmp_path / "copy.db"
    assert source is not None
    fix(bench, file_issue(bench))
    complain(bench, 2, start=20)
    bench.runtime.worker.run_once()
    with bench.store.write() as connection:
        late = deliveries.new("support", None, {}, b"{}", bench.clock())
        deliveries.accept(connection, [late])
        # What is not committed is not in it.
        copy(Path(source), target)
    waiting = writes(bench)
    bench.settle()
    sent = writes(bench)
    assert sent != waiting
    bench.close()

    again = restored(target, bench)
    with again.store.read() as connection:
        assert len(deliveries.listing(connection, DeliveryState.PENDING, 9)) == 0
    config = tmp_path / "config.yaml"
    raw = {"database": {"url": f"sqlite:///{target}"}}
    config.write_text(
        yaml.safe_dump({**raw, "sources": {"support": {"kind": "memory"}}})
    )
    said = CliRunner().invoke(cli, ["outbox", "doubt", "--config", str(config)])
    assert said.exit_code == 0, said.output
    assert int(said.output.split()[0]) > 0
    again.settle()
    again.clock.pass_(minutes=10)
    again.settle()
    assert writes(again) == sent
    assert the_group(again)["customers"] == 7
    again.close()
