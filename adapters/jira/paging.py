"""Lists that Jira tells in pages of ``startAt``, in whatever shape each comes.

Only reads. What is changed while it is read has a way of its own in ``history.py``, and
so has the interface of the service desk in ``desk_client.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.jira import readings
from adapters.jira.client import JiraClient
from adapters.jira.flavour import Flavour

PAGE = 50
PAGES = 40

#: Where lists stand in a page: Cloud, Data Center, and what the descriptions say.
ROWS = ("issueTypes", "fields", "values", "results", "createMetaIssueType")


def priorities(client: JiraClient, flavour: Flavour) -> list[dict[str, Any]]:
    """Read the priorities there are, the highest first."""
    if flavour is Flavour.CLOUD:
        return read_all(client, "priority/search")
    return [raw for raw in client.read_list("priority") if isinstance(raw, dict)]


def read_all(
    client: JiraClient, path: str, params: Mapping[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Read all pages of a list; they can be shorter than asked for."""
    found: list[dict[str, Any]] = []
    for _ in range(PAGES):
        asked = {**(params or {}), "startAt": len(found), "maxResults": PAGE}
        answer = client.read(path, asked)
        name = next((n for n in ROWS if isinstance(answer.get(n), list)), ROWS[0])
        page = readings.to_page(client.name, answer, name)
        found += page
        total = answer.get("total")
        is_last = answer.get("isLast") is True
        if not page or is_last or (isinstance(total, int) and len(found) >= total):
            break
    return found
