"""What the services must do alike, and nothing else: app factory, settings, logs, errors, health, metrics."""
