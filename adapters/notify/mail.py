"""Notices by mail, handed to the house's own server."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)

from adapters.base import Channel
from adapters.notify.words import one_line, text
from adapters.words import masked
from connector.errors import (
    CredentialsRejected,
    VendorError,
    VendorRefused,
    VendorUnavailable,
    VendorUnreachable,
)
from connector.models import Finding, Level, Notice

TIMEOUT = 30.0


def _address(value: str) -> str:
    name, at, domain = value.partition("@")
    if not (name and at and domain) or "@" in domain or value != "".join(value.split()):
        raise ValueError("expected an address; write for example team@example.com")
    if not value.isascii():
        raise ValueError("expected an address in plain letters (a-z, not å or ö)")
    return value


Address = Annotated[str, AfterValidator(_address)]


class MailConfig(BaseModel):
    """Settings of a mail server, and of whom it writes to."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    host: str = Field(min_length=1, description="The server that takes our mail.")
    port: int = Field(587, ge=1, le=65535, description="Its port.")
    security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="tls from the start (port 465), or none: within a host."
    )
    user: str | None = Field(None, description="Who signs in, if anybody has to.")
    password: SecretStr | None = Field(None, description="The password of user.")
    sender: Address = Field(description="The address it is from.")
    to: tuple[Address, ...] = Field(min_length=1, description="Whom it is for.")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("give user and password, or neither")
        if self.user is not None and self.security == "none":
            raise ValueError("a password is not sent in the open; use starttls or tls")
        return self


class MailChannel(Channel):
    """Sends each notice as a mail whose Message-ID shows a repeat for what it is."""

    def __init__(self, name: str, config: MailConfig) -> None:
        self.name = name
        self._config = config

    def notify(self, notice: Notice) -> None:
        config = self._config
        server = self._signed_in()
        try:
            refused = server.send_message(
                mail(notice, config), config.sender, list(config.to)
            )
        except (smtplib.SMTPException, OSError) as err:
            raise _problem(err, has_sent=True) from err
        finally:
            _leave(server)
        if refused:
            raise VendorRefused(
                f"the mail server took it for {len(config.to) - len(refused)} of "
                f"{len(config.to)} addresses"
            )

    def check(self, now: datetime) -> list[Finding]:
        try:
            _leave(self._signed_in())
        except VendorError as err:
            remedy = "correct host, port, security, user and password of the channel"
            return [Finding(Level.PROBLEM, self.name, str(err), remedy)]
        return [Finding(Level.OK, self.name, "the mail server lets us in")]

    def close(self) -> None:
        """Nothing is kept open."""

    def _signed_in(self) -> smtplib.SMTP:
        config = self._config
        server: smtplib.SMTP | None = None
        try:
            if config.security == "tls":
                server = smtplib.SMTP_SSL(
                    config.host,
                    config.port,
                    timeout=TIMEOUT,
                    context=ssl.create_default_context(),
                )
            else:
                server = smtplib.SMTP(config.host, config.port, timeout=TIMEOUT)
                if config.security == "starttls":
                    server.starttls(context=ssl.create_default_context())
            if config.user and config.password:
                server.login(config.user, config.password.get_secret_value())
        except (smtplib.SMTPException, OSError) as err:
            if server is not None:
                server.close()
            raise _problem(err, has_sent=False) from err
        return server


def mail(notice: Notice, config: MailConfig) -> EmailMessage:
    """Write a notice as a mail; pure, and the same each time."""
    written = EmailMessage()
    written["From"] = config.sender
    written["To"] = ", ".join(config.to)
    written["Subject"] = one_line(notice.subject)
    written["Date"] = format_datetime(notice.at)
    written["Message-ID"] = f"<{notice.mark}@{config.sender.rpartition('@')[2]}>"
    # Nobody's out-of-office is to answer this.
    written["Auto-Submitted"] = "auto-generated"
    written.set_content(text(notice) + "\n")
    for name, content in notice.files.items():
        subtype = {"csv": "csv", "json": "json"}.get(name.rpartition(".")[2], "plain")
        maintype = "application" if subtype == "json" else "text"
        written.add_attachment(
            content.encode(), maintype=maintype, subtype=subtype, filename=name
        )
    return written


def _leave(server: smtplib.SMTP) -> None:
    # What was said before is done, however the server takes our leaving.
    with suppress(smtplib.SMTPException, OSError):
        server.quit()


def _problem(err: Exception, has_sent: bool) -> VendorError:
    """Say whether to try again; a server quotes addresses, which are masked."""
    if isinstance(err, smtplib.SMTPAuthenticationError):
        return CredentialsRejected("the mail server does not take user and password")
    if isinstance(err, smtplib.SMTPNotSupportedError):
        return VendorRefused("the mail server offers no STARTTLS or no login")
    code, said = _answer(err)
    if code:
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
        message = f"the mail server answered {code}: {masked(words)}"
        # 4xx is "not now", 5xx is "no"; neither was taken.
        return VendorUnreachable(message) if code < 500 else VendorRefused(message)
    what = type(err).__name__
    if has_sent:
        return VendorUnavailable(f"the mail server broke off ({what})")
    return VendorUnreachable(f"the mail server cannot be reached ({what})")


def _answer(err: Exception) -> tuple[int, bytes | str]:
    """Return what the server said no with, and its words; 0 if it said nothing."""
    if isinstance(err, smtplib.SMTPRecipientsRefused):
        return max(err.recipients.values(), key=lambda answer: answer[0])
    if isinstance(err, smtplib.SMTPResponseException):
        return err.smtp_code, err.smtp_error
    return 0, ""
