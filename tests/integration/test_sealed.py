"""No telemetry: in a sealed network that records DNS queries and connections, the running system makes none."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

SEALED = [sys.executable, "tests/integration/sealed.py"]


def sealed(record: Path, *command: str) -> dict[str, Any]:
    """Run a command in the sealed network; return its record."""
    # Remove variables that switch telemetry off: with CI set, libraries send none, but they would for a user.
    quiet = ("CI", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "HF_HUB_DISABLE_TELEMETRY", "WANDB_ERROR_REPORTING")
    env = {name: value for name, value in os.environ.items() if name not in quiet}
    done = subprocess.run(
        [*SEALED, str(record), *command], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    seen: dict[str, Any] = json.loads(record.read_text())
    return seen


def test_the_network_tells_of_names_and_connections(tmp_path: Path) -> None:
    calls = """
import socket
for name, port in (("telemetry.example", 443), ("2001:db8::7", 80), ("198.51.100.4", 8443)):
    try:
        socket.create_connection((name, port), 5)
    except ConnectionRefusedError:
        pass
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 123))
"""
    seen = sealed(tmp_path / "record.json", sys.executable, "-c", calls)
    assert set(seen["names"]) == {"telemetry.example"}
    assert seen["connections"] == [
        "tcp 203.0.113.1 443",
        "tcp 2001:db8::7 80",
        "tcp 198.51.100.4 8443",
        "udp 192.0.2.1 123",
    ]


def test_the_local_stack_asks_for_no_name_and_calls_nobody(tmp_path: Path) -> None:
    visit = (sys.executable, "-m", "tests.integration.sealed_visit", str(tmp_path))
    assert sealed(tmp_path / "record.json", *visit) == {"names": [], "connections": []}
