"""A look-alike Jira with adapters on it, and a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from kit import Clock

from adapters.jira.adapter import JiraAdapter, JiraConfig
from connector.models import Block, BlockKind, IssueDraft
from connector.sandbox import SandboxSettings, World, serve

START = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
TOKEN = "f3b9c1d27e5a48609b7d"


class Site:
    """A look-alike Jira, and adapters on it."""

    def __init__(self, world: World, url: str, clock: Clock) -> None:
        self.world = world
        self.tracker = world.jira
        self.clock = clock
        self._url = f"{url}/jira"
        self._adapters: list[JiraAdapter] = []
        self.adapter = self.connect()

    def connect(self, name: str = "jira", **changes: Any) -> JiraAdapter:
        settings = self.world.settings
        cloud = {
            "email": settings.jira_email,
            "api_token": settings.jira_token,
            "webhook_secret": "s3cret",
        }
        own = {"token": settings.jira_token, "webhook_token": TOKEN}
        given = cloud if self.tracker.cloud else own
        config = JiraConfig.model_validate(
            {
                "flavour": settings.jira_flavour,
                "site_url": self._url,
                **given,
                **changes,
            }
        )
        self._adapters.append(JiraAdapter(name, config))
        return self._adapters[-1]

    def file(self, number: int = 1, **changes: Any) -> str:
        draft = IssueDraft(
            project="SHOP",
            issue_type="Bug",
            summary=f"Pakke {number} er borte",
            description=(Block(BlockKind.PARAGRAPH, "Fem kunder"),),
            mark=f"cc-group-{number}",
        )
        return self.adapter.create_issue(replace(draft, **changes)).external_id

    def sweep(
        self, since: datetime, cursor: str | None = None
    ) -> tuple[list[str], str]:
        """Read to the end; return the ids as they came, and the last cursor."""
        found: list[str] = []
        for _ in range(100):
            page = self.adapter.changed(since, cursor)
            found += page.ids
            cursor = page.cursor
            if not page.more:
                return found, cursor
        raise AssertionError("the history does not end")

    def close(self) -> None:
        for adapter in self._adapters:
            adapter.close()


@contextmanager
def opened(**settings: Any) -> Iterator[Site]:
    """Open a site with two projects; both flavours by ``jira_flavour``."""
    clock = Clock(START)
    settings.setdefault("jira_projects", ("SHOP", "OPS"))
    with serve(World(SandboxSettings(**settings), clock), port=0) as running:
        site = Site(running.world, running.url, clock)
        try:
            yield site
        finally:
            site.close()
