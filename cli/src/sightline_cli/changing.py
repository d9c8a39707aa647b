"""Commands that show or change pictures: info, tag, delete, bin, export and quarantine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, Any

import click

from sightline_cli.client import Client, as_json, show

# Ids in one request.
IDS_AT_ONCE = 100


@click.command()
@click.argument("picture_id", metavar="ID")
@click.pass_obj
def info(client: Client, picture_id: str) -> None:
    """Print the record of a picture, and what is written in it, as JSON. `text` is null if it was not read yet."""
    written = client.get(f"/api/v1/images/{picture_id}/text")
    show({**client.get(f"/api/v1/images/{picture_id}"), "text": written["text"] if written["read"] else None})


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
    """Delete pictures from the collection: they move to the bin; see `sightline bin`."""
    if not yes:
        click.confirm(f"Delete {len(ids)} pictures from the collection at {client.url}?", abort=True)
    missing: list[str] = []
    for part in parts(ids):
        missing += client.request("POST", "/api/v1/selection/delete", json={"ids": part})["missing"]
    click.echo(f"{len(ids) - len(missing)} deleted. Restore them with: sightline bin restore ID...")
    if missing:
        raise click.ClickException(f"not in the collection: {', '.join(missing)}")


@click.group("bin")
def bin_commands() -> None:
    """Show, restore or empty the bin, which holds deleted pictures for a while."""


@bin_commands.command("list")
@as_json
@click.pass_obj
def list_bin(client: Client, as_json: bool) -> None:
    """List the pictures in the bin, what was deleted last first."""
    found: list[dict[str, Any]] = []
    page = client.get("/api/v1/bin", k=200)
    found += page["pictures"]
    while page["next_cursor"]:
        page = client.get("/api/v1/bin", k=200, cursor=page["next_cursor"])
        found += page["pictures"]
    if as_json:
        show(found)
        return
    for picture in found:
        until = picture["forgotten_at"][:10]
        click.echo(f"{picture['id']}  until {until}  {picture['file_name']}  {picture['caption']}")


@bin_commands.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.pass_obj
def restore(client: Client, ids: tuple[str, ...]) -> None:
    """Restore pictures from the bin, as they were."""
    failed: list[str] = []
    for part in parts(ids):
        answer = client.request("POST", "/api/v1/selection/restore", json={"ids": part})
        failed += [one["error"]["detail"] for one in answer["failed"]]
    click.echo(f"{len(ids) - len(failed)} restored.")
    if failed:
        raise click.ClickException("; ".join(failed))


@bin_commands.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def empty(client: Client, yes: bool) -> None:
    """Delete everything in the bin for good."""
    count = client.get("/api/v1/bin", k=1)["count"]
    if not yes:
        click.confirm(f"Delete {count} pictures at {client.url} for good?", abort=True)
    client.request("DELETE", "/api/v1/bin")
    click.echo(f"{count} deleted for good.")


def parts(ids: tuple[str, ...]) -> Iterator[list[str]]:
    """The ids in as many parts as requests are needed, without repetitions."""
    distinct = list(dict.fromkeys(ids))
    return (distinct[start : start + IDS_AT_ONCE] for start in range(0, len(distinct), IDS_AT_ONCE))


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
