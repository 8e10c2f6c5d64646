"""What is concluded from what people do with tags; how is in ``connector.demotion``."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from connector.section import Section
from connector.spans import Duration


class Learning(Section):
    """When a rule that people contradict only suggests its tags, and who is told."""

    floor: float = Field(
        0.7,
        ge=0,
        le=1,
        description="So much of what a rule tags is to be right; 0: none is held back.",
    )
    least: int = Field(
        20, ge=5, description="With fewer labels of people nothing is concluded."
    )
    window: Duration = Field(
        timedelta(days=90), gt=timedelta(0), description="How far back labels count."
    )
    settled: Duration = Field(
        timedelta(days=14),
        gt=timedelta(0),
        description="A tag is right that was left so long on an answered ticket.",
    )
    role: str = Field("", description="Who is told of a rule that is held back.")
