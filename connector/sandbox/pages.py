"""What people see in a browser: tickets and issues, and forms to play a part."""

from __future__ import annotations

from flask import Blueprint, Flask, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from connector.sandbox.stage import Json
from connector.sandbox.world import Unknown, World

TITLES = {"helpscout": "Help Scout", "zendesk": "Zendesk", "jira": "Jira"}
DEEDS = {
    "new": (("start", "Start"), ("done", "Done"), ("wont_do", "Won't do")),
    "indeterminate": (("done", "Done"), ("wont_do", "Won't do")),
    "done": (("reopen", "Reopen"),),
}


def create_app(world: World) -> Flask:
    """Build the front page."""
    app = Flask("connector.sandbox")

    @app.get("/")
    def front() -> ResponseReturnValue:
        state = world.state()
        counts = {
            vendor: len(state[vendor].get("tickets") or state[vendor].get("issues", []))
            for vendor in TITLES
        }
        latest = list(reversed(world.log()))[:25]
        return render_template(
            "front.html", titles=TITLES, counts=counts, latest=latest, root=""
        )

    return app


def add_vendor(app: Flask, vendor: str, world: World) -> None:
    """Add the pages of one vendor beside its interface."""
    pages = Blueprint(
        "pages",
        "connector.sandbox",
        template_folder="templates",
    )

    @pages.errorhandler(Unknown)
    def unknown(err: Unknown) -> ResponseReturnValue:
        page = render_template(
            "message.html", title=TITLES[vendor], message=str(err), root="/"
        )
        return page, 404

    if vendor == "jira":
        _jira_pages(pages, world)
    else:
        _helpdesk_pages(pages, vendor, world)
    app.register_blueprint(pages)


def _helpdesk_pages(pages: Blueprint, vendor: str, world: World) -> None:
    @pages.get("/")
    def tickets() -> ResponseReturnValue:
        shown = list(reversed(world.state()[vendor]["tickets"]))
        return render_template(
            "tickets.html", title=TITLES[vendor], tickets=shown, root="/"
        )

    @pages.post("/write")
    def write() -> ResponseReturnValue:
        given = request.form
        if not (given.get("email", "").strip() and given.get("text", "").strip()):
            raise Unknown("A letter needs an address and some words.")
        number = world.write(
            vendor,
            email=given["email"].strip(),
            name=given.get("name", "").strip(),
            subject=given.get("subject", "").strip() or "(no subject)",
            text=given["text"],
            ticket=given.get("ticket") or None,
        )
        return redirect(url_for("pages.ticket", number=number))

    # The two spellings the vendors use in their own links.
    @pages.get("/conversation/<int:number>")
    @pages.get("/conversation/<int:number>/<int:shown>")
    @pages.get("/agent/tickets/<int:number>")
    @pages.get("/ticket/<int:number>", endpoint="ticket")
    def ticket(number: int, shown: int = 0) -> ResponseReturnValue:
        found = world.ticket(vendor, number)
        return render_template(
            "ticket.html",
            title=TITLES[vendor],
            ticket=found,
            entries=_in_order(found),
            root="/",
        )

    @pages.post("/ticket/<int:number>/<act>")
    def act(number: int, act: str) -> ResponseReturnValue:
        given = {key: value for key, value in request.form.items() if value.strip()}
        world.agent(vendor, number, act, **given)
        return redirect(url_for("pages.ticket", number=number))


def _in_order(ticket: Json) -> list[Json]:
    """Everything said in a ticket, oldest first, with what kind of thing it is."""
    entries = [
        {**entry, "kind": kind}
        for kind in ("words", "notes", "messages")
        for entry in ticket[kind]
    ]
    return sorted(entries, key=lambda entry: int(entry["id"]))


def _jira_pages(pages: Blueprint, world: World) -> None:
    def find(key: str) -> Json:
        for issue in world.state()["jira"]["issues"]:
            if key in (issue["key"], issue["id"]):
                return dict(issue)
        raise Unknown(f"There is no issue {key}.")

    @pages.get("/")
    def issues() -> ResponseReturnValue:
        shown = list(reversed(world.state()["jira"]["issues"]))
        return render_template("issues.html", title="Jira", issues=shown, root="/")

    @pages.get("/browse/<key>")
    def issue(key: str) -> ResponseReturnValue:
        found = find(key)
        return render_template(
            "issue.html",
            title="Jira",
            issue=found,
            deeds=DEEDS[found["category"]],
            root="/",
        )

    @pages.post("/browse/<key>/<act>")
    def act(key: str, act: str) -> ResponseReturnValue:
        world.issue(key, act, text=request.form.get("text", ""))
        return redirect(url_for("pages.issue", key=key))
