"""Settings of a service, read from environment variables; an unknown variable with the service's prefix is an error."""

from __future__ import annotations

import os
from typing import Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(Exception):
    """An environment variable is unknown, missing or out of range."""


class ServerSettings(BaseSettings):
    """Settings that every service has; each service sets its own default of `bind`."""

    # An empty value (NAME= in a .env file) means the default.
    model_config = SettingsConfigDict(env_ignore_empty=True, populate_by_name=True)

    bind: str = Field(description="address and port to listen on")
    http_threads: int = Field(default=8, ge=1, le=256, description="requests answered at the same time")
    read_timeout_s: int = Field(
        default=10,
        ge=1,
        le=3600,
        description="longest time in which the head of a request, or a small one, comes, in seconds",
    )
    least_rate: int = Field(
        default=16_384,
        ge=1,
        description="slowest pace of a larger body, or of reading an answer, after that time, in bytes a second",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="least level logged")
    log_format: Literal["text", "json"] = Field(default="text", description="lines for people, or JSON for programs")
    otlp_endpoint: str | None = Field(
        default=None,
        validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT",
        description="where traces are collected, as http://collector:4318; none are made without it",
    )


S = TypeVar("S", bound=BaseSettings)


def variables(kind: type[BaseSettings]) -> list[str]:
    """The environment variable of each field, in field order: its alias, or the prefix and the field's name."""
    prefix = kind.model_config.get("env_prefix", "")
    return [str(field.validation_alias or prefix + name).upper() for name, field in kind.model_fields.items()]


def load_settings(kind: type[S]) -> S:
    """Read settings from the environment variables that start with the class's `env_prefix`.

    Raises:
        SettingsError: naming every variable that is unknown, missing or out of range.
    """
    prefix = kind.model_config.get("env_prefix", "")
    known = set(variables(kind))
    problems = [
        f"{variable} is not a setting; the settings are {', '.join(sorted(known))}"
        for variable in sorted(os.environ)
        if prefix and variable.upper().startswith(prefix.upper()) and variable.upper() not in known
    ]
    try:
        settings = kind()
    except ValidationError as error:
        names = dict(zip(kind.model_fields, variables(kind), strict=True))
        problems += [f"{names.get(str(e['loc'][0]), e['loc'][0])}: {e['msg']}" for e in error.errors()]
        raise SettingsError("; ".join(problems)) from error
    if problems:
        raise SettingsError("; ".join(problems))
    return settings
