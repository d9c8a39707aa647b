"""Run with: gunicorn -c python:search.gunicorn_conf"""

import sys

from servicekit.process import gunicorn_settings
from servicekit.settings import load_settings

from search.settings import Settings

# Seconds after which a thread that computes lets another have the interpreter. A query comes back for it several times,
# and behind a large write would wait Python's own 5 ms each time. (The gateway, where no thread computes for long,
# would answer a sixth fewer requests with it.)
TURN_S = 0.0005


def take_turns_quickly(_worker: object) -> None:
    """What a worker does at its start."""
    sys.setswitchinterval(TURN_S)


globals().update(gunicorn_settings("search", load_settings(Settings)), post_worker_init=take_turns_quickly)
