"""Users for whom a provider vouches: who they are here, and what shuts them out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connector import accounts, vouching
from connector.accounts import NotAccepted
from connector.models import Role
from connector.store import Store
from connector.store import accounts as rows
from connector.vouching import Person, Refusal

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
ISSUER = "https://login.example.com"
KARI = Person(ISSUER, "s-1", "Kari", Role.ADMIN)


def welcome(store: Store, person: Person) -> str | Refusal:
    with store.write() as connection:
        return vouching.welcome(connection, person, NOW)


def signed(
    store: Store, token: str | Refusal, issuer: str = ISSUER
) -> accounts.Signed | None:
    assert isinstance(token, str)
    with store.read() as connection:
        return accounts.signed(connection, token, NOW, issuer)


def named(store: Store, token: str | Refusal, issuer: str = ISSUER) -> tuple[str, Role]:
    found = signed(store, token, issuer)
    assert found is not None
    return found.name, found.role


def test_same_person_is_the_same_user_whatever_they_are_called(store: Store) -> None:
    assert named(store, welcome(store, KARI)) == ("kari", Role.ADMIN)
    renamed = KARI._replace(name="kari.nordmann")
    assert named(store, welcome(store, renamed)) == ("kari", Role.ADMIN)
    other = "https://other.example.com"
    token = welcome(store, KARI._replace(issuer=other))
    assert named(store, token, other) == ("kari-2", Role.ADMIN)


def test_session_ends_with_the_provider_it_came_from(store: Store) -> None:
    token = welcome(store, KARI)
    assert signed(store, token) is not None
    assert signed(store, token, "https://other.example.com") is None
    assert signed(store, token, "") is None


def test_name_of_a_local_user_opens_nothing_of_theirs(store: Store) -> None:
    with store.write() as connection:
        password = "correct horse battery"
        accounts.add(connection, "kari@example.com", Role.ADMIN, password, "test", NOW)
    stranger = Person(ISSUER, "s-9", "Kari@Example.com", Role.VIEWER)
    found = named(store, welcome(store, stranger))
    assert found == ("kari@example.com-2", Role.VIEWER)
    with store.read() as connection:
        local = rows.named(connection, "kari@example.com")
    assert local is not None and (local.role, local.issuer) == (Role.ADMIN, None)


def test_role_is_the_provider_s_at_each_sign_in(store: Store) -> None:
    token = welcome(store, KARI)
    assert named(store, welcome(store, KARI._replace(role=Role.AGENT)))[1] is Role.AGENT
    assert named(store, token)[1] is Role.AGENT  # the earlier session as well
    assert welcome(store, KARI._replace(role=None)) is Refusal.NO_ROLE
    assert signed(store, token) is None
    with store.read() as connection:
        told = [(row["action"], row["said"]) for row in rows.recorded(connection, 9)]
    assert told[0] == ("sign in refused", f"no role; s-1 of {ISSUER}")
    assert told[1:3] == [("sign in", ISSUER), ("user role", "agent")]


def test_first_user_has_to_be_an_admin(store: Store) -> None:
    ola = Person(ISSUER, "s-2", "ola", Role.AGENT)
    assert welcome(store, ola) is Refusal.NOT_FIRST
    welcome(store, KARI)
    assert named(store, welcome(store, ola)) == ("ola", Role.AGENT)


def test_disabled_user_stays_out_whatever_the_provider_says(store: Store) -> None:
    token = welcome(store, KARI)
    welcome(store, Person(ISSUER, "s-2", "ola", Role.ADMIN))
    with store.write() as connection:
        accounts.disable(connection, "kari", "ola", NOW)
    assert signed(store, token) is None
    assert welcome(store, KARI) is Refusal.DISABLED


def test_provider_s_user_has_neither_password_nor_role_of_ours(store: Store) -> None:
    welcome(store, KARI)
    with store.write() as connection:
        with pytest.raises(NotAccepted, match=f"signs in at {ISSUER}"):
            accounts.set_password(connection, "kari", "x" * 20, "test", NOW)
        with pytest.raises(NotAccepted, match=r"oidc\.roles"):
            accounts.set_role(connection, "kari", Role.VIEWER, "test", NOW)
        attempt = accounts.attempt(connection, "kari", "::1", NOW)
    assert not accounts.is_right(attempt, "")


def test_name_is_made_fit(store: Store) -> None:
    called = {
        "HOUSE\\kari": "house-kari",
        "Kari Nordmann": "kari-nordmann",
        "  ": "user",
        "x" * 300: "x" * 70,
    }
    for number, (name, fit) in enumerate(called.items()):
        person = Person(ISSUER, f"s-{number}", name, Role.ADMIN)
        assert named(store, welcome(store, person))[0] == fit
