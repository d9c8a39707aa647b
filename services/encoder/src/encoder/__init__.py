"""Sightline's encoder service: encodes texts and pictures as vectors with a bundle of ONNX files.

It is stateless: run as many instances as you need.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

# ONNX Runtime reads this once, at import, so it must be set before. From 1.29 on, its builds send telemetry of each
# session to a Microsoft host and write an identifier into the home folder; its own function for switching telemetry off
# runs too late to prevent either.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# OpenVINO imports its model converter, whose import sends telemetry to Google and writes an identifier into the home
# folder. OpenVINO does without the converter if it cannot be imported.
sys.modules["openvino.tools.ovc"] = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from flask import Flask

    from encoder.routes import Encoder
    from encoder.settings import Settings


def create_app(settings: Settings | None = None, model: Encoder | None = None) -> Flask:
    """Return the encoder's app; settings come from the environment and the model from the bundle unless handed in."""
    # Not at the top: the processes of the towers import this package too, and hold no web server in memory.
    from servicekit.app import create_service
    from servicekit.settings import load_settings

    from encoder.metrics import BatchMetrics
    from encoder.model import OnnxModel
    from encoder.routes import create_routes
    from encoder.settings import Settings

    settings = settings or load_settings(Settings)
    encoder: Encoder  # made below, since its metrics need the registry of the app
    checks = {"model": lambda: encoder.check()}
    app = create_service("encoder", checks, settings.max_body_bytes, settings.otlp_endpoint)
    metrics = BatchMetrics(app.extensions["metrics_registry"])
    encoder = model or OnnxModel(settings.bundle, settings.threads, settings.runtime, metrics)
    app.register_blueprint(create_routes(encoder, settings))
    return app
