"""Evaluation: retrieval metrics, and queries made of captions."""
