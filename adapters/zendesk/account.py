"""Getting into one Zendesk account, and calling it. What to call for is elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests
import structlog

from adapters.http import Token, VendorClient
from adapters.pace import Call
from adapters.zendesk import limits, refusals
from adapters.zendesk.limits import TicketPace
from adapters.zendesk.rates import TARIFF
from adapters.zendesk.settings import API, ZendeskConfig
from adapters.zendesk.values import as_object, identity, text
from connector.errors import (
    CredentialsRejected,
    TicketGone,
    TicketLocked,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)

log = structlog.get_logger(__name__)

#: Seconds. Without a wish, tokens of older OAuth clients never end.
TOKEN_LIFE = 3600

MERGES_KEPT = 1000


class Account:
    """Calls to one account. ``granted`` is the scope of the last token, if any.

    ``merges``: which tickets lately told that they live on as another.
    """

    def __init__(self, name: str, config: ZendeskConfig) -> None:
        self.name = name
        self.config = config
        self.granted: str | None = None
        self.merges: dict[str, str] = {}
        self._pace = TicketPace()
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
            "expires_in": TOKEN_LIFE,
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
        if missing := refusals.not_granted(self.config.scope, self.granted):
            # Zendesk gives a token all the same, which is then refused one by one.
            raise CredentialsRejected(
                f"{self.name} did not grant the scope {missing}, only {self.granted}"
            )
        return value, float(life) if isinstance(life, int | float) else None

    # -- calls --

    def call(
        self,
        method: str,
        path: str,
        *,
        expect: Collection[int] = (200,),
        root: str = API,
        **rest: Any,
    ) -> requests.Response:
        """Send one request; see ``VendorClient.call``. Some limits are not for all."""
        response = self._client.call(
            method, f"{root}{path}", expect=(*expect, 429), **rest
        )
        if response.status_code == 429 and 429 not in expect:
            raise self._busy(Call(method, f"{root}{path}"), response)
        return response

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET a JSON document."""
        return self._client.decode(self.call("GET", path, params=params))

    def _busy(self, call: Call, response: requests.Response) -> VendorError:
        error, headers = self._client.error(response), response.headers
        if error.retry_after is None:
            error.retry_after = limits.reset(call, headers, datetime.now(UTC))
        error.whole_source = limits.is_account_wide(call, headers)
        return error

    def decode(self, response: requests.Response) -> dict[str, Any]:
        """Return the JSON object of a good response."""
        return as_object(self._client.decode(response))

    def read_optional(
        self, path: str, params: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Read what a deleted user, a role or a plan may keep from us."""
        try:
            return as_object(self.read(path, params))
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
            expect=(200, 201, 403, 404, 422),
            json=json,
            params=params,
            headers=headers,
        )
        if response.status_code in (403, 404, 422):
            raise self.refusal(response)
        self._log_ignored(response, method)
        return self.decode(response)

    def update(
        self, method: str, external_id: str, below: str = "", *, json: Any
    ) -> dict[str, Any]:
        """Change a ticket, unless it was changed by us too often lately."""
        self.spend(external_id)
        return self.about_ticket(method, path(external_id, below), json=json)

    def spend(self, external_id: str) -> None:
        """Count an update of a ticket, or raise ``VendorBusy``."""
        self._pace.spend(self.name, external_id)

    def remember_merge(self, source: str, target: str) -> None:
        """Keep what an event said of a merge, for the reading that follows it."""
        if len(self.merges) >= MERGES_KEPT:
            self.merges.clear()
        self.merges[source] = target

    def show(self, external_id: str) -> dict[str, Any]:
        """Read a ticket's document without its comments."""
        ticket = as_object(self.about_ticket("GET", path(external_id)).get("ticket"))
        if "id" not in ticket:
            raise self.nonsense("a ticket")
        return ticket

    def nonsense(self, wanted: str) -> VendorUnavailable:
        """Name the error for an answer of another shape; a write may have happened."""
        return VendorUnavailable(f"{self.name} answered, but not with {wanted}")

    def refusal(self, response: requests.Response) -> VendorError:
        """Name the error for what Zendesk said no to about one ticket."""
        error = self._client.error(response)
        if response.status_code == 422 and refusals.says_closed(response.text):
            return TicketLocked(str(error), status=422)
        if response.status_code == 404 and not refusals.says_no_endpoint(response.text):
            return TicketGone(str(error), status=404)
        if response.status_code == 403 and not self._is_let_in():
            return CredentialsRejected(str(error), status=403)
        return error

    def _is_let_in(self) -> bool:
        """Tell a token that opens nothing from a ticket that is closed to us."""
        try:
            response = self.call("GET", "/users/me", expect=(200, 401, 403))
            if response.status_code != 200:
                return False
            me = as_object(self.decode(response).get("user"))
        except VendorError:
            return True  # nothing was learned
        return bool(identity(me.get("id")))

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
