"""Run with: gunicorn -c python:encoder.gunicorn_conf"""

from servicekit.server.process import gunicorn_settings
from servicekit.settings import load_settings

from encoder.settings import Settings

globals().update(gunicorn_settings("encoder", load_settings(Settings)))
