"""Making, mending and removing our webhooks at Help Scout. The calls only.

What is wrong with one, and what to send, is decided in ``subscriptions``.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from adapters.helpscout import subscriptions
from adapters.helpscout.account import ANSWERED, Account
from adapters.helpscout.shapes import Json, identifier
from connector.errors import NotFound, VendorUnavailable
from connector.models import Subscribed, Subscription

PATH = "/v2/webhooks"


class Webhooks:
    """The webhooks of one account, as far as they are ours."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._name = account.name
        self._mailboxes = account.config.mailboxes

    def all(self) -> list[dict[str, Any]]:
        return list(self._account.items(PATH, "webhooks"))

    def subscriptions(self, address: str) -> list[Subscription]:
        return [subscriptions.subscription(hook) for hook in self._ours(address)]

    def subscribe(self, address: str) -> Subscribed:
        ours = self._ours(address)
        chosen = subscriptions.choose(ours, address)
        if chosen is None:
            return Subscribed(changed=(self._make({}, address),), kept=())
        was_in_order = subscriptions.is_in_order(chosen, address, self._mailboxes)
        standing = self._mend(chosen, address)
        for hook in ours:
            if hook is not chosen and subscriptions.is_off(hook):
                self._remove(hook)
        if was_in_order:
            return Subscribed(changed=(), kept=(standing,))
        return Subscribed(changed=(standing,), kept=())

    def unsubscribe(self, address: str) -> list[Subscription]:
        ours = self._ours(address)
        for hook in ours:
            self._remove(hook)
        return [subscriptions.subscription(hook) for hook in ours]

    def _ours(self, address: str) -> list[dict[str, Any]]:
        return [
            hook
            for hook in self.all()
            if subscriptions.is_ours(hook, self._name, address)
        ]

    def _mend(self, hook: Json, address: str) -> Subscription:
        """Write a webhook anew, for its secret cannot be read, and see what came of it.

        Whether that switches on one that is off is not documented; if it does not,
        another one takes its place.
        """
        path = f"{PATH}/{identifier(hook.get('id'))}"
        self._account.client.call(
            "PUT", path, json=self._body(hook, address), expect=ANSWERED
        )
        now = self._account.client.read(path)
        if isinstance(now, dict) and subscriptions.is_in_order(
            now, address, self._mailboxes
        ):
            return subscriptions.subscription(now)
        made = self._make(hook, address)
        self._remove(hook)
        return made

    def _make(self, hook: Json, address: str) -> Subscription:
        body = self._body(hook, address)
        response = self._account.client.call("POST", PATH, json=body, expect=ANSWERED)
        ident = response.headers.get("Resource-ID", "")
        if not ident:
            raise VendorUnavailable(f"{self._name} did not say which webhook it made")
        return subscriptions.subscription({**body, "id": ident})

    def _remove(self, hook: Json) -> None:
        path = f"{PATH}/{identifier(hook.get('id'))}"
        with suppress(NotFound):  # somebody else was faster
            self._account.client.call("DELETE", path, expect=ANSWERED)

    def _body(self, hook: Json, address: str) -> dict[str, Any]:
        secret = self._account.config.webhook_secret[0].get_secret_value()
        return subscriptions.body(hook, self._name, address, secret, self._mailboxes)
