"""One careful way to call a vendor over HTTP. The only place that holds a session.

A call is made once. What comes back is either a response with an expected status or the
``VendorError`` that says whether to try again; no request is ever logged whole.
"""

from __future__ import annotations

import math
import re
import ssl
import threading
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from adapters import pace
from adapters.words import masked
from connector.errors import (
    CredentialsRejected,
    NotFound,
    VendorBusy,
    VendorConflict,
    VendorError,
    VendorRefused,
    VendorUnavailable,
    VendorUnreachable,
)

USER_AGENT = "complaint-connector"
TIMEOUT = (5.0, 30.0)  # connect, read; seconds

#: Longest quotation of a vendor's error text that is kept.
WORDS_LIMIT = 400

#: Longest wait a vendor can impose: longer ones are mistakes, and the next attempt
#: asks again anyway.
MAX_WAIT = 3600.0

#: How long a busy vendor is left alone that does not say how long.
BUSY_WAIT = 60.0

_SCOPE = re.compile(r"\bscopes?\b", re.IGNORECASE)

Explain = Callable[[requests.Response], str]


class Transport(requests.adapters.HTTPAdapter):
    """Sends a request once, in its turn. Mounted into every session that calls.

    Whatever a library does above it, no request leaves without the pace knowing. Who
    names the same ``account`` shares its budgets.
    """

    def __init__(self, account: str, tariff: pace.Tariff = pace.PLAIN) -> None:
        super().__init__(pool_maxsize=32, max_retries=0)
        self._account = account
        self._tariff = tariff

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        turn = pace.current()
        if turn is None:
            return super().send(request, *args, **kwargs)
        call = pace.Call(request.method or "", urlsplit(request.url or "").path)
        if turn.pace:
            turn.pace.enter(self._account, self._tariff.charges(call), turn)
        response = super().send(request, *args, **kwargs)
        if call.method in pace.WRITING and response.ok:
            turn.wrote = True
        if turn.pace:
            self._report(turn.pace, call, response)
        return response

    def _report(
        self, keeper: pace.Pace, call: pace.Call, response: requests.Response
    ) -> None:
        headers = response.headers
        keeper.learn(self._account, self._tariff.told(call, headers, datetime.now(UTC)))
        if response.status_code == 429:
            bucket = self._tariff.held(call, headers)
            if bucket is not None:
                wait = retry_after(headers)
                # A second more: its clock is not ours, and early calls are punished.
                seconds = BUSY_WAIT if wait is None else wait + 1
                keeper.hold(self._account, bucket, seconds)


def account_of(address: str) -> str:
    """Name an account by the address of its interface."""
    return address.partition("://")[2].strip("/")


def mount(
    session: requests.Session, account: str, tariff: pace.Tariff = pace.PLAIN
) -> None:
    """Let a session send everything through a ``Transport``."""
    for scheme in ("https://", "http://"):
        session.mount(scheme, Transport(account, tariff))


