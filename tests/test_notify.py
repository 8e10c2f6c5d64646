"""Telling people of the house: each kind of channel, and the road of a notice."""

from __future__ import annotations

import json
import smtplib
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import responses
from kit import Bench, settings
from pydantic import ValidationError

from adapters.notify import webhooks
from adapters.notify.files import FileChannel, FileConfig
from adapters.notify.mail import MailChannel, MailConfig
from adapters.notify.webhooks import HookConfig, SlackChannel, TeamsChannel
from connector import notices
from connector.dashboard import status
from connector.doctor import findings_of
from connector.errors import (
    CredentialsRejected,
    VendorRefused,
    VendorUnavailable,
    VendorUnreachable,
)
from connector.models import Block, BlockKind, Level, Notice, OutboxState
from connector.store import outbox

NOW = datetime(2026, 11, 20, 15, 40, tzinfo=UTC)
HOOK = "https://hooks.example.com/services/T0/B0/s3cr3t"
NOTICE = Notice(
    subject="Due soon:\nsupport 1042",
    body=(
        Block(BlockKind.PARAGRAPH, "First answer by <16:40> & no later"),
        Block(BlockKind.BULLET, "support 1042", "https://desk.example.com/1042?a|b"),
    ),
    mark="cc-0123456789ab",
    at=NOW,
    files={"register.csv": "id,type\r\n1,delivery\r\n"},
)


# -- files --


def test_notice_stands_in_the_file_of_its_day_once(tmp_path: Path) -> None:
    channel = FileChannel("folder", FileConfig(folder=tmp_path / "notices"))
    channel.notify(NOTICE)
    channel.notify(NOTICE)
    said = (tmp_path / "notices" / "2026-11-20.txt").read_text(encoding="utf-8")
    assert said == (
        "15:40 Due soon: support 1042 [cc-0123456789ab]\n"
        "First answer by <16:40> & no later\n"
        "- support 1042 https://desk.example.com/1042?a|b\n\n"
    )
    kept = tmp_path / "notices" / "register.csv"
    assert kept.read_bytes() == b"id,type\r\n1,delivery\r\n"
    assert kept.stat().st_mode & 0o777 == 0o600


def test_folder_that_cannot_be_made_is_a_finding_and_waits(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    channel = FileChannel("folder", FileConfig(folder=tmp_path / "taken"))
    assert channel.check(NOW)[0].level is Level.PROBLEM
    with pytest.raises(VendorUnreachable) as caught:
        channel.notify(NOTICE)
    assert caught.value.retry and not caught.value.uncertain


# -- mail --


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mails as a server of the house would, and keeps them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.mails: list[Message] = []
        self.answers: dict[str, str] = {}
        self.is_to_break = False


class _Conversation(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        self._say("220 mail.example.com")
        while line := self.rfile.readline().decode().strip():
            verb = line.partition(" ")[0].upper()
            self._say(self.server.answers.get(verb, self._usual(verb)))
            if verb == "DATA" and verb not in self.server.answers:
                self._take()
            if verb == "QUIT" or (verb == "DATA" and self.server.is_to_break):
                return

    def _usual(self, verb: str) -> str:
        return {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 fine")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        if not self.server.is_to_break:
            mail = message_from_bytes(b"".join(lines), policy=default)
            self.server.mails.append(mail)
            self._say("250 taken")

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def mail_settings(server: MailServer, **changes: Any) -> MailConfig:
    return MailConfig(
        **{
            "host": "127.0.0.1",
            "port": server.server_address[1],
            "security": "none",
            "sender": "connector@example.com",
            "to": ("lead@example.com", "deputy@example.com"),
            **changes,
        }
    )


def test_mail_says_it_all_and_a_repeat_can_be_told(server: MailServer) -> None:
    channel = MailChannel("office", mail_settings(server))
    channel.notify(NOTICE)
    channel.notify(NOTICE)
    mail, again = server.mails
    assert mail["Message-ID"] == again["Message-ID"] == f"<{NOTICE.mark}@example.com>"
    assert mail["Subject"] == "Due soon: support 1042"
    assert mail["To"] == "lead@example.com, deputy@example.com"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, table = mail.iter_parts()
    assert text.get_content().splitlines() == [
        "First answer by <16:40> & no later",
        "- support 1042 https://desk.example.com/1042?a|b",
    ]
    assert table.get_filename() == "register.csv"
    assert table.get_content() == NOTICE.files["register.csv"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"RCPT": "450 not now"}, VendorUnreachable),
        ({"RCPT": "550 no such user lead@example.com"}, VendorRefused),
        ({"MAIL": "451 later"}, VendorUnreachable),
        ({"DATA": "554 spam"}, VendorRefused),
    ],
)
def test_what_the_server_says_tells_whether_to_try_again(
    server: MailServer, answers: dict[str, str], error: type[Exception]
) -> None:
    server.answers = answers
    with pytest.raises(error) as caught:
        MailChannel("office", mail_settings(server)).notify(NOTICE)
    assert type(caught.value) is error
    assert "lead@" not in str(caught.value)
    assert server.mails == []


