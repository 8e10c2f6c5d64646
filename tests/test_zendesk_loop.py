"""Zendesk in the whole loop: what it delivers, and how often anything comes of it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import requests
from sandbox_kit import Stepped, complain, stepped, writes

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
CREATED, COMMENTED = "ticket.created", "ticket.comment_added"
MOVED = "ticket.status_changed"


def deliver(scene: Stepped, address: str, number: str, *names: str) -> None:
    """Bring events of a ticket in this order, the first one as the newest."""
    for age, name in enumerate(names):
        happened = scene.clock() - timedelta(seconds=age)
        said = {
            "type": f"zen:event-type:{name}",
            "time": f"{happened:%Y-%m-%dT%H:%M:%SZ}",
            "detail": {"id": number, "tags": None, "status": "NEW"},
            "event": {},
        }
        body = json.dumps(said).encode()
        signed = scene.runtime.adapters["desk"].sign(body, None, scene.clock())
        answer = requests.post(address, body, headers=signed.headers, timeout=10)
        assert answer.status_code == 200


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
@pytest.mark.parametrize(
    "names",
    [
        (CREATED,),
        (CREATED, COMMENTED),
        (COMMENTED, CREATED),
        (COMMENTED, MOVED, CREATED, COMMENTED, CREATED),
    ],
    ids=["one", "in order", "out of order", "repeated"],
)
def test_events_of_one_ticket_lead_to_one_note_and_one_change_of_tags(
    database_url: str, names: tuple[str, ...], at_once: bool
) -> None:
    with stepped(database_url) as scene:
        (webhook,) = scene.world.zendesk.webhooks.values()
        webhook.state = "disabled"  # what arrives, and when, is said below
        one = complain(scene.world, 0, "zendesk")
        mark = len(scene.world.log())
        for group in [names] if at_once else [(name,) for name in names]:
            deliver(scene, webhook.url, one.ticket, *group)
            scene.settle(minutes=1)
        found = [(act["act"], act["target"]) for act in writes(scene.world, mark)]
        assert sorted(found) == [("note", one.ticket), ("tags", one.ticket)]
