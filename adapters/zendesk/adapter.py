"""The Zendesk adapter: settings, then the methods in the order of ``adapters.base``.

What Zendesk's documents mean is in ``payloads``; here is only what is asked when.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar, Self
from urllib.parse import quote, urlsplit

import requests
import structlog
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from adapters.base import Helpdesk
from adapters.http import Token, VendorClient
from adapters.zendesk import payloads
from connector.errors import (
    CredentialsRejected,
    NotFound,
    TicketGone,
    TicketLocked,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from connector.models import (
    Delivery,
    Duration,
    Finding,
    Level,
    Message,
    Note,
    Signed,
    Ticket,
    TicketEvent,
    TicketRef,
    TicketStatus,
    WebhookRequest,
    Written,
)

API = "/api/v2"
PAGE_SIZE = 100
COMMENT_PAGES = 5  #: of a longer ticket: these oldest ones, and the newest page
FOLLOW_UPS = 5  #: newest follow-ups that are searched for a mark
JOB_POLLS = 10
JOB_PAUSE = 0.5  # seconds, growing with each poll
CLOCK_TOLERANCE = timedelta(seconds=60)

log = structlog.get_logger(__name__)


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str | SecretStr) else value


Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_as_tuple)]


class ZendeskConfig(BaseModel):
    """Settings of a Zendesk Support account."""

    # Messages of a failed validation must not quote secrets.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = Field(
        pattern=r"^https?://[^/?#\s@]+(/[^?#\s@]*)?$",
        description="Address of the account: https://SUBDOMAIN.zendesk.com.",
    )
    client_id: str | None = Field(
        default=None,
        min_length=1,
        description="Unique identifier of the OAuth client (client credentials).",
    )
    client_secret: SecretStr | None = Field(
        default=None, min_length=1, description="Secret of the OAuth client."
    )
    scope: str = Field(
        default="read write",
        min_length=1,
        description="OAuth scopes to ask for, separated by spaces.",
    )
    email: str | None = Field(
        default=None,
        min_length=1,
        description="Legacy: address of the user the API token belongs to.",
    )
    api_token: SecretStr | None = Field(
        default=None,
        min_length=1,
        description="Legacy: API token. Zendesk ends them all on 2027-04-30.",
    )
    webhook_secret: Secrets = Field(
        min_length=1,
        max_length=2,
        description="Signing secret of the webhook; a list of two while it is rotated.",
    )
    allow_test_secret: bool = Field(
        default=False,
        description="Accept Zendesk's published test secret too. Never in production.",
    )
    signature_window: Duration = Field(
        default=timedelta(minutes=5),
        gt=timedelta(0),
        description="How far a signature's time may be from our clock.",
    )

    @field_validator("base_url")
    @classmethod
    def _without_api_path(cls, value: str) -> str:
        if f"{value.rstrip('/')}/".endswith(f"{API}/"):
            raise ValueError(f"leave {API} away, it is added")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        oauth = (self.client_id is not None, self.client_secret is not None)
        legacy = (self.email is not None, self.api_token is not None)
        complete = (all(oauth), all(legacy))
        if any(oauth) == any(legacy) or complete == (False, False):
            raise ValueError(
                "give client_id and client_secret (OAuth), or email and api_token "
                "(legacy), and not a mixture"
            )
        return self

    @model_validator(mode="after")
    def _secrets_are_secret(self) -> Self:
        values = [secret.get_secret_value() for secret in self.webhook_secret]
        if not all(values):
            raise ValueError("webhook_secret is empty")
        if payloads.PUBLIC_TEST_SECRET in values and not self.allow_test_secret:
            raise ValueError(
                "webhook_secret is the test value that Zendesk publishes; copy the "
                "secret of your own webhook"
            )
        return self

    def secrets(self) -> tuple[str, ...]:
        """Return every secret that may have signed a delivery, the newest first."""
        own = tuple(secret.get_secret_value() for secret in self.webhook_secret)
        return (*own, payloads.PUBLIC_TEST_SECRET) if self.allow_test_secret else own


class ZendeskAdapter(Helpdesk):
    """Reads and writes tickets of one Zendesk Support account."""

    kind: ClassVar[str] = "zendesk"
    kept_headers: ClassVar[frozenset[str]] = frozenset(
        {
            payloads.INVOCATION,
            payloads.TIMESTAMP.lower(),
            "x-zendesk-webhook-id",
            "x-zendesk-account-id",
        }
    )

    def __init__(
        self,
        name: str,
        config: ZendeskConfig,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.config = config
        self._sleep = sleep
        self._granted: str | None = None
        self._door = VendorClient(name, config.base_url, _explain)
        self._client = VendorClient(name, config.base_url, _explain, **self._way_in())

    # -- webhooks --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        window = self.config.signature_window
        payloads.verify(request, self.config.secrets(), now, window)

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return request.headers.get(payloads.INVOCATION) or None

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        return payloads.parse(delivery.body, self.name)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        timestamp = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        signed = payloads.signature(self.config.secrets()[0], timestamp, body)
        return Signed({payloads.SIGNATURE: signed, payloads.TIMESTAMP: timestamp}, {})

    # -- health --

    def check(self, now: datetime) -> list[Finding]:
        try:
            response = self._client.call("GET", f"{API}/users/me")
            me = _as_object(_as_object(self._client.decode(response)).get("user"))
        except VendorError as err:
            return [self._problem(str(err), "Check base_url and the credentials.")]
        return [
            self._check_user(me),
            *self._check_way_in(),
            *self._check_clock(response, now),
            self._check_webhooks(),
        ]

    def close(self) -> None:
        self._client.close()
        self._door.close()

    # -- tickets --

    def fetch_ticket(self, external_id: str) -> Ticket:
        answer = self._ticket_call(
            "GET",
            _path(external_id),
            params={"include": "users,organizations"},
        )
        try:
            comments, people = self._comments(external_id)
            document = answer["ticket"]
            users = {**payloads.by_id(answer.get("users")), **people}
            self._complete_requester(document, users)
            requester = users.get(str(document.get("requester_id")), {})
            organization = self._organization(answer, document, requester)
            return payloads.ticket(
                self.name,
                self.config.base_url,
                document,
                comments,
                users,
                organization,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as err:
            raise self._nonsense("a ticket") from err

    def change_tags(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        for tag in sorted(add | remove):
            if not payloads.SAFE_TAG.fullmatch(tag):
                # Zendesk would make two tags of "two words", and say nothing.
                raise VendorRefused(
                    f"{tag!r} cannot be a tag: use a-z, 0-9, _, / and -"
                )
        try:
            return self._change_tags_once(external_id, add - remove, remove)
        except (VendorConflict, TicketLocked):
            # Somebody was faster, or it was closed just now: read again, once.
            return self._change_tags_once(external_id, add - remove, remove)

    def add_note(self, external_id: str, note: Note) -> Written:
        return self._comment(external_id, note.text, note.mark, public=False)

    def send_message(self, external_id: str, message: Message) -> Written:
        if message.draft:
            # Zendesk has no drafts. A closed ticket has no place for one either: a
            # follow-up could set off the account's own mail to the customer.
            proposal = f"{payloads.DRAFT_HEADING}\n\n{message.text}"
            return self._comment(external_id, proposal, message.mark, public=False)
        try:
            return self._comment(external_id, message.text, message.mark, public=True)
        except TicketLocked:
            return self._follow_up(external_id, message)

    def find_mark(self, external_id: str, mark: str) -> Written | None:
        newest_first = self._comment_pages(
            external_id, COMMENT_PAGES, sort="-created_at"
        )
        if found := _marked(newest_first, mark):
            return Written(found)
        follow_ups = self._show(external_id).get("followup_ids") or []
        for follow_up in map(payloads.text, follow_ups[-FOLLOW_UPS:]):
            if found := self._opening(follow_up, mark):
                return Written(found, TicketRef(self.name, follow_up))
        return None

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
        answer = _as_object(self._door.decode(response))
        value, life = answer.get("access_token"), answer.get("expires_in")
        if not isinstance(value, str) or not value:
            raise CredentialsRejected(f"{self.name} gave no access_token")
        self._granted = payloads.text(answer.get("scope"))
        return value, float(life) if isinstance(life, int | float) else None

    # -- calls --

    def _ticket_call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Call about one ticket: gone and closed have names of their own."""
        response = self._client.call(
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
        return _as_object(self._client.decode(response))

    def _refusal(self, response: requests.Response) -> VendorError:
        error = self._client.error(response)
        if response.status_code == 422 and payloads.says_closed(response.text):
            return TicketLocked(str(error), status=422)
        if response.status_code == 404 and not payloads.says_no_endpoint(response.text):
            return TicketGone(str(error), status=404)
        return error

    def _log_ignored(self, response: requests.Response, method: str) -> None:
        # Zendesk answers 200 and drops what it does not know; only here it says so.
        if warning := response.headers.get("X-Zendesk-API-Warn"):
            keys = payloads.ignored_keys(warning)
            log.warning("zendesk_ignored", source=self.name, method=method, keys=keys)

    def _nonsense(self, wanted: str) -> VendorUnavailable:
        return VendorUnavailable(f"{self.name} answered, but not with {wanted}")

    def _show(self, external_id: str) -> dict[str, Any]:
        answer = self._ticket_call("GET", _path(external_id))
        ticket = _as_object(answer.get("ticket"))
        if "id" not in ticket:
            raise self._nonsense("a ticket")
        return ticket

    # -- reading --

    def _comment_pages(
        self, external_id: str, limit: int, **params: Any
    ) -> Iterator[dict[str, Any]]:
        wish = {"page[size]": PAGE_SIZE, **params}
        for _ in range(limit):
            page = self._ticket_call(
                "GET", _path(external_id, "/comments"), params=wish
            )
            yield page
            cursor = payloads.next_page(page)
            if not cursor:
                return
            wish["page[after]"] = cursor

    def _comments(
        self, external_id: str
    ) -> tuple[list[payloads.Json], dict[str, payloads.Json]]:
        """Read comments oldest first; of a very long ticket both ends only."""
        comments: dict[str, payloads.Json] = {}
        users: dict[str, payloads.Json] = {}
        pages = list(self._comment_pages(external_id, COMMENT_PAGES, include="users"))
        if payloads.next_page(pages[-1]):
            newest = {"include": "users", "sort": "-created_at"}
            for page in self._comment_pages(external_id, 1, **newest):
                pages.append({**page, "comments": (page.get("comments") or [])[::-1]})
        for page in pages:
            comments.update(payloads.by_id(page.get("comments")))
            users.update(payloads.by_id(page.get("users")))
        return list(comments.values()), users

    def _complete_requester(
        self, document: dict[str, Any], users: dict[str, payloads.Json]
    ) -> None:
        requester = payloads.identity(document.get("requester_id"))
        if requester and not payloads.is_complete(users.get(requester, {})):
            answer = self._read_optional(f"{API}/users/{requester}")
            users[requester] = {
                **users.get(requester, {}),
                **_as_object(answer.get("user")),
            }

    def _organization(
        self, answer: dict[str, Any], document: dict[str, Any], requester: payloads.Json
    ) -> payloads.Json:
        wanted = payloads.identity(document.get("organization_id"))
        wanted = wanted or payloads.identity(requester.get("organization_id"))
        known = payloads.by_id(answer.get("organizations"))
        if not wanted or wanted in known:
            return known.get(wanted, {})
        read = self._read_optional(f"{API}/organizations/{wanted}")
        return _as_object(read.get("organization"))

    def _read_optional(self, path: str) -> dict[str, Any]:
        """Read what a deleted user or a restricted role may keep from us."""
        try:
            return _as_object(self._client.read(path))
        except VendorRefused as err:
            if err.status not in (403, 404):
                raise
            return {}

    def _opening(self, follow_up: str, mark: str) -> str:
        """Search the start of a follow-up: what opened it is its first comment."""
        try:
            return _marked(self._comment_pages(follow_up, 1), mark)
        except TicketGone:
            return ""

    # -- writing --

    def _comment(
        self, external_id: str, words: str, mark: str, *, public: bool
    ) -> Written:
        update = payloads.comment_update(words, mark, public=public)
        answer = self._ticket_call("PUT", _path(external_id), json={"ticket": update})
        return Written(self._written_id(answer))

    def _follow_up(self, external_id: str, message: Message) -> Written:
        source = self._show(external_id)
        try:
            wish = payloads.follow_up(source, message.text, message.mark)
        except KeyError as err:
            raise self._nonsense("a ticket") from err
        answer = self._ticket_call(
            "POST",
            f"{API}/tickets",
            json={"ticket": wish},
            headers={"Idempotency-Key": message.mark[:255]},
        )
        opened = payloads.identity(_as_object(answer.get("ticket")).get("id"))
        if not opened:
            raise self._nonsense("the follow-up it opened")
        return Written(self._written_id(answer), TicketRef(self.name, opened))

    def _written_id(self, answer: dict[str, Any]) -> str:
        """Return the new comment's id; without one the answer counts as lost."""
        try:
            if written := payloads.written_id(answer):
                return written
        except (KeyError, TypeError, AttributeError):
            pass
        raise self._nonsense("what it wrote")

    def _change_tags_once(
        self, external_id: str, add: frozenset[str], remove: frozenset[str]
    ) -> frozenset[str]:
        ticket = self._show(external_id)
        tags = payloads.tags(ticket)
        missing, surplus = add - tags, remove & tags
        if not missing and not surplus:
            return tags
        if payloads.status(ticket) is TicketStatus.CLOSED:
            self._change_closed(external_id, missing, surplus)
        else:
            self._change_open(external_id, ticket, missing, surplus)
        # Stamps have whole seconds, so another write may still have passed ours.
        tags = payloads.tags(self._show(external_id))
        if not add <= tags or remove & tags:
            raise VendorConflict(f"{self.name}: the tags were changed again meanwhile")
        return tags

    def _change_open(
        self,
        external_id: str,
        ticket: dict[str, Any],
        missing: frozenset[str],
        surplus: frozenset[str],
    ) -> None:
        path = _path(external_id, "/tags")
        if missing:  # PUT adds; POST would replace the whole list
            stamp = payloads.text(ticket.get("updated_at"))
            self._ticket_call("PUT", path, json=payloads.tag_update(missing, stamp))
        if missing and surplus:
            ticket = self._show(external_id)  # our own write moved the stamp
        if surplus:
            stamp = payloads.text(ticket.get("updated_at"))
            self._ticket_call("DELETE", path, json=payloads.tag_update(surplus, stamp))

    def _change_closed(
        self, external_id: str, missing: frozenset[str], surplus: frozenset[str]
    ) -> None:
        """Use a bulk job, the only way to change the tags of a closed ticket."""
        wish = {"additional_tags": sorted(missing), "remove_tags": sorted(surplus)}
        answer = self._ticket_call(
            "PUT",
            f"{API}/tickets/update_many",
            params={"ids": external_id},
            json={"ticket": {key: tags for key, tags in wish.items() if tags}},
        )
        job = self._finished(_as_object(answer.get("job_status")))
        try:
            problem = payloads.job_problem(job)
        except (TypeError, AttributeError) as err:
            raise self._nonsense("a job") from err
        if problem:
            raise VendorRefused(f"{self.name} could not change the tags: {problem}")

    def _finished(self, job: dict[str, Any]) -> dict[str, Any]:
        for poll in range(JOB_POLLS):
            if job.get("status") not in ("queued", "working"):
                return job
            self._sleep(JOB_PAUSE * (poll + 1))
            path = f"{API}/job_statuses/{job.get('id')}"
            job = _as_object(_as_object(self._client.read(path)).get("job_status"))
        if job.get("status") not in ("queued", "working"):
            return job
        raise VendorUnavailable(f"{self.name} has not finished a job yet")

    # -- findings --

    def _problem(self, message: str, remedy: str) -> Finding:
        return Finding(Level.PROBLEM, self.name, message, remedy)

    def _warning(self, message: str, remedy: str) -> Finding:
        return Finding(Level.WARNING, self.name, message, remedy)

    def _ok(self, message: str) -> Finding:
        return Finding(Level.OK, self.name, message)

    def _check_user(self, me: dict[str, Any]) -> Finding:
        # With wrong credentials this answers 200 and an anonymous user without id.
        if not payloads.identity(me.get("id")):
            return self._problem(
                "Zendesk takes us for an anonymous user",
                "Check the credentials; token access may be switched off.",
            )
        role = payloads.text(me.get("role"))
        if role not in ("agent", "admin"):
            return self._problem(
                "the user is not an agent, so it cannot write notes or tags",
                "Make the user who created the OAuth client an agent.",
            )
        return self._ok(f"signed in as {role} {payloads.identity(me.get('id'))}")

    def _check_way_in(self) -> Iterator[Finding]:
        if self.config.base_url.startswith("http:") and not _is_loopback(
            self.config.base_url
        ):
            yield self._warning("base_url is not encrypted", "Use https.")
        if self.config.allow_test_secret:
            yield self._warning(
                "deliveries signed with Zendesk's published test secret are accepted",
                "Remove allow_test_secret when the webhook works.",
            )
        yield (
            self._check_scope()
            if self._granted is not None
            else self._warning(
                "API tokens stop working on 2027-04-30",
                "Create an OAuth client and use client_id and client_secret.",
            )
        )

    def _check_scope(self) -> Finding:
        # A scope that Zendesk cannot read still yields a token, which then gets 403.
        granted = set((self._granted or "").split())
        missing = sorted(set(self.config.scope.split()) - granted)
        if missing:
            return self._problem(
                f"asked for the scope {self.config.scope!r}, but without "
                f"{' '.join(missing)!r} in what was granted",
                "Allow these scopes for the OAuth client, or correct scope.",
            )
        return self._ok(f"scope granted: {' '.join(sorted(granted))}")

    def _check_clock(
        self, response: requests.Response, now: datetime
    ) -> Iterator[Finding]:
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

    def _check_webhooks(self) -> Finding:
        remedy = (
            "Only administrators may list webhooks. Deliveries work without; look at "
            "Admin Center > Apps and integrations > Webhooks instead."
        )
        try:
            answer = self._client.read(f"{API}/webhooks", {"page[size]": PAGE_SIZE})
        except NotFound as err:
            return self._warning(f"webhooks cannot be listed: {err}", remedy)
        except VendorError as err:
            if err.status == 403:
                return self._warning(f"webhooks cannot be listed: {err}", remedy)
            return self._problem(f"webhooks cannot be listed: {err}", "Try again.")
        rows = payloads.by_id(_as_object(answer).get("webhooks")).values()
        active = sum(row.get("status") == "active" for row in rows)
        if not active:
            return self._warning(
                "the account has no active webhook", "Create one, see the README."
            )
        return self._ok(f"active webhooks in the account: {active}")


def build(name: str, config: ZendeskConfig) -> ZendeskAdapter:
    """Build the adapter for one source."""
    return ZendeskAdapter(name, config)


def _explain(response: requests.Response) -> str:
    return payloads.words(response.text)


def _as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _marked(pages: Iterable[payloads.Json], mark: str) -> str:
    """Return the id of the comment with this mark, the earliest one on its page."""
    for page in pages:
        comments = payloads.by_id(page.get("comments"))
        for comment_id, comment in sorted(comments.items(), key=_age):
            if payloads.has_mark(comment, mark):
                return comment_id
    return ""


def _path(external_id: str, below: str = "") -> str:
    return f"{API}/tickets/{quote(external_id, safe='')}{below}"


def _age(item: tuple[str, payloads.Json]) -> str:
    return payloads.text(item[1].get("created_at"))


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
