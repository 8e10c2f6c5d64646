"""Set-up: how the sources are, how far the connector goes, who signs in, the stop."""

from __future__ import annotations

from flask import Blueprint, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from connector import accounts
from connector.accounts import NotAccepted
from connector.dashboard.desk import Desk
from connector.dashboard.guard import needs
from connector.dashboard.pages import page
from connector.dashboard.status import gather
from connector.models import Role
from connector.store import accounts as rows
from connector.store import locks, outbox


def register(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/set-up")
    def setup() -> ResponseReturnValue:
        return _page(desk)

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
        form, who = request.form, g.visitor.name
        role = form.get("role", "")
        try:
            if role not in set(Role):
                raise NotAccepted("role: choose one of viewer, agent, admin")
            with desk.store.write() as connection:
                accounts.add(
                    connection,
                    form.get("name", ""),
                    Role(role),
                    form.get("password", ""),
                    who,
                    desk.clock(),
                )
        except NotAccepted as err:
            return _page(desk, str(err)), 422
        return redirect(url_for("dashboard.setup") + "#users", 303)


def _page(desk: Desk, refused: str = "") -> str:
    with desk.store.read() as connection:
        users = rows.listing(connection)
    return page(
        "setup.html",
        s=gather(desk, desk.clock()),
        users=users,
        roles=list(Role),
        always=desk.config.autonomy.stop,
        refused=refused,
    )
