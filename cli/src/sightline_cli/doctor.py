"""`sightline doctor`: check a running system."""

from __future__ import annotations

import sys

import click

from sightline_cli.client import Client, as_json, show


@click.command()
@as_json
@click.pass_obj
def doctor(client: Client, as_json: bool) -> None:
    """Check every part of a running system, and list what is wrong. Exit status 1 if a check fails."""
    ready = client.get("/readyz")
    well = ready["status"] == "ok"
    try:
        stats = client.get("/api/v1/stats") if well else None
    except click.ClickException as error:  # /readyz may need no key where /stats does
        stats = None
        click.echo(error.format_message(), err=True)
    if as_json:
        show({**ready, "stats": stats})
    else:
        for part, check in ready["checks"].items():
            mark = click.style("ok", fg="green") if check["status"] == "ok" else click.style("FAILED", fg="red")
            click.echo(f"{part:8} {mark}  {check['detail']}")
        if stats and stats["count"] == 0:
            click.echo("The collection is empty; add pictures with: sightline add FOLDER")
        elif stats:
            click.echo(f"{stats['count']} pictures can be found.")
    if not well:
        sys.exit(1)
