"""The whole connector killed again and again while mail, fixes and messages flow.

``CC_KILLS`` says how often, ``CC_SEED`` repeats a run. What is asserted is what the
sandbox witnessed, and that nothing waits for a person.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from sandbox_kit import (
    THRESHOLD,
    Writer,
    assert_tagged_and_noted,
    assert_told_once,
    complain,
    configuration,
    issues,
    linked,
    messages,
    our_tags,
    subscribe,
    tickets,
    urls,
    with_echoes,
    write_calmly,
)

from connector.demo import free_port
from connector.sandbox import SandboxSettings, World, deliveries, serve

KILLS = int(os.environ.get("CC_KILLS", "6"))
SEED = int(os.environ.get("CC_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
PATIENCE = 120.0

#: Short enough for a successor to take over within seconds.
QUICK = {
    "work": {
        "tick": "300ms",
        "lease": "2s",
        "backoff": "100ms",
        "backoff_limit": "1s",
        "lost_answer": "500ms",
    },
    "problems": {"settle": "1s", "fix_settle": "1500ms", "search_lag": "2s"},
}

#: Every kind of act that the connector's account is witnessed doing, and the moment
#: after a delivery was acknowledged.
ACTS = (
    "webhook",
    "tags",
    "note",
    "issue_create",
    "remote_link",
    "property",
    "message",
    "transition",
    "comment",
)

#: Writes that are carried out although the answer never comes.
LOST_ANSWERS = ("after", "reset_after")


def never_give_up(answer: Any, attempt: int, chance: float) -> float:
    """Deliver until it is acknowledged, so that every effect can be demanded."""
    return 20.0 + 40.0 * chance  # times the sandbox's time scale


class Victim:
    """A connector in a process group of its own, to be killed as a whole."""

    def __init__(self, config: Path, url: str) -> None:
        self._config = config
        self.url = url
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "connector", "run", "--config", self._config],
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                cwd=Path(__file__).resolve().parent.parent,
                start_new_session=True,
            )

    @property
    def is_dead(self) -> bool:
        return self._process is None

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=30)

    def wait_ready(self) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            process = self._process
            if process is None or self._get("/readyz") is not None:
                return
            ended = process.poll() is not None
            # An ambush forgets the process before it kills it.
            assert not ended or self._process is None, self._log.read_text()[-4000:]
            time.sleep(0.05)
        raise AssertionError(f"not ready in time: {self._log.read_text()[-4000:]}")

    def status(self) -> dict[str, Any] | None:
        answer = self._get("/status.json")
        return None if answer is None else dict(answer.json())

    def _get(self, path: str) -> requests.Response | None:
        try:
            answer = requests.get(self.url + path, timeout=5)
        except requests.RequestException:
            return None
        return answer if answer.ok else None

    @property
    def _log(self) -> Path:
        return self._config.with_name("connector.log")


class Ambush:
    """Kills within the first act of each kind, before its answer is on the way."""

    def __init__(self, world: World, victim: Victim, acts: Iterable[str]) -> None:
        self.left = set(acts)
        self._victim = victim
        self._witness = world.stage.witness
        world.stage.witness = self.witness  # type: ignore[method-assign]

    def witness(
        self, vendor: str, act: str, target: object, actor: str, **detail: Any
    ) -> None:
        self._witness(vendor, act, target, actor, **detail)
        delivered = act == "webhook" and detail["status"] == 200
        if act in self.left and (actor == "api" or delivered):
            self.left.remove(act)
            self._victim.kill()


class Massacre:
    """Kills at random moments; in between, customers and developers go on."""

    def __init__(self, world: World, victim: Victim, chance: random.Random) -> None:
        self.world = world
        self.victim = victim
        self.chance = chance
        self.writers: list[Writer] = []
        self.calm: list[Writer] = []

    def mail(self, complaints: int, calm: int = 1) -> None:
        for _ in range(complaints):
            number = len(self.writers)
            self.writers.append(complain(self.world, number))
        for _ in range(calm):
            self.calm.append(write_calmly(self.world, len(self.calm)))

    def look_around(self) -> None:
        """Let an agent mark tickets, so that they are read and decided again."""
        for one in self.chance.sample(self.writers, 3):
            tag = f"seen-{self.chance.randrange(1000)}"
            self.world.agent(one.vendor, one.ticket, "add_tag", tag=tag)

    def survive(self, kills: int, meanwhile: Callable[[], None]) -> None:
        """Kill ``kills`` times, letting something happen before and after each."""
        for _ in range(kills):
            meanwhile()
            self._one_life()

    def _one_life(self) -> None:
        """Wait for some act of the connector, and kill it a random moment later.

        Counting acts rather than seconds puts the kills where work is done, whatever
        the speed of the machine.
        """
        acts = self._acts() + self.chance.randrange(0, 5)
        end = time.monotonic() + self.chance.uniform(0.8, 3.0)
        while time.monotonic() < end and self._acts() <= acts:
            time.sleep(0.005)
        time.sleep(self.chance.choice((0, self.chance.uniform(0, 0.1))))
        self.victim.kill()
        self.mail(0, 1)
        self.victim.start()
        if self.chance.random() < 0.8:  # else it may die while it starts
            self.victim.wait_ready()

    def _acts(self) -> int:
        return sum(act["actor"] == "api" for act in self.world.log())

    def until(self, what: str, true: Callable[[], object]) -> None:
        """Wait until something is true and nothing moves; revive who was killed."""
        end = time.monotonic() + PATIENCE
        seen = 0
        while time.monotonic() < end:
            if self.victim.is_dead:
                self.victim.start()
                self.victim.wait_ready()
            seen = seen + 1 if true() and self._is_quiet() else 0
            if seen >= 2:
                return
            time.sleep(0.1)
        raise AssertionError(f"waited in vain until {what}; seed {SEED}")

    def _is_quiet(self) -> bool:
        if self.world.deliveries.pending():
            return False
        status = self.victim.status()
        waiting = ("pending", "claimed", "sending")
        return status is not None and not any(
            status[part].get(state, 0)
            for part in ("inbox", "outbox")
            for state in waiting
        )


@contextmanager
def massacre(folder: Path, database_url: str) -> Iterator[Massacre]:
    settings = SandboxSettings(
        seed=SEED, jira_index_lag=0.5, zendesk_circuit_breaker=False
    )
    world = World(settings)
    with serve(world, port=0) as sandbox:
        port = free_port(0)
        changes = {**QUICK, "server": {"threads": 8}}
        config = folder / "config.yaml"
        config.write_text(
            yaml.safe_dump(configuration(sandbox, database_url, port, changes))
        )
        victim = Victim(config, f"http://127.0.0.1:{port}")
        events = with_echoes()
        # One delivery for each new ticket: nothing else would repair its loss.
        events["zendesk"] = ["zen:event-type:ticket.created"]
        subscribe(world, victim.url, settings, events)
        world.chaos(0.2, 0.3, seed=SEED)
        for kind in LOST_ANSWERS:
            world.fail(kind, method="POST", path="^/(v2|api|rest)/", probability=0.05)
            world.fail(kind, method="PUT", path="^/(v2|api|rest)/", probability=0.05)
        victim.start()
        try:
            victim.wait_ready()
            yield Massacre(world, victim, random.Random(SEED))
        finally:
            victim.kill()


@pytest.mark.kill
@pytest.mark.timeout(900)
def test_killed_at_any_point_it_ends_in_the_same_outside_state(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"seed {SEED}, {KILLS} kills")
    for vendor in deliveries.RETRY:
        monkeypatch.setitem(deliveries.RETRY, vendor, never_give_up)
    with massacre(tmp_path, database_url) as scene:
        world = scene.world
        shares = [KILLS // 3 + (KILLS % 3 > place) for place in range(3)]

        # Acceptance, decisions, and the filing of the issue.
        scene.mail(THRESHOLD)
        scene.survive(shares[0], lambda: scene.mail(1))
        scene.until("the issue is filed", lambda: issues(world))

        # The fix is announced while newcomers are still being linked.
        scene.mail(2)
        world.issue(issues(world)[0]["key"], "done")
        before_fix = list(scene.writers)
        scene.survive(shares[1], scene.look_around)
        scene.until(
            "everybody is told", lambda: len(messages(world)) >= len(before_fix)
        )
        assert_told_once(world, before_fix)

        # It comes back, is reopened, and fixed once more.
        scene.mail(1)
        scene.survive(shares[2], lambda: scene.mail(1))
        scene.until(
            "the issue is open again", lambda: issues(world)[0]["category"] != "done"
        )
        world.issue(issues(world)[0]["key"], "done")
        scene.until(
            "the newcomers are told",
            lambda: len(messages(world)) >= len(scene.writers),
        )

        assert_same_as_undisturbed(scene)


@pytest.mark.kill
@pytest.mark.timeout(300)
def test_killed_within_each_kind_of_act_it_does_none_twice(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for vendor in deliveries.RETRY:
        monkeypatch.setitem(deliveries.RETRY, vendor, never_give_up)
    with massacre(tmp_path, database_url) as scene:
        world = scene.world
        world.faults.clear()
        ambush = Ambush(world, scene.victim, ACTS)
        scene.mail(THRESHOLD, 2)
        scene.until(
            "the issue has all tickets",
            lambda: (
                [linked(one) for one in issues(world)] == [urls(world, scene.writers)]
            ),
        )
        world.issue(issues(world)[0]["key"], "done")
        scene.until("all are told", lambda: len(messages(world)) >= THRESHOLD)
        scene.mail(1, 0)
        scene.until(
            "the issue is open again", lambda: issues(world)[0]["category"] != "done"
        )
        world.issue(issues(world)[0]["key"], "done")
        scene.until("the newcomer is told", lambda: len(messages(world)) > THRESHOLD)
        assert ambush.left == set()
        assert_same_as_undisturbed(scene)


def assert_same_as_undisturbed(scene: Massacre) -> None:
    world = scene.world
    assert not [a for a in world.log() if a["act"] == "webhook_discarded"]
    answers = {a["detail"]["status"] for a in world.log() if a["act"] == "webhook"}
    assert answers <= {200, 503, None}
    assert_tagged_and_noted(world, scene.writers)
    assert_told_once(world, scene.writers)
    by_text: dict[str, set[tuple[str, ...]]] = {}
    for _, ticket in tickets(world):
        tags = tuple(our_tags(ticket))
        by_text.setdefault(ticket["words"][0]["text"], set()).add(tags)
    # The same words have the same tags, whatever happened around them.
    assert all(len(tags) == 1 for tags in by_text.values()), by_text
    assert len(issues(world)) == 1
    assert linked(issues(world)[0]) == urls(world, scene.writers)
    comments = [c["text"] for c in issues(world)[0]["comments"]]
    assert len(comments) == len(set(comments)), comments
    created = [a for a in world.log() if a["act"] == "issue_create"]
    assert len(created) == 1
    status = scene.victim.status()
    assert status is not None
    assert status["needs_you"] == {"broadcasts": [], "inbox": [], "outbox": []}
