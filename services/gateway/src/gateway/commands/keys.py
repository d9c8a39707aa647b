"""`sightline keys`: create, list and revoke API keys directly in the state database."""

from __future__ import annotations

import getpass
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import click
from servicekit.errors import ServiceError
from servicekit.settings import SettingsError, load_settings

from gateway.auth.audit import TERMINAL, Audit, audit_log
from gateway.auth.keys import KeyStore, Scope
from gateway.database import Database
from gateway.dependencies import database_at
from gateway.settings import Settings


class KeyRing(NamedTuple):
    """The key store, and the audit log for changes of keys."""

    store: KeyStore
    audit: Audit

    def note(self, event: str, **facts: str) -> None:
        """Write a change to the audit log, with the user account that made it."""
        self.audit.write(event, TERMINAL, **facts, user=account())


@click.group()
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The gateway's SQLite file, in place of what GATEWAY_STATE or GATEWAY_DATABASE_URL names; of `make up`: "
    "var/gallery/gateway.sqlite or var/photos/gateway.sqlite.",
)
@click.pass_context
def keys(context: click.Context, state: Path | None) -> None:
    """Create, list and revoke API keys, in the state database that the gateway's settings name.

    Run it where the gateway runs; changes apply to every gateway at once.
    """
    try:
        settings = load_settings(Settings)
        database = Database.in_file(state) if state else database_at(settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    except ServiceError as error:
        raise click.ClickException(error.detail) from error
    context.call_on_close(database.close)
    context.obj = KeyRing(KeyStore(database), Audit(audit_log(state or settings.state)))


@keys.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([s.name.lower() for s in Scope]),
    default="read",
    show_default=True,
    help="What it allows; each includes those before it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def create(ring: KeyRing, name: str, scope: str, as_json: bool) -> None:
    """Create a key and print it: it is not stored, and cannot be shown again."""
    key = ring.store.create(name, Scope[scope.upper()])
    ring.note("key-created", key=name, key_id=key.split("_")[1], scope=scope)
    if as_json:
        echo_json({"key": key, "name": name, "scope": scope})
    else:
        click.echo(key)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_keys(ring: KeyRing, as_json: bool) -> None:
    """List the keys, without their secrets."""
    found = [{**k._asdict(), "scope": k.scope.name.lower()} for k in ring.store.all()]
    if as_json:
        echo_json(found)
        return
    for key in found:
        click.echo(f"{key['id']}  {key['scope']:5}  {key['created_at']}  {key['name']}")


@keys.command()
@click.argument("key_id", metavar="ID")
@click.pass_obj
def revoke(ring: KeyRing, key_id: str) -> None:
    """Revoke a key: the key and its sessions are refused from the next request on."""
    if not ring.store.revoke(key_id):
        raise click.ClickException(f"there is no key {key_id}; `sightline keys list` names them")
    ring.note("key-revoked", key_id=key_id)
    click.echo(f"{key_id} is revoked.")


def account() -> str:
    """The user that runs the command; in a container it often has only a number, no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # KeyError before Python 3.13
        return f"uid-{os.getuid()}"


def echo_json(document: Any) -> None:
    """Print a document as JSON."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))
