"""Run with: gunicorn -c python:search.gunicorn_conf"""

import sys

from servicekit.server.process import gunicorn_settings
from servicekit.settings import load_settings

from search.settings import Settings

# The GIL's switch interval in seconds. A query acquires the GIL several times, and beside a large write it would wait
# Python's default of 5 ms each time. (Not for the gateway, where no thread computes for long: it would answer a sixth
# fewer requests.)
TURN_S = 0.0005


def take_turns_quickly(_worker: object) -> None:
    """Shorten the switch interval in each worker (gunicorn's `post_worker_init` hook)."""
    sys.setswitchinterval(TURN_S)


globals().update(gunicorn_settings("search", load_settings(Settings)), post_worker_init=take_turns_quickly)
