"""Setting up: the first configuration, and the webhooks that vendors call us by.

Asking people and telling them is the part of the command line and of the pages.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from adapters import Question
from adapters.base import Subscriber
from connector import callbacks, secrets
from connector.config import Config, check, open_adapters
from connector.config_file import fill, reference
from connector.errors import ConfigError, VendorError
from connector.models import Mode, Subscribed

#: What a new configuration begins with; the rest is what was answered.
INTRODUCTION = """\
# Configuration of Complaint Connector, written when it was set up.
#
# Every setting there is, with its default and what it means: config.example.yaml
# ${NAME} stands for a line of secrets.env beside this file, or for an environment
# variable. After a change: complaint-connector doctor
"""

AUTONOMY = """
# observe: only record. suggest: prepare it for a person. act: do it.
# Look at what would be done (complaint-connector outbox list), then let go one by one.
"""


#: A new connector only records, so that nothing is written to tickets.
OBSERVING = {kind: Mode.OBSERVE for kind in ("tags", "notes", "issues", "messages")}


class Called(NamedTuple):
    """What came of asking a vendor to call us."""

    name: str
    made: int  #: or mended
    kept: int
    written: tuple[str, ...]  #: names of secrets that the vendor made
    error: str


def make_room(path: Path) -> None:
    """Find out before the questions whether their answers can be kept.

    Raises ``ConfigError``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as err:
        why = f"nothing can be written there ({err.strerror}); make the folder, or "
        advice = [why + "name another with --config"]
        raise ConfigError(str(path.parent), advice) from err


def variable(source: str, key: str) -> str:
    """Name the secret of a setting: SUPPORT_WEBHOOK_SECRET."""
    return f"{source}_{key}".upper().replace("-", "_")


def split(
    source: str, questions: tuple[Question, ...], answers: Mapping[str, Any]
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
    autonomy: Mapping[str, Mode] = OBSERVING,
) -> str:
    """Write out a first configuration."""
    modes = {kind: str(mode) for kind, mode in autonomy.items()}
    parts: list[tuple[str, dict[str, Any]]] = [
        (
            INTRODUCTION + "\n",
            {"sources": {name: dict(b) for name, b in sources.items()}},
        ),
        (AUTONOMY, {"autonomy": modes}),
    ]
    if problems:
        parts.append(("\n", {"problems": dict(problems)}))
    if public_url:
        parts.append(("\n", {"server": {"public_url": public_url}}))
    return "".join(
        heading + yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        for heading, content in parts
    )


def understood(text: str, hidden: Mapping[str, str], path: Path) -> Config:
    """Read a configuration before it is written. Raises ``ConfigError``."""
    filled, unfilled = fill(yaml.safe_load(text), path.parent, hidden)
    return check(filled, str(path), unfilled)


def write(path: Path, text: str, hidden: Mapping[str, str]) -> None:
    """Write a first configuration and its secrets; never over one that is there.

    Raises ``OSError``; then there is no configuration, or somebody else's.
    """
    if os.path.lexists(path):  # whose secrets are beside it
        raise FileExistsError(errno.EEXIST, "another one is there by now", str(path))
    # Secrets first: a configuration without them could not be read again.
    secrets.write(secrets.beside(path), hidden)
    with path.open("x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except OSError:
            path.unlink()  # half of one would be taken for one
            raise


def register_all(config: Config, path: Path) -> Iterator[Called]:
    """Have every vendor call us that can be asked to; one at a time, to be told."""
    with open_adapters(config) as adapters:
        for name, adapter in adapters.items():
            if not isinstance(adapter, Subscriber):
                continue
            address = callbacks.address_of(config, name)
            try:
                done, written = register(adapter, path, name, address)
            except (VendorError, ConfigError) as err:
                yield Called(name, 0, 0, (), str(err))
                continue
            yield Called(name, len(done.changed), len(done.kept), written, "")


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


def news_of(name: str, written: Sequence[str]) -> str:
    """Say what to do about secrets that a vendor made."""
    return (
        f"{name}: wrote {', '.join(written)} into {secrets.FILE}; restart the "
        "connector if it runs, and change it where the environment sets it too"
    )
