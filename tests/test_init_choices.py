"""What ``init`` lists instead of asking blind, and how a person picks from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import helpscout_kit
import pytest
import responses
from click.testing import CliRunner, Result
from pydantic import ValidationError

from adapters import Choice, Question, kinds
from adapters.helpscout.choices import inboxes
from adapters.jira import choices
from connector.cli import cli
from connector.cli.asking import AskAgain, ask, ask_place
from connector.cli.choosing import SHOWN, choose, choose_several, lines, pick
from connector.config import load
from connector.errors import CredentialsRejected, VendorUnavailable, VendorUnreachable
from connector.questions import place_of
from connector.sandbox import Running, SandboxSettings, World, serve

SHOP, OPS, TEN = Choice("SHOP", "Web shop"), Choice("OPS", "Ops"), Choice("10", "Ten")
LISTED = [OPS, SHOP, TEN]
MANY = [Choice(f"K{number:02}", f"Project {number}") for number in range(60)]


# -- picking --


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2", SHOP),
        ("SHOP", SHOP),
        ("shop", SHOP),
        ("web shop", SHOP),
        ("OPS", OPS),
        ("10", TEN),  # its key; there is no tenth
        ("3", TEN),
        ("0", None),
        ("4", None),
        ("web", None),
        ("", None),
        ("-1", None),
        ("²", None),
    ],
)
def test_what_is_typed_names_one_or_none(typed: str, meant: Choice | None) -> None:
    assert pick(LISTED, typed) == meant


def test_key_that_is_a_number_goes_before_the_place_in_the_list() -> None:
    numbered = [Choice("20", "twenty"), Choice("1", "one")]
    assert pick(numbered, "1") == numbered[1]


def test_name_of_two_names_neither() -> None:
    assert pick([Choice("A", "same"), Choice("B", "same")], "same") is None


def test_long_list_is_shortened_and_says_how_to_search() -> None:
    shown = lines(MANY, MANY)
    assert len(shown) == SHOWN + 1
    assert f"{60 - SHOWN} more; type a part of the name" in shown[-1]
    assert lines(MANY, MANY[41:42]) == ["  42  K41  Project 41"]


def test_name_cannot_steer_the_terminal() -> None:
    (shown,) = lines([Choice("A", "x\x1b[2Jy")], [Choice("A", "x\x1b[2Jy")])
    assert shown.isprintable()


def run(function: Any, *typed: str) -> tuple[Any, str]:
    """Call what asks a person who types; return its result, and what was shown."""
    result: list[Any] = []

    @click.command()
    def command() -> None:
        result.append(function())

    shown = CliRunner().invoke(command, input="\n".join(typed) + "\n")
    assert shown.exception is None or isinstance(shown.exception, SystemExit), shown
    return (result or [None])[0], shown.output


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        (["2"], "SHOP"),
        (["ops"], "OPS"),
        (["hidden", "y"], "hidden"),
        (["hidden", "n", "1"], "OPS"),
        (["web", "2"], "SHOP"),  # a part of a name narrows the list down
    ],
)
def test_one_is_chosen_by_number_key_or_search(typed: list[str], chosen: str) -> None:
    assert run(lambda: choose("Which", LISTED, None), *typed)[0] == chosen


def test_search_shows_what_fits_with_its_number_in_the_whole_list() -> None:
    key, shown = run(lambda: choose("Which", MANY, None), "ject 5", "52")
    assert key == "K51"
    after = shown.split("name): ject 5\n")[1]
    assert "  52  K51  Project 51" in after
    assert "K41" not in after


@pytest.mark.parametrize(
    ("typed", "default", "chosen"),
    [
        (["1, shop"], None, ["OPS", "SHOP"]),
        (["2,SHOP, 2"], None, ["SHOP"]),
        (["2, hidden", "y"], None, ["SHOP", "hidden"]),
        (["2, hidden", "n", "2"], None, ["SHOP"]),
        ([""], "", []),
        ([" , ", "3"], None, ["10"]),
        (["web", "2"], None, ["SHOP"]),
    ],
)
def test_several_are_chosen_with_commas(
    typed: list[str], default: str | None, chosen: list[str]
) -> None:
    call = partial(choose_several, "Which", LISTED, default)
    assert run(call, *typed)[0] == chosen


# -- asking --


def offering(found: list[Choice] | Exception, **more: Any) -> Question:
    def offers(answers: Mapping[str, Any]) -> list[Choice]:
        if isinstance(found, Exception):
            raise found
        return found

    return Question("project", "Project", offers=offers, **more)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (VendorUnreachable("jira cannot be reached"), "jira cannot be reached"),
        (VendorUnavailable("jira answered 503"), "jira answered 503"),
        ([], "our account is shown none"),
    ],
)
def test_without_a_list_it_is_typed_and_the_reason_said(
    found: list[Choice] | Exception, why: str
) -> None:
    place, shown = run(lambda: ask_place((offering(found),), {}, True), "SHOP")
    assert place == {"project": "SHOP"}
    assert why in shown


def test_tracker_that_does_not_let_us_in_is_not_asked_for_lists() -> None:
    question = offering(AssertionError("it was asked"))
    assert run(lambda: ask_place((question,), {}, False), "SHOP")[0] == {
        "project": "SHOP"
    }


def test_tracker_without_questions_of_its_own_is_asked_in_a_plain_way() -> None:
    plain = place_of(replace(kinds()["jira"], place=()))
    place, shown = run(lambda: ask_place(plain, {}, True), "SHOP", "")
    assert place == {"project": "SHOP", "issue_type": "Bug"}
    assert "no list" not in shown


@pytest.mark.parametrize(
    ("listed", "typed", "chosen"),
    [
        ([Choice("Task", "Task"), Choice("Bug", "Bug")], "", "Bug"),
        ([Choice("Vika", "Vika")], "", "Vika"),  # the only one there is
        ([Choice("Vika", "Vika"), Choice("Idea", "Idea")], "2", "Idea"),
    ],
)
def test_enter_takes_what_is_likely(
    listed: list[Choice], typed: str, chosen: str
) -> None:
    question = offering(listed, default="Bug")
    assert run(lambda: ask_place((question,), {}, True), typed)[0] == {
        "project": chosen
    }


def test_later_list_knows_the_earlier_answer() -> None:
    seen: list[Mapping[str, Any]] = []

    def offers(answers: Mapping[str, Any]) -> list[Choice]:
        seen.append(dict(answers))
        return [Choice("Bug", "Bug")]

    questions = (offering([SHOP]), Question("issue_type", "Type", offers=offers))
    run(lambda: ask_place(questions, {"flavour": "cloud"}, True), "1", "1")
    assert seen == [{"flavour": "cloud", "project": "SHOP"}]


def test_credentials_that_are_not_taken_are_asked_for_again() -> None:
    questions = (
        Question("token", "Token"),
        offering(CredentialsRejected("jira answered 401"), many=True),
    )
    answers: dict[str, Any] = {}

    def again() -> str:
        try:
            ask(questions, answers)
        except AskAgain:
            return "again"
        return "on"

    assert run(again, "wrong", "y")[0] == "again"
    said, shown = run(again, "", "n", "SUP")
    assert (said, answers) == ("on", {"token": "wrong", "project": ["SUP"]})
    assert "jira answered 401" in shown


# -- what a Jira has --


@pytest.fixture(params=["cloud", "data_center"])
def flavour(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def sandbox(flavour: str) -> Iterator[Running]:
    keys = tuple(f"P{number:02}" for number in range(60))
    settings = SandboxSettings(
        jira_flavour=flavour, jira_projects=keys, jsm_projects=("SUP", "CARE")
    )
    with serve(World(settings), port=0) as running:
        yield running


def account(sandbox: Running) -> dict[str, Any]:
    """Return the answers that lead into the sandbox's Jira."""
    known = sandbox.world.settings
    own = (
        {
            "email": known.jira_email,
            "api_token": known.jira_token,
            "webhook_secret": "s3cret",
        }
        if known.jira_flavour == "cloud"
        else {"token": known.jira_token, "webhook_token": "f3b9c1d27e5a48609b7d"}
    )
    site = {"flavour": known.jira_flavour, "site_url": f"{sandbox.url}/jira"}
    return {**site, **own}


