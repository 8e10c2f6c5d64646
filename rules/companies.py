"""Which company a customer writes for, as far as it can be told."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


def company(organization: str, address: str) -> str:
    """Return the organisation, else the mail domain; empty for a private person."""
    name = " ".join(organization.casefold().split())
    if name:
        return name
    domain = address.rpartition("@")[2].casefold() if "@" in address else ""
    return "" if domain in free_mail() else domain


@cache
def free_mail() -> frozenset[str]:
    """Return the mail domains at which anybody can have an address."""
    text = files("rules").joinpath("free_mail.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return frozenset(" ".join(lines).split())
