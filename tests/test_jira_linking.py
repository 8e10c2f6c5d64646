"""Links of an issue: to tickets, and to other issues."""

from __future__ import annotations

import pytest
from jira_kit import CLOUD, sent

from connector.errors import NotFound, VendorRefused
from connector.models import TicketLink

# -- link_ticket --


LINK = TicketLink(
    global_id="system=https://desk.nordvik.example&id=5",
    url="https://desk.nordvik.example/t/5",
    title="Ticket 5",
    resolved=True,
)


@pytest.mark.parametrize("code", [200, 201, 204])
def test_ticket_is_linked_with_the_whole_object_every_time(web, cloud, code):
    web.post(f"{CLOUD}/issue/20417/remotelink", status=code)
    cloud.link_ticket("20417", LINK)
    assert sent(web) == {
        "globalId": "system=https://desk.nordvik.example&id=5",
        "application": {"type": "complaint-connector", "name": "Complaint Connector"},
        "relationship": "reported by customer",
        "object": {
            "url": "https://desk.nordvik.example/t/5",
            "title": "Ticket 5",
            "icon": {
                "url16x16": "https://desk.nordvik.example/favicon.ico",
                "title": "Ticket",
            },
            "status": {"resolved": True},
        },
    }


@pytest.mark.parametrize("global_id", ["", "x" * 256])
def test_link_that_would_not_be_an_upsert_is_never_sent(web, cloud, global_id):
    link = TicketLink(global_id=global_id, url=LINK.url, title="t")
    with pytest.raises(VendorRefused, match="1 to 255"):
        cloud.link_ticket("20417", link)


# -- link_issues --


def types_of_links(*names: str) -> dict[str, object]:
    types = [{"id": str(number), "name": name} for number, name in enumerate(names, 1)]
    return {"issueLinkTypes": types}


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (["Blocks", "Relates"], "2"),
        (["Blocks", "relates"], "2"),
        (["Blokkerer", "Henger sammen"], "1"),
    ],
)
def test_issues_are_linked_as_related_or_by_the_first_type(web, cloud, names, chosen):
    web.get(f"{CLOUD}/issueLinkType", json=types_of_links(*names))
    web.post(f"{CLOUD}/issueLink", status=201)
    cloud.link_issues("20418", "20417")
    # No comment at all: Jira refuses one that is null.
    assert sent(web, 1) == {
        "type": {"id": chosen},
        "inwardIssue": {"id": "20418"},
        "outwardIssue": {"id": "20417"},
    }


@pytest.mark.parametrize(
    "answer", [types_of_links(), {"issueLinkTypes": [{}, {"id": None}]}]
)
def test_jira_without_types_of_links_is_nothing_to_wait_for(web, cloud, answer):
    web.get(f"{CLOUD}/issueLinkType", json=answer)
    with pytest.raises(NotFound, match="no type of link"):
        cloud.link_issues("20418", "20417")


@pytest.mark.parametrize("link", ["link_issues", "link_duplicate"])
def test_issue_linking_that_is_switched_off_is_said(web, cloud, link):
    words = {"errorMessages": ["Issue linking is currently disabled."], "errors": {}}
    web.get(f"{CLOUD}/issueLinkType", json=words, status=404)
    with pytest.raises(NotFound, match="Issue linking is currently disabled"):
        getattr(cloud, link)("20418", "20417")


@pytest.mark.parametrize(
    "kind",
    [
        {"name": "Duplicate", "outward": "duplicates"},
        {"name": "DUPLICATES"},
        {"name": "Duplikat", "outward": "dupliserer"},
        {"name": "Same thing", "outward": "duplicates"},
    ],
)
def test_duplicate_is_linked_from_its_own_side(web, cloud, kind):
    listed = [{"id": "1", "name": "Blocks", "outward": "blocks"}, {"id": "2", **kind}]
    web.get(f"{CLOUD}/issueLinkType", json={"issueLinkTypes": listed})
    web.post(f"{CLOUD}/issueLink", status=201)
    cloud.link_duplicate("20418", "20417")
    # Jira shows the outward words, "duplicates", on what is called inward here.
    assert sent(web, 1) == {
        "type": {"id": "2"},
        "inwardIssue": {"id": "20418"},
        "outwardIssue": {"id": "20417"},
    }


@pytest.mark.parametrize(
    "listed",
    [[], [{"id": "1", "name": "Relates"}], [{"id": None, "name": "Duplicate"}]],
)
def test_jira_without_links_for_duplicates_uses_no_other_link(web, cloud, listed):
    web.get(f"{CLOUD}/issueLinkType", json={"issueLinkTypes": listed})
    with pytest.raises(NotFound, match="no type of link for duplicates"):
        cloud.link_duplicate("20418", "20417")


def test_all_issues_with_a_mark_are_found_oldest_first(web, cloud):
    found = [
        {"id": "100000", "key": "SHOP-90"},
        {"id": "20500", "key": "SHOP-89"},
        {"id": "20417", "key": "SHOP-88"},
    ]
    web.get(f"{CLOUD}/search/jql", json={"issues": found})
    refs = cloud.find_issues("SHOP", "cc-group-7f")
    assert [ref.key for ref in refs] == ["SHOP-88", "SHOP-89", "SHOP-90"]
