"""The witness's account: tickets and issues in words shared by all vendors. Pure."""

from __future__ import annotations

from connector.sandbox.helpscout_desk import Conversation, HelpScoutDesk, Thread
from connector.sandbox.helpscout_shapes import web_link
from connector.sandbox.jira_text import as_string
from connector.sandbox.jira_tracker import Issue, JiraTracker
from connector.sandbox.stage import API, Json, stamp, to_text
from connector.sandbox.zendesk_desk import (
    INTEGRATION_USER,
    Comment,
    Ticket,
    ZendeskDesk,
)


def helpscout_ticket(desk: HelpScoutDesk, one: Conversation) -> Json:
    customer = desk.customers[one.customer_id]
    organization = desk.organizations.get(customer.organization_id or 0)
    status = "deleted" if one.deleted else one.status
    return {
        "id": str(one.id),
        "number": str(one.number),
        "subject": one.subject,
        "status": "merged" if one.merged_into else status,
        "merged_into": str(one.merged_into) if one.merged_into else None,
        "tags": list(one.tags),
        "fields": dict(one.fields),
        "url": web_link(desk, one),
        "customer": {
            "email": customer.email,
            "name": f"{customer.first} {customer.last}".strip(),
            "language": customer.language,
            "organization": organization.name if organization else "",
        },
        "words": [_thread(t) for t in one.threads if t.type == "customer"],
        "notes": [_thread(t) for t in one.threads if t.type == "note"],
        "messages": [
            {**_thread(t), "draft": t.state == "draft"}
            for t in one.threads
            if t.type == "message"
        ],
        "followup_of": None,
    }


def _thread(thread: Thread) -> Json:
    source = thread.source.get("type")
    return {
        "id": str(thread.id),
        "text": to_text(thread.body),
        "actor": "api" if source == "api" else thread.created_by["type"],
        "at": stamp(thread.created_at),
    }


def zendesk_ticket(desk: ZendeskDesk, one: Ticket) -> Json:
    user = desk.users[one.requester_id]
    organization = desk.organizations.get(user.organization_id or 0)
    staff = [c for c in one.comments if c.author_id != one.requester_id]
    return {
        "id": str(one.id),
        "number": str(one.id),
        "subject": one.subject,
        "status": "deleted" if one.deleted else one.status,
        "merged_into": str(one.merged_into) if one.merged_into else None,
        "tags": list(one.tags),
        "url": f"{desk.stage.base_url}/zendesk/agent/tickets/{one.id}",
        "customer": {
            "email": user.email,
            "name": user.name,
            "language": user.language,
            "organization": organization.name if organization else "",
        },
        "words": [_comment(c) for c in one.comments if c not in staff],
        "notes": [_comment(c) for c in staff if not c.public],
        "messages": [{**_comment(c), "draft": False} for c in staff if c.public],
        "followup_of": str(one.followup_of) if one.followup_of else None,
    }


def _comment(comment: Comment) -> Json:
    return {
        "id": str(comment.id),
        "text": comment.body,
        "actor": API if comment.author_id == INTEGRATION_USER else "person",
        "at": stamp(comment.created_at),
    }


def jira_issue(tracker: JiraTracker, one: Issue) -> Json:
    return {
        "id": one.id,
        "key": one.key,
        "project": one.project,
        "summary": one.summary,
        "description": as_string(one.description) or "",
        "status": one.status.name,
        "category": one.status.category,
        "resolution": one.resolution,
        "priority": one.priority,
        "labels": list(one.labels),
        "fields": dict(one.fields),
        "comments": [
            {"id": c.id, "text": as_string(c.body) or "", "actor": c.author}
            for c in one.comments
        ],
        "remote_links": list(one.remote_links.values()),
        "properties": dict(one.properties),
        "url": f"{tracker.stage.base_url}/jira/browse/{one.key}",
    }
