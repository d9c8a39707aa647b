"""The `sightline` command line: a client of the gateway's API, for people and for cron."""

from __future__ import annotations

import click

from gateway.commands import adding, changing, searching, sessions, system
from gateway.commands.client import Client


@click.group()
@click.option(
    "--url", envvar="SIGHTLINE_URL", default="http://127.0.0.1:8080", show_default=True, help="The gateway's address."
)
@click.option("--key", envvar="SIGHTLINE_KEY", help="An API key, where one is needed.")
@click.pass_context
def main(context: click.Context, url: str, key: str | None) -> None:
    """Search pictures with sentences."""
    context.obj = Client(url, key)


for command in (
    adding.add,
    searching.search,
    searching.similar,
    changing.info,
    changing.tag,
    changing.delete,
    changing.export,
    changing.quarantine,
    changing.reindex,
    changing.scan,
    system.keys,
    sessions.sessions,
    system.migrate,
    system.doctor,
):
    main.add_command(command)
