"""Run with: gunicorn -c python:search.gunicorn_conf"""

from servicekit.process import gunicorn_settings
from servicekit.settings import load_settings

from search.settings import Settings

globals().update(gunicorn_settings("search", load_settings(Settings)))
