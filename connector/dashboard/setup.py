"""Set-up: what doctor finds, how the sources are, who signs in, the stop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from adapters.base import Subscriber
from connector import accounts, callbacks, doctor
from connector.accounts import NotAccepted
from connector.dashboard.desk import Desk
from connector.dashboard.errands import Errands, Tell
from connector.dashboard.guard import needs
from connector.dashboard.pages import page
from connector.dashboard.status import gather
from connector.models import Role
from connector.store import accounts as rows
from connector.store import locks, outbox


def register(blueprint: Blueprint, desk: Desk) -> None:
    looks: Errands[None] = Errands()

    @blueprint.get("/set-up")
    def setup() -> ResponseReturnValue:
        return _page(desk, looks)

    @blueprint.post("/set-up/check")
    @needs(Role.ADMIN)
    def setup_check() -> ResponseReturnValue:
        now, who = desk.clock(), g.visitor.name

        def look(_: Tell) -> None:
            found = doctor.again(desk.path, desk.config)
            with desk.store.write() as connection:
                doctor.keep(connection, found, desk.clock())

        if looks.begin(who, now, look) is not None:
            with desk.store.write() as connection:
                rows.record(connection, who, "doctor", "everything", "", now)
        return redirect(url_for("dashboard.setup") + "#doctor", 303)

    @blueprint.post("/set-up/<any(stop, resume):what>")
    @needs(Role.ADMIN)
    def setup_stop(what: str) -> ResponseReturnValue:
        now, who = desk.clock(), g.visitor.name
        with desk.store.write(wake=outbox.WAKE) as connection:
            if what == "stop":
                locks.put_fact(connection, locks.STOP, now.isoformat(), now)
            else:
                locks.drop_fact(connection, locks.STOP)
            rows.record(connection, who, what, "everything", "", now)
        return redirect(url_for("dashboard.setup"), 303)

    @blueprint.post("/set-up/users")
    @needs(Role.ADMIN)
    def setup_user() -> ResponseReturnValue:
        form = request.form
        name, password = form.get("name", ""), form.get("password", "")
        return _change(
            desk,
            looks,
            lambda connection, who, now: accounts.add(
                connection, name, _role(), password, who, now
            ),
        )

    @blueprint.post("/set-up/users/<name>/<any(role, disable, enable):what>")
    @needs(Role.ADMIN)
    def setup_user_change(name: str, what: str) -> ResponseReturnValue:
        def change(connection: Connection, who: str, now: datetime) -> None:
            if what == "role":
                accounts.set_role(connection, name, _role(), who, now)
            elif what == "disable":
                accounts.disable(connection, name, who, now)
            else:
                accounts.enable(connection, name, who, now)

        return _change(desk, looks, change)


def _change(
    desk: Desk,
    looks: Errands[None],
    change: Callable[[Connection, str, datetime], object],
) -> ResponseReturnValue:
    """Change who may sign in, or say why that cannot be."""
    try:
        with desk.store.write() as connection:
            change(connection, g.visitor.name, desk.clock())
    except NotAccepted as err:
        return _page(desk, looks, str(err)), 422
    return redirect(url_for("dashboard.setup") + "#users", 303)


def _role() -> Role:
    role = request.form.get("role", "")
    if role not in set(Role):
        raise NotAccepted("role: choose one of viewer, agent, admin")
    return Role(role)


def _page(desk: Desk, looks: Errands[None], refused: str = "") -> str:
    with desk.store.read() as connection:
        users = rows.listing(connection)
        seen = doctor.kept(connection)
        called = callbacks.states(connection, desk.config, desk.adapters)
    return page(
        "setup.html",
        s=gather(desk, desk.clock()),
        users=users,
        roles=list(Role),
        always=desk.config.autonomy.stop,
        refused=refused,
        look=looks.last,
        seen=seen,
        called=called,
        askable={
            name for name, one in desk.adapters.items() if isinstance(one, Subscriber)
        },
        secrets=doctor.outside(desk.path),
    )
