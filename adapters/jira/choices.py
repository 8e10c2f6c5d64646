"""What can be chosen from at a Jira while it is set up: projects and types of issues.

Each function is given the answers so far, which need not make a whole configuration
yet. Only reads; a list that cannot be had raises the ``VendorError`` that says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from adapters import Choice
from adapters.jira import paging
from adapters.jira.account import Account, connect
from adapters.jira.client import JiraClient, segment
from adapters.jira.desk_client import DeskClient
from adapters.jira.flavour import Flavour

Client = TypeVar("Client", bound=JiraClient)


def projects(answers: Mapping[str, Any]) -> list[Choice]:
    """List the projects that issues can be filed in."""
    account = _account(answers)
    with _connected(account, JiraClient) as client:
        if account.flavour is Flavour.CLOUD:
            # Only those that our account may create issues in.
            found = paging.read_all(client, "project/search", {"action": "create"})
        else:
            found = [
                raw for raw in client.read_list("project") if isinstance(raw, dict)
            ]
    return sorted(
        Choice(raw["key"], str(raw.get("name"))) for raw in _with(found, "key")
    )


def issue_types(answers: Mapping[str, Any]) -> list[Choice]:
    """List the types that an issue of the chosen project can have, by name.

    By id where two have the same name. Types of sub-tasks need a parent, and are out.
    """
    path = f"issue/createmeta/{segment(str(answers['project']))}/issuetypes"
    with _connected(_account(answers), JiraClient) as client:
        listed = _with(paging.read_all(client, path), "name")
    found = [raw for raw in listed if raw.get("subtask") is not True]
    named = Counter(raw["name"].casefold() for raw in found)
    return [
        Choice(str(raw.get("id")) if named[name.casefold()] > 1 else name, name)
        for raw in found
        if (name := raw["name"])
    ]


def service_projects(answers: Mapping[str, Any]) -> list[Choice]:
    """List the service projects that our account can see."""
    with _connected(_account(answers), DeskClient) as client:
        desks = _with(client.pages("servicedesk"), "projectKey")
    return sorted(
        Choice(raw["projectKey"], str(raw.get("projectName"))) for raw in desks
    )


def _account(answers: Mapping[str, Any]) -> Account:
    """Take from the answers what leads into a Jira; raises ``ValidationError``."""
    given = {key: answers[key] for key in Account.model_fields if key in answers}
    return Account.model_validate(given)


@contextmanager
def _connected(account: Account, kind: type[Client]) -> Iterator[Client]:
    client = connect("jira", account, kind)
    try:
        yield client
    finally:
        client.close()


def _with(found: Iterable[Mapping[str, Any]], key: str) -> list[Mapping[str, Any]]:
    """Keep what can be named in an answer."""
    return [raw for raw in found if isinstance(raw.get(key), str) and raw[key]]
