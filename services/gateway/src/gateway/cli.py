"""The `sightline` command line: a client of the gateway's API, for people and for cron."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

import click
import httpx
from servicekit.errors import Kind, ServiceError

from gateway.clients import SearchClient
from gateway.folder import Report, UnreachableError, add_folder
from gateway.migrate import MigrateError
from gateway.migrate import migrate as move


class Options:
    """What every command needs: where the gateway is."""

    def __init__(self, url: str) -> None:
        self.url = url
        # Adding a batch of pictures takes a small machine many seconds.
        self.http = httpx.Client(base_url=url, timeout=httpx.Timeout(300, connect=5))

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """One answer of the gateway; its refusal, and its absence, end the command with a sentence."""
        try:
            answer = self.http.get(path, params={k: v for k, v in params.items() if v is not None})
            body: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise StoppedError(
                f"no gateway answers at {self.url}; start it with `make up`, or say where it is: --url"
            ) from error
        if not answer.is_success and "checks" not in body:
            raise click.ClickException(body.get("detail", f"the gateway answered {answer.status_code}"))
        return body


class StoppedError(click.ClickException):
    """The gateway does not answer: exit status 3, which a script can tell from a bad file (1) and bad usage (2)."""

    exit_code = 3


@click.group()
@click.option(
    "--url", envvar="SIGHTLINE_URL", default="http://127.0.0.1:8080", show_default=True, help="The gateway's address."
)
@click.pass_context
def main(context: click.Context, url: str) -> None:
    """Search pictures with sentences."""
    context.obj = Options(url)


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--captions",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A CSV file with the columns image,caption; images are named relative to FOLDER.",
)
@click.pass_obj
def add(options: Options, folder: Path, captions: Path | None) -> None:
    """Add every picture below FOLDER.

    What is there already, by content, is skipped: run it again to go on after an interruption, or every night. Exit
    status 0: all is in; 1: some files could not be read, and are listed; 3: the gateway does not answer.
    """
    report = Report()
    try:
        add_folder(options.http, folder, read_captions(captions) if captions else {}, report)
    except UnreachableError as error:
        click.echo(report.summary())
        raise StoppedError(f"{error} (when that is mended, run the same command again to go on)") from error
    except KeyboardInterrupt:
        click.echo(f"{report.summary()}\nStopped. Run the same command again to go on.")
        sys.exit(130)
    click.echo(report.summary())
    for path, reason in report.failed:
        click.echo(f"  {click.format_filename(path)}: {reason}", err=True)
    if report.failed:
        sys.exit(1)


@main.command()
@click.argument("text")
@click.option("-k", type=click.IntRange(1), default=10, show_default=True, help="How many results.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer as it is.")
@click.pass_obj
def search(options: Options, text: str, k: int, as_json: bool) -> None:
    """Find the pictures that a sentence describes, best first."""
    answer = options.get("/api/v1/search", q=text, k=k)
    if as_json:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
        return
    if not answer["results"]:
        raise click.ClickException("the collection is empty; add pictures with: sightline add FOLDER")
    for rank, result in enumerate(answer["results"], 1):
        name = result["file_name"] or result["id"]
        caption = f"  {result['caption']}" if result["caption"] else ""
        click.echo(f"{rank:3}  {result['score']:.3f}  {name}{caption}")


@main.command()
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def migrate(source: str, target: str) -> None:
    """Copy a collection from one search service to another, as from SQLite to Milvus, or back.

    FROM and TO are addresses of search services, http://127.0.0.1:8082, not of gateways. Nothing is embedded again, and
    the source stays as it is. Both are compared at the end, picture by picture. Run it again to go on after an
    interruption, or to bring the copy up to date.
    """
    with httpx.Client(base_url=source, timeout=60) as old, httpx.Client(base_url=target, timeout=60) as new:
        try:
            moved = move(
                SearchClient(f"the search service at {source}", old), SearchClient(f"the one at {target}", new)
            )
        except ServiceError as error:
            fails = StoppedError if error.kind is Kind.UNAVAILABLE else click.ClickException
            raise fails(error.detail) from error
        except MigrateError as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{moved.pictures} pictures are the same in both, {moved.created} of them new there.")
    if moved.extra:
        click.echo(f"{moved.extra} pictures are only at {target}.")


@main.command()
@click.pass_obj
def doctor(options: Options) -> None:
    """Check every part of a running system, and say what is wrong. Exit status 1 when something is."""
    ready = options.get("/readyz")
    for part, check in ready["checks"].items():
        mark = click.style("ok", fg="green") if check["status"] == "ok" else click.style("FAILED", fg="red")
        click.echo(f"{part:8} {mark}  {check['detail']}")
    if ready["status"] != "ok":
        sys.exit(1)
    stats = options.get("/api/v1/stats")
    if stats["count"] == 0:
        click.echo("The collection is empty; add pictures with: sightline add FOLDER")
    else:
        click.echo(f"{stats['count']} pictures can be found.")


def read_captions(path: Path) -> dict[str, str]:
    """Captions by image name, the first one where there are several."""
    captions: dict[str, str] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if missing := {"image", "caption"} - set(reader.fieldnames or []):
                raise click.ClickException(f"{path} lacks the column {', '.join(sorted(missing))}")
            for row in reader:
                captions.setdefault(row["image"], row["caption"] or "")
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.ClickException(f"{path} is not a CSV file in UTF-8: {error}") from error
    return captions
