"""Searching: terms, the search itself, its caches, score calibration and facets."""
