"""Grouping: what comes together, what stays apart, and that it stays the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from grouper_kit import LATE, MUCH_LATER, OTHERS, START, about, add_all, after, always
from pydantic import ValidationError

from rules.duplicates import FADING, Grouper, GroupingSettings, Proposal
from rules.features import Features
from rules.likeness import MOST_HEAT


@pytest.mark.parametrize(
    ("case", "first", "second"),
    [
        (
            "same words",
            about("the Nordlys lamp flickers all the time"),
            about("our Nordlys lamp is flickering"),
        ),
        (
            "typing errors",
            about("the blender makes a burning smell when mixing"),
            about("blendr makes a burnnig smell when mixing"),
        ),
        (
            "another language, same code",
            about("the checkout stops with E-4012 when I press pay"),
            about("kassen stopper med E-4012 når jeg trykker betal", "nb"),
        ),
        (
            "another language, same name",
            about("my parcel with PostLink is late again", "en", "delivery"),
            about("pakettini on myöhässä, PostLink", "fi", "delivery"),
        ),
        (
            "different kinds of complaint, same code",
            about("checkout shows E-4012 and takes no card", "en", "billing_invoice"),
            about("no answer about E-4012 at checkout", "en", "customer_service"),
        ),
        (
            "name in small letters",
            about("my parcel with PostLink is late again"),
            about("parcel from postlink late again"),
        ),
    ],
)
def test_one_problem_becomes_one_group(
    case: str, first: Features, second: Features
) -> None:
    assert after([("p", first)]).propose(second, LATE).group == "p", case


@pytest.mark.parametrize(
    ("case", "first", "second"),
    [
        (
            "another product",
            about("my Nordlys lamp stopped working after two weeks"),
            about("my Havre blender stopped working after two weeks"),
        ),
        (
            "another code",
            about("the checkout stops with E-4012 when I press pay"),
            about("the checkout stops with E-5533 when I press pay"),
        ),
        (
            "another carrier",
            about("my parcel with PostLink has not moved for days", "en", "delivery"),
            about("my parcel with Bringo has not moved for days", "en", "delivery"),
        ),
        (
            "only the kind of complaint in common",
            about("my parcel is late", "en", "delivery"),
            about("pakken ble levert til naboen", "nb", "delivery"),
        ),
        (
            "only politeness in common",
            about("please help me, the sofa wobbles, thank you very much"),
            about("please help me, the login fails, thank you very much"),
        ),
    ],
)
def test_hard_negatives_stay_apart(
    case: str, first: Features, second: Features
) -> None:
    assert after([("p", first)]).propose(second, LATE).group is None, case


def test_complaints_do_not_chain_through_their_neighbours() -> None:
    chain = [
        "parcel late",
        "parcel late and box wet",
        "box wet and manual torn",
        "manual torn and screws missing",
        "screws missing and colour wrong",
        "colour wrong and zip stuck",
    ]
    grouper = after([])
    placed = []
    for number, text in enumerate(chain):
        found, at = about(text), START + timedelta(hours=number)
        group = grouper.propose(found, at).group or f"p{number}"
        grouper.add(group, str(number), found, at)
        placed.append(group)
    assert placed[0] != placed[-1]
    assert max(placed.count(group) for group in placed) <= 3


def test_a_burst_draws_what_a_cold_group_would_not() -> None:
    words = "the app shows a white page after the update"
    burst = [("p", about(words))] * 5
    vague = about("white page in the app since this morning")
    hot = after(burst, hours=0.1).propose(vague, START + timedelta(hours=1))
    cold = after(burst, hours=0.1).propose(vague, START + timedelta(days=30))
    assert hot.score > cold.score


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (about("again E-4012 at the checkout when I pay"), "same code E-4012"),
        (about("checkout with PostLink fails, E-4012"), "same name: PostLink"),
        (about("E-4012 at the checkout", "en", "billing"), "same kind: billing"),
        (about("E-4012 at the checkout when I pay"), "same object: checkout, payment"),
    ],
)
def test_reasons_name_what_is_shared(found: Features, reason: str) -> None:
    first = about("checkout with PostLink stops at E-4012 when I pay", "en", "billing")
    assert reason in after([("p", first)]).propose(found, LATE).reasons


def test_reasons_say_nothing_twice() -> None:
    grouper = after([("code", about("the discount code AUTUMN20 is refused"))])
    found = about("no discount, your code AUTUMN20, the discount code, is refused")
    reasons = grouper.compare("code", found, LATE).reasons
    assert "same code AUTUMN20" in reasons
    assert "same object: discount code, declined" in reasons
    assert not any(reason.startswith("same name") for reason in reasons)


def test_a_new_problem_has_no_group_but_a_reason() -> None:
    proposal = Grouper().propose(about("the lamp flickers"), START)
    assert proposal == Proposal(None, 0.0, ("nothing alike",))


def test_a_look_up_changes_nothing() -> None:
    grouper = after([("p", about("the lamp flickers all the time"))])
    same, other = about("my lamp flickers"), about("the zip of the tent is stuck")
    before = grouper.propose(same, LATE)
    for _ in range(5):
        grouper.propose(other, LATE)
    assert grouper.propose(same, LATE) == before


def test_replaying_the_log_gives_the_same_answers() -> None:
    log = [("p", about("the lamp flickers")), ("q", about("zip of the tent stuck"))]
    asked = [about(text) for text in (*OTHERS, "lamp flickers", "tent zip is stuck")]
    first, second = after(log), after(log)
    stored = [(g, Features.from_json(f.to_json())) for g, f in log]
    third = after(stored)
    answers = [[g.propose(f, LATE) for f in asked] for g in (first, second, third)]
    assert answers[0] == answers[1] == answers[2]


def test_a_person_may_put_a_ticket_anywhere() -> None:
    strange = about("quarterly figures of the choir")
    grouper = after([("p", about("the lamp flickers")), ("p", strange)])
    assert grouper.propose(strange, LATE).group == "p"


def told_of_a_recall(hours_ago: float) -> Grouper:
    """The same tickets of others in the same order; only when they came differs."""
    grouper = always("where is my invoice")
    for number in range(8):
        at = MUCH_LATER + timedelta(hours=number * hours_ago)
        grouper.add(f"r{number}", f"r{number}", about(f"recall {OTHERS[number]}"), at)
    for number in range(100):
        at += timedelta(hours=hours_ago)
        grouper.add(f"x{number}", f"x{number}", about(f"thing {number}"), at)
    grouper.add("p", "p", about("the recall of your kettle worries us at home"), at)
    return grouper


def test_a_word_that_many_use_suddenly_draws_more() -> None:
    asked = about("does the recall concern toasters of last year")
    sudden, long_ago = told_of_a_recall(0.01), told_of_a_recall(24.0)
    later = MUCH_LATER + timedelta(days=200)  # cold for both: no group is busy
    assert sudden.propose(asked, later).score > long_ago.propose(asked, later).score


def test_a_busy_group_draws_more_what_speaks_of_its_surge() -> None:
    """Heat alone is for any busy group; shared words of a surge make it stronger."""
    grouper = always("where is my invoice")
    add_all(grouper, "p", *[f"recall {OTHERS[number]}" for number in range(8)])
    soon, never = MUCH_LATER + timedelta(minutes=9), MUCH_LATER + timedelta(days=99)
    gains = []
    for text in ("recall of toasters", "where is your invoice for curtains"):
        found = about(text)
        cold = grouper.propose(found, never).score
        gains.append(grouper.propose(found, soon).score - cold)
    assert gains[0] > MOST_HEAT
    assert gains[0] > gains[1]


def test_odd_names_do_not_outweigh_a_long_text() -> None:
    said = "the kettle I bought leaks water at the handle and smells of plastic"
    named = about(f"{said}, greetings to Xanthippe, Balthasar, Wilhelmina and Kunibert")
    grouper = after([("p", about(said))])
    plain = grouper.propose(about(said), LATE).score
    assert grouper.propose(named, LATE).score > 0.75 * plain


def test_what_is_forgotten_draws_no_more() -> None:
    found = about("the lamp flickers all the time")
    grouper = after([("p", found)])
    grouper.forget(START + timedelta(days=1))
    assert grouper.propose(found, LATE) == Proposal(None, 0.0, ("nothing alike",))


def test_what_is_still_active_is_not_forgotten() -> None:
    found = about("the lamp flickers all the time")
    grouper = after([("p", found)])
    grouper.add("p", "again", found, START + timedelta(days=9))
    grouper.forget(START + timedelta(days=8))
    assert grouper.propose(found, START + timedelta(days=9)).group == "p"


def test_memory_is_bounded_by_the_number_of_groups() -> None:
    grouper = Grouper(GroupingSettings(groups=10))
    for number in range(200):
        text = f"thing{chr(97 + number % 26)}{chr(97 + number // 26)} is odd"
        grouper.add(str(number), str(number), about(text), START)
    assert len(grouper) == 10
    assert grouper.propose(about("thingaa is odd"), START).group is None


def test_a_group_put_together_anew_consists_of_just_those_members() -> None:
    lamp, oven = about("the lamp flickers all the time"), about("the oven stays cold")
    grouper = after([("p", lamp), ("p", oven), ("q", about("the sofa is stained"))])
    grouper.rebuild("p", [(oven, START)])
    grouper.rebuild("r", [(lamp, START)])
    assert grouper.propose(oven, LATE).group == "p"
    assert grouper.propose(lamp, LATE).group == "r"
    grouper.rebuild("p", [])
    assert grouper.propose(oven, LATE).group is None


def test_putting_groups_together_anew_leaves_what_is_usual_as_it_is() -> None:
    """Taking a group apart and putting it back is as if nothing had happened."""
    texts = [f"alarm {text}" for text in OTHERS[:6]]
    grouper, untouched = always("where is my invoice"), always("where is my invoice")
    for one in (grouper, untouched):
        add_all(one, "p", *texts)
    grouper.rebuild("p", [(about(text), MUCH_LATER) for text in texts])
    assert grouper.information("alarm") == untouched.information("alarm")
    assert grouper.surge("alarm") == untouched.surge("alarm") > 0


def test_a_grouper_that_was_loaded_is_the_one_that_was_dumped() -> None:
    grouper = always("where is my invoice")
    add_all(grouper, "p", *[f"alarm of Nordlys, {text}" for text in OTHERS])
    loaded = Grouper.load(grouper.dump())
    assert loaded.dump() == grouper.dump()
    asked = about("alarm of Nordlys, error E-4012")
    later = MUCH_LATER + timedelta(hours=1)
    for one in (grouper, loaded):
        one.add("p", "x", asked, later)
        one.forget(MUCH_LATER)
    assert loaded.propose(asked, later) == grouper.propose(asked, later)
    states = [vars(one) | {"_surges": vars(one._surges)} for one in (grouper, loaded)]
    assert states[0] | {"_last": None} == states[1] | {"_last": None}


def test_a_problem_that_never_ends_does_not_collect_every_word() -> None:
    grouper = after([])
    odd = [f"{chr(98 + n % 20)}u{chr(98 + n // 20)}u" for n in range(FADING)]
    for word in odd[:-1]:
        grouper.add("p", word, about(f"the lamp flickers, {word}"), START)
    assert grouper.information("bubu") < grouper.information("never seen")
    grouper.add("p", odd[-1], about("the lamp flickers"), START)
    assert grouper.information("bubu") == grouper.information("never seen")
    assert grouper.propose(about("the lamp flickers"), LATE).group == "p"


def test_a_word_that_one_large_group_has_had_for_long_draws_nobody() -> None:
    """Else whoever uses the word would come to that group, and make it larger."""
    grouper = after(())
    for number in range(120):
        text = f"the widget {OTHERS[number % len(OTHERS)]}"
        at = START + timedelta(hours=12 * number)
        grouper.add("all widgets", f"w{number}", about(text), at)
    long_after = START + timedelta(hours=12 * 120)
    assert grouper.information(about("widget").words[0]) < 1
    assert not grouper.propose(about("widget melted on the stove"), long_after).group


@pytest.mark.parametrize("text", ["", "?!", "🙂"])
def test_a_ticket_without_words_is_a_problem_of_its_own(text: str) -> None:
    grouper = after([("p", about(text))])
    assert grouper.propose(about(text), LATE).group is None


@pytest.mark.parametrize(
    "bad", [{"strictness": 0}, {"strictness": 1}, {"groups": 0}, {"strict": 0.5}]
)
def test_settings_that_make_no_sense_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        GroupingSettings.model_validate(bad)
