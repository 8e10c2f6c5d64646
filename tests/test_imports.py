"""How an import of history looks to those who did not start it, on both databases."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from kit import START, Bench, importing

from connector import imports
from connector.cli import cli
from connector.cli.backfill import backfill
from connector.dashboard import status
from connector.errors import CredentialsRejected, VendorBusy
from connector.history import Step, import_history
from connector.imports import Standing, State, command, sentence
from connector.models import Level
from connector.store import Store, cursors, locks
from connector.store.cursors import Purpose

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
COUNT = 40
#: The days of the tickets, one after the other.
FIRST = START - timedelta(days=COUNT)


@pytest.fixture
def old(bench: Bench) -> Bench:
    """Give a connector whose vendor has a history."""
    for number in range(COUNT):
        bench.support.write(
            str(number),
            "The discount code AUTUMN20 does not work, error E-4012. Really annoying!",
            email=f"customer{number}@mail.example",
            subject="Discount code",
            now=FIRST + timedelta(days=number),
        )
    return bench


def run(bench: Bench, **changes: Any) -> None:
    """Import everything, or as far as it goes."""
    span = {key: changes.pop(key) for key in ("until", "limit") if key in changes}
    import_history(importing(bench, **changes), SINCE, **span)


def standing(bench: Bench) -> Standing:
    with bench.store.read() as connection:
        (found,) = imports.standings(connection, bench.config, bench.clock())
    return found


def finding(bench: Bench) -> Any:
    with bench.store.read() as connection:
        (found,) = imports.findings(connection, bench.config, bench.clock())
    return found


def test_without_an_import_nothing_is_said(bench: Bench) -> None:
    with bench.store.read() as connection:
        assert imports.findings(connection, bench.config, bench.clock()) == []


def test_running_import_tells_how_far_and_how_fast_it_is(old: Bench) -> None:
    seen: list[Standing] = []

    def tell(step: Step) -> None:
        old.clock.pass_(seconds=4)
        seen.append(standing(old))

    run(old, tell=tell)
    assert {one.state for one in seen[:-1]} == {State.RUNNING}
    assert [one.tickets for one in seen[:3]] == [0, 16, 32]
    # Sixteen in four seconds, and then sixteen more in four.
    assert [one.rate for one in seen[:3]] == [0.0, 4.0, 4.0]
    second = seen[1]
    assert second.complaints == 16
    assert second.reached == FIRST + timedelta(days=15)
    assert second.share == pytest.approx(
        (FIRST + timedelta(days=15) - SINCE) / (START - SINCE)
    )
    assert "16 tickets, 16 of them complaints" in sentence(second)
    assert f"up to {second.reached:%Y-%m-%d}" in sentence(second)
    assert "4.0 a second" in sentence(second)


def test_import_that_is_over_says_so_and_needs_nothing(old: Bench) -> None:
    run(old)
    found = standing(old)
    assert (found.state, found.tickets, found.share) == (State.DONE, COUNT, 1.0)
    assert (found.command, found.reason) == ("", "")
    said = finding(old)
    assert (said.level, said.remedy) == (Level.OK, "")
    assert "is complete" in said.message


def test_import_that_was_cut_off_names_the_command_to_go_on(old: Bench) -> None:
    run(old, limit=10)
    found = standing(old)
    assert (found.state, found.tickets) == (State.STOPPED, 10)
    assert found.command == ("complaint-connector backfill support --since 2026-01-01")
    said = finding(old)
    assert (said.level, said.remedy) == (Level.WARNING, found.command)
    assert "stopped, and can go on; 10 tickets" in said.message


def test_import_with_an_end_goes_on_with_the_same_end(old: Bench) -> None:
    until = START - timedelta(days=2)
    run(old, limit=5, until=until)
    found = standing(old)
    assert found.command.endswith(f" --until {until.isoformat()}")
    run(old, until=until)
    assert standing(old).state is State.DONE


def test_pause_that_the_vendor_wants_is_told_with_its_reason(old: Bench) -> None:
    seen: list[Standing] = []
    busy = [VendorBusy("support answered 429", retry_after=600.0)]
    own = old.support.fetch_ticket

    def fetch(external_id: str) -> Any:
        if external_id == "20" and busy:
            raise busy.pop()
        return own(external_id)

    def sleep(seconds: float) -> None:
        assert seconds < old.config.work.lease.total_seconds() / 2
        seen.append(standing(old))
        old.clock.pass_(seconds=seconds)
        with old.store.write() as connection:
            locks.release(connection, "backfill:support", "test")
        # As if it had been killed, and its lease had ended.
        assert standing(old).state is State.STOPPED

    old.support.fetch_ticket = fetch  # type: ignore[method-assign]
    run(old, sleep=sleep)
    # The lease is taken again and again: longer than any is, it is the same import.
    assert {one.state for one in seen} == {State.WAITING}
    assert len(seen) >= 600 / old.config.work.lease.total_seconds() * 2
    assert seen[0].reason == "support answered 429"
    assert "waits for the vendor" in sentence(seen[0])
    assert (standing(old).state, standing(old).reason) == (State.DONE, "")


def test_import_that_is_stopped_while_it_waits_waits_no_more(old: Bench) -> None:
    def fetch(external_id: str) -> Any:
        raise VendorBusy("support answered 429", retry_after=600.0)

    def sleep(seconds: float) -> None:
        raise KeyboardInterrupt

    old.support.fetch_ticket = fetch  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        run(old, sleep=sleep)
    assert standing(old).state is State.STOPPED


def test_import_that_could_not_go_on_says_why(old: Bench) -> None:
    def fetch(external_id: str) -> Any:
        raise CredentialsRejected("support answered 401")

    own, old.support.fetch_ticket = old.support.fetch_ticket, fetch  # type: ignore[method-assign]
    with pytest.raises(CredentialsRejected):
        run(old)
    found = standing(old)
    assert (found.state, found.reason) == (State.STOPPED, "support answered 401")
    assert finding(old).message.endswith("support answered 401")
    old.support.fetch_ticket = own  # type: ignore[method-assign]
    run(old, limit=1)
    assert standing(old).reason == ""


def test_import_that_was_killed_is_running_until_its_lease_ends(old: Bench) -> None:
    run(old, limit=10)
    with old.store.write() as connection:
        lease = timedelta(minutes=1)
        locks.acquire(connection, "backfill:support", "killed", None, lease)
    assert standing(old).state is State.RUNNING
    with old.store.write() as connection:
        long_ago = datetime.now(UTC) - timedelta(minutes=2)
        locks.release(connection, "backfill:support", "killed")
        locks.acquire(connection, "backfill:support", "killed", long_ago, lease)
    assert standing(old).state is State.STOPPED


def test_what_earlier_runs_reached_is_not_forgotten(old: Bench) -> None:
    run(old, limit=20)
    reached = standing(old).reached
    assert reached == FIRST + timedelta(days=19)
    seen: list[Standing] = []
    run(old, tell=lambda step: seen.append(standing(old)))
    assert seen[0].reached == reached
    assert (seen[0].tickets, seen[0].rate) == (20, 0.0)


def test_another_span_begins_anew(old: Bench) -> None:
    run(old, limit=20)
    run(old, limit=1, until=START)
    found = standing(old)
    assert (found.tickets, found.until) == (1, START)
    # What is known by now was met again, and left out.
    assert (found.left_out, found.reached) == (20, FIRST + timedelta(days=20))


def test_source_that_was_taken_away_is_not_told_of(old: Bench) -> None:
    run(old, limit=1)
    sources = {"tracker": old.config.sources["tracker"]}
    config = old.config.model_copy(update={"sources": sources})
    with old.store.read() as connection:
        assert imports.standings(connection, config, old.clock()) == []


@pytest.mark.parametrize(
    ("since", "until"),
    [
        (SINCE, None),
        (SINCE, START),
        (datetime(2026, 1, 1, 10, 30, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, 0, 0, 1, 250_000, tzinfo=UTC), None),
        (datetime(2026, 1, 1, tzinfo=UTC).astimezone(), None),
    ],
)
def test_command_that_is_named_means_just_this_import(
    since: datetime, until: datetime | None
) -> None:
    program, name, *words = shlex.split(command("support", since, until))
    assert (program, name) == ("complaint-connector", "backfill")
    given = backfill.make_context(name, words).params
    assert given["source"] == "support"
    assert (given["since"], given["until"]) == (since, until)


# -- where it is shown --


def page(bench: Bench, path: str) -> str:
    client = bench.runtime.create_app().test_client()
    return client.get(path, base_url="http://localhost").get_data(as_text=True)


def test_page_shows_an_import_and_how_to_go_on(old: Bench) -> None:
    assert "Imports of history" not in page(old, "/set-up")
    run(old, limit=10)
    shown = page(old, "/set-up")
    assert "Imports of history" in shown
    assert "<code>complaint-connector backfill support --since 2026-01-01</code>" in (
        shown
    )
    said = json.loads(page(old, "/status.json"))["imports"]
    assert [(one["source"], one["state"], one["tickets"]) for one in said] == [
        ("support", "stopped", 10)
    ]
    run(old)
    assert "<code>complaint-connector backfill" not in page(old, "/set-up")
    assert (
        status(old.store, old.config, old.runtime.rulebook, old.clock())["imports"][0][
            "state"
        ]
        == "done"
    )


def test_doctor_names_an_import_that_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = "whsec_" + 40 * "A"
    raw = {
        "database": {"url": "sqlite:///c.db"},
        "sources": {"forms": {"kind": "generic", "webhook_secret": secret}},
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    store = Store("sqlite:///c.db")
    store.upgrade()
    with store.write() as connection:
        cursors.begin(connection, "forms", Purpose.BACKFILL, SINCE, START, START)
    store.close()
    result = CliRunner().invoke(cli, ["doctor", "--config", str(path)])
    assert "warning  forms: history: import since 2026-01-01 stopped" in result.output
    assert "→ complaint-connector backfill forms --since 2026-01-01" in result.output
