"""Inboxes of Help Scout: a conversation is moved while nobody has taken it."""

from __future__ import annotations

from typing import Any

import pytest
from helpscout_kit import Build, acts, write

from adapters.helpscout import HelpScoutAdapter
from connector.errors import TakesNoWrites
from connector.models import Level
from connector.sandbox import World

CARE, TRADE = 31, 32


@pytest.mark.parametrize("place", ["Trade customers", "TRADE customers", str(TRADE)])
def test_conversation_is_moved_by_name_or_id(
    world: World, helpscout: HelpScoutAdapter, place: str
) -> None:
    number = write(world)
    assert helpscout.route(number, place, "") == str(TRADE)
    assert world.helpscout.conversations[int(number)].mailbox_id == TRADE
    assert helpscout.route(number, place, "") == ""
    assert len(acts(world, "mailbox_id")) == 1


@pytest.mark.parametrize(
    ("stands", "left"),
    [
        ({"assignee": 41}, ""),
        ({"status": "closed"}, ""),
        ({"mailbox_id": CARE}, str(TRADE)),  # somebody moved it back
    ],
)
def test_what_people_decided_stays(
    world: World, helpscout: HelpScoutAdapter, stands: dict[str, Any], left: str
) -> None:
    number = write(world)
    conversation = world.helpscout.conversations[int(number)]
    for name, value in stands.items():
        setattr(conversation, name, value)
    assert helpscout.route(number, "Trade customers", left) == ""
    assert conversation.mailbox_id == CARE


def test_inbox_that_is_not_there_is_named(
    world: World, helpscout: HelpScoutAdapter
) -> None:
    with pytest.raises(TakesNoWrites, match="no inbox 'Lawyers'"):
        helpscout.route(write(world), "Lawyers", "")
    (finding,) = helpscout.check_places({"Lawyers", "Trade customers", str(CARE)})
    assert finding.level is Level.PROBLEM
    assert "there is no inbox 'Lawyers'" in finding.message


def test_inbox_that_we_do_not_read_is_told(make_helpscout: Build) -> None:
    (finding,) = make_helpscout(mailboxes=[CARE]).check_places({"Trade customers"})
    assert finding.level is Level.WARNING
    assert "not looked after any more" in finding.message
