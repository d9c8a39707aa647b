"""Commands that show or change pictures: info, tag, delete, export and quarantine."""

from __future__ import annotations

import re
from typing import IO, Any

import click

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
        changes: dict[str, Any] = {}
        if add:
            changes["add_tags"] = list(add)
        if remove:
            changes["remove_tags"] = list(remove)
        if attributes:
            known = client.get(path)["attributes"]
            changes["attributes"] = {**known, **dict(map(read_value, attributes))}
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
