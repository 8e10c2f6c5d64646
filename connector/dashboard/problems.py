"""Problems: the list, and the page of one with what people may say about it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, abort, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from connector.correcting import Refused
from connector.dashboard import acting
from connector.dashboard.desk import Desk
from connector.dashboard.guard import needs, refuse
from connector.dashboard.pages import page, row_number, state
from connector.models import GroupState, Role
from connector.reports import effect
from connector.store import bonds, groups, members, overview, timeline

#: Problems on a page, and days of the small curve of each.
SHOWN = 50
TREND_DAYS = 14

#: Tickets on the page of a problem; of more the newest.
MEMBERS_SHOWN = 200

#: The longest curve.
CURVE_DAYS = 180

#: What the list shows if nobody chooses.
_LIVE = (
    GroupState.READY,
    GroupState.FILED,
    GroupState.FIXED,
    GroupState.MUTED,
    GroupState.WONT_DO,
)
FILTERS = {
    "live": _LIVE,
    "emerging": (GroupState.EMERGING,),
    "closed": (GroupState.CLOSED,),
    "all": tuple(state for state in GroupState if state is not GroupState.MERGED),
}

#: What is asked for on the page of a problem: the fields of the form, in the order of
#: the command's words.
_FORMS = {
    "merge": ("other",),
    "rename": ("title",),
    "mute": ("--until",),
    "unmute": (),
    "wont-do": (),
    "reconsider": (),
    "file": (),
    "link": ("key",),
    "unlink": (),
    "never": ("other",),
    "allow": ("other",),
}


def register(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.get("/problems")
    def problems() -> ResponseReturnValue:
        return _list(desk)

    @blueprint.get("/problems/<int:group_id>")
    def problems_one(group_id: int) -> ResponseReturnValue:
        return _one(desk, group_id)

    @blueprint.post("/problems/<int:group_id>/split")
    @needs(Role.AGENT)
    def problems_split(group_id: int) -> ResponseReturnValue:
        return _act(desk, group_id, ["split", str(group_id), *_chosen()])

    @blueprint.post("/problems/<int:group_id>/<verb>")
    @needs(Role.AGENT)
    def problems_act(group_id: int, verb: str) -> ResponseReturnValue:
        if verb not in _FORMS:
            abort(404)
        words = [verb, str(group_id)]
        for name in _FORMS[verb]:
            value = request.form.get(name.lstrip("-"), "").strip()
            if name.startswith("--"):
                words += [name, value] if value else []
            else:
                words.append(value)
        return _act(desk, group_id, words)

    @blueprint.post("/undo/<int(max=2147483647):audit_id>")
    @needs(Role.AGENT)
    def undo(audit_id: int) -> ResponseReturnValue:
        deed = acting.deed(desk, str(audit_id))
        if not g.visitor.may(acting.who_may(deed)):
            refuse("only an admin can take that back")
        kind, _, name = deed["subject"].partition(" ") if deed else ("", "", "")
        try:
            found = acting.take_back(desk, audit_id, g.visitor.name)
        except Refused as err:
            return _one(desk, int(name), str(err)) if kind == "problem" else _gone(err)
        if kind == "problem":
            back = url_for("dashboard.problems_one", group_id=int(name))
        else:
            back = url_for("dashboard.rules")
        return redirect(f"{back}?did={found}", 303)


def _list(desk: Desk) -> ResponseReturnValue:
    which = request.args.get("show", "live")
    words = request.args.get("q", "").strip()[:200]
    chosen = FILTERS.get(which, _LIVE)
    with desk.store.read() as connection:
        rows = overview.problems(
            connection, chosen, words, _place(request.args.get("from")), SHOWN + 1
        )
        since = _days_ago(desk.clock(), TREND_DAYS - 1)
        ids = [row.id for row in rows[:SHOWN]]
        trends = overview.trend(connection, ids, since, TREND_DAYS)
        states = groups.counts(connection)
    more = rows[SHOWN - 1] if len(rows) > SHOWN else None
    return page(
        "problems.html",
        rows=rows[:SHOWN],
        trends=trends,
        states=states,
        which=which if which in FILTERS else "live",
        counts={
            name: sum(states.get(state, 0) for state in chosen)
            for name, chosen in FILTERS.items()
        },
        words=words,
        more=more and f"{more.last_at.isoformat()},{more.id}",
    )


def _gone(err: Refused) -> ResponseReturnValue:
    return page("refused.html", said=str(err)), 409


def _act(desk: Desk, group_id: int, words: list[str]) -> ResponseReturnValue:
    back = url_for("dashboard.problems_one", group_id=group_id)
    try:
        return acting.do(desk, ["groups", *words], back)
    except Refused as err:
        return _one(desk, group_id, str(err))


def _one(desk: Desk, group_id: int, refused: str = "") -> ResponseReturnValue:
    if not 0 < group_id < 2**31:
        abort(404)
    did = acting.deed(desk, request.args.get("did"))
    now = desk.clock()
    with desk.store.read() as connection:
        group = groups.find(connection, group_id)
        if group is None:
            abort(404)
        inside = members.newest(connection, group_id, MEMBERS_SHOWN)
        all_inside = members.count(connection, group_id)
        shown = {
            "g": group,
            "members": inside,
            "left_out": all_inside - len(inside),
            "happened": timeline.of(connection, group_id)[::-1],
            "apart": bonds.apart_from(connection, group_id),
            "curve": _curve(connection, group_id, now),
            "effect": effect.of(connection, desk.config, group_id, now),
        }
    status = 409 if refused else 200
    return page("problem.html", did=did, refused=refused, **shown), status


def _curve(connection: Connection, group_id: int, now: datetime) -> dict[str, Any]:
    """Return how many complained on each day, and when it was filed and fixed."""
    first = overview.first_complaint(connection, group_id)
    if first is None:
        return {"days": [], "values": [], "marks": []}
    age = (now.date() - first.date()).days + 1
    length = min(CURVE_DAYS, max(TREND_DAYS, age))
    since = _days_ago(now, length - 1)
    values = overview.trend(connection, [group_id], since, length)[group_id]
    marks: dict[int, list[str]] = {}
    for one in overview.milestones(connection, group_id):
        if one.kind in ("filed", "fixed", "reopened") and one.at >= since:
            marks.setdefault((one.at - since).days, []).append(state(one.kind))
    return {
        "days": [f"{since + timedelta(days=day):%Y-%m-%d}" for day in range(length)],
        "values": values,
        "marks": [
            {"day": day, "what": ", ".join(dict.fromkeys(words))}
            for day, words in marks.items()
        ],
    }


def _chosen() -> list[str]:
    return request.form.getlist("ticket")


def _place(text: str | None) -> tuple[datetime, int] | None:
    """Read where a page of the list begins; nonsense is the beginning."""
    at, _, number = (text or "").rpartition(",")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return (moment, row_number(number)) if moment.tzinfo else None


def _days_ago(now: datetime, days: int) -> datetime:
    midnight = datetime.combine(now.date(), datetime.min.time(), UTC)
    return midnight - timedelta(days=days)
