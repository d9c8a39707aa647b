"""`sightline backup` and `sightline restore`: the whole system into a folder or another store, and back."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import click
from servicekit.errors import ServiceError
from servicekit.settings import SettingsError, load_settings

from gateway.backup.archive import Archive, BackupError, Manifest
from gateway.backup.making import System, make
from gateway.backup.restoring import lacks, problems_of, restore
from gateway.commands.errors import told
from gateway.dependencies import database_at, search_at
from gateway.pictures.object_store import store_at
from gateway.settings import Settings

# Hours until a backup that failed is tried again, if they are made regularly.
AGAIN = 0.25


@contextmanager
def system() -> Iterator[System]:
    """The system that the gateway's settings name."""
    try:
        settings = load_settings(Settings)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    if not settings.database_url and not settings.state.exists():
        raise click.ClickException(f"GATEWAY_STATE: there is no file {settings.state}; run it where the gateway runs")
    with told(BackupError, OSError), closing(database_at(settings)) as database:
        yield System(search_at(settings), database, store_at(settings.media))


def archive_at(place: str) -> Archive:
    """The archive in a folder or another store."""
    try:
        return Archive(store_at(place))
    except ServiceError as error:
        # It names the setting that it usually reads.
        raise click.ClickException(error.detail.replace("GATEWAY_MEDIA", "DIR")) from error


@click.command("backup")
@click.argument("place", metavar="DIR")
@click.option("--keep", type=click.IntRange(min=1), help="Delete all but so many of the newest backups in DIR.")
@click.option(
    "--every", type=click.FloatRange(min=0.01, max=8760), metavar="HOURS", help="Go on, with a backup every so often."
)
@click.option("--may-be-empty", is_flag=True, help="Also if the system has no pictures and the latest backup has some.")
def backup(place: str, keep: int | None, every: float | None, may_be_empty: bool) -> None:
    """Back up the whole system into DIR while it runs.

    DIR is a folder, or the URL of a store such as s3://bucket/folder. It may hold several backups, which share picture
    files: only new ones are copied. Run it where the gateway runs, with the gateway's settings. Pictures of a library,
    which are indexed where they lie, are not copied: back up their folders as well.

    The exit status is 1 if the backup lacks a file that the system should have.
    """
    archive = archive_at(place)
    if every is None:
        if not one(archive, keep, may_be_empty):
            raise click.ClickException("the backup is there, but it lacks files")
        return
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    wait = 0.0
    while not stop.wait(timedelta(hours=wait).total_seconds()):
        try:
            one(archive, keep, may_be_empty)
            wait = every
        except click.ClickException as error:
            wait = min(every, AGAIN)
            click.echo(f"the backup failed, and is tried again in {wait * 60:.0f} minutes: {error.message}", err=True)


def one(archive: Archive, keep: int | None, may_be_empty: bool) -> bool:
    """Make a backup and say what it holds; then delete older ones. Whether it lacks nothing."""
    with system() as running:
        name, manifest = make(running, archive, may_be_empty)
    click.echo(f"{name}: {sentence(manifest)}")
    for problem in lacks(manifest):
        click.echo(problem, err=True)
    if keep is not None:
        try:
            for removed in archive.keep(keep):
                click.echo(f"{removed} deleted")
        except (BackupError, OSError) as error:
            click.echo(f"no older backup was deleted: {error}", err=True)
    return not manifest.missing


def sentence(manifest: Manifest) -> str:
    """What a backup holds."""
    took = (manifest.ended_at - manifest.began_at).total_seconds()
    return f"{manifest.pictures} pictures, {manifest.files} files, {took:.1f} s"


@click.command("restore")
@click.argument("place", metavar="DIR")
@click.option("--at", "name", metavar="NAME", help="Which backup; the latest by default.")
@click.option("--check", is_flag=True, help="Change nothing: read all that the backup holds, and compare checksums.")
@click.option(
    "--merge", is_flag=True, help="Restore into a system that holds pictures: those that the backup lacks stay."
)
def restore_command(place: str, name: str | None, check: bool, merge: bool) -> None:
    """Restore the latest backup in DIR into an empty system that runs.

    Run it where the gateway runs, with the gateway's settings, and with the worker stopped. At the end the records are
    compared, one by one. People sign in again; API keys work as they did when the backup was made.
    """
    if check and merge:
        raise click.UsageError("--check changes nothing, --merge does: give one of the two")
    archive = archive_at(place)
    with told(BackupError, OSError):
        name = archive.named(name)
        if check:
            problems = problems_of(archive, name)
            tell(problems)
            click.echo(f"{name} can be restored: {sentence(archive.manifest(name))}.")
            return
        with system() as running:
            restored = restore(running, archive, name, merge)
    click.echo(f"{name}: {restored.pictures} pictures are as in the backup; {restored.files} files were copied.")
    if restored.extra:
        click.echo(f"{restored.extra} pictures are in the system only.")
    tell(restored.problems)


def tell(problems: list[str]) -> None:
    """Tell of files that are not as they were added.

    Raises:
        ClickException: there are some.
    """
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise click.ClickException(f"all but {len(problems)} files are as they were added; the records are complete")
