"""Custom fields of Help Scout's inboxes, and what may stand in them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from connector.sandbox.stage import Json

LONGEST = {"singleline": 255, "multiline": 15_000, "number": 255}
TYPES = (
    "Delivery",
    "Product quality",
    "Customer service",
    "Billing / invoice",
    "Discount / pricing",
    "Returns & refunds",
    "Insufficient information",
    "Social media",
    "Other",
)


def definitions() -> dict[int, list[Json]]:
    """Return the fields of each inbox: their ids differ, also where names do not."""
    return {
        31: [
            _dropdown(104, "Carrier", 168, ("Posten", "Matkahuolto")),
            _dropdown(105, "Complaint type", 171, TYPES),
            _plain(106, "Persona", "singleline"),
            _dropdown(107, "VIP", 191, ("Yes", "No")),
            _plain(108, "Issue", "singleline"),
            _plain(109, "Ordered on", "date"),
            _plain(110, "Parcels", "number"),
            _plain(111, "History", "multiline"),
        ],
        32: [
            _dropdown(205, "Complaint type", 271, TYPES),
            _plain(208, "Issue", "singleline"),
        ],
    }


def wrong_with(fields: Sequence[Json], given: Iterable[object]) -> str:
    """Say what is wrong with a list to be written; an empty string if nothing is."""
    known = {field["id"]: field for field in fields}
    for one in given:
        if not isinstance(one, dict) or one.get("id") not in known:
            return "is no field of this inbox"
        value = one.get("value")
        if not isinstance(value, str):
            return "must be a string"
        if not _may_hold(known[one["id"]], value):
            return "is not a value of this field"
    return ""


def _may_hold(field: Json, value: str) -> bool:
    if field["type"] == "dropdown":
        return value in [str(option["id"]) for option in field["options"]]
    if field["type"] == "date":
        try:
            return date.fromisoformat(value).isoformat() == value
        except ValueError:
            return False
    if field["type"] == "number" and not value.lstrip("-").isdigit():
        return False
    return 0 < len(value) <= LONGEST[field["type"]]


def _plain(number: int, name: str, kind: str) -> Json:
    return {
        "id": number,
        "name": name,
        "type": kind,
        "required": False,
        "order": number % 100,
    }


def _dropdown(number: int, name: str, first: int, labels: Iterable[str]) -> Json:
    options = [
        {"id": first + place, "order": place + 1, "label": label}
        for place, label in enumerate(labels)
    ]
    return {**_plain(number, name, "dropdown"), "options": options}
