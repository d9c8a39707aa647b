"""`sightline sessions`: list and end the sessions of browsers that logged in with a key."""

from __future__ import annotations

import click

from sightline_cli.client import Client, as_json, show


@click.group()
def sessions() -> None:
    """List and end the sessions of browsers that logged in with a key."""


@sessions.command("list")
@as_json
@click.pass_obj
def list_sessions(client: Client, as_json: bool) -> None:
    """List the sessions of the given key; all sessions with a key of scope admin, or on the same machine."""
    found = client.get("/api/v1/sessions")["sessions"]
    if as_json:
        show(found)
        return
    for session in found:
        click.echo(
            f"{session['id']}  {session['key_name']}  since {session['created_at']}  last used {session['seen_at']}  "
            f"{session['address']}  {session['client']}"
        )


@sessions.command()
@click.argument("session_id", metavar="ID")
@click.pass_obj
def end(client: Client, session_id: str) -> None:
    """End a session: the browser needs the key again from its next request on."""
    client.request("DELETE", f"/api/v1/sessions/{session_id}")
    click.echo(f"{session_id} is ended.")
