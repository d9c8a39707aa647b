"""How the gateway's commands tell errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from servicekit.errors import Kind, ServiceError


class UnreachableError(click.ClickException):
    """A service does not answer: exit status 3, as in every command of `sightline`."""

    exit_code = 3


@contextmanager
def told(*errors: type[Exception]) -> Iterator[None]:
    """Tell errors of services, and some others, in a sentence without a traceback."""
    try:
        yield
    except ServiceError as error:
        fails = UnreachableError if error.kind is Kind.UNAVAILABLE else click.ClickException
        raise fails(error.detail) from error
    except errors as error:
        raise click.ClickException(str(error)) from error
