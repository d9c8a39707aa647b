"""`.env.example` matches the code: every setting with its default and description."""

import re
import textwrap
from pathlib import Path

import encoder.settings
import gateway.settings
import search.settings
from pydantic_settings import BaseSettings
from servicekit.settings import variables

ROOT = Path(__file__).parents[2]
SERVICES: list[type[BaseSettings]] = [gateway.settings.Settings, encoder.settings.Settings, search.settings.Settings]
HEAD = """\
# Every setting of every service, with its default. Copy this file to .env, and take the # off what you change:
# `make up` and docker compose read it. A name that is not here is refused when a service starts; compose passes on only
# the names that it knows, so that it ignores others.

# docker compose: docker-compose.yml, and the files of deploy/ that COMPOSE_FILE names beside it

# where the edge listens; other addresses than this machine's own need a proxy with a certificate (docs/proxy.md)
# SIGHTLINE_PUBLISH=127.0.0.1:8080
# how many gateways, encoders and search services run
# SIGHTLINE_GATEWAYS=1
# SIGHTLINE_ENCODERS=1
# SIGHTLINE_SEARCHES=1
# where images come from, with a / at the end, and which are used: those that are built here, unless it is set
# SIGHTLINE_REGISTRY=
# SIGHTLINE_VERSION=0.1.0
# SIGHTLINE_EDGE_VERSION=1
# memory of each container, at least what docs/deploying.md says
# SIGHTLINE_EDGE_MEMORY=64m
# SIGHTLINE_PAGE_MEMORY=32m
# SIGHTLINE_GATEWAY_MEMORY=416m
# SIGHTLINE_WORKER_MEMORY=704m
# SIGHTLINE_ENCODER_MEMORY=640m
# SIGHTLINE_SEARCH_MEMORY=320m
# SIGHTLINE_REDIS_MEMORY=64m
# volume or folder of the backups (docs/backup.md)
# SIGHTLINE_BACKUPS=backups
# folder of pictures, of the service add and of deploy/library.yml
# PHOTOS=
# name of this machine for HTTPS, with deploy/https.yml
# DOMAIN=
# address of the one whom Let's Encrypt writes to, or internal for certificates that the edge signs itself
# SIGHTLINE_TLS=webmaster@DOMAIN
# password of Grafana's user admin, and where it listens, with deploy/monitoring.yml
# GRAFANA_PASSWORD=
# SIGHTLINE_GRAFANA=127.0.0.1:3000
# model that is served, and the one before, with deploy/model.yml: folders in var/models
# SIGHTLINE_BUNDLE=
# SIGHTLINE_FORMER_BUNDLE=
"""
# Settings that compose fixes: addresses, folders, and that the edge serves the page.
FIXED = {
    *("GATEWAY_BIND", "GATEWAY_WORKER_BIND", "GATEWAY_MEDIA", "GATEWAY_STATE", "GATEWAY_LIBRARY", "GATEWAY_PAGE"),
    *("GATEWAY_ENCODER_URL", "GATEWAY_SEARCH_URL", "GATEWAY_PUBLISH", "REDIS_URL"),
    *("ENCODER_BIND", "ENCODER_BUNDLE"),
    *("SEARCH_BIND", "SEARCH_CATALOGUE", "SEARCH_INDEX"),
}


def example() -> str:
    """The expected content of the file."""
    parts = [HEAD]
    for service in SERVICES:
        lines = [f"\n# {service.__module__.partition('.')[0]}\n"]
        for variable, field in zip(variables(service), service.model_fields.values(), strict=True):
            default = "" if field.default is None else field.default
            fixed = " (compose sets it)" if variable in FIXED else ""
            lines.append(f"# {field.description}{fixed}\n# {variable}={default}\n")
        parts.append("".join(lines))
    return "".join(parts)


def test_the_example_is_what_the_code_says() -> None:
    written = (ROOT / ".env.example").read_text()
    assert written == example(), "write into .env.example:\n" + textwrap.indent(example(), "    ")


def test_what_compose_reads_is_in_the_example() -> None:
    files = [ROOT / "docker-compose.yml", *(ROOT / "deploy").glob("*.yml")]
    read = {name for file in files for name in re.findall(r"\$\{([A-Z_]+)", file.read_text())}
    assert len(read) > 10
    assert read <= set(re.findall(r"^# ([A-Z_]+)=", example(), re.MULTILINE))


def test_every_setting_is_described() -> None:
    for service in SERVICES:
        assert [name for name, field in service.model_fields.items() if not field.description] == []
