"""Whether vendors still call us: asked by ``doctor``, and once an hour by itself.

Vendors switch webhooks off that were answered with errors, and tell nobody. Making and
mending them is the part of ``connector.installation``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from adapters.base import Adapter, Subscriber
from adapters.pace import Pace, Priority, turn
from connector.config import Config
from connector.errors import ConfigError, VendorError
from connector.health import Health, Side
from connector.metrics import UNCALLED
from connector.models import Finding, Level, Subscription
from connector.store import Store, locks

_log = structlog.get_logger(__name__)

EVERY = timedelta(hours=1)

#: Beginning of the names under which findings are kept between two looks.
FACT = "callbacks:"

#: How webhooks are of which nothing bad is known.
WELL, UNSEEN, UNWATCHED = "well", "not looked at yet", "not watched"


def address_of(config: Config, source: str) -> str:
    """Return the public address of a source's door. Raises ``ConfigError``."""
    base = config.server.public_url
    if base is None:
        raise ConfigError(
            "server.public_url",
            [
                "is not set; vendors have to know where to deliver, so write the "
                "address of your proxy there, such as https://connector.example.com"
            ],
        )
    return f"{base.rstrip('/')}/webhooks/{source}"


def sidebar_of(config: Config, source: str) -> str:
    """Return the public address of a source's sidebar. Raises ``ConfigError``."""
    base = address_of(config, source).removesuffix(f"/webhooks/{source}")
    return f"{base}/sidebar/{source}"


def is_watched(adapter: Adapter, config: Config) -> bool:
    """Tell whether it can be seen if a source's vendor calls us."""
    return isinstance(adapter, Subscriber) and config.server.public_url is not None


def watch(
    store: Store,
    adapter: Adapter,
    config: Config,
    now: datetime,
    health: Health | None = None,
    pace: Pace | None = None,
) -> bool:
    """Look once an hour whether a source's webhooks are there and switched on.

    Returns whether it looked. What is wrong is kept for the dashboard.
    """
    if not is_watched(adapter, config):
        return False
    if health is not None and health.is_shut(adapter.name, Side.READ):
        return False
    with store.write() as connection:
        if not locks.is_due(connection, FACT + adapter.name, now, EVERY):
            return False
    try:
        with turn(pace, Priority.REFRESH):
            found = _look(config, adapter.name, adapter)
    except VendorError as err:
        # Not every account may see webhooks; whether it is well is seen elsewhere.
        _log.info("callbacks.unseen", source=adapter.name, error=str(err))
        return True
    wrong = [one for one in found if one.level is Level.PROBLEM]
    with store.write() as connection:
        before = locks.all_facts(connection).get(FACT + adapter.name)
        said = [[one.message, one.remedy] for one in wrong]
        locks.put_fact(connection, FACT + adapter.name, said, now)
    if wrong and not before:
        _log.warning("callbacks.wrong", source=adapter.name, why=wrong[0].message)
    return True


def findings(connection: Connection, config: Config) -> list[Finding]:
    """Return what was wrong with webhooks when they were last looked at."""
    if config.server.public_url is None:
        return []
    facts = locks.all_facts(connection)
    found = {name: facts.get(FACT + name) or () for name in config.sources}
    for name, said in found.items():
        # Whichever process looked: all of them say the same.
        UNCALLED.labels(name).set(bool(said))
    return [
        Finding(Level.PROBLEM, name, message, remedy)
        for name, said in found.items()
        for message, remedy in said
    ]


def states(
    connection: Connection, config: Config, adapters: Mapping[str, Adapter]
) -> dict[str, str]:
    """Say of each source whether its vendor calls us, as last seen."""
    facts = locks.all_facts(connection)
    found = dict.fromkeys(config.sources, UNWATCHED)
    for name, adapter in adapters.items():
        if is_watched(adapter, config):
            said = facts.get(FACT + name)
            wrong = "; ".join(message for message, _ in said or ())
            found[name] = UNSEEN if said is None else wrong or WELL
    return found


def check(config: Config, adapters: Mapping[str, Adapter]) -> list[Finding]:
    """Say for ``doctor`` whether vendors call us."""
    able = [name for name, one in adapters.items() if isinstance(one, Subscriber)]
    if config.server.public_url is None:
        if not able:
            return []
        return [
            Finding(
                Level.WARNING,
                "server.public_url",
                "is not set, so it cannot be seen whether vendors deliver to us",
                "write the address of your proxy there",
            )
        ]
    return [
        finding for name in able for finding in _checked(config, name, adapters[name])
    ]


def _checked(config: Config, name: str, adapter: Adapter) -> list[Finding]:
    try:
        return _look(config, name, adapter)
    except VendorError as err:
        return [
            Finding(
                Level.WARNING,
                name,
                f"its webhooks cannot be looked at: {err}",
                "give the connector's user the right to see them, or look there",
            )
        ]


def _look(config: Config, name: str, adapter: Adapter) -> list[Finding]:
    assert isinstance(adapter, Subscriber)
    address = address_of(config, name)
    found = adapter.subscriptions(address)
    remedy = f"complaint-connector webhooks register {name}"
    if not found:
        message = f"nothing at the vendor delivers to {address}"
        return [Finding(Level.PROBLEM, name, message, remedy)]
    return [_judge(name, one, remedy) for one in found]


def _judge(name: str, found: Subscription, remedy: str) -> Finding:
    what = f"{found.kind} {found.external_id}"
    remedy = found.remedy or remedy
    if not found.enabled:
        return Finding(Level.PROBLEM, name, f"{what} is switched off", remedy)
    if found.missing:
        lacks = ", ".join(sorted(found.missing))
        return Finding(Level.PROBLEM, name, f"{what} lacks {lacks}", remedy)
    return Finding(Level.OK, name, f"{what} delivers to {found.address}")
