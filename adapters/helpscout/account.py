"""One Help Scout account over HTTP: credentials, conversations, lists, profiles.

Which calls make up what the connector asks for is in ``adapter``; what the answers mean
is in the pure modules.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import requests

from adapters.helpscout import people, tickets
from adapters.helpscout.rates import TARIFF
from adapters.helpscout.refusals import explain
from adapters.helpscout.settings import HelpScoutConfig
from adapters.helpscout.shapes import (
    Json,
    conversation_in,
    embedded,
    identifier,
    total_pages,
)
from adapters.http import Token, VendorClient
from connector.errors import (
    CredentialsRejected,
    NotFound,
    TicketGone,
    TicketMerged,
    TicketOutside,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import Customer, TicketStatus

ANSWERED = (200, 201, 202, 204)
MAX_LIST_PAGES = 10
PROFILE_LIFE = 600.0  # seconds
MAX_PROFILES = 5000


class Account:
    """The calls to one account, as the user who owns the OAuth2 application."""

    def __init__(self, name: str, config: HelpScoutConfig) -> None:
        self.name = name
        self.config = config
        # One address for all accounts there are.
        account = f"helpscout {config.app_id}"
        self.login = VendorClient(
            name, config.api_base, explain, tariff=TARIFF, account=account
        )
        self.client = VendorClient(
            name,
            config.api_base,
            explain,
            token=Token(self._fetch_token),
            tariff=TARIFF,
            account=account,
        )
        self._profiles: dict[str, tuple[float, Json]] = {}

    def close(self) -> None:
        self.client.close()
        self.login.close()

    # -- conversations --

    def conversation(self, external_id: str, embed: bool = False) -> dict[str, Any]:
        """Read a conversation, or raise what became of it."""
        try:
            response = self.client.call(
                "GET",
                _path(external_id),
                params={"embed": "threads"} if embed else None,
                expect=(200, 301),
            )
        except NotFound as err:
            raise TicketGone(str(err), status=err.status) from err
        except VendorRefused as err:
            if err.status == 403:
                raise self._hidden(err) from err
            raise
        if response.status_code == 301:
            raise self._merged(external_id, response)
        body = self.client.decode(response)
        if not isinstance(body, dict) or identifier(body.get("id")) is None:
            raise VendorUnavailable(f"{self.name} answered without a conversation")
        self._stay_inside(external_id, body)
        return body

    def living(self, external_id: str) -> dict[str, Any]:
        """Read a conversation that can be written to."""
        conversation = self.conversation(external_id)
        if tickets.status_of(conversation) is TicketStatus.DELETED:
            raise TicketGone(f"{self.name}: conversation {external_id} was deleted")
        return conversation

    def call(
        self,
        method: str,
        external_id: str,
        tail: str,
        params: Json | None = None,
        json: Json | None = None,
    ) -> requests.Response:
        """Call something below a conversation, and say what became of it if gone."""
        path = _path(external_id) + tail
        try:
            return self.client.call(
                method, path, params=params, json=json, expect=ANSWERED
            )
        except NotFound:
            # Only reading a conversation tells one that was merged from one deleted.
            self.conversation(external_id)
            raise

    def threads(self, external_id: str, max_pages: int) -> Iterator[dict[str, Any]]:
        """Read threads, newest first; the links between pages are not trusted."""
        for number in range(1, max_pages + 1):
            response = self.call("GET", external_id, "/threads", {"page": number})
            page = self.client.decode(response)
            yield from embedded(page, "threads")
            if number >= total_pages(page):
                return

    def items(self, path: str, *rels: str) -> Iterator[dict[str, Any]]:
        """Read a short list to its end; its items have one of these names."""
        for number in range(1, MAX_LIST_PAGES + 1):
            page = self.client.read(path, {"page": number})
            yield from embedded(page, *rels)
            if number >= total_pages(page):
                return

    def _stay_inside(self, external_id: str, conversation: Json) -> None:
        """Raise for a conversation of an inbox that is not listed in ``mailboxes``.

        Deliveries do not always name the inbox, and a conversation can be moved.
        """
        if not self.config.mailboxes:
            return
        inbox = identifier(conversation.get("mailboxId"))
        if inbox is None:
            raise VendorUnavailable(
                f"{self.name} did not say which inbox conversation {external_id} is in"
            )
        if int(inbox) not in self.config.mailboxes:
            raise TicketOutside(
                f"{self.name}: conversation {external_id} belongs to inbox {inbox}, "
                "which is not listed in mailboxes"
            )

    def _hidden(self, err: VendorRefused) -> VendorError:
        """Tell a conversation out of sight from an account that is locked out."""
        try:
            self.client.read("/v2/users/me")
        except VendorRefused:
            return CredentialsRejected(str(err), status=err.status)
        return TicketGone(str(err), status=err.status)

    def _merged(self, external_id: str, response: requests.Response) -> VendorError:
        into = conversation_in(response.headers.get("Location"))
        if into is None or into == external_id:
            return VendorRefused(
                f"{self.name}: conversation {external_id} is elsewhere, unsaid where",
                status=301,
            )
        return TicketMerged(
            f"{self.name}: conversation {external_id} was merged into {into}",
            into=into,
            status=301,
        )

    # -- people and definitions --

    def customer(self, conversation: Json) -> Customer:
        """Put together who wrote, from all that may be read about them."""
        ident = people.primary_customer(conversation)
        if ident is None:
            return people.customer(conversation, {}, {}, {})
        profile = self._profile(f"/v2/customers/{ident}")
        company = identifier(profile.get("organizationId"))
        organization = (
            self._profile(f"/v2/organizations/{company}?includeProperties=true")
            if company
            else {}
        )
        who = people.customer(conversation, profile, {}, organization)
        if who.email:
            return who
        # Not every copy of a profile has the addresses inside.
        emails = self._profile(f"/v2/customers/{ident}/emails")
        return people.customer(conversation, profile, emails, organization)

    def field_definitions(self, conversation: Json) -> Json:
        """Read what the custom fields of a conversation's inbox mean."""
        inbox = identifier(conversation.get("mailboxId"))
        return self._profile(f"/v2/mailboxes/{inbox}/fields") if inbox else {}

    def _profile(self, path: str) -> Json:
        """Read what seldom changes, at most every ten minutes; {} if it may not be."""
        known = self._profiles.get(path)
        if known and time.monotonic() < known[0]:
            return known[1]
        try:
            read = self.client.read(path)
        except VendorRefused:
            read = {}
        document = read if isinstance(read, dict) else {}
        if len(self._profiles) >= MAX_PROFILES:
            self._profiles.clear()
        self._profiles[path] = (time.monotonic() + PROFILE_LIFE, document)
        return document

    # -- credentials --

    def _fetch_token(self) -> tuple[str, float | None]:
        body = {
            "grant_type": "client_credentials",
            "client_id": self.config.app_id,
            "client_secret": self.config.app_secret.get_secret_value(),
        }
        try:
            response = self.login.call("POST", "/v2/oauth2/token", json=body)
        except VendorRefused as err:
            raise CredentialsRejected(str(err), status=err.status) from err
        answer = self.login.decode(response)
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise VendorUnavailable(f"{self.name} answered without a token")
        life = answer.get("expires_in")
        return token, float(life) if isinstance(life, int | float) else None


def date_of(response: requests.Response) -> datetime | None:
    """Return the vendor's own time, if it was sent."""
    try:
        date = parsedate_to_datetime(response.headers.get("Date") or "")
    except (TypeError, ValueError):
        return None
    return date.astimezone(UTC) if date.tzinfo else None


def _path(external_id: str) -> str:
    return f"/v2/conversations/{quote(external_id, safe='')}"
