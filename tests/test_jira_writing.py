"""What Jira is sent: issues, changes, comments, transitions."""

from __future__ import annotations

import pytest
from jira_kit import CLOUD, DC, NOW, REF, REFUSED, TEXT, draft, raw_issue, sent, status
from responses import matchers

from adapters.jira import KIND
from adapters.jira.adapter import JiraAdapter, JiraConfig
from connector.errors import VendorConflict, VendorRefused, VendorUnavailable
from connector.models import IssueChange, Written

# -- create_issue --


def test_issue_is_created_with_everything_in_one_call_on_cloud(web, cloud):
    answer = {"id": "20417", "key": "SHOP-88", "self": f"{CLOUD}/issue/20417"}
    web.post(f"{CLOUD}/issue", status=201, json=answer)
    assert cloud.create_issue(draft()) == REF
    paragraph = {
        "type": "paragraph",
        "content": [{"type": "text", "text": "Fem kunder"}],
    }
    assert sent(web) == {
        "fields": {
            "project": {"key": "SHOP"},
            "issuetype": {"name": "Bug"},
            "summary": "Pakken kommer ikke",
            "labels": ["cc-group-7f", "cc-delivery"],
            "description": {"type": "doc", "version": 1, "content": [paragraph]},
            "priority": {"name": "High"},
            "customfield_10050": 5,
        },
        "properties": [{"key": "cc.group", "value": {"id": "7f"}}],
    }


def test_issue_is_created_with_wiki_text_and_no_more_calls_on_data_center(
    web, data_center
):
    web.post(f"{DC}/issue", status=201, json={"id": "33", "key": "OPS-7"})
    least = draft(issue_type="10004", priority=None, fields={}, labels=())
    assert data_center.create_issue(least).external_id == "33"
    assert sent(web) == {
        "fields": {
            "project": {"key": "SHOP"},
            "issuetype": {"id": "10004"},
            "summary": "Pakken kommer ikke",
            "labels": ["cc-group-7f"],
            "description": "Fem kunder",
        }
    }


def test_what_is_named_by_an_id_is_sent_as_one_and_nothing_is_null(web, cloud):
    web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    fields = {"customfield_1": None, "components": [{"id": "10010"}]}
    cloud.create_issue(draft(issue_type="10004", priority="2", fields=fields))
    made = sent(web)["fields"]
    assert (made["issuetype"], made["priority"]) == ({"id": "10004"}, {"id": "2"})
    assert made["components"] == [{"id": "10010"}]
    assert "customfield_1" not in made
    assert None not in made.values()


def test_field_of_a_draft_goes_before_the_one_of_the_settings(web, cloud):
    places = {"SHOP": {"fields": {"customfield_1": "a", "customfield_2": "b"}}}
    config = {
        **cloud.config.model_dump(exclude={"projects"}),
        "projects": places,
    }
    adapter = KIND.build("jira", JiraConfig.model_validate(config))
    for _ in range(2):
        web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    adapter.create_issue(draft(fields={"customfield_2": "c"}))
    adapter.create_issue(draft(project="OPS", fields={}))
    made, elsewhere = sent(web)["fields"], sent(web, 1)["fields"]
    assert (made["customfield_1"], made["customfield_2"]) == ("a", "c")
    assert "customfield_1" not in elsewhere
    adapter.close()


@pytest.mark.parametrize(
    ("key", "value"),
    [("cc", {}), ("cc", {"text": "x" * 32_768}), ("", {"a": 1}), ("k" * 256, {"a": 1})],
)
def test_property_that_jira_would_not_take_is_never_sent(web, cloud, key, value):
    with pytest.raises(VendorRefused, match="32768 characters"):
        cloud.create_issue(draft(properties={key: value}))
    with pytest.raises(VendorRefused, match="32768 characters"):
        cloud.update_issue("1", IssueChange(properties={key: value}))


def test_issue_without_description_is_created_without_one(web, cloud):
    web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    cloud.create_issue(draft(description=()))
    assert "description" not in sent(web)["fields"]


@pytest.mark.parametrize("label", ["", "to ord", "tab\there", "nbsp\u00a0", "x" * 256])
def test_label_that_jira_would_refuse_is_never_sent(web, cloud, label):
    with pytest.raises(VendorRefused, match="without spaces"):
        cloud.create_issue(draft(mark=label))
    with pytest.raises(VendorRefused, match="without spaces"):
        cloud.update_issue("1", IssueChange(add_labels=frozenset({label})))


