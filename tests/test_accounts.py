"""Who may sign in: passwords, sessions, roles, and what slows down guessing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from connector import accounts
from connector.accounts import NotAccepted
from connector.models import Role
from connector.store import Store
from connector.store import accounts as rows

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
PASSWORD = "correct horse battery"


@pytest.fixture
def users(store: Store) -> Store:
    with store.write() as connection:
        accounts.add(connection, " Kari ", Role.ADMIN, PASSWORD, "ola", NOW)
    return store


def sign_in(
    store: Store, password: str = PASSWORD, at: datetime = NOW, address: str = "::1"
) -> str | None:
    return sign_in_as(store, "KARI", password, at, address)


def sign_in_as(
    store: Store, name: str, password: str, at: datetime, address: str
) -> str | None:
    with store.read() as connection:
        one = accounts.attempt(connection, name, address, at)
    right = accounts.is_right(one, password)
    with store.write() as connection:
        return accounts.settle(connection, one, right, at)


def signed(store: Store, token: str, at: datetime) -> accounts.Signed | None:
    with store.read() as connection:
        return accounts.signed(connection, token, at)


def test_session_is_of_who_signed_in_until_it_is_idle_or_old(users: Store) -> None:
    token = sign_in(users)
    assert token is not None
    found = signed(users, token, NOW + accounts.IDLE - timedelta(seconds=1))
    assert found is not None and (found.name, found.role) == ("kari", Role.ADMIN)
    assert signed(users, token, NOW + accounts.IDLE) is None
    assert signed(users, token + "x", NOW) is None
    for hours in range(11, 24 * 7, 11):
        with users.write() as connection:
            accounts.touch(connection, token, NOW + timedelta(hours=hours))
    last = NOW + accounts.LONGEST
    assert signed(users, token, last - timedelta(seconds=1)) is not None
    assert signed(users, token, last) is None


def test_database_holds_neither_password_nor_token(users: Store) -> None:
    token = sign_in(users)
    with users.read() as connection:
        user = rows.named(connection, "kari")
        kept = [
            value
            for table in ("users", "sessions", "audit")
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}")
            for value in row
        ]
    assert user is not None and user.password.startswith("scrypt:")
    assert PASSWORD not in map(str, kept) and token not in map(str, kept)


def test_guessing_is_slowed_down_and_forgotten_after_a_while(users: Store) -> None:
    for _ in range(accounts.FAILURES_OF_NAME):
        assert sign_in(users, "wrong") is None
    with pytest.raises(NotAccepted, match="too many"):
        sign_in(users)
    later = NOW + accounts.FAILURES_WITHIN
    assert sign_in(users, at=later) is not None
    # Who knows the password begins anew.
    for _ in range(accounts.FAILURES_OF_NAME - 1):
        assert sign_in(users, "wrong", later) is None
    assert sign_in(users, at=later) is not None
    assert sign_in(users, "wrong", later) is None
    assert sign_in(users, at=later) is not None


def test_another_password_lets_in_who_was_kept_out(users: Store) -> None:
    with users.write() as connection:
        for _ in range(accounts.FAILURES_OF_NAME):
            rows.failed(connection, "kari", "192.0.2.7", NOW)
    with pytest.raises(NotAccepted, match="let an admin set another password"):
        sign_in(users)
    with users.write() as connection:
        accounts.set_password(connection, "kari", "another long word", "ola", NOW)
    assert sign_in(users, "another long word") is not None


def test_few_passwords_are_checked_at_a_time(
    users: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PATIENCE", 0.0)
    monkeypatch.setattr(accounts, "_TURNS", threading.BoundedSemaphore(1))
    busy: list[str] = []

    def check(*_: object) -> bool:
        with pytest.raises(NotAccepted, match="at this moment"):
            accounts.is_right(accounts.Attempt("ola", "::1", "kept"), "guess")
        busy.append("ola")
        return True

    monkeypatch.setattr(accounts, "check_password_hash", check)
    assert sign_in(users) is not None and sign_in(users) is not None
    assert busy == ["ola", "ola"]


def test_guessing_many_names_from_one_address_is_slowed_down(
    users: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "check_password_hash", lambda *_: False)
    for number in range(accounts.FAILURES_FROM_ADDRESS):
        found = sign_in_as(users, f"user{number}", "guess", NOW, "192.0.2.7")
        assert found is None
    with pytest.raises(NotAccepted, match="too many"):
        sign_in_as(users, "kari", PASSWORD, NOW, "192.0.2.7")
    monkeypatch.undo()
    assert sign_in(users, address="192.0.2.8") is not None


def test_another_password_ends_all_sessions(users: Store) -> None:
    token = sign_in(users)
    assert token is not None
    with users.write() as connection:
        accounts.set_password(connection, "kari", "another long word", "ola", NOW)
    assert signed(users, token, NOW) is None
    assert sign_in(users) is None
    assert sign_in(users, "another long word") is not None


def test_password_that_is_changed_while_it_is_checked_opens_nothing(
    users: Store,
) -> None:
    with users.read() as connection:
        one = accounts.attempt(connection, "kari", "::1", NOW)
    assert accounts.is_right(one, PASSWORD)
    with users.write() as connection:
        accounts.set_password(connection, "kari", "another long word", "ola", NOW)
        assert accounts.settle(connection, one, True, NOW) is None


def test_disabled_user_is_out_at_once(users: Store) -> None:
    with users.write() as connection:
        accounts.add(connection, "ola", Role.ADMIN, PASSWORD, "kari", NOW)
    token = sign_in(users)
    assert token is not None
    with users.write() as connection:
        accounts.disable(connection, "kari", "ola", NOW)
    assert signed(users, token, NOW) is None
    assert sign_in(users) is None
    with users.write() as connection:
        accounts.enable(connection, "kari", "ola", NOW)
    assert sign_in(users) is not None


def test_last_admin_stays_one(users: Store) -> None:
    with users.write() as connection:
        for change in (
            lambda: accounts.set_role(connection, "kari", Role.AGENT, "kari", NOW),
            lambda: accounts.disable(connection, "kari", "kari", NOW),
        ):
            with pytest.raises(NotAccepted, match="last admin"):
                change()


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("kari", PASSWORD, "there is a user kari already"),
        ("no blanks", PASSWORD, "expected up to 80 letters"),
        ("", PASSWORD, "expected up to 80 letters"),
        ("ola", "short", "expected 12 characters or more"),
        ("ola", "x" * 1001, "expected 1000 characters at most"),
    ],
)
def test_name_or_password_that_cannot_be_taken(
    users: Store, name: str, password: str, said: str
) -> None:
    with users.write() as connection, pytest.raises(NotAccepted, match=said):
        accounts.add(connection, name, Role.VIEWER, password, "kari", NOW)


def test_roles_may_do_what_lesser_ones_may() -> None:
    agent = accounts.Signed("kari", Role.AGENT, "")
    assert [agent.may(role) for role in Role] == [True, True, False]
