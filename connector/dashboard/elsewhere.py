"""Signing in at a provider: sending a browser there, and taking it back.

The way there is a link and no form, so that the pages need not allow forms to lead
anywhere else. What is said to whom is in ``connector.oidc.provider``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from flask import Blueprint, Response, g, make_response, redirect, request
from flask.typing import ResponseReturnValue

from connector import accounts, vouching
from connector.accounts import NotAccepted
from connector.dashboard.desk import Desk
from connector.dashboard.guard import is_local_path
from connector.dashboard.pages import page
from connector.dashboard.signing import address, with_cookie
from connector.oidc.journey import CALLBACK, PATIENCE, START, Journey
from connector.store import accounts as rows
from connector.vouching import Person, Refusal, SignInFailed

if TYPE_CHECKING:
    from connector.oidc.provider import Provider

_log = structlog.get_logger(__name__)

COOKIE = "cc_oidc"

_STATUS = {Refusal.STALE: 400, Refusal.UNREACHABLE: 503}


def register(blueprint: Blueprint, desk: Desk) -> None:
    provider = desk.provider
    if provider is None:
        return

    @blueprint.get(START)
    def elsewhere() -> ResponseReturnValue:
        now = desk.clock()
        journey = Journey.begin(request.args.get("next", "/"), now)
        try:
            target = provider.way_there(journey, now)
        except SignInFailed as err:
            return _failed(provider, err)
        response = make_response(redirect(target, 303))
        response.set_cookie(
            COOKIE,
            journey.cookie,
            max_age=int(PATIENCE.total_seconds()),
            path=START,
            secure=request.is_secure,
            httponly=True,
            # Lax: it comes along when the provider sends the browser back.
            samesite="Lax",
        )
        return response

    @blueprint.get(CALLBACK)
    def returned() -> ResponseReturnValue:
        now = desk.clock()
        journey = Journey.read(request.cookies.get(COOKIE, ""), now)
        if journey is None:
            why = "the browser brought nothing back, or too late"
            return _failed(provider, SignInFailed(Refusal.STALE, why))
        try:
            person = _person(desk, provider, journey)
        except NotAccepted as err:
            return page("refused.html", said=str(err)), 429
        except SignInFailed as err:
            return _failed(provider, err)
        with desk.store.write() as connection:
            token = vouching.welcome(connection, person, now)
        if isinstance(token, Refusal):
            return _refused(provider, token, person)
        back = journey.back if is_local_path(journey.back) else "/"
        return _over(with_cookie(redirect(back, 303), token))


def _person(desk: Desk, provider: Provider, journey: Journey) -> Person:
    """Have it proven who came back; whoever makes up codes is slowed down."""
    now = desk.clock()
    with desk.store.read() as connection:
        accounts.ensure_few_failures(connection, address(), now)
    try:
        return provider.way_back(journey, request.args, now)
    except SignInFailed as err:
        if err.refusal is not Refusal.UNREACHABLE:
            with desk.store.write() as connection:
                rows.failed(connection, "", address(), now)
        raise


def _failed(provider: Provider, err: SignInFailed) -> Response:
    _log.warning("oidc.failed", why=err.refusal.value, detail=err.detail)
    return _refused(provider, err.refusal)


def _refused(
    provider: Provider, refusal: Refusal, person: Person | None = None
) -> Response:
    """Say why somebody is not signed in, and who can do what about it."""
    g.visitor = None  # the page is about who came back, whoever was here before
    told = page(
        "not_signed_in.html",
        why=refusal.value,
        claim=provider.config.role_claim,
        issuer=provider.config.issuer,
        person=person,
    )
    return _over(make_response(told, _STATUS.get(refusal, 403)))


def _over(response: Response) -> Response:
    """End a journey: it leads here once."""
    response.delete_cookie(COOKIE, path=START, httponly=True, samesite="Lax")
    return response
