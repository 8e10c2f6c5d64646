"""What tests of the first start share: its pages, and somebody who answers them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from connector.dashboard import first

HERE = {"Origin": "http://localhost"}
ADDRESS = "https://connector.example"
PASSWORD = "correct horse battery"


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
