"""The audit log: writes and refused keys, no log injection, no queries or keys in it, log rotation, fail2ban."""

import io
import re
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gateway.auth.audit import Audit

from tests.conftest import ROOT
from tests.unit.gateway.conftest import RED, get, ids, picture


def test_a_value_cannot_look_like_another_fact_or_another_line(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    Audit(log).write("key-created", "terminal", key='x address=203.0.113.9\n2026 "key-refused"', scope="read")
    (line,) = log.read_text().splitlines()
    assert line.partition(" ")[2] == (
        r'key-created address=terminal key="x address=203.0.113.9\n2026 \"key-refused\"" scope=read'
    )
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_log_is_bounded(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    audit = Audit(log, most_bytes=1000)
    audit.write("picture-deleted", "203.0.113.7", picture="1")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: audit.write("key-refused", "203.0.113.9", request_id=str(number)), range(200)))
    names = sorted(p.name for p in tmp_path.iterdir())
    # Refused requests have a log of their own, so that they cannot push out entries of writes by rotation.
    assert names in (["audit.log", "refused.log", "refused.log.1"], ["audit.log", "refused.log.1"])
    assert "picture-deleted" in log.read_text()
    # The rotated file is complete, although several threads rotated at the same time.
    assert 1000 <= (tmp_path / "refused.log.1").stat().st_size < 2000


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Audit(tmp_path / "nowhere" / "audit.log").write("key-refused", "203.0.113.9")
    assert "cannot be written" in caplog.text


def test_writes_changes_of_keys_and_refused_keys_are_noted(make_stack: Callable[..., Any], tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    stack = make_stack(auth="on", state=state)

    def sightline(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("sightline")), "keys", "--state", str(state), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    key = sightline("create", "my laptop", "--scope", "admin")
    head = {"Authorization": f"Bearer {key}"}
    name, red = key.split("_")[1], ids(picture(RED))[0]
    files = {"images": (io.BytesIO(picture(RED)), "x.png")}
    assert stack.client.post("/api/v1/images", data=files, headers=head).status_code == 201
    assert (
        stack.client.patch(f"/api/v1/images/{red}", json={"caption": "private words"}, headers=head).status_code == 200
    )
    assert get(stack, "/api/v1/search?q=secret+query", **head).status_code == 200
    assert stack.client.delete(f"/api/v1/images/{red}", headers=head).status_code == 204
    assert stack.client.post("/api/v1/session", json={"key": key}).status_code == 200
    assert stack.client.delete("/api/v1/session").status_code == 204
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert get(stack, "/api/v1/stats", Authorization=f"Bearer {wrong}").status_code == 401
    assert stack.client.post("/api/v1/session", json={"key": "guess"}).status_code == 401
    assert get(stack, "/api/v1/stats").status_code == 401  # without a key: not logged as a refused key
    sightline("revoke", name)
    log = (tmp_path / "audit.log").read_text()
    me = f'address=127.0.0.1 key="my laptop" key_id={name}'
    expected = [
        rf'key-created address=terminal key="my laptop" key_id={name} scope=admin user=\w+',
        rf"pictures-added {me} added=1 exists=0 failed=0 pictures={red} request_id=\w+",
        rf"picture-edited {me} picture={red} fields=caption request_id=\w+",
        rf"picture-deleted {me} picture={red} request_id=\w+",
        rf"session-began {me} request_id=\w+",
        rf"session-ended {me} request_id=\w+",
        rf"key-revoked address=terminal key_id={name} user=\w+",
    ]
    refused = [
        r"key-refused address=127.0.0.1 method=GET path=/api/v1/stats request_id=\w+",
        r"key-refused address=127.0.0.1 method=POST path=/api/v1/session request_id=\w+",
    ]
    expected += refused
    log += (tmp_path / "refused.log").read_text()
    lines = log.splitlines()
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 {pattern}", line), (line, pattern)
    for unsaid in ("private", "secret", key.split("_", 2)[2], wrong[-8:], "guess"):
        assert unsaid not in log


def test_fail2ban_reads_who_was_refused(tmp_path: Path) -> None:
    audit, log = Audit(tmp_path / "audit.log"), tmp_path / "both.log"
    audit.write("key-refused", "203.0.113.9", method="GET", path="/api/v1/stats", request_id="a")
    audit.write("key-refused", "2001:db8::7", method="GET", path="/api/v1/stats", request_id="b")
    audit.write("picture-deleted", "203.0.113.10", picture="0" * 32, request_id="key-refused")
    audit.write("key-created", "terminal", key="x key-refused address=203.0.113.11 ", key_id="1", scope="read")
    log.write_text((tmp_path / "refused.log").read_text() + (tmp_path / "audit.log").read_text())
    command = ["fail2ban-regex", "-v", str(log), str(ROOT / "deploy" / "fail2ban" / "filter.d" / "sightline.conf")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Lines: 4 lines, 0 ignored, 2 matched, 2 missed" in told
    assert "203.0.113.9" in told
    assert "2001:db8::7" in told
