"""Sightline's encoder service: encodes texts and pictures as vectors with a bundle of ONNX files.

It is stateless: run as many instances as you need.
"""

from __future__ import annotations

import os

# ONNX Runtime reads this once, at import, so it must be set before. From 1.29 on, its builds send telemetry of each
# session to a Microsoft host and write an identifier into the home folder; its own function for switching telemetry off
# runs too late to prevent either.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from flask import Flask
from servicekit.app import create_service
from servicekit.settings import load_settings

from encoder.model import OnnxModel
from encoder.routes import Encoder, create_routes
from encoder.settings import Settings


def create_app(settings: Settings | None = None, model: Encoder | None = None) -> Flask:
    """Return the encoder's app; settings come from the environment and the model from the bundle unless handed in."""
    settings = settings or load_settings(Settings)
    model = model or OnnxModel(settings.bundle, settings.threads)
    app = create_service("encoder", {"model": model.check}, settings.max_body_bytes, settings.otlp_endpoint)
    app.register_blueprint(create_routes(model, settings))
    return app
