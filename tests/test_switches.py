"""How far people let rules go, whatever the files say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from kit import START, Bench
from rulebook_kit import RULE, going_by, judge, written

from connector.cli import cli
from connector.models import Mode
from connector.rulebook import LOOK, Rulebook
from connector.store import Store, switches
from connector.store.switches import Switch


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return written(tmp_path)


@pytest.fixture
def bench(place: Path, blank_sqlite: str) -> Iterator[Bench]:
    with going_by(place, blank_sqlite) as bench:
        yield bench


def switch(bench: Bench, mode: Mode) -> None:
    """Let a person say how far the rule goes; its file says: act."""
    written = Rulebook(bench.config, bench.clock()).book.rules.rules[0]
    said = Switch("lamp", written.version, mode, bench.clock(), "anna")
    with bench.store.write() as connection:
        switches.put(connection, said)
    bench.clock.pass_(seconds=LOOK.total_seconds())


def test_rule_goes_as_far_as_a_person_lets_it_until_its_file_changes(
    bench: Bench, place: Path
) -> None:
    before = bench.runtime.rulebook.book.version
    switch(bench, Mode.OBSERVE)
    assert judge(bench, "1") == set()
    book = bench.runtime.rulebook.book
    assert [one.who for one in book.switches] == ["anna"]
    assert book.version != before  # so that a decision tells which it was
    switch(bench, Mode.ACT)
    assert judge(bench, "2") == {"lamp"}
    switch(bench, Mode.SUGGEST)
    assert judge(bench, "3") == set()
    place.write_text(RULE.format(tag="lamp") + "# looked over\n")
    bench.clock.pass_(seconds=LOOK.total_seconds())
    assert judge(bench, "4") == set()  # it says the same as before
    place.write_text(RULE.format(tag="lamp").replace("value: lamp", "value: Lamp"))
    bench.clock.pass_(seconds=LOOK.total_seconds())
    assert judge(bench, "5") == {"lamp"}
    assert bench.runtime.rulebook.book.switches == ()


def test_switch_counts_while_a_file_is_broken(bench: Bench, place: Path) -> None:
    place.write_text("rules: [")
    written = bench.runtime.rulebook.book.rules.rules[0]
    said = Switch("lamp", written.version, Mode.OBSERVE, bench.clock(), "anna")
    with bench.store.write() as connection:
        switches.put(connection, said)
    bench.clock.pass_(seconds=LOOK.total_seconds())
    assert judge(bench, "1") == set()


def test_last_switch_counts_until_it_is_taken_back(store: Store) -> None:
    with store.write() as connection:
        for mode in (Mode.OBSERVE, Mode.ACT):
            switches.put(connection, Switch("lamp", "1", mode, START, "anna"))
        assert [one.mode for one in switches.listing(connection)] == [Mode.ACT]
        assert switches.drop(connection, "lamp")
        assert not switches.drop(connection, "lamp")
        assert switches.listing(connection) == []


def test_switch_on_the_command_line_is_told_everywhere_and_taken_back(
    bench: Bench, place: Path
) -> None:
    config = place.with_name("config.yaml")
    config.write_text(
        f"database: {{url: '{bench.config.database.url}'}}\n"
        "sources: {support: {kind: memory}, shop: {kind: memory}}\n"
        "rules: rules.yaml\n"
    )

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(cli, [*words, "--config", str(config)])
        return done.exit_code, " ".join(done.output.split())

    assert (
        "Rule lamp went from act to observe"
        in run("rules", "switch", "lamp", "observe", "--by", "anna")[1]
    )
    assert "observe since" in run("rules", "list")[1]
    code, said = run("rules", "lint")
    assert code == 0 and "the file says act, and it is in observe since" in said
    assert "rules switch lamp as-written" in said
    bench.clock.pass_(seconds=LOOK.total_seconds())
    assert judge(bench, "1") == set()
    said = run("explain", "support:1")[1]
    assert "tag lamp (observe) still in force; in observe since" in said
    assert run("rules", "switch", "lamp", "observe")[0] == 1
    assert run("rules", "switch", "light", "observe")[0] == 1
    assert run("rules", "switch", "lamp", "as-written", "--by", "anna")[0] == 0
    assert "observe since" not in run("rules", "list")[1]
    assert "rules switch" in run("user", "audit")[1]


def test_looking_at_rules_makes_no_database(place: Path) -> None:
    config, file = place.with_name("config.yaml"), place.with_name("later.db")
    config.write_text(
        f"database: {{url: 'sqlite:///{file}'}}\n"
        "sources: {support: {kind: memory}}\n"
        "rules: rules.yaml\n"
    )
    for command in ("list", "lint"):
        words = ["rules", command, "--config", str(config)]
        assert CliRunner().invoke(cli, words).exit_code == 0
    assert not file.exists()
