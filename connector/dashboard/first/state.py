"""What the pages of one first start share: answers, the code, and how it ended."""

from __future__ import annotations

import hmac
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from flask import render_template
from flask_babel import get_locale

from connector.dashboard.first.draft import Draft
from connector.dashboard.first.steps import steps
from connector.installation import Called
from connector.models import Finding

#: Letters and digits that nobody takes for one another.
_SIGNS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Outcome(NamedTuple):
    """What came of it."""

    is_user_new: bool  #: else an older database had some
    called: Sequence[Called]
    by_hand: Sequence[tuple[str, str]]  #: sources and the addresses of their doors
    findings: Sequence[Finding]


@dataclass
class Start:
    """One first start, from its code to its end.

    ``code`` is empty once it was used, ``token`` is of the browser that used it.
    """

    path: Path
    clock: Callable[[], datetime]
    draft: Draft
    code: str = field(default_factory=lambda: new_code(), repr=False)
    token: str = field(default="", repr=False)
    outcome: Outcome | None = None
    is_over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def let_in(self, code: str) -> str:
        """Return the token of a session for the code, once; else nothing.

        There is no limit to wrong ones: 80 bits are not to be guessed.
        """
        typed = re.sub(r"[^0-9A-Z]", "", code.upper())
        right = self.code.replace("-", "")
        with self.lock:
            if not right or not hmac.compare_digest(typed.encode(), right.encode()):
                return ""
            self.code, self.token = "", secrets.token_urlsafe(32)
            return self.token

    def is_known(self, token: str) -> bool:
        return bool(self.token) and hmac.compare_digest(
            token.encode(), self.token.encode()
        )


def new_code() -> str:
    signs = [secrets.choice(_SIGNS) for _ in range(16)]
    return "-".join("".join(signs[at : at + 4]) for at in range(0, 16, 4))


def show(start: Start, template: str, here: str, **values: Any) -> str:
    """Fill a page of a step, which stands among the others."""
    return render_template(
        template,
        menu=[],
        lang=str(get_locale()),
        steps=steps(start.draft),
        here=here,
        **values,
    )
