"""A rule does what its mode says, and never more than autonomy allows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kit import Bench, settings
from loop_kit import COMPLAINTS

from connector.models import TicketRef, TicketStatus
from connector.store import tickets

OLE = "ole@shop.example"
NOTE_LINE = 'Rule late suggests: the note "Call them."'
LINE = 'Rule late suggests: tag late-delivery, the note "Call them."'


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def build(mode: str, then: list[Any] | None = None, **more: Any) -> Bench:
        rule = {
            "id": "late",
            "mode": mode,
            "when": {"field": "text", "op": "matches", "value": "discount|parcel"},
            "then": then or [{"add_tag": "late-delivery"}, {"note": "Call them."}],
        }
        url = f"sqlite:///{tmp_path / 'c.db'}"
        made.append(Bench(settings(url, rules={"rules": [rule]}, **more)))
        return made[-1]

    yield build
    for bench in made:
        bench.close()


def notes(bench: Bench) -> list[str]:
    return [str(text) for call, _, text in bench.support.calls if call == "add_note"]


def trace_of(bench: Bench) -> dict[str, Any]:
    with bench.store.read() as connection:
        row = tickets.find(connection, TicketRef("support", "1"))
        assert row is not None
        return tickets.newest_trace(connection, row.id)


@pytest.mark.parametrize(
    ("mode", "autonomy", "tagged", "suggested", "noted"),
    [
        ("observe", {}, False, "", False),
        ("suggest", {}, False, LINE, False),
        ("act", {}, True, "", True),
        ("act", {"tags": "observe"}, False, "", True),
        ("act", {"notes": "observe"}, True, "", False),
        ("suggest", {"tags": "observe"}, False, NOTE_LINE, False),
        ("suggest", {"notes": "observe"}, False, "", False),
    ],
)
def test_rule_goes_as_far_as_its_mode_and_autonomy_both_allow(
    make: Callable[..., Bench],
    mode: str,
    autonomy: dict[str, str],
    tagged: bool,
    suggested: str,
    noted: bool,
) -> None:
    bench = make(mode, autonomy=autonomy)
    bench.write("1", COMPLAINTS[0], OLE)
    bench.settle()
    said = "\n".join(notes(bench))
    lines = [line for line in said.splitlines() if "suggests" in line]
    assert ("late-delivery" in bench.support.tickets["1"].tags) is tagged
    assert lines == ([suggested] if suggested else [])
    assert ("Call them." in notes(bench)) is noted
    (rule,) = trace_of(bench)["rules"]
    assert (rule["mode"], rule["then"]) == (mode, "tag late-delivery, a note")


def test_suggestion_is_part_of_the_first_note_and_said_once(
    make: Callable[..., Bench],
) -> None:
    bench = make("suggest")
    bench.write("1", COMPLAINTS[0], OLE)
    bench.settle()
    (note,) = notes(bench)
    assert LINE in note.splitlines()
    assert note.startswith("Complaint: ")
    bench.write("1", "And my parcel is still not here.", OLE)
    bench.settle()
    assert notes(bench) == [note]


def test_suggestion_that_comes_later_is_a_note_of_its_own(
    make: Callable[..., Bench],
) -> None:
    bench = make("suggest")
    bench.write("1", "When do you open?", OLE)
    bench.settle()
    assert notes(bench) == []
    bench.write("1", "I ask for the parcel.", OLE)
    bench.settle()
    assert notes(bench) == [LINE]


@pytest.mark.parametrize("settled", ["there", "solved"])
def test_what_is_settled_is_not_suggested(
    make: Callable[..., Bench], settled: str
) -> None:
    bench = make("suggest", [{"add_tag": "late-delivery"}])
    ticket = bench.support.write("1", "I ask for the parcel.", email=OLE)
    bench.support.tickets["1"] = (
        replace(ticket, tags=frozenset({"late-delivery"}))
        if settled == "there"
        else replace(ticket, status=TicketStatus.RESOLVED)
    )
    bench.changed("support", "1")
    bench.settle()
    assert notes(bench) == []
