"""Notices in a chat: an incoming webhook of Slack, or a workflow of Microsoft Teams.

Both take a document and tell nothing of what became of it, so a lost answer is followed
by a second try; the mark in it shows what is the same. Files cannot be sent that way.
"""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from adapters.base import Channel
from adapters.http import VendorClient
from adapters.notify.words import line, one_line
from connector.errors import CredentialsRejected, NotFound, VendorError
from connector.models import Block, BlockKind, Finding, Level, Notice

DONE = (200, 201, 202, 204)

#: What is longer is cut by Slack, and refused by Teams (28 KB).
LIMIT = 12_000


def _usable(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("expected an address that begins with https://")
    return value


class HookConfig(BaseModel):
    """Settings of an incoming webhook."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: Annotated[SecretStr, AfterValidator(_usable)] = Field(
        description="The webhook's address: who knows it can write there."
    )


class HookChannel(Channel):
    """Posts each notice as one document."""

    def __init__(self, name: str, config: HookConfig) -> None:
        self.name = name
        parts = urlsplit(config.url.get_secret_value())
        self._path = parts._replace(scheme="", netloc="", fragment="").geturl()
        # Its own name is the account.
        self._client = VendorClient(
            name, f"{parts.scheme}://{parts.netloc}", _explain, account=name
        )

    @abstractmethod
    def document(self, notice: Notice) -> dict[str, Any]:
        """Write a notice as this chat takes it; pure."""

    def notify(self, notice: Notice) -> None:
        document = self.document(notice)
        try:
            self._client.call("POST", self._path, json=document, expect=DONE)
        except NotFound as err:
            # Another address is needed, and nothing else would get through either.
            raise CredentialsRejected(
                "the webhook does not exist any more", status=err.status
            ) from err

    def check(self, now: datetime) -> list[Finding]:
        """Say whether somebody answers there; posting would be seen by people."""
        try:
            self._client.call("GET", self._path, expect=range(100, 600))
        except VendorError as err:
            remedy = "correct url, or let the connector out to that host"
            return [Finding(Level.PROBLEM, self.name, str(err), remedy)]
        return [Finding(Level.OK, self.name, "the webhook's host can be reached")]

    def close(self) -> None:
        self._client.close()


class SlackChannel(HookChannel):
    """An incoming webhook of a Slack app."""

    def document(self, notice: Notice) -> dict[str, Any]:
        lines = [f"*{_inert(one_line(notice.subject))}*"]
        lines += [_slack_line(block) for block in notice.body]
        said = _short("\n".join(lines))
        return {
            "text": f"{said}\n_{notice.mark}_",
            "unfurl_links": False,
            "unfurl_media": False,
        }


class TeamsChannel(HookChannel):
    """A workflow "When a Teams webhook request is received", with an Adaptive Card."""

    def document(self, notice: Notice) -> dict[str, Any]:
        body = [_runs(_run(one_line(notice.subject), weight="Bolder"))]
        room = LIMIT
        for block in notice.body:
            room -= len(block.text) + len(block.href)
            if room < 0:
                body.append(_runs(_run("…")))
                break
            body.append(_card_line(block))
        body.append(_runs(_run(notice.mark, isSubtle=True, size="Small")))
        card = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": body,
        }
        content_type = "application/vnd.microsoft.card.adaptive"
        return {
            "type": "message",
            "attachments": [
                {"contentType": content_type, "contentUrl": None, "content": card}
            ],
        }


def _short(said: str) -> str:
    return said if len(said) <= LIMIT else f"{said[:LIMIT].rpartition(chr(10))[0]}\n…"


def _inert(said: str) -> str:
    """Return words in which Slack finds no mention, link or emphasis.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    for sign, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        said = said.replace(sign, escaped)
    # There is no way to escape these; a zero-width sign takes away their meaning.
    for sign in "*_~`":
        said = said.replace(sign, f"\u200b{sign}\u200b")
    return said


def _slack_line(block: Block) -> str:
    said = _inert(line(block._replace(href="")))
    said = f"*{said}*" if block.kind is BlockKind.HEADING else said
    href = block.href.replace("|", "%7C").replace(">", "%3E").replace("<", "%3C")
    return f"<{href}|{said}>" if href else said


def _card_line(block: Block) -> dict[str, Any]:
    said = line(block._replace(href=""))
    more: dict[str, Any] = {}
    if block.kind is BlockKind.HEADING:
        more["weight"] = "Bolder"
    if block.href:
        more["selectAction"] = {"type": "Action.OpenUrl", "url": block.href}
    return _runs(_run(said, **more))


def _runs(run: dict[str, Any]) -> dict[str, Any]:
    # In a RichTextBlock text is text; a TextBlock would read Markdown in it.
    return {"type": "RichTextBlock", "inlines": [run]}


def _run(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "TextRun", "text": said, **more}


def _explain(response: requests.Response) -> str:
    """Return Slack's word for what is wrong ("channel_is_archived")."""
    said = response.text.strip()
    return said if len(said) < 60 and said.replace("_", "").isalpha() else ""
