"""The search service's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from servicekit.settings import ServerSettings


class Settings(ServerSettings):
    """Every setting, its default and its limits; each is read from SEARCH_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="SEARCH_")

    bind: str = Field(default="127.0.0.1:8082", description="address and port to listen on")
    backend: Literal["local", "milvus"] = Field(default="local", description="what keeps pictures: local, or milvus")
    milvus_uri: str = Field(
        default="", description="where Milvus answers, http://HOST:19530; or a file for Milvus Lite"
    )
    milvus_token: str = Field(default="", description="Milvus's token, or USER:PASSWORD")
    milvus_prefix: str = Field(
        default="sightline",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$",
        description="first part of Milvus collections' names",
    )
    catalogue: Path = Field(default=Path("var/catalogue.sqlite"), description="file of the SQLite catalogue")
    index: Path | None = Field(default=None, description="folder of the index's files; none: beside the catalogue")
    snapshot_rows: int = Field(default=20_000, ge=1, description="least changes after which the index is written anew")
    max_k: int = Field(default=1000, ge=1, description="most results in one answer")
    max_pictures: int = Field(default=1000, ge=1, description="most pictures in one upsert or look-up")
    max_body_bytes: int = Field(default=32 * 2**20, ge=1, description="largest request body, in bytes")

    @property
    def index_folder(self) -> Path:
        """The folder of the index's files; by default the catalogue's path with the suffix `.index`."""
        return self.index or self.catalogue.with_suffix(".index")
