"""Signed JSON from anywhere: what the registry needs to know, nothing else."""

from __future__ import annotations

from adapters import AdapterKind, Question
from adapters.generic.adapter import GenericConfig, build

KIND = AdapterKind(
    "generic",
    GenericConfig,
    build,
    title="Signed JSON, from forms, reviews or surveys",
    questions=(
        Question(
            "webhook_secret",
            "Secret that deliveries are signed with",
            where="the sender's, whsec_…; or make one: "
            'echo "whsec_$(openssl rand -base64 32)"',
            secret=True,
        ),
    ),
    takes_writes=lambda settings: settings.callback_url is not None,
)
