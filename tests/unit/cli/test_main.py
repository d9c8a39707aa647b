"""Packaging of the `sightline` command: it runs without the services; the gateway's commands appear if installed."""

import re
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

import pytest
import sightline_cli
from click.testing import CliRunner
from gateway.library.walk import PICTURES, SYSTEM_FOLDERS
from sightline_cli import main, walk

ALONE = """
import importlib.metadata, sys
for name in {blocked}: sys.modules[name] = None
real = importlib.metadata.entry_points
def entry_points(**selected):
    return real(group="none")
importlib.metadata.entry_points = entry_points
from sightline_cli.main import main
main()
"""


def alone(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command with the imports of the services' packages blocked."""
    blocked = ["flask", "redis", "PIL", "pydantic", "gunicorn", "servicekit", "gateway", "search", "encoder"]
    code = ALONE.format(blocked=blocked)
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)


def test_it_needs_three_libraries() -> None:
    needed = [re.split(r"[^a-z]", requirement)[0] for requirement in requires("sightline-cli") or []]
    assert sorted(needed) == ["click", "httpx", "tqdm"]


@pytest.mark.parametrize("command", sorted(main.main.commands))
def test_every_command_runs_without_the_services(command: str) -> None:
    done = alone(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_without_the_gateway_its_commands_say_where_they_run() -> None:
    done = alone("keys", "list")
    assert done.returncode == 2
    assert "`sightline keys` needs the gateway's package: run it where the gateway runs" in done.stderr
    assert "keys" not in alone("--help").stdout


def test_with_the_gateway_its_commands_are_there() -> None:
    listed = CliRunner().invoke(main.main, ["--help"]).output
    assert {"keys", "migrate", "search"} <= set(re.findall(r"^  (\w+)", listed, re.MULTILINE))
    assert "Create, list and revoke API keys" in CliRunner().invoke(main.main, ["keys", "--help"]).output


def test_it_and_the_gateway_take_the_same_files_for_pictures() -> None:
    assert walk.PICTURES == PICTURES
    assert walk.SYSTEM_FOLDERS == SYSTEM_FOLDERS


def test_it_imports_nothing_of_the_services() -> None:
    folder = Path(sightline_cli.__file__).parent
    for file in folder.glob("*.py"):
        assert not re.search(r"^(from|import) (servicekit|gateway|search|encoder)\b", file.read_text(), re.MULTILINE)
