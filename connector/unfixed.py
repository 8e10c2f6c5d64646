"""A problem whose issue was closed without a fix: counted silently, up to a point."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import filing, issue_text, recurrence
from connector.config import Config
from connector.models import Meaning, Operation
from connector.store import groups, outbox
from connector.store.schema import AnyRow


def weigh(connection: Connection, config: Config, group: AnyRow, now: datetime) -> None:
    """Look at a problem that was closed without a fix, as more customers come.

    What could not be reproduced may be by now. What nobody will do is said again when
    there are twice as many as when it was closed, and as at the last time.
    """
    before = group.done_customers
    if before is None:  # it was closed before anybody counted
        groups.change(connection, group.id, done_customers=group.customers)
        return
    if group.issue_meaning == Meaning.CANNOT_REPRODUCE:
        if group.customers - before >= config.problems.cannot_reproduce_needs:
            why = recurrence.Why("not_reproduced", group.customers - before)
            recurrence.come_back(connection, config, group, why, now)
    elif group.customers >= max(2 * before, 1):
        groups.change(connection, group.id, done_customers=group.customers)
        outbox.enqueue(connection, [_doubled(config, group, before)], now)


def _doubled(config: Config, group: AnyRow, before: int) -> outbox.Effect:
    language = config.problems.language
    customers = issue_text.customers(language, group.customers)
    text = issue_text.say(language, "doubled", customers=customers, before=before)
    return filing.issue_effect(
        config,
        group,
        Operation.COMMENT_ISSUE,
        f"doubled:{group.id}:{group.episode}:{group.customers}",
        {"body": issue_text.paragraph(text)},
        f"{group.customers} customers, after {before}",
    )
