"""A connector with one rule in a file, which tests change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kit import Bench, settings

RULE = """\
rules:
  - id: {tag}
    mode: act
    when: {{field: text, op: contains, value: lamp}}
    then: [{{add_tag: {tag}}}]
"""


def written(folder: Path) -> Path:
    place = folder / "rules.yaml"
    place.write_text(RULE.format(tag="lamp"))
    return place


@contextmanager
def going_by(place: Path, database_url: str) -> Iterator[Bench]:
    base = settings(database_url)
    bench = Bench(base.model_copy(update={"rules": place}))
    yield bench
    bench.close()


def judge(bench: Bench, ticket: str) -> set[str]:
    """Let a customer write of a lamp; return what admin rules tagged it with."""
    bench.write(ticket, "My lamp is broken again.", f"{ticket}@example.com")
    bench.settle()
    tags = bench.support.fetch_ticket(ticket).tags
    return {tag for tag in tags if not tag.startswith("cc-")}
