"""Tables of problems: what they are, whose tickets they hold, what happened to them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
    false,
)

from connector.store.schema import Id, Moment, Words, metadata

groups = Table(
    "groups",
    metadata,
    Column("id", Id, primary_key=True),
    Column("type", String(40), nullable=False),
    Column("title", Words, nullable=False),
    Column("state", String(20), nullable=False),
    Column("reason", Words, nullable=False, default="", server_default=""),
    Column("created_at", Moment, nullable=False),
    Column("first_at", Moment, nullable=False),
    Column("last_at", Moment, nullable=False),
    Column("customers", Integer, nullable=False, default=0, server_default="0"),
    Column("tickets", Integer, nullable=False, default=0, server_default="0"),
    # members from history, who are in neither of the counts above
    Column("archived", Integer, nullable=False, default=0, server_default="0"),
    Column("file_at", Moment),  # settle time ends
    # since when it could be filed but for how many are filed in an hour
    Column("waiting_since", Moment),
    # what spoke against filing it when its last complaint came, empty if nothing
    Column("doubt", Words, nullable=False, default="", server_default=""),
    Column("rule", Words, nullable=False, default="", server_default=""),
    Column("tracker", String(100)),
    Column("issue_id", String(100)),
    Column("issue_key", Words),
    Column("issue_url", Words),
    Column("issue_category", String(20)),  # as last seen
    Column("issue_resolution", Words),
    Column("issue_meaning", String(20)),  # Meaning, as last concluded from a reading
    Column("priority", Words),  # of the issue, as last set by us
    Column("filed_at", Moment),
    Column("done_at", Moment),
    # when that was, or when somebody was last told how many they have become
    Column("done_customers", Integer),
    # settle time ends: of a fix, or of a person's word that nothing is done
    Column("announce_at", Moment),
    Column("announced_at", Moment),
    Column("watch_until", Moment),
    Column("checked_at", Moment),  # issue last read
    Column("missing_since", Moment),  # since when it cannot be seen
    Column("episode", Integer, nullable=False, default=1, server_default="1"),
    Column("successor_id", Id),  # where newcomers go once this one is closed
    Column("merged_into", Id),  # which one has its members
    Column("merged_with", Id),  # which one it became part of: perhaps of that one, too
    Column("merged_from", String(20)),  # GroupState before it did
    Column("muted_until", Moment),  # null in a muted group: until a person says so
    # GroupState before a person muted it, or said that nothing is done about it
    Column("muted_from", String(20)),
    # the title is a person's
    Column("is_named", Boolean, nullable=False, default=False, server_default=false()),
    Index("ix_groups_state", "state"),
    Index("ix_groups_merged", "merged_into"),
    Index("ix_groups_successor", "successor_id"),
    UniqueConstraint("tracker", "issue_id"),
)


former_issues = Table(
    "former_issues",
    metadata,
    # what a problem's issue was before another took its place
    Column("tracker", String(100), primary_key=True),
    Column("issue_id", String(100), primary_key=True),
    Column("group_id", Id, ForeignKey("groups.id"), nullable=False),
    Column("key", Words, nullable=False),
    Column("category", String(20)),  # as last seen
    Index("ix_former_issues_group", "group_id"),
)


members = Table(
    "members",
    metadata,
    Column("seq", Id, primary_key=True),  # the order every process replays
    Column("ticket_id", Id, ForeignKey("tickets.id"), nullable=False, unique=True),
    Column("group_id", Id, ForeignKey("groups.id"), nullable=False),
    Column("customer_id", Id, ForeignKey("customers.id"), nullable=False),
    Column("at", Moment, nullable=False),  # when the customer wrote
    # the same as its vendor says, where that was still to come when we read it
    Column("said_at", Moment),
    Column("joined_at", Moment, nullable=False),  # when we put it here
    Column("features", JSON, nullable=False),
    Column("reason", Words, nullable=False),
    # known, but not counted, linked or told: the complaint came from history
    Column("archived", Boolean, nullable=False, default=False, server_default=false()),
    # the cluster of the grouper's memory it is in; null: that of its group
    Column("cluster_id", Id),
    # the one it was placed in, if a person has put it elsewhere since
    Column("placed_in", Id),
    # what ``at`` was then; null: there were no newer words since
    Column("placed_at", Moment),
    Column("vip", Boolean, nullable=False, default=False, server_default=false()),
    # the person who put it here, empty if it was us
    Column("placed_by", Words, nullable=False, default="", server_default=""),
    # how the problem stood when the ticket was last asked to show it; empty: never
    Column("shown", Words, nullable=False, default="", server_default=""),
    # A problem is counted by these alone: without its members' rows.
    Index("ix_members_group", "group_id", "at", "archived", "customer_id", "vip"),
    Index("ix_members_customer", "customer_id", "group_id"),
    Index("ix_members_at", "at"),
    sqlite_autoincrement=True,
)


group_events = Table(
    "group_events",
    metadata,
    Column("id", Id, primary_key=True),
    Column("group_id", Id, ForeignKey("groups.id"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", Words, nullable=False),  # a person; empty: the connector
    Column("kind", String(30), nullable=False),
    Column("words", Words, nullable=False),  # what happened, to be read by people
    Column("ticket_id", Id),  # which ticket it happened to, of those that left
    Index("ix_group_events_group", "group_id", "at"),
)


group_bonds = Table(
    "group_bonds",
    metadata,
    # the smaller id first: these two are never the same problem
    Column("one_id", Id, ForeignKey("groups.id"), primary_key=True),
    Column("other_id", Id, ForeignKey("groups.id"), primary_key=True),
    Column("who", Words, nullable=False),
    Column("at", Moment, nullable=False),
)


regroupings = Table(
    "regroupings",
    metadata,
    Column("id", Id, primary_key=True),
    Column("after_seq", Id, nullable=False),  # newest membership at that time
    Column("cluster_id", Id, nullable=False),
    Column("tickets", JSON, nullable=False),  # of which it consists from then on
    sqlite_autoincrement=True,
)


#: Memberships that ended: what they left in the grouper's memory, to be replayed.
departures = Table(
    "departures",
    metadata,
    Column("seq", Id, primary_key=True, autoincrement=False),  # of the membership
    Column("ticket_id", Id, nullable=False),
    Column("cluster_id", Id, nullable=False),  # in which it was placed
    Column("at", Moment, nullable=False),  # when it was complained then
    Column("features", JSON, nullable=False),
    Index("ix_departures_ticket", "ticket_id"),
    Index("ix_departures_at", "at"),
)


grouping_memory = Table(
    "grouping_memory",
    metadata,
    Column("id", Id, primary_key=True),
    Column("version", String(40), nullable=False),  # of what reads and writes it
    Column("seq", Id, nullable=False),  # newest membership it knows,
    Column("regrouping_id", Id, nullable=False),  # and newest correction
    Column("at", Moment, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
