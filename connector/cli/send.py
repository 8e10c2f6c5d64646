"""``send``: sign recorded payloads as their vendor would, and post them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from connector.cli.common import config_option, json_option, read_config
from connector.config import open_adapters
from connector.roundtrip import post


@click.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
)
@click.option("--to", "url", help="Address of the connector.  [default: its config's]")
@click.option("--source", required=True, help="Name of the source to sign for.")
@click.option("--event", help="The vendor's event name, where it is a header.")
@config_option
@json_option
def send(
    files: tuple[Path, ...],
    url: str | None,
    source: str,
    event: str | None,
    path: Path,
    as_json: bool,
) -> None:
    """Sign and post recorded webhook payloads to a running connector.

    A file is a body, sent byte by byte; or a recorded delivery
    {"headers": …, "raw_body": "…"}, whose body is sent with a fresh signature.

    Example: complaint-connector send event.json --source support
    """
    config = read_config(path)
    if source not in config.sources:
        known = ", ".join(sorted(config.sources))
        raise click.UsageError(f"no source {source!r} in {path}; known: {known}")
    base = url or f"http://{config.server.host}:{config.server.port}"
    target = base if "/webhooks/" in base else f"{base.rstrip('/')}/webhooks/{source}"
    failed = False
    with open_adapters(config) as adapters:
        for file in files:
            body, recorded = _unwrap(file.read_bytes())
            status, words = post(adapters[source], target, body, event, recorded)
            failed |= status != 200
            if as_json:
                click.echo(json.dumps({"file": str(file), "status": status}))
            else:
                click.echo(f"{status}  {file.name}  {words}")
    sys.exit(1 if failed else 0)


def _unwrap(raw: bytes) -> tuple[bytes, dict[str, str]]:
    """Take a recorded delivery apart; any other file is a body as it stands."""
    try:
        said = json.loads(raw)
    except ValueError:
        return raw, {}
    if isinstance(said, dict) and isinstance(said.get("raw_body"), str):
        headers = said.get("headers")
        kept = {
            str(name): str(value)
            for name, value in (headers if isinstance(headers, dict) else {}).items()
            if name.lower() not in ("content-length", "host")
        }
        return said["raw_body"].encode(), kept
    return raw, {}
