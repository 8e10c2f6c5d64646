"""Look-alike Help Scout, Zendesk and Jira servers on loopback.

For trying rules without an account, for the demo, and for tests in which these servers
are the only witness of what the connector did. They share no code with the adapters, so
that one misreading of a vendor cannot sit on both sides. Nothing here belongs to the
running connector, and nothing may import ``adapters``, ``rules`` or other parts of it.

One port: ``/helpscout``, ``/zendesk`` and ``/jira`` answer as the vendors do (the base
addresses to configure), the same addresses in a browser show what happened, and
``/control`` (JSON) plays customers, human agents and developers, reads everything that
was witnessed, and breaks things on purpose::

    world = World(SandboxSettings(token_life=2))
    with serve(world, port=0) as running:
        ticket = world.write("zendesk", email="ann@shop.example", subject="…", text="…")
        world.state()["zendesk"]["tickets"]

Where a vendor's behaviour is documented as unknown, the stricter reading is played.
"""

from connector.sandbox.server import Running, serve
from connector.sandbox.settings import SandboxSettings
from connector.sandbox.world import World

__all__ = ["Running", "SandboxSettings", "World", "serve"]
