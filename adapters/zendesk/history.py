"""What changed in an account, by its cursor export. Search is never used for this.

The index of search lags and ends after a thousand hits; the export has everything,
deleted tickets too, but for the last minute.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from adapters.zendesk.account import Account
from adapters.zendesk.values import Json, as_object, identity, text
from connector.errors import VendorRefused
from connector.models import ChangedPage

EXPORT = "/incremental/tickets/cursor"
PAGE_SIZE = 500  #: Zendesk gives up to 1000, each of which is read again one by one

#: Zendesk refuses a start in the most recent minute, by its clock and not by ours.
MARGIN = timedelta(minutes=2)

#: Answers to a cursor that is not known any more.
UNKNOWN_CURSOR = (400, 404, 410, 422)


def changed(
    account: Account, since: datetime, cursor: str | None, now: datetime
) -> ChangedPage:
    """Read the next page of what changed; an unknown cursor begins again."""
    if cursor:
        try:
            return _page(account, {"cursor": cursor}, cursor)
        except VendorRefused as err:
            if err.status not in UNKNOWN_CURSOR:
                raise
    start = min(since, now) - MARGIN
    return _page(account, {"start_time": max(0, int(start.timestamp()))}, "")


def _page(account: Account, where: dict[str, Any], cursor: str) -> ChangedPage:
    # Left to itself the export leaves out what only a bot has answered.
    wish = {**where, "per_page": PAGE_SIZE, "support_type_scope": "all"}
    page = as_object(account.read(EXPORT, wish))
    if not isinstance(page.get("tickets"), list):
        raise account.nonsense("an export")
    following = text(page.get("after_cursor")) or cursor
    return ChangedPage(_ids(page), following, _goes_on(page, cursor))


def _ids(page: Json) -> tuple[str, ...]:
    # A ticket comes once for each of its changes; it is read as it stands now anyway.
    found = (identity(as_object(row).get("id")) for row in page["tickets"])
    return tuple(dict.fromkeys(ticket_id for ticket_id in found if ticket_id))


def _goes_on(page: Json, cursor: str) -> bool:
    """Tell whether there is more now; a cursor that stands still ends it, too."""
    following = text(page.get("after_cursor"))
    return page.get("end_of_stream") is False and following not in ("", cursor)
