"""What ``doctor`` is told of a Jira, seen against the look-alike."""

from __future__ import annotations

import pytest
from jira_kit import START, Site, opened

from adapters.jira import paging
from connector.errors import NotFound
from connector.models import Finding, Level
from connector.sandbox.jira_tracker import DONE, TO_DO, Transition

ADDRESS = "https://cc.nordvik.example/webhooks/jira"
PLACE = {"projects": {"SHOP": {}}}


@pytest.fixture(params=["cloud", "data_center"])
def site(request):
    with opened(jira_flavour=request.param) as site:
        yield site


@pytest.fixture
def cloud():
    with opened() as site:
        yield site


def look(site: Site, **changes: object) -> list[Finding]:
    return site.connect(**changes).check(site.clock())


def about(found: list[Finding], subject: str) -> list[Finding]:
    return [finding for finding in found if finding.subject == f"jira: {subject}"]


def field(name: str, kind: str = "string", **more: object) -> dict[str, object]:
    return {"name": name, "required": True, "schema": {"type": kind}, **more}


# -- everything in order --


def test_site_that_is_set_up_has_no_trouble(site):
    site.adapter.subscribe(ADDRESS)
    external_id = site.file()
    site.world.issue(external_id, "done")
    found = look(site, **PLACE)
    assert {finding.level for finding in found} == {Level.OK}
    said = " ".join(finding.message for finding in found)
    for words in (
        "signed in as",
        f"calls {ADDRESS}",
        "has the permissions",
        "every field can be filled",
        "can be reopened",
    ):
        assert words in said


def test_looking_changes_nothing(site):
    site.adapter.subscribe(ADDRESS)
    before = site.world.state(), len(site.world.log())
    look(site, **PLACE)
    assert (site.world.state(), len(site.world.log())) == before


def test_wrong_flavour_ends_the_look(cloud):
    config = {"token": "pat-of-nobody", "webhook_token": "0123456789abcdef"}
    cleared = {"email": "", "api_token": "", "webhook_secret": ()}
    other = cloud.connect(flavour="data_center", **cleared, **config)
    (finding,) = other.check(START)
    assert finding.level is Level.PROBLEM


def test_address_that_jira_does_not_know_as_its_own_is_warned_of(site):
    site.tracker.stage.base_url = "https://elsewhere.example"
    (finding,) = about(look(site), "site_url")
    assert finding.level is Level.WARNING
    assert "https://elsewhere.example/jira" in finding.message


# -- webhooks --


@pytest.mark.parametrize(
    ("spoil", "message", "remedy"),
    [
        (lambda hook: setattr(hook, "state", "disabled"), "switched off", "enable"),
        (
            lambda hook: hook.events.remove("jira:issue_updated"),
            "does not tell of jira:issue_updated",
            "tick",
        ),
        (
            lambda hook: hook.extra.update(
                excludeBody=True, configuration={"EXCLUDE_BODY": "true"}
            ),
            "sends no body",
            "Exclude body",
        ),
    ],
)
def test_webhook_that_is_off_is_a_problem_that_says_what_to_click(
    site, spoil, message, remedy
):
    site.adapter.subscribe(ADDRESS)
    (hook,) = site.tracker.webhooks.values()
    spoil(hook)
    (finding,) = about(look(site), "webhook")
    assert finding.level is Level.PROBLEM
    assert message in finding.message
    assert remedy in finding.remedy
    assert "token=" not in finding.message


def test_webhook_without_a_signature_is_a_problem(cloud):
    events = ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted"]
    cloud.world.subscribe(
        "jira", ADDRESS, "", [*events, "comment_created", "comment_updated"]
    )
    (finding,) = about(look(cloud), "webhook")
    assert (finding.level, "not signed" in finding.message) == (Level.PROBLEM, True)


def test_missing_webhook_is_a_problem_and_a_hidden_one_is_not(site):
    site.world.subscribe("jira", "https://other.example/x", "s", ["jira:issue_created"])
    (missing,) = about(look(site), "webhook")
    site.tracker.is_admin = False
    (hidden,) = about(look(site), "webhook")
    assert (missing.level, hidden.level) == (Level.PROBLEM, Level.WARNING)
    assert "complaint-connector webhooks register jira" in missing.remedy
    assert "jira:issue_updated" in hidden.remedy


def test_dynamic_webhooks_are_not_looked_for(cloud):
    found = look(cloud, webhook_secret=(), client_secret="s3cret-of-the-app")
    (finding,) = about(found, "webhook")
    assert finding.level is Level.OK


