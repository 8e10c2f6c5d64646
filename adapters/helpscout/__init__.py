"""Help Scout as a source of tickets."""

from __future__ import annotations

from adapters import AdapterKind
from adapters.helpscout.adapter import HelpScoutAdapter
from adapters.helpscout.settings import HelpScoutConfig

KIND = AdapterKind("helpscout", HelpScoutConfig, HelpScoutAdapter)

__all__ = ["KIND", "HelpScoutAdapter", "HelpScoutConfig"]
