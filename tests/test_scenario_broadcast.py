"""A fix that many are told of; the look-alike vendors are the only witness.

Some of them wrote twice, some tickets were merged, solved or closed for good, somebody
asked not to be written to; the issue goes to and fro, a person has to approve, and the
connector is killed on the way.
"""

from __future__ import annotations

import itertools
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from click.testing import CliRunner
from sandbox_kit import (
    SPEAKS,
    Stepped,
    complain,
    issues,
    messages,
    stepped,
    tickets,
)

from adapters.base import Helpdesk
from connector.cli import cli
from connector.models import Message, Written
from connector.sandbox import SandboxSettings

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

CLOUD = SandboxSettings(jira_projects=("SHOP",))


class Ticket(NamedTuple):
    vendor: str
    id: str


class Crowd(NamedTuple):
    """How many tickets of each sort there are.

    Each customer has one, but for some who have two open ones, ``twice``, and some
    whose first one was ``merged`` into their second.
    """

    open: int
    solved: int
    closed: int
    merged: int
    twice: int

    @property
    def tickets(self) -> int:
        return self.open + self.solved + self.closed + self.merged

    @property
    def customers(self) -> int:
        return self.open - self.twice + self.solved + self.closed


#: The one of the product's promise: 66 customers with 71 tickets.
MANY = Crowd(open=40, solved=20, closed=8, merged=3, twice=2)
FEW = Crowd(open=5, solved=2, closed=1, merged=1, twice=1)


class Town:
    """The customers of a crowd, as they write; ``speaks`` is what each spoke last."""

    def __init__(self, scene: Stepped, crowd: Crowd) -> None:
        self.scene = scene
        self.crowd = crowd
        self.speaks: dict[str, str] = {}
        self.solved: list[Ticket] = []
        self.closed: list[Ticket] = []
        self.number = 0

    def write(self, vendor: str = "", email: str = "") -> Ticket:
        one = complain(self.scene.world, self.number, vendor or None, email)
        self.number += 1
        self.speaks[one.email] = one.language
        self.scene.clock.pass_(seconds=7)
        return Ticket(one.vendor, one.ticket)

    def complain(self) -> None:
        """Let everybody write; the second ticket of a person is the newer one."""
        crowd = self.crowd
        for _ in range(crowd.open - 2 * crowd.twice - crowd.merged):
            self.write()
        for number in range(crowd.twice):
            email = f"twice{number}@mail.example"
            self.write("helpscout", email)
            self.scene.clock.pass_(minutes=1)
            self.write("zendesk", email)
        for number in range(crowd.merged):
            vendor, email = ("zendesk", "helpscout")[number % 2], f"m{number}@m.example"
            first = self.write(vendor, email)
            self.scene.clock.pass_(minutes=1)
            into = self.write(vendor, email)
            self.scene.settle()
            self.scene.world.agent(*first, "merge", into=into.id)
        self.solved = [self.write() for _ in range(crowd.solved)]
        self.closed = [self.write("zendesk") for _ in range(crowd.closed)]

    def end(self) -> None:
        """Let agents end what is solved and closed for good."""
        for ticket in self.solved:
            status = "closed" if ticket.vendor == "helpscout" else "solved"
            self.scene.world.agent(*ticket, "status", status=status)
        for ticket in self.closed:
            self.scene.world.agent(*ticket, "status", status="closed")


class Anna:
    """A person at the command line."""

    def __init__(
        self, scene: Stepped, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        module = import_module("connector.cli.groups")
        monkeypatch.setattr(module, "_now", scene.clock)
        self.file = folder / "config.yaml"
        self.file.write_text(yaml.safe_dump(scene.raw), encoding="utf-8")

    def type(self, *words: str) -> str:
        result = CliRunner().invoke(cli, [*words, "--config", str(self.file)])
        assert result.exit_code == 0, result.output
        return result.output


def told(scene: Stepped) -> list[tuple[str, str]]:
    """Return who was told that it is fixed, and in which language."""
    return sorted(
        (email, next(code for code, words in SPEAKS.items() if words in text))
        for email, text in messages(scene.world)
    )


class Killed(BaseException):
    """What is left of the process that sent something."""


def kill(scene: Stepped, source: str, count: int, patch: pytest.MonkeyPatch) -> None:
    """Kill the connector when so many were written to, before it can note the last."""
    adapter = scene.runtime.adapters[source]
    assert isinstance(adapter, Helpdesk)
    send, sent = adapter.send_message, itertools.count(1)

    def and_die(ticket: str, message: Message) -> Written:
        written = send(ticket, message)
        if next(sent) == count:
            raise Killed
        return written

    patch.setattr(adapter, "send_message", and_die)
    with pytest.raises(Killed):
        scene.settle()
    scene.restart()


def play(
    scene: Stepped, crowd: Crowd, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, town = scene.world, Town(scene, crowd)
    anna = Anna(scene, folder, monkeypatch)
    town.complain()
    scene.settle(minutes=11)
    town.end()
    anna.type("customers", "opt-out", "customer0@mail.example")
    world.agent("zendesk", "4001", "add_tag", tag="no-mailing")
    scene.settle(minutes=1)
    (issue,) = issues(world)
    assert len(tickets(world)) == crowd.tickets
    statuses = {one: world.ticket(*one)["status"] for one in town.solved}

    for act in ("done", "reopen", "start", "done"):
        world.issue(issue["key"], act, **({} if act != "done" else DONE))
        scene.settle(minutes=1)
    assert "nothing here" in anna.type("broadcasts", "list")
    scene.settle(minutes=16)
    assert told(scene) == []

    shown = anna.type("broadcasts", "show", "1")
    assert "waiting" in shown
    assert shown.count("the customer asked not to be written to") == 2
    anna.type("broadcasts", "approve", "1", "--by", "anna")
    for source in ("support", "desk"):
        kill(scene, source, 1 + crowd.customers // 10, monkeypatch)
        assert 0 < len(told(scene)) < crowd.customers - 2
    scene.settle(minutes=10)

    left_out = {
        "customer0@mail.example",
        world.ticket("zendesk", "4001")["customer"]["email"],
    }
    expected = sorted(
        (who, how) for who, how in town.speaks.items() if who not in left_out
    )
    assert told(scene) == expected
    assert len(expected) == crowd.customers - 2
    assert {one: world.ticket(*one)["status"] for one in town.solved} == statuses
    follow_ups = [one["followup_of"] for _, one in tickets(world)]
    assert sorted(filter(None, follow_ups)) == sorted(one.id for one in town.closed)
    assert "already, by anna" in anna.type("broadcasts", "approve", "1")
    scene.settle(minutes=60)
    assert told(scene) == expected
    scene.assert_nothing_parked()


#: How developers say that it is fixed.
DONE = {"resolution": "Fixed"}


@on_sqlite
def test_everybody_of_a_crowd_is_told_once_however_often_it_is_killed(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (MANY.customers, MANY.tickets) == (66, 71)
    said = {"opt_out_tags": ["no-mailing"]}
    with stepped(database_url, CLOUD, messages=said) as scene:
        play(scene, MANY, tmp_path, monkeypatch)


@on_postgresql
def test_everybody_of_a_few_is_told_once_however_often_it_is_killed(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"opt_out_tags": ["no-mailing"], "approve_above": 3}
    with stepped(database_url, CLOUD, messages=said) as scene:
        play(scene, FEW, tmp_path, monkeypatch)
