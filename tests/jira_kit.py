"""A look-alike Jira with adapters on it, whose clock stands until it is moved.

And adapters on no Jira at all, with what it would answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import responses
from kit import Clock

from adapters.jira import KIND
from adapters.jira.adapter import JiraAdapter, JiraConfig
from connector.models import Block, BlockKind, IssueDraft, IssueRef
from connector.sandbox import SandboxSettings, World, serve

START = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
TOKEN = "f3b9c1d27e5a48609b7d"

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)
GATEWAY = "https://api.atlassian.com/ex/jira/11-22"
SITE = "https://nordvik.atlassian.net"
CLOUD = f"{GATEWAY}/rest/api/3"
SERVER = "https://jira.nordvik.example/jira"
DC = f"{SERVER}/rest/api/2"
TEXT = (Block(BlockKind.PARAGRAPH, "Fem kunder"),)
REF = IssueRef("jira", "20417", "SHOP-88", f"{SITE}/browse/SHOP-88")
REFUSED = {"errorMessages": ["It says 'Kari'"], "errors": {"b": "is wrong"}}


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


@contextmanager
def on_cloud() -> Iterator[JiraAdapter]:
    """Give an adapter for a Cloud that nobody plays."""
    config = JiraConfig(
        flavour="cloud",
        site_url=f"{SITE}/",
        api_base=GATEWAY,
        email="connector@nordvik.example",
        api_token="s3cret-token",
        webhook_secret="hook",
    )
    with closing(KIND.build("jira", config)) as adapter:
        yield adapter


@contextmanager
def on_data_center() -> Iterator[JiraAdapter]:
    """Give an adapter for a Data Center that nobody plays."""
    config = JiraConfig(
        flavour="data_center",
        site_url=SERVER,
        token="s3cret-pat",
        webhook_token=TOKEN,
    )
    with closing(KIND.build("jira", config)) as adapter:
        yield adapter


def status(key: str | None, name: str = "Ferdig") -> dict[str, object]:
    return {"name": name, "statusCategory": {"key": key, "name": "?"}}


def raw_issue(**fields: object) -> dict[str, object]:
    standard = {
        "summary": "Pakken er borte",
        "status": status("done"),
        "resolution": {"name": "Fixed"},
        "labels": ["cc-group-7f", "frakt"],
        "updated": "2026-11-20T11:00:00.500+0100",
        "project": {"key": "SHOP"},
    }
    merged = {**standard, **fields}
    # A gateway may name itself in links; none of ours may follow it.
    self_ = "https://elsewhere.example/rest/api/3/issue/20417"
    return {"id": "20417", "key": "SHOP-88", "self": self_, "fields": merged}


def sent(mock: responses.RequestsMock, number: int = 0) -> object:
    return json.loads(mock.calls[number].request.body)


def draft(**changes: object) -> IssueDraft:
    standard: dict[str, object] = {
        "project": "SHOP",
        "issue_type": "Bug",
        "summary": "Pakken\nkommer ikke",
        "description": TEXT,
        "mark": "cc-group-7f",
        "labels": ("cc-delivery", "cc-group-7f"),
        "priority": "High",
        "properties": {"cc.group": {"id": "7f"}},
        "fields": {"customfield_10050": 5, "labels": ["theirs"]},
    }
    return IssueDraft(**{**standard, **changes})
