"""Our webhook at a Jira: made, looked at, mended and removed by its administrator.

How a webhook looks is in ``webhooks.py``.
"""

from __future__ import annotations

from typing import Any

from adapters.jira import account, readings, webhooks
from adapters.jira.account import Account
from adapters.jira.client import JiraClient
from adapters.jira.flavour import Flavour
from adapters.jira.webhooks import Wanted
from connector.errors import NotFound, VendorRefused, VendorUnavailable
from connector.models import Subscribed, Subscription


class Registration:
    """The webhook of one source."""

    def __init__(self, name: str, config: Account, client: JiraClient) -> None:
        self._name = name
        self._config = config
        self._client = client

    def subscriptions(self, address: str) -> list[Subscription]:
        """Return what of ours there is."""
        _, found = self._own_webhooks(self._wanted(address))
        return [webhooks.to_subscription(raw) for raw in found]

    def subscribe(self, address: str) -> Subscribed:
        """Make what is missing, mend what is off."""
        wanted = self._wanted(address)
        path, found = self._own_webhooks(wanted)
        # While a secret is being changed nobody can tell which of the two Jira has.
        is_new = len(self._config.webhook_secret) > 1
        kept: list[Subscription] = []
        changed: list[Subscription] = []
        for raw in found or [{}]:
            is_kept = bool(raw) and webhooks.is_in_order(raw, wanted) and not is_new
            standing = webhooks.to_subscription(raw) if is_kept else None
            # A secret cannot be read back, and Jira never repeats what we reject for a
            # wrong one: it is written each time.
            if standing is None or wanted.secret:
                standing = self._put_webhook(path, wanted, raw)
            (kept if is_kept else changed).append(standing)
        return Subscribed(changed=tuple(changed), kept=tuple(kept))

    def unsubscribe(self, address: str) -> list[Subscription]:
        """Remove what of ours there is."""
        path, found = self._own_webhooks(self._wanted(address))
        removed = [webhooks.to_subscription(raw) for raw in found]
        for each in removed:
            try:
                self._client.call_site("DELETE", f"{path}/{each.external_id}")
            except NotFound:
                continue  # somebody was faster
        return removed

    def listed(self) -> list[dict[str, Any]]:
        """Return every webhook of this Jira."""
        return self._webhooks()[1]

    def _wanted(self, address: str) -> Wanted:
        config = self._config
        if config.flavour is Flavour.DATA_CENTER:
            token = account.values(config.webhook_token)[0]
            return Wanted(self._name, address, token=token)
        if not config.webhook_secret:
            raise VendorRefused(
                f"{self._name}: dynamic webhooks are made by their app; for one of "
                "ours set webhook_secret"
            )
        secret = account.values(config.webhook_secret)[0]
        return Wanted(self._name, address, secret=secret)

    def _webhooks(self) -> tuple[str, list[dict[str, Any]]]:
        """Return every webhook of this Jira, and the path they are kept under."""
        *newer, oldest = webhooks.PATHS[self._config.flavour]
        for path in newer:
            try:
                return path, self._listed(path)
            except NotFound:
                continue  # an older Jira
        return oldest, self._listed(oldest)

    def _listed(self, path: str) -> list[dict[str, Any]]:
        found = self._client.call_site("GET", path)
        return readings.to_page(self._name, {"webhooks": found}, "webhooks")

    def _own_webhooks(self, wanted: Wanted) -> tuple[str, list[dict[str, Any]]]:
        path, found = self._webhooks()
        return path, [raw for raw in found if webhooks.is_ours(raw, wanted)]

    def _put_webhook(
        self, path: str, wanted: Wanted, raw: dict[str, Any]
    ) -> Subscription:
        """Make a webhook, or mend ``raw``."""
        body = webhooks.body(path, wanted, raw)
        if raw:
            known = f"{path}/{webhooks.to_id(raw)}"
            self._client.call_site("PUT", known, body)
            return webhooks.to_subscription({**raw, **body})
        self._client.call_site("POST", path, body)
        # Some Jiras answer nothing to that, or without its number.
        made = [one for one in self._listed(path) if webhooks.is_ours(one, wanted)]
        if not made:
            raise VendorUnavailable(f"{self._name} does not show the webhook it took")
        return webhooks.to_subscription(made[-1])
