"""What can be set. The credentials are public and open nothing but the sandbox."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SandboxSettings(BaseModel):
    """Credentials, limits and speed of the three look-alikes.

    ``time_scale`` shrinks what vendors measure in minutes (delivery retries, the delay
    of exports, breaker pauses); limits per minute are never scaled.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 1
    time_scale: float = Field(default=0.01, gt=0)
    token_life: float = Field(default=7200, gt=0)  #: seconds, Help Scout and Zendesk
    delivery_timeout: float = Field(default=10, gt=0)

    helpscout_app_id: str = "sandbox-app"
    helpscout_app_secret: str = "sandbox-app-secret"
    helpscout_webhook_secret: str = "sandbox-helpscout-webhook-secret"
    helpscout_limit: int = 4000  #: units a minute; a write costs two

    zendesk_client_id: str = "sandbox_client"
    zendesk_client_secret: str = "sandbox-client-secret"
    zendesk_email: str = "connector@agents.example"
    zendesk_api_token: str = "sandbox-zendesk-api-token"
    zendesk_webhook_secret: str = "c2FuZGJveC16ZW5kZXNrLXdlYmhvb2stc2VjcmV0"
    zendesk_limit: int = 4000  #: requests a minute
    zendesk_updates_per_ticket: int | None = 30  #: in ten minutes; None: no limit
    zendesk_circuit_breaker: bool = True

    jira_flavour: Literal["cloud", "data_center"] = "cloud"
    jira_email: str = "connector@agents.example"
    jira_token: str = "sandbox-jira-token"
    jira_webhook_secret: str = "sandbox-jira-webhook-secret"
    jira_index_lag: float = Field(
        default=0, ge=0
    )  #: seconds until search sees an issue
    jira_projects: tuple[str, ...] = ("SHOP",)
    jsm_projects: tuple[str, ...] = ()  #: service projects on the same site
