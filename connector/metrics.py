"""Counters of this process, in the words of Prometheus. Never a customer's text."""

from __future__ import annotations

from prometheus_client import Counter

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
CALLS = Counter(
    "connector_vendor_calls_total",
    "Outward calls by outcome.",
    ["source", "operation", "outcome"],
)
