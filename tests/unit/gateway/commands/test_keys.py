"""`sightline keys`: API keys can be created by an account without a name, as in a container."""

import getpass
from pathlib import Path

import pytest
from click.testing import CliRunner
from gateway.commands.keys import keys


@pytest.mark.parametrize("error", [KeyError("getpwuid(): uid not found: 10001"), OSError("No username set")])
def test_an_account_without_a_name_creates_keys(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    state = ["--state", str(tmp_path / "state.sqlite")]
    created = CliRunner().invoke(keys, [*state, "create", "laptop"])
    assert (created.exit_code, created.output[:3]) == (0, "sl_")
    assert CliRunner().invoke(keys, [*state, "list"]).output.split()[1:2] == ["read"]
    assert " user=uid-" in (tmp_path / "audit.log").read_text()
