"""When customers become an issue: five of them, a fast four, a type, a muted one.

What is asserted is what the sandbox witnessed.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sandbox_kit import Stepped, complain, issues, stepped

from connector.sandbox import SandboxSettings

SETTINGS = SandboxSettings(jira_projects=("SHOP", "DISC"))
DISCOUNTS: dict[str, Any] = {
    "settle": "10m",
    "routes": {"discount_pricing": {"project": "DISC"}},
    "fields": {"customers": "customfield_10050", "tickets": "customfield_10051"},
}
DAY = 24 * 60

TYPES = {
    "delivery": "My parcel has still not arrived after weeks, a scandal!",
    "billing_invoice": "The invoice is wrong, you charged me twice, I am furious!",
    "product_quality": "The shoes fell apart after two days, such poor quality!",
    "customer_service": "Nobody answers my mails, terrible customer service!",
}
LOGIN = (
    "I cannot log in any more, login fails with error L-500. Unacceptable!",
    "Login does not work, error L-500 every time. This is really annoying!",
    "The login page only says error L-500, I am very disappointed!",
    "Cannot log in since an hour: error L-500. Terrible, please fix it!",
)


def trickle(scene: Stepped, weeks: int) -> None:
    """Let one customer a week complain, for some weeks."""
    for week in range(weeks):
        complain(scene.world, 100 + week)
        scene.settle()
        scene.settle(minutes=7 * DAY)


def quotes(node: Any) -> list[Any]:
    """Return the quotes in a description of Jira Cloud."""
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") == "blockquote" else []
    return own + [found for one in node.get("content", ()) for found in quotes(one)]


def test_fifth_customer_of_two_helpdesks_and_three_languages_makes_one_issue(
    database_url: str,
) -> None:
    with stepped(database_url, SETTINGS, problems=DISCOUNTS) as scene:
        trickle(scene, 4)
        world = scene.world
        often = complain(world, 0, "helpscout")
        complain(world, 1, "zendesk")
        scene.settle(minutes=DAY / 2)
        world.write(
            "helpscout",
            email=often.email,
            subject="Discount code",
            text="HARVEST30 still gives E-7041 at checkout, terrible! My order is "
            "FI-88812345, call me at +47 912 34 567.",
        )
        complain(world, 0, "zendesk", email=often.email.upper())
        complain(world, 2, "helpscout")
        complain(world, 3, "helpscout")
        scene.settle(minutes=DAY / 2)
        assert issues(world) == []  # four customers, one of whom wrote three times

        complain(world, 4, "zendesk")
        scene.settle()
        scene.settle(minutes=4)
        complain(world, 5, "helpscout")
        scene.settle(minutes=4)
        assert issues(world) == []
        scene.settle(minutes=3)
        (issue,) = issues(world)
        assert issue["project"] == "DISC"
        # Everybody who ever complained of it is affected.
        assert issue["fields"]["customfield_10050"] == 10
        assert issue["fields"]["customfield_10051"] == 12
        assert "6 customers in 7 days, usually 1" in issue["description"]
        described = world.jira.issues[issue["id"]].description
        assert 1 <= len(quotes(described)) <= 5
        for secret in ("@mail.example", "88812345", "912 34 567"):
            assert secret not in issue["description"]
        assert len(issue["remote_links"]) == 12
        scene.settle(minutes=DAY)
        assert len(issues(world)) == 1
        scene.assert_nothing_parked()


def test_four_customers_or_six_mails_of_one_make_no_issue(database_url: str) -> None:
    with stepped(database_url, SETTINGS, problems=DISCOUNTS) as scene:
        trickle(scene, 1)
        for number in range(4):
            complain(scene.world, number)
        for number in range(6):
            vendor = ("helpscout", "zendesk")[number % 2]
            complain(scene.world, number, vendor, email="customer0@mail.example")
        scene.settle()
        scene.settle(minutes=DAY)
        assert issues(scene.world) == []


def write(scene: Stepped, start: int, **counts: int) -> None:
    """Let so many customers complain of each type, each in their helpdesk."""
    for kind, count in counts.items():
        for number in range(start, start + count):
            scene.world.write(
                ("helpscout", "zendesk")[number % 2],
                email=f"{kind}{number}@mail.example",
                subject="",
                text=TYPES[kind],
            )
    scene.settle()
    scene.settle(minutes=6)


def test_type_with_too_large_a_share_gives_one_alarm(database_url: str) -> None:
    problems = {"customers": 100, "routes": {"delivery": {"project": "DISC"}}}
    with stepped(database_url, SETTINGS, problems=problems) as scene:
        write(
            scene,
            0,
            billing_invoice=6,
            product_quality=6,
            customer_service=5,
            delivery=12,
        )
        assert issues(scene.world) == []  # 41 % of 29
        write(scene, 20, billing_invoice=3, product_quality=3, delivery=4)
        (alarm,) = issues(scene.world)
        assert alarm["summary"] == "Delivery makes up 41% of 39 complaints in 24 h"
        assert alarm["project"] == "DISC"
        assert "scandal" not in alarm["description"]
        scene.restart()
        write(scene, 40, delivery=3)
        scene.settle(minutes=DAY / 2)
        assert len(issues(scene.world)) == 1
        scene.assert_nothing_parked()


def test_login_failure_at_night_goes_by_the_fast_lane(database_url: str) -> None:
    problems = {"fast_customers": 4, "settle": "10m"}
    with stepped(database_url, SETTINGS, problems=problems) as scene:
        scene.clock.now = datetime.combine(
            scene.clock.now + timedelta(days=1),
            datetime.min.time().replace(hour=3),
            scene.clock.now.tzinfo,
        )
        for number, text in enumerate(LOGIN):
            assert issues(scene.world) == []
            scene.world.write(
                ("helpscout", "zendesk")[number % 2],
                email=f"night{number}@mail.example",
                subject="Login",
                text=text,
            )
            scene.settle(minutes=20 if number < 3 else 0)
        assert issues(scene.world) == []
        scene.settle(minutes=11)
        (issue,) = issues(scene.world)
        assert "4 customers in 4 h" in issue["description"]


def test_muted_type_files_nothing_until_its_end_and_then_sums_up(
    database_url: str,
) -> None:
    with stepped(database_url, SETTINGS) as scene:
        end = scene.clock.now + timedelta(hours=20)
        mute = {"type": "delivery", "until": end.isoformat(), "reason": "a strike"}
        scene.restart(problems={"muted": [mute]})
        write(scene, 0, delivery=7, billing_invoice=5)
        scene.settle(minutes=DAY / 2)
        (other,) = issues(scene.world)
        assert "invoice" in other["summary"].lower()
        scene.clock.now = end + timedelta(minutes=1)
        scene.settle()
        issue = next(one for one in issues(scene.world) if one["id"] != other["id"])
        assert len(issues(scene.world)) == 2
        assert "(a strike), and 7 customers wrote before that" in issue["description"]
        assert issue["comments"] == []
        scene.settle(minutes=DAY)
        assert len(issues(scene.world)) == 2
