"""What customers' mail programs answer to a message about a fix, and what they do
themselves; the look-alike vendors are the only witness.

Neither helpdesk shows the headers of a mail, so that words have to tell.
"""

from __future__ import annotations

import pytest
from sandbox_kit import Writer, assert_told_once, complain, issues, stepped, writes

from connector.sandbox import SandboxSettings

#: One without anything that says so but its words, one in Finnish, one with a date.
AUTOMATIC = (
    "Hi, I am out of the office with limited access to mail. The code for the door "
    "does not work either, so please call Anna if it is urgent.",
    "Kiitos viestistäsi. Olen lomalla 15.3. asti. Kiireellisissä asioissa ota yhteyttä "
    "asiakaspalveluumme, sillä viestejä ei lueta.",
    "I am on annual leave until 16 March 2026 and will answer when I am back.",
    "Takk for e-posten. Jeg er på ferie og svarer når jeg er tilbake.",
    "This is an automated response. Your message has been received. Do not reply.",
    "Delivery to the following recipient failed permanently: mailbox is full.",
)

THANKS = "Thank you for fixing the error with the discount code!"
BROKEN = "No, the discount code HARVEST30 still does not work, same error E-7041!"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_only_a_person_who_says_so_has_seen_a_fix_fail(database_url: str) -> None:
    settings = SandboxSettings(jira_projects=("SHOP",))
    with stepped(database_url, settings) as scene:
        world = scene.world
        told = [complain(world, number) for number in range(len(AUTOMATIC) + 2)]
        scene.settle()
        scene.settle(minutes=11)
        (issue,) = issues(world)
        world.issue(issue["key"], "done", resolution="Fixed")
        scene.settle(minutes=1)
        scene.settle(minutes=16)
        assert_told_once(world, told)
        (before,) = issues(world)
        seen = len(world.log())

        def answer(one: Writer, text: str) -> None:
            world.write(
                one.vendor, email=one.email, subject="", text=text, ticket=one.ticket
            )
            scene.settle(minutes=1)

        for one, text in zip(told, AUTOMATIC, strict=False):
            answer(one, text)
        # Some programs answer in a mail of its own.
        for vendor, one in (("helpscout", told[0]), ("zendesk", told[1])):
            subject = "Automaattinen vastaus: HARVEST30 ei toimi"
            world.write(vendor, email=one.email, subject=subject, text=AUTOMATIC[1])
        answer(told[-2], THANKS)
        scene.settle(minutes=60)
        assert writes(world, seen) == []
        (after,) = issues(world)
        assert after == before

        answer(told[-1], BROKEN)
        scene.settle(minutes=1)
        (reopened,) = issues(world)
        assert reopened["category"] != before["category"]
        assert len(reopened["comments"]) == len(before["comments"]) + 1
        scene.assert_nothing_parked()
