"""A VIP complains for the second time, late on a Friday before a holiday.

The sandbox is the witness of what agents see, a folder of what the role is told.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sandbox_kit import EACH_WAY, Stepped, judgements, our_tags, stepped

from connector import clocks
from connector.sandbox import SandboxSettings

ADA = "ada@bank.example"
#: 16:40 in Oslo; the Monday after it is Whit Monday.
FRIDAY = datetime(2026, 5, 22, 14, 40, tzinfo=UTC)
#: Twenty minutes of Friday, and forty of Tuesday.
DUE = "2026-05-26 08:40 (Europe/Oslo)"


def complain(scene: Stepped, text: str) -> str:
    ticket = scene.world.write("zendesk", email=ADA, subject="Parcel", text=text)
    scene.settle()
    return ticket


def review(scene: Stepped) -> None:
    with scene.runtime.store.write() as connection:
        clocks.review(connection, scene.runtime.config, scene.clock())
    scene.settle()


@EACH_WAY
def test_second_complaint_of_a_vip_before_a_holiday(
    flavour: str, database_url: str, tmp_path: Path
) -> None:
    folder = {"kind": "file", "folder": str(tmp_path / "told")}
    hours = dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), "08:00-17:00")
    with stepped(
        database_url,
        SandboxSettings(jira_flavour=flavour),
        calendars={
            "office": {"timezone": "Europe/Oslo", "holidays": "NO", "hours": hours}
        },
        sources={"desk": {"calendar": "office"}},
        clocks={"pack": "plain", "role": "lead"},
        vip={"domains": ["bank.example"], "role": "lead"},
        notify={"channels": {"folder": folder}, "roles": {"lead": ["folder"]}},
    ) as scene:
        world = scene.world
        first = complain(scene, "My parcel is late again, I am very disappointed!")
        assert list(tmp_path.glob("told/*")) == []

        scene.clock.pass_(seconds=(FRIDAY - scene.clock()).total_seconds())
        second = complain(scene, "The parcel was damaged. This is unacceptable!")

        ticket = world.ticket("zendesk", second)
        assert "cc-vip" in our_tags(ticket)
        (note,) = judgements(ticket)
        assert "VIP by the domain bank.example." in note
        assert f"First answer due {DUE}." in note
        earlier = world.ticket("zendesk", first)
        assert f"Complained before: desk {first} of 2026-03-02 {earlier['url']}" in note
        assert world.zendesk.tickets[int(second)].priority == "high"

        (file,) = tmp_path.glob("told/*")
        told = file.read_text(encoding="utf-8")
        assert told.count("A VIP complains again") == 1
        assert f"First answer due {DUE}" in told
        assert earlier["url"] in told and ticket["url"] in told
        assert "ada" not in told.casefold()

        # The holiday passes, and on Tuesday it is ten minutes to the deadline.
        world.zendesk.tickets[int(second)].priority = "normal"  # by a person
        scene.clock.pass_(days=3)
        review(scene)
        assert "cc-due" not in our_tags(world.ticket("zendesk", second))
        scene.clock.pass_(hours=15, minutes=50)
        review(scene)
        assert "cc-due" in our_tags(world.ticket("zendesk", second))
        # None of what was said or done once is again.
        assert world.zendesk.tickets[int(second)].priority == "normal"
        everything = "".join(one.read_text("utf-8") for one in tmp_path.glob("told/*"))
        assert everything.count("A VIP complains again") == 1
        assert len(judgements(world.ticket("zendesk", second))) == 1
        scene.assert_nothing_parked()
