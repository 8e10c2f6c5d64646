"""Tables of what tickets are judged by, and of what people said about that."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table

from connector.store.schema import Id, Moment, Words, metadata

labels = Table(
    "labels",
    metadata,
    # what a person said about a tag, by what they did with it
    Column("ticket_id", Id, ForeignKey("tickets.id"), primary_key=True),
    Column("tag", String(255), primary_key=True),
    Column("rule", Words, nullable=False),  # who had written it, or should have
    Column("rule_version", String(40), nullable=False),
    Column("label", String(20), nullable=False),  # Label
    Column("at", Moment, nullable=False),
    Index("ix_labels_at", "at"),
)


demotions = Table(
    "demotions",
    metadata,
    # a tag that a rule, in this version, only suggests: people took it off too often
    Column("rule", String(100), primary_key=True),
    Column("tag", String(255), primary_key=True),
    Column("language", String(10), primary_key=True),  # empty: in all of them
    Column("rule_version", String(40), primary_key=True),
    Column("demoted_at", Moment, nullable=False),
    Column("good", Integer, nullable=False),  # of so many labels, then
    Column("labels", Integer, nullable=False),
    # a person ended it; what was labelled before that counts no more
    Column("promoted_at", Moment),
    Column("promoted_by", Words, nullable=False, default="", server_default=""),
)


rule_switches = Table(
    "rule_switches",
    metadata,
    # how far a rule goes by a person's word, whatever its file says
    Column("rule", String(100), primary_key=True),
    # as its file has it; changed there, the rule goes as far as the file says again
    Column("rule_version", String(40), nullable=False),
    Column("mode", String(10), nullable=False),
    Column("at", Moment, nullable=False),
    Column("who", String(80), nullable=False),
)


# What tickets were judged by, once each. As JSON, so that an address that a rule names
# is found when its owner is erased.
rulebooks = Table(
    "rulebooks",
    metadata,
    Column("version", String(40), primary_key=True),
    Column("at", Moment, nullable=False),  # when it first came into force
    Column("body", JSON, nullable=False),
)


learned_models = Table(
    "learned_models",
    metadata,
    # what was learned from people's labels, the newest last; a few earlier are kept
    Column("id", Id, primary_key=True),
    Column("version", String(12), nullable=False),
    Column("fitted_at", Moment, nullable=False),
    Column("used", Boolean, nullable=False),  # of at most one row
    Column("figures", JSON, nullable=False),  # what it was measured to be worth
    # words that several customers used, with their weights, as JSON
    Column("body", Words, nullable=False),
)
