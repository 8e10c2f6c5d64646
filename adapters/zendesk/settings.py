"""Settings of a Zendesk source: what may be said, and what may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
    model_validator,
)

from adapters.zendesk import sidebar
from adapters.zendesk.deliveries import PUBLIC_TEST_SECRET
from connector.spans import Duration

API = "/api/v2"
SERVICES = "/api/services"


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
    sidebar_key: str | None = Field(
        default=None,
        description="Public key (PEM) of the app in the sidebar, best as a file. Left "
        "out: there is no sidebar.",
    )
    webhook_kind: Literal["events", "trigger"] = Field(
        default="events",
        description="What set-up makes: a subscription to events, or a trigger that "
        "calls a webhook (for accounts that want conditions on it).",
    )
    messaging: bool = Field(
        default=True,
        description="Hear of messages in messaging conversations, too.",
    )
    messaging_replies: bool = Field(
        default=False,
        description="Write to customers on tickets from messaging by a public comment, "
        "although it may not reach the conversation.",
    )
    jira_links: bool = Field(
        default=False,
        description="Show the issue on its tickets, by Zendesk's own Jira integration.",
    )
    problem_tickets: bool = Field(
        default=False,
        description="Make a ticket of the type problem for each filed problem, and its "
        "tickets the incidents of it.",
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

    @field_validator("sidebar_key")
    @classmethod
    def _is_a_key(cls, value: str | None) -> str | None:
        if value is not None:
            sidebar.read_key(value)
        return value

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
        if PUBLIC_TEST_SECRET in values and not self.allow_test_secret:
            raise ValueError(
                "webhook_secret is the test value that Zendesk publishes; copy the "
                "secret of your own webhook"
            )
        return self

    def secrets(self) -> tuple[str, ...]:
        """Return every secret that may have signed a delivery, the newest first."""
        own = tuple(secret.get_secret_value() for secret in self.webhook_secret)
        return (*own, PUBLIC_TEST_SECRET) if self.allow_test_secret else own
