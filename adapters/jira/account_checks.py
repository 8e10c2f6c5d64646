"""What ``doctor`` is told of any Jira: the login, the server, the webhook.

Only reads; nothing raises a ``VendorError``. What a use of the account needs beside it
is looked at where that use is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from adapters.jira import webhooks
from adapters.jira.account import Account
from adapters.jira.client import JiraClient
from adapters.jira.flavour import Flavour
from adapters.jira.values import to_moment
from connector.errors import CredentialsRejected, VendorError, VendorRefused
from connector.models import Finding, Level

CLOCK_TOLERANCE = timedelta(minutes=5)


class AccountChecks:
    """Looks at one Jira with the account we have."""

    def __init__(self, source: str, config: Account, client: JiraClient) -> None:
        self._source = source
        self._config = config
        self._client = client
        self._cloud = config.flavour is Flavour.CLOUD

    # -- server --

    def login(self, now: datetime) -> list[Finding]:
        """Say who we are there and what it is; after a problem there is no more."""
        try:
            account = self._client.myself()
        except VendorError as err:
            # One failed login is enough: more of them lock the account.
            return [self._unreachable("credentials", err)]
        name = account.get("displayName") or account.get("name") or "an account"
        login = self._say(Level.OK, "credentials", f"signed in as {name}")
        return [login, *self._server(now)]

    def _server(self, now: datetime) -> list[Finding]:
        try:
            info = self._client.server_info()
        except VendorError as err:
            return [self._unreachable("server", err)]
        return [self._flavour(info), *self._address(info), *self._clock(info, now)]

    def _flavour(self, info: Mapping[str, Any]) -> Finding:
        version = f"Jira {info.get('version') or 'of unknown version'}"
        is_cloud = info.get("deploymentType") == "Cloud"
        if is_cloud is self._cloud:
            return self._say(Level.OK, "server", version)
        seen = Flavour.CLOUD if is_cloud else Flavour.DATA_CENTER
        said = f"{version} is not flavour {self._config.flavour}"
        return self._say(Level.PROBLEM, "server", said, f"set flavour to {seen}")

    def _address(self, info: Mapping[str, Any]) -> list[Finding]:
        """Compare what people open with what Jira takes for its own address."""
        own, ours = str(info.get("baseUrl", "")), self._config.site_url
        if not own or own.rstrip("/").casefold() == ours.casefold():
            return []
        return [
            self._say(
                Level.WARNING,
                "site_url",
                f"links to issues begin with {ours}, Jira's own with {own}",
                "correct site_url, or the base URL in Jira's general settings",
            )
        ]

    def _clock(self, info: Mapping[str, Any], now: datetime) -> list[Finding]:
        try:
            skew = abs(to_moment(info.get("serverTime")) - now)
        except VendorError:
            return []  # Cloud does not always say
        if skew <= CLOCK_TOLERANCE:
            return []
        return [
            self._say(
                Level.WARNING,
                "clock",
                f"Jira's clock and ours differ by {skew.total_seconds():.0f} s",
                "set both by a time server; deliveries are judged by their age",
            )
        ]

    def _unreachable(self, what: str, err: VendorError) -> Finding:
        remedy = "check site_url, api_base and the network between us"
        if isinstance(err, CredentialsRejected):
            remedy = "make a new token; a scoped token needs api_base (README, Set up)"
        return self._say(Level.PROBLEM, what, str(err), remedy)

    # -- webhooks --

    def webhooks(self, listed: Callable[[], list[dict[str, Any]]]) -> list[Finding]:
        """Say what is off with our webhook, as far as this account may see it."""
        if self._cloud and not self._config.webhook_secret:
            said = "dynamic webhooks are seen only by their app"
            return [self._say(Level.OK, "webhook", said)]
        try:
            found = [
                raw for raw in listed() if webhooks.looks_like_ours(raw, self._source)
            ]
        except VendorError as err:
            return [self._hidden_webhooks(err)]
        if not found:
            return [
                self._say(
                    Level.PROBLEM,
                    "webhook",
                    "Jira has none that calls us",
                    f"complaint-connector webhooks register {self._source}, or add one "
                    "under System → WebHooks (README, Set up)",
                )
            ]
        return [finding for raw in found for finding in self._webhook(raw)]

    def _hidden_webhooks(self, err: VendorError) -> Finding:
        # Data Center answers 401 to whoever is signed in and no administrator.
        if not isinstance(err, (VendorRefused, CredentialsRejected)):
            return self._failed("webhook", err)
        return self._say(
            Level.WARNING,
            "webhook",
            "only administrators may see it, and our account is none",
            "look under System → WebHooks: enabled, with our address and its secret, "
            f"for {', '.join(sorted(webhooks.EVENTS))}",
        )

    def _webhook(self, raw: Mapping[str, Any]) -> list[Finding]:
        where = webhooks.bare(raw.get("url"))
        off = []
        if not webhooks.is_enabled(raw):
            off.append(("is switched off", "enable it"))
        if missing := webhooks.missing(raw):
            events = ", ".join(sorted(missing))
            off.append((f"does not tell of {events}", "tick these events"))
        if not webhooks.has_body(raw):
            off.append(("sends no body", "take the tick from Exclude body"))
        if self._cloud and not webhooks.is_signed(raw):
            off.append(("is not signed", "give it the secret in webhook_secret"))
        if not off:
            return [self._say(Level.OK, "webhook", f"calls {where}")]
        return [
            self._say(
                Level.PROBLEM,
                "webhook",
                f"the one to {where} {what}",
                f"complaint-connector webhooks register {self._source}, or {remedy} "
                "under System → WebHooks",
            )
            for what, remedy in off
        ]

    def _failed(self, what: str, err: VendorError) -> Finding:
        remedy = "see the Troubleshooting of this adapter"
        return self._say(Level.PROBLEM, what, str(err), remedy)

    def _say(self, level: Level, what: str, message: str, remedy: str = "") -> Finding:
        return Finding(level, f"{self._source}: {what}", message, remedy)
