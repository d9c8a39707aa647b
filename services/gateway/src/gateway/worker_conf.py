"""Run with: gunicorn -c python:gateway.worker_conf"""

from servicekit.server.process import gunicorn_settings
from servicekit.settings import load_settings

from gateway.settings import Settings
from gateway.worker import start, stop

settings = load_settings(Settings)
globals().update(
    {
        **gunicorn_settings("gateway.worker", settings.model_copy(update={"bind": settings.worker_bind})),
        "threads": 2,
        "post_worker_init": start,
        "worker_exit": stop,
    }
)
