"""What happens in this process, in the words of Prometheus. Never a customer's text.

How things stand is read from the database: ``connector.dashboard.gauges``.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)

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
ROUND_SECONDS = Histogram(
    "connector_worker_round_seconds",
    "How long the worker took for the deliveries of one round: reading and deciding.",
    buckets=_SECONDS,
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
CALL_SECONDS = Histogram(
    "connector_vendor_call_seconds",
    "How long an outward call took, waiting for its budget included.",
    ["source"],
    buckets=_SECONDS,
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
