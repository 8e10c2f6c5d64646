"""Adapters on a look-alike Help Scout, closed when the test is over, and its diary."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Any

from adapters.helpscout import KIND, HelpScoutAdapter
from connector.models import Note
from connector.sandbox import Running, World

Build = Callable[..., HelpScoutAdapter]

NOTE = Note(text="Seen before", mark="cc-n1")


def account(sandbox: Running) -> dict[str, object]:
    """Return the settings that lead into the sandbox's Help Scout."""
    known = sandbox.world.settings
    return {
        "app_id": known.helpscout_app_id,
        "app_secret": known.helpscout_app_secret,
        "webhook_secret": "whsec",
        "api_base": f"{sandbox.url}/helpscout",
    }


@contextmanager
def adapters_on(sandbox: Running, **usual: object) -> Iterator[Build]:
    """Give a builder of adapters; what it is given goes before what is ``usual``."""
    values = {**account(sandbox), **usual}
    with ExitStack() as made:

        def build(**more: object) -> HelpScoutAdapter:
            config = KIND.config.model_validate({**values, **more})
            adapter = KIND.build("desk", config)
            assert isinstance(adapter, HelpScoutAdapter)
            return made.enter_context(closing(adapter))

        yield build


def write(world: World, **given: Any) -> str:
    words = {"email": "ann@shop.example", "subject": "Late", "text": "Where is it?"}
    return world.write("helpscout", **{**words, **given})


def acts(world: World, *kinds: str) -> list[dict[str, Any]]:
    """Return what our account did, of these kinds."""
    diary = world.log()
    return [one for one in diary if one["actor"] == "api" and one["act"] in kinds]
