"""Webhooks of ours: which ones they are, what they lack, what to send. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from urllib.parse import urlsplit

from adapters.helpscout.shapes import Json, identifier, strings, text_of
from connector.models import Subscription

KIND = "webhook"

#: What has to be subscribed so that no complaint, answer or end of one is missed.
NEEDED_EVENTS = (
    "convo.created",
    "convo.customer.reply.created",
    "convo.agent.reply.created",
    "convo.status",
    "convo.merged",
    "convo.deleted",
    "satisfaction.ratings",
)


def label(name: str) -> str:
    return f"Complaint Connector: {name}"


def is_off(hook: Json) -> bool:
    return hook.get("state") == "disabled"


def missing(hook: Json) -> list[str]:
    events = strings(hook.get("events"))
    return [event for event in NEEDED_EVENTS if event not in events]


def is_ours(hook: Json, name: str, address: str) -> bool:
    """Tell whether a webhook is of this installation.

    One that carries our label, works, and calls elsewhere belongs to another
    installation with a source of the same name.
    """
    if _plain_address(hook) == _without_secrets(address):
        return True
    return is_off(hook) and text_of(hook.get("label")) == label(name)


def calls_source(hook: Json, name: str) -> bool:
    """Tell whether a webhook is meant for a source of this name, at any address."""
    path = urlsplit(_plain_address(hook)).path
    return text_of(hook.get("label")) == label(name) or path.endswith(
        f"/webhooks/{name}"
    )


def is_in_order(hook: Json, address: str, mailboxes: Collection[int]) -> bool:
    """Tell whether a webhook brings all we need, in full, to this address."""
    return (
        not is_off(hook)
        and not missing(hook)
        and hook.get("notification") is not True
        and _plain_address(hook) == _without_secrets(address)
        and _covers(hook, mailboxes)
    )


def choose(hooks: Sequence[Json], address: str) -> Json | None:
    """Choose which of ours to mend: one that calls us, and rather one that is on."""
    wanted = _without_secrets(address)
    return min(
        hooks,
        key=lambda hook: (_plain_address(hook) != wanted, is_off(hook)),
        default=None,
    )


def body(
    hook: Json, name: str, address: str, secret: str, mailboxes: Collection[int]
) -> dict[str, Any]:
    """Build what to send; events that somebody added to ``hook`` are kept.

    Address, events and secret are required with every change, not only at first.
    """
    added = set(strings(hook.get("events"))) - set(NEEDED_EVENTS)
    said: dict[str, Any] = {
        "url": address,
        "events": [*NEEDED_EVENTS, *sorted(added)],
        "secret": secret,
        "label": label(name),
        "payloadVersion": "V2",
    }
    if mailboxes:
        said["mailboxIds"] = sorted(mailboxes)
    return said


def subscription(hook: Json) -> Subscription:
    """Put a webhook into our words, its address without what may be a secret."""
    return Subscription(
        kind=KIND,
        external_id=identifier(hook.get("id")) or "",
        address=_plain_address(hook),
        enabled=not is_off(hook),
        missing=frozenset(missing(hook)),
    )


def _covers(hook: Json, mailboxes: Collection[int]) -> bool:
    """Tell whether a webhook fires for our inboxes; without a list it does for all."""
    listed = hook.get("mailboxIds")
    if not isinstance(listed, list) or not listed:
        return True
    return bool(mailboxes) and set(mailboxes) <= set(listed)


def _plain_address(hook: Json) -> str:
    return _without_secrets(text_of(hook.get("url")))


def _without_secrets(address: str) -> str:
    try:
        parts = urlsplit(address)
        host = parts.netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""
    return f"{parts.scheme.lower()}://{host}{parts.path.rstrip('/')}"
