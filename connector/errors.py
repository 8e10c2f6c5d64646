"""Errors of the connector. Each vendor error answers one question: try again?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

#: An error is stored and shown in a list; more than this is nobody's sentence.
MESSAGE_LIMIT = 500

# Halves of characters and NUL cannot be stored; other controls would break lines.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_CONTROLS = re.compile("[\x01-\x1f\x7f-\x9f\u2028\u2029]+")


class ConnectorError(Exception):
    """Anything this product raises on purpose."""


class ConfigError(ConnectorError):
    """The configuration cannot be used; ``problems`` holds every mistake found."""

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{path}: {problem}" for problem in problems))


class StoreUnavailable(ConnectorError):
    """The database did not take or answer something; the caller may come again."""


class LearningUnavailable(ConnectorError):
    """What learning needs is not installed; judging by what was learned needs none."""

    def __init__(self) -> None:
        super().__init__(
            "learning needs scikit-learn: pip install 'complaint-connector[learn]'"
        )


class SignatureRejected(ConnectorError):
    """A delivery is not provably from the vendor. The text never holds the secret."""


class MalformedPayload(ConnectorError):
    """A verified delivery cannot be read; it is parked, not refused."""


class VendorError(ConnectorError):
    """A call to a vendor did not do what was asked.

    ``retry``: asking again later can help. ``uncertain``: the vendor may have done it
    although we saw no answer, so look before asking again. ``retry_after``: seconds the
    vendor wants us to wait. ``whole_source``: nothing else for this source will work
    either until then. ``repeatable``: something was done, and doing all of it again is
    safe and needed. The message is cut and cleaned, so that it can be stored.
    """

    retry = False
    uncertain = False
    whole_source = False
    repeatable = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(_storable(message))
        self.status = status
        self.retry_after = retry_after


def _storable(message: str) -> str:
    text = _CONTROLS.sub(" ", _UNSTORABLE.sub("", message))
    return text if len(text) <= MESSAGE_LIMIT else text[: MESSAGE_LIMIT - 1] + "…"


class VendorUnavailable(VendorError):
    """No answer, a broken answer, or a 5xx: the request may have been carried out."""

    retry = True
    uncertain = True


class VendorUnreachable(VendorError):
    """The connection was never made, so nothing was carried out."""

    retry = True


class VendorBusy(VendorError):
    """The vendor asked us to slow down (429); the request was not carried out."""

    retry = True
    whole_source = True


class BudgetSpent(VendorBusy):
    """Our own budget for this vendor is used up for now; nothing was asked of it.

    More urgent calls may still be made; if it ``is_narrow``, any other calls.
    """

    whole_source = False
    is_narrow = False


class VendorConflict(VendorError):
    """Somebody changed the same thing at the same time (409): read again, retry."""

    retry = True


class CredentialsRejected(VendorError):
    """The vendor does not accept our credentials; a person has to look at them."""

    whole_source = True


class VendorRefused(VendorError):
    """The vendor understood and said no; the same request will be refused again.

    ``fields`` are those it said no to, where it tells.
    """

    fields: frozenset[str] = frozenset()


class NotYet(VendorError):
    """It is too early: until then nobody can tell whether to do it, or it was done."""

    retry = True
    whole_source = True  # as far as counting tries goes: this is not one

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class NotFound(VendorRefused):
    """The thing is gone, or our account may not see it; vendors do not tell which."""


class TicketGone(NotFound):
    """The ticket was deleted, or is hidden from our account."""


class TicketOutside(TicketGone):
    """The ticket exists, but in a part of the helpdesk we are told to stay out of."""


class ProjectClosed(VendorRefused):
    """Our account may not work in this part of the vendor, and in another it may."""


class TakesNoWrites(VendorRefused):
    """The source can only be read: what was wanted is recorded, and no failure."""


class TicketMerged(VendorRefused):
    """The ticket now lives on as another one: ``into`` is its external id."""

    def __init__(self, message: str, *, into: str, status: int | None = None) -> None:
        super().__init__(message, status=status)
        self.into = into


class TicketLocked(VendorRefused):
    """The ticket takes no more of this (closed for good, or full)."""
