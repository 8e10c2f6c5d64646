"""Complaint Connector: state, decisions and wiring.

Vendors live in ``adapters``, judgement in ``rules``, the HTTP door in ``webhooks``.
"""