@pytest.mark.parametrize("label", ["x" * 255, "😀" * 127])
def test_label_of_full_length_is_sent(web, cloud, label):
    web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    cloud.create_issue(draft(labels=(label,)))
    assert label in sent(web)["fields"]["labels"]
    with pytest.raises(VendorRefused, match="without spaces"):
        cloud.create_issue(draft(labels=(label + "😀",)))


def test_label_of_two_words_does_not_stop_the_filing(web, cloud):
    web.post(f"{CLOUD}/issue", status=201, json={"id": "20417", "key": "SHOP-88"})
    cloud.create_issue(draft(labels=("klage fra\tkunde ",)))
    assert sent(web)["fields"]["labels"] == ["cc-group-7f", "klage-fra-kunde"]


@pytest.mark.parametrize("value", [NOW, float("nan"), {"a": {1}}])
def test_field_that_is_no_json_is_refused_and_never_sent(web, cloud, value):
    with pytest.raises(VendorRefused, match="no JSON"):
        cloud.create_issue(draft(fields={"customfield_1": value}))


# -- update_issue --


def test_labels_are_added_and_removed_and_never_replaced(web, cloud):
    web.put(f"{CLOUD}/issue/20417", status=204)
    web.put(f"{CLOUD}/issue/20417/properties/cc%2Fgroup", status=201)
    change = IssueChange(
        add_labels=frozenset({"b", "a"}),
        remove_labels=frozenset({"was there"}),
        fields={"customfield_10050": 6},
        properties={"cc/group": {"customers": 6}},
    )
    cloud.update_issue("20417", change)
    assert sent(web) == {
        "fields": {"customfield_10050": 6},
        "update": {"labels": [{"add": "a"}, {"add": "b"}, {"remove": "was there"}]},
    }
    assert sent(web, 1) == {"customers": 6}


def test_labels_are_in_one_part_of_a_change_and_nothing_is_null(web, cloud):
    web.put(f"{CLOUD}/issue/1", status=204)
    fields = {"labels": ["all", "of", "them"], "customfield_1": None}
    cloud.update_issue(
        "1", IssueChange(fields=fields, add_labels=frozenset({"cc-new"}))
    )
    assert sent(web) == {"update": {"labels": [{"add": "cc-new"}]}}


def test_conflicting_change_may_be_tried_again(web, cloud):
    web.put(f"{CLOUD}/issue/1", status=409)
    with pytest.raises(VendorConflict) as caught:
        cloud.update_issue("1", IssueChange(add_labels=frozenset({"cc-new"})))
    assert caught.value.retry


def test_change_of_properties_alone_leaves_the_issue_alone(web, data_center):
    web.put(f"{DC}/issue/33/properties/cc.group", status=200)
    data_center.update_issue("33", IssueChange(properties={"cc.group": {"n": 1}}))
    data_center.update_issue("33", IssueChange())
    assert len(web.calls) == 1


# -- comments --


def test_comment_is_internal_and_carries_its_mark(web, cloud, data_center):
    web.post(f"{CLOUD}/issue/20417/comment", status=201, json={"id": "551"})
    web.post(f"{DC}/issue/33/comment", status=201, json={"id": 9})
    assert cloud.comment_issue("20417", TEXT, "cc-op-1") == Written("551")
    assert data_center.comment_issue("33", TEXT, "cc-op-1") == Written("9")
    internal = [{"key": "sd.public.comment", "value": {"internal": True}}]
    last = {"type": "paragraph", "content": [{"type": "text", "text": "Ref. cc-op-1"}]}
    assert sent(web)["body"]["content"][-1] == last
    assert sent(web)["properties"] == internal
    assert sent(web, 1) == {
        "body": "Fem kunder\n\nRef. cc-op-1",
        "properties": internal,
    }


def test_comment_without_an_id_may_have_been_written(web, cloud):
    web.post(f"{CLOUD}/issue/1/comment", status=201, json={"self": "x"})
    with pytest.raises(VendorUnavailable) as caught:
        cloud.comment_issue("1", TEXT, "cc-op-1")
    assert caught.value.uncertain


