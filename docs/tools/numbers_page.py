"""The reference of metrics: what is counted, and what is read from a database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client.metrics import MetricWrapperBase
from reference import table

from connector import metrics
from connector.config import check
from connector.dashboard.desk import Desk
from connector.dashboard.gauges import standing
from connector.rulebook import Rulebook
from connector.store import Store

HEADS = ("Name", "Kind", "Labels", "What it says")


def numbers() -> str:
    """Return every metric of ``/metrics`` with its labels."""
    return (
        "\n\n".join(
            [
                "# Metrics",
                "For Prometheus on `/metrics`. Labels are names of the configuration "
                "and words of the connector, never a customer's.",
                "## How things stand",
                "Read from the database, so any process that serves pages tells it.",
                table(HEADS, _read()),
                "## What happens",
                "Counted by each process for itself, from its start on.",
                table(HEADS, _counted()),
            ]
        )
        + "\n"
    )


def _read() -> Iterator[tuple[str, ...]]:
    config = check({"sources": {"any": {"kind": "memory"}}}, "the reference")
    with TemporaryDirectory() as folder:
        store = Store(f"sqlite:///{Path(folder) / 'empty.db'}")
        store.upgrade()
        book = Rulebook(config, datetime.now(UTC))
        desk = Desk(store, config, book, lambda: datetime.now(UTC), {})
        for family in standing(desk).collect():
            yield _row(family.name, "gauge", family._labelnames, family.documentation)
        store.close()


def _counted() -> Iterator[tuple[str, ...]]:
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            for family in metric.describe():
                name = f"{family.name}{'_total' if family.type == 'counter' else ''}"
                labels, about = metric._labelnames, family.documentation
                yield _row(name, family.type, labels, about)


def _row(name: str, kind: str, labels: tuple[str, ...], about: str) -> tuple[str, ...]:
    return f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), about
