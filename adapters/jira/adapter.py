"""Jira as a tracker: settings, then the calls in the order of ``adapters/base.py``.

How Jira words things is in ``payloads.py``, how it is called in ``client.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from adapters.base import Tracker
from adapters.jira import payloads
from adapters.jira.client import JiraClient, segment
from adapters.jira.payloads import Flavour
from adapters.jira.text import has_mark
from adapters.signatures import hmac_hex
from connector.errors import CredentialsRejected, VendorError
from connector.models import (
    Block,
    Delivery,
    Duration,
    Finding,
    Issue,
    IssueChange,
    IssueDraft,
    IssueRef,
    Level,
    Signed,
    TicketEvent,
    TicketLink,
    WebhookRequest,
    Written,
)

#: Jira may answer with an empty page and more behind it.
SEARCH_PAGES = 3
SEARCH_SIZE = 20
COMMENT_PAGES = 5
COMMENT_SIZE = 100
CLOCK_TOLERANCE = timedelta(minutes=5)
TOKEN_LENGTH = 16


def _base_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected an address such as https://example.atlassian.net")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "no credentials in the address; they have settings of their own"
        )
    if parts.query or parts.fragment:
        raise ValueError("expected an address without ? and #")
    if "/rest/" in f"{parts.path}/" or "/browse/" in f"{parts.path}/":
        raise ValueError("expected where Jira starts, without /rest or /browse")
    return value.rstrip("/")


def _several(value: object) -> object:
    return (value,) if isinstance(value, (str, SecretStr)) else value


def _one_or_two(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if len(value) > 2:
        raise ValueError("expected one value, or two while it is being changed")
    if not all(secret.get_secret_value().strip() for secret in value):
        raise ValueError("must not be empty: anybody could sign with it")
    return value


def _hard_to_guess(value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    if any(len(secret.get_secret_value()) < TOKEN_LENGTH for secret in value):
        raise ValueError(f"expected at least {TOKEN_LENGTH} random characters")
    return value


def _as_pasted(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _sendable(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("holds characters that no token has; copy it again")
    return value


Token = Annotated[SecretStr, BeforeValidator(_as_pasted), AfterValidator(_sendable)]
Address = Annotated[str, AfterValidator(_base_address)]
Secrets = Annotated[
    tuple[SecretStr, ...], BeforeValidator(_several), AfterValidator(_one_or_two)
]

#: Which settings a flavour needs; those of the other one are a mistake.
NEEDED = {
    Flavour.CLOUD: ("email", "api_token", "webhook_secret"),
    Flavour.DATA_CENTER: ("token", "webhook_token"),
}


class JiraConfig(BaseModel):
    """Settings of a Jira source."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    flavour: Flavour = Field(description="`cloud` or `data_center`")
    site_url: Address = Field(
        description="where people open Jira, with its context path if it has one"
    )
    api_base: Address = Field(
        default="",
        description="where the API answers, if not at `site_url`: for a scoped token "
        "https://api.atlassian.com/ex/jira/CLOUD_ID",
    )
    email: str = Field(default="", description="Cloud: e-mail of our account")
    api_token: Token = Field(
        default=SecretStr(""), description="Cloud: API token of our account"
    )
    token: Token = Field(
        default=SecretStr(""),
        description="Data Center: personal access token of our account",
    )
    webhook_secret: Secrets = Field(
        default=(),
        description="Cloud: secret of the admin webhook; a list of two while changing",
    )
    webhook_token: Annotated[Secrets, AfterValidator(_hard_to_guess)] = Field(
        default=(),
        description="Data Center: random `token` in the webhook's address; a list of "
        "two while changing",
    )
    signature_window: Duration = Field(
        default=timedelta(hours=24),
        gt=timedelta(0),
        description="deliveries older than this on arrival are ignored",
    )
    ca_bundle: str | None = Field(
        default=None, description="file with the authorities of a private certificate"
    )

    @model_validator(mode="after")
    def _fits_flavour(self) -> JiraConfig:
        problems = []
        for flavour, names in NEEDED.items():
            for name in names:
                value: Any = getattr(self, name)
                if flavour is self.flavour and not value:
                    problems.append(f"{name}: needed for flavour {flavour}")
                if flavour is not self.flavour and value:
                    problems.append(f"{name}: belongs to flavour {flavour}")
        if problems:
            raise ValueError("; ".join(problems))
        return self