def test_mail_that_may_have_been_taken_is_uncertain(server: MailServer) -> None:
    server.is_to_break = True
    with pytest.raises(VendorUnavailable) as caught:
        MailChannel("office", mail_settings(server)).notify(NOTICE)
    assert caught.value.uncertain


def test_password_never_goes_out_in_the_open(server: MailServer) -> None:
    account = {"user": "me", "password": "s3cr3t"}
    with pytest.raises(ValidationError, match="not sent in the open"):
        mail_settings(server, **account)
    # This server offers no STARTTLS.
    config = mail_settings(server, security="starttls", **account)
    (found,) = MailChannel("office", config).check(NOW)
    assert found.level is Level.PROBLEM
    assert "offers no STARTTLS" in found.message


def test_refused_password_is_a_matter_of_the_whole_channel(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise smtplib.SMTPAuthenticationError(535, b"s3cr3t is wrong")

    monkeypatch.setattr(smtplib.SMTP, "login", refuse)
    monkeypatch.setattr(smtplib.SMTP, "starttls", lambda *_, **__: None)
    account = {"user": "me", "password": "s3cr3t", "security": "starttls"}
    with pytest.raises(CredentialsRejected) as caught:
        MailChannel("office", mail_settings(server, **account)).notify(NOTICE)
    assert "s3cr3t" not in str(caught.value)


# -- chats --


def slack() -> SlackChannel:
    return SlackChannel("chat", HookConfig.model_validate({"url": HOOK}))


def teams() -> TeamsChannel:
    return TeamsChannel("room", HookConfig.model_validate({"url": f"{HOOK}?sig=x"}))


def test_slack_gets_words_without_any_meaning_of_its_own(
    web: responses.RequestsMock,
) -> None:
    web.post(HOOK, body="ok")
    slack().notify(NOTICE)
    sent = json.loads(web.calls[0].request.body)
    assert sent["text"] == (
        "*Due soon: support 1042*\n"
        "First answer by &lt;16:40&gt; &amp; no later\n"
        "<https://desk.example.com/1042?a%7Cb|- support 1042>\n"
        "_cc-0123456789ab_"
    )
    assert sent["unfurl_links"] is False


@pytest.mark.parametrize("said", ["<!channel>", "<@U123>", "*bold*", "~gone~", "`x`"])
def test_words_cannot_call_anybody_in_slack(said: str) -> None:
    notice = Notice(
        subject=said, body=(Block(BlockKind.QUOTE, said),), mark="m", at=NOW
    )
    assert said not in slack().document(notice)["text"]


def test_teams_gets_a_card_whose_text_is_text(web: responses.RequestsMock) -> None:
    web.post(f"{HOOK}?sig=x", status=202)
    teams().notify(NOTICE)
    (part,) = json.loads(web.calls[0].request.body)["attachments"]
    assert part["contentType"] == "application/vnd.microsoft.card.adaptive"
    lines = [block["inlines"][0] for block in part["content"]["body"]]
    assert {block["type"] for block in part["content"]["body"]} == {"RichTextBlock"}
    assert [line["text"] for line in lines] == [
        "Due soon: support 1042",
        "First answer by <16:40> & no later",
        "- support 1042",
        "cc-0123456789ab",
    ]
    assert lines[2]["selectAction"]["url"] == "https://desk.example.com/1042?a|b"


def test_long_notice_is_cut_at_a_line_and_says_so() -> None:
    body = tuple(Block(BlockKind.BULLET, "x" * 1000) for _ in range(40))
    notice = Notice(subject="Many", body=body, mark="cc-m", at=NOW)
    assert len(slack().document(notice)["text"]) < webhooks.LIMIT + 50
    assert slack().document(notice)["text"].endswith("x\n…\n_cc-m_")
    card = teams().document(notice)
    assert len(json.dumps(card)) < 28_000
    said = [
        block["inlines"][0]["text"]
        for block in card["attachments"][0]["content"]["body"]
    ]
    assert said[-2:] == ["…", "cc-m"]


def test_webhook_that_is_gone_is_a_matter_of_the_whole_channel(
    web: responses.RequestsMock,
) -> None:
    web.post(HOOK, status=404, body="no_service")
    with pytest.raises(CredentialsRejected) as caught:
        slack().notify(NOTICE)
    assert "s3cr3t" not in str(caught.value)


def test_check_of_a_chat_posts_nothing(web: responses.RequestsMock) -> None:
    web.get(HOOK, status=405)
    assert slack().check(NOW)[0].level is Level.OK


# -- the road of a notice --


@pytest.fixture
def told(tmp_path: Path, blank_sqlite: str) -> Iterator[Bench]:
    config = settings(
        blank_sqlite,
        notify={
            "channels": {
                "folder": {"kind": "file", "folder": str(tmp_path / "a")},
                "second": {"kind": "file", "folder": str(tmp_path / "b")},
            },
            "roles": {"lead": ["folder", "second"]},
        },
        autonomy={"notes": "observe", "issues": "observe"},
    )
    bench = Bench(config)
    yield bench
    bench.close()


def tell(bench: Bench, key: str, role: str = "lead") -> int:
    with bench.store.write() as connection:
        return notices.tell(
            connection,
            bench.config,
            role,
            key,
            "Look here",
            [Block(BlockKind.PARAGRAPH, "support 1")],
            bench.clock(),
            rule="clocks",
            reason="a test",
        )


def test_role_is_told_once_on_each_of_its_channels(told: Bench, tmp_path: Path) -> None:
    assert tell(told, "one") == 2
    told.settle()
    tell(told, "one")
    told.settle()
    for folder in ("a", "b"):
        (file,) = (tmp_path / folder).iterdir()
        assert file.read_text(encoding="utf-8").count("Look here") == 1


def test_channel_that_is_down_keeps_only_its_own(told: Bench, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("in the way")
    tell(told, "one")
    told.settle()
    with told.store.read() as connection:
        states = {row.source: row.state for row in outbox_rows(connection)}
    assert states == {
        "notify:folder": OutboxState.PENDING,
        "notify:second": OutboxState.DONE,
    }
    (tmp_path / "a").unlink()
    told.clock.pass_(minutes=5)
    told.settle()
    assert "Look here" in next((tmp_path / "a").iterdir()).read_text(encoding="utf-8")


def test_channel_that_is_not_to_be_reached_is_on_the_status_page(
    told: Bench, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text("in the way")
    for number in range(6):
        tell(told, f"notice {number}")
    told.settle()
    shown = status(told.store, told.config, told.runtime.rulebook, told.clock())[
        "sources"
    ]
    assert shown["notify:folder"]["condition"] == "down"
    assert shown["notify:second"] == {"kind": "file", "condition": "well"}


def test_doctor_tries_every_channel(told: Bench, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("in the way")
    found = {
        finding.subject: finding.level
        for finding in findings_of(tmp_path / "x", told.config, round_trips=False)
    }
    assert found["notify:folder"] is Level.PROBLEM
    assert found["notify:second"] is Level.OK


def test_role_without_channels_is_nobody(told: Bench) -> None:
    assert tell(told, "one", role="nobody") == 0


def outbox_rows(connection: Any) -> list[Any]:
    return list(connection.execute(outbox.table.select()))
