"""The gateway's settings."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Literal

import limits
from pathspec import GitIgnoreSpec
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict
from servicekit.settings import ServerSettings

from gateway.database import read_url


class Settings(ServerSettings):
    """Every setting, its default and its limits; each is read from GATEWAY_<NAME>, and REDIS_URL."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", populate_by_name=True)

    bind: str = Field(default="127.0.0.1:8080", description="address and port to listen on")
    # The gateway mostly waits for other services, so it needs many threads.
    http_threads: int = Field(default=48, ge=1, le=256, description="requests answered at the same time")
    publish: str = Field(
        default="", description="address at which people reach the system, where that is not the one it listens on"
    )
    base_path: str = Field(
        default="",
        pattern=r"^(/[A-Za-z0-9._~-]+)*$",
        description="path below a proxy's host name where people reach the system, such as /photos",
    )
    auth: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="whether API keys are needed; auto: by all that does not come from this machine itself",
    )
    state: Path = Field(
        default=Path("var/gateway.sqlite"),
        description="SQLite file of the gateway's state: API keys, sessions, the library's map of files, score "
        "calibrations; the audit log lies beside it",
    )
    database_url: str | None = Field(
        default=None,
        description="database of that state in place of the file, for gateways on several machines: "
        "postgresql://USER:PASSWORD@HOST/NAME",
    )
    folders: str = Field(
        default="",
        validation_alias="GATEWAY_LIBRARY",
        description="folders of pictures that are indexed where they lie and never written to, with : between them",
    )
    follow_links: bool = Field(
        default=False, description="whether links in the library's folders are followed that lead out of them"
    )
    ignore: str = Field(
        default="",
        description="what is left out of the library, in gitignore's syntax, with : between the patterns; a file "
        ".sightlineignore at the top of a folder holds the folder's own",
    )
    keep_gone_days: int = Field(
        default=30,
        ge=0,
        le=36_500,
        description="days after which a picture is forgotten whose files are gone; until then it is only hidden",
    )
    keep_deleted_days: int = Field(
        default=30,
        ge=0,
        le=36_500,
        description="days for which a deleted picture stays in the bin; 0: it is deleted for good at once",
    )
    rescan_s: int = Field(
        default=900,
        ge=1,
        description="seconds between scans of the whole library; changes are seen as they happen, but not those that "
        "other machines make on a network disk",
    )
    reading: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="whether the worker reads what is written in pictures; auto: if the package's extra `reading` is "
        "installed",
    )
    worker_bind: str = Field(default="127.0.0.1:8083", description="where the worker answers for its health")
    rate_limit: str = Field(
        default="3000/minute",
        description="most requests of one key, or of one address without a key, where keys are needed",
    )
    trusted_proxies: int = Field(
        default=0, ge=0, le=5, description="how many proxies in front may tell the client's address"
    )
    encoder_url: str = Field(default="http://127.0.0.1:8081", description="where the encoder answers")
    former_encoder_url: str | None = Field(
        default=None,
        description="where an encoder of the collection's model answers while `sightline reindex` moves to another one",
    )
    search_url: str = Field(default="http://127.0.0.1:8082", description="where the search service answers")
    timeout_s: float = Field(default=60, gt=0, description="longest wait for the encoder or search, in seconds")
    deadline_s: float = Field(default=10, gt=0, description="longest time for a search, in seconds")
    max_searches: int = Field(
        default=8,
        ge=1,
        description="searches computed at once; with those that wait for them they hold two thirds of the threads",
    )
    max_uploads: int = Field(default=4, ge=1, description="uploads worked on at the same time; as many may wait")
    media: str = Field(
        default="var/media",
        description="folder that keeps the pictures and their thumbnails, or the URL of a store, as s3://bucket/folder",
    )
    page: Path | None = Field(default=None, description="folder of the built page; without it only the API is served")
    redis_url: str | None = Field(
        default=None, validation_alias="REDIS_URL", description="shared cache; without it each process has its own"
    )
    cache_bytes: int = Field(default=64 * 2**20, ge=1, description="size of a process's own cache")
    cache_ttl_s: int = Field(default=86_400, ge=1, description="longest life of a cache entry, in seconds")
    # Percent-encoded, a longer query would exceed gunicorn's request line limit.
    max_query_characters: int = Field(default=500, ge=1, le=600, description="longest query text, in characters")
    max_k: int = Field(default=200, ge=1, le=1000, description="most results in one answer")
    max_images: int = Field(default=64, ge=1, description="most pictures in one upload")
    max_file_bytes: int = Field(default=64 * 2**20, ge=1, description="largest picture file, in bytes")
    max_pixels: int = Field(
        default=80_000_000,
        ge=1,
        le=2**32,
        description="most pixels that a picture is decoded to, of 4 to 17 bytes of memory each; a baseline JPEG is "
        "decoded reduced and may have 64 times as many",
    )
    decode_bytes: int = Field(
        default=0,
        ge=0,
        description="most memory of pictures while they are decoded, in bytes; 0: what the container's limit leaves, "
        "or a quarter of the machine's memory",
    )
    max_body_bytes: int = Field(default=256 * 2**20, ge=1, description="largest request body, in bytes")

    @field_validator("database_url")
    @classmethod
    def check_database(cls, value: str | None) -> str | None:
        """Refuse an unsupported database URL."""
        if value is not None:
            read_url(value)
        return value

    @field_validator("ignore")
    @classmethod
    def check_patterns(cls, value: str) -> str:
        """Refuse a pattern that is not valid."""
        GitIgnoreSpec.from_lines(value.split(os.pathsep))
        return value

    @field_validator("rate_limit")
    @classmethod
    def check_rate(cls, value: str) -> str:
        """Refuse a malformed rate."""
        try:
            limits.parse(value)
        except ValueError as error:
            raise ValueError(f"{value!r} is not a rate; write 100/second or 3000/minute") from error
        return value

    @property
    def asked(self) -> Literal["all", "remote", "none"]:
        """Which requests need an API key: all, those from other machines, or none."""
        if self.auth == "off":
            return "none"
        # More proxies than our own edge: they forward requests of clients on other machines.
        reachable = not is_own(self.publish or self.bind) or self.trusted_proxies > self.edges
        return "all" if self.auth == "on" or reachable else "remote"

    @property
    def edges(self) -> int:
        """How many reverse proxies in front belong to this system: 1 in compose (the edge), else 0."""
        return 1 if self.publish and self.trusted_proxies and not is_own(self.bind) else 0


def is_own(address: str) -> bool:
    """Whether an address, host:port or unix:path, can be reached only from this machine."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("localhost", "unix")
