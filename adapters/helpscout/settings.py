"""Settings of a Help Scout source. Nothing is read or called here."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

# An empty key is one that anybody can use; the vendor takes 40 characters at most.
WebhookSecret = Annotated[SecretStr, Field(min_length=1, max_length=40)]


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str | SecretStr) else value


class HelpScoutConfig(BaseModel):
    """Settings of a Help Scout source."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    app_id: str = Field(min_length=1, description="App ID of the OAuth2 application.")
    app_secret: SecretStr = Field(
        min_length=1, description="App Secret of the OAuth2 application."
    )
    webhook_secret: Annotated[tuple[WebhookSecret, ...], BeforeValidator(_as_list)] = (
        Field(
            min_length=1,
            max_length=2,
            description="Secret of the webhook, up to 40 characters; while it is being "
            "changed a list of two, the new one first.",
        )
    )
    mailboxes: tuple[int, ...] = Field(
        default=(),
        description="Ids of the inboxes to listen to; empty means all of them.",
    )
    api_base: str = Field(
        default="https://api.helpscout.net",
        pattern=r"^https?://\S+$",
        description="Address of the API.",
    )
    web_base: str = Field(
        default="https://secure.helpscout.net",
        pattern=r"^https?://\S+$",
        description="Address where agents work; for links to conversations.",
    )
