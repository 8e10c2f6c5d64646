"""The agent's sidebar: what is known of the ticket that is open in the helpdesk.

A page of ours in a frame of theirs. Who opens it for which ticket the vendor says and
signs; nothing is shown without that, and only the vendor's own pages may hold it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, Response, abort, g, jsonify, render_template, request
from flask.typing import ResponseReturnValue

from adapters.base import Adapter, Framer
from connector import retyping
from connector.config import Config
from connector.correcting import Refused
from connector.errors import SignatureRejected, StoreUnavailable
from connector.models import Opened, TicketRef, WebhookRequest
from connector.sidebar import visits, words
from connector.sidebar.panel import gather
from connector.sidebar.visits import Visit
from connector.store import Store, outbox

__all__ = ["create_blueprint"]

PATH = "/sidebar"

#: A form, or the context that a legacy app is called with.
MAX_BODY = 100_000

#: Beside whose pages may hold ours, which each source says.
SECURITY = {
    "X-Content-Type-Options": "nosniff",
    # The address of the page is what proves who asks.
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors "
)


def create_blueprint(
    store: Store,
    config: Config,
    clock: Callable[[], datetime],
    adapters: Mapping[str, Adapter],
) -> Blueprint:
    """Make ``/sidebar/<source>`` for each source whose vendor can hold the page.

    404: no such source, or it is not set up. 403: not provably from the vendor.
    """
    pages = Pages(store, config, clock, adapters)
    blueprint = Blueprint(
        "sidebar",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path=f"{PATH}/files",
    )
    blueprint.before_request(_limit)
    blueprint.after_request(_harden)
    blueprint.register_error_handler(StoreUnavailable, _no_database)
    blueprint.add_url_rule(
        f"{PATH}/<source>", "open", pages.open, methods=["GET", "POST"]
    )
    blueprint.post(f"{PATH}/<source>/ticket", endpoint="ticket")(pages.ticket)
    blueprint.post(f"{PATH}/<source>/types", endpoint="types")(pages.types)
    return blueprint


class Pages:
    """Answers what the frames of every source ask."""

    def __init__(
        self,
        store: Store,
        config: Config,
        clock: Callable[[], datetime],
        adapters: Mapping[str, Adapter],
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._framers = {
            name: adapter
            for name, adapter in adapters.items()
            if isinstance(adapter, Framer) and adapter.frame_origins
        }

    def open(self, source: str) -> ResponseReturnValue:
        """Show the page to whom the vendor vouches for."""
        framer = self._framer(source)
        asked = WebhookRequest(
            headers={name.lower(): value for name, value in request.headers},
            body=request.get_data(),
            query=request.args.to_dict(),
        )
        try:
            opened = framer.opened(asked, self._clock())
        except SignatureRejected:
            return self._refuse()
        if opened.is_markup:
            return jsonify(html=self._markup(source, opened))
        with self._store.write() as connection:
            begun = visits.begin(connection, source, opened, self._clock())
        return self._refuse() if begun is None else self._page(begun)

    def ticket(self, source: str) -> ResponseReturnValue:
        """Show the ticket that a page says is open; from then on no other."""
        visit = self._visit(source)
        with self._store.write() as connection:
            ticket = request.form.get("ticket", "")
            settled = visit and visits.settle(connection, visit, ticket)
        return self._page(settled) if settled else self._refuse()

    def types(self, source: str) -> ResponseReturnValue:
        """Take an agent's word for what the ticket is about."""
        visit = self._visit(source)
        if visit is None or not visit.ticket:
            return self._refuse()
        wrong, right = request.form.getlist("wrong"), request.form.get("right", "")
        ref = TicketRef(source, visit.ticket)
        who = f"{source}: {visit.who or 'an agent'}"
        try:
            with self._store.write(wake=outbox.WAKE) as connection:
                retyping.retype(
                    connection, self._config, ref, wrong, right, who, self._clock()
                )
        except Refused as err:
            return self._page(visit, refused=str(err)), 409
        return self._page(visit, told=True)

    def _framer(self, source: str) -> Framer:
        framer = self._framers.get(source)
        if framer is None:
            abort(404)
        g.frame_origins = framer.frame_origins
        return framer

    def _visit(self, source: str) -> Visit | None:
        self._framer(source)
        token = request.form.get("visit", "")
        with self._store.read() as connection:
            return visits.of(connection, source, token, self._clock())

    def _page(self, visit: Visit, **more: Any) -> str:
        return self._render(
            "sidebar.html",
            visit.source,
            visit.ticket,
            visit=visit,
            host=self._config.sources[visit.source].kind,
            origin=g.frame_origins[0],
            **more,
        )

    def _markup(self, source: str, opened: Opened) -> str:
        return self._render("panel.html", source, opened.ticket, visit=None)

    def _render(self, template: str, source: str, ticket: str, **more: Any) -> str:
        language = words.language(request)
        panel = None
        if ticket:
            ref, now = TicketRef(source, ticket), self._clock()
            with self._store.read() as connection:
                panel = gather(connection, self._config, ref, language, now)
        return render_template(
            template,
            lang=language,
            say=words.speaker(language),
            p=panel,
            **{"told": False, "refused": "", **more},
        )

    def _refuse(self) -> ResponseReturnValue:
        language = words.language(request)
        page = render_template(
            "refused_frame.html", lang=language, say=words.speaker(language)
        )
        return page, 403


def _limit() -> None:
    request.max_content_length = MAX_BODY


def _harden(response: Response) -> Response:
    response.headers.update(SECURITY)
    if request.endpoint == "sidebar.static":
        response.headers["Cache-Control"] = "public, max-age=3600"
    origins = g.get("frame_origins", ()) or ("'none'",)
    response.headers["Content-Security-Policy"] = POLICY + " ".join(origins)
    return response


def _no_database(_: StoreUnavailable) -> ResponseReturnValue:
    return Response("the database does not answer\n", 503, content_type="text/plain")
