"""`.env.example` matches the code: every setting with its default and description."""

import textwrap
from pathlib import Path

import encoder.settings
import gateway.settings
import search.settings
from pydantic_settings import BaseSettings
from servicekit.settings import variables

SERVICES: list[type[BaseSettings]] = [gateway.settings.Settings, encoder.settings.Settings, search.settings.Settings]
HEAD = """\
# Every setting of every service, with its default. Copy this file to .env, and take the # off what you change:
# `make up` and docker compose read it. A name that is not here is refused when a service starts.
"""


def example() -> str:
    """The expected content of the file."""
    parts = [HEAD]
    for service in SERVICES:
        lines = [f"\n# {service.__module__.partition('.')[0]}\n"]
        for variable, field in zip(variables(service), service.model_fields.values(), strict=True):
            default = "" if field.default is None else field.default
            lines.append(f"# {field.description}\n# {variable}={default}\n")
        parts.append("".join(lines))
    return "".join(parts)


def test_the_example_is_what_the_code_says() -> None:
    written = (Path(__file__).parents[2] / ".env.example").read_text()
    assert written == example(), "write into .env.example:\n" + textwrap.indent(example(), "    ")


def test_every_setting_is_described() -> None:
    for service in SERVICES:
        assert [name for name, field in service.model_fields.items() if not field.description] == []
