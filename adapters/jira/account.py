"""An account at a Jira: its settings, its client, and who signed a delivery.

Shared by everything that talks to a Jira; what is asked of it is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Self, TypeVar
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

from adapters.jira import bearer, deliveries
from adapters.jira.client import JiraClient
from adapters.jira.flavour import Flavour
from adapters.signatures import hmac_hex
from connector.models import Signed, WebhookRequest
from connector.spans import Duration

TOKEN_LENGTH = 16

Client = TypeVar("Client", bound=JiraClient)


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
#: What may stand in for a setting that is needed.
INSTEAD = {"webhook_secret": "client_secret"}


class Account(BaseModel):
    """Settings by which a Jira is reached, and believed."""

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
    client_secret: Secrets = Field(
        default=(),
        description="Cloud: client secret of an OAuth 2.0 app with dynamic webhooks; a "
        "list of two while changing",
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
    def _fits_flavour(self) -> Self:
        problems = []
        for flavour, names in NEEDED.items():
            for name in names:
                if flavour is self.flavour and not self._given(name):
                    problems.append(f"{name}: needed for flavour {flavour}")
            for name in (*names, *(INSTEAD[n] for n in names if n in INSTEAD)):
                if flavour is not self.flavour and getattr(self, name):
                    problems.append(f"{name}: belongs to flavour {flavour}")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _given(self, name: str) -> bool:
        return bool(getattr(self, name) or getattr(self, INSTEAD.get(name, name)))


def connect(name: str, account: Account, kind: type[Client]) -> Client:
    """Make a client of this account; nothing is called yet."""
    cloud = account.flavour is Flavour.CLOUD
    return kind(
        name,
        account.api_base or account.site_url,
        cloud=cloud,
        basic=(account.email, account.api_token.get_secret_value()) if cloud else None,
        token=None if cloud else account.token.get_secret_value(),
        verify=account.ca_bundle or True,
    )


def verify(account: Account, request: WebhookRequest, now: datetime) -> None:
    """Return if a delivery is from this Jira, else raise ``SignatureRejected``.

    The age of a delivery is inside its body, so whoever parses it looks at that.
    """
    if account.flavour is Flavour.DATA_CENTER:
        deliveries.verify_token(request, values(account.webhook_token))
    elif account.client_secret and deliveries.SIGNATURE not in request.headers:
        bearer.verify(request.headers, values(account.client_secret), now)
    else:
        deliveries.verify_signature(request, values(account.webhook_secret))


def sign(account: Account, body: bytes, now: datetime) -> Signed:
    """Sign ``body`` as this Jira would."""
    if account.flavour is Flavour.DATA_CENTER:
        return Signed({}, {"token": values(account.webhook_token)[0]})
    if not account.webhook_secret:
        token = bearer.sign(values(account.client_secret)[0], now)
        return Signed({"Authorization": token}, {})
    digest = hmac_hex(values(account.webhook_secret)[0], body, "sha256")
    return Signed({"X-Hub-Signature": f"sha256={digest}"}, {})


def values(secrets: Sequence[SecretStr]) -> list[str]:
    """Return secrets as they are used."""
    return [secret.get_secret_value() for secret in secrets]
