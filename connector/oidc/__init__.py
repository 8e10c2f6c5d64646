"""Whether a provider vouches for people, and how it is.

What speaks with it is loaded only if there is one: few commands need it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from connector import config_oidc
from connector.config import Config
from connector.models import Finding

if TYPE_CHECKING:
    from connector.oidc.provider import Provider


def build(config: Config) -> Provider | None:
    """Return who vouches for people, if somebody does."""
    if not config.oidc.issuer:
        return None
    from connector.oidc.provider import Provider

    address = config_oidc.address(config.oidc, config.server.public_url)
    return Provider(config.oidc, address)


def findings(config: Config, now: datetime) -> Sequence[Finding]:
    """Say how the provider is; nothing where there is none."""
    found = build(config)
    return found.check(now) if found else ()
