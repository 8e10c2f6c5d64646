"""The end of ``doctor``: a signed delivery of ours to each source, and its fate.

It takes the way that vendors take, by the public address. If that fails, the same goes
straight to the connector, which tells what is in between from the connector itself.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import uuid4

import requests

from adapters.base import Adapter, Pinger
from connector import callbacks
from connector.config import Config
from connector.errors import StoreUnavailable
from connector.models import DeliveryState, Finding, Level, Signed
from connector.store import Store, deliveries

#: Seconds a test delivery may take to be worked on.
PATIENCE = 10

#: What our door says to a delivery that it has stored.
TAKEN = "accepted"

START = "start the connector (`run`, or `serve` and `work`)"

#: What to do about an answer of the connector itself; 0: there was none.
ITSELF = {
    0: f"{START} and look at the proxy",
    401: "the secret here is not the one the server has, or the clocks of both "
    "machines differ; restart the server and set the clocks",
    404: "the server has no such source, or the proxy does not pass /webhooks/ on; "
    "restart the server with this configuration",
    413: "the proxy limits bodies too much",
    500: "look at the log of the proxy and of the server",
    503: "the server's database does not answer",
}

#: What to do about an answer on the way, where the connector itself takes the same.
BETWEEN = {
    0: "look at the name in server.public_url, the certificate, the firewall and "
    "whether the proxy runs",
    401: "the proxy changes the body or drops headers of the signature; let it pass "
    "both on as they come",
    403: "the proxy does not let deliveries in; let it pass /webhooks/ on to all",
    404: "the proxy does not pass /webhooks/ on",
    413: "the proxy limits bodies too much",
    500: "look at the log of the proxy",
    502: "the proxy does not reach the connector; correct where it passes things on to",
    503: "the proxy does not reach the connector; correct where it passes things on to",
    504: "the proxy does not reach the connector; correct where it passes things on to",
}
#: How a proxy says that it found nobody.
NOBODY = (502, 503, 504)

REDIRECT = "it is sent elsewhere, and no vendor follows; correct server.public_url"
TRACE = "look at the log of the worker"


class Answer(NamedTuple):
    """What came back for a delivery: a status (0: nothing) and words."""

    status: int
    words: str

    @property
    def is_good(self) -> bool:
        return self.status == 200 and self.words == TAKEN


def round_trips(config: Config, adapters: Mapping[str, Adapter]) -> list[Finding]:
    """Send each source a signed delivery of ours by the public address."""
    store = Store(config.database.url, pool_size=1)
    try:
        return [
            _round_trip(config, store, name, adapter)
            for name, adapter in adapters.items()
            if isinstance(adapter, Pinger)
        ]
    except StoreUnavailable:
        return []  # said already
    finally:
        store.close()


def own_address(config: Config, source: str) -> str:
    """Return where this machine reaches a source's door without any proxy."""
    host = config.server.host
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{config.server.port}/webhooks/{source}"


def advice(answer: Answer, itself: Answer) -> str:
    """Say what to do if ``answer`` came back, and ``itself`` without the proxy."""
    if 300 <= answer.status < 400:
        return REDIRECT
    if itself.status == 0 and answer.status in NOBODY:
        return ITSELF[0]
    table = BETWEEN if itself.is_good else ITSELF
    return table.get(answer.status, table[500])


def _round_trip(config: Config, store: Store, name: str, adapter: Adapter) -> Finding:
    assert isinstance(adapter, Pinger)
    word, subject = uuid4().hex, f"sources.{name}"
    body, event = adapter.ping(word)
    straight = own_address(config, name)
    is_public = config.server.public_url is not None
    address = callbacks.address_of(config, name) if is_public else straight
    answer = Answer(*post(adapter, address, body, event))
    if answer.status == 0 and not is_public:
        said = f"no test delivery could be made: nothing answers at {address}"
        return Finding(Level.WARNING, subject, said, START)
    if answer.status != 200:
        itself = answer
        if address != straight:
            again, event = adapter.ping(uuid4().hex)
            itself = Answer(*post(adapter, straight, again, event))
        return _failed(subject, address, answer, itself, straight)
    if not answer.is_good:
        said = f"something else than the connector answers at {address}"
        remedy = "correct server.public_url, or let the proxy pass /webhooks/ on"
        return Finding(Level.PROBLEM, subject, said, remedy)
    return _arrived(subject, address, _wait_for(store, name, word))


def _failed(
    subject: str, address: str, answer: Answer, itself: Answer, straight: str
) -> Finding:
    told = f"{answer.status} {answer.words}" if answer.status else answer.words
    said = f"a test delivery to {address} failed: {told}"
    if itself.is_good:
        said += f"; the connector itself took it at {straight}"
    return Finding(Level.PROBLEM, subject, said, advice(answer, itself))


def _arrived(
    subject: str, address: str, found: tuple[DeliveryState, str] | None
) -> Finding:
    if found is None:
        said = f"another installation answers at {address}: it is not in our database"
        return Finding(Level.PROBLEM, subject, said, "correct server.public_url")
    state, reason = found
    if state in (DeliveryState.PENDING, DeliveryState.CLAIMED):
        said = "a test delivery came in, but nobody works on it"
        return Finding(Level.PROBLEM, subject, said, START)
    if state is not DeliveryState.IGNORED:
        said = f"a test delivery came in, but was not understood: {state}, {reason}"
        return Finding(Level.PROBLEM, subject, said, TRACE)
    said = f"a test delivery went all the way; the inbox has it as ignored: {reason}"
    return Finding(Level.OK, subject, said)


def _wait_for(store: Store, source: str, word: str) -> tuple[DeliveryState, str] | None:
    """Return what became of the delivery that holds ``word``; give it some seconds."""
    found = None
    for _ in range(PATIENCE * 5):
        with store.read() as connection:
            found = deliveries.find(connection, source, word.encode())
        if found and found[0] not in (DeliveryState.PENDING, DeliveryState.CLAIMED):
            break
        time.sleep(0.2)
    return found


def post(
    adapter: Adapter,
    target: str,
    body: bytes,
    event: str | None,
    recorded: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int, str]:
    """Sign ``body`` and post it; return the status and what was said (0: nothing)."""
    signed: Signed = adapter.sign(body, event, datetime.now(UTC))
    # What the adapter signs anew replaces what was recorded, whatever its spelling.
    renewed = {name.lower() for name in signed.headers}
    headers = {
        name: value for name, value in recorded.items() if name.lower() not in renewed
    }
    address = f"{target}?{urlencode(signed.query)}" if signed.query else target
    try:
        with requests.Session() as session:
            # The address may hold a secret: no other may get it, and no .netrc its own.
            session.trust_env = False
            response = session.post(
                address,
                data=body,
                headers={
                    "Content-Type": "application/json",
                    **headers,
                    **signed.headers,
                },
                timeout=(5, 30),
                allow_redirects=False,
            )
    except requests.exceptions.RequestException as err:
        return 0, f"no answer from {target} ({type(err).__name__}); is it running?"
    return response.status_code, response.text.strip()[:200]
