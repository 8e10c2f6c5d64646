"""The part of the configuration about the database: its address, and what is wrong with
one. None of it is quoted, because it may hold a password."""

from __future__ import annotations

import re

from pydantic import Field, field_validator
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from connector.section import Section


class Database(Section):
    url: str = Field(
        "sqlite:///var/connector.db",
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
    )

    @field_validator("url")
    @classmethod
    def _can_be_opened(cls, value: str) -> str:
        """Find what is wrong without quoting any of it: it may hold a password."""
        if not re.match(r"sqlite:///|postgresql(\+psycopg)?://", value):
            raise ValueError(
                "expected sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME; "
                "correct the beginning of the address"
            )
        wrong = (
            _wrong_with_sqlite(value)
            if value.startswith("sqlite")
            else _wrong_with_postgresql(value)
        )
        if wrong:
            raise ValueError(wrong)
        return value


#: What may follow a "?" in the address of a PostgreSQL: libpq's own, as far as they are
#: about reaching the server.
_POSTGRESQL_OPTIONS = frozenset(
    "application_name channel_binding client_encoding connect_timeout gssencmode host "
    "hostaddr keepalives keepalives_count keepalives_idle keepalives_interval "
    "krbsrvname load_balance_hosts options passfile password port require_auth "
    "service sslcert sslcrl sslkey sslmode sslnegotiation sslpassword sslrootcert "
    "target_session_attrs tcp_user_timeout user".split()
)


def _wrong_with_sqlite(address: str) -> str | None:
    url = make_url(address)
    if url.query:
        return "sqlite:///FILE takes no options; take away what follows the '?'"
    if not url.database or url.database == ":memory:":
        return "expected sqlite:///FILE; name the file after the third '/'"
    return None


def _wrong_with_postgresql(address: str) -> str | None:
    # With a second "@" the rest of a password would be taken for the host.
    if address.count("@") > 1:
        return (
            "there is more than one '@'; write signs in user and password as codes: "
            "%40 for @, %3A for :, %2F for /"
        )
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        return (
            "expected a number as the port in "
            "postgresql://USER:PASSWORD@HOST:PORT/NAME; correct it, and write signs in "
            "user and password as codes: %3A for :, %2F for /"
        )
    if url.port is not None and not 0 < url.port < 65536:
        return "expected a port from 1 to 65535; correct the number after the host"
    if set(url.query) - _POSTGRESQL_OPTIONS:
        return (
            "there is an unknown option after the '?'; take it away, or correct it to "
            "one of PostgreSQL's, such as sslmode"
        )
    return None
