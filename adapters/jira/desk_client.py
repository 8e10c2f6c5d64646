"""Calls that only a service desk takes: its own interface, and few of Jira's.

What they mean is decided in ``desk.py``. Nothing here falls back from one interface to
the other: a comment made through Jira's own would be public.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from adapters.jira.client import JiraClient, segment
from connector.errors import VendorUnavailable

BASE = "{server}/rest/servicedeskapi/{path}"
PAGE_SIZE = 50
PAGES = 100  #: of comments; an issue takes 5000 of them

#: Some calls are marked as experimental and asked for this on older releases.
HEADERS = {"X-ExperimentalApi": "opt-in"}


class DeskClient(JiraClient):
    """``JiraClient`` that speaks to a service desk too."""

    def desk(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """GET an object of the service desk."""
        return self._desk("GET", path, params=dict(params or {}))

    def pages(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> Iterator[Mapping[str, Any]]:
        """Yield what is on all pages of a list."""
        start = 0
        for _ in range(PAGES):
            asked = {**(params or {}), "start": start, "limit": PAGE_SIZE}
            page = self.desk(path, asked)
            values = page.get("values")
            if not isinstance(values, list):
                raise VendorUnavailable(f"{self.name} answered without values")
            yield from (each for each in values if isinstance(each, dict))
            start += len(values)  # pages can be shorter than asked for
            if not values or page.get("isLastPage") is True:
                return

    def comment(self, external_id: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write a comment, once."""
        data = self._encoded(body)
        return self._desk("POST", f"request/{segment(external_id)}/comment", data=data)

    def delete_comment(self, external_id: str, comment_id: str) -> None:
        """Take back a comment."""
        path = f"issue/{segment(external_id)}/comment/{segment(comment_id)}"
        with self._calling() as jira:
            jira._session.request("DELETE", jira._get_url(path))

    def _desk(self, method: str, path: str, **given: Any) -> Mapping[str, Any]:
        with self._calling() as jira:
            url = jira._get_url(path, base=BASE)
            response = jira._session.request(method, url, headers=HEADERS, **given)
            return self._object(response.json())
