"""Help Scout as a source of tickets."""

from __future__ import annotations

from adapters import AdapterKind, Question
from adapters.helpscout.adapter import HelpScoutAdapter
from adapters.helpscout.choices import inboxes
from adapters.helpscout.settings import HelpScoutConfig

_APP = "Your Profile > My Apps > Create My App, as the connector's own user"

KIND = AdapterKind(
    "helpscout",
    HelpScoutConfig,
    HelpScoutAdapter,
    title="Help Scout",
    plans_messages=True,
    has_places=True,
    questions=(
        Question("app_id", "App ID", where=_APP),
        Question("app_secret", "App Secret", where="the same page", secret=True),
        Question("webhook_secret", "webhook secret", secret=True, made=40),
        Question(
            "mailboxes",
            "Inboxes to listen to, or none for all of them",
            many=True,
            optional=True,
            offers=inboxes,
        ),
    ),
    topics=lambda settings: settings.fields.keys(),
)

__all__ = ["KIND", "HelpScoutAdapter", "HelpScoutConfig"]
