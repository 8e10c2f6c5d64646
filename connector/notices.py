"""Telling people of the house, by role: a notice is a row of the outbox like any other.

Never a customer's words, name or address: only ids, links and words of ours. What there
is to tell, and when, is decided by who asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from connector import issue_text
from connector.config import Config, channel_source
from connector.models import Block, Operation
from connector.store import outbox


def tell(
    connection: Connection,
    config: Config,
    role: str,
    key: str,
    subject: str,
    body: Iterable[Block],
    now: datetime,
    *,
    rule: str,
    reason: str,
    rule_version: str = "",
    ticket_id: int | None = None,
    about: Mapping[str, Any] | None = None,
    due_at: datetime | None = None,
) -> int:
    """Ask for a notice to each channel of a role, once for each ``key``, ever.

    ``about`` is kept with it, to be looked at again when it is sent. Returns the number
    of channels; a role without any is nobody.
    """
    channels = config.notify.roles.get(role, ())
    payload = {
        "subject": subject,
        "body": issue_text.stored(body),
        **(about or {}),
    }
    effects = [
        outbox.Effect(
            source=channel_source(name),
            operation=Operation.NOTIFY,
            target=role,
            dedup_key=f"notice:{key}:{name}",
            # Of its own: one that is refused is not to hold up the others.
            ordering_key=f"notice:{key}:{name}",
            payload=payload,
            ticket_id=ticket_id,
            due_at=due_at,
            rule=rule,
            rule_version=rule_version,
            reason=reason,
        )
        for name in channels
    ]
    outbox.enqueue(connection, effects, now)
    return len(effects)
