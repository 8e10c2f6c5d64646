"""What goes out to customers: messages about fixes, check-ins, and tasks for people."""

from __future__ import annotations

from flask import Blueprint, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from connector import broadcasts as lists
from connector.correcting import Refused
from connector.dashboard import acting
from connector.dashboard.desk import Desk
from connector.dashboard.guard import ensure_no_guest, needs
from connector.dashboard.pages import page
from connector.models import Role
from connector.store import accounts, checkins, tasks
from connector.store.broadcasts import OPEN
from connector.store.tasks import TaskState

SHOWN = 50

#: Recipients named on the page of a message; the command line names all.
NAMED = 200


def register(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/follow-ups")
    def followups() -> ResponseReturnValue:
        with desk.store.read() as connection:
            return page(
                "followups.html",
                broadcasts=lists.listed(connection, desk.config, None, SHOWN),
                checkins=checkins.listing(connection, None, SHOWN),
                tasks=tasks.listing(connection, TaskState.OPEN, SHOWN),
                asks_first=desk.config.messages.approve_above,
                mode=desk.config.autonomy.messages,
            )

    @blueprint.get("/follow-ups/<int:broadcast_id>")
    def followups_one(broadcast_id: int) -> ResponseReturnValue:
        ensure_no_guest()
        return _one(desk, broadcast_id)

    @blueprint.post("/follow-ups/<int:broadcast_id>/<verb>")
    @needs(Role.ADMIN)
    def followups_decide(broadcast_id: int, verb: str) -> ResponseReturnValue:
        if verb not in ("approve", "cancel"):
            abort(404)
        back = url_for("dashboard.followups_one", broadcast_id=broadcast_id)
        try:
            return acting.do(desk, ["broadcasts", verb, str(broadcast_id)], back)
        except Refused as err:
            return _one(desk, broadcast_id, str(err))

    @blueprint.post("/tasks/<int(max=2147483647):task_id>/done")
    @needs(Role.AGENT)
    def followups_task(task_id: int) -> ResponseReturnValue:
        now, who = desk.clock(), g.visitor.name
        with desk.store.write() as connection:
            if not tasks.done(connection, task_id, who, now):
                abort(404)
            accounts.record(connection, who, "tasks done", f"task {task_id}", "", now)
        return redirect(url_for("dashboard.followups") + "#tasks", 303)


def _one(desk: Desk, broadcast_id: int, refused: str = "") -> ResponseReturnValue:
    if not 0 < broadcast_id < 2**31:
        abort(404)
    did = acting.deed(desk, request.args.get("did"))
    with desk.store.read() as connection:
        found = lists.shown(connection, desk.config, broadcast_id)
    if found is None:
        abort(404)
    status = 409 if refused else 200
    return (
        page(
            "followup.html",
            b=found,
            named=found.recipients[:NAMED],
            is_open=found.row.state in OPEN,
            did=did,
            refused=refused,
        ),
        status,
    )
