"""Ways to reach the people of the house: mail, a chat, or a file.

Nobody is read here, and no customer is written to.
"""

from __future__ import annotations

from adapters import ChannelKind
from adapters.notify.files import FileChannel, FileConfig
from adapters.notify.mail import MailChannel, MailConfig
from adapters.notify.webhooks import HookConfig, SlackChannel, TeamsChannel

KINDS = (
    ChannelKind("smtp", MailConfig, MailChannel),
    ChannelKind("slack", HookConfig, SlackChannel),
    ChannelKind("teams", HookConfig, TeamsChannel),
    ChannelKind("file", FileConfig, FileChannel),
)
