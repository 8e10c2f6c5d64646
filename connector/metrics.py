"""Counters of this process, in the words of Prometheus. Never a customer's text."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

ACCEPTED = Counter(
    "connector_deliveries_accepted_total",
    "Webhook deliveries stored and acknowledged.",
    ["source"],
)
REFUSED = Counter(
    "connector_deliveries_refused_total",
    "Requests at the webhook door that were not accepted.",
    ["source", "why"],
)
HANDLED = Counter(
    "connector_deliveries_handled_total", "Deliveries taken by the worker.", []
)
UNCALLED = Gauge(
    "connector_webhooks_wrong",
    "1 while a source's webhooks are missing, switched off or lack events.",
    ["source"],
)
CALLS = Counter(
    "connector_vendor_calls_total",
    "Outward calls by outcome.",
    ["source", "operation", "outcome"],
)
LOOPS = Counter(
    "connector_loops_suspected_total",
    "Tickets that were written to so often that a person has to look.",
    ["source"],
)
BUDGET_WAITS = Counter(
    "connector_budget_waits_total",
    "Calls that a rate budget held back, by account and urgency.",
    ["account", "bucket", "priority", "outcome"],
)
RULES_BROKEN = Gauge(
    "connector_rules_broken",
    "1 while files of rules or words cannot be used; those before are in force.",
)
SHUT = Gauge(
    "connector_source_shut",
    "1 while a source is down, or does not let us in.",
    ["source", "condition"],
)
