"""How Help Scout writes its things as JSON. Pure reading of the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connector.sandbox.stage import Json, stamp, to_text

if TYPE_CHECKING:
    from connector.sandbox.helpscout_desk import (
        Conversation,
        Customer,
        HelpScoutDesk,
        Organization,
        Thread,
    )

PAGE_SIZE = 25


def conversation_shape(desk: HelpScoutDesk, conversation: Conversation) -> Json:
    customer = desk.customers[conversation.customer_id]
    published = [t for t in conversation.threads if t.state == "published" and t.body]
    preview = to_text(published[-1].body)[:100] if published else ""
    shape: Json = {
        "id": conversation.id,
        "number": conversation.number,
        "threads": len(conversation.threads),  # a count, not the threads
        "type": conversation.type,
        "folderId": 11,
        "status": conversation.status,
        "state": conversation.state,
        "subject": conversation.subject,
        "preview": preview,
        "mailboxId": conversation.mailbox_id,
        "createdBy": conversation.created_by,
        "createdAt": stamp(conversation.created_at),
        "closedBy": conversation.closed_by,
        "source": conversation.source,
        "tags": [
            {"id": desk.tag_id(tag), "color": "#929499", "tag": tag}
            for tag in conversation.tags
        ],
        "cc": [],
        "bcc": [],
        "primaryCustomer": desk.person("customer", customer),
        "customFields": [
            # A chosen option is an id, and its label is not always there.
            {
                "id": number,
                "name": _name(desk, conversation, number),
                "value": value,
            }
            for number, value in conversation.fields.items()
        ],
    }
    # Of all changes only these are told, and neither always is.
    if conversation.user_updated_at:
        shape["userUpdatedAt"] = stamp(conversation.user_updated_at)
    if conversation.waiting_since:
        since = stamp(conversation.waiting_since)
        shape["customerWaitingSince"] = {"time": since, "friendly": "a while ago"}
    if conversation.closed_at:
        shape["closedAt"] = stamp(conversation.closed_at)
    if conversation.assignee:
        shape["assignee"] = {**desk.person("agent"), "id": conversation.assignee}
    api = f"{desk.stage.base_url}/helpscout/v2/conversations/{conversation.id}"
    shape["_links"] = {
        "self": {"href": api},
        "threads": {"href": f"{api}/threads/"},
        "web": {"href": web_link(desk, conversation)},
    }
    return shape


def _name(desk: HelpScoutDesk, conversation: Conversation, number: int) -> str:
    known = desk.field_definitions.get(conversation.mailbox_id, ())
    names = [str(field["name"]) for field in known if field["id"] == number]
    return names[0] if names else f"Field {number}"


def web_link(desk: HelpScoutDesk, conversation: Conversation) -> str:
    where = f"{conversation.id}/{conversation.number}"
    return f"{desk.stage.base_url}/helpscout/conversation/{where}"


def thread_shape(desk: HelpScoutDesk, thread: Thread) -> Json:
    shape: Json = {
        "id": thread.id,
        "type": thread.type,
        "status": thread.status,
        "state": thread.state,
        "action": thread.action or {"type": "default", "associatedEntities": {}},
        "body": thread.body,
        "source": thread.source,
        "createdBy": thread.created_by,
        "to": thread.to,
        "cc": [],
        "bcc": [],
        "createdAt": stamp(thread.created_at),
        "_embedded": {"attachments": []},
    }
    if thread.type == "lineitem":
        del shape["body"]
    customer = desk.customers.get(thread.customer_id or 0)
    if customer:
        shape["customer"] = desk.person("customer", customer)
    if thread.scheduled:
        shape["scheduled"] = thread.scheduled
    if thread.rating:
        shape["rating"] = thread.rating
    return shape


def customer_shape(desk: HelpScoutDesk, customer: Customer) -> Json:
    organization = desk.organizations.get(customer.organization_id or 0)
    count = sum(c.customer_id == customer.id for c in desk.conversations.values())
    shape: Json = {
        "id": customer.id,
        # People have other names for their names here than in conversations.
        "firstName": customer.first,
        "lastName": customer.last,
        "conversationCount": count,
        "_embedded": {
            "emails": [{"id": customer.id, "value": customer.email, "type": "work"}],
            "phones": [],
            "properties": [
                {"type": "text", "slug": slug, "name": slug, "value": value}
                for slug, value in customer.properties.items()
            ],
        },
        "_links": {
            "self": {
                "href": f"{desk.stage.base_url}/helpscout/v2/customers/{customer.id}"
            }
        },
    }
    if organization:
        shape["organizationId"] = organization.id
        shape["organization"] = organization.name
    return shape


def organization_shape(organization: Organization) -> Json:
    return {
        "id": organization.id,
        "name": organization.name,
        "domains": organization.domains,
        "properties": [
            {"slug": slug, "name": slug, "type": "text", "value": value}
            for slug, value in organization.properties.items()
        ],
    }


def rating_shape(
    desk: HelpScoutDesk,
    number: int,
    conversation: Conversation,
    thread: Thread,
    rating: str,
    comments: str,
) -> Json:
    customer = desk.customers[conversation.customer_id]
    now = stamp(desk.stage.clock()).removesuffix("Z")  # ratings come without it
    return {
        "id": number,
        "customer": {
            "id": customer.id,
            "email": customer.email,
            "firstName": customer.first,
            "lastName": customer.last,
        },
        "threadId": thread.id,
        "conversationId": conversation.id,
        "conversationNumber": conversation.number,
        "mailboxId": conversation.mailbox_id,
        "rating": rating,
        "comments": comments,
        "createdAt": now,
        "modifiedAt": now,
    }


def page_shape(rel: str, items: list[Json], page: int, size: int = PAGE_SIZE) -> Json:
    """One page of a HAL collection; an empty one has no ``_embedded`` at all."""
    total = -(-len(items) // size)
    chosen = items[(page - 1) * size : page * size]
    shape: Json = {
        "page": {
            "size": size,
            "totalElements": len(items),
            "totalPages": total,
            "number": page if items else 0,
        },
        "_links": {},
    }
    if chosen:
        shape["_embedded"] = {rel: chosen}
    return shape
