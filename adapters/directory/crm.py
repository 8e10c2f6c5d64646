"""Customers in a CRM, or whatever answers one GET with JSON about an address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import requests
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    field_validator,
)

from adapters.base import Directory
from adapters.directory.words import NAME, TAKEN, YES, folded, says_yes, text
from adapters.http import VendorClient
from adapters.pace import ACCOUNT, Call, Charge, Tariff
from connector.errors import NotFound, VendorError
from connector.models import DirectoryEntry, Finding, Level
from connector.spans import Duration

#: A ticket waits for the answer: it is decided without one that takes longer.
TIMEOUT = (3.0, 5.0)

ADDRESS = "{address}"

#: Nobody has this one; asking about it proves that we are let in.
NOBODY = "nobody@complaint-connector.invalid"


class CrmConfig(BaseModel):
    """Settings of an interface that tells about customers."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    url: str = Field(
        description="What is asked; {address} stands for the customer's e-mail address."
    )
    token: SecretStr | None = Field(None, description="A bearer token, if it asks.")
    person: str = Field(
        "", description="Where the customer is in the answer, as data.0; empty: it is."
    )
    vip: str = Field("", description="Where it says there who is a VIP, as crm.tier.")
    vip_values: Annotated[tuple[str, ...], AfterValidator(folded)] = Field(
        YES, description="What says yes there."
    )
    fields: Mapping[str, str] = Field(
        {}, description="Fields for rules, by name: where they are there."
    )
    keep: Duration = Field(
        timedelta(hours=24),
        gt=timedelta(0),
        description="How long an answer counts.",
    )
    keep_unknown: Duration = Field(
        timedelta(hours=1),
        gt=timedelta(0),
        description="How long one counts that it does not know somebody.",
    )
    per_minute: int = Field(60, ge=1, description="Questions in a minute at most.")

    @field_validator("url")
    @classmethod
    def _asks_about_somebody(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("expected an address that begins with https://")
        if ADDRESS not in f"{parts.path}?{parts.query}":
            raise ValueError(f"expected {ADDRESS} where the e-mail address belongs")
        return value

    @field_validator("fields")
    @classmethod
    def _can_be_named(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name in value:
            if name in TAKEN or not NAME.fullmatch(name):
                raise ValueError(
                    "expected names of lower-case letters, digits and '_', and not "
                    "email, domain or organization; write for example segment"
                )
        return value


class CrmDirectory(Directory):
    """Asks once for each address; what is kept of the answer is the caller's part."""

    def __init__(self, name: str, config: CrmConfig) -> None:
        self.name = name
        self.keep = config.keep
        self.keep_unknown = config.keep_unknown
        self._config = config
        parts = urlsplit(config.url)
        self._path = parts._replace(scheme="", netloc="", fragment="").geturl()
        token = config.token.get_secret_value() if config.token else ""
        self._client = VendorClient(
            name,
            f"{parts.scheme}://{parts.netloc}",
            _explain,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=TIMEOUT,
            tariff=Tariff(charges=self._charges),
            account=name,
        )

    def look_up(self, key: str) -> DirectoryEntry | None:
        if "@" not in key:
            return None
        path = self._path.replace(ADDRESS, quote(key, safe=""))
        try:
            return entry(self._client.read(path), self._config)
        except NotFound:
            return None

    def check(self, now: datetime) -> list[Finding]:
        try:
            self.look_up(NOBODY)
        except VendorError as err:
            remedy = "correct directories in the configuration, or look at the service"
            return [Finding(Level.PROBLEM, self.name, str(err), remedy)]
        return [Finding(Level.OK, self.name, "answers")]

    def close(self) -> None:
        self._client.close()

    def _charges(self, call: Call) -> tuple[Charge, ...]:
        return (Charge(ACCOUNT, limit=self._config.per_minute),)


def entry(document: Any, config: CrmConfig) -> DirectoryEntry | None:
    """Read what an answer says; None: it does not know the customer."""
    person = dig(document, config.person)
    if not person:
        return None
    fields = {
        name: said
        for name, path in config.fields.items()
        if (said := text(dig(person, path)))
    }
    vip = dig(person, config.vip) if config.vip else None
    return DirectoryEntry(says_yes(vip, config.vip_values), fields)


def dig(document: Any, path: str) -> Any:
    """Return what stands at a path of keys and places, as ``data.0.tier``; or None."""
    found = document
    for step in path.split(".") if path else ():
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step) < len(found):
            found = found[int(step)]
        else:
            return None
    return found


def _explain(response: requests.Response) -> str:
    """Say nothing: what a CRM answers may be about the customer."""
    return ""