class Token:
    """A bearer token shared by threads, fetched when needed and renewed early.

    ``fetch`` returns the token and its life in seconds (None: no end is known).
    """

    def __init__(
        self,
        fetch: Callable[[], tuple[str, float | None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._value = ""
        self._expires = 0.0

    def value(self) -> str:
        with self._lock:
            if not self._value or self._clock() >= self._expires:
                self._renew()
            return self._value

    def renew(self, rejected: str) -> str:
        """Replace ``rejected``; if another thread already did, use its token."""
        with self._lock:
            if self._value == rejected:
                self._renew()
            return self._value

    def _renew(self) -> None:
        self._value = ""
        with pace.asking():
            value, life = self._fetch()
        # A tenth early, a minute at most: the clock of the vendor is not ours.
        margin = min(60.0, life * 0.1) if life else 0.0
        self._expires = self._clock() + (life - margin if life else float("inf"))
        self._value = value


class VendorClient:
    """Calls to one vendor account.

    ``auth`` is set for Basic or fixed credentials, ``token`` for a bearer that expires.
    ``explain`` gets the vendor's own words out of an error response, ``tariff`` says
    what the vendor counts, and ``account`` for whom, where the address does not.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        explain: Explain,
        *,
        token: Token | None = None,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        verify: bool | str = True,
        timeout: tuple[float, float] = TIMEOUT,
        tariff: pace.Tariff = pace.PLAIN,
        account: str = "",
    ) -> None:
        self.name = name
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self._explain = explain
        self._token = token
        self._session = requests.Session()
        self._session.auth = auth
        self._session.verify = verify
        self._session.headers.update({"User-Agent": USER_AGENT, **(headers or {})})
        # Credentials come from the configuration, never from a .netrc or proxy file.
        self._session.trust_env = False
        mount(self._session, account or account_of(base_url) or name, tariff)

    def call(
        self,
        method: str,
        path: str,
        *,
        expect: Collection[int] = (200,),
        json: Any = None,
        content: bytes | None = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send one request to ``path`` below the base address; do not follow redirects.

        ``content`` is a body byte by byte, for one that is signed. Raises the fitting
        ``VendorError`` unless the status is in ``expect``.
        """
        used = self._token.value() if self._token else ""
        response = self._send(method, path, json, content, params, headers, used)
        if response.status_code == 401 and self._token:
            fresh = self._token.renew(used)
            response = self._send(method, path, json, content, params, headers, fresh)
        if response.status_code not in expect:
            raise self.error(response)
        return response

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET a JSON document."""
        return self.decode(self.call("GET", path, params=params))

    def decode(self, response: requests.Response) -> Any:
        """Return the JSON of a good response; anything else is no answer at all."""
        try:
            return response.json()
        except (ValueError, RecursionError) as err:
            raise VendorUnavailable(
                f"{self.name} answered {response.status_code} without JSON",
                status=response.status_code,
            ) from err

    def error(self, response: requests.Response) -> VendorError:
        """Turn an unexpected response into the error that answers "try again?"."""
        return problem(self.name, response, self._explain(response))

    def close(self) -> None:
        self._session.close()

    def _send(
        self,
        method: str,
        path: str,
        json: Any,
        content: bytes | None,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        token: str,
    ) -> requests.Response:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        try:
            return self._session.request(
                method,
                self.base_url + path,
                json=json,
                data=content,
                params=params,
                headers=sent,
                timeout=self.timeout,
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as err:
            raise lost(self.name, err) from err


def problem(name: str, response: requests.Response, words: str) -> VendorError:
    """Turn an unexpected response into an error; ``words`` are the vendor's own.

    They are masked here, for every vendor; a body that is no JSON is never repeated.
    """
    status = response.status_code
    words = masked(words)[:WORDS_LIMIT]
    message = f"{name} answered {status}" + (
        "" if _is_json(response) else " without JSON"
    )
    message += f": {words}" if words else ""
    wait = retry_after(response.headers)
    if status == 429:
        return VendorBusy(message, status=status, retry_after=wait)
    if status in (408, 425) or status >= 500:
        return VendorUnavailable(message, status=status, retry_after=wait)
    if status == 401 or (status == 403 and _lacks_scope(response, words)):
        return CredentialsRejected(message, status=status)
    if status in (404, 410):
        return NotFound(message, status=status)
    if status == 409:
        return VendorConflict(message, status=status)
    return VendorRefused(message, status=status)


def _lacks_scope(response: requests.Response, words: str) -> bool:
    """Tell a token that may do too little from a thing that is closed to our user."""
    challenge = response.headers.get("WWW-Authenticate", "")
    return "insufficient_scope" in challenge or bool(_SCOPE.search(words))


def _is_json(response: requests.Response) -> bool:
    try:
        if response.content.strip():
            response.json()
    except (ValueError, RecursionError):
        return False
    return True


def lost(name: str, err: requests.exceptions.RequestException) -> VendorError:
    """Tell a connection that was never made from an answer that was lost."""
    if isinstance(err, requests.exceptions.ConnectTimeout) or _never_connected(err):
        # Certificates are looked at before anything is sent.
        return VendorUnreachable(f"{name} cannot be reached ({type(err).__name__})")
    return VendorUnavailable(f"{name} gave no answer ({type(err).__name__})")


def _never_connected(err: requests.exceptions.RequestException) -> bool:
    if not isinstance(err, requests.exceptions.ConnectionError) or not err.args:
        return False
    reason = getattr(err.args[0], "reason", err.args[0])
    if any(
        isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(reason)
    ):
        return True
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError")


def _causes(err: object) -> list[object]:
    return [err, *getattr(err, "args", ())]


def retry_after(
    headers: Mapping[str, str], now: datetime | None = None
) -> float | None:
    """Return the seconds a vendor asks us to wait, from any header that says so.

    Reads ``Retry-After`` as seconds or HTTP date, and Help Scout's
    ``X-RateLimit-Retry-After``; never more than ``MAX_WAIT``.
    """
    value = headers.get("X-RateLimit-Retry-After") or headers.get("Retry-After")
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = _until(value, now or datetime.now(UTC))
    return min(max(0.0, seconds), MAX_WAIT) if math.isfinite(seconds) else None


def _until(date: str, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(date)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return math.nan
