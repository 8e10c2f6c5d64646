"""Check-ins that the vendor plans and sends: agents see them, and they end alike."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from checkin_kit import DUE, KARI, ON, SQLITE
from loop_kit import COMPLAINTS
from sandbox_kit import stepped

from connector import checkins
from connector.erasing import Erasing, erase
from connector.store import checkins as plans
from connector.store import locks

# -- where the vendor keeps what is planned --


def planned_at_vendor(scene: Any, number: str) -> list[str]:
    one = scene.world.helpscout.get(int(number))
    return [t.scheduled["scheduledFor"] for t in one.threads if t.scheduled]


def sent(scene: Any, number: str) -> list[str]:
    messages = scene.world.ticket("helpscout", number)["messages"]
    return [
        one["text"] for one in messages if one["actor"] == "api" and not one["draft"]
    ]


def write(scene: Any, ticket: str | None = None, text: str = COMPLAINTS[0]) -> str:
    written = scene.world.write(
        "helpscout", email=KARI, subject="Code", text=text, ticket=ticket
    )
    scene.settle()
    return str(written)


def close(scene: Any, number: str) -> None:
    scene.world.agent("helpscout", number, "reply", text="Try NEW10 instead.")
    scene.world.agent("helpscout", number, "status", status="closed")
    scene.settle()


def look(scene: Any) -> None:
    with scene.runtime.store.write() as connection:
        checkins.review(connection, scene.runtime.config, scene.clock())
    scene.settle()


ACT = {"autonomy": {"messages": "act"}, "checkins": ON}


def test_vendor_shows_agents_what_is_planned_and_sends_it_once(
    database_url: str,
) -> None:
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        close(scene, number)
        assert planned_at_vendor(scene, number) == ["2026-03-05T10:00:00Z"]
        scene.clock.now = DUE - timedelta(hours=1)
        look(scene)
        assert sent(scene, number) == []
        scene.clock.now = DUE + timedelta(hours=1)
        scene.runtime.adapters["support"].fetch_ticket(number)
        look(scene)
        scene.clock.pass_(days=10)
        look(scene)
        (text,) = sent(scene, number)
        assert "Did that solve it" in text


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"autonomy": {"messages": "suggest"}}, checkins.SWITCHED_OFF),
        ({"checkins": {"enabled": False}}, checkins.SWITCHED_OFF),
        ({"autonomy": {"stop": True}}, checkins.STOPPED),
        ({}, checkins.STOPPED),
    ],
)
def test_vendor_sends_nothing_any_more_when_nothing_may_be_sent(
    database_url: str, changes: dict[str, Any], why: str
) -> None:
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        close(scene, number)
        assert planned_at_vendor(scene, number) != []
        scene.restart(**changes)
        if not changes:  # `complaint-connector stop`
            with scene.runtime.store.write() as connection:
                locks.put_fact(connection, locks.STOP, "now", scene.clock())
        look(scene)
        assert planned_at_vendor(scene, number) == []
        with scene.runtime.store.read() as connection:
            (row,) = plans.of_ticket(connection, 1)
        assert (row.state, row.reason) == ("cancelled", why)


@pytest.mark.parametrize(
    "what", ["answers", "complains anew", "gets it opened again", "is erased"]
)
def test_vendor_sends_nothing_when_something_else_comes_first(
    database_url: str, what: str
) -> None:
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        close(scene, number)
        scene.clock.pass_(hours=3)
        if what == "answers":
            write(scene, number, "It is as broken as before.")
        elif what == "complains anew":
            write(scene, text=COMPLAINTS[1])
        elif what == "is erased":
            runtime = scene.runtime
            means = Erasing(runtime.store, runtime.adapters, scene.clock)
            assert erase(means, KARI, "anna")[0].is_done
        else:
            scene.world.agent("helpscout", number, "status", status="active")
            scene.settle()
        look(scene)
        assert planned_at_vendor(scene, number) == []
        scene.clock.now = DUE + timedelta(hours=1)
        look(scene)
        assert sent(scene, number) == []


@SQLITE
def test_vendor_gets_a_later_time_when_the_customer_is_away(database_url: str) -> None:
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        close(scene, number)
        write(scene, number, "I am out of the office until 12 March.")
        look(scene)
        assert planned_at_vendor(scene, number) == []
        scene.clock.pass_(hours=1)  # the reply has opened it
        scene.world.agent("helpscout", number, "status", status="closed")
        scene.settle()
        assert planned_at_vendor(scene, number) == ["2026-03-13T10:00:00Z"]


def test_lost_answer_leaves_one_planned_message(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft was written, and the connector died before it had its time."""
    with stepped(database_url, **ACT) as scene:
        number = write(scene)
        scene.world.stage.faults.clear() if hasattr(
            scene.world.stage, "faults"
        ) else None
        messages = scene.runtime.adapters["support"]._messages
        real = messages._schedule

        def die(*given: object) -> None:
            monkeypatch.setattr(messages, "_schedule", real)
            raise RuntimeError("killed")

        monkeypatch.setattr(messages, "_schedule", die)
        close(scene, number)
        with scene.runtime.store.write() as connection:
            connection.exec_driver_sql(
                "UPDATE outbox SET state = 'pending' WHERE state = 'parked'"
            )
        scene.settle(minutes=10)
        drafts = [
            one
            for one in scene.world.ticket("helpscout", number)["messages"]
            if one["draft"]
        ]
        assert len(drafts) == 1
        assert planned_at_vendor(scene, number) == ["2026-03-05T10:00:00Z"]
