"""The part of the configuration about signing in at a provider (OpenID Connect)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from connector.models import Role
from connector.section import Section


class Oidc(Section):
    """Who vouches for people at the dashboard, and for which role."""

    issuer: str = Field(
        "", max_length=300, description="The provider's issuer; empty: there is none."
    )
    client_id: str = Field("", description="What the provider calls the connector.")
    client_secret: SecretStr | None = Field(
        None, min_length=1, description="By which it knows the connector."
    )
    address: str | None = Field(
        None,
        pattern=r"^https?://[^/?#\s@]+$",
        description="Address of the dashboard; without, that of server.public_url.",
    )
    button: str = Field(
        "Single sign-on", min_length=1, max_length=40, description="What it is called."
    )
    scopes: tuple[str, ...] = Field(
        ("openid", "profile", "email"), description="What is asked for."
    )
    role_claim: str = Field(
        "roles", min_length=1, description="The claim that gives a role, as a.b."
    )
    roles: Mapping[Role, tuple[str, ...]] = Field(
        {}, description="For viewer, agent and admin: the values that give the role."
    )
    others: Literal[Role.VIEWER, Role.AGENT] | None = Field(
        None, description="The role of who has none of them; null: they are refused."
    )
    ca_bundle: str = Field(
        "", description="File with the authorities of a private certificate."
    )

    @field_validator("issuer")
    @classmethod
    def _is_one(cls, value: str) -> str:
        parts = urlsplit(value)
        is_near = parts.scheme == "http" and parts.hostname in _THIS_MACHINE
        is_address = (parts.scheme == "https" or is_near) and parts.hostname
        if value and (not is_address or parts.query or parts.fragment):
            raise ValueError(
                "expected the provider's issuer; write it as the provider does, such "
                "as https://login.example.com"
            )
        return value

    @field_validator("ca_bundle")
    @classmethod
    def _is_there(cls, value: str) -> str:
        if value and not Path(value).is_file():
            raise ValueError("there is no such file; correct the path")
        return value

    @field_validator("scopes")
    @classmethod
    def _ask_who_it_is(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("expected openid among them; add it")
        return value


_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def address(oidc: Oidc, public_url: str | None) -> str:
    """Return where people open the dashboard; empty if nothing says so."""
    if oidc.address is not None:
        return oidc.address
    parts = urlsplit(public_url or "")
    # The dashboard has no path of its own: that one is for vendors.
    return "" if parts.path.strip("/") else (public_url or "").rstrip("/")


def check(oidc: Oidc, public_url: str | None) -> Iterator[str]:
    """Find what is missing once there is a provider."""
    if not oidc.issuer:
        return
    if not oidc.client_id:
        yield "oidc.client_id: missing; register the connector at the provider"
    if oidc.client_secret is None:
        yield "oidc.client_secret: missing; write ${OIDC_CLIENT_SECRET} and set that"
    if not address(oidc, public_url):
        yield (
            "oidc.address: missing; write the address under which people open the "
            "dashboard, such as https://connector.example.com"
        )
    if not any(oidc.roles.values()) and oidc.others is None:
        yield (
            "oidc.roles: missing, so nobody could sign in; name the values of the "
            f"claim {oidc.role_claim} that give a role, such as {{admin: [cc-admins]}}"
        )
