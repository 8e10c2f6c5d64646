"""What people put right holds for whoever comes later; the sandbox is the witness.

"App crashes at payment" and "payment refused by bank" were one problem, and are split.
Gift cards that are not accepted were two, one for each language, and are merged. The
next day twenty customers write of all of it.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sandbox_kit import DESKS, Stepped, Writer, issues, linked, stepped, urls

from connector.cli import cli
from connector.sandbox import SandboxSettings

CUSTOMERS = "customfield_10050"

CRASH = [
    ("en", "The app crashes at payment every time I try to pay. Really annoying!"),
    ("nb", "Appen krasjer ved betaling hver gang jeg prøver å betale. Irriterende!"),
    ("fi", "Sovellus kaatuu maksun kohdalla kun yritän maksaa. Todella ärsyttävää!"),
]
BANK = [
    (
        "en",
        "My payment was refused by the bank in the app when I pay. Annoying!",
    ),
    ("nb", "Betalingen ble avvist av banken i appen når jeg betaler. Irriterende!"),
    (
        "fi",
        "Pankki hylkäsi maksun sovelluksessa kun yritän maksaa. Todella ärsyttävää!",
    ),
]
GIFT = [
    ("en", "My gift card is not accepted when I enter its number. So annoying!"),
    ("en", "My gift card is not accepted, I enter its number again. Terrible!"),
    (
        "nb",
        "Gavekortet mitt blir ikke godtatt når jeg skriver inn nummeret. Leit!",
    ),
    ("nb", "Gavekortet blir ikke godtatt, jeg skriver inn nummeret igjen. Elendig!"),
]
CRASH_NEXT = [
    ("en", "The app crashes and closes as soon as I pay. I am really angry!"),
    ("en", "Crash when paying, third time today. Awful app."),
    ("nb", "Appen deres krasjer midt i betalingen. Kjempeirriterende!"),
    ("fi", "Sovelluksenne kaatuu aina kun maksan. Olen todella pettynyt!"),
    ("sv", "Appen kraschar när jag ska betala. Mycket irriterande!"),
    ("de", "Die App stürzt beim Bezahlen ab. Sehr ärgerlich!"),
]
BANK_NEXT = [
    ("en", "Payment declined by the bank three times now. I am very disappointed."),
    ("en", "Why is my card payment refused by the bank? This is unacceptable."),
    ("nb", "Banken avviste betalingen min igjen. Veldig skuffet!"),
    ("fi", "Pankki hylkäsi maksuni taas. Todella pettynyt!"),
    ("sv", "Min betalning nekades av banken i appen. Mycket besviken!"),
    ("de", "Die Zahlung wurde von der Bank abgelehnt. Sehr ärgerlich!"),
]
GIFT_NEXT = [*GIFT, *GIFT]


def write(scene: Stepped, prefix: str, texts: list[tuple[str, str]]) -> list[Writer]:
    """Let one customer after the other write, to one helpdesk and the other."""
    writers = []
    for number, (language, text) in enumerate(texts):
        vendor = list(DESKS)[number % 2]
        email = f"{prefix}{number}@mail.example"
        ticket = scene.world.write(
            vendor, email=email, subject="Help", text=text, language=language
        )
        writers.append(Writer(vendor, ticket, email, language))
        scene.settle(minutes=1)
    return writers


class Person:
    """Somebody at the command line of the connector."""

    def __init__(self, scene: Stepped, file: Path) -> None:
        self.file = file
        file.write_text(yaml.safe_dump(scene.raw), encoding="utf-8")

    def type(self, *words: object) -> str:
        line = ["groups", *map(str, words), "--config", str(self.file)]
        result = CliRunner().invoke(cli, line)
        assert result.exit_code == 0, result.output
        return result.output

    def problem_of(self, writer: Writer) -> int:
        """Look up in which problem a ticket is."""
        for line in self.type("list", "--json").splitlines():
            number = json.loads(line)["id"]
            for member in self.type("show", number, "--json").splitlines()[1:]:
                if json.loads(member).get("id") == writer.ticket:
                    return int(number)
        raise AssertionError(f"{writer} is in no problem")


def ref(writer: Writer) -> str:
    return f"{DESKS[writer.vendor]}:{writer.ticket}"


def by_link(scene: Stepped, writer: Writer) -> dict[str, Any]:
    """Return the issue that a ticket is linked to."""
    (url,) = urls(scene.world, [writer])
    (found,) = [issue for issue in issues(scene.world) if url in linked(issue)]
    return found


@pytest.fixture
def scene_settings() -> SandboxSettings:
    return SandboxSettings(jira_projects=("SHOP",))


def test_newcomers_go_where_people_said_and_jira_has_the_right_numbers(
    database_url: str,
    scene_settings: SandboxSettings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    problems = {"counts_every": "0s", "fields": {"customers": CUSTOMERS}}
    with stepped(database_url, scene_settings, problems=problems) as scene:
        module = import_module("connector.cli.groups")
        monkeypatch.setattr(module, "_now", scene.clock)
        person = Person(scene, tmp_path / "config.yaml")
        mixed = [one for pair in zip(CRASH, BANK, strict=True) for one in pair]
        both = write(scene, "payer", mixed)
        crash, bank = both[::2], both[1::2]
        gift = write(scene, "giver", GIFT)
        scene.settle(minutes=11)
        (issue,) = issues(scene.world)
        assert issue["fields"][CUSTOMERS] == 6

        first = person.problem_of(crash[0])
        person.type("split", first, *map(ref, bank))
        english, norwegian = (person.problem_of(gift[place]) for place in (0, 2))
        assert english != norwegian
        person.type("merge", english, norwegian)
        scene.settle(minutes=11)
        (issue,) = issues(scene.world)
        assert issue["fields"][CUSTOMERS] == 3

        scene.restart()
        scene.settle(minutes=24 * 60)
        crash_next = write(scene, "crash", CRASH_NEXT)
        bank_next = write(scene, "bank", BANK_NEXT)
        gift_next = write(scene, "gift", GIFT_NEXT)
        scene.settle(minutes=11)
        scene.settle(minutes=11)
        found = {one["key"]: one for one in issues(scene.world)}
        assert len(found) == 3
        kept = found.pop(issue["key"])
        assert kept["fields"][CUSTOMERS] == 9
        assert set(linked(kept)) >= set(urls(scene.world, [*crash, *crash_next]))
        for writers, count in ((bank_next, 9), (gift_next, 12)):
            other = by_link(scene, writers[0])
            assert other["key"] in found
            assert other["fields"][CUSTOMERS] == count
        assert linked(by_link(scene, bank_next[0])) == urls(
            scene.world, [*bank, *bank_next]
        )
        assert linked(by_link(scene, gift_next[0])) == urls(
            scene.world, [*gift, *gift_next]
        )
        scene.assert_nothing_parked()
