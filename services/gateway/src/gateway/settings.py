"""The gateway's settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from servicekit.pictures import PILLOW_LIMIT
from servicekit.settings import ServerSettings


class Settings(ServerSettings):
    """Every setting, its default and its limits; each is read from GATEWAY_<NAME>, and REDIS_URL."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", populate_by_name=True)

    bind: str = Field(default="127.0.0.1:8080", description="address and port to listen on")
    # The gateway waits for others nearly all the time, so it may have many requests open.
    http_threads: int = Field(default=32, ge=1, le=256, description="requests answered at the same time")
    encoder_url: str = Field(default="http://127.0.0.1:8081", description="where the encoder answers")
    search_url: str = Field(default="http://127.0.0.1:8082", description="where the search service answers")
    timeout_s: float = Field(default=60, gt=0, description="longest wait for the encoder or search, in seconds")
    media: str = Field(
        default="var/media",
        description="folder that keeps the pictures and their thumbnails, or the URL of a store, as s3://bucket/folder",
    )
    page: Path | None = Field(default=None, description="folder of the built page; without it only the API is served")
    redis_url: str | None = Field(
        default=None, validation_alias="REDIS_URL", description="shared cache; without it each process has its own"
    )
    cache_entries: int = Field(default=10_000, ge=1, description="most entries of a process's own cache")
    cache_ttl_s: int = Field(default=86_400, ge=1, description="longest life of a cache entry, in seconds")
    # Percent-encoded, a longer one would not fit into a request line.
    max_query_characters: int = Field(default=500, ge=1, le=600, description="longest query text, in characters")
    max_k: int = Field(default=200, ge=1, le=1000, description="most results in one answer")
    max_images: int = Field(default=64, ge=1, description="most pictures in one upload")
    max_file_bytes: int = Field(default=64 * 2**20, ge=1, description="largest picture file, in bytes")
    max_pixels: int = Field(default=80_000_000, ge=1, le=PILLOW_LIMIT, description="most pixels in one picture")
    max_body_bytes: int = Field(default=256 * 2**20, ge=1, description="largest request body, in bytes")
