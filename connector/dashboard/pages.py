"""How a page is made: the frame around it, and how values are written in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from flask import current_app, g, render_template, request
from flask_babel import format_decimal, get_locale, gettext
from markupsafe import Markup

from connector import issue_text

#: The pages in the order of the menu, with the key that is their name.
MENU = (
    ("overview", "Overview"),
    ("problems", "Problems"),
    ("tickets", "Tickets"),
    ("rules", "Rules"),
    ("activity", "Activity"),
    ("followups", "Follow-ups"),
    ("setup", "Set-up"),
)


#: Where a page is called otherwise than its part of the menu.
_ENTRY = {"tickets": "tickets_list"}


class Link(NamedTuple):
    endpoint: str
    title: str
    is_here: bool


def page(template: str, /, **values: Any) -> str:
    """Fill a page; only its changing part is asked for by htmx's own requests."""
    here = (request.endpoint or "").removeprefix("dashboard.").partition("_")[0]
    # At the first start there is nothing yet that a menu could lead to.
    is_set_up = "dashboard.problems" in current_app.view_functions
    menu = [
        Link(f"dashboard.{_ENTRY.get(name, name)}", gettext(title), name == here)
        for name, title in MENU
    ]
    visitor = g.get("visitor") if is_set_up else None
    common = {"menu": menu, "visitor": visitor, "is_set_up": is_set_up}
    return render_template(template, **common, lang=str(get_locale()), **values)


def when(value: datetime | None) -> str:
    """Write a time that nobody reads as another day, in UTC."""
    return "" if value is None else f"{value:%Y-%m-%d %H:%M}"


def number(value: float | None) -> str:
    return "" if value is None else format_decimal(value)


def state(word: str) -> str:
    """Write a word of the tables for people, in their language."""
    return gettext(spoken(word)) if word else ""


def spoken(word: str) -> str:
    return word.replace("_", " ")


def kinds(names: Iterable[str]) -> str:
    """Name types of complaints in the reader's language."""
    language = str(get_locale())
    return ", ".join(issue_text.kind(language, name) for name in names)


def row_number(word: str) -> int:
    """Read the number of a row; what no row has is 0."""
    number = int(word) if re.fullmatch(r"[0-9]{1,10}", word) else 0
    return number if number < 2**31 else 0


def csrf() -> Markup:
    """Return the field that shows that a form is ours."""
    visitor = g.get("visitor")
    code = visitor.csrf if visitor else ""
    return Markup('<input type="hidden" name="csrf" value="{}">').format(code)
