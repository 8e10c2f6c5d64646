"""Settings of a Help Scout source. Nothing is read or called here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
)

from connector.models import Topic

# An empty key is one that anybody can use; the vendor takes 40 characters at most.
WebhookSecret = Annotated[SecretStr, Field(min_length=1, max_length=40)]


def _as_list(value: object) -> object:
    return (value,) if isinstance(value, str | SecretStr) else value


def _as_field(value: object) -> object:
    if isinstance(value, str) and value.strip():
        return value.strip()
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError("expected a custom field; write its name, or its id as a number")


FieldName = Annotated[str | int, BeforeValidator(_as_field)]


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
    sidebar_secret: Annotated[tuple[WebhookSecret, ...], BeforeValidator(_as_list)] = (
        Field(
            default=(),
            max_length=2,
            description="Secret key of the app in the sidebar; while it is being "
            "changed a list of two. Empty: there is no sidebar.",
        )
    )
    mailboxes: tuple[int, ...] = Field(
        default=(),
        description="Ids of the inboxes to listen to; empty means all of them.",
    )
    fields: Mapping[Topic, FieldName] = Field(
        default_factory=dict,
        description="Custom fields to fill in, by name or id: type, persona, vip and "
        "problem, as far as there is one.",
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

    @field_validator("fields", mode="before")
    @classmethod
    def _name_topics(cls, value: object) -> object:
        given = set(map(str, value)) if isinstance(value, Mapping) else set()
        strange = sorted(given - set(Topic))
        if strange:
            said = f"{', '.join(strange)}: no topic; use {', '.join(Topic)}"
            raise ValueError(said)
        return value

    @field_validator("fields")
    @classmethod
    def _are_different(cls, value: Mapping[Topic, FieldName]) -> Mapping[Topic, Any]:
        named = [str(name).casefold() for name in value.values()]
        if len(set(named)) < len(named):
            raise ValueError("one field is there twice; give each topic its own")
        return value
