"""Zendesk Support: what the registry needs to know, nothing else."""

from __future__ import annotations

from adapters import AdapterKind, Question
from adapters.zendesk.adapter import build
from adapters.zendesk.settings import ZendeskConfig

_CLIENT = (
    "Admin Center > Apps and integrations > APIs > OAuth clients, kind: confidential, "
    "made while signed in as the connector's own user"
)

KIND = AdapterKind(
    "zendesk",
    ZendeskConfig,
    build,
    title="Zendesk Support",
    questions=(
        Question(
            "base_url", "Address of the account", example="https://example.zendesk.com"
        ),
        Question("client_id", "Identifier of the OAuth client", where=_CLIENT),
        Question("client_secret", "Its secret", where="the same page", secret=True),
        # Zendesk makes this one; until then nothing may be signed with what is here.
        Question("webhook_secret", "signing secret", secret=True, made=40),
    ),
    shows_issues=lambda settings: settings.jira_links,
    has_priorities=True,
    has_places=True,
    gathers_tickets=lambda settings: settings.problem_tickets,
)
