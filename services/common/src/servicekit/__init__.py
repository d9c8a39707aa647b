"""Code that all services share: app factory, settings, logs, errors, health, metrics."""
