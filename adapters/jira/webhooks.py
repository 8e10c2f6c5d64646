"""Admin webhooks: how they look, which are ours, what is off with them. No calls.

Registration: https://developer.atlassian.com/cloud/jira/platform/webhooks/
Data Center 10 moved them: https://developer.atlassian.com/server/jira/platform/webhooks/
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlsplit

from adapters.jira.flavour import Flavour
from connector.errors import VendorUnavailable
from connector.models import Subscription

KIND = "webhook"

#: Where they are kept. A Data Center from 10 on has only the first of its two.
OLD_PATH = "rest/webhooks/1.0/webhook"
NEW_PATH = "rest/jira-webhook/1.0/webhooks"
PATHS = {
    Flavour.CLOUD: (OLD_PATH,),
    Flavour.DATA_CENTER: (NEW_PATH, OLD_PATH),
}

#: What we ask for; whatever else comes is ignored.
EVENTS = frozenset(
    {
        "jira:issue_created",
        "jira:issue_updated",
        "jira:issue_deleted",
        "comment_created",
        "comment_updated",
    }
)


class Wanted(NamedTuple):
    """A webhook as it should be. ``secret`` is empty where nothing is signed."""

    source: str
    address: str  #: of our receiver, without secrets
    token: str = ""  #: goes into the address on Data Center
    secret: str = ""

    @property
    def label(self) -> str:
        return f"{label_of(self.source)}{urlsplit(self.address).netloc})"

    @property
    def url(self) -> str:
        token = f"?token={quote(self.token, safe='')}" if self.token else ""
        return f"{self.address}{token}"


def ping(word: str) -> tuple[bytes, None]:
    """Make a delivery that nobody at Jira would, and that asks for nothing."""
    return json.dumps({"webhookEvent": "connector_ping", "test": word}).encode(), None


def label_of(source: str) -> str:
    """Return how the names of our webhooks begin, wherever we run.

    The host comes behind it: two installations may share a Jira and a source's name.
    """
    return f"Complaint Connector ({source} at "


def is_ours(raw: Mapping[str, Any], wanted: Wanted) -> bool:
    """Tell whether a webhook carries our address, or the name we give it."""
    if raw.get("name") == wanted.label:
        return True
    return bare(raw.get("url")).rstrip("/") == bare(wanted.address).rstrip("/")


def looks_like_ours(raw: Mapping[str, Any], source: str) -> bool:
    """Tell the same without knowing where we run."""
    if str(raw.get("name", "")).startswith(label_of(source)):
        return True
    return urlsplit(bare(raw.get("url"))).path.endswith(f"/webhooks/{source}")


def is_in_order(raw: Mapping[str, Any], wanted: Wanted) -> bool:
    """Tell whether nothing has to be mended. A secret cannot be read back."""
    return (
        bare(raw.get("url")) == bare(wanted.address)
        and _token(raw.get("url")) == wanted.token
        and is_enabled(raw)
        and not missing(raw)
        and has_body(raw)
        and (not wanted.secret or is_signed(raw))
    )


def is_enabled(raw: Mapping[str, Any]) -> bool:
    return str(raw.get("enabled", raw.get("active", True))).lower() == "true"


def is_signed(raw: Mapping[str, Any]) -> bool:
    """Older sites do not say; what is not said is not wrong."""
    return raw.get("isSigned") is not False


def has_body(raw: Mapping[str, Any]) -> bool:
    said = _configuration(raw).get("EXCLUDE_BODY", raw.get("excludeBody", False))
    return str(said).lower() != "true"


def missing(raw: Mapping[str, Any]) -> frozenset[str]:
    return EVENTS - _events(raw)


def to_subscription(raw: Mapping[str, Any]) -> Subscription:
    """Translate a webhook; the query of its address may be a secret and is dropped."""
    return Subscription(
        kind=KIND,
        external_id=to_id(raw),
        address=bare(raw.get("url")),
        enabled=is_enabled(raw),
        missing=missing(raw),
    )


def to_id(raw: Mapping[str, Any]) -> str:
    """Return the number of a webhook, which older Jiras tell only in its link."""
    found = raw.get("id")
    if found is None:
        found = str(raw.get("self", "")).rstrip("/").rpartition("/")[2]
    if not str(found).isdigit():
        raise VendorUnavailable("Jira answered without a webhook's number")
    return str(found)


def body(path: str, wanted: Wanted, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Build a webhook to be made (``raw`` is empty) or mended.

    A name, a filter and more events that somebody gave it stay.
    """
    built: dict[str, Any] = {
        "name": raw.get("name") or wanted.label,
        "url": wanted.url,
        "events": sorted(EVENTS | _events(raw)),
    }
    if path == NEW_PATH:
        configuration = {**_configuration(raw), "EXCLUDE_BODY": "false"}
        return {**built, "active": True, "configuration": configuration}
    filters = raw.get("filters") or {}
    built |= {"filters": filters, "excludeBody": False, "enabled": True}
    return {**built, "secret": wanted.secret} if wanted.secret else built


def bare(url: object) -> str:
    """Return an address without what may be secret in it: query, login, fragment."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        host = parts.netloc.rpartition("@")[2].lower()
        return f"{parts.scheme}://{host}{parts.path}" if host else ""
    except ValueError:
        return ""


def _token(url: object) -> str:
    query = str(url).partition("#")[0].partition("?")[2]
    return parse_qs(query).get("token", [""])[0]


def _events(raw: Mapping[str, Any]) -> frozenset[str]:
    found = raw.get("events")
    return frozenset(
        event
        for event in (found if isinstance(found, list) else ())
        if isinstance(event, str)
    )


def _configuration(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    found = raw.get("configuration")
    return found if isinstance(found, dict) else {}
