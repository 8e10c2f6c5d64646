"""What every page works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from adapters.base import Adapter, Directory
from connector.config import Config
from connector.rulebook import Rulebook
from connector.store import Store

if TYPE_CHECKING:
    from connector.oidc.provider import Provider


class Desk(NamedTuple):
    store: Store
    config: Config
    rulebook: Rulebook
    clock: Callable[[], datetime]
    adapters: Mapping[str, Adapter]
    directories: Sequence[Directory] = ()
    path: Path = Path("config.yaml")  #: of the configuration
    provider: Provider | None = None  #: that vouches for people, if there is one
