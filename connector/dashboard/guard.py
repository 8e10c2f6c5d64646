"""Who may see a page, and which requests are a person's own.

Until there is a user, only this machine is answered. After that everybody signs in,
wherever they are. A form is taken only from our own page: browsers say where a POST
comes from, and it has to bring the code that only the session's pages hold.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, NamedTuple, NoReturn, ParamSpec, TypeVar

from flask import Response, abort, g, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection
from werkzeug.middleware.proxy_fix import ProxyFix

from connector import accounts
from connector.accounts import Signed
from connector.dashboard.desk import Desk
from connector.dashboard.pages import page
from connector.errors import StoreUnavailable
from connector.models import Role
from connector.store import accounts as rows

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

P = ParamSpec("P")
R = TypeVar("R")

LOOPBACK = frozenset({"127.0.0.1", "::1"})
#: What a browser on this machine asks for. Any other name that leads here is one a
#: proxy was given, or a stranger's that was pointed at this machine.
_OWN_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
#: Headers of proxies; each says that somebody else asks.
_FORWARDED = frozenset({"forwarded", "via", "x-real-ip", "true-client-ip"})
_FORWARDED_PREFIXES = ("x-forwarded-", "cf-")

COOKIE = "cc_session"
LANGUAGE_COOKIE = "cc_language"

#: Words that somebody types or pastes; they are never asked for as they are.
_FREE = frozenset({"q", "subject", "text"})

#: In bytes; the longest is that of words to be tried.
LONGEST_FORM = 1_000_000

#: Nothing of a page comes from elsewhere, and nothing in it runs but our own files.
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; "
    "style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}

#: Pages for who has not signed in.
OPEN_PAGES = frozenset(
    f"dashboard.{name}"
    for name in (
        *("sign_in", "elsewhere", "returned", "welcome"),
        *("static", "preferences"),
    )
)


class Visitor(NamedTuple):
    """Who looks at a page: somebody signed in, or whoever sits at this machine."""

    name: str
    role: Role
    csrf: str
    is_guest: bool

    def may(self, role: str) -> bool:
        return Signed(self.name, self.role, self.csrf).may(Role(role))


def admit(desk: Desk) -> ResponseReturnValue | None:
    """Let a request in, or send it to the sign-in. Sets ``g.visitor``."""
    token = request.cookies.get(COOKIE, "")
    now = desk.clock()
    with desk.store.read() as connection:
        signed = _signed(desk, connection)
        is_new = signed is None and not rows.is_anybody(connection)
        is_late = signed is not None and accounts.is_to_touch(connection, token, now)
    if is_late:
        with desk.store.write() as connection:
            accounts.touch(connection, token, now)
    g.is_new = is_new
    g.visitor = None
    if signed is not None:
        g.visitor = _visitor(signed)
    elif is_new:
        # Where a provider vouches for people, the first user may be one of them.
        if desk.provider is None or not _strangeness():
            only_this_machine()
            g.visitor = Visitor("this machine", Role.VIEWER, "", True)
    if request.method not in ("GET", "HEAD"):
        is_open = request.endpoint in OPEN_PAGES
        ensure_own_form(None if signed is None or is_open else signed.csrf)
    _ensure_text()
    if g.visitor is None and request.endpoint not in OPEN_PAGES:
        return _to_sign_in()
    return None


def recognise(desk: Desk) -> None:
    """Set ``g.visitor`` for what is no page, which is refused to nobody."""
    g.visitor = None
    if not request.cookies.get(COOKIE):
        return
    try:
        with desk.store.read() as connection:
            signed = _signed(desk, connection)
    except StoreUnavailable:
        return
    g.visitor = None if signed is None else _visitor(signed)


def _signed(desk: Desk, connection: Connection) -> Signed | None:
    token = request.cookies.get(COOKIE, "")
    issuer = desk.config.oidc.issuer
    return accounts.signed(connection, token, desk.clock(), issuer) if token else None


def _visitor(signed: Signed) -> Visitor:
    return Visitor(signed.name, signed.role, signed.csrf, False)


def harden(response: Response) -> Response:
    """Let a browser do no more with a page than it is for."""
    response.headers.update(SECURITY)
    if request.endpoint == "dashboard.static" and response.status_code < 400:
        response.headers["Cache-Control"] = "public, max-age=3600"
    elif request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def needs(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Refuse a page to who may not do that."""

    def wrap(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            if not g.visitor.may(role):
                refuse(
                    f"only {'an' if role != Role.VIEWER else 'a'} {role} may do that"
                )
            return view(*args, **kwargs)

        return guarded

    return wrap


def only_who_measures(desk: Desk) -> None:
    """Refuse who neither brings the token for metrics nor sits at this machine."""
    token = desk.config.server.metrics_token
    brought = request.headers.get("Authorization", "")
    if token is not None:
        right = f"Bearer {token.get_secret_value()}"
        if hmac.compare_digest(brought.encode(), right.encode()):
            return
    only_this_machine()


def only_this_machine() -> None:
    """Refuse everybody else, also those who come through a proxy on this machine."""
    if strange := _strangeness():
        refuse(f"this page is for the connector's own machine: the request {strange}")


def _strangeness() -> str:
    """Return what shows that a request is not this machine's own; empty: nothing."""
    # nginx, where it is told nothing else, says no more than that it is none of today.
    is_old = request.environ.get("SERVER_PROTOCOL") in ("HTTP/1.0", "HTTP/1")
    if is_old or any(_is_of_a_proxy(name.lower()) for name, _ in request.headers):
        return "came through a proxy"
    if request.remote_addr not in LOOPBACK:
        return "comes from another one"
    if not _OWN_HOST.fullmatch(request.headers.get("Host", "")):
        return "asks for another host; use http://127.0.0.1"
    return ""


def ensure_own_form(code: str | None) -> None:
    """Refuse a form that is not of a page of ours.

    ``code`` is what the session's pages hold; None where there is no session yet.
    """
    request.max_content_length = LONGEST_FORM
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        refuse("the form was sent from another site")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in (
        "same-origin",
        "none",
    ):
        refuse("the form was sent from another site")
    if code is None:
        if origin is None:
            refuse("the form does not say where it comes from; use a browser")
        return
    brought = request.form.get("csrf") or request.headers.get("X-CSRF", "")
    if not hmac.compare_digest(brought.encode(), code.encode()):
        refuse("the form is of an earlier session; load the page again")


def _ensure_text() -> None:
    """Refuse what no keyboard makes, and a database may not take for text."""
    lists = request.values.lists()
    said = (one for key, several in lists if key not in _FREE for one in several)
    if any("\0" in one for one in (request.path, *said)):
        abort(400)


def ensure_no_guest() -> None:
    """Refuse what names customers or has their words to who has not signed in."""
    if g.visitor.is_guest:
        refuse("customers' words are shown to those who sign in; add the first user")


def refuse(why: str) -> NoReturn:
    """Refuse a request: on a page that leads on, to who may see pages."""
    if g.get("visitor"):
        abort(make_response(page("refused.html", said=why), 403))
    abort(Response(f"{why}\n", 403, content_type="text/plain"))


def behind_proxies(app: WSGIApplication, proxies: int) -> WSGIApplication:
    """Let an application see who asks, and by TLS or not, through that many proxies.

    Each adds the address that it was asked from; what stands before those is anybody's
    word. With 0 only a proxy on this machine is believed.
    """
    # Of several proxies only the first speaks TLS, and the last passes that on.
    told = ProxyFix(app, x_for=proxies or 1, x_proto=1, x_host=0)

    def seen(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        is_believed = proxies > 0 or environ.get("REMOTE_ADDR") in LOOPBACK
        return (told if is_believed else app)(environ, start)

    return seen


def is_local_path(path: str) -> bool:
    """Tell whether a path leads to a page of ours and nowhere else."""
    is_elsewhere = path.startswith(("//", "/\\"))
    return path.startswith("/") and not is_elsewhere and path.isprintable()


def _to_sign_in() -> ResponseReturnValue:
    back = request.full_path.rstrip("?") if request.method == "GET" else "/"
    target = url_for("dashboard.sign_in", next=back)
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": target})
    return redirect(target, 303)


def _is_of_a_proxy(header: str) -> bool:
    return header in _FORWARDED or header.startswith(_FORWARDED_PREFIXES)
