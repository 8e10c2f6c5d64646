"""Start the command line, once it is certain that our packages are really ours.

``adapters``, ``rules`` and ``webhooks`` are words that other distributions use too. If
one of them shadows ours, the first import would fail in a strange place; better to say
so here.
"""

from __future__ import annotations

import sys
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from pathlib import Path

OURS = ("connector", "adapters", "rules", "webhooks")
DISTRIBUTION = "complaint-connector"


def strangers() -> list[str]:
    """Return a line for each of our packages that comes from somewhere else."""
    home = Path(__file__).resolve().parent.parent
    owners = packages_distributions()
    lines = []
    for name in OURS:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            lines.append(f"the package {name!r} is missing; install it again")
            continue
        if Path(spec.origin).resolve().parent.parent != home:
            others = [d for d in owners.get(name, []) if d != DISTRIBUTION]
            whose = f" (from {', '.join(others)})" if others else ""
            lines.append(
                f"the package {name!r} is taken by another one{whose} at "
                f"{Path(spec.origin).parent}; install {DISTRIBUTION} into an "
                "environment of its own"
            )
    return lines


def main() -> None:
    found = strangers()
    if found:
        sys.exit("complaint-connector cannot start:\n  " + "\n  ".join(found))
    from connector.cli import cli

    cli(prog_name="complaint-connector")


if __name__ == "__main__":
    main()