@pytest.mark.parametrize("base", [CLOUD, DC])
def test_lost_comment_is_found_among_the_newest(web, cloud, data_center, base):
    adapter: JiraAdapter = cloud if base == CLOUD else data_center
    web.post(f"{base}/issue/1/comment", status=201, json={"id": "551"})
    adapter.comment_issue("1", TEXT, "cc-op-1")
    written = {"id": "551", "body": sent(web)["body"]}
    others = [{"id": "552", "body": "Ref. cc-op-11"}, {"id": "553", "body": None}, 4]
    first = {"comments": others, "total": 5}
    second = {"comments": [written], "total": 5}
    for page, start in ((first, "0"), (second, "2")):
        query = {"orderBy": "-created", "startAt": start, "maxResults": "100"}
        match = [matchers.query_param_matcher(query)]
        web.get(f"{base}/issue/1/comment", json=page, match=match)
    assert adapter.find_comment("1", "cc-op-1") == Written("551")


@pytest.mark.parametrize(
    ("page", "calls"),
    [
        ({"comments": [], "total": 9}, 1),
        ({"comments": [{"id": "1", "body": ""}]}, 1),
        ({"comments": [{"id": "1", "body": ""}], "total": 10_000}, 5),
    ],
)
def test_search_for_a_comment_ends(web, cloud, page, calls):
    web.get(f"{CLOUD}/issue/1/comment", json=page)
    assert cloud.find_comment("1", "cc-op-1") is None
    assert len(web.calls) == calls


# -- reopen_issue --


def move(number: object, key: str, **fields: object) -> dict[str, object]:
    return {"id": number, "name": "Løs", "to": status(key), "fields": fields}


NEEDS = {"required": True, "hasDefaultValue": False}
FILLED = {"required": True, "hasDefaultValue": True}


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([move("1", "done"), move("2", "new"), move("3", "indeterminate")], "3"),
        ([move("1", "done"), move("2", "undefined"), move(4, "new")], "4"),
        ([move("5", "undefined")], "5"),
        ([move("6", "indeterminate", resolution=NEEDS), move("7", "new")], "7"),
        ([move("8", "new", resolution=NEEDS)], "8"),
        ([move("9", "indeterminate", a=FILLED), move("10", "new")], "9"),
        ([None, {}, {"id": "x"}, move("11", "new")], "11"),
    ],
)
def test_done_issue_goes_back_to_work(web, data_center, offered, chosen):
    web.get(f"{DC}/issue/33", json=raw_issue())
    web.get(f"{DC}/issue/33/transitions", json={"transitions": offered})
    web.post(f"{DC}/issue/33/transitions", status=204)
    assert data_center.reopen_issue("33") is True
    assert sent(web, 2) == {"transition": {"id": chosen}}


@pytest.mark.parametrize("offered", [[], [move("1", "done")], [move(None, "new")]])
def test_workflow_without_a_way_back_is_said(web, cloud, offered):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{CLOUD}/issue/1/transitions", json={"transitions": offered})
    assert cloud.reopen_issue("1") is False


@pytest.mark.parametrize(("after", "moved"), [("done", False), ("new", True)])
def test_refused_reopening_is_judged_by_where_the_issue_is_then(
    web, cloud, after, moved
):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{CLOUD}/issue/1/transitions", json={"transitions": [move("7", "new")]})
    web.post(f"{CLOUD}/issue/1/transitions", status=400, json=REFUSED)
    web.get(f"{CLOUD}/issue/1", json=raw_issue(status=status(after)))
    assert cloud.reopen_issue("1") is moved


@pytest.mark.parametrize(
    ("code", "error"), [(403, VendorRefused), (409, VendorConflict)]
)
def test_reopening_that_is_not_allowed_now_is_said(web, cloud, code, error):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{CLOUD}/issue/1/transitions", json={"transitions": [move("7", "new")]})
    web.post(f"{CLOUD}/issue/1/transitions", status=code)
    with pytest.raises(error):
        cloud.reopen_issue("1")


@pytest.mark.parametrize("key", ["new", "indeterminate", "undefined"])
def test_issue_that_is_not_done_is_left_alone(web, cloud, key):
    web.get(f"{CLOUD}/issue/1", json=raw_issue(status=status(key)))
    assert cloud.reopen_issue("1") is True


@pytest.mark.parametrize("answer", [{}, {"transitions": None}, []])
def test_transitions_that_cannot_be_read_are_no_answer(web, cloud, answer):
    web.get(f"{CLOUD}/issue/1", json=raw_issue())
    web.get(f"{CLOUD}/issue/1/transitions", json=answer)
    with pytest.raises(VendorUnavailable):
        cloud.reopen_issue("1")
