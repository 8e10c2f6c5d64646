"""The command that runs the sandbox until it is interrupted."""

from __future__ import annotations

import itertools
import threading

import click

from connector.sandbox import Running, SandboxSettings, World, serve
from connector.sandbox.people import letters


@click.command("sandbox")
@click.option("--port", default=8820, show_default=True, help="0 takes any free port.")
@click.option(
    "--token-life",
    default=7200.0,
    show_default=True,
    help="Seconds until a Help Scout or Zendesk token expires.",
)
@click.option(
    "--time-scale",
    default=0.01,
    show_default=True,
    help="Shrinks the minutes between webhook retries; 1 is as slow as the vendors.",
)
@click.option("--seed", default=1, show_default=True, help="Same seed, same chance.")
@click.option(
    "--jira",
    "flavour",
    type=click.Choice(["cloud", "data_center"]),
    default="cloud",
    show_default=True,
    help="Which Jira to look like.",
)
@click.option(
    "--letters",
    "count",
    default=0,
    show_default=True,
    help="Sample mails to put in, half to each helpdesk.",
)
def sandbox(
    port: int, token_life: float, time_scale: float, seed: int, flavour: str, count: int
) -> None:
    """Run look-alike Help Scout, Zendesk and Jira servers on this machine.

    Nothing leaves the machine. Open the printed address in a browser to write as a
    customer and to see what the connector did. Ends with Ctrl-C.

    Example: complaint-connector sandbox --port 8820 --letters 20
    """
    settings = SandboxSettings.model_validate(
        {
            "seed": seed,
            "time_scale": time_scale,
            "token_life": token_life,
            "jira_flavour": flavour,
        }
    )
    world = World(settings)
    try:
        running = serve(world, port=port)
    except (OSError, SystemExit) as err:
        # The server library ends the process when the port is taken.
        raise click.ClickException(f"cannot listen on port {port}") from err
    with running:
        fill(world, seed, count)
        click.echo(welcome(running, settings))
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("Stopped.")


def fill(world: World, seed: int, count: int) -> None:
    """Let the first ``count`` sample customers write."""
    desks = itertools.cycle(("helpscout", "zendesk"))
    for letter in itertools.islice(letters(seed), count):
        world.send_letter(next(desks), letter)


def welcome(running: Running, settings: SandboxSettings) -> str:
    """Say where everything is and which credentials open it."""
    cloud = settings.jira_flavour == "cloud"
    user = f"e-mail {settings.jira_email}, " if cloud else ""
    return "\n".join(
        (
            f"Sandbox      {running.url}/",
            f"Help Scout   {running.url}/helpscout",
            f"             app id {settings.helpscout_app_id},"
            f" app secret {settings.helpscout_app_secret}",
            f"             webhook secret {settings.helpscout_webhook_secret}",
            f"Zendesk      {running.url}/zendesk",
            f"             client id {settings.zendesk_client_id},"
            f" client secret {settings.zendesk_client_secret}",
            f"             webhook secret {settings.zendesk_webhook_secret}",
            f"Jira         {running.url}/jira ({settings.jira_flavour})",
            f"             {user}token {settings.jira_token}",
            f"             webhook secret {settings.jira_webhook_secret}",
            f"Control      {running.url}/control/state",
        )
    )
