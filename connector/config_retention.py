"""How long words are kept. What goes when is said in ``connector.retention``."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from connector.section import Section
from connector.spans import Duration


class Retention(Section):
    """What is kept for how long; what waits for anything is kept beyond that."""

    texts: Duration = Field(
        timedelta(days=365),
        # Problems are put together by words of the last sixty days.
        ge=timedelta(days=90),
        description="Customers' words, after the last change of their ticket.",
    )
    deliveries: Duration = Field(
        timedelta(days=30),
        # Vendors deliver again for days, and a delivery that is gone would be new.
        ge=timedelta(days=7),
        description="What vendors delivered, after it was handled.",
    )
