"""The one place that holds the ``jira`` library and makes it careful.

Every answer is judged as soon as it arrives, before the library looks at it: a good one
is a 2xx that can be read, everything else becomes the ``VendorError`` that says whether
to try again. What the calls mean is decided in ``adapter.py``.
"""

from __future__ import annotations

import json
import re
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import requests
from jira import JIRA
from jira.exceptions import JIRAError

from adapters import http
from adapters.http import TIMEOUT, USER_AGENT, lost
from adapters.jira import rates
from connector.errors import (
    CredentialsRejected,
    VendorBusy,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)

#: What the library raises when JSON of another shape than expected comes back.
MISSHAPEN = (ValueError, LookupError, TypeError, AttributeError, NotImplementedError)

# Webhooks of a Data Center have a secret in the query of their address.
_QUERY = re.compile(r"(?<=\?)[^\s?]*=[^\s]*")
# Which field it is about is all that helps, and what is quoted is masked later on.
_FIELD = re.compile(r"\b(field) '([A-Za-z_][\w.-]{0,60})'", re.IGNORECASE)

#: Jira answers "no such issue" to somebody whose login it did not take.
LOGIN_FAILED = ("AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED")


class JiraClient:
    """Calls to one Jira. Each thread has a library client of its own.

    ``server`` is where the REST API lives, with its context path. ``basic`` is e-mail
    and API token (Cloud), ``token`` a personal access token (Data Center).
    """

    def __init__(
        self,
        name: str,
        server: str,
        *,
        cloud: bool,
        basic: tuple[str, str] | None = None,
        token: str | None = None,
        verify: bool | str = True,
        timeout: tuple[float, float] = TIMEOUT,
    ) -> None:
        self.name = name
        self._server = server
        self._cloud = cloud
        self._basic = basic
        self._token = token
        self._verify = verify
        self._timeout = timeout
        self._local = threading.local()
        self._lock = threading.Lock()
        self._clients: weakref.WeakSet[JIRA] = weakref.WeakSet()

    def issue(self, external_id: str, fields: Sequence[str]) -> Mapping[str, Any]:
        """Read some fields of an issue."""
        with self._calling() as jira:
            found = jira.issue(segment(external_id), fields=",".join(fields))
            return self._object(found.raw)

    def transitions(self, external_id: str) -> list[Any]:
        """Read the transitions our account may use now, with their fields."""
        with self._calling() as jira:
            return list(
                jira.transitions(segment(external_id), expand="transitions.fields")
            )

    def myself(self) -> Mapping[str, Any]:
        """Read who we are to Jira."""
        with self._calling() as jira:
            return self._object(jira.myself())

    def server_info(self) -> Mapping[str, Any]:
        """Read version, flavour and clock."""
        with self._calling() as jira:
            return self._object(jira.server_info())

    def read(self, path: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """GET an object that the library cannot read, or not well."""
        with self._calling() as jira:
            return self._object(jira._get_json(path, params=dict(params)))

    def read_list(self, path: str) -> list[Any]:
        """GET a list."""
        with self._calling() as jira:
            found = jira._get_json(path)
            if not isinstance(found, list):
                raise TypeError("expected a list")
            return found

    def call_site(self, method: str, path: str, body: Any = None) -> Any:
        """Call ``path`` below the site, outside the versioned API; send it once.

        Returns what came back, None for no content.
        """
        data = None if body is None else self._encoded(body)
        with self._calling() as jira:
            response = jira._session.request(
                method, f"{self._server}/{path}", data=data
            )
            return response.json() if response.content else None

    def write(self, method: str, path: str, body: Any) -> Mapping[str, Any]:
        """Send ``body`` once; return what came back, an empty object for no content."""
        data = self._encoded(body)
        with self._calling() as jira:
            response = jira._session.request(method, jira._get_url(path), data=data)
            return self._object(response.json() if response.content else {})

    def close(self) -> None:
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            # Not the client's own close(): that breaks it for the thread using it.
            client._session.close()

    def _encoded(self, body: Any) -> bytes:
        try:
            return json.dumps(body, allow_nan=False).encode()
        except (TypeError, ValueError, RecursionError) as err:
            raise VendorRefused(
                f"{self.name}: a field is no JSON ({type(err).__name__})"
            ) from err

    def _object(self, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            raise TypeError("expected an object")
        return value

    @contextmanager
    def _calling(self) -> Iterator[JIRA]:
        """Lend this thread's library client; turn what it raises into our errors."""
        try:
            yield self._own()
        except requests.exceptions.RequestException as err:
            raise lost(self.name, err) from err
        except JIRAError as err:
            # Its text holds headers and bodies: neither shown nor chained.
            raise VendorUnavailable(
                f"{self.name} could not be asked", status=err.status_code
            ) from None
        except MISSHAPEN as err:
            raise VendorUnavailable(
                f"{self.name} answered something unexpected ({type(err).__name__})"
            ) from None

    def _own(self) -> JIRA:
        client: JIRA | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self._connect()
            with self._lock:
                self._clients.add(client)
        return client

    def _connect(self) -> JIRA:
        client = JIRA(
            server=self._server,
            options={
                "rest_api_version": "3" if self._cloud else "2",
                "verify": self._verify,
                "headers": {"User-Agent": USER_AGENT},
            },
            basic_auth=self._basic,
            token_auth=self._token,
            timeout=self._timeout,
            max_retries=0,  # the library would send a create again after a lost answer
            get_server_info=False,  # the constructor would block for minutes
            logging=False,
        )
        # Without server info the library takes every Jira for a Data Center.
        client.deploymentType = "Cloud" if self._cloud else "Server"
        # Credentials come from the configuration, never from a .netrc or proxy file.
        client._session.trust_env = False
        http.mount(client._session, http.account_of(self._server), rates.TARIFF)
        client._session.hooks["response"].append(self._judge)
        return client

    def _judge(self, response: requests.Response, **_: Any) -> None:
        """Raise unless the answer is good.

        Runs before redirects are followed, so none ever is. The library logs bodies it
        cannot read and stumbles over odd error bodies: it never gets to see either.
        """
        if not 200 <= response.status_code < 300:
            raise problem(self.name, response)
        try:
            if response.content:
                response.json()
        except (ValueError, RecursionError):
            raise VendorUnavailable(
                f"{self.name} answered {response.status_code} without JSON",
                status=response.status_code,
            ) from None


def segment(value: str) -> str:
    """Quote ``value`` as one segment of a path."""
    return quote(value, safe="")


def problem(name: str, response: requests.Response) -> VendorError:
    """Turn an unwanted answer into the error that answers "try again?"."""
    found = http.problem(name, response, explain(response))
    if isinstance(found, VendorBusy):
        # Of one issue or one endpoint: everything else goes on.
        found.whole_source = rates.is_site_wide(response.headers)
    elif isinstance(found, VendorUnavailable):
        pass
    elif _login_failed(response):
        return CredentialsRejected(str(found), status=found.status)
    elif response.status_code == 410:
        # Jira says it of endpoints it has removed, not of issues.
        return VendorRefused(str(found), status=found.status)
    elif isinstance(found, VendorRefused):
        found.fields = _refused_fields(response)
    return found


def _refused_fields(response: requests.Response) -> frozenset[str]:
    errors = _body(response).get("errors")
    return frozenset(errors if isinstance(errors, dict) else ())


def explain(response: requests.Response) -> str:
    """Return Jira's own words: messages, fields, a reason; never a page."""
    words = [*_spoken(response), _denied(response)]
    if 300 <= response.status_code < 400:
        words.append("a redirect; check api_base and site_url")
    said = "; ".join(" ".join(word.split()) for word in words if word)
    return _FIELD.sub(r"\1 \2", _QUERY.sub("…", said))


def _spoken(response: requests.Response) -> list[str]:
    body = _body(response)
    errors, messages = body.get("errors"), body.get("errorMessages")
    found = [body.get("message"), body.get("errorMessage")]
    found += messages if isinstance(messages, list) else [messages]
    found += _keys(body.get("messages"))
    if isinstance(errors, dict):
        found += [f"{field}: {text}" for field, text in errors.items()]
    return [word for word in found if isinstance(word, str)]


def _body(response: requests.Response) -> Mapping[str, Any]:
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}  # a page of a proxy, or anything else
    return body if isinstance(body, dict) else {}


def _keys(messages: object) -> list[object]:
    """Read the words of the webhooks' own address: a list of keys for translators."""
    listed = messages if isinstance(messages, list) else []
    return [each.get("key") if isinstance(each, dict) else each for each in listed]


def _denied(response: requests.Response) -> str:
    return response.headers.get("X-Authentication-Denied-Reason", "")


def _login_failed(response: requests.Response) -> bool:
    reason = response.headers.get("X-Seraph-LoginReason", "")
    return bool(_denied(response)) or any(word in reason for word in LOGIN_FAILED)
