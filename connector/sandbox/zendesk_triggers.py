"""Zendesk's triggers: when they run, and what they send. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from connector.sandbox.stage import API, CUSTOMER, Json

if TYPE_CHECKING:
    from connector.sandbox.zendesk_desk import Ticket

#: ``current_via_id``: how an update came in, as a number.
VIA_IDS = {API: "5", CUSTOMER: "4"}
WEB_FORM = "0"


def fits(trigger: Json, status: str, actor: str, update_type: str) -> bool:
    """Tell whether an update meets a trigger's conditions."""
    if not trigger["active"]:
        return False
    facts = {
        "update_type": update_type,
        "current_via_id": VIA_IDS.get(actor, WEB_FORM),
        "status": status,
    }

    def holds(condition: Json) -> bool:
        is_same = facts[condition["field"]] == str(condition["value"])
        return is_same if condition["operator"] == "is" else not is_same

    any_of = trigger["conditions"]["any"]
    return all(map(holds, trigger["conditions"]["all"])) and (
        not any_of or any(map(holds, any_of))
    )


def fill_in(body: str, ticket: Ticket, requester: str) -> str:
    """Put plain text into the placeholders; quotes in it are not escaped."""
    words = {
        "ticket.id": str(ticket.id),
        "ticket.title": ticket.subject,
        "ticket.status": ticket.status.capitalize(),
        "ticket.tags": " ".join(ticket.tags),
        "ticket.requester.name": requester,
    }
    return re.sub(r"{{\s*([\w.]+)\s*}}", lambda found: words.get(found[1], ""), body)
