"""The API against its own description: requests made up from it, right and wrong, at the real services."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from PIL import Image


def test_the_running_api_is_as_it_is_described(start_all: Any, tmp_path: Path) -> None:
    """No answer of 500, none of an undocumented status, none that breaks its schema; what breaks it is refused."""
    with start_all(tmp_path) as services:
        ids = []
        for colour in ("red", "green", "blue", "white"):
            stream = io.BytesIO()
            Image.new("RGB", (40, 30), colour).save(stream, "PNG")
            files = {"images": (f"{colour}.png", stream.getvalue())}
            ids.append(
                httpx.post(f"{services.gateway.url}/api/v1/images", files=files, timeout=60).json()["items"][0]["id"]
            )
        # Ids that are there; what is made up otherwise names no picture.
        config = tmp_path / "schemathesis.toml"
        config.write_text(
            f'parameters = {{ "path.picture_id" = {ids} }}\n'
            # 414 is gunicorn's word for a request line that is too long to parse.
            "[checks.negative_data_rejection]\nexpected-statuses = [400, 404, 405, 409, 410, 413, 414, 422]\n"
            f'[[operations]]\ninclude-method = "DELETE"\nparameters = {{ "path.picture_id" = "{ids.pop()}" }}\n'
        )
        command = [
            str(Path(sys.executable).with_name("schemathesis")),
            *("--config-file", str(config), "run", f"{services.gateway.url}/openapi.json"),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "30", "--continue-on-failure", "--no-color"),
            *("--seed", "1"),
            # A cursor or a token of the right form is seldom one that an answer has given.
            *("--exclude-checks", "positive_data_acceptance"),
        ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Tested: 23" in done.stdout
