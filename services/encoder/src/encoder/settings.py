"""The encoder's settings."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from servicekit.settings import ServerSettings

from encoder.runtime import Runtime


class Settings(ServerSettings):
    """Every setting, its default and its limits; each is read from ENCODER_<NAME>."""

    model_config = SettingsConfigDict(env_prefix="ENCODER_")

    bind: str = Field(default="127.0.0.1:8081", description="address and port to listen on")
    bundle: Path = Field(default=Path("var/bundle"), description="folder of the model bundle")
    threads: int = Field(default=0, ge=0, le=256, description="threads of each tower; 0 takes every core there is")
    runtime: Runtime = Field(
        default=Runtime.AUTO,
        description="what computes the towers; auto takes the fastest one for the processor whose vectors are those of "
        "training",
    )
    max_texts: int = Field(default=256, ge=1, description="most texts in one request")
    max_characters: int = Field(default=10_000, ge=1, description="longest text that is looked at, in characters")
    max_images: int = Field(default=64, ge=1, description="most pictures in one request")
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
    max_body_bytes: int = Field(default=128 * 2**20, ge=1, description="largest request body, in bytes")
