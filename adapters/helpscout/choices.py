"""What can be chosen from while a Help Scout is set up: its inboxes. Only reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters import Choice
from adapters.helpscout.account import Account
from adapters.helpscout.settings import HelpScoutConfig
from adapters.helpscout.shapes import identifier


def inboxes(answers: Mapping[str, Any]) -> list[Choice]:
    """List the inboxes that our user can see, by name.

    Raises ``VendorError``, and ``ValidationError`` if the answers so far lead nowhere.
    """
    account = Account("helpscout", HelpScoutConfig.model_validate(dict(answers)))
    try:
        found = list(account.items("/v2/mailboxes", "mailboxes", "inboxes"))
    finally:
        account.close()
    listed = [
        Choice(number, str(raw.get("name") or number))
        for raw in found
        if (number := identifier(raw.get("id")))
    ]
    return sorted(listed, key=lambda choice: choice.name.casefold())
