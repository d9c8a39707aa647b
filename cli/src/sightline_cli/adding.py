"""`sightline add`: upload a folder of pictures."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import click

from sightline_cli.client import Client, StoppedError, as_json, show
from sightline_cli.folder import Choices, RefusedError, Said, UnreachableError, add_folder
from sightline_cli.walk import AddReport


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--captions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file with the columns image,caption and perhaps tags, which have ; between them; images are named "
    "relative to FOLDER. Pictures that are in the collection already get what they lack.",
)
@click.option("--update", is_flag=True, help="Replace captions and tags that differ from those in the CSV file.")
@click.option("--skip-deleted", is_flag=True, help="Leave out pictures that you deleted from the collection.")
@as_json
@click.pass_obj
def add(client: Client, folder: Path, captions: Path | None, update: bool, skip_deleted: bool, as_json: bool) -> None:
    """Add every picture below FOLDER.

    Files whose content is in the collection already are not added again: run the command again to resume after an
    interruption, or every night. Exit status 0: all files are in the collection; 1: some files could not be read, and
    are listed; 3: the gateway does not answer.
    """
    if update and not captions:
        raise click.UsageError("--update needs --captions")
    report, choices = AddReport(), Choices(update, skip_deleted)

    def tell() -> None:
        if as_json:
            show(report.document())
            return
        click.echo(report.summary())

    try:
        add_folder(client.http, folder, read_captions(captions) if captions else {}, report, choices)
    except UnreachableError as error:
        tell()
        raise StoppedError(f"{error} (when that is mended, run the same command again to go on)") from error
    except RefusedError as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt:
        tell()
        click.echo("Stopped. Run the same command again to go on.", err=True)
        sys.exit(130)
    tell()
    for path, reason in [] if as_json else report.failed:
        click.echo(f"  {click.format_filename(path)}: {reason}", err=True)
    if report.failed:
        sys.exit(1)


def read_captions(path: Path) -> dict[str, Said]:
    """Captions and tags by image name; if the file has several rows for an image, the first one."""
    captions: dict[str, Said] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if missing := {"image", "caption"} - set(reader.fieldnames or []):
                raise click.ClickException(f"{path} lacks the column {', '.join(sorted(missing))}")
            for row in reader:
                tags = dict.fromkeys(tag.strip() for tag in (row.get("tags") or "").split(";"))
                captions.setdefault(row["image"], Said(row["caption"] or "", tuple(tag for tag in tags if tag)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(f"{path} is not a CSV file in UTF-8: {error}") from error
    return captions
