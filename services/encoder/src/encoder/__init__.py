"""Sightline's encoder: text or picture to vector, by a bundle of ONNX files. Stateless; run as many as you need."""

from __future__ import annotations

import os

# Before anything imports ONNX Runtime, which reads it once: from 1.29 on its builds tell a Microsoft host of each
# session and write an identifier into the home folder. The function that it has for this is too late for both.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from flask import Flask
from servicekit.app import create_service
from servicekit.settings import load_settings

from encoder.model import Model
from encoder.routes import Encoder, create_routes
from encoder.settings import Settings


def create_app(settings: Settings | None = None, model: Encoder | None = None) -> Flask:
    """Return the encoder's app; settings come from the environment and the model from the bundle unless handed in."""
    settings = settings or load_settings(Settings)
    model = model or Model(settings.bundle, settings.threads)
    app = create_service("encoder", {"model": model.check}, settings.max_body_bytes, settings.otlp_endpoint)
    app.register_blueprint(create_routes(model, settings))
    return app
