"""HTTP client of the gateway's API. A failed request ends the command with an error message and an exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
import httpx


class StoppedError(click.ClickException):
    """The gateway does not answer: exit status 3. Scripts can tell it from a bad file (1) and bad usage (2)."""

    exit_code = 3


class Client:
    """Requests to one gateway."""

    def __init__(self, url: str, key: str | None) -> None:
        self.url = url
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        # A small machine needs many seconds to add a batch of pictures.
        self.http = httpx.Client(base_url=url, headers=headers, timeout=httpx.Timeout(300, connect=5))

    def request(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        """Make a request and return the decoded JSON document.

        Raises:
            ClickException: the gateway refuses, or does not answer.
        """
        try:
            answer = self.http.request(method, path, **content)
            body: dict[str, Any] = answer.json() if answer.content else {}
        except (httpx.HTTPError, ValueError) as error:
            raise self.unreachable() from error
        if not answer.is_success and "checks" not in body:
            raise click.ClickException(body.get("detail", f"the gateway answered {answer.status_code}"))
        return body

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """The document at a path; parameters that are None are left out."""
        return self.request("GET", path, params={k: v for k, v in params.items() if v is not None})

    def lines(self, method: str, path: str, **content: Any) -> Iterator[str]:
        """The lines of a streamed response, as they arrive.

        Raises:
            ClickException: the gateway refuses, or stops answering.
        """
        try:
            with self.http.stream(method, path, **content) as answer:
                if not answer.is_success:
                    answer.read()
                    raise click.ClickException(answer.json().get("detail", f"it answered {answer.status_code}"))
                # Not httpx's iter_lines: it also splits at Unicode line separators, which a caption may contain.
                rest = ""
                for text in answer.iter_text():
                    *lines, rest = (rest + text).split("\n")
                    yield from lines
                if rest:
                    yield rest
        except (httpx.HTTPError, ValueError) as error:
            raise self.unreachable() from error

    def unreachable(self) -> StoppedError:
        """The error for a gateway that does not answer."""
        return StoppedError(f"no gateway answers at {self.url}; start it with `make up`, or say where it is: --url")


def show(document: Any) -> None:
    """Print a document as JSON."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


as_json = click.option("--json", "as_json", is_flag=True, help="Print the API's answer as it is.")
