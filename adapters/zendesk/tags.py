"""Changing single tags of a ticket without losing anybody else's.

Open tickets by the tag endpoints with collision protection, closed ones by a bulk job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.zendesk import payloads, refusals
from adapters.zendesk.account import Account
from adapters.zendesk.values import as_object, text
from connector.errors import (
    TicketLocked,
    VendorConflict,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import TicketStatus

JOB_POLLS = 10
JOB_PAUSE = 0.5  # seconds, growing with each poll

Sleep = Callable[[float], None]


def change_tags(
    account: Account,
    external_id: str,
    add: frozenset[str],
    remove: frozenset[str],
    sleep: Sleep,
) -> frozenset[str]:
    """Add and remove these tags, keep all others; return the tags as they are now.

    One that Zendesk does not take keeps no other from being changed.
    """
    refused = payloads.refused_tags(add | remove)
    wanted = (add - remove).difference(refused), remove.difference(refused)
    tags = frozenset[str]()
    if any(wanted) or not refused:
        tags = _change(account, external_id, *wanted, sleep)
    if refused:
        raise VendorRefused("; ".join(f"{tag!r} {why}" for tag, why in refused.items()))
    return tags


def _change(
    account: Account,
    external_id: str,
    add: frozenset[str],
    remove: frozenset[str],
    sleep: Sleep,
) -> frozenset[str]:
    try:
        return _change_once(account, external_id, add, remove, sleep)
    except (VendorConflict, TicketLocked):
        # Somebody was faster, or it was closed just now: read again, once.
        return _change_once(account, external_id, add, remove, sleep)


def _change_once(
    account: Account,
    external_id: str,
    add: frozenset[str],
    remove: frozenset[str],
    sleep: Sleep,
) -> frozenset[str]:
    ticket = account.show(external_id)
    tags = payloads.tags(ticket)
    missing, surplus = add - tags, remove & tags
    if not missing and not surplus:
        return tags
    if payloads.status(ticket) is TicketStatus.CLOSED:
        _change_closed(account, external_id, missing, surplus, sleep)
    else:
        _change_open(account, external_id, ticket, missing, surplus)
    # Stamps have whole seconds, so another write may still have passed ours.
    tags = payloads.tags(account.show(external_id))
    if not add <= tags or remove & tags:
        raise VendorConflict(f"{account.name}: the tags were changed again meanwhile")
    return tags


def _change_open(
    account: Account,
    external_id: str,
    ticket: dict[str, Any],
    missing: frozenset[str],
    surplus: frozenset[str],
) -> None:
    if missing:  # PUT adds; POST would replace the whole list
        stamp = text(ticket.get("updated_at"))
        wish = payloads.tag_update(missing, stamp)
        account.update("PUT", external_id, "/tags", json=wish)
    if missing and surplus:
        ticket = account.show(external_id)  # our own write moved the stamp
    if surplus:
        stamp = text(ticket.get("updated_at"))
        wish = payloads.tag_update(surplus, stamp)
        account.update("DELETE", external_id, "/tags", json=wish)


def _change_closed(
    account: Account,
    external_id: str,
    missing: frozenset[str],
    surplus: frozenset[str],
    sleep: Sleep,
) -> None:
    """Use a bulk job, the only way to change the tags of a closed ticket."""
    account.spend(external_id)
    wish = {"additional_tags": sorted(missing), "remove_tags": sorted(surplus)}
    answer = account.about_ticket(
        "PUT",
        "/tickets/update_many",
        params={"ids": external_id},
        json={"ticket": {key: tags for key, tags in wish.items() if tags}},
    )
    job = _finished(account, as_object(answer.get("job_status")), sleep)
    try:
        problem = refusals.job_problem(job)
    except (TypeError, AttributeError) as err:
        raise account.nonsense("a job") from err
    if problem:
        raise VendorRefused(f"{account.name} could not change the tags: {problem}")


def _finished(account: Account, job: dict[str, Any], sleep: Sleep) -> dict[str, Any]:
    for poll in range(JOB_POLLS):
        if job.get("status") not in ("queued", "working"):
            return job
        sleep(JOB_PAUSE * (poll + 1))
        answer = account.read(f"/job_statuses/{job.get('id')}")
        job = as_object(as_object(answer).get("job_status"))
    if job.get("status") not in ("queued", "working"):
        return job
    raise VendorUnavailable(f"{account.name} has not finished a job yet")
