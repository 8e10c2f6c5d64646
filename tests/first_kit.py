"""What tests of the first start share: its pages, and somebody who answers them."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import TestResponse

from connector.dashboard import first
from connector.sandbox import Running, SandboxSettings, World, serve

HERE = {"Origin": "http://localhost"}
ADDRESS = "https://connector.example"
PASSWORD = "correct horse battery"
USER: dict[str, Any] = {"name": "Kari", "password": PASSWORD, "again": PASSWORD}


class Walk:
    """Somebody with a browser, before the pages of one process."""

    def __init__(self, path: Path) -> None:
        self.start = first.begin(path, lambda: datetime.now(UTC))
        self.client = first.create_app(self.start).test_client()
        self.seen: list[str] = []

    def enter(self) -> None:
        code = {"code": self.start.code}
        assert self.client.post("/first-start", data=code, headers=HERE).location == "/"

    def get(self, step: str = "") -> str:
        """Return a page; without a step, the one that is to be answered next."""
        path = f"/first-start/{step}" if step else "/"
        return self._seen(self.client.get(path, follow_redirects=True))

    def post(self, step: str, **answers: Any) -> TestResponse:
        page = self.client.get("/first-start/mode").text
        found = re.search(r'name="csrf" value="(\w+)"', page)
        data = {"csrf": found[1] if found else "", **answers}
        answer = self.client.post(f"/first-start/{step}", data=data, headers=HERE)
        self._seen(answer)
        return answer

    def go(self, step: str, **answers: Any) -> str:
        """Answer a step that will do; return where it leads."""
        answer = self.post(step, **answers)
        assert answer.status_code == 303, answer.text
        return str(answer.location).removeprefix("/first-start/")

    def _seen(self, answer: TestResponse) -> str:
        self.seen.append(answer.text)
        return " ".join(unescape(answer.text).split())


@pytest.fixture
def sandbox() -> Iterator[Running]:
    with serve(World(SandboxSettings(jsm_projects=("SUP", "CARE"))), port=0) as running:
        yield running


@pytest.fixture
def path(tmp_path: Path, blank_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # The steps to the schema take longer than all the rest.
    (tmp_path / "var").mkdir()
    shutil.copy(blank_file, tmp_path / "var" / "connector.db")
    return tmp_path / "config.yaml"


@pytest.fixture
def walk(path: Path) -> Walk:
    made = Walk(path)
    made.enter()
    return made


def desk(sandbox: Running, **other: str) -> dict[str, str]:
    """Return the answers about a Zendesk."""
    known = sandbox.world.settings
    return {
        "base_url": f"{sandbox.url}/zendesk",
        "client_id": known.zendesk_client_id,
        "client_secret": known.zendesk_client_secret,
        **other,
    }


def answer_helpdesk(walk: Walk, sandbox: Running) -> None:
    walk.go("helpdesks", kind="zendesk", name="support")
    assert walk.go("source/support/1", **desk(sandbox)) == "helpdesks"


def answer_all(walk: Walk, sandbox: Running, public_url: str = ADDRESS) -> None:
    """Answer everything but who the first user is."""
    known = sandbox.world.settings
    answer_helpdesk(walk, sandbox)
    assert walk.go("tracker", kind="jira") == "source/jira/1"
    walk.go("source/jira/1", flavour="cloud", site_url=f"{sandbox.url}/jira")
    credentials = {"email": known.jira_email, "api_token": known.jira_token}
    assert walk.go("source/jira/2", **credentials) == "source/jira/3"
    assert (
        '<option value="SHOP">' in walk.get("source/jira/3") or "SHOP" in walk.seen[-1]
    )
    walk.go("source/jira/3", project="SHOP")
    assert walk.go("source/jira/4", issue_type="Bug") == "address"
    walk.go("address", public_url=public_url)
    assert walk.go("mode", language="fi", tags="act") == "finish"


def answer_little(walk: Walk, public_url: str = "") -> None:
    """Answer everything so that no vendor is asked."""
    walk.go("helpdesks", kind="generic", name="forms")
    secret = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
    assert walk.go("source/forms/1", webhook_secret=secret) == "helpdesks"
    walk.go("tracker", kind="")
    walk.go("address", public_url=public_url)
    assert walk.go("mode") == "finish"
