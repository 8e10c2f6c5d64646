"""Adapters on a look-alike Zendesk, closed when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

from adapters.zendesk.adapter import ZendeskAdapter
from adapters.zendesk.settings import ZendeskConfig
from connector.sandbox import Running

Make = Callable[..., ZendeskAdapter]


@contextmanager
def adapters_on(sandbox: Running, **usual: object) -> Iterator[Make]:
    """Give a builder of adapters; what it is given goes before what is ``usual``."""
    settings = sandbox.world.settings
    values = {
        "base_url": f"{sandbox.url}/zendesk",
        "client_id": settings.zendesk_client_id,
        "client_secret": settings.zendesk_client_secret,
        "webhook_secret": "hook-secret",
        **usual,
    }
    with ExitStack() as made:

        def build(**more: object) -> ZendeskAdapter:
            adapter = ZendeskAdapter("zd", ZendeskConfig(**{**values, **more}))
            return made.enter_context(closing(adapter))

        yield build
