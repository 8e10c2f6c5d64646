"""What every part of the configuration is built on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A part of the configuration: frozen, and no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
