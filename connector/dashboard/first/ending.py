"""The last steps: the first user, everything written, what doctor finds, the start."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from adapters.base import Subscriber
from connector import accounts, callbacks, doctor, installation
from connector.accounts import NotAccepted
from connector.config import Config, load, open_adapters
from connector.dashboard.first.state import Outcome, Start, show
from connector.dashboard.first.steps import steps
from connector.dashboard.signing import with_cookie
from connector.errors import ConfigError, StoreUnavailable
from connector.models import Finding, Level, Role
from connector.store import Store
from connector.store import accounts as rows

_WORST_FIRST = (Level.PROBLEM, Level.WARNING, Level.OK)


def register(blueprint: Blueprint, start: Start) -> None:
    @blueprint.route("/first-start/finish", methods=["GET", "POST"])
    def first_finish() -> ResponseReturnValue:
        left = [step for step in steps(start.draft)[:-1] if not step.is_done]
        said: list[str] = []
        if request.method == "POST" and not left:
            with start.lock:
                # A second click waits for the first, and finds everything done.
                if start.outcome is None:
                    said, token = _finish(start)
                    if not said:
                        done = redirect(url_for("dashboard.first_done"), 303)
                        return with_cookie(done, token) if token else done
                else:
                    return redirect(url_for("dashboard.first_done"), 303)
        page = show(
            start,
            "first_finish.html",
            "finish",
            said=said,
            left=left,
            typed=request.form.get("name", ""),
            answers=start.draft.answers,
            titles={name: start.draft.kind(name).title for name in _names(start)},
        )
        return page, 422 if said or (left and request.method == "POST") else 200

    @blueprint.get("/first-start/done")
    def first_done() -> ResponseReturnValue:
        name = next(iter(start.draft.helpdesks()), "")
        return show(start, "first_done.html", "done", outcome=start.outcome, name=name)

    @blueprint.post("/first-start/go")
    def first_go() -> ResponseReturnValue:
        start.is_over.set()
        return make_response(show(start, "first_gone.html", "done"))


def _names(start: Start) -> list[str]:
    return list(start.draft.answers.sources)


def _finish(start: Start) -> tuple[list[str], str]:
    """Write everything; return what is wrong, or the first user's session."""
    name, password = request.form.get("name", ""), request.form.get("password", "")
    if password != request.form.get("again", ""):
        return ["password: the two are not the same"], ""
    try:
        token = _write(start, name, password)
    except ConfigError as err:
        return list(err.problems), ""
    except (NotAccepted, StoreUnavailable) as err:
        return [str(err)], ""
    except OSError as err:
        why = f"{start.path.parent}: cannot be written ({err.strerror})"
        return [f"{why}; give this user the right to, and try again"], ""
    start.draft.end()
    start.outcome = _outcome(start, bool(token))
    return [], token


def _write(start: Start, name: str, password: str) -> str:
    """Write configuration and first user, or neither.

    Returns the token of the user's session, if any. Raises what ``_finish`` tells.
    """
    text, hidden, config = start.draft.compose()
    store = Store(config.database.url, pool_size=1)
    try:
        store.upgrade()
        with store.write() as connection:
            token = _first_user(connection, name, password, start.clock())
            installation.write(start.path, text, hidden)
    finally:
        store.close()
    return token


def _first_user(connection: Connection, name: str, password: str, now: datetime) -> str:
    """Make the first user; where an older database has users already, none.

    Returns the token of their session, if any. Raises ``NotAccepted``.
    """
    if rows.is_anybody(connection):
        return ""
    accounts.ensure_first(connection)
    who = "this machine"
    kept = accounts.add(connection, name, Role.ADMIN, password, who, now)
    user = rows.named(connection, kept)
    assert user is not None
    return accounts.begin(connection, user.id, kept, now)


def _outcome(start: Start, is_user_new: bool) -> Outcome:
    """Have the vendors call us, and look at everything."""
    try:
        config = load(start.path)
        called, by_hand = [], []
        if config.server.public_url is not None:
            called = list(installation.register_all(config, start.path))
            by_hand = _by_hand(config)
        # Read again: a vendor may have made a secret. Nothing serves yet, so no
        # delivery could make its way.
        config = load(start.path)
        found = doctor.findings_of(start.path, config, round_trips=False)
    except ConfigError as err:
        remedy = "correct it, then start the connector again"
        wrong = [Finding(Level.PROBLEM, err.path, one, remedy) for one in err.problems]
        return Outcome(is_user_new, (), (), wrong)
    store = Store(config.database.url, pool_size=1)
    try:
        with store.write() as connection:
            doctor.keep(connection, found, start.clock())
    finally:
        store.close()
    found.sort(key=lambda one: _WORST_FIRST.index(one.level))
    return Outcome(is_user_new, called, by_hand, found)


def _by_hand(config: Config) -> list[tuple[str, str]]:
    with open_adapters(config) as adapters:
        return [
            (name, callbacks.address_of(config, name))
            for name, adapter in adapters.items()
            if not isinstance(adapter, Subscriber)
        ]
