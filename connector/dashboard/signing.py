"""Signing in and out, and the first user."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any, NamedTuple
from urllib.parse import urlencode

from flask import Blueprint, Response, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from connector import accounts
from connector.accounts import NotAccepted
from connector.dashboard import languages
from connector.dashboard.desk import Desk
from connector.dashboard.guard import COOKIE, is_local_path, only_this_machine
from connector.dashboard.pages import page
from connector.models import Role
from connector.store import accounts as rows


class Elsewhere(NamedTuple):
    """The link to a provider that vouches for people."""

    address: str
    title: str


def register(blueprint: Blueprint, desk: Desk) -> None:
    @blueprint.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> ResponseReturnValue:
        if g.is_new and g.visitor:
            return redirect(url_for("dashboard.welcome"))
        back = request.values.get("next", "/")
        if not is_local_path(back):
            back = "/"
        said, status = "", 200
        if request.method == "POST":
            token, said, status = _try(desk)
            if token:
                return with_cookie(redirect(back, 303), token)
        ways = {"elsewhere": _elsewhere(desk, back), "has_users": not g.is_new}
        return page("sign_in.html", next=back, said=said, **ways), status

    @blueprint.route("/welcome", methods=["GET", "POST"])
    def welcome() -> ResponseReturnValue:
        """Make the first user, from this machine only: an admin."""
        if not g.is_new:
            return redirect(url_for("dashboard.overview"))
        only_this_machine()
        said = ""
        if request.method == "POST":
            name, password = request.form.get("name", ""), _password()
            try:
                if password != request.form.get("again", ""):
                    raise NotAccepted("password: the two are not the same")
                with desk.store.write() as connection:
                    now = desk.clock()
                    accounts.ensure_first(connection)
                    kept = accounts.add(
                        connection, name, Role.ADMIN, password, "this machine", now
                    )
                    user = rows.named(connection, kept)
                    assert user is not None
                    token = accounts.begin(connection, user.id, kept, now)
            except NotAccepted as err:
                said = str(err)
            else:
                target = redirect(url_for("dashboard.overview"), 303)
                return with_cookie(target, token)
        elsewhere = _elsewhere(desk, "/")
        return page("welcome.html", said=said, elsewhere=elsewhere), (
            422 if said else 200
        )

    @blueprint.post("/preferences")
    def preferences() -> ResponseReturnValue:
        return languages.chosen()

    @blueprint.post("/sign-out")
    def sign_out() -> ResponseReturnValue:
        token = request.cookies.get(COOKIE, "")
        with desk.store.write() as connection:
            accounts.sign_out(connection, token)
        response = make_response(redirect(url_for("dashboard.sign_in"), 303))
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="Lax")
        return response


def _try(desk: Desk) -> tuple[str | None, str, int]:
    """Return the token of a new session, or what to say and with which status."""
    name, now = request.form.get("name", ""), desk.clock()
    try:
        with desk.store.read() as connection:
            one = accounts.attempt(connection, name, address(), now)
        # Between the two: nobody else could write while a password is checked.
        right = accounts.is_right(one, _password())
    except NotAccepted as err:
        return None, str(err), 429
    with desk.store.write() as connection:
        token = accounts.settle(connection, one, right, now)
    if token is None:
        return None, "name or password is not right", 401
    return token, "", 200


def address() -> str:
    """Return who asks, as failed sign-ins are counted by.

    Of IPv6 that is a network: whoever has an address there has 2**64 of them.
    """
    said = (request.remote_addr or "")[:64]
    try:
        one = ip_address(said)
    except ValueError:
        return said
    if isinstance(one, IPv4Address):
        return said
    near = one.ipv4_mapped
    return str(near or ip_network((int(one), 64), strict=False).network_address)


def _password() -> str:
    return request.form.get("password", "")


def _elsewhere(desk: Desk, back: str) -> Elsewhere | None:
    """Return the way to the provider. It begins where the provider sends back to."""
    if desk.provider is None:
        return None
    address = f"{desk.provider.start}?{urlencode({'next': back})}"
    return Elsewhere(address, desk.provider.config.button)


def with_cookie(target: Any, token: str) -> Response:
    """Let a browser have a session from now on."""
    response = make_response(target)
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(accounts.LONGEST.total_seconds()),
        path="/",
        secure=request.is_secure,
        httponly=True,
        # Lax: a link in a mail or an issue leads to the page and not to the sign-in.
        samesite="Lax",
    )
    return response
