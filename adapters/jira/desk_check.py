"""What ``doctor`` is told of a service desk: can our account do what it will have to?

Only reads. What concerns any Jira is in ``account_checks.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from adapters.jira.account import Account
from adapters.jira.account_checks import AccountChecks
from adapters.jira.client import segment
from adapters.jira.desk_client import DeskClient
from connector.errors import VendorError, VendorRefused
from connector.models import Finding, Level

#: What each permission is called in Jira's settings.
NEEDED = {
    "BROWSE_PROJECTS": "Browse Projects",
    "EDIT_ISSUES": "Edit Issues",
    "ADD_COMMENTS": "Add Comments",
}

NO_AGENT = (
    "give it an agent licence and make it an agent of the project, under Project "
    "settings > People; without that, internal notes cannot be written"
)


class DeskChecks(AccountChecks):
    """Looks at service projects with the account we have."""

    def __init__(
        self,
        source: str,
        config: Account,
        client: DeskClient,
        projects: Collection[str],
    ) -> None:
        super().__init__(source, config, client)
        self._desks = client
        self._projects = projects

    def all(
        self, now: datetime, listed: Callable[[], list[dict[str, Any]]]
    ) -> list[Finding]:
        """Look at everything; ``listed`` returns the webhooks of this Jira."""
        found = self.login(now)
        if any(finding.level is Level.PROBLEM for finding in found):
            return found
        return [*found, *self.webhooks(listed), *self.projects()]

    def is_any_open(self, projects: Collection[str]) -> bool:
        """Tell whether our account is an agent of one of these."""
        try:
            desks = self._seen()
            ids = [str(desks[key].get("id")) for key in projects if key in desks]
            return any(self._is_agent(found) for found in ids)
        except VendorError:
            return False  # nothing is known of them

    def projects(self) -> list[Finding]:
        """Say of each project whether our account is an agent of it."""
        try:
            desks = self._seen()
        except VendorError as err:
            return [self._failed("service projects", err)]
        seen = ", ".join(sorted(desks)) or "none"
        return [
            self._project(key, desks[key])
            if key in desks
            else self._say(
                Level.PROBLEM,
                f"project {key}",
                f"is no service project that our account can see; it sees {seen}",
                "correct projects, or make our account an agent of the project",
            )
            for key in self._projects
        ]

    def _seen(self) -> dict[str, Mapping[str, Any]]:
        pages = self._desks.pages("servicedesk")
        return {str(desk.get("projectKey")): desk for desk in pages}

    def _project(self, key: str, desk: Mapping[str, Any]) -> Finding:
        subject = f"project {key}"
        try:
            missing = self._missing(key)
            if not self._is_agent(str(desk.get("id"))):
                said = "our account is no agent there"
                return self._say(Level.PROBLEM, subject, said, NO_AGENT)
        except VendorError as err:
            return self._failed(subject, err)
        if missing:
            said = f"our account lacks {', '.join(missing)}"
            remedy = "grant it in the project's permission scheme"
            return self._say(Level.PROBLEM, subject, said, remedy)
        return self._say(Level.OK, subject, "our account is an agent there")

    def _is_agent(self, desk: str) -> bool:
        """Tell whether we are shown the queues, which only agents are."""
        try:
            self._desks.desk(f"servicedesk/{segment(desk)}/queue", {"limit": 1})
        except VendorRefused as err:
            if err.status not in (403, 404):
                raise
            return False
        return True

    def _missing(self, key: str) -> list[str]:
        asked = {"projectKey": key}
        if self._cloud:  # there it must be said, and Data Center knows no such thing
            asked["permissions"] = ",".join(NEEDED)
        answer = self._client.read("mypermissions", asked).get("permissions")
        granted = answer if isinstance(answer, dict) else {}
        return [
            said
            for permission, said in NEEDED.items()
            if not (granted.get(permission) or {}).get("havePermission")
        ]