def test_all_projects_are_listed_over_all_pages(sandbox: Running) -> None:
    found = choices.projects(account(sandbox))
    keys = [choice.key for choice in found]
    assert keys == sorted(sandbox.world.jira.projects)
    assert Choice("P07", "P07 project") in found


def test_cloud_lists_only_projects_we_may_file_in(sandbox: Running) -> None:
    sandbox.world.jira.denied = {"CREATE_ISSUES"}
    listed = choices.projects(account(sandbox))
    # Data Center cannot be asked so; there doctor tells.
    assert bool(listed) is (not sandbox.world.jira.cloud)


def test_types_of_the_chosen_project_are_listed(sandbox: Running) -> None:
    answers = {**account(sandbox), "project": "P07"}
    assert Choice("Bug", "Bug") in choices.issue_types(answers)


def test_service_projects_are_listed(sandbox: Running) -> None:
    found = choices.service_projects(account(sandbox))
    assert [choice.key for choice in found] == ["CARE", "SUP"]


def test_wrong_token_is_told_apart_from_having_none(sandbox: Running) -> None:
    name = "api_token" if sandbox.world.jira.cloud else "token"
    with pytest.raises(CredentialsRejected):
        choices.projects({**account(sandbox), name: "wrong"})


def test_answers_that_lead_nowhere_are_told_without_a_call() -> None:
    with pytest.raises(ValidationError):
        choices.projects({"flavour": "cloud", "site_url": "no address"})


