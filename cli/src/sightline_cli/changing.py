"""Commands that show or change pictures: info, tag, delete, export, quarantine, reindex and scan."""

from __future__ import annotations

import json
import re
import sys
from typing import IO, Any

import click
from tqdm import tqdm

from sightline_cli.client import Client, as_json, show


@click.command()
@click.argument("picture_id", metavar="ID")
@click.pass_obj
def info(client: Client, picture_id: str) -> None:
    """Print the record of a picture, as JSON."""
    show(client.get(f"/api/v1/images/{picture_id}"))


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("-a", "--add", multiple=True, help="A tag to add.")
@click.option("-r", "--remove", multiple=True, help="A tag to take away.")
@click.option("--caption", help="A caption in place of the one that is there.")
@click.option("--attribute", "attributes", multiple=True, help="NAME=VALUE in place of the one that is there.")
@as_json
@click.pass_obj
def tag(
    client: Client,
    ids: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    caption: str | None,
    attributes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change the tags, the caption and the attributes of pictures."""
    if not (add or remove or attributes or caption is not None):
        raise click.UsageError("nothing to change; give --add, --remove, --caption or --attribute")
    edited = []
    for picture_id in ids:
        path = f"/api/v1/images/{picture_id}"
        known = client.get(path)
        changes: dict[str, Any] = {}
        if add or remove:
            tags = dict.fromkeys([*known["tags"], *add])
            changes["tags"] = [t for t in tags if t not in remove]
        if attributes:
            changes["attributes"] = {**known["attributes"], **dict(map(read_value, attributes))}
        if caption is not None:
            changes["caption"] = caption
        edited.append(client.request("PATCH", path, json=changes))
    if as_json:
        show(edited)
    else:
        for picture in edited:
            click.echo(f"{picture['id']}  {', '.join(picture['tags'])}  {picture['caption']}")


def read_value(written: str) -> tuple[str, Any]:
    """The name and value of an attribute NAME=VALUE: true and false are booleans, digits are numbers, the rest text."""
    name, equals, value = written.partition("=")
    if not equals:
        raise click.UsageError(f"--attribute {written!r} is not NAME=VALUE")
    if value in ("true", "false"):
        return name, value == "true"
    # The API parses numbers in a query string by the same pattern, so `search -f` finds values that are set here.
    if re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", value):
        return name, float(value) if "." in value else int(value)
    return name, value


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete(client: Client, ids: tuple[str, ...], yes: bool) -> None:
    """Delete pictures from the collection, and their files if the collection has its own copies."""
    if not yes:
        click.confirm(f"Delete {len(ids)} pictures from the collection at {client.url}?", abort=True)
    for picture_id in ids:
        client.request("DELETE", f"/api/v1/images/{picture_id}")
    click.echo(f"{len(ids)} deleted.")


@click.command()
@click.option("-o", "--output", type=click.File("w", encoding="utf-8"), default="-", help="A file; - is the terminal.")
@click.option("--vectors", is_flag=True, help="With each picture's vector, as base64 of little-endian float32.")
@click.pass_obj
def export(client: Client, output: IO[str], vectors: bool) -> None:
    """Print the record of every picture: one JSON document per line, ordered by id."""
    for line in client.lines("GET", "/api/v1/export", params={"vectors": "true"} if vectors else {}):
        if line:
            output.write(f"{line}\n")


@click.command()
@click.option("--clear", is_flag=True, help="Forget them all.")
@as_json
@click.pass_obj
def quarantine(client: Client, clear: bool, as_json: bool) -> None:
    """List the files that could not be added, and why."""
    files = client.get("/api/v1/quarantine")["files"]
    if as_json:
        show(files)
    else:
        for file in files:
            click.echo(f"{file['at']}  {file['file_name']}: {file['error']['detail']}")
    if clear:
        for file in files:
            client.request("DELETE", f"/api/v1/quarantine/{file['id']}")
        click.echo(f"{len(files)} forgotten.", err=True)


@click.command()
@as_json
@click.pass_obj
def reindex(client: Client, as_json: bool) -> None:
    """Encode every picture with the encoder's current model, and switch searches to that model.

    Searches use the previous model until every picture is encoded. Run it again to resume after an interruption.
    """
    last = followed(client, "/api/v1/reindex", "encoding", as_json)
    if as_json:
        click.echo(json.dumps(last))
    else:
        click.echo(f"{last['model_id']} serves {last['total']} pictures.")
        for failed in last["failed"]:
            click.echo(f"  {failed['id']}: {failed['detail']}", err=True)
    if last["failed"]:
        sys.exit(1)


@click.command()
@click.option("--remove", is_flag=True, help="Delete pictures whose files are gone from the collection.")
@as_json
@click.pass_obj
def scan(client: Client, remove: bool, as_json: bool) -> None:
    """Bring the collection up to date with the library: the folders that GATEWAY_LIBRARY names.

    The pictures are indexed in place, not copied. Unchanged files are not read again. Exit status 1: some files could
    not be read, and are listed.
    """
    params = {"remove": "true"} if remove else {}
    last = followed(client, "/api/v1/library/scan", "scanning", as_json, params=params)
    if as_json:
        show(last)
    else:
        click.echo(
            f"{last['added']} added, {last['unchanged'] + last['exists']} already there, "
            f"{last['failed']} could not be read, {last['gone']} {'removed' if remove else 'are gone'}."
        )
        if last.get("deleted"):
            click.echo(f"{last['deleted']} stay deleted: you deleted them from the collection.")
        if last.get("left_out"):
            click.echo(f"Left out: {', '.join(f'{count} {kind}' for kind, count in last['left_out'].items())}.")
        for failed in last["failures"]:
            click.echo(f"  {failed['file']}: {failed['reason']}", err=True)
    if last["failed"]:
        sys.exit(1)


def followed(client: Client, path: str, what: str, quiet: bool, **content: Any) -> dict[str, Any]:
    """Run a long request and show its progress events as a progress bar; return the last event.

    Args:
        client: the gateway's client.
        path: the API path, requested by POST.
        what: the label of the progress bar.
        quiet: whether to hide the progress bar.
        content: further arguments of the request, such as `params`.
    """
    last: dict[str, Any] = {}
    with tqdm(unit="picture", desc=what, disable=quiet) as bar:
        for name, event in client.events("POST", path, **content):
            if name == "problem":
                raise click.ClickException(event["detail"])
            last = event
            bar.total = event["total"]
            bar.update(event["done"] - bar.n)
    return last
