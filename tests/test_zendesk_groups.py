"""Groups of Zendesk: a ticket is put into one while nobody has it, and stays after."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.zendesk.adapter import ZendeskAdapter
from connector.errors import TakesNoWrites
from connector.models import Level
from connector.sandbox import Running

SUPPORT, LEGAL = 360_002, 360_003


@pytest.mark.parametrize("place", ["Legal", "legal", str(LEGAL)])
def test_ticket_is_put_into_a_group_by_name_or_id(
    sandbox: Running, zendesk: ZendeskAdapter, place: str
) -> None:
    ticket = write(sandbox)
    assert zendesk.route(str(ticket.id), place, "") == str(LEGAL)
    assert ticket.group_id == LEGAL
    assert zendesk.route(str(ticket.id), place, "") == ""


@pytest.mark.parametrize(
    ("stands", "left"),
    [
        ({"assignee_id": 70_001}, ""),
        ({"status": "solved"}, ""),
        ({"group_id": SUPPORT}, str(LEGAL)),  # somebody moved it
        ({"group_id": None}, str(LEGAL)),
    ],
)
def test_what_people_decided_stays(
    sandbox: Running, zendesk: ZendeskAdapter, stands: dict[str, Any], left: str
) -> None:
    ticket = write(sandbox)
    for name, value in stands.items():
        setattr(ticket, name, value)
    before = ticket.group_id
    assert zendesk.route(str(ticket.id), "Logistics", left) == ""
    assert ticket.group_id == before


def test_ticket_goes_on_from_where_we_left_it(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    ticket = write(sandbox)
    ticket.group_id = LEGAL
    assert zendesk.route(str(ticket.id), "Support", str(LEGAL)) == str(SUPPORT)


def test_group_that_is_not_there_is_named(
    sandbox: Running, zendesk: ZendeskAdapter
) -> None:
    with pytest.raises(TakesNoWrites, match="no group 'Lawyers'"):
        zendesk.route(str(write(sandbox).id), "Lawyers", "")
    (finding,) = zendesk.check_places({"Lawyers", "Legal", str(SUPPORT)})
    assert finding.level is Level.PROBLEM
    assert "there is no group 'Lawyers'" in finding.message


def write(sandbox: Running) -> Any:
    number = sandbox.world.write(
        "zendesk", email="kari@mail.example", subject="Late", text="Where is it?"
    )
    return sandbox.world.zendesk.tickets[int(number)]
