"""Issues on tickets, by the links of Zendesk's own Jira integration.

Not every account has it, or lets our user use it; then it is left alone, with one line
in the log and one finding of ``doctor``, until the connector starts again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import requests
import structlog

from adapters.zendesk import refusals
from adapters.zendesk.account import Account
from adapters.zendesk.settings import API, SERVICES
from adapters.zendesk.values import Json, as_object, identity
from connector.errors import (
    CredentialsRejected,
    TakesNoWrites,
    TicketGone,
    VendorError,
    VendorRefused,
)
from connector.models import IssueRef

log = structlog.get_logger(__name__)

PATH = "/jira/links"
PAGES = 10
REFUSED = (403, 404, 405, 422)

#: Whether there is a ticket with this number or not: the answer shows whether we may
#: ask for links.
ANY_TICKET = "1"


class JiraLinks:
    """The links of one account. Used by several threads."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._refused = ""  # why it is left alone

    def show(self, ticket_id: str, issue: IssueRef) -> None:
        """Link a ticket to an issue, unless it is."""
        if self._refused:
            raise TakesNoWrites(self._refused)
        try:
            if not self._has(ticket_id, issue):
                self._add(ticket_id, issue)
        except TakesNoWrites as err:
            if not self._refused:
                log.warning("zendesk_jira_links_off", source=self._account.name)
            self._refused = str(err)
            raise

    def probe(self) -> None:
        """Raise what keeps us from using the links, if anything does."""
        if self._refused:  # perhaps only when one was to be made
            raise TakesNoWrites(self._refused)
        self._page(ANY_TICKET, None)

    def _has(self, ticket_id: str, issue: IssueRef) -> bool:
        after: str | None = None
        for _ in range(PAGES):
            answer = self._page(ticket_id, after)
            links = answer.get("links")
            for link in links if isinstance(links, list) else ():
                if _is(as_object(link), ticket_id, issue):
                    return True
            meta = as_object(answer.get("meta"))
            after = str(meta.get("after_cursor") or "")
            if not after or meta.get("has_more") is not True:
                break
        return False

    def _page(self, ticket_id: str, after: str | None) -> Json:
        params = {"filter[ticket_id]": ticket_id}
        if after:
            params["page[after]"] = after
        # Documented below /api/v2; some accounts know the older place only.
        answer = self._call("GET", (API, SERVICES), params=params)
        return self._account.decode(answer)

    def _add(self, ticket_id: str, issue: IssueRef) -> None:
        link = {
            "ticket_id": ticket_id,
            "issue_id": issue.external_id,
            "issue_key": issue.key,
        }
        try:
            # Documented at the older place, and not below /api/v2.
            self._call("POST", (SERVICES, API), json={"link": link})
        except VendorRefused as err:
            # Nobody says how a link that is there already is refused.
            if err.status not in (400, 422) or not self._has(ticket_id, issue):
                raise

    def _call(self, method: str, roots: tuple[str, str], **rest: Any) -> Any:
        """Call where the account has its links; raise ``TakesNoWrites`` if nowhere."""
        first, second = roots
        response = self._try(method, first, **rest)
        if _is_elsewhere(response):
            other = self._try(method, second, **rest)
            response = response if _is_elsewhere(other) else other
        if response.status_code in REFUSED:
            raise self._refusal(response)
        return response

    def _try(self, method: str, root: str, **rest: Any) -> requests.Response:
        expect = (200, 201, *REFUSED)
        return self._account.call(method, PATH, root=root, expect=expect, **rest)

    def _refusal(self, response: requests.Response) -> VendorError:
        error = self._account.refusal(response)
        if response.status_code == 422 or isinstance(
            error, CredentialsRejected | TicketGone
        ):
            return error
        return TakesNoWrites(f"no Jira links: {error}", status=response.status_code)


def _is_elsewhere(response: requests.Response) -> bool:
    says_so = response.status_code == 404 and refusals.says_no_endpoint(response.text)
    return says_so or response.status_code == 405


def _is(link: Mapping[str, Any], ticket_id: str, issue: IssueRef) -> bool:
    # The filter may be passed over; numbers come as text, and as numbers.
    return (identity(link.get("ticket_id")), identity(link.get("issue_id"))) == (
        ticket_id,
        issue.external_id,
    )
