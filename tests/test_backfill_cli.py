"""``backfill`` as a person starts, stops and kills it, against sandbox vendors; and
the sweep against the same ones, with every webhook lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sandbox_kit
import yaml
from click.testing import CliRunner, Result
from sandbox_kit import (
    THRESHOLD,
    Stepped,
    assert_tagged_and_noted,
    assert_told_once,
    complain,
    configuration,
    issues,
    linked,
    stepped,
    urls,
    write_calmly,
    writes,
)

from connector.cli import cli
from connector.cli.backfill import Tale
from connector.demo import free_port
from connector.history import Found, Step
from connector.sandbox import SandboxSettings, World, serve
from connector.store import Store, groups, tickets
from connector.sweep import sweep

SINCE = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}"


class Shop(NamedTuple):
    """A sandbox with some history, and the configuration of a connector for it."""

    world: World
    config: Path
    store: Store

    def run(self, *words: str) -> Result:
        # The handler of a stop is the process's, not the command's.
        before = signal.getsignal(signal.SIGTERM)
        try:
            return CliRunner().invoke(
                cli, ["backfill", *words, "--config", str(self.config)]
            )
        finally:
            signal.signal(signal.SIGTERM, before)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "connector", "backfill", *words]
        return subprocess.Popen(
            [*command, "--config", str(self.config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).resolve().parent.parent,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            # Whoever runs the tests in the background has it ignored, and so its heirs.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def archive(self, source: str = "support") -> dict[str, int]:
        with self.store.read() as connection:
            return tickets.archive(connection, source)


@pytest.fixture
def make_shop(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Shop]]:
    with ExitStack() as opened:
        yield partial(_open_shop, opened, tmp_path, database_url)


def _open_shop(
    opened: ExitStack,
    folder: Path,
    database_url: str,
    complaints: int,
    calm: int = 0,
    vendor: str = "helpscout",
) -> Shop:
    sandbox = opened.enter_context(serve(World(SandboxSettings()), port=0))
    raw = configuration(
        sandbox,
        database_url,
        free_port(0),
        {"work": {"lease": "1s", "backoff": "50ms"}},
    )
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(raw), encoding="utf-8")
    for number in range(complaints):
        complain(sandbox.world, number, vendor)
    for number in range(0, 2 * calm, 2):
        write_calmly(sandbox.world, number)
    if vendor == "zendesk":
        time.sleep(1.7)  # its export knows whole seconds, and lags a little
    store = Store(database_url)
    opened.callback(store.close)
    store.upgrade()
    return Shop(sandbox.world, config, store)


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("source", "vendor"), [("support", "helpscout"), ("desk", "zendesk")]
)
def test_history_is_imported_and_nothing_written(
    make_shop: Callable[..., Shop], source: str, vendor: str
) -> None:
    shop = make_shop(complaints=7, vendor=vendor)
    result = shop.run(source, "--since", SINCE, "--json")
    assert result.exit_code == 0, result.output
    *steps, last = lines(result)
    assert {step["event"] for step in steps} == {"progress"}
    assert (last["event"], last["tickets"], last["complaints"]) == ("done", 7, 7)
    assert last["types"] == {"discount_pricing": 7}
    assert last["archive"]["customers"] == 7
    assert last["archive"]["problems"] >= 1
    assert writes(shop.world) == []

    again = lines(shop.run(source, "--since", SINCE, "--json"))[-1]
    assert (again["event"], again["tickets"], again["known"]) == ("done", 0, 7)


def test_people_are_told_what_was_found(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(complaints=3, calm=2)
    result = shop.run("support", "--since", SINCE)
    assert result.exit_code == 0
    assert "5 tickets, 3 of them complaints:" in result.output
    assert "3 discount pricing" in result.output
    assert "3 complaints of 3 customers" in result.output
    assert result.output.endswith("All of it is imported.\n")
    with shop.store.read() as connection:
        (group,) = groups.listing(connection, None, 9)
    shown = CliRunner().invoke(
        cli, ["groups", "show", str(group["id"]), "--config", str(shop.config)]
    )
    assert shown.exit_code == 0


def test_limit_ends_it_and_the_same_command_goes_on(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop(complaints=5)
    first = shop.run("support", "--since", SINCE, "--limit", "2")
    assert first.exit_code == 0
    assert "Ended at the limit" in first.output
    assert shop.archive()["tickets"] == 2
    last = lines(shop.run("support", "--since", SINCE, "--json"))[-1]
    assert (last["event"], last["tickets"]) == ("done", 5)


def test_vendor_that_lets_nobody_in_is_named(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(complaints=1)
    shop.world.fail("401", path="^/v2/conversations")
    result = shop.run("support", "--since", SINCE)
    assert result.exit_code == 1
    assert "401" in result.output
    assert "The same command goes on" in result.output


def test_ticket_that_cannot_be_read_is_a_problem_and_tried_again(
    make_shop: Callable[..., Shop],
) -> None:
    shop = make_shop(complaints=3)
    ticket = shop.world.state()["helpscout"]["tickets"][0]["id"]
    shop.world.fail("200", path=f"^/v2/conversations/{ticket}")
    result = shop.run("support", "--since", SINCE)
    assert (result.exit_code, shop.archive()["tickets"]) == (1, 2)
    assert "1 left out: could not be read" in result.output
    shop.world.faults.clear()
    assert shop.run("support", "--since", SINCE).exit_code == 0
    assert shop.archive()["tickets"] == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "--since", SINCE], "there is no source 'nowhere'; known: desk"),
        (["tracker", "--since", SINCE], "tracker has no history to import"),
        (["support"], "Missing option '--since'"),
        (["support", "--since", "yesterday"], "expected a date, such as 2026-01-01"),
        (["support", "--since", "2999-01-01"], "--since must be earlier than now"),
        (
            ["support", "--since", "2026-02-01", "--until", "2026-01-01"],
            "--since must be earlier than now, and than --until",
        ),
        (["support", "--since", SINCE, "--limit", "0"], "'--limit'"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, words: list[str], said: str) -> None:
    world = World(SandboxSettings())
    with serve(world, port=0) as sandbox:
        url = f"sqlite:///{tmp_path}/connector.db"
        raw = configuration(sandbox, url, free_port(0), {})
        config = tmp_path / "config.yaml"
        config.write_text(yaml.safe_dump(raw), encoding="utf-8")
        result = Shop(world, config, None).run(*words)  # type: ignore[arg-type]
    assert result.exit_code == 2, result.output
    assert said in " ".join(result.output.split())


# -- killed, and stopped


def slow_down(world: World) -> None:
    """Let each ticket take its time, so that something can happen meanwhile."""
    world.fail("stall", path="^/v2/conversations/[0-9]+", seconds=0.1)


def wait_for(shop: Shop, count: int) -> None:
    end = time.monotonic() + 60
    while shop.archive()["tickets"] < count:
        assert time.monotonic() < end, "waited in vain for the import"
        time.sleep(0.02)


@pytest.mark.kill
def test_import_goes_on_after_each_kill(make_shop: Callable[..., Shop]) -> None:
    shop = make_shop(complaints=80)
    slow_down(shop.world)
    for goal in (1, 20, 50):
        process = shop.start("support", "--since", SINCE, "--json")
        try:
            wait_for(shop, goal)
        finally:
            process.kill()
            process.communicate(timeout=30)
    before = shop.archive()["tickets"]
    assert 50 <= before < 80, "it was not killed in the middle"
    shop.world.faults.clear()
    last = lines(shop.run("support", "--since", SINCE, "--json"))[-1]
    assert (last["event"], last["tickets"], last["complaints"]) == ("done", 80, 80)
    assert sum(last["types"].values()) == 80
    assert shop.archive()["tickets"] == 80
    with shop.store.read() as connection:
        members = sum(row["archived"] for row in groups.listing(connection, None, 99))
    assert members == 80
    assert writes(shop.world) == []


@pytest.mark.kill
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_ends_it_in_order(
    make_shop: Callable[..., Shop], number: signal.Signals
) -> None:
    shop = make_shop(complaints=60)
    slow_down(shop.world)
    process = shop.start("support", "--since", SINCE)
    try:
        wait_for(shop, 10)
        process.send_signal(number)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1
    assert b"Stopped. The same command goes on where this one ended." in said
    assert b"Traceback" not in said
    assert 10 <= shop.archive()["tickets"] < 60


# -- how it is told


def test_tale_tells_how_far_and_how_fast() -> None:
    now = [100.0]
    since = datetime(2026, 1, 1, tzinfo=UTC)
    tale = Tale(since, since + timedelta(days=10), lambda: now[0])
    assert (tale.share, tale.rate) == (0.0, 0.0)
    tale.take(Step(Found(tickets=500, complaints=20)))  # of earlier runs
    now[0] += 10
    tale.take(Step(Found(tickets=1540, complaints=70), since + timedelta(days=4)))
    assert (tale.share, tale.rate) == (0.4, 104.0)
    assert str(tale) == (
        "1,540 tickets, 70 complaints, 104.0 a second; up to 2026-01-05"
    )
    tale.take(Step(tale.found, None, 30.0, "support answered 429"))
    assert str(tale).endswith("up to 2026-01-05; waiting 30 s: support answered 429")
    tale.take(Step(tale.found, since + timedelta(days=30)))
    assert tale.share == 1.0


# -- the sweep, against the same vendors


def pass_a_sweep(scene: Stepped) -> None:
    scene.clock.pass_(minutes=6)
    for adapter in scene.runtime.adapters.values():
        config, now = scene.runtime.config, scene.clock()
        sweep(scene.runtime.store, adapter, config, now)
    scene.settle()


@pytest.mark.parametrize("flavour", ["cloud", "data_center"])
def test_vendors_that_deliver_nothing_are_followed_all_the_same(
    database_url: str, flavour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_kit, "subscribe", lambda *args: None)
    settings = SandboxSettings(jira_flavour=flavour)
    with stepped(database_url, settings) as scene:
        world = scene.world
        pass_a_sweep(scene)
        calm = [write_calmly(world, number) for number in range(2)]
        writers = [complain(world, number) for number in range(THRESHOLD)]
        pass_a_sweep(scene)
        assert_tagged_and_noted(world, writers)
        scene.settle(minutes=11)
        (issue,) = issues(world)
        assert linked(issue) == urls(world, writers)

        world.issue(issue["key"], "done")
        pass_a_sweep(scene)
        scene.settle(minutes=11)
        assert_told_once(world, writers)

        before = writes(world)
        for _ in range(3):
            pass_a_sweep(scene)
        assert writes(world) == before
        assert len(calm) == 2
        assert not [act for act in world.log() if act["act"] == "webhook"]
        scene.assert_nothing_parked()