def test_types_that_need_a_parent_are_left_out_and_twins_go_by_id() -> None:
    types = [
        {"id": "1", "name": "Bug", "subtask": False},
        {"id": "2", "name": "Sub-task", "subtask": True},
        {"id": "3", "name": "Task", "subtask": False},
        {"id": "4", "name": "task", "subtask": False},
        {"id": "5", "subtask": False},
    ]
    answers = {
        "flavour": "cloud",
        "site_url": "https://example.atlassian.net",
        "email": "connector@example.com",
        "api_token": "token",
        "webhook_secret": "s3cret",
        "project": "SHOP",
    }
    with responses.RequestsMock() as web:
        web.get(
            "https://example.atlassian.net/rest/api/3/issue/createmeta/SHOP/issuetypes",
            json={"issueTypes": types, "total": 5},
        )
        found = choices.issue_types(answers)
    assert found == [Choice("Bug", "Bug"), Choice("3", "Task"), Choice("4", "task")]


# -- what a Help Scout has --


def test_inboxes_are_listed_by_name(sandbox: Running) -> None:
    answers = helpscout_kit.account(sandbox)
    found = inboxes(answers)
    assert found == sorted(found, key=lambda choice: choice.name.casefold())
    assert all(choice.key.isdecimal() and choice.name for choice in found)
    assert found
    with pytest.raises(CredentialsRejected):
        inboxes({**answers, "app_secret": "wrong"})


def test_answer_from_the_list_of_inboxes_is_a_setting() -> None:
    config = kinds()["helpscout"].config
    given = {"app_id": "a", "app_secret": "b", "webhook_secret": "c"}
    assert config.model_validate({**given, "mailboxes": ["12"]}).mailboxes == (12,)
    assert config.model_validate({**given, "mailboxes": []}).mailboxes == ()


# -- the whole of it --


def init(path: Path, *typed: str) -> Result:
    words = ["init", "--config", str(path)]
    return CliRunner().invoke(cli, words, input="\n".join(typed) + "\n")


def test_init_takes_numbers_from_the_lists(
    sandbox: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answers = account(sandbox)
    cloud = sandbox.world.jira.cloud
    own = [answers["email"], answers["api_token"]] if cloud else [answers["token"]]
    site = [answers["flavour"], answers["site_url"], *own]
    path = tmp_path / "config.yaml"
    desk = ["jira_service_management", *site, "2"]
    result = init(path, *desk, "jira", *site, "P4", "P41", "", "")
    config = load(path)
    assert config.sources["support"].settings.projects == ("SUP",), result.output
    assert config.problems.project == "P41"
    assert config.problems.issue_type == "Bug"
    assert "   1  CARE" in result.output
    assert "more; type a part of the name to search" in result.output