# -- resolutions --


def judge(
    site: Site, names: tuple[str, ...], resolutions: dict[str, list[str]]
) -> list[Finding]:
    found = site.connect(resolutions=resolutions).check_resolutions(names)
    return about(found, "resolutions")


@pytest.mark.parametrize(
    ("resolutions", "names", "fixed", "rest"),
    [
        ({}, ("done", "fixed"), "Done, Fixed", ""),
        ({}, ("fixed",), "Fixed", "Done"),
        ({}, ("Duplicate",), "Duplicate", "Done, Fixed"),
        ({"fixed": ["Duplicate"]}, ("løst",), "Duplicate", "Done, Fixed"),
        ({"duplicate": ["Done"]}, ("done", "fixed"), "Fixed", ""),
    ],
)
def test_verdict_on_resolutions_is_the_one_that_counts(
    site, resolutions, names, fixed, rest
):
    (finding,) = judge(site, names, resolutions)
    assert finding.level is Level.OK
    said = finding.message.split("; ")
    assert said[:2] == [f"fixed: {fixed}", "wont_do: Won't Do"]
    assert [one for one in said if one.startswith("named nowhere")] == (
        [f"named nowhere, so not fixed: {rest}"] if rest else []
    )


@pytest.mark.parametrize(
    ("types", "named", "level", "said"),
    [
        ({"1": "Duplicate", "2": "Relates"}, [], Level.OK, "original: Duplicate"),
        ({"1": "Sama", "2": "Relates"}, ["sama"], Level.OK, "original: Sama"),
        ({"2": "Relates"}, [], Level.WARNING, "no type of link"),
        ({"1": "Duplicate"}, ["Sama"], Level.PROBLEM, "no type of link"),
    ],
)
def test_links_to_an_original_are_named_or_missed(site, types, named, level, said):
    site.tracker.link_types = types
    adapter = site.connect(duplicate_links=named)
    (finding,) = about(adapter.check_resolutions(("fixed",)), "duplicates")
    assert (finding.level, said in finding.message) == (level, True)
    assert ("sources.jira.duplicate_links" in finding.remedy) is (level != Level.OK)


def test_site_that_links_no_issues_is_told_so(site, monkeypatch):
    adapter = site.connect()

    def read(path, params):
        raise NotFound("Issue linking is currently disabled.", status=404)

    monkeypatch.setattr(adapter._client, "read", read)
    (finding,) = about(adapter.check_resolutions(("fixed",)), "duplicates")
    assert (finding.level, "cannot be linked" in finding.message) == (
        Level.WARNING,
        True,
    )


def test_word_that_names_no_resolution_is_a_problem(site):
    words = {"fixed": ["10004", "Lanseert"], "duplicate": ["Duplicate"]}
    found = judge(site, ("fixed",), words)
    assert [finding.level for finding in found] == [Level.OK, Level.PROBLEM]
    assert found[1].message == "this Jira has none called Lanseert"


@pytest.mark.parametrize(
    ("resolutions", "names"),
    [({"wont_do": ["Done", "Fixed"]}, ("done", "fixed")), ({}, ("released",))],
)
def test_jira_in_which_nothing_means_fixed_is_warned_of(site, resolutions, names):
    (finding,) = judge(site, names, resolutions)
    assert finding.level is Level.WARNING
    assert "no customer is ever told" in finding.message
    assert "problems.fixed_resolutions" in finding.remedy
    assert "sources.jira.resolutions.fixed" in finding.remedy


# -- where issues are filed --


@pytest.mark.parametrize(
    ("more", "example"),
    [
        ({"kind": "option", "allowedValues": [{"id": "7", "value": "Web"}]}, "Web"),
        ({"kind": "array", "allowedValues": [{"id": "3", "name": "App"}]}, '[{"id"'),
        ({"kind": "number"}, "example to 1;"),
        ({"kind": "date"}, '"2026-01-31"'),
        ({}, '"text"'),
        ({"allowedValues": ["red"]}, '"text"'),
        ({"allowedValues": []}, '"text"'),
    ],
)
def test_field_that_is_needed_is_named_with_what_to_type(site, more, example):
    site.tracker.extra_fields = {"customfield_10060": field("Channel", **more)}
    (finding,) = about(look(site, **PLACE), "SHOP Bug")[:1]
    assert finding.level is Level.PROBLEM
    assert finding.message == "needs the field Channel (customfield_10060)"
    where = "sources.jira.projects.SHOP.fields.customfield_10060"
    assert where in finding.remedy
    assert example in finding.remedy


