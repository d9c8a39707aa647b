"""Run with: gunicorn -c python:gateway.gunicorn_conf"""

from servicekit.server.process import gunicorn_settings
from servicekit.settings import load_settings

from gateway.settings import Settings

globals().update(gunicorn_settings("gateway", load_settings(Settings)))
