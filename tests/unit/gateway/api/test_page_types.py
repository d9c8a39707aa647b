"""The page's TypeScript types are generated from the API's OpenAPI description and are up to date."""

import subprocess
from pathlib import Path
from typing import Any

from tests.unit.gateway.conftest import get

FRONTEND = Path(__file__).parents[4] / "frontend"


def test_the_pages_types_are_those_of_the_api(stack: Any) -> None:
    description = get(stack, "/openapi.json").get_data()
    made = subprocess.run(
        ["npm", "run", "--silent", "types"], cwd=FRONTEND, input=description, capture_output=True, check=True
    ).stdout.decode()
    assert made == (FRONTEND / "src" / "api" / "schema.ts").read_text(), "run: make types"
