"""Jobs, which a worker does whether or not the command waits: `sightline scan`, `reindex`, `sweep`, `read`, `jobs`."""

from __future__ import annotations

import sys
import time
from typing import Any

import click
from tqdm import tqdm

from sightline_cli.client import Client, StoppedError, as_json, show

POLL_S = 0.5
# Seconds after which the command says that no worker takes its job, and for which it waits for a gateway that restarts.
NO_WORKER_S = 10
RESTART_S = 60
ENDED = ("done", "failed", "cancelled")


@click.command()
@as_json
@click.pass_obj
def reindex(client: Client, as_json: bool) -> None:
    """Encode every picture with the encoder's current model, and switch searches to that model.

    Searches use the previous model until every picture is encoded. Run it again to resume after an interruption.
    """
    last = completed(client, {"kind": "reindex"}, "encoding", as_json)
    tell(last, as_json, f"{last['model_id']} serves {last['total']} pictures.")


@click.command()
@click.option("--remove", is_flag=True, help="Forget pictures whose files are gone now, not after a time.")
@click.option("--join", is_flag=True, help="If a scan runs already, wait for that one.")
@as_json
@click.pass_obj
def scan(client: Client, remove: bool, join: bool, as_json: bool) -> None:
    """Bring the collection up to date with the library: the folders that GATEWAY_LIBRARY names.

    The pictures are indexed in place, not copied. Unchanged files are not read again. Pictures whose files are gone
    are hidden, and forgotten after GATEWAY_KEEP_GONE_DAYS. A worker does it; Ctrl-C ends the waiting alone. Exit
    status 1: some files could not be read, or a folder is not there; they are listed.
    """
    last = completed(client, {"kind": "scan", "remove": remove, "join": join}, "scanning", as_json)
    if as_json:
        show(last)
    else:
        summary(last)
    if last["failed"]:
        sys.exit(1)


@click.command()
@as_json
@click.pass_obj
def sweep(client: Client, as_json: bool) -> None:
    """Tidy the store of the pictures: the worker does this once a day.

    Originals that were never recorded, since an upload was interrupted or an older catalogue was restored, are added;
    files of pictures that were deleted are removed. Exit status 1: some originals cannot be added; they are listed.
    """
    last = completed(client, {"kind": "sweep"}, "sweeping", as_json)
    tell(last, as_json, f"{last['restored']} pictures added again, {last['removed']} files removed.")


@click.command()
@as_json
@click.pass_obj
def read(client: Client, as_json: bool) -> None:
    """Read what is written in pictures that were not read yet: the worker does this by itself, the newest first.

    Exit status 1: some pictures cannot be read; they are listed.
    """
    last = completed(client, {"kind": "read", "join": True}, "reading", as_json)
    tell(last, as_json, f"{last['done']} pictures read, {last['written']} of them with text.")


def tell(last: dict[str, Any], as_json: bool, sentence: str) -> None:
    """Print how a job ended, and the pictures that failed; exit with status 1 if there are any."""
    if as_json:
        show(last)
    else:
        click.echo(sentence)
        for failed in last["failed"]:
            click.echo(f"  {failed['id']}: {failed['detail']}", err=True)
    if last["failed"]:
        sys.exit(1)


def summary(last: dict[str, Any]) -> None:
    """Print what a scan found."""
    click.echo(
        f"{last['added']} added, {last['unchanged'] + last['exists']} already there, "
        f"{last['failed']} could not be read, {last['gone']} gone."
    )
    if last["back"]:
        click.echo(f"{last['back']} are back, with what was said of them.")
    if last["gone"] > last["forgotten"]:
        click.echo("Pictures whose files are gone are hidden; they come back with their files.")
    if last["forgotten"]:
        click.echo(f"{last['forgotten']} hidden pictures were forgotten.")
    if last["deleted"]:
        click.echo(f"{last['deleted']} stay deleted: you deleted them from the collection.")
    if last["left_out"]:
        click.echo(f"Left out: {', '.join(f'{count} {kind}' for kind, count in last['left_out'].items())}.")
    for failed in last["failures"]:
        click.echo(f"  {failed['file']}: {failed['reason']}", err=True)
    if (more := last["failed"] - len(last["failures"])) > 0:
        click.echo(f"  and {more} more", err=True)


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def jobs(context: click.Context, as_json: bool) -> None:
    """List the jobs that wait or run and the last ones that ended, or cancel one."""
    if context.invoked_subcommand:
        return
    found = context.obj.get("/api/v1/jobs")["jobs"]
    if as_json:
        show(found)
        return
    for job in found:
        progress = job["progress"]
        done = f"{progress['done']} of {progress['total']}" if progress else ""
        problem = job["problem"]["detail"] if job["problem"] else ""
        click.echo("  ".join((job["id"], job["created_at"], job["kind"], job["status"], done, problem)).rstrip())


@jobs.command()
@click.argument("job_id", metavar="ID")
@click.pass_obj
def cancel(client: Client, job_id: str) -> None:
    """Cancel a job; what it has done stays done."""
    job = client.request("DELETE", f"/api/v1/jobs/{job_id}")
    click.echo(f"{job_id} ended before." if job["status"] in ("done", "failed") else f"{job_id} is cancelled.")


def completed(client: Client, body: dict[str, Any], what: str, quiet: bool) -> dict[str, Any]:
    """Submit a job, show its progress until it ends, and return its last progress.

    Args:
        client: the gateway's client.
        body: the job to submit.
        what: the label of the progress bar.
        quiet: whether to hide the progress bar.

    Raises:
        ClickException: the job failed or was cancelled.
    """
    job = client.request("POST", "/api/v1/jobs", json=body)
    try:
        job = followed(client, job, what, quiet)
    except KeyboardInterrupt:
        raise click.ClickException(
            f"the {job['kind']} goes on: `sightline jobs` shows it, `sightline jobs cancel {job['id']}` ends it"
        ) from None
    if job["status"] == "failed":
        raise click.ClickException(job["problem"]["detail"])
    if job["status"] == "cancelled":
        raise click.ClickException(f"the {job['kind']} was cancelled; what it has done stays done")
    progress: dict[str, Any] = job["progress"]
    return progress


def followed(client: Client, job: dict[str, Any], what: str, quiet: bool) -> dict[str, Any]:
    """The job when it has ended; while it waits for another one of its kind, that one's progress is shown."""
    asked, answered, warned = time.monotonic(), time.monotonic(), False
    with tqdm(unit="picture", desc=what, disable=quiet) as bar:
        while job["status"] not in ENDED:
            time.sleep(POLL_S)
            try:
                shown = job = client.get(f"/api/v1/jobs/{job['id']}")
                if job["status"] == "queued":
                    shown = running_before(client, job) or job
                answered = time.monotonic()
            except StoppedError:
                if time.monotonic() - answered > RESTART_S:
                    raise
                continue
            if shown["status"] == "queued" and not warned and time.monotonic() - asked > NO_WORKER_S:
                warned = True
                bar.write("No worker has taken the job yet; is one running? It is queued until then.", file=sys.stderr)
            if shown["progress"]:
                bar.total = shown["progress"]["total"]
                bar.update(shown["progress"]["done"] - bar.n)
    return job


def running_before(client: Client, job: dict[str, Any]) -> dict[str, Any] | None:
    """The running job that a queued one waits for."""
    every = client.get("/api/v1/jobs")["jobs"]
    return next((j for j in every if j["kind"] == job["kind"] and j["status"] == "running"), None)
