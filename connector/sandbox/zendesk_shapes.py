"""How Zendesk writes its things: one style over REST, another one in events. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.stage import Json, stamp

if TYPE_CHECKING:
    from connector.sandbox.zendesk_desk import (
        Audit,
        Comment,
        Organization,
        Ticket,
        User,
        ZendeskDesk,
    )

CHANNELS = {"email": "mail", "api": "web_service", "web": "web_form"}


def ticket_shape(desk: ZendeskDesk, ticket: Ticket) -> Json:
    first = ticket.comments[0]
    touched = ticket.touched_at or ticket.updated_at
    via: Json = {
        "channel": ticket.channel,
        "source": {"from": {}, "to": {}, "rel": None},
    }
    if ticket.followup_of is not None:
        via["source"]["rel"] = "follow_up"
        via["source"]["from"] = {"ticket_id": ticket.followup_of}
    return {
        "url": f"{desk.stage.base_url}/zendesk/api/v2/tickets/{ticket.id}.json",
        "id": ticket.id,
        "external_id": ticket.external_id,
        "via": via,
        "created_at": stamp(ticket.created_at),
        "updated_at": stamp(ticket.updated_at),
        "generated_timestamp": int(touched.timestamp()),
        "type": ticket.type,
        "subject": ticket.subject,
        "raw_subject": ticket.subject,
        "description": first.body,
        "priority": ticket.priority,
        "status": "deleted" if ticket.deleted else ticket.status,
        "requester_id": ticket.requester_id,
        "submitter_id": first.author_id,
        "assignee_id": ticket.assignee_id,
        "organization_id": ticket.organization_id,
        "group_id": ticket.group_id,
        "brand_id": 360_001,
        "is_public": any(comment.public for comment in ticket.comments),
        "problem_id": ticket.problem_id,
        "has_incidents": any(desk.incidents(ticket)),
        "tags": ticket.tags,
        "custom_fields": ticket.custom_fields,
        "fields": ticket.custom_fields,
        "satisfaction_rating": ticket.satisfaction or {"score": "unoffered"},
        "followup_ids": ticket.followup_ids,
        "from_messaging_channel": ticket.channel == "native_messaging",
        "support_type": "agent",
    }


def comment_shape(comment: Comment) -> Json:
    return {
        "id": comment.id,
        "type": "Comment",
        "author_id": comment.author_id,
        "body": comment.body,
        "html_body": f'<div class="zd-comment">{comment.html_body}</div>',
        "plain_body": comment.body,
        "public": comment.public,
        "attachments": [],
        "audit_id": comment.audit_id,
        "via": {"channel": comment.channel, "source": {"from": {}, "to": {}}},
        "metadata": {"system": {}, "custom": {}},
        "created_at": stamp(comment.created_at),
    }


def rating_shape(ticket: Ticket) -> Json:
    """A rating by itself; only here it says when it was given."""
    assert ticket.rated_at is not None
    return {
        **(ticket.satisfaction or {}),
        "assignee_id": 70_001,
        "group_id": 360_002,
        "requester_id": ticket.requester_id,
        "ticket_id": ticket.id,
        "created_at": stamp(ticket.rated_at),
        "updated_at": stamp(ticket.rated_at),
    }


def survey_shape(ticket: Ticket, survey: Json) -> Json:
    """A response to a survey of the newer kind: a part for each question."""
    when = stamp(survey["at"])
    rating = {
        "type": "rating_scale",
        "rating": {"bad": 1, "neutral": 3, "good": 5}[survey["score"]],
        "rating_category": survey["score"],
        "question": {"type": "rating_scale", "sub_type": "customer_satisfaction"},
    }
    given: Json = {"type": "open_ended", "value": survey["comment"]}
    comment = {
        **(given if survey["comment"] else {"type": "skipped"}),
        "question": {"type": "open_ended", "alias": "comment"},
    }
    zrn = f"zen:ticket:{ticket.id}"
    return {
        "id": survey["id"],
        "responder_id": ticket.requester_id,
        "subject_zrns": [zrn],
        "subjects": [{"id": str(ticket.id), "type": "ticket", "zrn": zrn}],
        "survey": {"id": "01SURVEY", "state": "enabled", "version": 1},
        "answers": [
            {**part, "created_at": when, "updated_at": when}
            for part in (rating, comment)
        ],
        "expires_at": when,
    }


def audit_shape(ticket: Ticket, audit: Audit) -> Json:
    return {
        "id": audit.id,
        "ticket_id": ticket.id,
        "created_at": stamp(audit.created_at),
        "author_id": audit.author_id,
        "metadata": {"system": {}, "custom": audit.custom},
        "events": audit.events,
        "via": {"channel": audit.channel},
    }


def user_shape(user: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "active": True,
        "suspended": False,
        "locale": user.language or "en",
        "organization_id": user.organization_id,
        "external_id": None,
        "notes": "",
        "tags": user.tags,
        "user_fields": user.fields,
    }


def organization_shape(organization: Organization) -> Json:
    return {
        "id": organization.id,
        "name": organization.name,
        "domain_names": organization.domain_names,
        "tags": organization.tags,
        "organization_fields": organization.fields,
    }


def event_detail(ticket: Ticket, actor_id: int) -> Json:
    """The snapshot in an event: ids are strings, fixed words are upper case."""
    first = ticket.comments[0] if ticket.comments else None
    organization = ticket.organization_id
    return {
        "actor_id": str(actor_id),
        "assignee_id": None,
        "brand_id": "360001",
        "created_at": stamp(ticket.created_at),
        "custom_status": "8447320465790",
        "description": first.body if first else "",
        "external_id": ticket.external_id,
        "form_id": "8646151517822",
        "group_id": None,
        "id": str(ticket.id),
        "is_public": any(comment.public for comment in ticket.comments),
        "organization_id": str(organization) if organization else None,
        "priority": ticket.priority.upper() if ticket.priority else None,
        "requester_id": str(ticket.requester_id),
        "status": "DELETED" if ticket.deleted else ticket.status.upper(),
        "subject": ticket.subject,
        "submitter_id": str(first.author_id if first else ticket.requester_id),
        "tags": list(ticket.tags) or None,
        "type": ticket.type.upper() if ticket.type else None,
        "updated_at": stamp(ticket.updated_at),
        "via": {"channel": CHANNELS.get(ticket.channel, ticket.channel)},
    }
