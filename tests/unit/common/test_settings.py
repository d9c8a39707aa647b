"""Settings from environment variables: defaults, unknown names, values out of range."""

import pytest
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from servicekit.settings import SettingsError, load_settings


class Demo(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DEMO_")
    threads: int = Field(default=2, ge=1)


def test_the_environment_overrides_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(Demo).threads == 2
    monkeypatch.setenv("DEMO_THREADS", "5")
    assert load_settings(Demo).threads == 5


def test_an_unknown_name_is_refused_and_the_known_ones_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_TREADS", "5")
    with pytest.raises(SettingsError, match="DEMO_TREADS is not a setting; the settings are DEMO_THREADS"):
        load_settings(Demo)


def test_a_value_out_of_range_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_THREADS", "0")
    with pytest.raises(SettingsError, match="DEMO_THREADS: Input should be greater than or equal to 1"):
        load_settings(Demo)
