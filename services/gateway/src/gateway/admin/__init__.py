"""Administration: export, quarantine, sessions and metrics."""
