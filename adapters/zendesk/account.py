"""Getting into one Zendesk account, and calling it. What to call for is elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

import requests
import structlog

from adapters.http import Token, VendorClient
from adapters.zendesk import limits, refusals
from adapters.zendesk.rates import TARIFF
from adapters.zendesk.settings import API, ZendeskConfig
from adapters.zendesk.values import as_object, text
from connector.errors import (
    CredentialsRejected,
    TicketGone,
    TicketLocked,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)

log = structlog.get_logger(__name__)


class Account:
    """Calls to one account. ``granted`` is the scope of the last token, if any."""

    def __init__(self, name: str, config: ZendeskConfig) -> None:
        self.name = name
        self.config = config
        self.granted: str | None = None
        self._door = VendorClient(name, config.base_url, _explain, tariff=TARIFF)
        self._client = VendorClient(
            name, config.base_url, _explain, tariff=TARIFF, **self._way_in()
        )

    def close(self) -> None:
        self._client.close()
        self._door.close()

    # -- getting in --

    def _way_in(self) -> dict[str, Any]:
        if self.config.api_token is None:
            return {"token": Token(self._fetch_token)}
        secret = self.config.api_token.get_secret_value()
        return {"auth": (f"{self.config.email}/token", secret)}

    def _fetch_token(self) -> tuple[str, float | None]:
        """Ask for a token that acts as the user who created the OAuth client."""
        secret = self.config.client_secret
        wish = {
            "grant_type": "client_credentials",
            "client_id": self.config.client_id,
            "client_secret": secret.get_secret_value() if secret else "",
            "scope": self.config.scope,
        }
        try:
            response = self._door.call(
                "POST", "/oauth/tokens", json=wish, expect=(200, 201)
            )
        except VendorRefused as err:
            raise CredentialsRejected(str(err), status=err.status) from err
        answer = as_object(self._door.decode(response))
        value, life = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not value:
            raise CredentialsRejected(f"{self.name} gave no access_token")
        self.granted = text(answer.get("scope"))
        return value, float(life) if isinstance(life, int | float) else None

    # -- calls --

    def call(
        self, method: str, path: str, *, expect: Collection[int] = (200,), **rest: Any
    ) -> requests.Response:
        """Send one request; see ``VendorClient.call``. Some limits are not for all."""
        response = self._client.call(
            method, f"{API}{path}", expect=(*expect, 429), **rest
        )
        if response.status_code == 429 and 429 not in expect:
            raise self._busy(response)
        return response

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET a JSON document."""
        return self._client.decode(self.call("GET", path, params=params))

    def _busy(self, response: requests.Response) -> VendorError:
        error = self._client.error(response)
        if error.retry_after is None:
            error.retry_after = limits.reset(response.headers)
        error.whole_source = limits.is_account_wide(response.headers)
        return error

    def decode(self, response: requests.Response) -> dict[str, Any]:
        """Return the JSON object of a good response."""
        return as_object(self._client.decode(response))

    def read_optional(self, path: str) -> dict[str, Any]:
        """Read what a deleted user or a restricted role may keep from us."""
        try:
            return as_object(self.read(path))
        except VendorRefused as err:
            if err.status not in (403, 404):
                raise
            return {}

    def about_ticket(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call about one ticket: gone and closed have names of their own."""
        response = self.call(
            method,
            path,
            expect=(200, 201, 404, 422),
            json=json,
            params=params,
            headers=headers,
        )
        if response.status_code in (404, 422):
            raise self._refusal(response)
        self._log_ignored(response, method)
        return self.decode(response)

    def show(self, external_id: str) -> dict[str, Any]:
        """Read a ticket's document without its comments."""
        ticket = as_object(self.about_ticket("GET", path(external_id)).get("ticket"))
        if "id" not in ticket:
            raise self.nonsense("a ticket")
        return ticket

    def nonsense(self, wanted: str) -> VendorUnavailable:
        """Name the error for an answer of another shape; a write may have happened."""
        return VendorUnavailable(f"{self.name} answered, but not with {wanted}")

    def _refusal(self, response: requests.Response) -> VendorError:
        error = self._client.error(response)
        if response.status_code == 422 and refusals.says_closed(response.text):
            return TicketLocked(str(error), status=422)
        if response.status_code == 404 and not refusals.says_no_endpoint(response.text):
            return TicketGone(str(error), status=404)
        return error

    def _log_ignored(self, response: requests.Response, method: str) -> None:
        # Zendesk answers 200 and drops what it does not know; only here it says so.
        if warning := response.headers.get("X-Zendesk-API-Warn"):
            keys = refusals.ignored_keys(warning)
            log.warning("zendesk_ignored", source=self.name, method=method, keys=keys)


def path(external_id: str, below: str = "") -> str:
    """Return the path of a ticket; an id from outside cannot leave its place."""
    return f"/tickets/{quote(external_id, safe='')}{below}"


def _explain(response: requests.Response) -> str:
    return refusals.words(response.text)
