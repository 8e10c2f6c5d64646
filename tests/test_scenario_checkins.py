"""Five complaints solved on a Monday: who is asked on Friday; the sandbox is witness.

The week has a holiday. Help Scout keeps the question until it is time, Zendesk gets it
from us.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sandbox_kit import COMPLAINTS, Stepped, stepped, tickets

from connector import checkins

#: Epiphany, a holiday in Finland, is on Wednesday.
MONDAY = datetime(2027, 1, 4, 8, 0, tzinfo=UTC)
TUESDAY = datetime(2027, 1, 5, 9, 0, tzinfo=UTC)
FRIDAY = datetime(2027, 1, 8, 8, 0, tzinfo=UTC)  # ten o'clock in Helsinki

SETTINGS = {
    "autonomy": {"messages": "act"},
    "checkins": {"enabled": True, "timezone": "Europe/Helsinki", "holidays": "FI"},
    "problems": {"customers": 50},  # nothing is filed: five are no problem here
}

#: Who does what after the solution, and how each helpdesk calls it.
WORDS = {
    "helpscout": {"solved": "closed", "bad": "not_good"},
    "zendesk": {"solved": "solved", "bad": "bad"},
}


def complain(scene: Stepped, desk: str, who: str) -> str:
    _, subject, text = COMPLAINTS[0]
    email = f"{who}@mail.example"
    return scene.world.write(desk, email=email, subject=subject, text=text)


def solve(scene: Stepped, desk: str, ticket: str) -> None:
    scene.world.agent(desk, ticket, "reply", text="Please use NEW10 instead.")
    scene.world.agent(desk, ticket, "status", status=WORDS[desk]["solved"])


def go_on(scene: Stepped, moment: datetime) -> None:
    """Let the time come, with everything that happens because it does."""
    scene.clock.now = moment
    for desk in ("support", "desk"):
        scene.runtime.adapters[desk].check(moment)
    for _ in range(2):
        with scene.runtime.store.write() as connection:
            checkins.review(connection, scene.runtime.config, moment)
        scene.settle()


def asked(scene: Stepped) -> list[str]:
    """Return whom we wrote to, each as often as we did; drafts reach nobody."""
    return [
        ticket["customer"]["email"].partition("@")[0]
        for _, ticket in tickets(scene.world)
        for one in ticket["messages"]
        if one["actor"] == "api" and not one["draft"]
    ]


@pytest.mark.parametrize(
    ("database_url", "desk"),
    [("sqlite", "helpscout"), ("postgresql", "zendesk")],
    indirect=["database_url"],
)
def test_exactly_who_said_nothing_is_asked_on_friday_and_once(
    database_url: str, desk: str
) -> None:
    with stepped(database_url, **SETTINGS) as scene:
        world = scene.world
        scene.clock.now = MONDAY
        people = ("silent", "content", "rating", "again", "cared")
        by_name = {who: complain(scene, desk, who) for who in people}
        scene.settle(minutes=10)
        for ticket in by_name.values():
            solve(scene, desk, ticket)
        scene.settle()

        go_on(scene, TUESDAY)
        content, cared = by_name["content"], by_name["cared"]
        world.write(
            desk,
            email="content@mail.example",
            subject="Discount code",
            text="Thank you, now it works!",
            ticket=content,
        )
        world.rate(desk, by_name["rating"], WORDS[desk]["bad"])
        complain(scene, desk, "again")
        world.agent(desk, cared, "reply", text="Hi again, did that work for you?")
        scene.settle(minutes=30)
        status = WORDS[desk]["solved"]
        world.agent(desk, content, "status", status=status)
        world.agent(desk, cared, "status", status=status)
        scene.settle()

        for day in (6, 7):
            go_on(scene, datetime(2027, 1, day, 12, 0, tzinfo=UTC))
        go_on(scene, FRIDAY.replace(hour=7, minute=55))
        assert asked(scene) == []
        go_on(scene, FRIDAY)
        assert asked(scene) == ["silent"]
        for day in (9, 11, 15, 30):
            go_on(scene, datetime(2027, 1, day, 9, 0, tzinfo=UTC))
        assert asked(scene) == ["silent"]
        scene.assert_nothing_parked()
