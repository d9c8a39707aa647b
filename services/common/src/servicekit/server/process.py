"""How every service runs: one gunicorn worker process with threads, so one copy of a model; scaling is by replicas."""

from __future__ import annotations

import resource
from typing import Any

from gunicorn.glogging import Logger

from servicekit.server.worker import CollectingWorker
from servicekit.settings import ServerSettings

TIME = "%Y-%m-%dT%H:%M:%S%z"


# Most open connections, and the file descriptors that are reserved for everything else.
MOST_CONNECTIONS = 800
OTHER_FILES = 600


def files() -> int:
    """Raise the limit of open files to the number that a service needs, as far as the system allows; the new limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + OTHER_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


class ErrorLogger(Logger):
    """Logs gunicorn's own messages without an access log: the app logs each request itself, with its id.

    With `logconfig_dict` set, gunicorn would otherwise format an access line for each request and then discard it.
    """

    def access(self, resp: object, req: object, environ: object, request_time: object) -> None:
        """Do nothing."""


def gunicorn_settings(package: str, settings: ServerSettings) -> dict[str, Any]:
    """The gunicorn settings of a service, for its `gunicorn_conf.py`.

    Args:
        package: the Python package whose `create_app()` is served.
        settings: the service's own settings.
    """

    class Worker(CollectingWorker):
        head_s = float(settings.read_timeout_s)
        least_rate = float(settings.least_rate)

    return {
        "wsgi_app": f"{package}:create_app()",
        "bind": settings.bind,
        "workers": 1,
        "worker_class": Worker,
        "worker_connections": max(2 * settings.http_threads, min(MOST_CONNECTIONS, files() - OTHER_FILES)),
        # sendfile bypasses the paced socket, so the least rate could not be enforced.
        "sendfile": False,
        "threads": settings.http_threads,
        # Disables SCRIPT_NAME and similar headers, which no proxy of ours sends.
        "forwarder_headers": "",
        # Long enough for a large batch of pictures; a hung worker is still replaced.
        "timeout": 120,
        "graceful_timeout": 30,
        # gunicorn's maximum: a query of 500 characters has up to 6,000 bytes when percent-encoded.
        "limit_request_line": 8190,
        # Longer than any client keeps a connection: if the server closed first, a request in flight would fail.
        "keepalive": 75,
        # gunicorn's default path is in the home folder, which services share and containers cannot write.
        "control_socket_disable": True,
        "logger_class": ErrorLogger,
        "errorlog": "-",
        "logconfig_dict": {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "text": {"format": f"%(asctime)s {package} %(levelname)s %(message)s", "datefmt": TIME},
                "json": {
                    "()": "pythonjsonlogger.orjson.OrjsonFormatter",
                    "fmt": "%(asctime)s %(levelname)s %(message)s",
                    "datefmt": TIME,
                    "rename_fields": {"asctime": "time", "levelname": "level"},
                    "static_fields": {"service": package},
                },
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": settings.log_format}},
            "root": {"level": settings.log_level, "handlers": ["stderr"]},
            "loggers": {
                "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
                # httpx logs a line per upstream call at INFO, which would drown the request's own line.
                "httpx": {"level": "WARNING"},
            },
        },
    }
