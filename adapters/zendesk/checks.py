"""What ``doctor`` asks of a Zendesk account. Harmless reads, one finding each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from adapters.zendesk import payloads, refusals
from adapters.zendesk.account import Account
from adapters.zendesk.jira_links import JiraLinks
from adapters.zendesk.values import Json, as_object, identity, text
from connector.errors import NotFound, VendorError
from connector.models import Finding, Level

PAGE = 100
CLOCK_TOLERANCE = timedelta(seconds=60)

#: How Zendesk calls deliveries that it gave up; those it throttles come later.
LOST = Counter({"terminated": PAGE, "circuit broken": PAGE})


class Checks:
    """The findings about one account."""

    def __init__(self, account: Account, jira_links: JiraLinks) -> None:
        self.account = account
        self.jira_links = jira_links

    def run(self, now: datetime) -> list[Finding]:
        try:
            response = self.account.call("GET", "/users/me")
            me = as_object(self.account.decode(response).get("user"))
        except VendorError as err:
            if self._lacks_scope():
                return [self._scope()]
            return [self._problem(str(err), "Check base_url and the credentials.")]
        return [
            self._user(me),
            *self._role(me),
            *self._way_in(),
            *self._clock(response, now),
            *self._webhooks(),
            *self._jira_links(),
        ]

    def _problem(self, message: str, remedy: str) -> Finding:
        return Finding(Level.PROBLEM, self.account.name, message, remedy)

    def _warning(self, message: str, remedy: str) -> Finding:
        return Finding(Level.WARNING, self.account.name, message, remedy)

    def _ok(self, message: str) -> Finding:
        return Finding(Level.OK, self.account.name, message)

    def _user(self, me: Json) -> Finding:
        # With wrong credentials this answers 200 and an anonymous user without id.
        if not identity(me.get("id")):
            return self._problem(
                "Zendesk takes us for an anonymous user",
                "Check the credentials; token access may be switched off.",
            )
        role = text(me.get("role"))
        if role not in ("agent", "admin"):
            return self._problem(
                "the user is not an agent, so it cannot write notes or tags",
                "Make the user who created the OAuth client an agent.",
            )
        return self._ok(f"signed in as {role} {identity(me.get('id'))}")

    def _role(self, me: Json) -> Iterator[Finding]:
        if text(me.get("role")) == "agent":
            yield self._warning(
                "the user is no administrator: history cannot be read, missed changes "
                "are not found, and webhooks have to be made by hand",
                "Make the user who created the OAuth client an administrator.",
            )

    def _way_in(self) -> Iterator[Finding]:
        if self.account.config.base_url.startswith("http:") and not _is_loopback(
            self.account.config.base_url
        ):
            yield self._warning("base_url is not encrypted", "Use https.")
        if self.account.config.allow_test_secret:
            yield self._warning(
                "deliveries signed with Zendesk's published test secret are accepted",
                "Remove allow_test_secret when the webhook works.",
            )
        yield (
            self._scope()
            if self.account.granted is not None
            else self._warning(
                "API tokens stop working on 2027-04-30",
                "Create an OAuth client and use client_id and client_secret.",
            )
        )

    def _lacks_scope(self) -> bool:
        granted = self.account.granted
        return granted is not None and bool(
            refusals.not_granted(self.account.config.scope, granted)
        )

    def _scope(self) -> Finding:
        # A scope that Zendesk cannot read still yields a token, which then gets 403.
        asked, granted = self.account.config.scope, self.account.granted or ""
        if missing := refusals.not_granted(asked, granted):
            return self._problem(
                f"asked for the scope {asked!r}, but without {missing!r} in what was "
                "granted",
                "Allow these scopes for the OAuth client, or correct scope.",
            )
        if surplus := refusals.not_granted(granted, asked):
            return self._warning(
                f"more was granted than asked for: {surplus}",
                "Limit the OAuth client to these scopes: " + asked,
            )
        return self._ok(f"scope granted: {' '.join(sorted(granted.split()))}")

    def _clock(self, response: requests.Response, now: datetime) -> Iterator[Finding]:
        try:
            theirs = parsedate_to_datetime(response.headers.get("Date", ""))
        except ValueError:
            return
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        away = abs(now - theirs)
        if away > CLOCK_TOLERANCE:
            yield self._warning(
                f"our clock is {away.total_seconds():.0f} s away from Zendesk's",
                "Set the clock by NTP, or valid deliveries will be refused as stale.",
            )

    def _webhooks(self) -> Iterator[Finding]:
        remedy = (
            "Only administrators may list webhooks. Deliveries work without; look at "
            "Admin Center > Apps and integrations > Webhooks instead."
        )
        try:
            answer = self.account.read("/webhooks", {"page[size]": PAGE})
        except VendorError as err:
            message = f"webhooks cannot be listed: {err}"
            may_not = isinstance(err, NotFound) or err.status == 403
            yield (
                self._warning(message, remedy)
                if may_not
                else self._problem(message, "Try again.")
            )
            return
        rows = payloads.by_id(as_object(answer).get("webhooks")).values()
        active = [row for row in rows if row.get("status") == "active"]
        if not active:
            yield self._warning(
                "the account has no active webhook",
                f"complaint-connector webhooks register {self.account.name}; or make "
                "one by hand (README, Set up).",
            )
            return
        yield self._ok(f"active webhooks in the account: {len(active)}")
        ours = f"/webhooks/{self.account.name}"
        for row in active:
            if urlsplit(text(row.get("endpoint"))).path.rstrip("/").endswith(ours):
                yield from self._losses(text(row["id"]))

    def _jira_links(self) -> Iterator[Finding]:
        if not self.account.config.jira_links:
            return
        try:
            self.jira_links.probe()
        except VendorError as err:
            yield self._warning(
                f"issues are not shown on tickets: {err}",
                "Install Zendesk's Jira integration and allow Manage links (Admin "
                "Center > Apps and integrations > Integrations > Jira), with our user "
                "an administrator; or take jira_links out. Then start again.",
            )
            return
        yield self._ok("Jira issues can be shown on tickets")

    def _losses(self, webhook_id: str) -> Iterator[Finding]:
        """Look at Zendesk's own record of what it delivered to us."""
        answer = self.account.read_optional(f"/webhooks/{webhook_id}/invocations")
        rows = payloads.by_id(answer.get("invocations")).values()
        lost = Counter(text(row.get("status")).lower() for row in rows) & LOST
        if lost:
            said = ", ".join(f"{count} {status}" for status, count in lost.items())
            yield self._warning(
                f"of the last {len(rows)} deliveries of webhook {webhook_id} some were "
                f"lost: {said}",
                "Zendesk does not send them again; the sweep finds what they were "
                "about. Look at the times in its log, and at what answered then.",
            )


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
