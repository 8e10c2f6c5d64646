"""Values of rows without anybody's words: what was decided stays, and not by what.

Pure; which rows are rewritten is said in ``connector.store.erasing``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from connector.models import BlockKind


def bare(verdict: Mapping[str, Any]) -> dict[str, Any]:
    return {**verdict, "reasons": []} if "reasons" in verdict else dict(verdict)


def untold(trace: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what was decided, and not the words that gave the reason."""
    blank = {"reason": "", "evidence": ""}
    kept = dict(trace)
    for name in ("tags", "fields", "personas", "rules"):
        kept[name] = [_blanked(one, blank) for one in trace.get(name, ())]
    if trace.get("group"):
        kept["group"] = _blanked(trace["group"], blank)
    if trace.get("vip"):
        kept["vip"] = "what was known then"
    return {**kept, "note": ""}


def _blanked(said: Mapping[str, Any], blank: Mapping[str, Any]) -> dict[str, Any]:
    return {key: blank.get(key, value) for key, value in said.items()}


def wordless(features: Mapping[str, Any]) -> dict[str, Any]:
    """Keep of what a complaint is about only what we have words of our own for."""
    return {**features, "e": [], "w": "", "g": []}


def unquoted(payload: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(payload)
    for name in ("description", "body"):
        if name in payload:
            kept[name] = [
                block for block in payload[name] if block[0] != BlockKind.QUOTE
            ]
    if "text" in payload:
        lines: Iterable[str] = payload["text"].split("\n")
        kept["text"] = "\n".join(line for line in lines if not line.startswith("> "))
    return kept
