"""A problem that is not to be fixed: counted silently, up to a point.

Its issue was closed without a fix, or a person said that nothing is done about it.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from connector import declining, filing, issue_text, recurrence
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
        key = f"doubled:{group.id}:{group.episode}:{group.customers}"
        effect = _doubled(config, group, before, "doubled", key)
        outbox.enqueue(connection, [effect], now)


def remind(
    connection: Connection, config: Config, group: AnyRow, now: datetime
) -> None:
    """Say on the issue, once for each time that a person said it, how many there are.

    What that person is asked is in ``connector.declining``.
    """
    if group.issue_id is None or not declining.has_risen(config, group):
        return
    before = group.done_customers
    key = f"doubled:{group.id}:{group.episode}:said with {before}"
    effect = _doubled(config, group, before, "declined_doubled", key)
    outbox.enqueue(connection, [effect], now)


def _doubled(
    config: Config, group: AnyRow, before: int, name: str, key: str
) -> outbox.Effect:
    language = config.problems.language
    customers = issue_text.customers(language, group.customers)
    text = issue_text.say(language, name, customers=customers, before=before)
    return filing.issue_effect(
        config,
        group,
        Operation.COMMENT_ISSUE,
        key,
        {"body": issue_text.paragraph(text)},
        f"{group.customers} customers, after {before}",
    )
