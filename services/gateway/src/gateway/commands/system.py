"""Running the system: who may use it, whether it works, and moving it."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import NamedTuple

import click
import httpx
from servicekit.errors import Kind, ServiceError
from servicekit.settings import SettingsError, load_settings

from gateway.auth.audit import TERMINAL, Audit, audit_log
from gateway.auth.keys import KeyFile, Scope
from gateway.commands.client import Client, StoppedError, as_json, show
from gateway.commands.migrate import MigrateError
from gateway.commands.migrate import migrate as move
from gateway.settings import Settings
from gateway.upstream.search import SearchClient


class KeyRing(NamedTuple):
    """The keys, and the log of who changes them."""

    file: KeyFile
    audit: Audit

    def note(self, event: str, **facts: str) -> None:
        """Log a change, with the account that made it."""
        self.audit.write(event, TERMINAL, **facts, user=getpass.getuser())


@click.group()
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The gateway's file, where GATEWAY_STATE does not name it; of `make up`: var/gallery/gateway.sqlite or "
    "var/photos/gateway.sqlite.",
)
@click.pass_context
def keys(context: click.Context, state: Path | None) -> None:
    """Create, list and revoke API keys, in the file that GATEWAY_STATE names.

    Run it where the gateway runs; a gateway sees the change at once.
    """
    try:
        path = state or load_settings(Settings).state
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    context.obj = KeyRing(KeyFile(path), Audit(audit_log(path)))
    context.call_on_close(context.obj.file.close)


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([s.name.lower() for s in Scope]),
    default="read",
    show_default=True,
    help="What it allows; each includes those before it.",
)
@as_json
@click.pass_obj
def create(ring: KeyRing, name: str, scope: str, as_json: bool) -> None:
    """Create a key, and print it: it is kept nowhere, and never shown again."""
    key = ring.file.create(name, Scope[scope.upper()])
    ring.note("key-created", key=name, key_id=key.split("_")[1], scope=scope)
    if as_json:
        show({"key": key, "name": name, "scope": scope})
    else:
        click.echo(key)


@keys.command("list")
@as_json
@click.pass_obj
def list_keys(ring: KeyRing, as_json: bool) -> None:
    """List the keys, without their secrets."""
    found = [{**k._asdict(), "scope": k.scope.name.lower()} for k in ring.file.all()]
    if as_json:
        show(found)
        return
    for key in found:
        click.echo(f"{key['id']}  {key['scope']:5}  {key['created_at']}  {key['name']}")


@keys.command()
@click.argument("key_id", metavar="ID")
@click.pass_obj
def revoke(ring: KeyRing, key_id: str) -> None:
    """Revoke a key: it and its sessions are refused from the next request on."""
    if not ring.file.revoke(key_id):
        raise click.ClickException(f"there is no key {key_id}; `sightline keys list` names them")
    ring.note("key-revoked", key_id=key_id)
    click.echo(f"{key_id} is revoked.")


@click.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def migrate(source: str, target: str) -> None:
    """Copy a collection from one search service to another, as from SQLite to Milvus, or back.

    FROM and TO are addresses of search services, http://127.0.0.1:8082, not of gateways. Nothing is embedded again, and
    the source stays as it is. Both are compared at the end, picture by picture. Run it again to go on after an
    interruption, or to bring the copy up to date.
    """
    with httpx.HTTPTransport() as transport:
        try:
            moved = move(
                SearchClient(f"the search service at {source}", source, transport),
                SearchClient(f"the one at {target}", target, transport),
            )
        except ServiceError as error:
            fails = StoppedError if error.kind is Kind.UNAVAILABLE else click.ClickException
            raise fails(error.detail) from error
        except MigrateError as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{moved.pictures} pictures are the same in both, {moved.created} of them new there.")
    if moved.extra:
        click.echo(f"{moved.extra} pictures are only at {target}.")


@click.command()
@as_json
@click.pass_obj
def doctor(client: Client, as_json: bool) -> None:
    """Check every part of a running system, and say what is wrong. Exit status 1 when something is."""
    ready = client.get("/readyz")
    well = ready["status"] == "ok"
    try:
        stats = client.get("/api/v1/stats") if well else None
    except click.ClickException as error:  # without a key it can be seen that it works, but not what it holds
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