class JiraAdapter(Tracker):
    """One Jira."""

    kind: ClassVar[str] = "jira"
    kept_headers: ClassVar[frozenset[str]] = payloads.KEPT_HEADERS

    def __init__(self, name: str, config: JiraConfig) -> None:
        self.name = name
        self.config = config
        cloud = config.flavour is Flavour.CLOUD
        self._client = JiraClient(
            name,
            config.api_base or config.site_url,
            cloud=cloud,
            basic=(config.email, config.api_token.get_secret_value())
            if cloud
            else None,
            token=None if cloud else config.token.get_secret_value(),
            verify=config.ca_bundle or True,
        )

    # -- adapter --

    def verify(self, request: WebhookRequest, now: datetime) -> None:
        # The age of a delivery is inside its body, so ``parse`` looks at it.
        if self.config.flavour is Flavour.CLOUD:
            payloads.verify_signature(request, _values(self.config.webhook_secret))
        else:
            payloads.verify_token(request, _values(self.config.webhook_token))

    def delivery_id(self, request: WebhookRequest) -> str | None:
        return request.headers.get(payloads.DELIVERY_ID) or None

    def parse(self, delivery: Delivery) -> tuple[TicketEvent, ...]:
        return (payloads.parse(delivery, self.config.signature_window),)

    def sign(self, body: bytes, event: str | None, now: datetime) -> Signed:
        if self.config.flavour is Flavour.DATA_CENTER:
            return Signed({}, {"token": _values(self.config.webhook_token)[0]})
        secret = _values(self.config.webhook_secret)[0]
        digest = hmac_hex(secret, body, "sha256")
        return Signed({"X-Hub-Signature": f"sha256={digest}"}, {})

    def check(self, now: datetime) -> list[Finding]:
        try:
            account = self._client.myself()
        except VendorError as err:
            # One failed login is enough: more of them lock the account.
            return [self._problem("credentials", err)]
        name = account.get("displayName") or account.get("name") or "an account"
        login = Finding(Level.OK, f"{self.name}: credentials", f"signed in as {name}")
        return [login, *self._check_server(now)]

    def close(self) -> None:
        self._client.close()

    # -- tracker --

    def fetch_issue(self, external_id: str) -> Issue:
        raw = self._client.issue(external_id, payloads.ISSUE_FIELDS)
        return payloads.to_issue(self.name, self.config.site_url, raw)

    def find_issue(self, project: str, mark: str) -> IssueRef | None:
        refs = [self._ref(raw) for raw in self._search(project, mark)]
        return min(refs, key=lambda ref: int(ref.external_id), default=None)

    def create_issue(self, draft: IssueDraft) -> IssueRef:
        body = payloads.issue_body(draft, self.config.flavour)
        return self._ref(self._client.write("POST", "issue", body))

    def update_issue(self, external_id: str, change: IssueChange) -> None:
        path = f"issue/{segment(external_id)}"
        if body := payloads.change_body(change):
            self._client.write("PUT", path, body)
        for key, value in change.properties.items():
            self._client.write("PUT", f"{path}/properties/{segment(key)}", dict(value))

    def comment_issue(
        self, external_id: str, body: Sequence[Block], mark: str
    ) -> Written:
        answer = self._client.write(
            "POST",
            f"issue/{segment(external_id)}/comment",
            payloads.comment_body(body, mark, self.config.flavour),
        )
        return Written(payloads.to_comment_id(self.name, answer))

    def find_comment(self, external_id: str, mark: str) -> Written | None:
        start = 0
        for _ in range(COMMENT_PAGES):
            comments, total = self._comments(external_id, start)
            for comment in comments:
                if has_mark(comment.get("body"), mark):
                    return Written(payloads.to_comment_id(self.name, comment))
            start += len(comments)
            if not comments or start >= total:
                break
        return None

    def reopen_issue(self, external_id: str) -> bool:
        raw = self._client.issue(external_id, ("status",))
        if not payloads.is_done(raw):
            return True
        offered = self._client.transitions(external_id)
        chosen = payloads.find_reopening(offered)
        if chosen is None:
            return False
        self._client.write(
            "POST",
            f"issue/{segment(external_id)}/transitions",
            {"transition": {"id": chosen}},
        )
        return True

    def link_ticket(self, external_id: str, link: TicketLink) -> None:
        path = f"issue/{segment(external_id)}/remotelink"
        self._client.write("POST", path, payloads.link_body(link))

    # -- own --

    def _ref(self, raw: Any) -> IssueRef:
        return payloads.to_ref(self.name, self.config.site_url, raw)

    def _search(self, project: str, mark: str) -> list[Any]:
        params: dict[str, Any] = {
            "jql": payloads.search_query(project, mark),
            "fields": "summary",
            "maxResults": SEARCH_SIZE,
        }
        # Each flavour has only its own way: the other one is gone, or never was.
        if self.config.flavour is Flavour.DATA_CENTER:
            answer = self._client.read("search", params)
            return payloads.to_page(self.name, answer, "issues")
        for _ in range(SEARCH_PAGES):
            answer = self._client.read("search/jql", params)
            found = payloads.to_page(self.name, answer, "issues")
            if found or not answer.get("nextPageToken"):
                return found
            params["nextPageToken"] = answer["nextPageToken"]
        return []

    def _comments(self, external_id: str, start: int) -> tuple[list[Any], int]:
        answer = self._client.read(
            f"issue/{segment(external_id)}/comment",
            {"orderBy": "-created", "startAt": start, "maxResults": COMMENT_SIZE},
        )
        total = answer.get("total")
        found = payloads.to_page(self.name, answer, "comments")
        return found, total if isinstance(total, int) else start + len(found)

    def _check_server(self, now: datetime) -> list[Finding]:
        try:
            info = self._client.server_info()
        except VendorError as err:
            return [self._problem("server", err)]
        return [self._check_flavour(info), *self._check_clock(info, now)]

    def _check_flavour(self, info: Any) -> Finding:
        subject = f"{self.name}: server"
        version = f"Jira {info.get('version') or 'of unknown version'}"
        cloud = info.get("deploymentType") == "Cloud"
        if cloud is (self.config.flavour is Flavour.CLOUD):
            return Finding(Level.OK, subject, version)
        seen = Flavour.CLOUD if cloud else Flavour.DATA_CENTER
        return Finding(
            Level.PROBLEM,
            subject,
            f"{version} is not flavour {self.config.flavour}",
            f"set flavour to {seen}",
        )

    def _check_clock(self, info: Any, now: datetime) -> list[Finding]:
        try:
            skew = abs(payloads.to_moment(info.get("serverTime")) - now)
        except VendorError:
            return []  # Cloud does not always say
        if skew <= CLOCK_TOLERANCE:
            return []
        return [
            Finding(
                Level.WARNING,
                f"{self.name}: clock",
                f"Jira's clock and ours differ by {skew.total_seconds():.0f} s",
                "set both by a time server; deliveries are judged by their age",
            )
        ]

    def _problem(self, what: str, err: VendorError) -> Finding:
        remedy = "check site_url, api_base and the network between us"
        if isinstance(err, CredentialsRejected):
            remedy = "make a new token; a scoped token needs api_base (README, Set up)"
        return Finding(Level.PROBLEM, f"{self.name}: {what}", str(err), remedy)


def _values(secrets: Sequence[SecretStr]) -> list[str]:
    return [secret.get_secret_value() for secret in secrets]
