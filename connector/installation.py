"""Setting up: the first configuration, and the webhooks that vendors call us by.

Asking people and printing is the command line's part.
"""

from __future__ import annotations

import secrets as randomness
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from adapters import Question
from adapters.base import Adapter, Subscriber
from connector import secrets
from connector.config import Config, reference
from connector.errors import ConfigError, VendorError
from connector.models import Finding, Level, Subscribed, Subscription

#: What a new configuration begins with; the rest is what was answered.
INTRODUCTION = """\
# Configuration of Complaint Connector, written by `init`.
#
# Every setting there is, with its default and what it means: config.example.yaml
# ${NAME} stands for a line of secrets.env beside this file, or for an environment
# variable. After a change: complaint-connector doctor
"""

AUTONOMY = """
# observe: only record. suggest: prepare it for a person. act: do it.
# Look at what would be done (complaint-connector outbox list), then let go one by one.
"""


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


def variable(source: str, key: str) -> str:
    """Name the secret of a setting: SUPPORT_WEBHOOK_SECRET."""
    return f"{source}_{key}".upper().replace("-", "_")


def made(question: Question) -> str:
    return randomness.token_hex(question.made)[: question.made]


def split(
    source: str, questions: tuple[Question, ...], answers: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Part the answers about a source into its block and its secrets by name."""
    block: dict[str, Any] = {}
    hidden: dict[str, str] = {}
    for question in questions:
        if question.key not in answers:
            continue
        if question.secret:
            name = variable(source, question.key)
            hidden[name] = answers[question.key]
            block[question.key] = f"${{{name}}}"
        else:
            block[question.key] = answers[question.key]
    return block, hidden


def configuration(
    sources: Mapping[str, Mapping[str, Any]],
    public_url: str | None,
    problems: Mapping[str, Any],
) -> str:
    """Write out a first configuration, in ``observe`` throughout."""
    observing = {kind: "observe" for kind in ("tags", "notes", "issues", "messages")}
    parts: list[tuple[str, dict[str, Any]]] = [
        (
            INTRODUCTION + "\n",
            {"sources": {name: dict(b) for name, b in sources.items()}},
        ),
        (AUTONOMY, {"autonomy": observing}),
    ]
    if problems:
        parts.append(("\n", {"problems": dict(problems)}))
    if public_url:
        parts.append(("\n", {"server": {"public_url": public_url}}))
    return "".join(
        heading + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        for heading, content in parts
    )


def register(
    adapter: Subscriber, path: Path, name: str, address: str
) -> tuple[Subscribed, tuple[str, ...]]:
    """Make or mend the webhooks of a source; keep the secrets its vendor chose.

    Returns what was done, and the names of secrets that were written. Raises
    ``VendorError``, and ``ConfigError`` if there is no place for a secret.
    """
    done = adapter.subscribe(address)
    values: dict[str, str] = {}
    for key, value in done.settings.items():
        where = reference(path, name, key)
        if where is None:
            raise ConfigError(
                str(path),
                [
                    f"sources.{name}.{key}: the vendor made a secret, and there is no "
                    f"place for it; write ${{{variable(name, key)}}} there and do this "
                    "again"
                ],
            )
        values[where] = value
    file = secrets.beside(path)
    known = secrets.read(file)
    fresh = {key: value for key, value in values.items() if known.get(key) != value}
    if fresh:
        secrets.write(file, fresh)
    return done, tuple(fresh)


def check_secrets(path: Path) -> list[Finding]:
    """Say whether others can read the secrets file."""
    file = secrets.beside(path)
    if not file.exists():
        return []
    if secrets.is_open_to_others(file):
        return [
            Finding(
                Level.PROBLEM,
                secrets.FILE,
                "other users of this machine can read it",
                f"chmod 600 {file}",
            )
        ]
    return [Finding(Level.OK, secrets.FILE, "only its owner can read it")]


def check_webhooks(config: Config, adapters: Mapping[str, Adapter]) -> list[Finding]:
    """Say whether vendors call us; what is wrong with single webhooks they say."""
    waiting = [name for name, one in adapters.items() if isinstance(one, Subscriber)]
    if config.server.public_url is None:
        if not waiting:
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
        finding
        for name in waiting
        for finding in _check_source(config, name, adapters[name])
    ]


def _check_source(config: Config, name: str, adapter: Adapter) -> list[Finding]:
    assert isinstance(adapter, Subscriber)
    address = address_of(config, name)
    remedy = f"complaint-connector webhooks register {name}"
    try:
        found = adapter.subscriptions(address)
    except VendorError as err:
        return [
            Finding(
                Level.WARNING,
                f"sources.{name}",
                f"its webhooks cannot be looked at: {err}",
                "give the connector's user the right to see them, or look there",
            )
        ]
    if not found:
        message = f"nothing at the vendor delivers to {address}"
        return [Finding(Level.PROBLEM, f"sources.{name}", message, remedy)]
    return [_judge(f"sources.{name}", one, remedy) for one in found]


def _judge(subject: str, found: Subscription, remedy: str) -> Finding:
    what = f"{found.kind} {found.external_id}"
    if not found.enabled:
        return Finding(Level.PROBLEM, subject, f"{what} is switched off", remedy)
    if found.missing:
        lacks = ", ".join(sorted(found.missing))
        return Finding(Level.PROBLEM, subject, f"{what} lacks {lacks}", remedy)
    return Finding(Level.OK, subject, f"{what} delivers to {found.address}")
