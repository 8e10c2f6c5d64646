"""The languages of the pages, and which of them somebody reads."""

from __future__ import annotations

from pathlib import Path

from flask import make_response, redirect, request
from flask.sansio.app import App
from flask.typing import ResponseReturnValue
from flask_babel import Babel

from connector.dashboard import guard

LANGUAGES = ("en", "nb", "fi")

#: Where what the pages say stands in other languages.
TRANSLATIONS = Path(__file__).parent / "translations"


def set_up(app: App) -> None:
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, locale_selector=_language)


def chosen() -> ResponseReturnValue:
    """Remember the language that somebody chose, and go back to their page."""
    back = request.form.get("next", "/")
    back = back if guard.is_local_path(back) else "/"
    response = make_response(redirect(back, 303))
    response.set_cookie(
        guard.LANGUAGE_COOKIE,
        request.form.get("language", "")[:5],
        max_age=365 * 86400,
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


def _language() -> str:
    """Return the language chosen on a page, else the browser's."""
    chosen = request.cookies.get(guard.LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    found = request.accept_languages.best_match([*LANGUAGES, "no", "nn"], "en")
    return {"no": "nb", "nn": "nb"}.get(found, found)
