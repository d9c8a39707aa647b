"""`sightline search` and `sightline similar`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from sightline_cli.client import Client, as_json, show

PICTURE = "picture:"
# The weight in front of a term, as the API parses it.
WEIGHT = re.compile(r"-?\d{1,2}(\.\d{1,4})?")
EMPTY = "the collection is empty; add pictures with: sightline add FOLDER"


@click.command()
@click.argument("text", required=False)
@click.option(
    "-t",
    "--term",
    "terms",
    multiple=True,
    help="A further term: text:WORDS, like:ID, vector:TOKEN or picture:FILE, with a weight in front where it is not 1: "
    "-t '-0.5*text:people' leads away from people.",
)
@click.option(
    "--mode",
    type=click.Choice(["vector", "text", "hybrid", "auto"]),
    default="auto",
    show_default=True,
    help="Rank by looks, words or both; auto: by both where pictures have captions or text.",
)
@click.option("--sort", type=click.Choice(["added", "taken"]), help="The order where nothing is searched for.")
@click.option(
    "-f",
    "--filter",
    "filters",
    multiple=True,
    help="A condition as the API takes it: -f tags=sea -f taken_from=2024-05",
)
@click.option("--collapse", type=click.FloatRange(0.5, 1), help="Pass over near-duplicates: 0.94 is a good value.")
@click.option("-k", type=click.IntRange(1), default=10, show_default=True, help="How many results.")
@click.option("--cursor", help="next_cursor of the page before.")
@click.option("--explain", is_flag=True, help="Tell how the answer came about.")
@as_json
@click.pass_obj
def search(
    client: Client,
    text: str | None,
    terms: tuple[str, ...],
    mode: str,
    sort: str | None,
    filters: tuple[str, ...],
    collapse: float | None,
    k: int,
    cursor: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Find the pictures that match a sentence and further terms, best first; without either, list the newest."""
    params: list[tuple[str, str | float]] = [("k", k)]
    params += [("term", uploaded(client, term)) for term in terms]
    for condition in filters:
        name, equals, value = condition.partition("=")
        if not equals:
            raise click.UsageError(f"--filter {condition!r} is not NAME=VALUE")
        params.append((name, value))
    given = {"q": text, "mode": mode, "sort": sort, "collapse": collapse, "cursor": cursor}
    if explain:
        given["explain"] = "true"
    params += [(name, value) for name, value in given.items() if value is not None]
    listed(client.request("GET", "/api/v1/search", params=params), as_json)


@click.command()
@click.argument("picture_id", metavar="ID")
@click.option("-k", type=click.IntRange(1), default=10, show_default=True, help="How many results.")
@as_json
@click.pass_obj
def similar(client: Client, picture_id: str, k: int, as_json: bool) -> None:
    """Find the pictures that look like a given picture of the collection."""
    listed(client.get(f"/api/v1/images/{picture_id}/similar", k=k), as_json)


def uploaded(client: Client, term: str) -> str:
    """A term for the URL; a local picture file is uploaded and replaced by the token that the gateway returns."""
    weight, star, rest = term.partition("*")
    weighed = bool(star) and WEIGHT.fullmatch(weight) is not None
    if not (rest if weighed else term).startswith(PICTURE):
        return term
    path = Path((rest if weighed else term).removeprefix(PICTURE))
    try:
        content = path.read_bytes()
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from error
    answer = client.request("POST", "/api/v1/search", files={"images": (path.name, content)})
    if not answer["terms"]:
        raise click.ClickException(EMPTY)
    return f"{weight}*{answer['terms'][0]}" if weighed else str(answer["terms"][0])


def listed(answer: dict[str, Any], as_json: bool) -> None:
    """Print results as text or as JSON."""
    if as_json:
        show(answer)
        return
    if not answer["results"]:
        raise click.ClickException("nothing matches" if answer["model_id"] else EMPTY)
    for rank, result in enumerate(answer["results"], 1):
        name = result["file_name"] or result["id"]
        caption = f"  {result['caption']}" if result["caption"] else ""
        place = result["taken_at"] or result["added_at"] if answer["mode"] == "list" else f"{result['score']:.3f}"
        lines = " / ".join(line["text"] for line in result["lines"])
        click.echo(f"{rank:3}  {place[:19]}  {name}{caption}{f'  “{lines}”' if lines else ''}")
    if explained := answer.get("explain"):
        stages = ", ".join(f"{name} {ms:g} ms" for name, ms in explained["stages_ms"].items())
        removed = ", ".join(f"{count} {why.replace('_', ' ')}" for why, count in explained["removed"].items())
        click.echo(f"Of {explained['collection']} pictures; left out: {removed}. {stages}.")
