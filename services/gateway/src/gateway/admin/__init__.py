"""Administration: re-index, export, scan, quarantine, sessions and metrics."""