@pytest.mark.parametrize(
    ("known", "fields"),
    [
        ({"customfield_1": field("A", hasDefaultValue=True)}, {}),
        ({"customfield_1": field("A", required=False)}, {}),
        ({"reporter": field("Reporter", "user")}, {}),
        ({"customfield_1": field("A")}, {"customfield_1": "x"}),
    ],
)
def test_field_that_fills_itself_is_not_asked_for(site, known, fields):
    site.tracker.extra_fields = known
    found = look(site, projects={"SHOP": {"fields": fields}})
    assert {finding.level for finding in about(found, "SHOP Bug")} == {Level.OK}


def test_required_field_on_a_later_page_is_found(site, monkeypatch):
    monkeypatch.setattr(paging, "PAGE", 2)
    site.tracker.extra_fields = {"customfield_10060": field("Channel")}
    found = about(
        look(site, projects={"SHOP": {"issue_types": ["Story"]}}), "SHOP Story"
    )
    assert "Channel" in found[0].message


def test_field_of_the_settings_that_is_on_no_screen_is_a_problem(site):
    found = look(site, projects={"SHOP": {"fields": {"customfield_99": 1}}})
    (finding,) = about(found, "SHOP Bug")[:1]
    assert finding.level is Level.PROBLEM
    assert "customfield_99 is not on the screen" in finding.message


def test_filing_can_be_tried_for_any_place_and_its_fields(site):
    found = site.adapter.check_filing("OPS", "Task", {"customfield_10050"})
    assert {finding.level for finding in found} == {Level.OK}
    strange = site.adapter.check_filing("OPS", "Task", {"customfield_98"})
    assert any("customfield_98" in finding.message for finding in strange)


def test_unknown_project_is_a_problem(site):
    (finding,) = about(look(site, projects={"NONE": {}}), "NONE")
    assert finding.level is Level.PROBLEM
    assert "does not exist" in finding.message


def test_unknown_type_is_a_problem_that_names_the_others(site):
    found = look(site, projects={"SHOP": {"issue_types": ["Feil"]}})
    (finding,) = about(found, "SHOP Feil")[:1]
    assert finding.level is Level.PROBLEM
    assert "Bug, Task, Story" in finding.message


@pytest.mark.parametrize("kind", ["bug", "10001"])
def test_type_is_known_by_id_and_whatever_its_case(site, kind):
    found = look(site, projects={"SHOP": {"issue_types": [kind]}})
    assert {finding.level for finding in about(found, f"SHOP {kind}")} == {Level.OK}


def test_jira_too_old_to_tell_its_fields_is_no_missing_project(site, monkeypatch):
    def gone(*_: object) -> None:
        raise NotFound("jira answered 404", status=404)

    monkeypatch.setattr(paging, "read_all", gone)
    found = look(site, **PLACE)
    assert about(found, "SHOP")[0].level is Level.OK
    assert about(found, "SHOP Bug")[0].level is Level.WARNING


def test_missing_permissions_are_named_with_what_they_are_for(site):
    site.tracker.denied = {"LINK_ISSUES", "TRANSITION_ISSUES"}
    (finding,) = about(look(site, **PLACE), "SHOP")
    assert finding.level is Level.PROBLEM
    assert finding.message == (
        "our account lacks LINK_ISSUES (links to tickets and between issues), "
        "TRANSITION_ISSUES (reopening)"
    )


def test_workflow_without_a_way_back_is_warned_of_where_it_can_be_seen(site):
    site.tracker.workflow = (Transition("31", "Done", DONE, (TO_DO.id,)),)
    assert about(look(site, **PLACE), "SHOP Bug")[-1].level is Level.OK
    external_id = site.file()
    site.world.issue(external_id, "done")
    finding = about(look(site, **PLACE), "SHOP Bug")[-1]
    assert finding.level is Level.WARNING
    assert "Transition issues" in finding.remedy


def test_part_that_fails_is_a_finding_and_the_others_are_looked_at(site):
    site.world.fail("500", vendor="jira", path="/resolution$", times=1)
    (finding,) = judge(site, ("fixed",), {})
    assert finding.level is Level.PROBLEM
    site.world.fail("500", vendor="jira", path="/webhook", times=2)
    found = look(site, **PLACE)
    assert about(found, "webhook")[0].level is Level.PROBLEM
    assert about(found, "SHOP Bug")
