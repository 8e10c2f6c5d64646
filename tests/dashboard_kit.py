"""A dashboard to look at, and somebody who is signed in there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from kit import Bench, settings

from connector import accounts
from connector.models import Role
from connector.store import accounts as account_rows

PASSWORD = "correct horse battery"
HERE = {"Origin": "http://localhost"}
SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def bench(blank_sqlite: str) -> Iterator[Bench]:
    made = Bench(settings(blank_sqlite))
    yield made
    made.close()


def signed_in(bench: Bench, client: FlaskClient, role: Role = Role.ADMIN) -> str:
    """Sign somebody in; return the code that their forms bring."""
    with bench.store.write() as connection:
        user = accounts.add(connection, role, role, PASSWORD, "test", bench.clock())
        row = account_rows.named(connection, user)
        assert row is not None
        token = accounts.begin(connection, row.id, user, bench.clock())
    client.set_cookie("cc_session", token)
    return accounts.csrf(token)


def post(client: FlaskClient, path: str, code: str, **form: Any) -> Any:
    return client.post(path, data={"csrf": code, **form}, headers=HERE)
