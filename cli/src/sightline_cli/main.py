"""The `sightline` command line: its own commands, and those that an installed gateway adds by entry point."""

from __future__ import annotations

from importlib.metadata import entry_points

import click

from sightline_cli import adding, changing, doctor, jobs, searching, sessions
from sightline_cli.client import Client

# Commands that the gateway's package registers by entry point, since they need its database or its clients. Listed here
# for the error message on machines without that package.
OF_GATEWAY = ("backup", "keys", "migrate", "restore")


class Commands(click.Group):
    """The commands of this package, and those of the entry points `sightline.commands`."""

    def list_commands(self, context: click.Context) -> list[str]:
        """The names of all commands that can be run here."""
        return sorted({*super().list_commands(context), *entry_points(group="sightline.commands").names})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command with this name, or None.

        Raises:
            UsageError: the command needs the gateway's package, which is not installed.
        """
        for entry in entry_points(group="sightline.commands", name=name):
            command: click.Command = entry.load()
            return command
        if name in OF_GATEWAY:
            raise click.UsageError(f"`sightline {name}` needs the gateway's package: run it where the gateway runs")
        return super().get_command(context, name)


@click.group(cls=Commands)
@click.option(
    "--url", envvar="SIGHTLINE_URL", default="http://127.0.0.1:8080", show_default=True, help="The gateway's address."
)
@click.option("--key", envvar="SIGHTLINE_KEY", help="An API key, where one is needed.")
@click.pass_context
def main(context: click.Context, url: str, key: str | None) -> None:
    """Search pictures with sentences."""
    context.obj = Client(url, key)


for command in (
    adding.add,
    searching.search,
    searching.similar,
    changing.info,
    changing.tag,
    changing.delete,
    changing.bin_commands,
    changing.export,
    changing.quarantine,
    jobs.read,
    jobs.reindex,
    jobs.scan,
    jobs.sweep,
    jobs.jobs,
    sessions.sessions,
    doctor.doctor,
):
    main.add_command(command)
